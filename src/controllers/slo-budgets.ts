import { durationMs } from "../crds/effective.ts";
import type { ObjectKey } from "../crds/meta.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import type { PlatformService } from "../crds/platform-service.ts";
import { pause, type Clock } from "../kube/clock.ts";
import type { Log } from "../kube/log.ts";
import type { BudgetMemory } from "../reconcilers/platform-service/budget-memory.ts";
import type { Prometheus, PrometheusFailure } from "../reconcilers/ports.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/**
 * Asks Prometheus what is left of the error budgets: the whole fleet in one query every `slos.prometheus.interval`, by whoever leads. A pass is asked for only
 * where an answer changes what a status says; where no answer comes nothing is, but once.
 */
export interface BudgetOptions {
  readonly config: OperatorConfig;
  /** Undefined: none is asked. */
  readonly prometheus: Prometheus | undefined;
  readonly memory: BudgetMemory;
  /** Whether there is anybody to ask for. */
  readonly leads: () => boolean;
  /** Of the whole fleet: a shard may come to this process between two answers. */
  readonly services: () => readonly PlatformService[];
  /** Whether this process leads it, and counts it. */
  readonly isOwn: (service: PlatformService) => boolean;
  readonly metrics: Pick<Metrics, "prometheusAsked" | "slos">;
  readonly clock: Clock;
  readonly log: Log;
  readonly enqueue: (key: ObjectKey) => void;
}

export async function runBudgets(options: BudgetOptions, signal: AbortSignal): Promise<void> {
  const { config, prometheus, clock } = options;
  const settings = config.slos.prometheus;
  if (settings === null || prometheus === undefined) return;
  let silent: Silence | undefined;
  while (!signal.aborted) {
    if (!options.leads()) options.metrics.slos(new Map());
    else silent = await askOnce({ ...options, prometheus, url: settings.url }, silent, signal);
    await pause(clock, durationMs(settings.interval), signal);
  }
}

/** Why there is no answer in whole. */
type Silence = PrometheusFailure | "Partial";

/** Resolves to why there was no answer. `silent`: the same of the query before; said in the log when it changes. */
async function askOnce(
  {
    prometheus,
    url,
    memory,
    services,
    isOwn,
    metrics,
    clock,
    log,
    enqueue,
  }: BudgetOptions & { readonly prometheus: Prometheus; readonly url: string },
  silent: Silence | undefined,
  signal: AbortSignal,
): Promise<Silence | undefined> {
  const answer = await prometheus.query(memory.query, signal);
  if (signal.aborted) return silent;
  const fleet = services();
  const isWhole = answer.state === "answered" && answer.whole;
  const changed = answer.state === "answered" ? memory.answered(fleet, answer) : memory.unanswered(fleet);
  metrics.prometheusAsked(url, isWhole, clock.now() / 1000);
  metrics.slos(memory.counts(fleet.filter(isOwn)));
  for (const key of changed) enqueue(key);
  if (isWhole) {
    if (silent !== undefined) log.info({}, "Prometheus answers again what is left of the error budgets");
    return undefined;
  }
  const { reason, message } =
    answer.state === "answered" ? { reason: "Partial" as const, message: "the answer has warnings: some of it may be missing" } : answer;
  if (reason !== silent)
    log.warn(
      { reason, error: message },
      "Prometheus does not answer what is left of the error budgets; it is asked again at each interval",
    );
  return reason;
}
