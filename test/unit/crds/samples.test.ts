import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { z } from "zod";

import { effectiveService } from "../../../src/crds/effective.ts";
import { operatorConfigFile } from "../../../src/crds/operator-config.ts";
import { platformArns } from "../../../src/crds/aws-names.ts";
import { platformServiceSpec, type PlatformService } from "../../../src/crds/platform-service.ts";
import { platformTierSpec } from "../../../src/crds/platform-tier.ts";
import { vetPolicy } from "../../../src/resources/iam/vet-policy.ts";
import { validateService } from "../../../src/resources/validate-service.ts";

/** config/samples and config/tiers hold together: what the samples name is there, allowed and granted. */

const CONFIG = join(import.meta.dirname, "..", "..", "..", "config");

const object = z.object({
  kind: z.string(),
  metadata: z.object({ name: z.string(), namespace: z.string().default("") }),
  spec: z.unknown().optional(),
});

function objectsIn(folder: string) {
  const files = readdirSync(join(CONFIG, folder)).filter((file) => file.endsWith(".yaml"));
  return files.flatMap((file) =>
    parseAllDocuments(readFileSync(join(CONFIG, folder, file), "utf8")).map((document) => object.parse(document.toJS())),
  );
}

const samples = objectsIn("samples");
const platform = objectsIn("tiers");
const config = operatorConfigFile.parse(parse(readFileSync(join(CONFIG, "dev", "operator-config.yaml"), "utf8")));

const services: readonly PlatformService[] = samples
  .filter(({ kind }) => kind === "PlatformService")
  .map(({ metadata, spec }) => ({
    apiVersion: "platform-operator.dev/v1alpha1",
    kind: "PlatformService",
    metadata: { ...metadata, uid: "u", resourceVersion: "1", generation: 1 },
    spec: platformServiceSpec.parse(spec),
  }));

const names = (kind: string) => [...samples, ...platform].filter((one) => one.kind === kind).map(({ metadata }) => metadata.name);

describe("the samples", () => {
  test("are the five of the demo", () => {
    expect(services.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).toSorted()).toEqual([
      "checkout/checkout",
      "dispatch/matching",
      "payments/settlement",
      "pricing/pricing",
      "tracking/tracking",
    ]);
  });

  test.each(services.map((service) => [service.metadata.name, service] as const))(
    "%s is valid under its tier and the demo's configuration",
    (_, service) => {
      const tier = platform.find(({ kind, metadata }) => kind === "PlatformTier" && metadata.name === service.spec.tier);
      const namespaceLabels = { "kubernetes.io/metadata.name": service.metadata.namespace };
      const effective = effectiveService(
        service,
        {
          apiVersion: "platform-operator.dev/v1alpha1",
          kind: "PlatformTier",
          metadata: { name: service.spec.tier, uid: "t", resourceVersion: "1", generation: 1 },
          spec: platformTierSpec.parse(tier?.spec),
        },
        config,
        namespaceLabels,
      );
      expect(validateService({ service: effective, namespaceLabels, config })).toEqual([]);
      const { accountId, region } = config.cluster;
      const resourceArns = config.tenancy.flatMap((tenant) => tenant.resourceArns);
      const context = { accountId, region, trustedAccounts: [], resourceArns, platformArns: platformArns(config) };
      expect(vetPolicy(service.spec.aws?.policy?.statements ?? [], context)).toEqual({ violations: [], waived: [] });
      expect(names("Namespace")).toContain(service.metadata.namespace);
    },
  );

  test("are granted every dependency that they name", () => {
    const missing = services.flatMap((caller) =>
      (caller.spec.dependencies?.services ?? [])
        .filter(({ name, namespace }) => {
          const at = namespace === "" ? caller.metadata.namespace : namespace;
          const callee = services.find(({ metadata }) => metadata.name === name && metadata.namespace === at);
          return !callee?.spec.callers?.services?.some(
            (one) => one.name === caller.metadata.name && (one.namespace === "" ? at : one.namespace) === caller.metadata.namespace,
          );
        })
        .map(({ name }) => `${caller.metadata.name} -> ${name}`),
    );
    expect(missing).toEqual([]);
  });

  test("name only priority classes that config/tiers brings along", () => {
    const wanted = platform
      .filter(({ kind }) => kind === "PlatformTier")
      .map(({ spec }) => platformTierSpec.parse(spec).availability.priorityClassName);
    expect(wanted.filter((name) => name === undefined || !names("PriorityClass").includes(name))).toEqual([]);
  });
});
