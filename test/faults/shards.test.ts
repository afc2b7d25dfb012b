import { afterAll, beforeAll, expect, test } from "vitest";
import { shardOf } from "../../src/controllers/shards.ts";
import { isWrite } from "../support/api-call.ts";
import { auditEvents, OPERATOR_USER, type AuditEvent } from "../support/audit-log.ts";
import { FaultLives } from "../support/fault-lives.ts";
import { identityOf, isAccepted, receivedAt, termsOf, type Term } from "../support/lease-terms.ts";
import { live, SERVICE, type LivesResult } from "../support/lives.ts";
import { expectMadeOnce } from "../support/made-once.ts";
import { LEASE_MS, RETRY_MS } from "../support/replica-bench.ts";
import { seededRandom } from "../../emulator/seeded-random.ts";
import { REPLICAS, SHARDS, startShardBench, type ShardBench, type ShardReplica } from "../support/shard-bench.ts";
import { tally } from "../support/tally.ts";
import { SEED } from "../support/thoroughness.ts";

/**
 * Four shards and three replicas. Whatever becomes of a replica in mid-pass: its shards go to others, every life comes to the same end, and nothing that is of a service was ever
 * written, nor asked of AWS, by another replica than the one that had the lease of the service's shard at that moment.
 */

const LIVES = 12;
const STOPPED_MS = 30_000;
/** How late two busy cores may be. */
const SLACK_MS = 4_000;
const random = seededRandom(SEED);

let bench: ShardBench;
let lives: FaultLives;

beforeAll(async () => {
  bench = await startShardBench();
  lives = await FaultLives.record(bench, ["life", "mesh"]);
});

afterAll(() => bench.stop());

test("the shards are spread over the replicas, and each leads its own alone", async () => {
  const holders = await bench.holders();
  expect(bench.replicas.map((replica) => holders.filter((holder) => holder === replica).length).toSorted((a, b) => a - b)).toEqual([
    1, 1, 2,
  ]);
});

/** Of the API server's time, from the last renewal of whoever had a shard. */
const WITHIN_A_LEASE_MS = LEASE_MS + 1.2 * RETRY_MS + SLACK_MS;
const AT_ONCE_MS = 2 * 1.2 * RETRY_MS + SLACK_MS;

test.each<[string, number, (replica: ShardReplica) => Promise<void>]>([
  ["killed, and another is started later", WITHIN_A_LEASE_MS, ({ process }) => process.kill()],
  ["told to end", AT_ONCE_MS, ({ process }) => process.stop()],
  [
    "stopped for 30 s, and continued",
    WITHIN_A_LEASE_MS,
    async ({ process: { pid } }) => {
      process.kill(pid, "SIGSTOP");
      await new Promise((resolve) => void setTimeout(resolve, STOPPED_MS));
      process.kill(pid, "SIGCONT");
    },
  ],
])("a replica is %s, in mid-pass: the same end, and no shard is ever worked on by two", async (befalls, withinMs, befall) => {
  const since = Date.now();
  const namespaces = Array.from({ length: LIVES }, (_, index) => lives.namespace(index % 2 === 0 ? "life" : "mesh"));
  const { result, successions } = await interrupted(namespaces, befall);
  const problems = lives.tallied(`lives while a replica of shards is ${befalls}`, named(namespaces, befalls), { result });
  expect(problems).toEqual({});
  await expectMadeOnce(bench, namespaces);
  await expectFenced(namespaces, since);
  console.log(`from the last renewal of a shard to the next one's first, in ms: ${successions.join(", ")}`);
  expect(successions.length).toBeGreaterThan(1);
  expect(Math.max(...successions)).toBeLessThanOrEqual(withinMs);
});

