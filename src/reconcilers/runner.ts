import type { StepCondition } from "../crds/conditions.ts";
import { reportFailure } from "./failure.ts";
import type { Outcome, RemovalReport, Step, StepReport } from "./step.ts";

/** Runs steps in their order. A step that fails leaves the others their chance; every exit of a step reports. */

/** Told of what a step threw, for the log. */
export type OnThrow = (step: string, error: unknown) => void;

/** Runs each step's `ensure` and fills `reports` as they come, since later steps look at earlier ones. */
export async function ensureAll<E, R>(
  steps: readonly Step<E, R>[],
  scope: E,
  reports: Map<StepCondition, StepReport>,
  onThrow: OnThrow,
): Promise<void> {
  for (const step of steps) {
    try {
      reports.set(step.condition, await step.ensure(scope));
    } catch (error) {
      onThrow(step.name, error);
      reports.set(step.condition, reportFailure(error));
    }
  }
}

/** How far a removal came: the first step that is not done, or undefined when everything is. */
export interface Pending {
  readonly step: string;
  readonly report: Exclude<RemovalReport, { state: "gone" | "retained" }> | (StepReport & { state: "failed" });
}

/** Runs each step's `remove`, one after the other; the next begins only when the one before is gone. */
export async function removeAll<E, R>(steps: readonly Step<E, R>[], scope: R, onThrow: OnThrow): Promise<Pending | undefined> {
  for (const step of steps) {
    const report = await removeOne(step, scope, onThrow);
    if (report.state !== "gone" && report.state !== "retained") return { step: step.name, report };
  }
  return undefined;
}

async function removeOne<E, R>(step: Step<E, R>, scope: R, onThrow: OnThrow): Promise<RemovalReport | Pending["report"]> {
  try {
    return await step.remove(scope);
  } catch (error) {
    onThrow(step.name, error);
    const report = reportFailure(error);
    switch (report.state) {
      case "failed":
        return report;
      case "blocked":
        return { ...report, recheckMs: report.recheckMs ?? DEFAULT_RECHECK_MS };
      case "progressing":
        return { state: "deleting", message: report.message, recheckMs: report.recheckMs };
      case "ready":
      case "skipped":
      case "suspended":
        throw error;
      default:
        return report satisfies never;
    }
  }
}

const DEFAULT_RECHECK_MS = 30_000;

/** Of a wait that a watch ends: an event that was lost is made up for within that. */
const LONGEST_BACKSTOP_MS = 600_000;

/**
 * What the queue is told after a pass: retry if a step failed, else the earliest recheck, else nothing. Where a watch tells the end of a wait, a recheck is there in case an event was lost, and
 * comes after as long as it has been waited already: a fleet that waits for days costs a pass each ten minutes for each service. `waitedMs`: for how long the condition has been as it is.
 */
export function outcomeOf(reports: ReadonlyMap<StepCondition, StepReport>, waitedMs: (condition: StepCondition) => number): Outcome {
  let recheck: Extract<Outcome, { state: "recheck" }> | undefined;
  for (const [condition, report] of reports) {
    if (report.state === "failed") return { state: "retry", afterMs: report.retryAfterMs, because: report.reason };
    const afterMs = report.state === "progressing" || report.state === "blocked" ? recheckOf(report, () => waitedMs(condition)) : undefined;
    if (afterMs !== undefined && (!recheck || afterMs < recheck.afterMs) && "reason" in report)
      recheck = { state: "recheck", afterMs, because: report.reason ?? "" };
  }
  return recheck ?? { state: "settled" };
}

function recheckOf(
  { recheckMs, watched }: { readonly recheckMs?: number; readonly watched?: true },
  waitedMs: () => number,
): number | undefined {
  if (recheckMs === undefined || watched !== true) return recheckMs;
  return Math.min(Math.max(recheckMs, waitedMs()), LONGEST_BACKSTOP_MS);
}
