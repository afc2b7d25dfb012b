import type { ExternalResource, MeshResources } from "../../src/reconcilers/ports.ts";

/** App Mesh for services that are not in it: to ask it for anything is a mistake. */
export const NO_APP_MESH: MeshResources = {
  virtualNodes: unaskedKind("VirtualNode"),
  virtualRouters: unaskedKind("VirtualRouter"),
  routes: unaskedKind("Route"),
  virtualServices: unaskedKind("VirtualService"),
  routesOfRouter: { read: unasked },
};

function unaskedKind(kind: string): ExternalResource<{ readonly name: string }, never> {
  return { group: "appmesh.aws", kind, observe: unasked, differences: unasked, create: unasked, update: unasked, delete: unasked };
}

function unasked(): never {
  throw new Error("this service is not in App Mesh");
}
