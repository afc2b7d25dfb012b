import type { Slo } from "../../crds/service/slos.ts";

/**
 * When an SLO's budget is spent too fast: multi-window, multi-burn-rate alerts (Google, The Site Reliability Workbook, chapter 5). All figures are one division of
 * whole numbers, so that each prints as the decimal that it is.
 */

export interface BurnRate {
  readonly severity: "page" | "ticket";
  /** Of the period's budget, that is spent within the long window. */
  readonly percent: number;
  /** Minutes. */
  readonly long: number;
  /** Minutes: a twelfth of the long window, so that an alert ends soon after its cause. */
  readonly short: number;
}

const HOUR = 60;
const DAY = 24 * HOUR;

/** Fastest first. */
export const BURN_RATES: readonly BurnRate[] = [
  { severity: "page", percent: 2, long: HOUR, short: 5 },
  { severity: "page", percent: 5, long: 6 * HOUR, short: 30 },
  { severity: "ticket", percent: 10, long: DAY, short: 2 * HOUR },
  { severity: "ticket", percent: 10, long: 3 * DAY, short: 6 * HOUR },
];

const MILLION = 1_000_000;

/** Requests in a million that may fail. */
function budgetMillionths({ objective }: Pick<Slo, "objective">): number {
  const [whole = "", decimals = ""] = objective.split(".");
  return 100 * 10_000 - Number(whole) * 10_000 - Number(decimals.padEnd(4, "0"));
}

/** Share of requests that may fail, as 0.0005. */
export function errorBudget(slo: Pick<Slo, "objective">): number {
  return budgetMillionths(slo) / MILLION;
}

/** Share of requests that must be good, as 0.9995. */
export function objectiveRatio(slo: Pick<Slo, "objective">): number {
  return (MILLION - budgetMillionths(slo)) / MILLION;
}

export function periodDays({ window }: Pick<Slo, "window">): number {
  return Number(window.slice(0, -1));
}

/** As a ratio of whole numbers: the share of failed requests above which the budget is spent so fast. What keeps the objective is never too fast, however short the period. */
function threshold(slo: Pick<Slo, "objective" | "window">, { percent, long }: BurnRate): readonly [number, number] {
  return [Math.max(percent * periodDays(slo) * DAY, 100 * long) * budgetMillionths(slo), 100 * MILLION * long];
}

/** Share of failed requests above which the rate is exceeded; from 1 on it never is. */
export function errorThreshold(slo: Pick<Slo, "objective" | "window">, rate: BurnRate): number {
  const [numerator, denominator] = threshold(slo, rate);
  return numerator / denominator;
}

/** Requests in the long window below which a single failed one would exceed, or just make, the rate. */
export function fewestRequests(slo: Pick<Slo, "objective" | "window">, rate: BurnRate): number {
  const [numerator, denominator] = threshold(slo, rate);
  return Math.floor(denominator / numerator) + 1;
}

/** Requests an hour below which it never pages. */
export function pagesFrom(slo: Pick<Slo, "objective" | "window">): number {
  const pages = BURN_RATES.filter(({ severity }) => severity === "page");
  return Math.min(...pages.map((rate) => Math.ceil((fewestRequests(slo, rate) * HOUR) / rate.long)));
}

/** Minutes of nothing but failures after which the fastest page is due. */
export function minutesToPage(slo: Pick<Slo, "objective" | "window">): number {
  const [fastest] = BURN_RATES;
  return fastest === undefined ? 0 : errorThreshold(slo, fastest) * fastest.long;
}

/** As Prometheus writes it: 5m, 6h, 3d. */
export function promDuration(minutes: number): string {
  if (minutes % DAY === 0) return `${minutes / DAY}d`;
  return minutes % HOUR === 0 ? `${minutes / HOUR}h` : `${minutes}m`;
}
