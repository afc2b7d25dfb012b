import type { EffectiveService } from "../../crds/effective.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import type { NetworkFacts } from "../facts.ts";
import { addressPeer, namespacePeer, tcp, waypointPeer, type NetworkRule } from "../network/rules.ts";
import { probePorts } from "../probes.ts";
import { ambientLimits } from "./ambient-limits.ts";
import { buildHttpRoute, GATEWAY_API } from "./ambient-routes.ts";
import { serviceHost } from "./host.ts";
import { NETWORKING_API } from "./istio-egress.ts";
import { HBONE_PORT, ISTIOD_PORT } from "./istio-ports.ts";
import { buildAuthorizationPolicy, buildPeerAuthentication, buildWaypointPolicy, SECURITY_API } from "./istio-security.ts";
import { buildDestinationRule } from "./istio-traffic.ts";
import { NO_PARTS, type Mesh } from "./mesh.ts";
import { waypointRequestMetrics } from "./request-metrics.ts";
import { NO_WAYPOINT, USE_WAYPOINT, waypointOf } from "./waypoint.ts";

/** What the kubelet's probes come from: istio-cni gives them this source, by which they pass the redirection (istio.io, Ambient and Kubernetes NetworkPolicy). */
const PROBE_SOURCE = "169.254.7.127/32";

/** Istio with a proxy on each node, ztunnel, and for routes and resilience a waypoint. */
export const istioAmbient: Mesh = {
  provider: "Istio",
  apis: [
    { apiVersion: SECURITY_API, kind: "PeerAuthentication" },
    { apiVersion: SECURITY_API, kind: "AuthorizationPolicy" },
    { apiVersion: NETWORKING_API, kind: "DestinationRule" },
    { apiVersion: GATEWAY_API, kind: "HTTPRoute" },
  ],

  limits: ambientLimits,

  has: ({ redirected }) => redirected,

  // The annotation comes after creation, but before the containers start.
  notInMesh: ({ ready, redirected }) =>
    !ready || redirected
      ? undefined
      : 'has no annotation ambient.istio.io/redirection: "enabled": check istio-cni and ztunnel on its node, then restart the Deployment',

  security(service, config, facts) {
    const waypoint = waypointOf(service, config);
    const input = { service, config, facts, waypoint };
    return [buildPeerAuthentication(service), buildAuthorizationPolicy(input), ...(waypoint ? [buildWaypointPolicy(input)] : [])];
  },

  traffic: (service, config) =>
    [buildHttpRoute(service, config), buildDestinationRule(service, config)].filter((object) => object !== undefined),

  // Where the namespace is labelled for injection too, a pod would get both.
  podLabels: () => ({ "istio.io/dataplane-mode": "ambient", "sidecar.istio.io/inject": "false" }),

  pod: () => NO_PARTS,

  serviceLabels(service, config) {
    const waypoint = waypointOf(service, config);
    // Said also where there is none: otherwise the namespace's label would decide.
    if (!waypoint) return { [USE_WAYPOINT.name]: NO_WAYPOINT };
    return {
      [USE_WAYPOINT.name]: waypoint.name,
      ...(waypoint.namespace !== service.key.namespace && { [USE_WAYPOINT.namespace]: waypoint.namespace }),
    };
  },

  waypoint: waypointOf,

  network: (service, config, facts) => ({
    ingress: [...waypointIngress(service, config), ...probeIngress(service, facts)],
    // While a namespace moves here, pods that still have a sidecar go on renewing its certificate.
    egress: [{ peers: [namespacePeer(config.mesh.istio.namespace)], ports: [tcp(ISTIOD_PORT)] }],
  }),

  tunnel: () => ({ port: HBONE_PORT, throughWaypoints: true }),

  requestMetrics: waypointRequestMetrics,

  host: (service, config) => serviceHost(service.key, config),
};

function waypointIngress(service: EffectiveService, config: OperatorConfig): readonly NetworkRule[] {
  const waypoint = waypointOf(service, config);
  return waypoint ? [{ peers: [waypointPeer(waypoint)], ports: [tcp(HBONE_PORT)] }] : [];
}

function probeIngress(service: EffectiveService, { probedPorts }: NetworkFacts): readonly NetworkRule[] {
  const ports = probePorts(service, probedPorts);
  return ports.length === 0 ? [] : [{ peers: [addressPeer(PROBE_SOURCE)], ports: ports.map(tcp) }];
}
