import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { effectiveService, type EffectiveService } from "../../src/crds/effective.ts";
import { operatorConfigFile, type OperatorConfig } from "../../src/crds/operator-config.ts";
import { platformServiceSpec } from "../../src/crds/platform-service.ts";
import { platformTierSpec, type PlatformTier } from "../../src/crds/platform-tier.ts";

/** Services as the builders get them, made by the same schemas as everywhere, and frozen so that a builder that mutates one throws. */

const json = z.record(z.string(), z.unknown());
type Json = Readonly<z.output<typeof json>>;

/** The configuration of `npm run up`, with other values for whole blocks of it. */
export function testConfig(overrides: Json = {}): OperatorConfig {
  return deepFreeze(operatorConfigFile.parse({ ...readYaml("config/dev/operator-config.yaml"), ...overrides }));
}

/** A tier that the chart ships, with other values for whole blocks of its spec. */
export function shippedTier(name: string, overrides: Json = {}): PlatformTier {
  const { spec } = readYaml(`config/tiers/${name}.yaml`);
  return deepFreeze({
    apiVersion: "platform-operator.dev/v1alpha1",
    kind: "PlatformTier",
    metadata: { name, uid: `uid-of-${name}`, resourceVersion: "1", generation: 1 },
    spec: platformTierSpec.parse({ ...json.parse(spec), ...overrides }),
  });
}

export interface ServiceInput {
  readonly name?: string;
  readonly namespace?: string;
  /** As written; owner, tier and image have defaults. */
  readonly spec?: Json;
  /** Default: the shipped tier that the spec names, else tier-2. */
  readonly tier?: PlatformTier;
  readonly config?: OperatorConfig;
}

/** The service `matching` in namespace `dispatch`, or another, with every default filled in. */
export function testService({
  name = "matching",
  namespace = "dispatch",
  spec = {},
  tier,
  config = testConfig(),
}: ServiceInput = {}): EffectiveService {
  const tierOfService = tier ?? shippedTier(typeof spec["tier"] === "string" ? spec["tier"] : "tier-2");
  const service = {
    apiVersion: "platform-operator.dev/v1alpha1",
    kind: "PlatformService" as const,
    metadata: { name, namespace, uid: `uid-of-${name}`, resourceVersion: "1", generation: 1 },
    spec: platformServiceSpec.parse({ owner: "dispatch-squad", tier: tierOfService.metadata.name, image: {}, ...spec }),
  };
  return deepFreeze(effectiveService(service, tierOfService, config, {}));
}

function readYaml(path: string): Json {
  return json.parse(parse(readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")));
}

export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}
