import { canonicalJson } from "../../crds/canonical.ts";
import { rfc3339 } from "../../crds/requests.ts";
import { keyString, TIER_FINALIZER, type ObjectKey } from "../../crds/meta.ts";
import type { PlatformTier, PlatformTierStatus } from "../../crds/platform-tier.ts";
import { listed } from "../../resources/order.ts";
import { conditionOf } from "../conditions.ts";
import type { PrimaryWriter } from "../ports.ts";
import type { Outcome } from "../step.ts";

export interface TierDeps {
  readonly writer: PrimaryWriter<PlatformTier>;
  readonly read: (name: string) => PlatformTier | undefined;
  /** Services that name the tier. */
  readonly services: (tier: string) => readonly ObjectKey[];
  /** Milliseconds of the wall clock. */
  readonly now: () => number;
}

/** A tier says who uses it, and cannot go while anyone does. */
export async function reconcileTier(deps: TierDeps, name: string): Promise<Outcome> {
  const tier = deps.read(name);
  if (!tier) return { state: "settled" };
  const services = deps.services(name);
  const finalizers = tier.metadata.finalizers ?? [];
  const held = finalizers.includes(TIER_FINALIZER);
  if (tier.metadata.deletionTimestamp !== undefined && services.length === 0) {
    if (held) {
      await deps.writer.setFinalizers(
        tier,
        finalizers.filter((f) => f !== TIER_FINALIZER),
      );
    }
    return { state: "settled" };
  }
  if (!held && tier.metadata.deletionTimestamp === undefined) {
    await deps.writer.setFinalizers(tier, [...finalizers, TIER_FINALIZER]);
    return { state: "recheck", afterMs: 0, because: "the finalizer is stored" };
  }
  const status = statusOf(tier, services, deps.now());
  if (canonicalJson(tier.status ?? {}) !== canonicalJson(status)) await deps.writer.writeStatus(tier, status);
  return { state: "settled" };
}

function statusOf(tier: PlatformTier, services: readonly ObjectKey[], now: number): PlatformTierStatus {
  const used = services.length > 0;
  const { generation } = tier.metadata;
  const inUse = conditionOf(
    {
      type: "InUse",
      status: used ? "True" : "False",
      reason: used ? "NamedByServices" : "NotNamed",
      message: used ? inUseMessage(tier, services) : "no service names this tier",
    },
    { generation, previous: tier.status?.conditions ?? [], now: rfc3339(now) },
  );
  return { observedGeneration: generation, services: services.length, conditions: [inUse] };
}

function inUseMessage(tier: PlatformTier, services: readonly ObjectKey[]): string {
  const list = listed(services.map(keyString).toSorted());
  return tier.metadata.deletionTimestamp === undefined
    ? `named by ${list}`
    : `cannot be deleted while ${list} name it: move them to another tier first`;
}
