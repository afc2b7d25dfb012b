import { serviceHost } from "./host.ts";
import { buildCertificate, CERTIFICATE_API } from "./app-mesh-tls.ts";
import type { Mesh } from "./mesh.ts";

/** Name of Envoy's container, as AWS's own injector has it. */
export const ENVOY_CONTAINER = "envoy";

/** AWS App Mesh: its own objects are in AWS (resources/app-mesh); here is what it asks of those in the cluster. */
export const appMesh: Mesh = {
  provider: "AppMesh",
  apis: [{ apiVersion: CERTIFICATE_API, kind: "Certificate" }],

  limits: () => [],

  notInMesh: ({ containers }) =>
    containers.includes(ENVOY_CONTAINER)
      ? undefined
      : `has no ${ENVOY_CONTAINER} sidecar: it was made before the namespace came into App Mesh, or what makes it drops the container; restart the Deployment`,

  security: (service, config) => [buildCertificate(service, config)].filter((object) => object !== undefined),
  traffic: () => [],
  podLabels: () => ({}),
  podAnnotations: () => ({}),
  serviceLabels: () => ({}),
  waypoint: () => undefined,
  network: () => ({ ingress: [], egress: [] }),
  tunnel: () => undefined,
  host: (service, config) => serviceHost(service.key, config),
};
