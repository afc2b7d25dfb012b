import { afterAll, beforeAll, expect, test } from "vitest";
import type { ApiCall } from "../support/api-call.ts";
import { API_FAULTS, isWatchOrList, WATCH_FAULTS, resourceOf } from "../support/api-faults.ts";
import type { ActiveApiFault } from "../support/api-proxy.ts";
import { startFaultBench, type FaultBench } from "../support/fault-bench.ts";
import { FaultLives } from "../support/fault-lives.ts";
import { live } from "../support/lives.ts";
import { dealt, IS_THOROUGH, roundsOf } from "../support/thoroughness.ts";

/** As life-faults-api.test.ts, for the watches, which all services share: each is cut in the middle of a life, and then does not come back at once. */

/** One after the other, of each collection. */
const AT_START = API_FAULTS.slice(0, 4);
const FAULTS = IS_THOROUGH ? WATCH_FAULTS : AT_START;

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

test.each(roundsOf(FAULTS))("each watch, cut, and its next request fails, round %i: the same end", async (round) => {
  const resources = watchedResources();
  const inRound = dealt(FAULTS, { count: resources.length, round });
  const trials = new Map(inRound.map((named, index) => [lives.namespace(), [resources[index] ?? "", ...named] as const]));
  const injected = new Map<string, ActiveApiFault[]>();
  const stop = bench.proxy.onCall((call) => {
    const trial = trials.get(call.namespace);
    if (trial === undefined || call.verb !== "patch" || call.resource !== "serviceaccounts") return;
    const [resource, , fault] = trial;
    const match = (other: ApiCall): boolean => isWatchOrList(other) && resourceOf(other) === resource;
    // A life writes its ServiceAccount more than once, and no second fault is to wait for a request beside the first: a process that starts later would meet both.
    const faults = injected.get(resource) ?? [];
    if (faults.every(({ applied }) => applied > 0)) injected.set(resource, [...faults, bench.proxy.inject({ match, position: 1, fault })]);
    bench.proxy.cutWatches(match);
  });
  const result = await live(bench, [...trials.keys()]);
  stop();
  bench.proxy.clearFaults();
  const fates = [...trials].map(([namespace, [resource, name]]) => [namespace, `${resource}, ${name}`] as const);
  const problems = lives.tallied("watches cut, and their next request failed", new Map(fates), { result });
  expect(problems).toEqual({});
  const met = [...injected].filter(([, faults]) => faults.some(({ applied }) => applied > 0)).map(([resource]) => resource);
  expect(met.toSorted()).toEqual(resources);
});

test("an operator whose first lists and watches all fail at its start gets to work without another start", async () => {
  for (const resource of watchedResources()) {
    const match = (call: ApiCall): boolean => isWatchOrList(call) && resourceOf(call) === resource;
    AT_START.forEach(([, fault], index) => void bench.proxy.inject({ match, position: index + 1, fault }));
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
