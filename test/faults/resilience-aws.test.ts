import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { FaultKind } from "../../emulator/faults.ts";
import { condition, isReady } from "../../src/cli/service-watch.ts";
import { apply, push, ready, untilFalse, untilReady, untilRepaired } from "../support/bench-services.ts";
import { startFaultBench, type FaultBench } from "../support/fault-bench.ts";

/** An AWS that is not there, slow, busy or unwilling: said in the right condition with what to do, nobody else is disturbed, and it heals by itself. */

const OLD = { namespace: "aws-old", name: "api" };

let bench: FaultBench;

beforeAll(async () => {
  bench = await startFaultBench();
  await ready(bench, OLD);
});

afterEach(() => bench.aws.clearFaults());

afterAll(() => bench.stop());

test("AWS is not there: a new service says so, an old one stays Ready and is repaired; when it is back the new one gets Ready", async () => {
  const young = { namespace: "aws-away", name: "api" };
  await bench.stopAws();
  await apply(bench, young);
  const why = "no answer; check the operator's network and DNS towards AWS; it is retried";
  expect(await untilFalse(bench, young, "IdentityReady", "AWSUnreachable")).toBe(`iam:CreateRole: ECONNREFUSED: ${why}`);
  expect(await untilFalse(bench, young, "RepositoryReady", "AWSUnreachable")).toBe(`ecr:CreateRepository: ECONNREFUSED: ${why}`);
  await untilRepaired(bench, OLD.namespace, "networkpolicy/api-default-deny");
  expect(isReady(bench.watch.get(OLD))).toBe(true);
  await bench.startAws();
  await push(bench, young);
  await untilReady(bench, young);
});

test("AWS is not there when the operator starts: what runs is kept, and nothing is lost", async () => {
  await bench.stopAws();
  await bench.restartOperator();
  await untilFalse(bench, OLD, "IdentityReady", "AWSUnreachable");
  await untilRepaired(bench, OLD.namespace, "networkpolicy/api-default-deny");
  await bench.startAws();
  await untilReady(bench, OLD);
  expect(condition(bench.watch.get(OLD), "IdentityReady")?.message).toMatch(/^arn:aws:iam::111122223333:role\//);
});

interface Case {
  readonly namespace: string;
  readonly fault: FaultKind;
  readonly reason: string;
  /** What to do. */
  readonly advice: string;
}

const CASES: readonly Case[] = [
  {
    namespace: "aws-busy",
    fault: { kind: "throttle" },
    reason: "Throttled",
    advice: "AWS asks for fewer calls, it is retried more slowly",
  },
  { namespace: "aws-broken", fault: { kind: "http500" }, reason: "AWSError", advice: "it is retried" },
  {
    namespace: "aws-unwilling",
    fault: { kind: "denied" },
    reason: "AccessDenied",
    advice: "grant the operator's role this action (config/iam/operator-policy.json) or renew its credentials",
  },
  {
    namespace: "aws-expired",
    fault: { kind: "expiredCredentials" },
    reason: "AccessDenied",
    advice: "grant the operator's role this action (config/iam/operator-policy.json) or renew its credentials",
  },
  // Longer than the client waits for an answer.
  {
    namespace: "aws-slow",
    fault: { kind: "latency", ms: 20_000 },
    reason: "AWSUnreachable",
    advice: "check the operator's network and DNS towards AWS; it is retried",
  },
  {
    namespace: "aws-cut",
    fault: { kind: "drop" },
    reason: "AWSUnreachable",
    advice: "check the operator's network and DNS towards AWS; it is retried",
  },
];

test("AWS fails some services, each in its own way, for as long as it likes: each says so, the others get Ready, and all heal", async () => {
  const keys = CASES.map(({ namespace }) => ({ namespace, name: "api" }));
  await bench.aws.addFaults(...CASES.map(({ namespace, fault }) => ({ match: { bodyContains: namespace }, fault })));
  await Promise.all(keys.map((key) => apply(bench, key)));
  await ready(bench, { namespace: "aws-calm", name: "api" });
  const said = await Promise.all(
    CASES.map(({ namespace, reason }) => untilFalse(bench, { namespace, name: "api" }, "IdentityReady", reason)),
  );
  expect(said.map((message) => message.slice(message.indexOf("; ") + 2))).toEqual(CASES.map(({ advice }) => advice));
  expect(isReady(bench.watch.get(OLD))).toBe(true);

  await bench.aws.clearFaults();
  await Promise.all(keys.map((key) => push(bench, key)));
  await Promise.all(keys.map((key) => untilReady(bench, key)));
});

test("reads in AWS that lag behind writes: a service gets Ready all the same", async () => {
  await bench.aws.addFaults({ match: { bodyContains: "aws-lagging" }, fault: { kind: "staleReads", ms: 3_000 } });
  const key = { namespace: "aws-lagging", name: "api" };
  await ready(bench, key);
  expect(isReady(bench.watch.get(key))).toBe(true);
});
