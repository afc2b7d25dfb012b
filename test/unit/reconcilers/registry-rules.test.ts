import { expect, test } from "vitest";
import { replicatesEvery, scansEvery } from "../../../src/reconcilers/registry-rules.ts";

test.each<[prefix: string, filters: string[], scans: boolean]>([
  ["", ["*"], true],
  ["", [], false],
  ["", ["prod/*", "test/*"], false],
  ["prod/", ["*"], true],
  ["prod/", ["prod/*"], true],
  ["prod/", ["pr*"], true],
  ["prod/", ["*od/*"], true],
  ["prod/", ["prod"], true],
  ["prod/", ["prod/web"], false],
  ["prod/", ["prod/web*"], false],
  ["prod/", ["*/web"], false],
  ["prod/", ["test/*", "prod/*"], true],
])("every repository under %j is scanned by the filters %j: %s", (prefix, filters, scans) => {
  expect(scansEvery(prefix, filters)).toBe(scans);
});

test.each<[prefix: string, prefixes: string[], replicates: boolean]>([
  ["", [], false],
  ["", [""], true],
  ["", ["prod/"], false],
  ["prod/", ["pro"], true],
  ["prod/", ["prod/web"], false],
])("every repository under %j is replicated by the prefixes %j: %s", (prefix, prefixes, replicates) => {
  expect(replicatesEvery(prefix, prefixes)).toBe(replicates);
});
