import { describe, expect, test } from "vitest";
import { STEP_CONDITIONS, type Condition, type StepCondition } from "../../../src/crds/conditions.ts";
import { condition } from "../../../src/crds/fields.ts";
import type { Suspension } from "../../../src/crds/requests.ts";
import { computeConditions } from "../../../src/reconcilers/conditions.ts";
import type { StepReport } from "../../../src/reconcilers/step.ts";

const NOW = "2026-11-23T12:00:00Z";
const NOT_RUN = { reason: "SpecRefused", message: "not looked at" };

function compute(
  overrides: Partial<Record<StepCondition, StepReport>>,
  previous: readonly Condition[] = [],
  suspension?: Suspension,
): Condition[] {
  const reports = new Map<StepCondition, StepReport>(STEP_CONDITIONS.map((c) => [c, { state: "ready" }]));
  for (const type of STEP_CONDITIONS) {
    const report = overrides[type];
    if (report) reports.set(type, report);
  }
  return computeConditions({ reports, notRun: NOT_RUN, generation: 3, previous, suspension, now: NOW });
}

function find(conditions: readonly Condition[], type: string): Pick<Condition, "status" | "reason" | "message"> | undefined {
  const found = conditions.find((c) => c.type === type);
  return found && { status: found.status, reason: found.reason, message: found.message };
}

const progressing: StepReport = { state: "progressing", reason: "RollingOut", message: "waits", recheckMs: 1 };
const blocked: StepReport = { state: "blocked", reason: "NotOwned", message: "is not ours" };
const failed: StepReport = { state: "failed", reason: "Throttled", message: "slow down" };

describe("Ready", () => {
  test("is True when every step is ready or skipped, and then nothing reconciles or stalls", () => {
    const conditions = compute({ TrafficReady: { state: "skipped", reason: "NoMesh", message: "no mesh" } });
    expect(find(conditions, "Ready")).toEqual({ status: "True", reason: "Ready", message: "" });
    expect(find(conditions, "TrafficReady")).toEqual({ status: "True", reason: "NoMesh", message: "no mesh" });
    expect(conditions.map((c) => c.type)).toEqual(["Ready", ...STEP_CONDITIONS]);
  });

  test("is False when any is False, even beside an Unknown, and names the first offender's reason and every offender", () => {
    const conditions = compute({ IdentityReady: failed, RepositoryReady: blocked, WorkloadReady: progressing });
    expect(find(conditions, "Ready")).toEqual({
      status: "False",
      reason: "Throttled",
      message: "IdentityReady: Throttled: slow down; RepositoryReady: NotOwned: is not ours",
    });
  });

  test("is Unknown when nothing is False and something is still to come", () => {
    expect(find(compute({ WorkloadReady: progressing }), "Ready")).toEqual({
      status: "Unknown",
      reason: "RollingOut",
      message: "WorkloadReady: RollingOut: waits",
    });
  });

  test("does not count an ungranted dependency, or two squads could lock each other", () => {
    const conditions = compute({ DependenciesGranted: blocked });
    expect(find(conditions, "Ready")?.status).toBe("True");
    expect(find(conditions, "DependenciesGranted")?.status).toBe("False");
    expect(find(conditions, "Stalled")).toBeUndefined();
  });
});

describe("a text of any length", () => {
  const LONG = "word ".repeat(10_000);

  test.each(["ready", "blocked", "progressing", "failed", "skipped"] as const)("of a step that is %s fits the schema", (state) => {
    const report: StepReport = { state, reason: "Long".repeat(1000), message: LONG, recheckMs: 1 };
    for (const one of compute({ IdentityReady: report, WorkloadReady: report })) {
      expect(condition.safeParse(one).error).toBeUndefined();
      expect(one.message.length).toBeLessThanOrEqual(4096);
    }
  });

  test("leaves none of the offenders out of Ready, nor what suspends it", () => {
    const steps = ["IdentityReady", "RepositoryReady", "WorkloadReady"] as const;
    const suspension: Suspension = { reason: "SpecSuspend", message: "set it to false to resume" };
    const long = (type: string): StepReport => ({ state: "blocked", reason: `${type}Bad`, message: LONG });
    const conditions = compute(Object.fromEntries(steps.map((type) => [type, long(type)])), [], suspension);
    const message = find(conditions, "Ready")?.message ?? "";
    for (const type of steps) expect(message).toContain(`${type}: ${type}Bad: word word`);
    expect(message).toMatch(/word…; set it to false to resume$/);
    expect(message.length).toBeLessThanOrEqual(4096);
    expect(message.length).toBeGreaterThan(3900);
  });

  test("is cut to what comes back the same: no half of a character", () => {
    const said = find(compute({ IdentityReady: { state: "blocked", reason: "Bad", message: `x${"🚀".repeat(5000)}` } }), "IdentityReady");
    expect(said?.message.isWellFormed()).toBe(true);
    expect(said?.message.endsWith("…")).toBe(true);
  });
});

