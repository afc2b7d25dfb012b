import type { EffectiveService } from "../../crds/effective.ts";
import { dependenciesOf } from "../../resources/agreement.ts";
import { meshOf } from "../../resources/mesh/choose.ts";
import type { Step } from "../step.ts";
import { applySet, removeSet, WATCHED_RECHECK_MS, type KindSet } from "./apply-set.ts";
import type { RemoveScope, Scope } from "./scope.ts";

const NETWORKING = "networking.istio.io/v1";
const SET: KindSet = {
  kinds: ["VirtualService", "DestinationRule", "ServiceEntry", "Sidecar"].map((kind) => ({ apiVersion: NETWORKING, kind })),
};

/** Not what one may think: a NetworkPolicy knows no names. */
const HOSTS = "of a dependency on a host, the proxy enforces the name and the NetworkPolicy the port";

/** Traffic: the mesh's routes exist as written, and the running pods are in the mesh. */
export const trafficStep: Step<Scope, RemoveScope> = {
  name: "traffic",
  condition: "TrafficReady",

  async ensure(scope) {
    const { service, config, world } = scope;
    const mesh = meshOf(service);
    const applied = await applySet(scope, SET, mesh.traffic(service, config));
    if (applied) return applied;
    if (service.mesh === "None") return { state: "skipped", reason: "NoMesh", message: noMesh(service) };
    const pods = world.pods(service.key).filter((p) => !p.deleting);
    const { sidecarContainer } = mesh;
    if (sidecarContainer !== undefined && pods.some((p) => !p.containers.includes(sidecarContainer))) {
      return {
        state: "blocked",
        reason: "NotInMesh",
        message: `a running pod has no ${sidecarContainer} sidecar: check the mesh's injector and its revision, then restart the Deployment`,
        recheckMs: WATCHED_RECHECK_MS,
      };
    }
    return { state: "ready", ...(dependenciesOf(service).hosts.length > 0 && { message: HOSTS }) };
  },

  remove: (scope) => removeSet(scope, SET),
};

function noMesh(service: EffectiveService): string {
  const message = "this namespace is in no mesh, by the operator's configuration";
  return dependenciesOf(service).hosts.length > 0 ? `${message}; of a dependency on a host the port is enforced, the name is not` : message;
}
