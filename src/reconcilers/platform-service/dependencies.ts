import type { Neighbour } from "../../crds/desired.ts";
import type { EffectiveService } from "../../crds/effective.ts";
import { keyString, LABELS, type ObjectKey } from "../../crds/meta.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { dependenciesOf, isStrict } from "../../resources/agreement.ts";
import { joined } from "../../resources/bounded-text.ts";
import { missingKubernetesServices } from "../../resources/network/dependencies.ts";
import type { World } from "../ports.ts";
import type { Step } from "../step.ts";
import { meshApart } from "./mesh-borders.ts";
import type { RemoveScope, Scope } from "./scope.ts";

/** Agreement: each service that this one depends on exists and has granted it. Advisory: two squads must not be able to lock each other. */
export const dependenciesStep: Step<Scope, RemoveScope> = {
  name: "dependencies",
  condition: "DependenciesGranted",

  async ensure(scope) {
    const { service, world, config } = scope;
    const { services, kubernetesServices } = dependenciesOf(service);
    if (services.length + kubernetesServices.length === 0) {
      return { state: "skipped", reason: "NoDependencies", message: "it names no service that it depends on" };
    }
    const missing = missingGrants(service, world, config);
    const first = missing[0];
    if (first) return { state: "blocked", reason: first.reason, message: joined(missing.map((m) => m.message)) };
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
export function missingGrants(service: EffectiveService, world: World, config: OperatorConfig): readonly Missing[] {
  const { services, kubernetesServices } = dependenciesOf(service);
  const notReached = (callee: ObjectKey, field: string): Missing | readonly [] =>
    ungranted(service, { callee, field }, world) ?? outOfReach(service, callee, world, config) ?? [];
  return [
    ...services.flatMap((callee) => notReached(callee, "spec.dependencies.services")),
    ...kubernetesServices
      .flatMap((key) => behind(key, world))
      .flatMap((callee) => notReached(callee, "spec.dependencies.kubernetesServices")),
    ...missingKubernetesServices(service, world),
  ];
}

/** The PlatformService whose pods a Service selects: by whatever name it is called, it says itself who may. */
function behind({ namespace, name }: ObjectKey, world: World): readonly ObjectKey[] {
  const selected = world.kubernetesService({ namespace, name })?.selector[LABELS.service];
  const callee = selected === undefined ? undefined : { namespace, name: selected };
  return callee && world.neighbour(callee) ? [callee] : [];
}

function outOfReach(service: EffectiveService, callee: ObjectKey, world: World, config: OperatorConfig): Missing | undefined {
  const neighbour = world.neighbour(callee);
  const mesh = neighbour && meshApart(service, neighbour, world, config);
  if (neighbour === undefined || mesh === undefined) return undefined;
  return {
    reason: "OtherMesh",
    message: `${keyString(callee)} is in mesh ${mesh} with the mutual TLS of tier ${String(neighbour.tierName)}, and this service is ${service.mesh === "None" ? "in none" : `in ${service.mesh}`}: ask the platform team for the same mesh in both namespaces (mesh.overrides of the operator's configuration)`,
  };
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

/** `field`: the one in which the file names it. */
function ungranted(
  service: EffectiveService,
  { callee, field }: { readonly callee: ObjectKey; readonly field: string },
  world: World,
): Missing | undefined {
  const neighbour = world.neighbour(callee);
  const path = keyString(callee);
  if (!neighbour) {
    return {
      reason: "NotFound",
      message: `PlatformService ${path} does not exist: create it, or remove it from ${field}`,
    };
  }
  const isolated = isolation(service, neighbour, world);
  if (isolated !== undefined) {
    return { reason: "OutsideTier", message: `${path} ${isolated}; remove it from ${field}` };
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
