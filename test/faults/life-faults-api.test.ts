import { afterAll, beforeAll, expect, test } from "vitest";
import { signatureOf, type ApiCall } from "../support/api-call.ts";
import { API_FAULTS } from "../support/api-faults.ts";
import type { ActiveApiFault, ApiFault } from "../support/api-proxy.ts";
import { startFaultBench, type FaultBench } from "../support/fault-bench.ts";
import { FaultLives, namespacesOf, type Trial } from "../support/fault-lives.ts";
import { changedPaths } from "../support/json-diff.ts";
import { live } from "../support/lives.ts";
import { roundsAtOnce } from "../support/thoroughness.ts";

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

test("a life without faults leaves nothing, has nothing made twice, and is not written when it is looked at again", () => {
  const { born, changed, retiered, left, madeAgain, creations, idleWrites } = lives.clean("life");
  expect(Object.keys(born).length).toBeGreaterThan(20);
  expect(changedPaths(born, changed).length).toBeGreaterThan(100);
  expect(changedPaths(changed, retiered).length).toBeGreaterThan(20);
  expect(left).toEqual({});
  expect(idleWrites).toEqual([]);
  expect(madeAgain).toEqual([]);
  expect(creations).toEqual({ "iam:CreateRole": 1, "ecr:CreateRepository": 1, "eks:CreatePodIdentityAssociation": 1 });
});

test.each(roundsAtOnce(API_FAULTS))("each API call of a life fails, one in a phase, rounds $rounds: the same end", async ({ rounds }) => {
  const trials = lives.deal(
    lives.steps.filter(({ to }) => to === "api"),
    { faults: API_FAULTS, rounds },
  );
  const active = new Map<Trial<ApiFault>, ActiveApiFault>();
  const result = await live(bench, namespacesOf(trials), (phase) => {
    // What has not come in its phase may come in the next; but for that in which nothing is to be written.
    if (phase === "seenAgain") bench.proxy.clearFaults();
    for (const trial of trials) {
      const { namespace, step, fault } = trial;
      if (step.phase !== phase) continue;
      const match = (call: ApiCall): boolean => call.namespace === namespace && signatureOf(call) === step.call;
      active.set(trial, bench.proxy.inject({ match, position: step.occurrence, fault }));
    }
  });
  bench.proxy.clearFaults();
  const isMet = (trial: Trial<ApiFault>): boolean => (active.get(trial)?.applied ?? 0) > 0;
  const { problems, unmet } = lives.judge("the API server", trials, { result, isMet });
  expect(problems).toEqual({});
  expect(unmet).toEqual([]);
  expect(trials.length).toBeGreaterThan(60);
});
