import { durationMs } from "../../crds/effective.ts";
import type { Slo } from "../../crds/service/slos.ts";
import type { RequestMetrics } from "../mesh/mesh.ts";

/** What an SLO counts, as PromQL: requests in a window that ended, and those of them that were bad. */
export interface Indicator {
  /** No series where nothing measures the service; 0 where nobody called it. */
  total(window: string): string;
  /** The same, so that what is not measured is not taken for good. */
  bad(window: string): string;
}

export function indicatorOf({ indicator, threshold = "0s" }: Slo, metrics: RequestMetrics): Indicator {
  if (indicator === "availability") {
    const total = (window: string): string => metrics.requests(window);
    // A failure that has never happened has no series yet.
    return { total, bad: (window) => `(${metrics.failures(window)} or 0 * ${total(window)})` };
  }
  const ms = durationMs(threshold);
  const total = (window: string): string => metrics.timed(window);
  // Each sum is extrapolated by itself.
  return { total, bad: (window) => `clamp_min(${total(window)} - ${metrics.timedWithin(ms, window)}, 0)` };
}
