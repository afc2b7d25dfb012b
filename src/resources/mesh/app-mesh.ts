import { isStrict } from "../agreement.ts";
import { MESH_POD_LABELS } from "../app-mesh/names.ts";
import { namespacePeer, tcp } from "../network/rules.ts";
import { appMeshPod, ENVOY_ADMIN_PORT, ENVOY_CONTAINER } from "./app-mesh-containers.ts";
import { appMeshLimits } from "./app-mesh-limits.ts";
import { buildCertificate, CERTIFICATE_API } from "./app-mesh-tls.ts";
import { serviceHost } from "./host.ts";
import type { Mesh } from "./mesh.ts";
import { appMeshRequestMetrics } from "./request-metrics.ts";

/** AWS App Mesh. Its own objects are in AWS (resources/app-mesh); here is what it asks of those in the cluster. */
export const appMesh: Mesh = {
  provider: "AppMesh",
  apis: [{ apiVersion: CERTIFICATE_API, kind: "Certificate" }],

  limits: appMeshLimits,

  has: ({ containers }) => containers.includes(ENVOY_CONTAINER),

  notInMesh: ({ containers }) =>
    containers.includes(ENVOY_CONTAINER)
      ? undefined
      : `has no ${ENVOY_CONTAINER} sidecar: it is in the pod template, so look for what takes it out of pods (a mutating webhook), then restart the Deployment`,

  // Who may call by identity is in the VirtualNode.
  security: (service, config) => [buildCertificate(service, config)].filter((object) => object !== undefined),

  traffic: () => [],

  podLabels: () => MESH_POD_LABELS,

  pod: appMeshPod,

  serviceLabels: () => ({}),

  waypoint: () => undefined,

  network: (service, config) => ({
    // Under strict isolation only the service's own metrics port is open. The way to Envoy's management is that to AWS (network/aws.ts).
    ingress: isStrict(service) ? [] : [{ peers: [namespacePeer(config.network.monitoringNamespace)], ports: [tcp(ENVOY_ADMIN_PORT)] }],
    egress: [],
  }),

  tunnel: () => undefined,

  // Envoy's administration is where its metrics are, and closed under strict isolation.
  requestMetrics: (service, config) => (isStrict(service) ? undefined : appMeshRequestMetrics(service, config)),

  host: (service, config) => serviceHost(service.key, config),
};
