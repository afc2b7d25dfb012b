import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { stepProblems } from "../../../scripts/step-conditions.ts";
import { breaches } from "../../../scripts/walls.ts";

const SRC = join(import.meta.dirname, "../../../src");
const made: string[] = [];

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), "walls-"));
  made.push(folder);
  return folder;
}

afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true });
});

function breachesOf(file: string, text: string): string[] {
  const src = temporary();
  mkdirSync(dirname(join(src, file)), { recursive: true });
  writeFileSync(join(src, file), text);
  return breaches(src).map((b) => `${b.file} ${b.imports}`);
}

describe("import walls", () => {
  test("the tree keeps them", () => {
    expect(breaches(SRC)).toEqual([]);
  });

  test.each([
    ["a builder that imports an SDK", "resources/role.ts", 'import { IAMClient } from "@aws-sdk/client-iam";'],
    ["a builder that imports a node module", "resources/role.ts", 'import { createHash } from "node:crypto";'],
    ["a builder that imports the runtime", "resources/mesh/istio.ts", 'import { createTransport } from "../../kube/transport.ts";'],
    ["a step that imports a client", "reconcilers/platform-service/identity.ts", 'import { createAws } from "../../aws/aws.ts";'],
    ["AWS that imports Kubernetes", "aws/role.ts", 'import { systemClock } from "../kube/clock.ts";'],
    ["the API that imports anything of ours", "crds/a.ts", 'import { x } from "../resources/labels.ts";'],
    ["telemetry used by a step as more than a type", "reconcilers/runner.ts", 'import { createMetrics } from "../telemetry/metrics.ts";'],
    ["an import that goes round a type", "resources/a.ts", 'import type { Children } from "../reconcilers/ports.ts";'],
    ["an import over several lines", "resources/a.ts", 'import {\n  a,\n  b,\n} from "../kube/store.ts";'],
  ])("%s is a breach", (_, file, text) => {
    expect(breachesOf(file, text)).toHaveLength(1);
  });

  test("what a wall allows is none", () => {
    expect(
      breachesOf("reconcilers/a.ts", 'import type { Metrics } from "../telemetry/metrics.ts";\nimport { GROUP } from "../crds/meta.ts";'),
    ).toEqual([]);
    expect(breachesOf("aws/a.ts", 'import { AwsError } from "../reconcilers/ports.ts";')).toEqual([]);
  });
});

describe("steps and conditions", () => {
  const folder = join(SRC, "reconcilers/platform-service");

  function withChange(file: string, change: (text: string) => string): string[] {
    const copy = temporary();
    cpSync(folder, copy, { recursive: true });
    writeFileSync(join(copy, file), change(readFileSync(join(copy, file), "utf8")));
    return stepProblems(copy);
  }

  test("each step owns one, each condition has a step", () => {
    expect(stepProblems(folder)).toEqual([]);
  });

  test("a step without a condition is found", () => {
    expect(withChange("identity.ts", (text) => text.replace('  condition: "IdentityReady",\n', ""))).toContain(
      "identityStep of identity.ts has no condition",
    );
  });

  test("a step that is not run is found", () => {
    expect(withChange("steps.ts", (text) => text.replace("  trafficStep,\n", ""))).toContain("trafficStep of traffic.ts is not in STEPS");
  });

  test("two steps that share a condition are found", () => {
    expect(withChange("traffic.ts", (text) => text.replace('"TrafficReady"', '"WorkloadReady"'))).toEqual([
      "WorkloadReady is owned by traffic.ts, workload.ts",
      "TrafficReady is owned by no step",
    ]);
  });
});
