import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { condition, isReady } from "../../src/cli/service-watch.ts";
import type { ObjectKey } from "../../src/crds/meta.ts";
import { watchRollouts } from "../support/deployment-watch.ts";
import { PATIENCE_MS, sharedPlatform, type Platform } from "../support/platform.ts";
import { tierOf } from "../support/tier.ts";

/** What a tier says of itself, and how a change to it reaches its services. */

const NAMESPACE = "tiers";

interface TierStatus {
  readonly metadata: { readonly finalizers?: readonly string[]; readonly deletionTimestamp?: string };
  readonly status?: {
    readonly services?: number;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message: string }[];
  };
}

interface Deployed {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly containers: readonly { readonly args?: readonly string[] }[];
      };
    };
  };
}

let platform: Platform;

beforeAll(async () => {
  platform = sharedPlatform();
  await platform.namespace(NAMESPACE);
});

afterAll(async () => {
  await platform.close();
});

function key(name: string): ObjectKey {
  return { namespace: NAMESPACE, name };
}

async function graceOf(name: string): Promise<number | undefined> {
  return (await platform.get<Deployed>(NAMESPACE, `deployment/${name}`))?.spec.template.spec.terminationGracePeriodSeconds;
}

describe("a tier in use", () => {
  test("says how many services name it and which, and cannot be deleted before they are gone", async () => {
    await platform.apply(tierOf("tier-in-use"));
    const status = async (): Promise<TierStatus | undefined> => platform.get<TierStatus>("", "ptier/tier-in-use");
    const inUse = async (): Promise<string> => {
      const found = (await status())?.status?.conditions?.find((c) => c.type === "InUse");
      return `${found?.status ?? ""}: ${found?.message ?? ""}`;
    };
    await expect.poll(inUse, { timeout: PATIENCE_MS }).toBe("False: no service names this tier");
    await platform.ready(key("user"), { tier: "tier-in-use" });
    await expect.poll(inUse, { timeout: PATIENCE_MS }).toBe("True: named by tiers/user");
    expect((await status())?.status?.services).toBe(1);

    await platform.kubectl(["delete", "ptier", "tier-in-use", "--wait=false"]);
    await expect
      .poll(inUse, { timeout: PATIENCE_MS })
      .toBe("True: cannot be deleted while tiers/user name it: move them to another tier first");
    expect((await status())?.metadata.deletionTimestamp).toBeDefined();
    expect(isReady(platform.watch.get(key("user")))).toBe(true);

    await platform.applyService(key("user"), { tier: "tier-3" });
    await expect.poll(status, { timeout: PATIENCE_MS }).toBeUndefined();
    await platform.untilReady(key("user"));
  });
});

describe("a change to a tier", () => {
  const NAMES = ["paced-a", "paced-b", "paced-c"];
  const TIER = "tier-paced";
  const availability = (terminationGracePeriod: string): object => ({ availability: { minReplicas: 2, terminationGracePeriod } });

  beforeAll(async () => {
    await platform.apply(tierOf(TIER, availability("40s")));
    await Promise.all(NAMES.map((name) => platform.ready(key(name), { tier: TIER })));
  });

  test("reaches every service, one at a time, each waited for; the rest say what they wait for", async () => {
    let waiting = 0;
    const stop = platform.watch.subscribe(() => {
      const reasons = NAMES.map((name) => condition(platform.watch.get(key(name)), "WorkloadReady")?.reason);
      waiting = Math.max(waiting, reasons.filter((reason) => reason === "WaitingForRolloutBudget").length);
    });
    const rollouts = await watchRollouts(platform.info.adminKubeconfig, NAMESPACE);
    await platform.apply(tierOf(TIER, availability("41s")));
    await expect.poll(() => Promise.all(NAMES.map(graceOf)), { timeout: PATIENCE_MS }).toEqual([41, 41, 41]);
    for (const name of NAMES) {
      await platform.until(key(name), "is Ready about the new tier", (s) => isReady(s) && s.status?.inputs?.tier?.generation === 2);
    }
    stop();
    await rollouts.close();
    expect({ waiting, rollingAtOnce: rollouts.most() }).toEqual({ waiting: 2, rollingAtOnce: 1 });
  });

  test("that takes the last one back is paced as well, though its ReplicaSets are still there", async () => {
    const rollouts = await watchRollouts(platform.info.adminKubeconfig, NAMESPACE);
    await platform.apply(tierOf(TIER, availability("40s")));
    await expect.poll(() => Promise.all(NAMES.map(graceOf)), { timeout: PATIENCE_MS }).toEqual([40, 40, 40]);
    for (const name of NAMES) {
      await platform.until(key(name), "is Ready about the tier as it was", (s) => isReady(s) && s.status?.inputs?.tier?.generation === 3);
    }
    await rollouts.close();
    expect(rollouts.most()).toBe(1);
  });

  test("does not hold up a squad's own change, nor the repair of drift", async () => {
    await platform.applyService(key("paced-a"), { tier: TIER, container: { args: ["--own-change"] } });
    await platform.untilReady(key("paced-a"));
    const deployment = await platform.get<Deployed>(NAMESPACE, "deployment/paced-a");
    expect(deployment?.spec.template.spec.containers[0]?.args).toEqual(["--own-change"]);

    const drift = { spec: { template: { spec: { terminationGracePeriodSeconds: 39 } } } };
    await platform.kubectl(["patch", "deployment/paced-b", "-n", NAMESPACE, "--type=merge", "-p", JSON.stringify(drift)]);
    await expect.poll(() => graceOf("paced-b"), { timeout: PATIENCE_MS }).toBe(40);
  });
});
