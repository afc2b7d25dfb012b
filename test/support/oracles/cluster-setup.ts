import type { TestProject } from "vitest/node";
import { API_VERSION } from "../../../src/crds/meta.ts";
import { shippedTier } from "../effective-services.ts";
import { type PlatformInfo, Platform } from "../platform.ts";
import { OTHER_SERVICES, sampleServices, type WrittenService } from "./every-service.ts";
import { startJudgedPlatform } from "./judged-platform.ts";
import { ensureOracles } from "./programs.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Where proxies ask istiod. */
    readonly istiod: string;
    readonly karpenterMetrics: string;
  }
}

/** Starts the programs that watch a cluster, and the services that they see, once for all files. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const oracles = await ensureOracles({ env: process.env, progress: process.stderr });
  const judged = await startJudgedPlatform(oracles, (line) => process.stderr.write(`${line}\n`));
  try {
    await applyServices(judged.info);
  } catch (error) {
    await judged.stop();
    throw error;
  }
  project.provide("oracles", oracles);
  project.provide("platform", judged.info);
  project.provide("istiod", judged.istiod);
  project.provide("karpenterMetrics", judged.karpenterMetrics);
  return () => judged.stop();
}

/** Of a namespace that is moving into the mesh. */
const PERMISSIVE_TIER = shippedTier("tier-3", { network: { mtls: "Permissive", isolation: "Standard" } });
const MIGRATING: WrittenService = {
  kind: "PlatformService",
  metadata: { name: "migrating", namespace: "migrating" },
  spec: {
    owner: "others-squad",
    tier: "permissive",
    image: { tag: "1.0.0" },
    port: 8080,
    callers: { services: [{ name: "storefront", namespace: "storefront" }] },
  },
};

/** For amd64 alone. */
const NARROW_IMAGES: readonly string[] = ["outgoing"];

/** The samples, the others and the one that is migrating; resolves when all are Ready. */
async function applyServices(info: PlatformInfo): Promise<void> {
  const platform = new Platform(info);
  const services = [...sampleServices(), ...OTHER_SERVICES, MIGRATING];
  for (const namespace of new Set(services.map(({ metadata }) => metadata.namespace))) await platform.namespace(namespace);
  const { apiVersion, kind, spec } = PERMISSIVE_TIER;
  await platform.apply({ apiVersion, kind, metadata: { name: MIGRATING.spec["tier"] }, spec });
  await platform.apply(...services.map((service) => ({ apiVersion: API_VERSION, ...service })));
  await Promise.all(
    services.map(async ({ metadata }) => {
      await platform.push(metadata, undefined, NARROW_IMAGES.includes(metadata.name) ? ["amd64"] : ["amd64", "arm64"]);
      await platform.untilReady(metadata);
    }),
  );
  await platform.close();
}
