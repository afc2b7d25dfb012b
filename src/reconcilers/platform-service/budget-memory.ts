import { keyOf, keyString, type ObjectKey } from "../../crds/meta.ts";
import type { PlatformService, Slo, SloStatus } from "../../crds/platform-service.ts";
import { budgetQuery, readingsOf, told, type Finding, type Told } from "../../resources/slo/budget.ts";
import type { PrometheusAnswer } from "../ports.ts";

/**
 * What Prometheus last said of the fleet's SLOs. Passes read it and never ask; whoever asks tells it, and is told which services that changes. What a
 * status says is where a process that has just begun to lead goes on, so that it writes nothing.
 */

export type SloReading =
  | (Told & {
      readonly finding: Finding;
      /** Milliseconds of the wall clock. */
      readonly since: number;
    })
  /** No Prometheus is configured; it has not answered yet since this process leads; it no longer does. */
  | { readonly finding: "NotAsked" | "NotAnsweredYet" | "PrometheusUnreachable" };

type Answered = Extract<PrometheusAnswer, { state: "answered" }>;
type Known = Extract<SloReading, { since: number }>;

/** Queries in a row without an answer, after which what was last known is no longer said. */
const MISSES = 3;

export interface BudgetMemoryOptions {
  /** Whether there is a Prometheus to ask. */
  readonly asked: boolean;
  /** Labels of the recorded series, where its Prometheus holds other clusters' too. */
  readonly seriesLabels: Readonly<Record<string, string>>;
  /** Milliseconds of the wall clock. */
  readonly now: () => number;
}

export class BudgetMemory {
  /** To ask for the whole fleet. */
  readonly query: string;
  readonly #now: () => number;
  #state: "NotAsked" | "NotAnsweredYet" | "PrometheusUnreachable" | "known";
  #missed = 0;
  /** Answers in a row of which the server says that some may be missing: what such a one has not may be there. */
  #partial = 0;
  /** By `namespace/name/slo objective`: a reading is of one objective. */
  #readings: ReadonlyMap<string, Known> = new Map();

  constructor({ asked, seriesLabels, now }: BudgetMemoryOptions) {
    this.query = budgetQuery(seriesLabels);
    this.#state = asked ? "NotAnsweredYet" : "NotAsked";
    this.#now = now;
  }

  of(key: ObjectKey, slo: Pick<Slo, "name" | "objective">): SloReading {
    if (this.#state !== "known") return { finding: this.#state };
    // Where there is no reading it was written since the last answer, or is in a gap of it.
    return this.#readings.get(idOf(key, slo)) ?? this.#unread();
  }

  #unread(): SloReading {
    if (this.#partial === 0) return { finding: "RuleNotLoaded", budget: "Unknown", since: this.#now() };
    return { finding: this.#partial < MISSES ? "NotAnsweredYet" : "PrometheusUnreachable" };
  }

  /** Keys of the services of which something else is now known. */
  answered(services: readonly PlatformService[], { samples, whole }: Answered): readonly ObjectKey[] {
    const read = readingsOf(samples);
    const before = this.#readings;
    this.#partial = whole ? 0 : this.#partial + 1;
    const readings = new Map<string, Known>();
    const changed: ObjectKey[] = [];
    for (const service of services) {
      const key = keyOf(service);
      let isChanged = this.#state !== "known";
      for (const slo of slosOf(service)) {
        const id = idOf(key, slo);
        const known = before.get(id);
        const now = read(key, slo);
        if (!whole && now.finding !== "Measured") {
          if (known && this.#partial < MISSES) readings.set(id, known);
          isChanged ||= this.#partial === MISSES;
          continue;
        }
        const since = known?.finding === now.finding ? known.since : this.#now();
        const reading = { finding: now.finding, since, ...told(now, known ?? saidOf(service, slo)) };
        readings.set(id, reading);
        isChanged ||= !isSame(known, reading);
      }
      if (isChanged && slosOf(service).length > 0) changed.push(key);
    }
    this.#state = "known";
    this.#missed = 0;
    this.#readings = readings;
    return changed;
  }

  /** The same where no answer came. */
  unanswered(services: readonly PlatformService[]): readonly ObjectKey[] {
    if (++this.#missed !== MISSES) return [];
    this.#state = "PrometheusUnreachable";
    this.#readings = new Map();
    return services.filter((service) => slosOf(service).length > 0).map(keyOf);
  }

  /** Number of SLOs by what is known of them. */
  counts(services: readonly PlatformService[]): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const service of services) {
      for (const slo of slosOf(service)) {
        const reading = this.of(keyOf(service), slo);
        const state = reading.finding === "Measured" ? reading.budget : "since" in reading ? reading.finding : "Unknown";
        counts.set(state, (counts.get(state) ?? 0) + 1);
      }
    }
    return counts;
  }
}

function slosOf({ spec }: PlatformService): readonly Slo[] {
  return spec.slos ?? [];
}

/** What the status says of the SLO, where that is about the same objective. */
export function saidOf({ status }: PlatformService, { name, objective }: Pick<Slo, "name" | "objective">): SloStatus | undefined {
  return status?.slos?.find((said) => said.name === name && said.objective === objective);
}

function isSame(a: Known | undefined, b: Known): boolean {
  return a !== undefined && a.finding === b.finding && a.budget === b.budget && a.remainingPercent === b.remainingPercent;
}

function idOf(key: ObjectKey, { name, objective }: Pick<Slo, "name" | "objective">): string {
  return `${keyString(key)}/${name} ${objective}`;
}
