import { keyString } from "../../crds/meta.ts";
import { callersLeftOut, isStrict } from "../../resources/agreement.ts";
import { meshOf } from "../../resources/mesh/choose.ts";
import type { Step } from "../step.ts";
import { ensureVirtualNode } from "./app-mesh-node.ts";
import { removeVirtualNode } from "./app-mesh-removal.ts";
import { applySet, removeSet, type KindSet } from "./apply-set.ts";
import type { RemoveScope, Scope } from "./scope.ts";

const SET: KindSet = {
  kinds: [
    { apiVersion: "security.istio.io/v1", kind: "PeerAuthentication" },
    { apiVersion: "security.istio.io/v1", kind: "AuthorizationPolicy" },
  ],
};

/** Mutual TLS and who may call, in the mesh: as written before any pod starts. */
export const meshSecurityStep: Step<Scope, RemoveScope> = {
  name: "mesh-security",
  condition: "MeshSecurityReady",

  async ensure(scope) {
    const { service, config, world } = scope;
    const applied = await applySet(scope, SET, meshOf(service).security(service, config, world));
    if (applied) return applied;
    const node = service.mesh === "AppMesh" ? await ensureVirtualNode(scope) : undefined;
    if (node) return node;
    if (service.mesh === "None")
      return { state: "skipped", reason: "NoMesh", message: "this namespace is in no mesh, by the operator's configuration" };
    const leftOut = isStrict(service) ? callersLeftOut(service, world) : [];
    if (leftOut.length > 0) {
      const names = leftOut.map(keyString).join(", ");
      return {
        state: "ready",
        reason: "CallersLeftOut",
        message: `tier ${service.spec.tier} is isolated: ${names}, named in spec.callers.services, is no service of it`,
      };
    }
    return { state: "ready" };
  },

  async remove(scope) {
    const node = await removeVirtualNode(scope);
    return node.state === "blocked" || node.state === "deleting" ? node : removeSet(scope, SET);
  },
};
