import type { Neighbour } from "../../crds/desired.ts";
import type { EffectiveService } from "../../crds/effective.ts";
import { keyString, type ObjectKey } from "../../crds/meta.ts";
import { dependenciesOf, isStrict } from "../../resources/agreement.ts";
import { missingKubernetesServices } from "../../resources/network/dependencies.ts";
import type { World } from "../ports.ts";
import type { Step } from "../step.ts";
import type { RemoveScope, Scope } from "./scope.ts";

/** Agreement: each service that this one depends on exists and has granted it. Advisory: two squads must not be able to lock each other. */
export const dependenciesStep: Step<Scope, RemoveScope> = {
  name: "dependencies",
  condition: "DependenciesGranted",

  async ensure(scope) {
    const { service, world } = scope;
    const { services, kubernetesServices } = dependenciesOf(service);
    if (services.length + kubernetesServices.length === 0) {
      return { state: "skipped", reason: "NoDependencies", message: "it names no service that it depends on" };
    }
    const missing = missingGrants(service, world);
    const first = missing[0];
    if (first) return { state: "blocked", reason: first.reason, message: missing.map((m) => m.message).join("; ") };
    return { state: "ready", reason: "Granted" };
  },

  async remove() {
    return { state: "gone" };
  },
};

interface Missing {
  readonly reason: string;
  readonly message: string;
}

/** What keeps the service from what it depends on, each with what to do about it. */
export function missingGrants(service: EffectiveService, world: World): readonly Missing[] {
  const { services } = dependenciesOf(service);
  return [...services.flatMap((callee) => ungranted(service, callee, world) ?? []), ...missingKubernetesServices(service, world)];
}

/** Why isolation of either side's tier keeps them apart; undefined: it does not. */
function isolation(service: EffectiveService, neighbour: Neighbour, world: World): string | undefined {
  const { tierName } = neighbour;
  if (tierName === service.spec.tier) return undefined;
  if (isStrict(service)) {
    const its = tierName === undefined ? "no tier that allows its namespace" : `tier ${tierName}`;
    return `is of ${its}, and tier ${service.spec.tier} is isolated: its services call only each other`;
  }
  if (tierName === undefined || world.tier(tierName)?.spec.network.isolation !== "Strict") return undefined;
  return `is of tier ${tierName}, which is isolated: only services of that tier can call it`;
}

function ungranted(service: EffectiveService, callee: ObjectKey, world: World): Missing | undefined {
  const neighbour = world.neighbour(callee);
  const path = keyString(callee);
  if (!neighbour) {
    return {
      reason: "NotFound",
      message: `PlatformService ${path} does not exist: create it, or remove it from spec.dependencies.services`,
    };
  }
  const isolated = isolation(service, neighbour, world);
  if (isolated !== undefined) {
    return { reason: "OutsideTier", message: `${path} ${isolated}; remove it from spec.dependencies.services` };
  }
  const { namespace, name } = service.key;
  const granted = neighbour.callers.some(
    (c) => c.namespace === namespace && (c.kind === "service" ? c.name === name : c.name === service.serviceAccountName),
  );
  if (granted) return undefined;
  return {
    reason: "NotGranted",
    message: `${path} does not let this service call: its file needs { name: ${name}, namespace: ${namespace} } in spec.callers.services`,
  };
}
