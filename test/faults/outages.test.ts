import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { OPERATOR_KEY } from "../../src/cli/keys.ts";
import { isReady } from "../../src/cli/service-watch.ts";
import { apply, push, ready, untilReady, untilRepaired } from "../support/bench-services.ts";
import { startFaultBench, type FaultBench } from "../support/fault-bench.ts";
import { isOwnAction } from "../support/own-action.ts";
import { tally } from "../support/tally.ts";
import { IS_THOROUGH } from "../support/thoroughness.ts";

/** What is away is away for long: five minutes by `npm run test:faults`, some seconds by `npm test`. One and the same process gets over it alone. */

const AWAY_MS = IS_THOROUGH ? 300_000 : 20_000;
const THROTTLED_MS = 2 * AWAY_MS;
const OLD = { namespace: "outages", name: "old" };

let bench: FaultBench;
let pid: number;

beforeAll(async () => {
  bench = await startFaultBench();
  await ready(bench, OLD);
  pid = bench.operator.pid;
});

afterEach(() => bench.aws.clearFaults());

afterAll(() => bench.stop());

test("the API server is away: what came and went meanwhile is seen, and new services get Ready", async () => {
  const gone = { namespace: OLD.namespace, name: "gone" };
  await ready(bench, gone);
  await bench.plane.stopApiServer({ graceMs: 0 });
  await lasting(AWAY_MS);
  await bench.plane.startApiServer();
  await bench.plane.kubectl(["delete", "psvc", gone.name, "-n", gone.namespace, "--wait=false"]);
  const ending = new AbortController();
  const draining = drainNotReady(ending.signal);
  await recovered("the API server away", "after-api").finally(() => ending.abort());
  await draining;
  await bench.watch.until("the service that was deleted is gone", () => bench.watch.get(gone) === undefined, AWAY_MS + HEALED_MS);
  // Its role is gone; its repository is retained, as a service has it that says nothing else.
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

test("every other call to AWS is throttled, for long: services get Ready all the while, and each thing is made once", async () => {
  const since = (await bench.aws.actions()).at(-1)?.sequence ?? 0;
  await bench.aws.addFaults({ match: { accessKeyId: OPERATOR_KEY }, every: 2, fault: { kind: "throttle" } });
  const end = performance.now() + THROTTLED_MS;
  const names: string[] = [];
  do {
    const name = `busy-${String(names.length)}`;
    names.push(name);
    await ready(bench, { namespace: OLD.namespace, name });
  } while (performance.now() < end);
  await bench.aws.clearFaults();
  const made = (await bench.aws.actions(since)).filter((one) => one.committed && isOwnAction(one) && one.action.includes(":Create"));
  const ofName = (name: string) =>
    made.filter(({ resource }) => resource.endsWith(`${OLD.namespace}.${name}`) || resource.endsWith(`${OLD.namespace}/${name}`));
  for (const name of names)
    expect(
      ofName(name)
        .map(({ action }) => action)
        .toSorted(),
    ).toEqual(["ecr:CreateRepository", "iam:CreateRole"]);
  expect(made).toHaveLength(2 * names.length);
  await recovered("half of AWS's calls throttled", "after-busy");
});

const DRAIN_MS = 5_000;

/** To the node controller the nodes were away, whenever it comes to look, and kwok's kubelets do not say a second time that a pod is ready: such pods are replaced, as whoever drains a node would. */
async function drainNotReady(signal: AbortSignal): Promise<void> {
  const readiness = '{range .items[*]}{.metadata.name}{" "}{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}';
  while (!signal.aborted) {
    const pods = await bench.plane.kubectl(["get", "pods", "-n", OLD.namespace, "-o", `jsonpath=${readiness}`]);
    const names = pods.split("\n").flatMap((line) => (line.endsWith(" False") ? [line.slice(0, line.indexOf(" "))] : []));
    if (names.length > 0)
      await bench.plane.kubectl(["delete", "pods", ...names, "-n", OLD.namespace, "--wait=false", "--ignore-not-found"]);
    await lasting(DRAIN_MS);
  }
}

/** The longest back-off after an outage of this length, and what a pass takes. */
const HEALED_MS = 60_000;

async function recovered(what: string, name: string): Promise<void> {
  const started = performance.now();
  await ready(bench, { namespace: OLD.namespace, name });
  await untilRepaired(bench, OLD.namespace, "networkpolicy/old-default-deny");
  await untilReady(bench, OLD);
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(`${what}: a new service Ready and an old one repaired ${String(seconds)} s after it was back`);
  const held = bench.operator.pid === pid && process.kill(pid, 0);
  tally({ what: `outages of ${String(AWAY_MS / 1000)} s: ${what}`, tried: 1, held: held ? 1 : 0 });
  expect(held).toBe(true);
}

/** What of AWS has the name, by its key. */
async function inAws(name: string): Promise<readonly string[]> {
  const { roles, repositories } = await bench.aws.state();
  return [...roles, ...repositories].map(([key]) => key).filter((key) => key.includes(name));
}

async function lasting(ms: number): Promise<void> {
  await new Promise((resolve) => void setTimeout(resolve, ms));
}
