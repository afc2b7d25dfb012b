import { durationMs, type EffectiveService } from "../../crds/effective.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import type { Slo } from "../../crds/service/slos.ts";
import type { RequestMetrics } from "../mesh/mesh.ts";
import { writtenQuery, type Scope } from "./query.ts";

/** What an SLO counts, as PromQL: requests in a window that ended, and those of them that were bad. */
export interface Indicator {
  /** No series where nothing measures the service; 0 where nobody called it. */
  total(window: string): string;
  /** The same, so that what is not measured is not taken for good. */
  bad(window: string): string;
}

/** The series that a squad's own queries may read. */
export function queryScope({ key }: Pick<EffectiveService, "key">, { slos: { namespaceLabel, seriesLabels } }: OperatorConfig): Scope {
  return { ...(namespaceLabel !== null && { [namespaceLabel]: key.namespace }), ...seriesLabels };
}

/** Undefined: nothing counts what the SLO is about. */
export function indicatorOf(
  { indicator, threshold = "0s", queries }: Slo,
  metrics: RequestMetrics | undefined,
  scope: Scope,
): Indicator | undefined {
  if (queries !== undefined) {
    const total = writtenQuery(queries.total, scope);
    const { bad, good } = queries;
    // By the schema one of both is there.
    const counted = writtenQuery(bad ?? good ?? queries.total, scope);
    if (bad !== undefined) return { total, bad: (window) => orNone(counted(window), total(window)) };
    return { total, bad: (window) => `clamp_min(${total(window)} - ${orNone(counted(window), total(window))}, 0)` };
  }
  if (metrics === undefined) return undefined;
  if (indicator === "availability") {
    return { total: (window) => metrics.requests(window), bad: (window) => orNone(metrics.failures(window), metrics.requests(window)) };
  }
  const ms = durationMs(threshold);
  return {
    total: (window) => metrics.timed(ms, window),
    bad: (window) => `clamp_min(${metrics.timed(ms, window)} - ${metrics.timedWithin(ms, window)}, 0)`,
  };
}

/** What has never happened has no series yet. */
function orNone(counted: string, total: string): string {
  return `(${counted} or 0 * ${total})`;
}
