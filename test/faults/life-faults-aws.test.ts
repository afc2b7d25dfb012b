import { afterAll, beforeAll, expect, test } from "vitest";
import type { FaultRule } from "../../emulator/faults.ts";
import { OPERATOR_KEY } from "../../src/cli/keys.ts";
import { AWS_FAULTS, type AwsFault } from "../support/aws-faults.ts";
import { TO_WORKSPACE } from "../support/aws/managed-prometheus.ts";
import { startFaultBench, type FaultBench } from "../support/fault-bench.ts";
import { FaultLives, namespacesOf, type Trial } from "../support/fault-lives.ts";
import type { LifeKind } from "../support/life-specs.ts";
import type { LifeStep } from "../support/life-steps.ts";
import { live } from "../support/lives.ts";
import { roundsAtOnce } from "../support/thoroughness.ts";

/** As life-faults-api.test.ts, for each call to AWS. */

const KINDS: readonly LifeKind[] = ["life", "mesh"];
/** In calls. */
const LAGS = [1, 2, 3, 5, 8, 13];

let bench: FaultBench;
let lives: FaultLives;

beforeAll(async () => {
  bench = await startFaultBench({ config: TO_WORKSPACE });
  lives = await FaultLives.record(bench, KINDS);
});

afterAll(async () => {
  console.log(lives.summary());
  await bench.stop();
});

/** Of a life in App Mesh what the first has not. */
function isOwn({ to, kind, call }: LifeStep): boolean {
  return to === "aws" && (kind === "life" || call.startsWith("appmesh:"));
}

test.each(roundsAtOnce(AWS_FAULTS))("each AWS call of a life fails, one in a phase, rounds $rounds: the same end", async ({ rounds }) => {
  const trials = lives.deal(lives.steps.filter(isOwn), { faults: AWS_FAULTS, rounds });
  const met = new Set<Trial<AwsFault>>();
  const trialOf = new Map<number, Trial<AwsFault>>();
  const noteMet = async (): Promise<void> => {
    for (const { id, applied } of await bench.aws.faults()) {
      const trial = trialOf.get(id);
      if (applied > 0 && trial !== undefined) met.add(trial);
    }
  };
  const result = await live(bench, namespacesOf(trials), async (phase) => {
    // What has not come in its phase may come in the next; but for that in which nothing is to be written.
    if (phase === "seenAgain") {
      await noteMet();
      await bench.aws.clearFaults();
    }
    const inPhase = trials.filter(({ step }) => step.phase === phase);
    const rules = await bench.aws.addFaults(...inPhase.map(ruleOf));
    for (const [index, { id }] of rules.entries()) {
      const trial = inPhase[index];
      if (trial !== undefined) trialOf.set(id, trial);
    }
  });
  await noteMet();
  await bench.aws.clearFaults();
  const { problems, unmet } = lives.judge("AWS", trials, { result, isMet: (trial) => met.has(trial) });
  expect(problems).toEqual({});
  expect(unmet).toEqual([]);
  expect(trials.length).toBeGreaterThan(40);
});

function ruleOf({ namespace, step, fault }: Trial<AwsFault>): FaultRule {
  const operation = step.call.slice(step.call.indexOf(":") + 1);
  return { match: { operation, accessKeyId: OPERATOR_KEY, bodyContains: namespace }, position: step.occurrence, times: 1, ...fault };
}

test("reads that lag behind by so many calls, a life long: the same end", async () => {
  const lags = new Map(KINDS.flatMap((kind) => LAGS.map((calls) => [lives.namespace(kind), calls] as const)));
  const rules = [...lags].map(([namespace, calls]): FaultRule => ({
    match: { accessKeyId: OPERATOR_KEY, bodyContains: namespace },
    fault: { kind: "staleReads", calls },
  }));
  const result = await live(bench, [...lags.keys()], async (phase) => {
    await bench.aws.clearFaults();
    // That a process which has just started writes nothing is asked of a world that can be read.
    if (phase !== "seenAgain") await bench.aws.addFaults(...rules);
  });
  await bench.aws.clearFaults();
  const fates = new Map([...lags].map(([namespace, calls]) => [namespace, `${String(calls)} calls late`]));
  const problems = lives.tallied("lives whose reads of AWS lag behind", fates, { result });
  expect(problems).toEqual({});
});
