import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { shippedTier } from "../../support/effective-services.ts";
import { FULL_SERVICE } from "../../support/full-objects.ts";
import { valueAt, withChanges, type Changes, type Json } from "../../support/json-path.ts";
import { configLeaves, leavesOf, type Leaf } from "../../support/schema-leaves.ts";
import { wholeDifferences, wholeService } from "../../support/whole-service.ts";
import { CONFIG_LEAVES, CONFIG_LEAVES_ELSEWHERE } from "./config-leaves.ts";
import { valuesWritten, type LeafRow } from "./leaf-row.ts";
import { REMOVAL_ROWS } from "./removal-leaves.ts";
import { SERVICE_LEAVES } from "./service-leaves.ts";
import { TIER, TIER_LEAVES } from "./tier-leaves.ts";

/** Every field that can be written leads to something, and to exactly what its table says. */

const service = valueAt(FULL_SERVICE, "spec") ?? null;
const tier = z.json().parse(shippedTier("tier-1").spec);
/** That of `npm run up`, where a repository of others may be used. */
const config = withChanges(
  z.json().parse(parse(readFileSync(new URL("../../../config/dev/operator-config.yaml", import.meta.url), "utf8"))),
  {
    "tenancy[0].existingRepositories": ["default/*"],
  },
);

const words = (row: LeafRow): string => `${row.leaf}: ${valuesWritten(row)}`;

describe("PlatformService", () => {
  test.each(SERVICE_LEAVES.map((row) => [words(row), row] as const))("%s", (_, { change, given = {}, becomes }) => {
    const before = withChanges(service, given);
    const wholes = [before, withChanges(before, change)].map((written) => wholeService({ service: written, tier }));
    const [old = {}, changed = {}] = wholes;
    expect(namedBy(becomes, wholeDifferences(old, changed))).toEqual(becomes.toSorted());
    expect(wholes.flatMap(({ Verdict }) => Verdict)).toEqual([]);
  });

  test("the tables have every leaf of the schema, with every listed value, and nothing else", () => {
    const rows = [...SERVICE_LEAVES, ...REMOVAL_ROWS];
    expect(unlisted(leavesOf("platformservices"), rows)).toEqual([]);
    expect(rows.filter(isNoLeafOf(leavesOf("platformservices")))).toEqual([]);
  });
});

describe("PlatformTier", () => {
  test.each(TIER_LEAVES.map((row) => [words(row), row] as const))("%s", (_, { change, given = {}, givenService = {}, becomes }) => {
    const before = withChanges(TIER, given);
    const written = withChanges(service, givenService);
    const [old = {}, changed = {}] = [before, withChanges(before, change)].map((one) => wholeService({ service: written, tier: one }));
    expect(wholeDifferences(old, changed)).toEqual(becomes.toSorted());
  });

  test("the table has every leaf of the schema, with every listed value, and nothing else", () => {
    expect(unlisted(leavesOf("platformtiers"), TIER_LEAVES)).toEqual([]);
    expect(TIER_LEAVES.filter(isNoLeafOf(leavesOf("platformtiers")))).toEqual([]);
  });

  test("a leaf that no table has is found, and so is a listed value", () => {
    const leaves: Leaf[] = [...leavesOf("platformservices"), { path: "unheard", values: undefined }];
    expect(unlisted(leaves, [...SERVICE_LEAVES, ...REMOVAL_ROWS])).toEqual(["unheard"]);
    const withoutTcp = SERVICE_LEAVES.filter(({ change }) => change["protocol"] !== "tcp");
    expect(unlisted(leavesOf("platformservices"), [...withoutTcp, ...REMOVAL_ROWS])).toEqual(["protocol = tcp"]);
  });
});

describe("the configuration", () => {
  test.each(CONFIG_LEAVES.map((row) => [words(row), row] as const))(
    "%s",
    (_, { change, given = {}, givenService = {}, givenTier = {}, becomes }) => {
      const before = withChanges(config, given);
      const written = { service: withChanges(service, givenService), tier: withChanges(TIER, givenTier) };
      const [old = {}, changed = {}] = [before, withChanges(before, change)].map((one) => wholeService({ ...written, config: one }));
      expect(namedBy(becomes, wholeDifferences(old, changed))).toEqual(becomes.toSorted());
    },
  );

  test("the tables have every leaf of the schema, and nothing else", () => {
    const leaves = configLeaves().map(({ path }) => ({ path, values: undefined }));
    const elsewhere = Object.keys(CONFIG_LEAVES_ELSEWHERE).map((leaf) => ({ leaf, change: { [leaf]: leaf } }));
    expect(unlisted(leaves, [...CONFIG_LEAVES, ...elsewhere])).toEqual([]);
    expect([...CONFIG_LEAVES, ...elsewhere].filter(isNoLeafOf(leaves))).toEqual([]);
  });

  test.each(Object.entries(CONFIG_LEAVES_ELSEWHERE))("%s is held by %s, which names it", (leaf, file) => {
    expect(readFileSync(new URL(`../../../${file}`, import.meta.url), "utf8")).toContain(leaf.split(".").at(-1));
  });
});

/** The differences, those of an object that is named without a path as that. */
function namedBy(becomes: readonly string[], differences: readonly string[]): readonly string[] {
  return [...new Set(differences.map((one) => becomes.find((object) => one.startsWith(`${object}: `)) ?? one))].toSorted();
}

type Listed = Pick<LeafRow, "leaf" | "change">;

/** Leaves without a row, and listed values that no row changes to. */
function unlisted(leaves: readonly Leaf[], rows: readonly Listed[]): readonly string[] {
  return leaves.flatMap(({ path, values = [] }) => {
    const changes = rows.filter(({ leaf }) => leaf === path).flatMap(({ change }) => valuesOf(change));
    if (changes.length === 0) return [path];
    return values.filter((value) => !changes.includes(value)).map((value) => `${path} = ${value}`);
  });
}

function valuesOf(change: Changes): readonly (Json | symbol)[] {
  return Object.values(change);
}

function isNoLeafOf(leaves: readonly Leaf[]): (row: Listed) => boolean {
  return ({ leaf }) => !leaves.some(({ path }) => path === leaf);
}
