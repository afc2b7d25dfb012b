/** The seven kinds of mesh objects: they differ in where they are, what they name, and what is refused of their specs. */
import type {
  GatewayRouteSpec,
  MeshSpec,
  RouteSpec,
  VirtualGatewaySpec,
  VirtualNodeSpec,
  VirtualRouterSpec,
  VirtualServiceSpec,
} from "@aws-sdk/client-app-mesh";
import type { Valid } from "../../operation.ts";
import type { Quotas } from "../../quotas.ts";
import { gatewayRouteTargets, gatewayRouteViolation, nodeViolation, routeTargets, routeViolation } from "./specs.ts";

/** As ARNs have it. */
export type MeshKindName = "mesh" | "virtualNode" | "virtualRouter" | "route" | "virtualService" | "virtualGateway" | "gatewayRoute";

/** Another object of the mesh that a spec names. */
export interface Reference {
  readonly kind: MeshKindName;
  readonly name: string;
  /** A backend is only a name: it need not be there, and does not hold the virtual service. */
  readonly loose: boolean;
}

export interface MeshKind {
  readonly kind: MeshKindName;
  /** As in `CreateVirtualNode` and `ListVirtualNodes`. */
  readonly operation: string;
  readonly plural: string;
  readonly parent: MeshKind | undefined;
  /** How many one parent may hold. */
  readonly quota: keyof Quotas;
  /** Why App Mesh refuses a spec that its model allows; specs are validated against the model before. */
  violation(spec: unknown): string | undefined;
  references(spec: unknown): readonly Reference[];
}

/** The members in which a request or an answer has a kind's name, and a list its objects. */
export function nameMember({ kind }: MeshKind): string {
  return `${kind}Name`;
}

export function listMember({ plural }: MeshKind): string {
  return plural.charAt(0).toLowerCase() + plural.slice(1);
}

interface Rules<Spec> {
  violation?(spec: Valid<Spec>): string | undefined;
  references?(spec: Valid<Spec>): readonly Reference[];
}

type Place = Pick<MeshKind, "kind" | "operation" | "plural" | "parent" | "quota">;

function kindOf<Spec>(place: Place, rules: Rules<Spec>): MeshKind {
  // The dispatcher validates every spec against the model that Spec is generated from, so a Valid<Spec> is what arrives.
  return { violation: () => undefined, references: () => [], ...place, ...rules };
}

export const MESH = kindOf<MeshSpec>(
  { kind: "mesh", operation: "Mesh", plural: "Meshes", parent: undefined, quota: "meshesPerAccount" },
  {},
);

export const VIRTUAL_NODE = kindOf<VirtualNodeSpec>(
  { kind: "virtualNode", operation: "VirtualNode", plural: "VirtualNodes", parent: MESH, quota: "virtualNodesPerMesh" },
  {
    violation: nodeViolation,
    references: ({ backends = [] }) =>
      backends.flatMap(({ virtualService }) =>
        virtualService === undefined ? [] : [{ kind: "virtualService", name: virtualService.virtualServiceName, loose: true }],
      ),
  },
);

export const VIRTUAL_ROUTER = kindOf<VirtualRouterSpec>(
  { kind: "virtualRouter", operation: "VirtualRouter", plural: "VirtualRouters", parent: MESH, quota: "virtualRoutersPerMesh" },
  {},
);

export const ROUTE = kindOf<RouteSpec>(
  { kind: "route", operation: "Route", plural: "Routes", parent: VIRTUAL_ROUTER, quota: "routesPerVirtualRouter" },
  {
    violation: routeViolation,
    references: (spec) => routeTargets(spec).map(({ virtualNode: name }) => ({ kind: "virtualNode", name, loose: false })),
  },
);

export const VIRTUAL_SERVICE = kindOf<VirtualServiceSpec>(
  { kind: "virtualService", operation: "VirtualService", plural: "VirtualServices", parent: MESH, quota: "virtualServicesPerMesh" },
  {
    references({ provider }) {
      if (provider?.virtualNode !== undefined) return [{ kind: "virtualNode", name: provider.virtualNode.virtualNodeName, loose: false }];
      if (provider?.virtualRouter !== undefined)
        return [{ kind: "virtualRouter", name: provider.virtualRouter.virtualRouterName, loose: false }];
      return [];
    },
  },
);

export const VIRTUAL_GATEWAY = kindOf<VirtualGatewaySpec>(
  { kind: "virtualGateway", operation: "VirtualGateway", plural: "VirtualGateways", parent: MESH, quota: "virtualGatewaysPerMesh" },
  {},
);

export const GATEWAY_ROUTE = kindOf<GatewayRouteSpec>(
  {
    kind: "gatewayRoute",
    operation: "GatewayRoute",
    plural: "GatewayRoutes",
    parent: VIRTUAL_GATEWAY,
    quota: "gatewayRoutesPerVirtualGateway",
  },
  {
    violation: gatewayRouteViolation,
    references: (spec) => gatewayRouteTargets(spec).map((name) => ({ kind: "virtualService", name, loose: false })),
  },
);

export const MESH_KINDS: readonly MeshKind[] = [MESH, VIRTUAL_NODE, VIRTUAL_ROUTER, ROUTE, VIRTUAL_SERVICE, VIRTUAL_GATEWAY, GATEWAY_ROUTE];
