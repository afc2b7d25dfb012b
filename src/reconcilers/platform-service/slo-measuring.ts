import type { SloStatus } from "../../crds/platform-service.ts";
import type { StepReport } from "../step.ts";
import { saidOf, type SloReading } from "./budget-memory.ts";
import type { Scope } from "./scope.ts";

/** What the status and SLOsReady say of the SLOs whose rules are written: as Prometheus said, where one is asked. */

/** A rule needs some minutes until it is loaded and evaluated; what is wrong after so many does not mend itself. */
const PATIENCE_MS = 600_000;
/** Whoever asks Prometheus has the service looked at when it says something else; this is only in case that gets lost. */
const TOLD_RECHECK_MS = 3_600_000;

export function statusOfSlos({ stored, errorBudgets }: Pick<Scope, "stored" | "errorBudgets">): readonly SloStatus[] {
  const { namespace, name: service } = stored.metadata;
  return (stored.spec.slos ?? []).map((slo) => {
    const { name, objective } = slo;
    const reading = errorBudgets.of({ namespace, name: service }, slo);
    if ("since" in reading) return { name, objective, budget: reading.budget, remainingPercent: reading.remainingPercent };
    const kept = reading.finding === "NotAnsweredYet" ? saidOf(stored, slo) : undefined;
    return kept ?? { name, objective, budget: "Unknown" };
  });
}

/** `written`: what there is to say of the rules themselves. */
export function reportOfSlos(scope: Scope, written: string): StepReport {
  const { service, errorBudgets } = scope;
  const readings = service.slos.map((slo) => ({ name: slo.name, reading: errorBudgets.of(service.key, slo) }));
  const found = (finding: SloReading["finding"]) => readings.filter(({ reading }) => reading.finding === finding);
  const names = (finding: SloReading["finding"]): string =>
    found(finding)
      .map(({ name }) => name)
      .join(", ");

  if (found("NotAsked").length > 0) return { state: "ready", reason: "RulesWritten", message: written };
  if (found("PrometheusUnreachable").length > 0) {
    return {
      state: "progressing",
      reason: "PrometheusUnreachable",
      message:
        "the rules are written, and the platform's Prometheus does not answer what is left of the budgets: the service needs nothing, and the operator's log says why it does not answer",
      recheckMs: TOLD_RECHECK_MS,
    };
  }
  if (found("NotAnsweredYet").length > 0) return asBefore(scope);

  const unmeasured: string[] = [];
  if (found("RuleNotLoaded").length > 0)
    unmeasured.push(
      `${names("RuleNotLoaded")}: Prometheus has not loaded the rules as they are written: it takes some minutes; after that the platform team checks that its ruleSelector finds the labels of the operator's slos.ruleLabels, in this namespace too`,
    );
  if (found("NoSamples").length > 0)
    unmeasured.push(
      `${names("NoSamples")}: the rules are loaded and find nothing to count: call the service once, if nobody has since its pods started; otherwise the platform team checks that Prometheus scrapes the proxies of its pods, and the squad that the series of its own queries are there`,
    );
  if (unmeasured.length > 0) {
    const since = Math.min(...[...found("RuleNotLoaded"), ...found("NoSamples")].map(sinceOf));
    return unlessLate(scope, found("RuleNotLoaded").length > 0 ? "RuleNotLoaded" : "NoSamples", unmeasured.join("; "), since);
  }
  const quiet = names("NoTraffic");
  if (quiet === "") return { state: "ready", reason: "Measured", message: written };
  return {
    state: "ready",
    reason: "NoTraffic",
    message: `${quiet}: nobody called the service in the whole window, so nothing is known of the budget; ${written}`,
  };
}

function sinceOf({ reading }: { readonly reading: SloReading }): number {
  return "since" in reading ? reading.since : Number.POSITIVE_INFINITY;
}

/** A process that has just begun to lead does not know since when: what is said already stays said. */
function unlessLate(scope: Scope, reason: string, message: string, since: number): StepReport {
  const { previous, now } = scope;
  const wasLate = previous.some((before) => before.type === "SLOsReady" && before.status === "False" && UNMEASURED.has(before.reason));
  const leftMs = since + PATIENCE_MS - now();
  if (wasLate || leftMs <= 0) return { state: "blocked", reason, message };
  return { state: "progressing", reason, message, recheckMs: leftMs };
}

const UNMEASURED: ReadonlySet<string> = new Set(["RuleNotLoaded", "NoSamples"]);
const ANSWERS: ReadonlySet<string> = new Set([...UNMEASURED, "Measured", "NoTraffic", "PrometheusUnreachable"]);

/** Until Prometheus has answered once: what it answered another process, so that a hand-over changes nothing. */
function asBefore({ previous, stored, service }: Scope): StepReport {
  const isSame =
    service.slos.length === (stored.status?.slos ?? []).length && service.slos.every((slo) => saidOf(stored, slo) !== undefined);
  const before = isSame ? previous.find(({ type, reason }) => type === "SLOsReady" && ANSWERS.has(reason)) : undefined;
  if (before === undefined) {
    return {
      state: "progressing",
      reason: "NotAnsweredYet",
      message: "the rules are written, and Prometheus is being asked whether it has loaded them",
      recheckMs: TOLD_RECHECK_MS,
    };
  }
  const { status, reason, message } = before;
  if (status === "True") return { state: "ready", reason, message };
  return status === "False" ? { state: "blocked", reason, message } : { state: "progressing", reason, message, recheckMs: TOLD_RECHECK_MS };
}
