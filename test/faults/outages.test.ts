import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { OPERATOR_KEY } from "../../src/cli/keys.ts";
import { condition, isReady } from "../../src/cli/service-watch.ts";
import type { ObjectKey } from "../../src/crds/meta.ts";
import { apply, HEALING_MS, push, ready, untilReady, untilRepaired, untilThere } from "../support/bench-services.ts";
import { startFaultBench, type FaultBench } from "../support/fault-bench.ts";
import { expectMadeOnce } from "../support/made-once.ts";
import { creationsSince } from "../support/own-action.ts";
import { serviceOf } from "../support/platform.ts";
import { startReplicaBench, type BackOff, type Kubelet } from "../support/replica-bench.ts";
import { tally } from "../support/tally.ts";
import { IS_THOROUGH, SEED } from "../support/thoroughness.ts";

/** What is away is away for long: five minutes by `npm run test:faults`, some seconds by `npm test`. All get over it alone: one and the same process, and replicas that end and are started again. */

const AWAY_MS = IS_THOROUGH ? 300_000 : 20_000;
const THROTTLED_MS = 2 * AWAY_MS;
const OLD = { namespace: "outages", name: "old" };

describe("an operator without a lease", () => {
  let bench: FaultBench;
  let pid: number;

  beforeAll(async () => {
    bench = await startFaultBench();
    await ready(bench, OLD);
    pid = bench.operator.pid;
  });

  afterEach(async () => {
    bench.proxy.clearFaults();
    await bench.aws.clearFaults();
  });

  afterAll(() => bench.stop());

  test("the API server is away: what is deleted and what is made as soon as it is back is seen", async () => {
    const gone = { namespace: OLD.namespace, name: "gone" };
    await ready(bench, gone);
    await bench.plane.stopApiServer({ graceMs: 0 });
    await lasting(AWAY_MS);
    await bench.plane.startApiServer();
    await bench.plane.kubectl(["delete", "psvc", gone.name, "-n", gone.namespace, "--wait=false"]);
    await whileDraining(bench, OLD.namespace, () => recovered("the API server away", "after-api"));
    await bench.watch.until("the service that was deleted is gone", () => bench.watch.get(gone) === undefined, AWAY_MS + HEALED_MS);
    // Its role is gone; its repository is retained, as a service has it that says nothing else.
    expect(await inAws(gone.name)).toEqual([`${gone.namespace}/${gone.name}`]);
  });

  test("the operator alone is cut off from the API server: what came, went and changed meanwhile is seen", async () => {
    const [gone, changed, young] = ["parted", "changed", "came"].map((name) => ({ namespace: OLD.namespace, name }));
    if (gone === undefined || changed === undefined || young === undefined) throw new Error("unreachable");
    await Promise.all([ready(bench, gone), ready(bench, changed)]);
    bench.proxy.inject({ match: () => true, position: 1, times: Number.POSITIVE_INFINITY, fault: { kind: "cut" } });
    bench.proxy.cutWatches();
    const since = await bench.aws.lastSequence();
    await apply(bench, young);
    await apply(bench, changed, { port: 9090 });
    await bench.plane.kubectl(["delete", "psvc", gone.name, "-n", gone.namespace, "--wait=false"]);
    await bench.plane.kubectl(["delete", `networkpolicy/${changed.name}-default-deny`, "-n", changed.namespace]);
    await lasting(AWAY_MS);
    expect(bench.watch.get(young)?.status?.conditions).toBeUndefined();
    expect(bench.watch.get(gone)?.metadata.deletionTimestamp).toBeDefined();
    expect(condition(bench.watch.get(changed), "Ready")?.observedGeneration).toBe(1);
    expect((await bench.aws.actions(since)).filter(({ access }) => access === "write")).toEqual([]);
    bench.proxy.clearFaults();
    await recovered("the operator cut off from the API server", "after-cut");
    await push(bench, young);
    await Promise.all([untilReady(bench, young), untilReady(bench, changed)]);
    await untilThere(bench, changed.namespace, `networkpolicy/${changed.name}-default-deny`);
    expect(
      await bench.plane.kubectl(["get", "service", changed.name, "-n", changed.namespace, "-o", "jsonpath={.spec.ports[*].port}"]),
    ).toBe("9090");
    await bench.watch.until("the service that was deleted is gone", () => bench.watch.get(gone) === undefined, HEALED_MS);
    expect(await inAws(gone.name)).toEqual([`${gone.namespace}/${gone.name}`]);
  });

  test("AWS is away: what was asked for meanwhile gets Ready", async () => {
    const young = { namespace: OLD.namespace, name: "young" };
    await bench.stopAws();
    await apply(bench, young);
    await lasting(AWAY_MS);
    expect(isReady(bench.watch.get(OLD))).toBe(true);
    expect(isReady(bench.watch.get(young))).toBe(false);
    await bench.startAws();
    await push(bench, young);
    await untilReady(bench, young);
    await recovered("AWS away", "after-aws");
  });

  test("half of AWS's calls are throttled, for long: some services get Ready meanwhile, all afterwards, and each thing is made once", async () => {
    const since = await bench.aws.lastSequence();
    await bench.aws.addFaults({ match: { accessKeyId: OPERATOR_KEY }, coin: { share: 0.5, seed: SEED }, fault: { kind: "throttle" } });
    /** As often in a row as the SDK tries: then the operator itself meets it, and says so. */
    const told = new Set<string>();
    const unsubscribe = bench.watch.subscribe((_, after) => {
      if (after?.status?.conditions?.some(({ reason }) => reason === "Throttled") === true) told.add(after.metadata.name);
    });
    const end = performance.now() + THROTTLED_MS;
    const names: string[] = [];
    const coming: Promise<unknown>[] = [];
    do {
      const few = Array.from({ length: AT_ONCE }, (_, index) => `busy-${String(names.length + index)}`);
      names.push(...few);
      const all = Promise.all(
        few.map((name) => ready(bench, { namespace: OLD.namespace, name }, {}, THROTTLED_MS + LONGEST_BACK_OFF_MS + HEALED_MS)),
      );
      coming.push(all);
      await Promise.race([all, lasting(HEALING_MS)]);
    } while (performance.now() < end || told.size === 0);
    unsubscribe();
    const readyMeanwhile = names.filter((name) => isReady(bench.watch.get({ namespace: OLD.namespace, name }))).length;
    const [rule] = await bench.aws.faults();
    await bench.aws.clearFaults();
    const { matched = 0, applied = 0 } = rule ?? {};
    const services = `${String(told.size)} of ${String(names.length)} services were told, ${String(readyMeanwhile)} got Ready meanwhile`;
    console.log(`throttled: ${String(applied)} of ${String(matched)} calls; ${services}`);
    expect(readyMeanwhile).toBeGreaterThan(0);
    await Promise.all(coming);
    expect(applied).toBeGreaterThan(0.4 * matched);
    const made = await creationsSince(bench.aws, since);
    const ofName = (name: string) =>
      made.filter(({ resource }) => resource.endsWith(`${OLD.namespace}.${name}`) || resource.endsWith(`${OLD.namespace}/${name}`));
    for (const name of names)
      expect(
        ofName(name)
          .map(({ action }) => action)
          .toSorted(),
      ).toEqual(["ecr:CreateRepository", "iam:CreateRole"]);
    expect(made).toHaveLength(2 * names.length);
    await recovered("half of AWS's calls throttled", "after-busy", THROTTLED_MS);
  });

  async function recovered(what: string, name: string, ms = AWAY_MS): Promise<void> {
    await getsOn(bench, OLD, { what, name });
    const held = bench.operator.pid === pid && process.kill(pid, 0);
    tally({ what: `outages of ${String(ms / 1000)} s: ${what}`, tried: 1, held: held ? 1 : 0 });
    expect(held).toBe(true);
  }

  /** What of AWS has the name, by its key. */
  async function inAws(name: string): Promise<readonly string[]> {
    const { roles, repositories } = await bench.aws.state();
    return [...roles, ...repositories].map(([key]) => key).filter((key) => key.includes(name));
  }
});

