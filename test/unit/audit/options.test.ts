import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readAuditOptions } from "../../../src/cli/audit/options.ts";
import { deletionLine, json, painter, planTable, table } from "../../../src/cli/audit/report.ts";
import { planOf, type Planned } from "../../../src/cli/audit/plan.ts";
import { ROOT } from "../../../src/cli/keys.ts";
import type { Finding } from "../../../src/reconcilers/audit/findings.ts";

/** The command line of the audit, and what it prints. */

const FILE = join(ROOT, "config/dev/operator-config.yaml");

describe("the command line", () => {
  test("reads, and says so in words, where nothing else is asked for", () => {
    const options = readAuditOptions(["--config", FILE], {});
    expect(options).toMatchObject({ output: "table", kubeconfig: undefined, deletion: undefined, config: { cluster: { name: "demo" } } });
    expect(readAuditOptions([], { PLATFORM_OPERATOR_CONFIG: FILE })?.config.cluster.name).toBe("demo");
    expect(readAuditOptions(["--help", "--delete"], {})).toBeUndefined();
  });

  test("deletes by flags of its own", () => {
    const argv = ["--config", FILE, "--delete", "--include-retained", "--with-images", "--yes", "3f9a", "--despite-few-services"];
    expect(readAuditOptions(argv, {})?.deletion).toEqual({
      includeRetained: true,
      withImages: true,
      plan: "3f9a",
      despiteFewServices: true,
    });
    const bare = { includeRetained: false, withImages: false, plan: undefined, despiteFewServices: false };
    expect(readAuditOptions(["--config", FILE, "--delete"], {})?.deletion).toEqual(bare);
  });

  test.each<[string, readonly string[], string]>([
    ["no configuration", [], "--config FILE is required"],
    ["another output", ["--config", FILE, "--output", "yaml"], "--output is yaml; it must be one of table, json"],
    ["a yes to nothing that was seen", ["--config", FILE, "--delete", "--yes"], "--yes"],
    ["what to delete without --delete", ["--config", FILE, "--include-retained"], "--include-retained says what --delete deletes"],
    ["a flag that does not exist", ["--config", FILE, "--force"], "--force"],
    ["a word", ["--config", FILE, "delete"], "delete"],
  ])("refuses %s", (_, argv, named) => {
    expect(() => readAuditOptions(argv, {})).toThrow(named);
  });
});

const FINDING: Finding = {
  state: "Orphaned",
  kind: "Repository",
  name: "a/gone",
  arn: "arn:aws:ecr:eu-west-1:111122223333:repository/a/gone",
  service: { namespace: "a", name: "gone" },
  why: "PlatformService a/gone does not exist",
  todo: "apply a/gone again, and it is found again; or audit --delete",
  deletable: true,
};
const PLAIN = painter(false);

describe("what is printed", () => {
  test("a row for each finding, and below it why and what to do", () => {
    const unsaid: Finding = { ...FINDING, state: "Foreign", kind: "Role", name: "victim", service: undefined };
    expect(table([unsaid, FINDING], PLAIN)).toEqual([
      "STATE     KIND        NAME    SERVICE",
      "Foreign   Role        victim  -",
      "    PlatformService a/gone does not exist",
      "    → apply a/gone again, and it is found again; or audit --delete",
      "Orphaned  Repository  a/gone  a/gone",
      "    PlatformService a/gone does not exist",
      "    → apply a/gone again, and it is found again; or audit --delete",
      "",
      "1 Foreign, 1 Orphaned",
    ]);
  });

  test("colour only where it is asked for", () => {
    expect(table([FINDING], painter(true)).join("")).toContain("\u001B[");
    expect(table([FINDING], PLAIN).join("")).not.toContain("\u001B[");
    expect(deletionLine({ finding: FINDING, result: "kept", message: "why" }, PLAIN)).toBe("kept Repository a/gone: why");
  });

  test("a plan with its name, and what it leaves", () => {
    const one: Planned = { finding: FINDING, images: 0 };
    const full: Planned = { finding: { ...FINDING, name: "a/full", state: "Retained" }, images: 12 };
    const plan = planOf([one, full], { withImages: false });
    expect(planTable(plan, PLAIN)).toEqual([
      `would be deleted (plan ${plan.id}):`,
      "  Repository  a/gone",
      "would be left, since it holds images:",
      "  Repository  a/full  12 images  kept on purpose",
    ]);
  });

  test("a plan is another one where an object, its state, its images or what is asked for is another", () => {
    const id = (images: number, more: Partial<Finding> = {}, withImages = true): string =>
      planOf([{ finding: { ...FINDING, ...more }, images }], { withImages }).id;
    const ids = [id(0), id(1), id(1, {}, false), id(0, { arn: "another" }), id(0, { state: "Retained" })];
    expect(new Set(ids).size).toBe(ids.length);
    expect(id(0)).toBe(id(0, { why: "in other words" }));
  });

  test("one JSON document for programs", () => {
    const outcome = {
      cluster: "eu-west-1.demo",
      account: "111122223333",
      findings: [FINDING],
      plan: undefined,
      deletions: [],
      refused: undefined,
    };
    expect(JSON.parse(json(outcome))).toEqual({
      cluster: "eu-west-1.demo",
      account: "111122223333",
      findings: [{ ...FINDING, service: "a/gone" }],
    });
  });
});
