import { hasAmbient } from "../../crds/effective.ts";
import { isStrict } from "../agreement.ts";
import { namespacePeer, tcp } from "../network/rules.ts";
import { serviceHost } from "./host.ts";
import { buildEgress, NETWORKING_API } from "./istio-egress.ts";
import { HBONE_PORT, ISTIOD_PORT } from "./istio-ports.ts";
import { buildAuthorizationPolicy, buildPeerAuthentication, SECURITY_API } from "./istio-security.ts";
import { buildDestinationRule, buildVirtualService } from "./istio-traffic.ts";
import { NO_PARTS, type Mesh } from "./mesh.ts";

/** Where a proxy shows metrics: of the whole pod (pilot-agent), and Envoy's own. */
const PROXY_METRICS_PORTS = [15020, 15090] as const;
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

  // What the application calls while it starts goes through the proxy, so the proxy is up first.
  pod: () => ({ ...NO_PARTS, annotations: { "proxy.istio.io/config": '{"holdApplicationUntilProxyStarts":true}' } }),

  serviceLabels: () => ({}),

  waypoint: () => undefined,

  network: (service, config) => ({
    // Under strict isolation only the service's own metrics port is open. Readiness (15021) and rewritten probes come from the pod's own node, which no policy keeps out.
    ingress: isStrict(service) ? [] : [{ peers: [namespacePeer(config.network.monitoringNamespace)], ports: PROXY_METRICS_PORTS.map(tcp) }],
    egress: [{ peers: [namespacePeer(config.mesh.istio.namespace)], ports: [tcp(ISTIOD_PORT)] }],
  }),

  // Where the other data plane is there too, its pods and these reach each other by its tunnel (istio.io, Ambient and Kubernetes NetworkPolicy).
  tunnel: (config) => (hasAmbient(config) ? { port: HBONE_PORT, throughWaypoints: false } : undefined),

  host: (service, config) => serviceHost(service.key, config),
};
