import { afterAll, beforeAll, expect, test } from "vitest";
import { OPERATOR_KEY } from "../../src/cli/keys.ts";
import { signatureOf } from "../support/api-call.ts";
import { Assassin } from "../support/assassin.ts";
import { startFaultBench, type FaultBench } from "../support/fault-bench.ts";
import { FaultLives } from "../support/fault-lives.ts";
import type { LifeStep } from "../support/life-steps.ts";
import { live, type LifeKind } from "../support/lives.ts";
import { seededRandom } from "../support/seeded.ts";

/**
 * The operator is killed at twenty moments of a life and started again each time. A moment is a call that it makes for one service, seen on its
 * way and carried out without it: never a wall time. The other services are then wherever they are.
 */

const DEATHS = 20;
/** A few more than deaths, since two moments may come at once, and a life may end before the second is made up for. */
const MOMENTS = 24;
/** FAULTS_SEED=… plays other moments. */
const SEED = Number(process.env.FAULTS_SEED ?? "20261124");

let bench: FaultBench;
let lives: FaultLives;
let assassin: Assassin | undefined;

beforeAll(async () => {
  bench = await startFaultBench({
    onAwsCall({ service, operation, body, accessKeyId }) {
      if (accessKeyId === OPERATOR_KEY) assassin?.saw("aws", `${service}:${operation}`, (namespace) => body.includes(namespace));
    },
  });
  lives = await FaultLives.record(bench, ["life", "mesh"]);
});

afterAll(() => bench.stop());

test("killed at twenty moments of a life and started again: the same end, and nothing written after it", async () => {
  const random = seededRandom(SEED);
  const moments = lives.each(Array.from({ length: MOMENTS }, (_, index) => pick(index % 2 === 0 ? "life" : "mesh", random)));
  const plan = new Assassin(bench, moments);
  assassin = plan;
  const stop = bench.proxy.onCall((call) => plan.saw("api", signatureOf(call), (namespace) => call.namespace === namespace));
  const result = await live(bench, [...moments.keys()], (phase) => plan.enter(phase));
  stop();
  console.log(`seed ${String(SEED)}; the operator was killed ${String(plan.done.length)} times, at\n  ${plan.done.join("\n  ")}`);
  expect(lives.problems(moments, result)).toEqual({});
  expect(plan.done.length).toBeGreaterThanOrEqual(DEATHS);
});

function pick(kind: LifeKind, random: () => number): LifeStep {
  const steps = lives.steps.filter((step) => step.kind === kind);
  const step = steps[Math.floor(random() * steps.length)];
  if (step === undefined) throw new Error("the recorded life has no calls");
  return step;
}
