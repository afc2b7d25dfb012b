import type { EffectiveService } from "../../crds/effective.ts";
import { keyString, type ObjectKey } from "../../crds/meta.ts";
import { dependenciesOf } from "../../resources/agreement.ts";
import { meshOf } from "../../resources/mesh/choose.ts";
import type { Mesh } from "../../resources/mesh/mesh.ts";
import type { World } from "../ports.ts";
import { isPending, type Step, type StepReport } from "../step.ts";
import { leaveAppMesh, removeMeshTraffic } from "./app-mesh-removal.ts";
import { asWrittenInAppMesh, ensureMeshTraffic } from "./app-mesh-traffic.ts";
import { applySet, removeSet, WATCHED, type KindSet } from "./apply-set.ts";
import { STRAY_PODS } from "./foreign-selectors.ts";
import { neededMeshes } from "./needed-meshes.ts";
import type { RemoveScope, Scope } from "./scope.ts";

const NETWORKING = "networking.istio.io/v1";
const GATEWAY = "gateway.networking.k8s.io/v1";
const SET: KindSet = {
  kinds: [
    ...["VirtualService", "DestinationRule", "ServiceEntry", "Sidecar"].map((kind) => ({ apiVersion: NETWORKING, kind })),
    { apiVersion: GATEWAY, kind: "HTTPRoute" },
  ],
  adoption: "withWorkload",
};

/** Not what one may think: a NetworkPolicy knows no names. */
const HOSTS = "of a dependency on a host, the proxy enforces the name and the NetworkPolicy the port";

/** Traffic: the mesh's routes exist as written, what holds callers to them is there, and the running pods are in the mesh. */
export const trafficStep: Step<Scope, RemoveScope> = {
  name: "traffic",
  condition: "TrafficReady",

  async ensure(scope) {
    const { service, config, world } = scope;
    const meshes = neededMeshes(scope);
    const mesh = meshOf(service);
    const applied = await applySet(
      scope,
      SET,
      meshes.flatMap((one) => one.traffic(service, config)),
    );
    if (applied) return applied;
    const inAppMesh = service.mesh === "AppMesh" ? await ensureMeshTraffic(scope) : undefined;
    if (inAppMesh) return inAppMesh;
    const leaving = meshes.some(({ provider }) => provider === "AppMesh") ? undefined : await leaveAppMesh(scope);
    if (leaving) return leaving;
    if (service.mesh === "None") return { state: "skipped", reason: "NoMesh", message: noMesh(service) };
    const earlier = meshes.find((one) => one !== mesh && world.pods(service.key).some((pod) => one.has(pod)));
    if (earlier) return moving(earlier, mesh);
    const pods = world.pods(service.key).filter((p) => !p.deleting);
    const why = pods.map((pod) => mesh.notInMesh(pod)).find((one) => one !== undefined);
    if (why !== undefined) return { state: "blocked", reason: "NotInMesh", message: `a running pod ${why}; ${STRAY_PODS}`, ...WATCHED };
    const waypoint = mesh.waypoint(service, config);
    const missing = waypoint && waypointReport(waypoint, world);
    if (missing) return missing;
    // Names outside the cluster are refused there.
    if (service.mesh === "AppMesh") return asWrittenInAppMesh(scope);
    return { state: "ready", ...(dependenciesOf(service).hosts.length > 0 && { message: HOSTS }) };
  },

  async remove(scope) {
    const inAppMesh = await removeMeshTraffic(scope);
    return isPending(inAppMesh) ? inAppMesh : removeSet(scope, SET);
  },
};

/** From one mesh to another: pods are replaced at the pace of the tier's budget, and what the other has stays for those that are still in it. */
function moving(from: Mesh, to: Mesh): StepReport {
  return {
    state: "progressing",
    reason: "ChangingMesh",
    message: `pods of mesh ${from.provider} are being replaced by pods of ${to.provider === "None" ? "no mesh" : to.provider}; what ${from.provider} has for the service stays until none is left`,
    ...WATCHED,
    waitsFor: ["WorkloadReady"],
  };
}

/** Without its waypoint nobody is kept from calling, but no route, timeout or limit holds. */
function waypointReport(key: ObjectKey, world: World): StepReport | undefined {
  const gateway = world.gateway(key);
  const name = `waypoint ${keyString(key)}, a Gateway of class istio-waypoint,`;
  if (!gateway) {
    return {
      state: "blocked",
      reason: "WaypointMissing",
      message: `the ${name} does not exist, so routes and resilience have no effect: the platform team makes it (istioctl waypoint apply), or names another in mesh.istio.waypoint of the operator's configuration`,
      ...WATCHED,
    };
  }
  if (gateway.programmed) return undefined;
  return {
    state: "blocked",
    reason: "WaypointNotReady",
    message: `the ${name} is not Programmed, so routes and resilience have no effect yet: see its status and its pods`,
    ...WATCHED,
  };
}

function noMesh(service: EffectiveService): string {
  const message = "this namespace is in no mesh, by the operator's configuration";
  return dependenciesOf(service).hosts.length > 0 ? `${message}; of a dependency on a host the port is enforced, the name is not` : message;
}
