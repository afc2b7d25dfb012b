import { afterAll, beforeAll, expect, test } from "vitest";
import { signatureOf, type ApiCall } from "../support/api-call.ts";
import { API_FAULTS } from "../support/api-faults.ts";
import type { ActiveApiFault } from "../support/api-proxy.ts";
import { startFaultBench, type FaultBench } from "../support/fault-bench.ts";
import { FaultLives } from "../support/fault-lives.ts";
import { changedPaths } from "../support/json-diff.ts";
import type { LifeStep } from "../support/life-steps.ts";
import { live } from "../support/lives.ts";

/**
 * Each call to the API server of a service's life fails once, each in a life of its own: whatever fails, all end in the same state, a pass
 * after that writes nothing, and nothing is left in the end. Lives run side by side, since a fault is keyed by its namespace.
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
  const { born, changed, left, idleWrites } = lives.clean("life");
  expect(Object.keys(born)).toHaveLength(23);
  expect(changedPaths(born, changed).length).toBeGreaterThan(10);
  expect(left).toEqual({});
  expect(idleWrites).toEqual([]);
});

test.each(API_FAULTS)("each API call of a life, %s: the same end", async (_, fault) => {
  const steps = lives.each(lives.steps.filter(({ to }) => to === "api"));
  const active = new Map<LifeStep, ActiveApiFault>();
  const result = await live(bench, [...steps.keys()], (phase) => {
    bench.proxy.clearFaults();
    for (const [namespace, step] of steps) {
      if (step.phase !== phase) continue;
      const match = (call: ApiCall): boolean => call.namespace === namespace && signatureOf(call) === step.call;
      active.set(step, bench.proxy.inject({ match, position: step.occurrence, fault }));
    }
  });
  expect(lives.problems(steps, result)).toEqual({});
  expect(lives.unmet([...steps.values()], (step) => (active.get(step)?.applied ?? 0) > 0)).toEqual([]);
  expect(steps.size).toBeGreaterThan(60);
});
