import type { Identified } from "../../crds/desired.ts";
import { meshOfNamespace } from "../../crds/effective.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import type { PlatformService } from "../../crds/platform-service.ts";
import { isAbandoned } from "../../crds/requests.ts";
import { buildDiscoveryService } from "../../resources/app-mesh/discovery-service.ts";
import { virtualNodeName } from "../../resources/app-mesh/names.ts";
import { serviceHost } from "../../resources/mesh/host.ts";
import type { Converger, Converging } from "../converge.ts";
import { isPending, type RemovalReport, type StepReport } from "../step.ts";
import { closedReport } from "./app-mesh.ts";
import { EXTERNAL_RECHECK_MS, leaveBehind, listedAs, removeExternal } from "./external.ts";
import { appMeshNote, isNotedInAppMesh, noteAppMesh } from "./needed-meshes.ts";
import type { OwnedResource, RemoveScope, ResourceRef, Scope } from "./scope.ts";

/**
 * The way out of App Mesh, from the outside in: whoever calls is no longer led there; then the router with its routes, and the VirtualNode. It ends without App Mesh only
 * where the platform team says so, by mesh.appMesh.retired or by the annotation `abandon`: an outage looks like an end, and must not be taken for it.
 */

/** Of a service that lives, of which no pod is in App Mesh any more: what it has there goes, and then what noted that. Undefined: nothing is left but what is let go of, which is told once. */
export async function leaveAppMesh(scope: Scope): Promise<StepReport | undefined> {
  const { children, owner } = scope;
  const noted = appMeshNote(children, owner);
  if (noted === undefined) return undefined;
  // However long it takes, no later rollout needs App Mesh for it.
  if (noted !== "leaving") await noteAppMesh(scope, "leaving");
  const left = await retireMesh(scope);
  if (left) return left;
  const leftBehind = letGo(scope);
  if (await noteAppMesh(scope, undefined)) {
    scope.leftBehind.push(...leftBehind);
    // Nothing leads callers by it any more; the step that makes it was before this one.
    const discovery = buildDiscoveryService(scope.service);
    // One that somebody else has put there as well stays, and is found again by the next pass.
    if (discovery && appMeshNote(children, owner) === undefined)
      await children.remove(owner, { ...discovery, namespace: owner.key.namespace, name: discovery.metadata.name });
  }
  return undefined;
}

/** Undefined: nothing is left but what is let go of. */
export async function retireMesh(scope: Scope): Promise<StepReport | undefined> {
  const { appMesh, service, config } = scope;
  const name = virtualNodeName(service.key, config);
  return (await retireMeshTraffic(scope)) ?? retire(scope, appMesh.virtualNodes, name);
}

/** The same, of what callers are led by. */
export async function retireMeshTraffic(scope: Scope): Promise<StepReport | undefined> {
  const { appMesh, routesOfRouter, service, config } = scope;
  // They go with their router: who has a router again must not take them for there.
  appMesh.routes.forgetOwnedBy(service.key);
  routesOfRouter.forget(service.key);
  return (
    (await retire(scope, appMesh.virtualServices, serviceHost(service.key, config))) ??
    retire(scope, appMesh.virtualRouters, virtualNodeName(service.key, config))
  );
}

async function retire<D extends Identified, O>(scope: Scope, converging: Converging<D, O>, name: string): Promise<StepReport | undefined> {
  const { group, kind } = converging.resource;
  if (isLetGo(scope, { group, kind, name })) return undefined;
  const closed = closedReport(scope.config);
  if (closed) return closed;
  const removal = await converging.retire({ name, owner: scope.service.key });
  return removal.state === "blocked" ? { ...removal, recheckMs: EXTERNAL_RECHECK_MS } : undefined;
}

/** What a service that has left App Mesh leaves there, because the platform team said so. */
function letGo(scope: Scope): readonly OwnedResource[] {
  return objectsOf(scope)
    .filter((one) => isLetGo(scope, one) && mayHave(scope, one))
    .map((one) => ({ ...one, state: "Retained" }));
}

/**
 * For `status.resources`, as long as the service may have something in App Mesh: its ServiceAccount, which notes that, may be gone before the service is, with its namespace.
 * What was listed and this pass did not come to, since App Mesh does not answer, stays so: at the service's end it tells what is left.
 */
