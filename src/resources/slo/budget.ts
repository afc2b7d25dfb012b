import { keyString, type ObjectKey } from "../../crds/meta.ts";
import type { Budget, Slo } from "../../crds/platform-service.ts";
import { labelMatchers } from "../promql.ts";
import { INFO, REMAINING, TOTAL } from "./series.ts";

/** From what Prometheus has recorded (rules.ts) to what is left of each error budget. */

/** One series at one moment. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What Prometheus has of an SLO. RuleNotLoaded: no rule of this objective; NoSamples: a rule, and nothing that it counted in the whole period; NoTraffic: nothing but zeros. */
export type Finding = "Measured" | "NoTraffic" | "NoSamples" | "RuleNotLoaded";

export type Reading =
  /** `remaining`: share of the budget, below 0 where more than all is spent. */
  { readonly finding: "Measured"; readonly remaining: number } | { readonly finding: Exclude<Finding, "Measured"> };

/** As people are told: coarse, so that it changes rarely. */
export interface Told {
  readonly budget: Budget;
  readonly remainingPercent?: number | undefined;
}

/** Of ours: Sloth's own ids have no slash. */
const OUR_IDS = ".+/.+/.+";

/** A budget is low from so many percent down. */
const LOW_PERCENT = 25;
const STEP_PERCENT = 5;
/** By so much a budget has to be over a bound before it is called better: one that lies on it would change with every look. */
const RELIEF_PERCENT = 2;

/** One query for the whole fleet. */
export function budgetQuery(seriesLabels: Readonly<Record<string, string>>): string {
  return `{${[`__name__=~${JSON.stringify([INFO, TOTAL, REMAINING].join("|"))}`, `sloth_id=~${JSON.stringify(OUR_IDS)}`, ...labelMatchers(seriesLabels)].join(",")}}`;
}

/** Answers for each SLO of the fleet, from the samples of that query. Where several servers answer together it is the worst that counts. */
export function readingsOf(samples: readonly Sample[]): (key: ObjectKey, slo: Pick<Slo, "name" | "objective">) => Reading {
  const loaded = new Set<string>();
  const totals = new Map<string, number>();
  const budgets = new Map<string, number>();
  for (const { labels, value } of samples) {
    const { __name__: series, sloth_id: id = "", sloth_objective: objective = "" } = labels;
    if (Number.isNaN(value)) continue;
    if (series === INFO) loaded.add(`${id} ${objective}`);
    if (series === TOTAL) totals.set(id, Math.max(value, totals.get(id) ?? value));
    if (series === REMAINING) budgets.set(id, Math.min(value, budgets.get(id) ?? value));
  }
  return (key, { name, objective }) => {
    const id = `${keyString(key)}/${name}`;
    if (!loaded.has(`${id} ${objective}`)) return { finding: "RuleNotLoaded" };
    const total = totals.get(id);
    const remaining = budgets.get(id);
    // Also where nothing is counted now, as between a rollout and the first request after it: SLOMeasurementLost and SLONotMeasured are for what does not come back.
    if (remaining !== undefined) return { finding: "Measured", remaining };
    // Requests that no budget is recorded for yet are of the last moments.
    return { finding: total === 0 ? "NoTraffic" : "NoSamples" };
  };
}

/** What is said of a reading, after what was said before. */
export function told(reading: Reading, before: Told | undefined): Told {
  if (reading.finding !== "Measured") return { budget: "Unknown" };
  const percent = 100 * reading.remaining;
  const budget = graded(percent, before?.budget);
  const last = before?.remainingPercent;
  if (last !== undefined && before?.budget === budget && Math.abs(clamped(percent) - last) < STEP_PERCENT)
    return { budget, remainingPercent: last };
  return { budget, remainingPercent: clamped(Math.round(percent / STEP_PERCENT) * STEP_PERCENT) || 0 };
}

const GRADES: readonly Budget[] = ["Exhausted", "Low", "Healthy"];

function gradeOf(percent: number): Budget {
  if (percent <= 0) return "Exhausted";
  return percent <= LOW_PERCENT ? "Low" : "Healthy";
}

function graded(percent: number, before: Budget | undefined): Budget {
  const now = gradeOf(percent);
  const isBetter = before !== undefined && before !== "Unknown" && GRADES.indexOf(now) > GRADES.indexOf(before);
  return isBetter ? gradeOf(percent - RELIEF_PERCENT) : now;
}

function clamped(percent: number): number {
  return Math.min(100, Math.max(-100, percent));
}
