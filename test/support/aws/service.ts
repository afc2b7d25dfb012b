import { effectiveService, type EffectiveService } from "../../../src/crds/effective.ts";
import type { OperatorConfig } from "../../../src/crds/operator-config.ts";
import { API_VERSION } from "../../../src/crds/meta.ts";
import { platformServiceSpec } from "../../../src/crds/platform-service.ts";
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
  const metadata = { ...key, uid: "service-uid", resourceVersion: "1", generation: 1 };
  return effectiveService(
    {
      apiVersion: API_VERSION,
      kind: "PlatformService",
      metadata,
      spec: platformServiceSpec.parse({ owner: "tracking-squad", tier: "tier-2", image: {}, ...spec }),
    },
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
