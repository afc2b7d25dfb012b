/** A PlatformTier of a test's own: what is least, on the general pool, open to every namespace; with `spec` over it. */
export function tierOf(name: string, spec: object = {}): object {
  return {
    apiVersion: "platform-operator.dev/v1alpha1",
    kind: "PlatformTier",
    metadata: { name },
    spec: {
      allowedNamespaces: {},
      availability: {},
      placement: { nodePools: ["general"], capacityTypes: ["on-demand", "spot"], architectures: ["amd64", "arm64"] },
      network: {},
      ...spec,
    },
  };
}
