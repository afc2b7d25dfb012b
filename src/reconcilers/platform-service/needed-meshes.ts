import { ANNOTATIONS } from "../../crds/meta.ts";
import { appMesh } from "../../resources/mesh/app-mesh.ts";
import { meshOf } from "../../resources/mesh/choose.ts";
import { istioAmbient } from "../../resources/mesh/istio-ambient.ts";
import { SECURITY_API } from "../../resources/mesh/istio-security.ts";
import { istioSidecar } from "../../resources/mesh/istio-sidecar.ts";
import type { Mesh } from "../../resources/mesh/mesh.ts";
import { buildServiceAccount, type AppMeshNote } from "../../resources/service-account.ts";
import type { ChildKind, Children, Owner, World } from "../ports.ts";
import { accountRef, isSettled, neededModes } from "./identity-modes.ts";
import type { Scope } from "./scope.ts";

/**
 * Which meshes a service is in: the one that its namespace is in by the configuration, and each that pods of it are still in. What a mesh has
 * for the service goes when the cluster shows that no pod needs it, never because a pass or a process forgot.
 */

/** What a service has in either data plane of Istio, and in the one with sidecars alone. */
const IN_ISTIO = istioSidecar.apis.filter(({ apiVersion }) => apiVersion === SECURITY_API);
const WITH_SIDECARS = istioSidecar.apis.filter(({ kind }) => kind === "Sidecar");

/** What of a pass tells. */
export interface Seen extends Pick<Scope, "service" | "owner"> {
  readonly world: Pick<World, "deployment" | "templates" | "pods">;
  readonly children: Pick<Children, "get" | "owned">;
}

/** The wished one first. */
export function neededMeshes(seen: Seen): readonly Mesh[] {
  const { world, service } = seen;
  const wished = meshOf(service);
  const pods = world.pods(service.key);
  const left = earlierMeshes(seen).filter(({ provider }) => provider !== wished.provider);
  // An old ReplicaSet may make another pod at any moment of a rollout, when none is to be seen.
  const settled = isSettled(world.templates(service.key), pods.length, ({ mesh }) => mesh === wished.provider);
  return [wished, ...left.filter((mesh) => !settled || pods.some((pod) => mesh.has(pod)))];
}

export function isNeeded(provider: Mesh["provider"], seen: Seen): boolean {
  return neededMeshes(seen).some((mesh) => mesh.provider === provider);
}

/** Meshes that have something for the service now, or may have. */
function earlierMeshes(seen: Seen): readonly Mesh[] {
  const has = (kinds: readonly ChildKind[]): boolean => seen.children.owned(seen.owner, kinds).length > 0;
  const inIstio = has(IN_ISTIO);
  const istio = inIstio && has(WITH_SIDECARS) ? istioSidecar : istioAmbient;
  return [...(inIstio ? [istio] : []), ...(mayHavePodsInAppMesh(seen) ? [appMesh] : [])];
}

/** The note may have been lost with its ServiceAccount: what runs tells as well. What a squad brings is never in App Mesh, whatever it calls its containers. */
function mayHavePodsInAppMesh({ world, children, owner, service: { key } }: Seen): boolean {
  return (
    appMeshNote(children, owner) === "true" ||
    world.deployment(key)?.mesh === "AppMesh" ||
    world.pods(key).some((pod) => !pod.brought && appMesh.has(pod))
  );
}

/** Whether the service may have something in App Mesh: noted on its ServiceAccount before it has, and until it has not. */
export function isNotedInAppMesh(children: Pick<Children, "get">, owner: Owner): boolean {
  return appMeshNote(children, owner) !== undefined;
}

export function appMeshNote(children: Pick<Children, "get">, owner: Owner): AppMeshNote | undefined {
  const noted = children.get(owner, accountRef(owner.key))?.annotations[ANNOTATIONS.appMesh];
  return noted === "true" || noted === "leaving" ? noted : undefined;
}

/** Of a service in another mesh; undefined takes the note off. Whether it is as written, which it is not in a pass that must not write. */
export async function noteAppMesh(scope: Scope, note: AppMeshNote | undefined): Promise<boolean> {
  const { service, facts, children, owner } = scope;
  if (facts.roleArn === undefined) return false;
  const { state } = await children.apply(owner, buildServiceAccount(service, facts.roleArn, { modes: neededModes(scope), appMesh: note }));
  return ["unchanged", "updated", "repaired", "mutatedByAdmission"].includes(state);
}
