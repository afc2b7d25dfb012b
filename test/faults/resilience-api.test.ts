import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { isReady } from "../../src/cli/service-watch.ts";
import { isWatchOrList } from "../support/api-faults.ts";
import { apply, ready, untilReady, untilRepaired, untilThere } from "../support/bench-services.ts";
import { startFaultBench, type FaultBench } from "../support/fault-bench.ts";
import { startTcpRelay, type TcpRelay } from "../support/tcp-relay.ts";

/** What happens to every connection to an API server sooner or later. One and the same operator process converges after each. */

/** Seconds: so that a half-open connection is found in a test's time. */
const WATCH_SILENCE = "10";
/** All collections that the operator follows, but for Rollouts: no API server here serves them. */
const WATCHES = 24;

let bench: FaultBench;
let relay: TcpRelay;
let pid: number;
let made = 0;

/** A service that was there before. */
const OLD = { namespace: "resilience", name: "old" };

beforeAll(async () => {
  bench = await startFaultBench();
  relay = await startTcpRelay(bench.plane.url);
  await ready(bench, OLD);
});

beforeEach(() => {
  pid = bench.operator.pid;
});

afterEach(() => bench.proxy.clearFaults());

afterAll(async () => {
  await relay.close();
  await bench.stop();
});

test("the API server restarted: converges, over TLS and HTTP/2, without a restart", async () => {
  await bench.restartOperator({ apiUrl: bench.plane.url });
  pid = bench.operator.pid;
  await bench.plane.restartApiServer();
  expect(await convergedUnder()).toBe(pid);
});

test("the API server killed, and back after a while: converges", async () => {
  await bench.plane.stopApiServer({ graceMs: 0 });
  await bench.plane.startApiServer();
  expect(await convergedUnder()).toBe(pid);
});

test("a half-open connection, on which nothing is said any more: given up, and converges", async () => {
  await bench.restartOperator({ apiUrl: relay.url, args: ["--watch-silence", WATCH_SILENCE] });
  pid = bench.operator.pid;
  expect(relay.freeze()).toBeGreaterThan(0);
  expect(await convergedUnder()).toBe(pid);
});

test("every watch reset: converges", async () => {
  await bench.restartOperator();
  pid = bench.operator.pid;
  expect(bench.proxy.cutWatches()).toBe(WATCHES);
  expect(await convergedUnder()).toBe(pid);
});

test("every watch told 410 in an ERROR frame, and the next request answered 410: reads all anew, and converges", async () => {
  bench.proxy.inject({ match: isWatchOrList, position: 1, times: WATCHES, fault: { kind: "status", code: 410 } });
  expect(bench.proxy.expireWatches()).toBe(WATCHES);
  expect(await convergedUnder()).toBe(pid);
});

test("a revision that the API server itself has forgotten: what came and went meanwhile is seen", async () => {
  const gone = { namespace: "resilience", name: "gone" };
  await ready(bench, gone);
  const expired = bench.proxy.expiredByServer;
  bench.proxy.inject({ match: isWatchOrList, position: 1, times: Number.POSITIVE_INFINITY, fault: { kind: "cut" } });
  bench.proxy.cutWatches();
  await bench.plane.kubectl(["delete", "networkpolicy/old-default-deny", "serviceaccount/old", "-n", OLD.namespace]);
  await bench.plane.kubectl(["delete", "psvc", gone.name, "-n", gone.namespace, "--wait=false"]);
  await bench.plane.restartApiServer();
  bench.proxy.clearFaults();

  await bench.watch.until("the service that was deleted is gone", () => bench.watch.get(gone) === undefined, 60_000);
  expect(await convergedUnder()).toBe(pid);
  expect(bench.proxy.expiredByServer).toBeGreaterThan(expired);
  // Each kind's watch finds out for itself.
  await untilThere(bench, OLD.namespace, "serviceaccount/old");
});

test("a write that is never answered: given up after its time, and the other services do not wait for it", async () => {
  const stuck = { namespace: "resilience-stuck", name: "stuck" };
  const held = bench.proxy.inject({
    match: (call) => call.namespace === stuck.namespace && call.resource === "networkpolicies",
    position: 1,
    fault: { kind: "hang" },
  });
  await apply(bench, stuck);
  await expect.poll(() => held.applied, { timeout: 20_000 }).toBe(1);
  expect(await convergedUnder()).toBe(pid);
  expect(isReady(bench.watch.get(stuck))).toBe(false);
  await ready(bench, stuck);
});

/** Makes a new service Ready, has an old one repaired, and resolves to the pid of the operator that did it and lives. */
async function convergedUnder(): Promise<number | undefined> {
  made++;
  await ready(bench, { namespace: "resilience", name: `new-${String(made)}` });
  await untilRepaired(bench, OLD.namespace, "networkpolicy/old-default-deny");
  await untilReady(bench, OLD);
  return process.kill(bench.operator.pid, 0) ? bench.operator.pid : undefined;
}
