/** Mesh objects that probes start from; each answers with its name. */
import {
  CreateGatewayRouteCommand,
  CreateMeshCommand,
  CreateRouteCommand,
  CreateVirtualGatewayCommand,
  CreateVirtualNodeCommand,
  CreateVirtualRouterCommand,
  CreateVirtualServiceCommand,
  type Listener,
  type RouteSpec,
  type VirtualNodeSpec,
  type VirtualServiceSpec,
} from "@aws-sdk/client-app-mesh";
import type { Target } from "../probe.ts";

export const LISTENER: Listener = { portMapping: { port: 8080, protocol: "http" } };

export const NODE_SPEC: VirtualNodeSpec = {
  listeners: [{ ...LISTENER, timeout: { http: { perRequest: { unit: "s", value: 30 } } } }],
  serviceDiscovery: { dns: { hostname: "cart.shop.svc.cluster.local" } },
  backends: [{ virtualService: { virtualServiceName: "payments.shop.svc.cluster.local" } }],
};

/** A route to these nodes, one share each. */
export function routeTo(...nodes: readonly string[]): RouteSpec {
  const weightedTargets = nodes.map((virtualNode) => ({ virtualNode, weight: 1 }));
  return { httpRoute: { match: { prefix: "/" }, action: { weightedTargets } } };
}

/** All meshes that probes make go into one: an account may have few. */
export async function mesh(target: Target): Promise<string> {
  const meshName = "shop";
  await target.appMesh.send(new CreateMeshCommand({ meshName, clientToken: "shop" }));
  return meshName;
}

export async function node(target: Target, meshName: string, spec: VirtualNodeSpec = NODE_SPEC): Promise<string> {
  const virtualNodeName = target.unique("node");
  await target.appMesh.send(new CreateVirtualNodeCommand({ meshName, virtualNodeName, spec }));
  return virtualNodeName;
}

export async function router(target: Target, meshName: string): Promise<string> {
  const virtualRouterName = target.unique("router");
  await target.appMesh.send(new CreateVirtualRouterCommand({ meshName, virtualRouterName, spec: { listeners: [LISTENER] } }));
  return virtualRouterName;
}

export async function route(target: Target, place: { meshName: string; virtualRouterName: string }, spec: RouteSpec): Promise<string> {
  const routeName = target.unique("route");
  await target.appMesh.send(new CreateRouteCommand({ ...place, routeName, spec }));
  return routeName;
}

export async function service(target: Target, meshName: string, spec: VirtualServiceSpec = {}): Promise<string> {
  const virtualServiceName = `${target.unique("service")}.shop.svc.cluster.local`;
  await target.appMesh.send(new CreateVirtualServiceCommand({ meshName, virtualServiceName, spec }));
  return virtualServiceName;
}

export async function gateway(target: Target, meshName: string): Promise<string> {
  const virtualGatewayName = target.unique("gateway");
  const spec = { listeners: [{ portMapping: { port: 8080, protocol: "http" as const } }] };
  await target.appMesh.send(new CreateVirtualGatewayCommand({ meshName, virtualGatewayName, spec }));
  return virtualGatewayName;
}

export async function gatewayRoute(target: Target, place: { meshName: string; virtualGatewayName: string }, to: string): Promise<string> {
  const gatewayRouteName = target.unique("gateway-route");
  const action = { target: { virtualService: { virtualServiceName: to } } };
  await target.appMesh.send(
    new CreateGatewayRouteCommand({ ...place, gatewayRouteName, spec: { httpRoute: { match: { prefix: "/" }, action } } }),
  );
  return gatewayRouteName;
}
