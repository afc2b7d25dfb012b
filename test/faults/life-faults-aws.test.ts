import { afterAll, beforeAll, expect, test } from "vitest";
import type { FaultRule } from "../../emulator/faults.ts";
import { OPERATOR_KEY } from "../../src/cli/keys.ts";
import { TO_WORKSPACE } from "../support/aws/managed-prometheus.ts";
import { startFaultBench, type FaultBench } from "../support/fault-bench.ts";
import { FaultLives, namespacesOf, type Trial } from "../support/fault-lives.ts";
import type { LifeStep } from "../support/life-steps.ts";
import { live } from "../support/lives.ts";
import { roundsAtOnce, type NamedFault } from "../support/thoroughness.ts";

/** As life-faults-api.test.ts, for each call to AWS. */

let bench: FaultBench;
let lives: FaultLives;

beforeAll(async () => {
  bench = await startFaultBench({ config: TO_WORKSPACE });
  lives = await FaultLives.record(bench, ["life", "mesh"]);
});

afterAll(async () => {
  console.log(lives.summary());
  await bench.stop();
});

type AwsFault = Pick<FaultRule, "fault" | "times">;

/** As often as the SDK tries a call, so that the operator sees it. */
const TRIES = 3;
/** Longer than the operator waits for an answer. */
const TOO_LATE_MS = 20_000;

/** What can become of a call. */
const AWS_FAULTS: readonly NamedFault<AwsFault>[] = [
  ["carried out, and its answer lost", { fault: { kind: "lost" } }],
  ["answered 500 as often as the SDK tries", { fault: { kind: "http500" }, times: TRIES }],
  ["denied once", { fault: { kind: "denied" } }],
  ["throttled as often as the SDK tries", { fault: { kind: "throttle" }, times: TRIES }],
  ["cut before it is carried out, as often as the SDK tries", { fault: { kind: "drop" }, times: TRIES }],
  ["cut in the middle of its answer, as often as the SDK tries", { fault: { kind: "half" }, times: TRIES }],
  ["carried out twice", { fault: { kind: "twice" } }],
  ["made with credentials that have expired", { fault: { kind: "expiredCredentials" } }],
  ["answered 3 s late", { fault: { kind: "latency", ms: 3_000 } }],
  ["carried out, and answered too late, as often as the SDK tries", { fault: { kind: "latency", ms: TOO_LATE_MS }, times: TRIES }],
  ["blind to the five calls before it, as often as the SDK tries", { fault: { kind: "staleReads", calls: 5 }, times: TRIES }],
];

/** Of a life in App Mesh what the first has not. */
function isOwn({ to, kind, call }: LifeStep): boolean {
  return to === "aws" && (kind === "life" || call.startsWith("appmesh:"));
}

test.each(roundsAtOnce(AWS_FAULTS))("each AWS call of a life fails, one in a phase, rounds $rounds: the same end", async ({ rounds }) => {
  const trials = lives.deal(lives.steps.filter(isOwn), { faults: AWS_FAULTS, rounds });
  const met = new Set<Trial<AwsFault>>();
  let inPhase: typeof trials = [];
  const noteMet = async (): Promise<void> => {
    const applied = (await bench.aws.faults()).filter((rule) => rule.applied > 0);
    for (const trial of inPhase) if (applied.some((rule) => rule.match?.bodyContains === trial.namespace)) met.add(trial);
  };
  const result = await live(bench, namespacesOf(trials), async (phase) => {
    await noteMet();
    inPhase = trials.filter(({ step }) => step.phase === phase);
    await bench.aws.clearFaults();
    await bench.aws.addFaults(...inPhase.map(ruleOf));
  });
  await noteMet();
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
  const lags = new Map([1, 2, 3, 5, 8, 13].map((calls) => [lives.namespace(), calls]));
  await bench.aws.addFaults(
    ...[...lags].map(([namespace, calls]): FaultRule => ({
      match: { accessKeyId: OPERATOR_KEY, bodyContains: namespace },
      fault: { kind: "staleReads", calls },
    })),
  );
  const result = await live(bench, [...lags.keys()], async (phase) => {
    // That a process which has just started writes nothing is asked of a world that can be read.
    if (phase === "seenAgain") await bench.aws.clearFaults();
  });
  const fates = new Map([...lags].map(([namespace, calls]) => [namespace, `${String(calls)} calls late`]));
  const problems = lives.tallied("lives whose reads of AWS lag behind", fates, { result });
  expect(problems).toEqual({});
});
