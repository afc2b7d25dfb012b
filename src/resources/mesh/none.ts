import { serviceHost } from "./host.ts";
import { NO_PARTS, type Mesh } from "./mesh.ts";

/** No mesh: the network policies alone say who may call, by pod and namespace; routes and resilience have no effect. */
export const noMesh: Mesh = {
  provider: "None",
  apis: [],
  limits: () => [],
  has: () => false,
  notInMesh: () => undefined,
  security: () => [],
  traffic: () => [],
  podLabels: () => ({}),
  pod: () => NO_PARTS,
  serviceLabels: () => ({}),
  waypoint: () => undefined,
  network: () => ({ ingress: [], egress: [] }),
  tunnel: () => undefined,
  requestMetrics: () => undefined,
  host: (service, config) => serviceHost(service.key, config),
};
