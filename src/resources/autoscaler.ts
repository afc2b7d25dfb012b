import type { KubeObject } from "../crds/desired.ts";
import type { EffectiveService } from "../crds/effective.ts";
import { childObject, IGNORE_RESOURCE_UPDATES } from "./child-object.ts";
import { APP_CONTAINER } from "./container.ts";

/** How long use must stay low before pods are taken away: longer than one dip between two bursts. */
const SCALE_DOWN_WINDOW_SECONDS = 300;

/** The HorizontalPodAutoscaler; undefined where the smallest number of pods is also the largest, or the squad scales a workload of its own. */
export function buildAutoscaler(service: EffectiveService): KubeObject | undefined {
  const { minReplicas, maxReplicas, cpuPercent } = service.scaling;
  if (maxReplicas <= minReplicas || service.spec.workloadRef !== undefined) return undefined;
  return childObject(service, {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    annotations: IGNORE_RESOURCE_UPDATES,
    body: {
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: service.key.name },
        minReplicas,
        maxReplicas,
        metrics: [
          {
            // Of the one container: a metric over the whole pod fails as soon as a sidecar has no CPU request.
            type: "ContainerResource",
            containerResource: { container: APP_CONTAINER, name: "cpu", target: { type: "Utilization", averageUtilization: cpuPercent } },
          },
        ],
        behavior: { scaleDown: { stabilizationWindowSeconds: SCALE_DOWN_WINDOW_SECONDS } },
      },
    },
  });
}
