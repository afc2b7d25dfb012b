import type { KubeObject } from "../crds/desired.ts";
import type { EffectiveService } from "../crds/effective.ts";
import { childObject } from "./child-object.ts";
import { METRICS_PORT_NAME } from "./container.ts";
import { selectorLabels } from "./labels.ts";

/** Tells Prometheus (the Prometheus Operator's PodMonitor) to scrape the pods; undefined where no metrics are written. */
export function buildPodMonitor(service: EffectiveService): KubeObject | undefined {
  const metrics = service.spec.container?.metrics;
  if (metrics === undefined) return undefined;
  return childObject(service, {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PodMonitor",
    body: {
      spec: {
        selector: { matchLabels: selectorLabels(service) },
        podMetricsEndpoints: [{ port: METRICS_PORT_NAME, path: metrics.path }],
      },
    },
  });
}
