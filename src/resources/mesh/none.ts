import { serviceHost } from "./host.ts";
import type { Mesh } from "./mesh.ts";

/** No mesh: the network policies alone say who may call, by pod and namespace; routes and resilience have no effect. */
export const noMesh: Mesh = {
  provider: "None",
  apis: [],
  limits: () => [],
  notInMesh: () => undefined,
  security: () => [],
  traffic: () => [],
  podLabels: () => ({}),
  podAnnotations: () => ({}),
  serviceLabels: () => ({}),
  waypoint: () => undefined,
  network: () => ({ ingress: [], egress: [] }),
  tunnel: () => undefined,
  host: (service, config) => serviceHost(service.key, config),
};
