import { afterAll, beforeAll, expect, test } from "vitest";
import type { ApiCall } from "../support/api-call.ts";
import { API_FAULTS, isWatchOrList, resourceOf } from "../support/api-faults.ts";
import type { ActiveApiFault } from "../support/api-proxy.ts";
import { startFaultBench, type FaultBench } from "../support/fault-bench.ts";
import { FaultLives } from "../support/fault-lives.ts";
import { live } from "../support/lives.ts";

/** As life-faults-api.test.ts, for the watches, which all services share: each is cut in the middle of a life, and then does not come back at once. */

let bench: FaultBench;
let lives: FaultLives;

beforeAll(async () => {
  bench = await startFaultBench();
  lives = await FaultLives.record(bench);
});

afterAll(async () => {
  console.log(lives.summary());
  await bench.stop();
});

test.each(API_FAULTS)("each watch, cut, its next request %s: the same end", async (_, fault) => {
  const resources = new Map(watchedResources().map((resource) => [lives.namespace(), resource] as const));
  const faults: ActiveApiFault[] = [];
  const stop = bench.proxy.onCall((call) => {
    const resource = resources.get(call.namespace);
    if (resource === undefined || call.verb !== "patch" || call.resource !== "serviceaccounts") return;
    const match = (other: ApiCall): boolean => isWatchOrList(other) && resourceOf(other) === resource;
    faults.push(bench.proxy.inject({ match, position: 1, fault }));
    bench.proxy.cutWatches(match);
  });
  const result = await live(bench, [...resources.keys()]);
  stop();
  bench.proxy.clearFaults();
  expect(lives.problems(resources, result)).toEqual({});
  expect(faults.filter(({ applied }) => applied === 0)).toEqual([]);
  expect(faults.length).toBeGreaterThanOrEqual(resources.size);
  lives.count(resources.size, resources.size);
});

test("an operator whose first lists and watches all fail at its start gets to work without another start", async () => {
  for (const resource of watchedResources()) {
    const match = (call: ApiCall): boolean => isWatchOrList(call) && resourceOf(call) === resource;
    API_FAULTS.forEach(([, fault], index) => void bench.proxy.inject({ match, position: index + 1, fault }));
  }
  await bench.restartOperator();
  bench.proxy.clearFaults();
  const namespace = lives.namespace();
  expect(lives.problems(new Map([[namespace, "after a hard start"]]), await live(bench, [namespace]))).toEqual({});
});

/** Each collection that the operator follows. */
function watchedResources(): string[] {
  return [...new Set(bench.proxy.calls.filter(({ verb }) => verb === "watch").map(resourceOf))].toSorted();
}