/** As a kubelet has it, or so short that it starts one within the outage. */
const BACK_OFF: BackOff = IS_THOROUGH ? { firstMs: 10_000, longestMs: 300_000 } : { firstMs: 1_000, longestMs: 300_000 };

test("the API server is away from two replicas: who led ends, both are started again meanwhile, and when it is back one leads and goes on", async () => {
  const old = { namespace: "leased", name: "old" };
  const begun = { namespace: "leased", name: "begun" };
  const bench = await startReplicaBench();
  let kubelet: Kubelet | undefined;
  onTestFinished(async () => {
    await kubelet?.stop();
    await bench.stop();
  });
  await ready(bench, old);
  kubelet = await bench.startKubelet(BACK_OFF);
  const { leader, standby } = bench;
  await apply(bench, begun);
  await bench.plane.stopApiServer({ graceMs: 0 });
  const awayAt = performance.now();
  expect(await leader.process.ended).toBe("code 3");
  // Who stands by has nothing to lose; its node goes.
  await standby.process.kill();
  await lasting(AWAY_MS - (performance.now() - awayAt));
  expect(kubelet.starts).toBeGreaterThanOrEqual(2);
  await bench.plane.startApiServer();
  await bench.apply(serviceOf(old, { port: 9090 }));
  await whileDraining(bench, old.namespace, async () => {
    const next = await bench.untilLed();
    await push(bench, begun);
    await untilReady(bench, begun);
    await getsOn(bench, old, { what: "the API server away from two replicas", name: "after" });
    expect(await bench.leaders()).toEqual([next]);
  });
  expect(bench.replicas).toHaveLength(2);
  expect([leader, standby].filter((one) => bench.replicas.includes(one))).toEqual([]);
  await expectMadeOnce(bench, [old.namespace]);
  const what = `outages of ${String(AWAY_MS / 1000)} s: the API server away from two replicas, which end and are started again`;
  tally({ what, tried: 1, held: 1 });
});

