import { isStrict } from "../agreement.ts";
import { namespacePeer, tcp } from "../network/rules.ts";
import { serviceHost } from "./host.ts";
import { buildEgress, NETWORKING_API } from "./istio-egress.ts";
import { buildAuthorizationPolicy, buildPeerAuthentication, SECURITY_API } from "./istio-security.ts";
import { buildDestinationRule, buildVirtualService } from "./istio-traffic.ts";
import type { Mesh } from "./mesh.ts";

/** Where istiod serves configuration and certificates to proxies, over TLS. */
const ISTIOD_PORT = 15012;
/** Where a proxy shows metrics: of the whole pod (pilot-agent), and Envoy's own. */
const PROXY_METRICS_PORTS = [15020, 15090] as const;

/** Istio with a sidecar in each pod. */
export const istio: Mesh = {
  provider: "Istio",
  apis: [
    { apiVersion: SECURITY_API, kind: "PeerAuthentication" },
    { apiVersion: SECURITY_API, kind: "AuthorizationPolicy" },
    { apiVersion: NETWORKING_API, kind: "VirtualService" },
    { apiVersion: NETWORKING_API, kind: "DestinationRule" },
    { apiVersion: NETWORKING_API, kind: "ServiceEntry" },
    { apiVersion: NETWORKING_API, kind: "Sidecar" },
  ],
  sidecarContainer: "istio-proxy",

  security: (service, config, facts) => [buildPeerAuthentication(service), buildAuthorizationPolicy(service, config, facts)],

  traffic: (service, config) =>
    [buildVirtualService(service, config), buildDestinationRule(service, config), ...buildEgress(service, config)].filter(
      (object) => object !== undefined,
    ),

  podLabels: (config) => ({ "sidecar.istio.io/inject": "true", "istio.io/rev": config.mesh.istio.revision }),

  // What the application calls while it starts goes through the proxy, so the proxy is up first.
  podAnnotations: () => ({ "proxy.istio.io/config": '{"holdApplicationUntilProxyStarts":true}' }),

  network: (service, config) => ({
    // Under strict isolation only the service's own metrics port is open. Readiness (15021) and rewritten probes come from the pod's own node, which no policy keeps out.
    ingress: isStrict(service) ? [] : [{ peers: [namespacePeer(config.network.monitoringNamespace)], ports: PROXY_METRICS_PORTS.map(tcp) }],
    egress: [{ peers: [namespacePeer(config.mesh.istio.namespace)], ports: [tcp(ISTIOD_PORT)] }],
  }),

  host: (service, config) => serviceHost(service.key, config),
};
