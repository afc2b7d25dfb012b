import { canonicalJson } from "../../crds/canonical.ts";
import { keyString, TIER_FINALIZER, type ObjectKey } from "../../crds/meta.ts";
import type { PlatformTier, PlatformTierStatus } from "../../crds/platform-tier.ts";
import { listed } from "../../resources/order.ts";
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
  const before = tier.status?.conditions?.find((c) => c.type === "InUse");
  const status = used ? "True" : "False";
  return {
    observedGeneration: tier.metadata.generation,
    services: services.length,
    conditions: [
      {
        type: "InUse",
        status,
        reason: used ? "NamedByServices" : "NotNamed",
        message: used ? inUseMessage(tier, services) : "no service names this tier",
        lastTransitionTime: before?.status === status ? before.lastTransitionTime : `${new Date(now).toISOString().slice(0, 19)}Z`,
        observedGeneration: tier.metadata.generation,
      },
    ],
  };
}

function inUseMessage(tier: PlatformTier, services: readonly ObjectKey[]): string {
  const list = listed(services.map(keyString).toSorted());
  return tier.metadata.deletionTimestamp === undefined
    ? `named by ${list}`
    : `cannot be deleted while ${list} name it: move them to another tier first`;
}
