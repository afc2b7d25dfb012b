import { effectiveService, type EffectiveService } from "../../../src/crds/effective.ts";
import type { OperatorConfig } from "../../../src/crds/operator-config.ts";
import { API_VERSION, type ObjectKey } from "../../../src/crds/meta.ts";
import { platformServiceSpec, type PlatformService, type PlatformServiceStatus } from "../../../src/crds/platform-service.ts";
import { platformTierSpec } from "../../../src/crds/platform-tier.ts";
import { operatorConfig } from "./operator-config.ts";

const tier = platformTierSpec.parse({
  allowedNamespaces: {},
  availability: {},
  placement: { nodePools: ["general"], capacityTypes: ["on-demand"], architectures: ["arm64", "amd64"] },
  network: {},
});

/** A service as a pass sees it; `spec` is what it says beyond the least. */
export function service(
  spec: object = {},
  key = { namespace: "tracking", name: "tracking" },
  config: OperatorConfig = operatorConfig(),
): EffectiveService {
  return effectiveService(
    storedService(key, spec),
    {
      apiVersion: API_VERSION,
      kind: "PlatformTier",
      metadata: { name: "tier-2", uid: "tier-uid", resourceVersion: "1", generation: 1 },
      spec: tier,
    },
    config,
    {},
  );
}

/** A service as the API server stores it; `more` beside its spec, as a status. */
export function storedService(
  key: ObjectKey,
  spec: object = {},
  { metadata = {}, ...more }: { readonly metadata?: object; readonly status?: PlatformServiceStatus } = {},
): PlatformService {
  return {
    apiVersion: API_VERSION,
    kind: "PlatformService",
    metadata: { ...key, uid: "service-uid", resourceVersion: "1", generation: 1, ...metadata },
    spec: platformServiceSpec.parse({ owner: "tracking-squad", tier: "tier-2", image: {}, ...spec }),
    ...more,
  };
}
