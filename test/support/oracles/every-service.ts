import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { ROOT } from "../../../src/cli/keys.ts";
import type { EffectiveService } from "../../../src/crds/effective.ts";
import type { OperatorConfig } from "../../../src/crds/operator-config.ts";
import { platformTierSpec, type PlatformTier } from "../../../src/crds/platform-tier.ts";
import { shippedTier, testService } from "../effective-services.ts";
import { FULL_SERVICE, FULL_TIER, MINIMAL_SERVICE } from "../full-objects.ts";
import { type Changes, withChanges } from "../json-path.ts";
import { SERVICE_ACCEPTED } from "../service-cases.ts";

const json = z.record(z.string(), z.unknown());
const written = z.object({ kind: z.string(), metadata: z.object({ name: z.string(), namespace: z.string() }), spec: json });

export type WrittenService = z.output<typeof written>;

/** The PlatformServices of config/samples. */
export function sampleServices(): readonly WrittenService[] {
  const folder = join(ROOT, "config/samples");
  return readdirSync(folder)
    .toSorted()
    .flatMap((file) => parseAllDocuments(readFileSync(join(folder, file), "utf8")).map((document): unknown => document.toJS()))
    .filter((object) => json.parse(object)["kind"] === "PlatformService")
    .map((object) => written.parse(object));
}

/** Beside the samples: those that call them, one with every kind of dependency, one that goes out by name, and those that no one agrees with. Their tier is tier-2 and their port 8080. */
export const OTHER_SERVICES: readonly WrittenService[] = [
  { name: "storefront", namespace: "storefront", spec: { dependencies: { services: [{ name: "checkout", namespace: "checkout" }] } } },
  {
    name: "booking",
    namespace: "booking",
    spec: { tier: "tier-3", dependencies: { services: [{ name: "matching", namespace: "dispatch" }] } },
  },
  {
    name: "ledger",
    namespace: "payments",
    spec: { tier: "pci", dependencies: { services: [{ name: "settlement" }] } },
  },
  {
    name: "hub",
    namespace: "hub",
    spec: {
      port: 8443,
      container: { metrics: { port: 9464 }, probes: { readiness: { path: "/ready", port: 8081 } } },
      aws: {
        identity: "PodIdentity",
        policy: { statements: [{ sid: "Labels", actions: ["s3:GetObject"], resources: ["arn:aws:s3:::labels/*"] }] },
      },
      callers: { services: [{ name: "pricing", namespace: "pricing" }], serviceAccounts: [{ name: "probe", namespace: "ops" }] },
      dependencies: {
        services: [{ name: "matching", namespace: "dispatch" }],
        kubernetesServices: [{ name: "redis", namespace: "cache", port: 6379 }],
        cidrs: [{ cidr: "10.40.0.0/16", port: 5432 }],
      },
    },
  },
  { name: "outgoing", namespace: "hub", spec: { dependencies: { hosts: [{ host: "api.carrier.example.com", port: 443 }] } } },
].map(({ name, namespace, spec }) => ({
  kind: "PlatformService",
  metadata: { name, namespace },
  spec: { owner: "others-squad", tier: "tier-2", image: { tag: "1.0.0" }, port: 8080, ...spec },
}));

/** Every service that the tests have a file of: the samples where they belong, and in namespaces of their own the least, and all that the schema takes, in every tier; `changes` are made to the full one. */
export function everyService(config: OperatorConfig, changes: Changes = {}): readonly EffectiveService[] {
  const full = withChanges(FULL_SERVICE, changes);
  const samples = sampleServices().map(({ metadata: { name, namespace }, spec }) => testService({ name, namespace, spec, config }));
  const accepted = Object.values(SERVICE_ACCEPTED).map((other) => written.parse(withChanges(full, other)));
  const tiers: readonly PlatformTier[] = [
    ...["tier-1", "tier-2", "tier-3", "pci"].map((name) => shippedTier(name)),
    shippedTier("tier-2", { network: { mtls: "Permissive" } }),
    shippedTier("pci", { network: platformTierSpec.parse(json.parse(FULL_TIER)["spec"]).network }),
  ];
  const made = [
    ...accepted.map((service) => ({ ...service, tier: shippedTier("tier-1") })),
    ...tiers.flatMap((tier) => [written.parse(full), written.parse(MINIMAL_SERVICE)].map((service) => ({ ...service, tier }))),
  ];
  return [
    ...samples,
    ...made.map(({ metadata: { name }, spec, tier }, index) =>
      testService({ name, namespace: `case-${String(index)}`, spec: { ...spec, tier: tier.metadata.name }, tier, config }),
    ),
  ];
}