export function listedInAppMesh(scope: Scope): readonly OwnedResource[] {
  const { appMesh, children, owner, resources, stored } = scope;
  if (!isNotedInAppMesh(children, owner)) return [];
  const before = stored.status?.resources ?? [];
  return objectsOf(scope)
    .filter((one) => listedAs(resources, one) === undefined)
    .filter((one) => one.kind === appMesh.virtualNodes.resource.kind || (listedAs(before, one) !== undefined && !isRetired(scope, one)))
    .map((one) => ({ ...one, state: "Progressing" }));
}

/** This pass took it away, or found it gone: nobody is led to a service without a port. */
function isRetired(scope: Scope, object: ResourceRef): boolean {
  return scope.service.spec.port === undefined && scope.reports.get("TrafficReady")?.state === "ready" && !isLetGo(scope, object);
}

/** Whatever a service may have in App Mesh; routes come and go with their router. */
function objectsOf({ appMesh, owner: { key }, config }: Pick<Scope, "appMesh" | "owner" | "config">): readonly ResourceRef[] {
  const name = virtualNodeName(key, config);
  return [
    { converging: appMesh.virtualServices, name: serviceHost(key, config) },
    { converging: appMesh.virtualRouters, name },
    { converging: appMesh.virtualNodes, name },
  ].map(({ converging: { resource }, ...named }) => ({ group: resource.group, kind: resource.kind, ...named }));
}

/** By what the service says of itself, since App Mesh is not asked: listed in its status; or all of it where it is noted, and no status has been written since. */
function mayHave(
  { stored, children, owner, appMesh }: Pick<Scope, "stored" | "children" | "owner" | "appMesh">,
  object: ResourceRef,
): boolean {
  const listed = stored.status?.resources ?? [];
  if (listed.some(({ group }) => group === object.group)) return listedAs(listed, object) !== undefined;
  return isNotedInAppMesh(children, owner) && (stored.spec.port !== undefined || object.kind === appMesh.virtualNodes.resource.kind);
}

/** Whether a service that is being deleted has, or may have, something in App Mesh: nobody else's deletion hangs on its endpoint. */
function mayBeInAppMesh({ stored, owner, key, children, world, config, appMesh }: RemoveScope): boolean {
  const { group } = appMesh.virtualNodes.resource;
  return (
    isNotedInAppMesh(children, owner) ||
    stored.status?.resources?.some((one) => one.group === group) === true ||
    meshOfNamespace(world.namespaceLabels(key.namespace) ?? {}, config).mesh === "AppMesh"
  );
}

/** Of a service that is being deleted: what callers are led by. */
export async function removeMeshTraffic(scope: RemoveScope): Promise<RemovalReport> {
  if (!mayBeInAppMesh(scope)) return { state: "gone" };
  const { appMesh, key, config } = scope;
  const report = await remove(scope, appMesh.virtualServices, serviceHost(key, config));
  if (isPending(report)) return report;
  return remove(scope, appMesh.virtualRouters, virtualNodeName(key, config));
}

/** Of a service that is being deleted, when nothing names it any more. */
export async function removeVirtualNode(scope: RemoveScope): Promise<RemovalReport> {
  if (!mayBeInAppMesh(scope)) return { state: "gone" };
  return remove(scope, scope.appMesh.virtualNodes, virtualNodeName(scope.key, scope.config));
}

async function remove<D extends Identified, O>(scope: RemoveScope, converger: Converger<D, O>, name: string): Promise<RemovalReport> {
  const { group, kind } = converger.resource;
  const object = { group, kind, name };
  if (isLetGo(scope, object)) return mayHave(scope, object) ? leaveBehind(scope, object) : { state: "gone" };
  const closed = closedReport(scope.config);
  return closed ? { ...closed, recheckMs: EXTERNAL_RECHECK_MS } : removeExternal(scope, converger, { name });
}

function isLetGo(
  { config, stored }: { readonly config: OperatorConfig; readonly stored: PlatformService },
  resource: ResourceRef,
): boolean {
  return config.mesh.appMesh?.retired === true || isAbandoned(stored, resource);
}
