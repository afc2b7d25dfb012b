import { afterAll, beforeAll, expect, test } from "vitest";
import { GROUP, TIER_FINALIZER } from "../../src/crds/meta.ts";
import type { PlatformTier } from "../../src/crds/platform-tier.ts";
import { isWrite, type ApiCall } from "../support/api-call.ts";
import { API_FAULTS } from "../support/api-faults.ts";
import type { ActiveApiFault } from "../support/api-proxy.ts";
import { startFaultBench, type FaultBench } from "../support/fault-bench.ts";
import { serviceOf } from "../support/platform.ts";
import { tally } from "../support/tally.ts";
import { dealt, IS_THOROUGH } from "../support/thoroughness.ts";
import { tierOf } from "../support/tier.ts";

/** The calls of a tier's own life, which no service's life has: each of its writes fails, each in a tier of its own. As in life-faults-api.test.ts. */

const NAMESPACE = "tier-faults";
const PATIENCE_MS = 300_000;
/** What becomes of a tier, and what of it is written then. */
const MOMENTS = [
  ["made", "platformtiers"],
  ["made", "platformtiers/status"],
  ["named", "platformtiers/status"],
  ["left", "platformtiers/status"],
  ["deleted", "platformtiers"],
] as const;
type Age = (typeof MOMENTS)[number][0];

const TRIALS = MOMENTS.flatMap(([age, resource], moment) => {
  const faults = IS_THOROUGH ? API_FAULTS : dealt(API_FAULTS, { count: 1, round: moment });
  return faults.map(([what, fault], index) => ({
    age,
    resource,
    what,
    fault,
    tier: `tier-${String(moment)}-${String(index).padStart(2, "0")}`,
  }));
});
const TIERS = TRIALS.map(({ tier }) => tier);

let bench: FaultBench;

beforeAll(async () => {
  bench = await startFaultBench();
  await bench.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE, labels: { [`${GROUP}/managed`]: "true" } } });
});

afterAll(() => bench.stop());

test("each write of a tier fails: how many services name it is told all the same, and it goes when none does", async () => {
  const met = new Map<string, ActiveApiFault>();
  const fail = (age: Age): void => {
    for (const trial of TRIALS.filter((one) => one.age === age)) {
      const match = (call: ApiCall): boolean => isWrite(call) && call.resource === trial.resource && call.name === trial.tier;
      met.set(trial.tier, bench.proxy.inject({ match, position: 1, fault: trial.fault }));
    }
  };
  const services = (tierFor: (tier: string) => string): readonly object[] =>
    TIERS.map((tier) => serviceOf({ namespace: NAMESPACE, name: `of-${tier}` }, { tier: tierFor(tier) }));

  fail("made");
  await bench.apply(...TIERS.map((tier) => tierOf(tier)));
  await untilAll({ finalizers: [TIER_FINALIZER], services: 0, inUse: "no service names this tier" });
  fail("named");
  await bench.apply(...services((tier) => tier));
  await untilAll((tier) => ({ finalizers: [TIER_FINALIZER], services: 1, inUse: `named by ${NAMESPACE}/of-${tier}` }));
  fail("left");
  await bench.apply(...services(() => "tier-3"));
  await untilAll({ finalizers: [TIER_FINALIZER], services: 0, inUse: "no service names this tier" });
  fail("deleted");
  await bench.plane.kubectl(["delete", "platformtiers", "--wait=false", ...TIERS]);
  await untilAll(undefined);

  const held = TRIALS.filter(({ tier }) => (met.get(tier)?.applied ?? 0) > 0);
  tally({ what: "writes of a tier failed", tried: TRIALS.length, held: held.length });
  expect(held).toEqual(TRIALS);
});

type Seen =
  | { readonly finalizers: readonly string[] | undefined; readonly services: number | undefined; readonly inUse: string | undefined }
  | undefined;

/** Resolves when each tier of the trials is so; undefined: gone. */
async function untilAll(expected: Seen | ((tier: string) => Seen)): Promise<void> {
  const wanted = TIERS.map((tier) => [tier, typeof expected === "function" ? expected(tier) : expected] as const);
  await expect
    .poll(async () => seen(), { timeout: PATIENCE_MS, interval: 500 })
    .toEqual(Object.fromEntries(wanted.filter(([, one]) => one !== undefined)));
}

async function seen(): Promise<Readonly<Record<string, Seen>>> {
  const { items }: { readonly items: readonly PlatformTier[] } = JSON.parse(
    await bench.plane.kubectl(["get", "platformtiers", "-o", "json"]),
  );
  const own = items.filter(({ metadata }) => TIERS.includes(metadata.name));
  return Object.fromEntries(
    own.map(({ metadata, status }) => [
      metadata.name,
      {
        finalizers: metadata.finalizers,
        services: status?.services,
        inUse: status?.conditions?.find(({ type }) => type === "InUse")?.message,
      },
    ]),
  );
}
