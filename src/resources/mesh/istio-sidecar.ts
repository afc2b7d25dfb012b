import { hasAmbient, type EffectiveService } from "../../crds/effective.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { isStrict } from "../agreement.ts";
import { namespacePeer, tcp, type NetworkRule } from "../network/rules.ts";
import { serviceHost } from "./host.ts";
import { buildEgress, NETWORKING_API } from "./istio-egress.ts";
import { HBONE_PORT, ISTIOD_PORT } from "./istio-ports.ts";
import { buildAuthorizationPolicy, buildPeerAuthentication, SECURITY_API } from "./istio-security.ts";
import { buildDestinationRule, buildVirtualService } from "./istio-traffic.ts";
import { NO_PARTS, type Mesh } from "./mesh.ts";
import { histogramBounds, isMeasuredByMesh, sidecarRequestMetrics } from "./request-metrics.ts";

/** Where a proxy shows metrics: of the whole pod, the application's too (pilot-agent), and Envoy's own, which is nothing else. */
const POD_METRICS_PORT = 15020;
const ENVOY_METRICS_PORT = 15090;
const PROXY_CONTAINER = "istio-proxy";

/** Istio with a sidecar in each pod. */
export const istioSidecar: Mesh = {
  provider: "Istio",
  apis: [
    { apiVersion: SECURITY_API, kind: "PeerAuthentication" },
    { apiVersion: SECURITY_API, kind: "AuthorizationPolicy" },
    { apiVersion: NETWORKING_API, kind: "VirtualService" },
    { apiVersion: NETWORKING_API, kind: "DestinationRule" },
    { apiVersion: NETWORKING_API, kind: "ServiceEntry" },
    { apiVersion: NETWORKING_API, kind: "Sidecar" },
  ],

  limits: () => [],

  has: ({ containers }) => containers.includes(PROXY_CONTAINER),

  notInMesh: ({ containers }) =>
    containers.includes(PROXY_CONTAINER)
      ? undefined
      : `has no ${PROXY_CONTAINER} sidecar: check the mesh's injector and its revision, then restart the Deployment`,

  security: (service, config, facts) => [
    buildPeerAuthentication(service),
    buildAuthorizationPolicy({ service, config, facts, waypoint: undefined }),
  ],

  traffic: (service, config) =>
    [buildVirtualService(service, config), buildDestinationRule(service, config), ...buildEgress(service, config)].filter(
      (object) => object !== undefined,
    ),

  podLabels: (config) => ({ "sidecar.istio.io/inject": "true", "istio.io/rev": config.mesh.istio.revision }),

  pod({ service }) {
    const bounds = histogramBounds(service);
    return {
      ...NO_PARTS,
      annotations: {
        // What the application calls while it starts goes through the proxy, so the proxy is up first.
        "proxy.istio.io/config": '{"holdApplicationUntilProxyStarts":true}',
        ...(bounds !== undefined && { "sidecar.istio.io/statsHistogramBuckets": bounds }),
      },
    };
  },

  serviceLabels: () => ({}),

  waypoint: () => undefined,

  network: (service, config) => ({
    // Readiness (15021) and rewritten probes come from the pod's own node, which no policy keeps out.
    ingress: metricsIngress(service, config),
    egress: [{ peers: [namespacePeer(config.mesh.istio.namespace)], ports: [tcp(ISTIOD_PORT)] }],
  }),

  // Where the other data plane is there too, its pods and these reach each other by its tunnel (istio.io, Ambient and Kubernetes NetworkPolicy).
  tunnel: (config) => (hasAmbient(config) ? { port: HBONE_PORT, throughWaypoints: false } : undefined),

  requestMetrics: sidecarRequestMetrics,

  host: (service, config) => serviceHost(service.key, config),
};

/** Under strict isolation only the service's own metrics port is open, and what its SLOs are measured by. */
function metricsIngress(service: EffectiveService, config: OperatorConfig): readonly NetworkRule[] {
  const measured = isMeasuredByMesh(service) ? [ENVOY_METRICS_PORT] : [];
  const ports = isStrict(service) ? measured : [POD_METRICS_PORT, ENVOY_METRICS_PORT];
  return ports.length === 0 ? [] : [{ peers: [namespacePeer(config.network.monitoringNamespace)], ports: ports.map(tcp) }];
}
