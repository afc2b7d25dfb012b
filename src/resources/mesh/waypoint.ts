import type { EffectiveService } from "../../crds/effective.ts";
import type { ObjectKey } from "../../crds/meta.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { buildDestinationRule } from "./istio-traffic.ts";
import { isMeasuredByMesh } from "./request-metrics.ts";

/** The waypoint that a service of the ambient data plane asks for: only where its file has something that the proxies of the nodes cannot do. */
export function waypointOf(service: EffectiveService, config: OperatorConfig): ObjectKey | undefined {
  const { port, routes = [] } = service.spec;
  const needed =
    port !== undefined && (routes.length > 0 || isMeasuredByMesh(service) || buildDestinationRule(service, config) !== undefined);
  const { name, namespace } = config.mesh.istio.waypoint;
  return needed ? { namespace: namespace ?? service.key.namespace, name } : undefined;
}

/** On a Service, or on a namespace for those of its Services that say nothing: which waypoint callers are led through; `none` is no waypoint. */
export const USE_WAYPOINT = { name: "istio.io/use-waypoint", namespace: "istio.io/use-waypoint-namespace" } as const;
export const NO_WAYPOINT = "none";
