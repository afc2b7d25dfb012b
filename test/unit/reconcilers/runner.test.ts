import { describe, expect, test } from "vitest";
import type { StepCondition } from "../../../src/crds/conditions.ts";
import { AwsError, KubeError } from "../../../src/reconcilers/ports.ts";
import { ensureAll, outcomeOf, removeAll } from "../../../src/reconcilers/runner.ts";
import type { RemovalReport, Step, StepReport } from "../../../src/reconcilers/step.ts";

function step(
  condition: StepCondition,
  ensure: () => StepReport,
  remove: () => RemovalReport = () => ({ state: "gone" }),
): Step<string[], string[]> {
  return {
    name: condition,
    condition,
    async ensure(log) {
      log.push(condition);
      return ensure();
    },
    async remove(log) {
      log.push(condition);
      return remove();
    },
  };
}

function throwing(error: Error): () => never {
  return () => {
    throw error;
  };
}

const denied = new AwsError({ class: "denied", code: "AccessDenied", operation: "iam:CreateRole", message: "not authorized" });

async function run(
  steps: readonly Step<string[], string[]>[],
): Promise<{ reports: Map<StepCondition, StepReport>; ran: string[]; thrown: string[] }> {
  const reports = new Map<StepCondition, StepReport>();
  const ran: string[] = [];
  const thrown: string[] = [];
  await ensureAll(steps, ran, reports, (name) => thrown.push(name));
  return { reports, ran, thrown };
}

describe("a pass", () => {
  test("goes on after a step that throws, and says of it what a person must do", async () => {
    const { reports, ran, thrown } = await run([
      step("IdentityReady", throwing(denied)),
      step("RepositoryReady", () => ({ state: "ready" })),
    ]);
    expect(ran).toEqual(["IdentityReady", "RepositoryReady"]);
    expect(thrown).toEqual(["IdentityReady"]);
    expect(reports.get("IdentityReady")).toMatchObject({ state: "blocked", reason: "AccessDenied" });
    expect(reports.get("IdentityReady")?.message).toContain("iam:CreateRole: AccessDenied: not authorized; grant the operator's role");
  });

  test.each([
    ["an unknown error is retried", new Error("boom"), { state: "failed", reason: "UnexpectedError" }],
    [
      "throttling is retried",
      new AwsError({ class: "throttled", code: "Throttling", operation: "iam:GetRole", message: "Rate exceeded" }),
      { state: "failed", reason: "Throttled" },
    ],
    [
      "a lost race is over at once",
      new KubeError({ class: "conflict", status: 409, operation: "PATCH x", message: "conflict" }),
      { state: "progressing", reason: "Conflict" },
    ],
    [
      "the server's own wish for a pause is kept",
      new KubeError({ class: "throttled", status: 429, operation: "PATCH x", message: "slow", retryAfterMs: 3000 }),
      { state: "failed", retryAfterMs: 3000 },
    ],
  ])("%s", async (_, error, expected) => {
    const { reports } = await run([step("IdentityReady", throwing(error))]);
    expect(reports.get("IdentityReady")).toMatchObject(expected);
  });
});

describe("what the queue is told", () => {
  const recheck = (recheckMs: number): StepReport => ({ state: "progressing", reason: `In${String(recheckMs)}`, message: "", recheckMs });
  test.each<[string, StepReport[], object]>([
    ["nothing when all is settled", [{ state: "ready" }, { state: "skipped", reason: "NotNeeded", message: "" }], { state: "settled" }],
    ["the earliest recheck", [recheck(500), recheck(20), recheck(90)], { state: "recheck", afterMs: 20, because: "In20" }],
    [
      "a retry before any recheck",
      [recheck(20), { state: "failed", reason: "Throttled", message: "" }],
      { state: "retry", because: "Throttled" },
    ],
    ["nothing for a block that a watch lifts", [{ state: "blocked", reason: "NoImage", message: "" }], { state: "settled" }],
  ])("%s", (_, reports, expected) => {
    const conditions = ["IdentityReady", "RepositoryReady", "WorkloadReady"] as const;
    const byCondition = new Map(reports.map((report, index) => [conditions[index] ?? "SpecValid", report] as const));
    expect(outcomeOf(byCondition, () => 0)).toMatchObject(expected);
  });

  test.each([
    ["at first after its own time", 0, 100],
    ["then after as long as it has waited", 300, 300],
    ["and at least each ten minutes", 86_400_000, 600_000],
  ])("of a wait that a watch ends: %s", (_, waitedMs, afterMs) => {
    const watched: StepReport = { state: "progressing", reason: "RollingOut", message: "", recheckMs: 100, watched: true };
    expect(outcomeOf(new Map([["WorkloadReady", watched]]), () => waitedMs)).toMatchObject({ state: "recheck", afterMs });
  });

  test("of a wait that nobody tells the end of: after the same time each time", () => {
    const foreign: StepReport = { state: "blocked", reason: "NotOwned", message: "", recheckMs: 100 };
    expect(outcomeOf(new Map([["WorkloadReady", foreign]]), () => 86_400_000)).toMatchObject({ state: "recheck", afterMs: 100 });
  });
});

describe("a removal", () => {
  test("stops at the first step that is not gone, so that what is needed by it stays", async () => {
    const ran: string[] = [];
    const steps = [
      step(
        "WorkloadReady",
        () => ({ state: "ready" }),
        () => ({ state: "deleting", message: "waits for its pods", recheckMs: 10 }),
      ),
      step("IdentityReady", () => ({ state: "ready" })),
    ];
    const pending = await removeAll(steps, ran, () => undefined);
    expect(ran).toEqual(["WorkloadReady"]);
    expect(pending).toEqual({ step: "WorkloadReady", report: { state: "deleting", message: "waits for its pods", recheckMs: 10 } });
  });

  test("goes past what is kept on purpose, and ends when all is gone", async () => {
    const ran: string[] = [];
    const kept = step(
      "RepositoryReady",
      () => ({ state: "ready" }),
      () => ({ state: "retained", message: "kept" }),
    );
    expect(await removeAll([kept, step("IdentityReady", () => ({ state: "ready" }))], ran, () => undefined)).toBeUndefined();
    expect(ran).toEqual(["RepositoryReady", "IdentityReady"]);
  });

  test("a throw leaves the finalizer where it is", async () => {
    const steps = [step("IdentityReady", () => ({ state: "ready" }), throwing(denied))];
    expect(await removeAll(steps, [], () => undefined)).toMatchObject({ report: { state: "blocked", reason: "AccessDenied" } });
  });
});
