import {
  ADVISORY_CONDITIONS,
  LONGEST_REASON,
  STEP_CONDITIONS,
  type Condition,
  type ConditionStatus,
  type ConditionType,
  type StepCondition,
} from "../crds/conditions.ts";
import type { Suspension } from "../crds/requests.ts";
import { shortened } from "../resources/bounded-text.ts";
import type { StepReport } from "./step.ts";

/** From the reports of a pass to the conditions that a person reads. Pure; computed in this one place. */

interface Verdict<Type extends string = ConditionType> {
  readonly type: Type;
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
}

/** Reports by condition; a condition without one was not run at this generation. */
export type Reports = ReadonlyMap<StepCondition, StepReport>;

/** Why the steps that have no report did not run. */
export interface NotRun {
  readonly reason: string;
  readonly message: string;
}

/** What a condition has beside its verdict. */
export interface Moment {
  readonly generation: number;
  readonly previous: readonly Condition[];
  /** RFC 3339, seconds. */
  readonly now: string;
}

export interface ConditionInput extends Moment {
  readonly reports: Reports;
  readonly notRun: NotRun;
  /** Of a pass that wrote nothing, because it must not. */
  readonly suspension: Suspension | undefined;
}

/** Of a condition, in characters. The schema takes more; a status has a dozen of them, and all who watch are sent it. */
const LONGEST_MESSAGE = 4096;

/**
 * As every condition is written, of either kind: `lastTransitionTime` moves only when the status does, and no text is longer than the schema takes, whatever it quotes, or the
 * whole status would be refused. Half a character would come back as another one, and be written again for ever.
 */
export function conditionOf(verdict: Verdict<string>, { generation, previous, now }: Moment): Condition {
  const { type, status, reason, message } = verdict;
  const before = previous.find((condition) => condition.type === type);
  return {
    type,
    status,
    reason: shortened(reason, LONGEST_REASON).toWellFormed(),
    message: shortened(message, LONGEST_MESSAGE).toWellFormed(),
    lastTransitionTime: before?.status === status ? before.lastTransitionTime : now,
    observedGeneration: generation,
  };
}

/** Every condition of the status, Ready first. */
export function computeConditions(input: ConditionInput): Condition[] {
  const steps = STEP_CONDITIONS.map((type) => verdictOf(type, input.reports.get(type), input.notRun));
  const verdicts = [readyOf(steps, input.suspension), ...steps, ...progressOf(input.reports), ...suspendedOf(input.suspension)];
  return verdicts.map((verdict) => conditionOf(verdict, input));
}

function verdictOf(type: StepCondition, report: StepReport | undefined, notRun: NotRun): Verdict<StepCondition> {
  if (!report) return { type, status: "Unknown", reason: notRun.reason, message: notRun.message };
  switch (report.state) {
    case "ready":
      return { type, status: "True", reason: report.reason ?? "AsWritten", message: report.message ?? "" };
    case "skipped":
      return { type, status: "True", reason: report.reason, message: report.message };
    case "progressing":
      return { type, status: "Unknown", reason: report.reason, message: report.message };
    case "blocked":
    case "failed":
      return { type, status: "False", reason: report.reason, message: report.message };
    case "suspended":
      return { type, status: "False", reason: SUSPENDED, message: report.message };
    default:
      return unreachable(report);
  }
}

/** The reason of what would be written, and of Ready where nothing would: what the REASON column shows. */
const SUSPENDED = "Suspended";

/** False if any is False, else Unknown if any is Unknown, else True; the first offender gives the reason, all are named, and what suspends it. */
function readyOf(steps: readonly Verdict<StepCondition>[], suspension: Suspension | undefined): Verdict {
  const counted = steps.filter((s) => !ADVISORY_CONDITIONS.has(s.type));
  const bad = counted.filter((s) => s.status === "False");
  const waiting = counted.filter((s) => s.status === "Unknown");
  const offenders = bad.length > 0 ? bad : waiting;
  const first = offenders[0];
  if (!first) return { type: "Ready", status: "True", reason: suspension ? SUSPENDED : "Ready", message: suspension?.message ?? "" };
  const message = suspension ? `${named(offenders, suspension.message)}; ${suspension.message}` : named(offenders);
  return { type: "Ready", status: first.status, reason: first.reason, message };
}

/** Beside Ready, as Cluster API's Paused: a suspended service may well be as desired, and must not look as any other. */
function suspendedOf(suspension: Suspension | undefined): Verdict[] {
  return suspension ? [{ type: "Suspended", status: "True", ...suspension }] : [];
}

/** Where they are too long together each has the same room, so that none is left out; its own condition says more. `beside`: what the message also has to say. */
function named(offenders: readonly Verdict[], beside = ""): string {
  const texts = offenders.map((o) => `${o.type}: ${o.reason}: ${o.message}`);
  const whole = texts.join("; ");
  const room = LONGEST_MESSAGE - beside.length - 2;
  if (whole.length <= room) return whole;
  return texts.map((text) => shortened(text, Math.floor(room / texts.length) - 2)).join("; ");
}

/** kstatus: Reconciling while any step is progressing or failed; Stalled while one is blocked and none progresses. To wait for what is blocked or suspended is no progress. */
function progressOf(reports: Reports): Verdict[] {
  const counted = [...reports].filter(([type]) => !ADVISORY_CONDITIONS.has(type)).map(([type, report]) => ({ type, report }));
  const moving =
    counted.find(({ report }) => report.state === "progressing" && !isStuck(report, reports)) ??
    counted.find(({ report }) => report.state === "failed");
  const stuck = counted.find(({ report }) => report.state === "blocked");
  const chosen = moving ?? stuck;
  if (!chosen || chosen.report.state === "ready" || chosen.report.state === "suspended") return [];
  const { report } = chosen;
  return [
    {
      type: moving ? "Reconciling" : "Stalled",
      status: "True",
      reason: report.reason ?? "",
      message: `${chosen.type}: ${report.message ?? ""}`,
    },
  ];
}

/** Blocked or suspended, or waiting for a step that is. Steps wait for earlier ones only, so this ends. */
function isStuck(report: StepReport | undefined, reports: Reports): boolean {
  if (report?.state === "progressing") return (report.waitsFor ?? []).some((condition) => isStuck(reports.get(condition), reports));
  return report?.state === "blocked" || report?.state === "suspended";
}

/** Closes an exhaustive switch. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
