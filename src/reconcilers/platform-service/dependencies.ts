import { keyString, type ObjectKey } from "../../crds/meta.ts";
import { dependenciesOf, isStrict } from "../../resources/agreement.ts";
import { missingKubernetesServices } from "../../resources/network/dependencies.ts";
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
    const missing = [...services.flatMap((callee) => ungranted(scope, callee) ?? []), ...missingKubernetesServices(service, world)];
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

function ungranted({ service, world }: Scope, callee: ObjectKey): Missing | undefined {
  const neighbour = world.neighbour(callee);
  const path = keyString(callee);
  if (!neighbour) {
    return {
      reason: "NotFound",
      message: `PlatformService ${path} does not exist: create it, or remove it from spec.dependencies.services`,
    };
  }
  if (isStrict(service) && neighbour.tierName !== service.spec.tier) {
    return {
      reason: "OutsideTier",
      message: `${path} is of tier ${neighbour.tierName}: tier ${service.spec.tier} is isolated, its services call only each other; remove it from spec.dependencies.services`,
    };
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
