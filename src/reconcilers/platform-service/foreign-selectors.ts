import { LABELS } from "../../crds/meta.ts";
import { templateLabels } from "../../resources/deployment.ts";
import { sortedUnique } from "../../resources/order.ts";
import type { World } from "../ports.ts";
import type { Scope } from "./scope.ts";

/** Beside what is said of the service's pods, which may be about one that is not its own. */
export const STRAY_PODS = `a pod that others made counts as one while it bears the label ${LABELS.service}: delete it, or take that label off`;

/** Names of what is not ours and selects the service's pods, as they are wished for or as any template makes them; sorted. */
export function selectingOurPods({ service, config, world }: Scope, foreign: World["foreignPolicies"]): readonly string[] {
  const pods = [templateLabels(service, config), ...world.templates(service.key).map(({ labels }) => labels)];
  return sortedUnique(pods.flatMap((labels) => foreign(service.key.namespace, labels)));
}
