import { templateLabels } from "../../resources/deployment.ts";
import { sortedUnique } from "../../resources/order.ts";
import type { World } from "../ports.ts";
import type { Scope } from "./scope.ts";

/** Names of what is not ours and selects the service's pods, as they are wished for or as any template makes them; sorted. */
export function selectingOurPods({ service, config, world }: Scope, foreign: World["foreignPolicies"]): readonly string[] {
  const pods = [templateLabels(service, config), ...world.templates(service.key).map(({ labels }) => labels)];
  return sortedUnique(pods.flatMap((labels) => foreign(service.key.namespace, labels)));
}
