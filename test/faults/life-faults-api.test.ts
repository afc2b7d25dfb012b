import { afterAll, beforeAll, expect, test } from "vitest";
import { signatureOf, type ApiCall } from "../support/api-call.ts";
import { API_FAULTS } from "../support/api-faults.ts";
import type { ActiveApiFault } from "../support/api-proxy.ts";
import { startFaultBench, type FaultBench } from "../support/fault-bench.ts";
import { FaultLives, namespacesOf } from "../support/fault-lives.ts";
import { changedPaths } from "../support/json-diff.ts";
import type { LifeStep } from "../support/life-steps.ts";
import { live } from "../support/lives.ts";
import { roundsOf } from "../support/thoroughness.ts";

/**
 * Each call to the API server of a service's life fails once, in each phase of a life one: whatever fails, all end in the same state, a pass
 * after that writes nothing, and nothing is left in the end. Lives run side by side, since a fault is keyed by its namespace.
 * `npm run test:faults` lets each call fail in each way; `npm test` lets seventy of them, which a seed picks, fail in one way each.
 */

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

test("a life without faults leaves nothing, and is not written when it is looked at again", () => {
  const { born, changed, retiered, left, idleWrites } = lives.clean("life");
  expect(Object.keys(born).length).toBeGreaterThan(20);
  expect(changedPaths(born, changed).length).toBeGreaterThan(100);
  expect(changedPaths(changed, retiered).length).toBeGreaterThan(20);
  expect(left).toEqual({});
  expect(idleWrites).toEqual([]);
});

test.each(roundsOf(API_FAULTS))("each API call of a life fails once, one in a phase, round %i: the same end", async (round) => {
  const trials = lives.deal(
    lives.steps.filter(({ to }) => to === "api"),
    { faults: API_FAULTS, round },
  );
  const active = new Map<LifeStep, ActiveApiFault>();
  const result = await live(bench, namespacesOf(trials), (phase) => {
    bench.proxy.clearFaults();
    for (const { namespace, step, fault } of trials) {
      if (step.phase !== phase) continue;
      const match = (call: ApiCall): boolean => call.namespace === namespace && signatureOf(call) === step.call;
      active.set(step, bench.proxy.inject({ match, position: step.occurrence, fault }));
    }
  });
  const isMet = ({ step }: { readonly step: LifeStep }): boolean => (active.get(step)?.applied ?? 0) > 0;
  const { problems, unmet } = lives.judge("the API server", trials, { result, isMet });
  expect(problems).toEqual({});
  expect(unmet).toEqual([]);
  expect(trials.length).toBeGreaterThan(60);
});