describe("Reconciling and Stalled", () => {
  test("Reconciling is present while a step progresses or is retried", () => {
    expect(find(compute({ WorkloadReady: progressing }), "Reconciling")?.reason).toBe("RollingOut");
    expect(find(compute({ IdentityReady: failed }), "Reconciling")?.reason).toBe("Throttled");
  });

  test("Stalled is present while one is blocked and none progresses", () => {
    expect(find(compute({ RepositoryReady: blocked }), "Stalled")?.reason).toBe("NotOwned");
    const both = compute({ RepositoryReady: blocked, WorkloadReady: progressing });
    expect(find(both, "Stalled")).toBeUndefined();
    expect(find(both, "Reconciling")?.reason).toBe("RollingOut");
  });
});

test("to wait for what is blocked is no progress, however far away it is", () => {
  const conditions = compute({
    RepositoryReady: blocked,
    ImageResolved: { ...progressing, waitsFor: ["RepositoryReady"] },
    WorkloadReady: { ...progressing, waitsFor: ["ImageResolved"] },
  });
  expect(find(conditions, "Stalled")?.reason).toBe("NotOwned");
  expect(find(conditions, "Reconciling")).toBeUndefined();
  expect(find(conditions, "WorkloadReady")?.status).toBe("Unknown");
  expect(find(compute({ WorkloadReady: { ...progressing, waitsFor: ["ImageResolved"] } }), "Reconciling")?.reason).toBe("RollingOut");
});

describe("a pass over a refused spec", () => {
  test("leaves every other condition Unknown, at the refused generation", () => {
    const reports = new Map<StepCondition, StepReport>([["SpecValid", blocked]]);
    const conditions = computeConditions({ reports, notRun: NOT_RUN, generation: 4, previous: [], suspension: undefined, now: NOW });
    expect(find(conditions, "SpecValid")?.status).toBe("False");
    expect(find(conditions, "IdentityReady")).toEqual({ status: "Unknown", reason: "SpecRefused", message: "not looked at" });
    expect(find(conditions, "Ready")?.status).toBe("False");
    expect(conditions.every((c) => c.observedGeneration === 4)).toBe(true);
  });
});

describe("lastTransitionTime", () => {
  test("moves only when the status does, not when reason or message do", () => {
    const earlier = compute({ WorkloadReady: progressing }).map((c) => ({ ...c, lastTransitionTime: "2026-01-01T00:00:00Z" }));
    const later = compute({ WorkloadReady: { ...progressing, reason: "Unschedulable" }, IdentityReady: blocked }, earlier);
    const time = (type: string): string | undefined => later.find((c) => c.type === type)?.lastTransitionTime;
    expect(time("WorkloadReady")).toBe("2026-01-01T00:00:00Z");
    expect(time("IdentityReady")).toBe(NOW);
  });
});

describe("suspended", () => {
  const SUSPENSION: Suspension = { reason: "SpecSuspend", message: "set it to false to resume" };
  const withheld: StepReport = { state: "suspended", message: "not written while suspended: Sidecar web differs" };

  test("as desired is Ready, and says in its reason and in a condition of its own that nothing is written", () => {
    const conditions = compute({}, [], SUSPENSION);
    expect(find(conditions, "Ready")).toEqual({ status: "True", reason: "Suspended", message: "set it to false to resume" });
    expect(find(conditions, "Suspended")).toEqual({ status: "True", reason: "SpecSuspend", message: "set it to false to resume" });
  });

  test("what would be written is False; nothing reconciles or stalls, neither itself nor what waits for it", () => {
    const waits: StepReport = { ...progressing, waitsFor: ["IdentityReady"] };
    const conditions = compute({ IdentityReady: withheld, WorkloadReady: waits }, [], SUSPENSION);
    expect(find(conditions, "Ready")).toEqual({
      status: "False",
      reason: "Suspended",
      message: "IdentityReady: Suspended: not written while suspended: Sidecar web differs; set it to false to resume",
    });
    expect(conditions.map((c) => c.type)).toEqual(["Ready", ...STEP_CONDITIONS, "Suspended"]);
  });

  test("what goes wrong beside it is told as ever", () => {
    expect(find(compute({ IdentityReady: failed }, [], SUSPENSION), "Reconciling")).toMatchObject({ reason: "Throttled" });
    expect(find(compute({ IdentityReady: blocked }, [], SUSPENSION), "Stalled")).toMatchObject({ reason: "NotOwned" });
  });
});
