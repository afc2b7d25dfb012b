import { keyString } from "../../crds/meta.ts";
import { virtualNodeName } from "../../resources/app-mesh/names.ts";
import { buildMeshRoutes } from "../../resources/app-mesh/routes.ts";
import { buildVirtualRouter, buildVirtualService } from "../../resources/app-mesh/virtual-router.ts";
import { calleesCutShort } from "../../resources/app-mesh/virtual-node.ts";
import { appMesh as appMeshPods } from "../../resources/mesh/app-mesh.ts";
import { listed } from "../../resources/order.ts";
import type { World } from "../ports.ts";
import type { StepReport } from "../step.ts";
import { closedReport, convergeInMesh } from "./app-mesh.ts";
import { retireMeshTraffic } from "./app-mesh-removal.ts";
import { WATCHED } from "./apply-set.ts";
import { EXTERNAL_RECHECK_MS } from "./external.ts";
import { meshAt } from "./mesh-borders.ts";
import { holds, type Scope } from "./scope.ts";

/** The service's VirtualRouter with its routes, and then the VirtualService by which callers find it: nobody is led to routes that are not there. Undefined: as desired. */
export async function ensureMeshTraffic(scope: Scope): Promise<StepReport | undefined> {
  const { appMesh, service, config } = scope;
  const closed = closedReport(config);
  if (closed) return closed;
  // Routes name the node; and nothing is made before the ServiceAccount notes it, which the node waits for.
  if (!holds(scope, "MeshSecurityReady")) {
    return {
      state: "progressing",
      reason: "WaitingForVirtualNode",
      message: "waits for the VirtualNode, which routes lead to",
      ...WATCHED,
      waitsFor: ["MeshSecurityReady"],
    };
  }
  const router = buildVirtualRouter(service, config);
  const virtualService = buildVirtualService(service, config);
  // A service whose port was taken away is no longer called.
  if (!router || !virtualService) return retireMeshTraffic(scope);
  return (
    (await convergeInMesh(scope, appMesh.virtualRouters, router)) ??
    (await ensureRoutes(scope)) ??
    waitsForEnvoy(scope) ??
    (await convergeInMesh(scope, appMesh.virtualServices, virtualService))
  );
}

/** As written; and what App Mesh may do to it all the same, of which AWS does not say when. */
export function asWrittenInAppMesh({
  service,
  config,
  world,
}: Pick<Scope, "service" | "config"> & { readonly world: Pick<World, "neighbour" | "namespaceLabels"> }): StepReport {
  const callees = calleesCutShort(service, world).filter(({ namespace }) => meshAt(namespace, world, config) === "AppMesh");
  if (callees.length === 0) return { state: "ready" };
  const { port } = service.spec;
  const why =
    port === undefined ? "has no port, so no listener that could say otherwise" : "is of protocol tcp, whose listener cannot say otherwise";
  const cure = port === undefined ? "write spec.port where it listens to one, or ask" : "ask";
  return {
    state: "ready",
    reason: "CallsCutShort",
    message: `App Mesh may end calls to ${listed(callees.map(keyString))} after its own 15 s, whatever their routes say, since this service ${why}: ${cure} for timeouts of at most 15s in their spec.routes`,
  };
}

/** While the pods of before are being replaced and none with Envoy is ready yet, callers are not led here: they would find nobody. */
function waitsForEnvoy({ world, service: { key } }: Scope): StepReport | undefined {
  const pods = world.pods(key);
  const inMesh = pods.filter((pod) => appMeshPods.has(pod));
  const moves = world.templates(key).some(({ rolledOut, mesh }) => !rolledOut || mesh !== appMeshPods.provider);
  if (!moves || inMesh.length === pods.length || inMesh.some(({ ready }) => ready)) return undefined;
  return {
    state: "progressing",
    reason: "WaitingForEnvoy",
    message: "waits for a ready pod with Envoy: until then callers in App Mesh find the pods as they did before",
    ...WATCHED,
    waitsFor: ["WorkloadReady"],
  };
}

/** Exactly the routes that are written: what is no longer wanted goes when all that is wanted is there. */
async function ensureRoutes(scope: Scope): Promise<StepReport | undefined> {
  const { appMesh, routesOfRouter, service, config } = scope;
  const { key } = service;
  const desired = buildMeshRoutes(service, config);
  let problem: StepReport | undefined;
  for (const route of desired) problem = (await convergeInMesh(scope, appMesh.routes, route)) ?? problem;
  if (problem) return problem;
  const wanted = new Set(desired.map(({ name }) => name));
  const held = (await routesOfRouter.read(key, virtualNodeName(key, config)))?.names ?? [];
  const stray = held.filter((name) => !wanted.has(name));
  // What is made or taken away is not in what was read.
  if (stray.length > 0 || held.length < wanted.size) routesOfRouter.forget(key);
  for (const name of stray) problem = (await retireRoute(scope, name)) ?? problem;
  return problem;
}

async function retireRoute({ appMesh, service }: Scope, name: string): Promise<StepReport | undefined> {
  // It is listed: that this process has removed one of that name says nothing of this one.
  appMesh.routes.forget(name);
  const removal = await appMesh.routes.retire({ name, owner: service.key });
  switch (removal.state) {
    case "gone":
    case "deleting":
    case "withheld":
      return undefined;
    case "foreign":
      return {
        state: "blocked",
        reason: "NotOwned",
        message: `App Mesh Route ${name} is in this service's router and is not ours, so it may take requests from the routes that are written: delete it`,
        recheckMs: EXTERNAL_RECHECK_MS,
      };
    case "blocked":
      return { ...removal, recheckMs: EXTERNAL_RECHECK_MS };
    default:
      return removal satisfies never;
  }
}
