import { keyString } from "../../crds/meta.ts";
import { callersLeftOut, isStrict } from "../../resources/agreement.ts";
import { joined } from "../../resources/bounded-text.ts";
import { isPending, type Step, type StepReport } from "../step.ts";
import { ensureVirtualNode } from "./app-mesh-node.ts";
import { removeVirtualNode } from "./app-mesh-removal.ts";
import { appMeshObstacle, ENVOY_NOTE, ensureCertificate, rightsOfOthers } from "./app-mesh-security.ts";
import { applySet, removeSet, type KindSet } from "./apply-set.ts";
import { callersElsewhere } from "./mesh-borders.ts";
import { neededMeshes } from "./needed-meshes.ts";
import type { RemoveScope, Scope } from "./scope.ts";

const SET: KindSet = {
  kinds: [
    { apiVersion: "security.istio.io/v1", kind: "PeerAuthentication" },
    { apiVersion: "security.istio.io/v1", kind: "AuthorizationPolicy" },
    { apiVersion: "cert-manager.io/v1", kind: "Certificate" },
  ],
};

/** Mutual TLS and who may call, in the mesh: as written before any pod starts. */
export const meshSecurityStep: Step<Scope, RemoveScope> = {
  name: "mesh-security",
  condition: "MeshSecurityReady",

  async ensure(scope) {
    const { service, config, world } = scope;
    const obstacle = service.mesh === "AppMesh" ? appMeshObstacle(scope) : undefined;
    if (obstacle) return obstacle;
    const objects = neededMeshes(scope).flatMap((mesh) => mesh.security(service, config, world));
    const applied = await applySet(scope, SET, objects);
    if (applied) return applied;
    const missing = service.mesh === "AppMesh" ? (ensureCertificate(scope) ?? (await ensureVirtualNode(scope))) : undefined;
    if (missing) return missing;
    if (service.mesh === "None")
      return { state: "skipped", reason: "NoMesh", message: "this namespace is in no mesh, by the operator's configuration" };
    return held(scope);
  },

  async remove(scope) {
    const node = await removeVirtualNode(scope);
    return isPending(node) ? node : removeSet(scope, SET);
  },
};

/** As written; and whom it keeps out though the file names them. */
function held(scope: Scope): StepReport {
  const { service, world, config } = scope;
  const note = service.mesh === "AppMesh" ? sentences(ENVOY_NOTE, rightsOfOthers(service, config)) : undefined;
  const leftOut = isStrict(service) ? callersLeftOut(service, world) : [];
  if (leftOut.length > 0) {
    const names = joined(leftOut.map(keyString), ", ");
    const message = `tier ${service.spec.tier} is isolated: ${names}, named in spec.callers.services, is no service of it`;
    return { state: "ready", reason: "CallersLeftOut", message: sentences(message, note) };
  }
  const elsewhere = callersElsewhere(service, world, config);
  if (elsewhere.length > 0) {
    const names = joined(elsewhere.map(keyString), ", ");
    const message = `tier ${service.spec.tier} has mutual TLS, and ${names}, named in spec.callers, is not in the same mesh: it cannot call until its namespace is`;
    return { state: "ready", reason: "CallersInOtherMesh", message: sentences(message, note) };
  }
  return { state: "ready", ...(note !== undefined && { message: note }) };
}

function sentences(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join("; ");
}
