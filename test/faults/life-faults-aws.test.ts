import { afterAll, beforeAll, expect, test } from "vitest";
import type { FaultKind } from "../../emulator/faults.ts";
import { OPERATOR_KEY } from "../../src/cli/keys.ts";
import { TO_WORKSPACE } from "../support/aws/managed-prometheus.ts";
import { startFaultBench, type FaultBench } from "../support/fault-bench.ts";
import { FaultLives } from "../support/fault-lives.ts";
import type { LifeStep } from "../support/life-steps.ts";
import { live } from "../support/lives.ts";

/** As life-faults-api.test.ts, for each call to AWS. */

let bench: FaultBench;
let lives: FaultLives;

beforeAll(async () => {
  bench = await startFaultBench({ config: TO_WORKSPACE });
  lives = await FaultLives.record(bench, ["life", "mesh", "rules"]);
});

afterAll(async () => {
  console.log(lives.summary());
  await bench.stop();
});

/**
 * Of a life in App Mesh what the first has not, where App Mesh and EKS have a way of their own: they know a request that comes again. Of one with SLOs the rules alone:
 * what is denied, and what is at it already when its answer is lost.
 */
function isOf(fault: FaultKind, { to, kind, call }: LifeStep): boolean {
  if (to !== "aws") return false;
  if (call.startsWith("aps:")) return kind === "rules" && (fault.kind === "denied" || fault.kind === "lost");
  return kind === "life" || (/^(appmesh|eks):/.test(call) && fault.kind === "lost");
}

/** The SDK tries a call three times: what the operator is to see must last as long. */
const AWS_FAULTS: readonly (readonly [string, FaultKind, number])[] = [
  ["answered 500 as often as the SDK tries", { kind: "http500" }, 3],
  ["denied once", { kind: "denied" }, 1],
  ["carried out, and its answer lost", { kind: "lost" }, 1],
  ["throttled as often as the SDK tries", { kind: "throttle" }, 3],
];

test.each(AWS_FAULTS)("each AWS call of a life, %s: the same end", async (_, fault, times) => {
  const steps = lives.each(lives.steps.filter((step) => isOf(fault, step)));
  const met = new Set<LifeStep>();
  const noteMet = async (): Promise<void> => {
    const applied = (await bench.aws.faults()).filter((rule) => rule.applied > 0);
    for (const [namespace, step] of steps) if (applied.some((rule) => rule.match?.bodyContains === namespace)) met.add(step);
  };
  const result = await live(bench, [...steps.keys()], async (phase) => {
    await noteMet();
    await bench.aws.clearFaults();
    const now = [...steps].filter(([, step]) => step.phase === phase);
    await bench.aws.addFaults(
      ...now.map(([namespace, { call, occurrence }]) => {
        const operation = call.slice(call.indexOf(":") + 1);
        return { match: { operation, accessKeyId: OPERATOR_KEY, bodyContains: namespace }, position: occurrence, times, fault };
      }),
    );
  });
  await noteMet();
  expect(lives.problems(steps, result)).toEqual({});
  expect(lives.unmet([...steps.values()], (step) => met.has(step))).toEqual([]);
  expect(steps.size).toBeGreaterThan(20);
});