/** Lives are lived; in their midst something becomes of the replica that leads the most, and then there are three again. Resolves to how long each of its shards had nobody as well. */
async function interrupted(
  namespaces: readonly string[],
  befall: (replica: ShardReplica) => Promise<void>,
): Promise<{ readonly result: LivesResult; readonly successions: readonly number[] }> {
  const moment = LIVES * (5 + Math.floor(random() * 15));
  let writes = 0;
  const come = new Promise<void>((resolve) => {
    const stop = bench.proxy.onCall((call) => {
      if (!isWrite(call) || !namespaces.includes(call.namespace) || ++writes < moment) return;
      stop();
      resolve();
    });
  });
  const living = live(bench, namespaces);
  await come;
  // Where the machine is so busy that a lease was lost meanwhile, its shard is led again.
  await bench.untilSpread();
  const holders = await bench.holders();
  const victim = bench.replicas.toSorted((a, b) => led(holders, b).length - led(holders, a).length)[0];
  if (victim === undefined) throw new Error("no replica runs");
  const shards = led(holders, victim);
  const { identity } = victim;
  await befall(victim);
  await victim.process.ended;
  await bench.startOperator();
  const result = await living;
  const terms = await Promise.all(shards.map((shard) => termsOf(auditLogFile(), shard)));
  return { result, successions: terms.flatMap((of) => of[of.findLastIndex((term) => term.identity === identity) + 1]?.vacantMs ?? []) };
}

function led(holders: readonly unknown[], replica: ShardReplica): readonly number[] {
  return holders.flatMap((holder, shard) => (holder === replica ? [shard] : []));
}

/** What was accepted of the API server and of AWS, for the services of the namespaces, was of the replica that had their shard's lease when it was received. */
async function expectFenced(namespaces: readonly string[], since: number): Promise<void> {
  const terms = await Promise.all(Array.from({ length: SHARDS }, (_, shard) => termsOf(auditLogFile(), shard)));
  const holderAt = (namespace: string, time: number): string | undefined =>
    leaderAt(terms[shardOf({ namespace, name: SERVICE }, SHARDS)] ?? [], time);
  const writes = await auditEvents(
    auditLogFile(),
    (e) => e.user.username === OPERATOR_USER && isAccepted(e) && namespaces.includes(e.objectRef?.namespace ?? "") && !isEvent(e),
  );
  const calls = (await bench.aws.actions()).flatMap((action) => {
    const namespace = namespaces.find((one) => action.resource.includes(one));
    const identity = action.accessKeyId === undefined ? undefined : bench.identities.get(action.accessKeyId);
    return namespace === undefined || identity === undefined ? [] : [{ ...action, namespace, identity }];
  });
  const trespasses = [
    ...writes
      .filter((e) => identityOf(e) !== holderAt(e.objectRef?.namespace ?? "", receivedAt(e)))
      .map((e) => `${e.requestReceivedTimestamp} ${e.verb} ${e.requestURI} by ${identityOf(e)}`),
    ...calls
      .filter(({ namespace, identity, time }) => identity !== holderAt(namespace, time))
      .map(({ action, resource, identity }) => `${action} ${resource} by ${identity}`),
  ];
  const tried = writes.length + calls.length;
  tally({ what: "writes of replicas with shards, by who held the lease", tried, held: tried - trespasses.length });
  expect(tried).toBeGreaterThan(LIVES * 20);
  expect(new Set(writes.filter((e) => receivedAt(e) > since).map(identityOf)).size).toBeGreaterThanOrEqual(REPLICAS);
  expect(trespasses).toEqual([]);
}

function isEvent({ objectRef }: AuditEvent): boolean {
  return objectRef?.resource === "events";
}

function leaderAt(terms: readonly Term[], time: number): string | undefined {
  return terms.findLast(({ begunAt }) => begunAt <= time)?.identity;
}

function auditLogFile(): string {
  return bench.plane.auditLogFile ?? "";
}

function named(namespaces: readonly string[], what: string): ReadonlyMap<string, string> {
  return new Map(namespaces.map((namespace) => [namespace, what]));
}
