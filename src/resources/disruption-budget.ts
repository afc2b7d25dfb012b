import type { KubeObject } from "../crds/desired.ts";
import type { EffectiveService } from "../crds/effective.ts";
import { childObject, IGNORE_RESOURCE_UPDATES } from "./child-object.ts";
import { selectorLabels } from "./labels.ts";

/** How many pods a drain may take at a time. Also for one replica, where maxUnavailable 1 lets the drain through. */
export function buildDisruptionBudget(service: EffectiveService): KubeObject {
  return childObject(service, {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    annotations: IGNORE_RESOURCE_UPDATES,
    body: {
      spec: {
        maxUnavailable: service.tier.spec.availability.maxUnavailable,
        selector: { matchLabels: selectorLabels(service) },
        // A pod that does not run well protects nobody, and would hold up a drain for ever.
        unhealthyPodEvictionPolicy: "AlwaysAllow",
      },
    },
  });
}
