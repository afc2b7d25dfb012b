import type { Neighbour } from "../../../src/crds/desired.ts";
import type { NetworkFacts } from "../../../src/resources/facts.ts";

/** App Mesh in the configuration, for tests of the AWS side; `settings` are other values of the block. */
export function inAppMesh(settings: object = {}): { readonly mesh: object } {
  const image = "registry.example.com/envoy:v1";
  return { mesh: { default: "AppMesh", appMesh: { meshName: "platform", envoyImage: image, proxyInitImage: image, ...settings } } };
}

/** Certificates for every service of the mesh. */
export const WITH_CERTIFICATES = { certificates: { issuer: { name: "mesh-ca" } } };

/** Others that are there, by name; of their timeouts the longest, in milliseconds. */
export function neighbours(timeouts: Readonly<Record<string, number | null>> = {}): NetworkFacts {
  return {
    neighbour(key): Neighbour | undefined {
      const longestTimeoutMs = timeouts[key.name];
      return longestTimeoutMs === undefined
        ? undefined
        : { key, tierName: "tier-2", port: 8080, protocol: "http", longestTimeoutMs, callers: [] };
    },
    kubernetesService: () => undefined,
  };
}