/** So many services at once: calls of one that is throttled are followed by another's. */
const AT_ONCE = 6;
/** Of passes that fail again and again: such a service is looked at when it is over, however late that is (src/kube/workqueue.ts). */
const LONGEST_BACK_OFF_MS = 300_000;
const DRAIN_MS = 5_000;

/** To the node controller the nodes were away, whenever it comes to look, and kwok's kubelets do not say a second time that a pod is ready: such pods are replaced, as whoever drains a node would. */
async function whileDraining(bench: FaultBench, namespace: string, act: () => Promise<void>): Promise<void> {
  const ending = new AbortController();
  const draining = drainNotReady(bench, namespace, ending.signal);
  await act().finally(() => ending.abort());
  await draining;
}

async function drainNotReady(bench: FaultBench, namespace: string, signal: AbortSignal): Promise<void> {
  const readiness = '{range .items[*]}{.metadata.name}{" "}{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}';
  while (!signal.aborted) {
    const pods = await bench.plane.kubectl(["get", "pods", "-n", namespace, "-o", `jsonpath=${readiness}`]);
    const names = pods.split("\n").flatMap((line) => (line.endsWith(" False") ? [line.slice(0, line.indexOf(" "))] : []));
    if (names.length > 0) await bench.plane.kubectl(["delete", "pods", ...names, "-n", namespace, "--wait=false", "--ignore-not-found"]);
    await lasting(DRAIN_MS);
  }
}

/** The longest back-off after an outage of this length, and what a pass takes. */
const HEALED_MS = 60_000;

/** A new service gets Ready, and an old one is repaired. */
async function getsOn(bench: FaultBench, old: ObjectKey, { what, name }: { readonly what: string; readonly name: string }): Promise<void> {
  const started = performance.now();
  await ready(bench, { namespace: old.namespace, name });
  await untilRepaired(bench, old.namespace, `networkpolicy/${old.name}-default-deny`);
  await untilReady(bench, old);
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(`${what}: a new service Ready and an old one repaired ${String(seconds)} s after it was back`);
}

async function lasting(ms: number): Promise<void> {
  await new Promise((resolve) => void setTimeout(resolve, ms));
}
