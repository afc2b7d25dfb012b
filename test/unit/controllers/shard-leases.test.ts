import { beforeEach, describe, expect, test } from "vitest";
import type { Ending } from "../../../src/controllers/leadership.ts";
import { identityOf, leaseName, ShardLeases } from "../../../src/controllers/shard-leases.ts";
import { recordOf, type LeaseRecord } from "../../../src/kube/lease-record.ts";
import { elapse, LeaseServer, mayWrite, settle, Site, TIMINGS } from "../../support/lease-election.ts";
import { silentLog } from "../../support/kube-runtime.ts";

/** Replicas with a clock each, and the Leases of their shards in memory. After every tenth of a second no shard may be worked on by two. */

const { durationMs, retryPeriodMs } = TIMINGS;
/** For a replica that has come, or gone, to be counted in: asked, handed over and taken, shard by shard. */
const SPREAD_MS = 60_000;

class Replica extends Site {
  readonly leases: ShardLeases;
  /** Shards that it works on, until their passes are over. */
  readonly shards = new Set<number>();
  ending: Ending | undefined;
  /** How long its passes take to come to their end. */
  drainMs = 0;
  /** What it told of its leases, as `platform-operator true`. */
  readonly told: string[] = [];
  /** Its passes do not come to their end at all. */
  hangs = false;
  readonly #stopping = new AbortController();

  constructor(server: LeaseServer, name: string, shards: number) {
    super(server, name);
    const { transport, clock } = this;
    const identity = identityOf(name, shards);
    const onChange = (lease: string, works: boolean): void => void this.told.push(`${lease} ${String(works)}`);
    this.leases = new ShardLeases({
      onChange,
      transport,
      namespace: "system",
      shards,
      identity,
      timings: TIMINGS,
      clock,
      random: () => 0,
      log: silentLog,
    });
  }

  async start(): Promise<void> {
    this.ending = await this.leases.lead(async (shard, over) => {
      this.shards.add(shard);
      await new Promise<void>((resolve) => over.addEventListener("abort", () => resolve(), { once: true }));
      if (this.hangs) return "cutOff";
      if (this.drainMs > 0) await new Promise<void>((resolve) => void this.clock.after(this.drainMs, resolve));
      this.shards.delete(shard);
      return "finished";
    }, this.#stopping.signal);
  }

  stop(): void {
    this.#stopping.abort();
  }

  /** What it may write for at this very moment. */
  get writable(): readonly number[] {
    return mayWrite(this.leases) ? [...this.shards].toSorted((a, b) => a - b) : [];
  }
}

let server: LeaseServer;
let running: Replica[];

beforeEach(() => {
  server = new LeaseServer();
  running = [];
});

async function start(identity: string, shards: number): Promise<Replica> {
  const replica = new Replica(server, identity, shards);
  running.push(replica);
  void replica.start();
  await settle();
  return replica;
}

async function pass(ms: number): Promise<void> {
  await elapse(ms, running, () => {
    const all = running.flatMap(({ writable }) => writable);
    if (new Set(all).size < all.length) throw new Error(`a shard is worked on by two: ${all.join(", ")}`);
  });
}

/** Of four shards. */
function records(): readonly LeaseRecord[] {
  return [0, 1, 2, 3].map((shard) => recordOf(server.get(leaseName(shard))));
}

function holders(): readonly string[] {
  return records().map(({ holder }) => holder);
}

/** How many shards each works on. */
function counts(): readonly number[] {
  return running.map(({ writable }) => writable.length);
}

describe("four shards", () => {
  test("are all worked on by the only replica, which says in each Lease of how many it is", async () => {
    const a = await start("a", 4);
    await pass(retryPeriodMs);
    expect(a.writable).toEqual([0, 1, 2, 3]);
    expect(holders()).toEqual(Array.from({ length: 4 }, () => "a_of-4-shards"));
    expect(a.told).toEqual([0, 1, 2, 3].map((shard) => `${leaseName(shard)} true`));
  });

  test.each([
    [2, [2, 2]],
    [3, [2, 1, 1]],
    [4, [1, 1, 1, 1]],
    [6, [1, 1, 1, 1, 0, 0]],
  ])("are spread over %i replicas, and stay where they are then", async (replicas, expected) => {
    for (let index = 0; index < replicas; index++) await start(`replica-${String(index)}`, 4);
    await pass(SPREAD_MS * 2);
    expect(counts().toSorted((one, other) => other - one)).toEqual(expected);
    const before = running.map(({ writable }) => writable);
    const transitions = records().map((record) => record.transitions);
    await pass(SPREAD_MS);
    expect(running.map(({ writable }) => writable)).toEqual(before);
    expect(records().map((record) => record.transitions)).toEqual(transitions);
  });

  test("of a replica that is silent are taken over by the others within the lease's time", async () => {
    const a = await start("a", 4);
    const b = await start("b", 4);
    await pass(SPREAD_MS);
    a.weather = "cut";
    await pass(durationMs + retryPeriodMs);
    expect([a.ending, a.writable, b.writable]).toEqual(["lost", [], [0, 1, 2, 3]]);
  });

  test("of a replica that is told to end are free at once", async () => {
    const a = await start("a", 4);
    const b = await start("b", 4);
    await pass(SPREAD_MS);
    a.stop();
    await pass(2 * retryPeriodMs);
    expect([a.ending, b.writable]).toEqual(["finished", [0, 1, 2, 3]]);
  });

  test("are handed over when their passes have ended, however long those take; the other waits", async () => {
    const a = await start("a", 4);
    a.drainMs = 4 * durationMs;
    const b = await start("b", 4);
    await pass(2 * durationMs);
    expect([a.shards.size, b.writable]).toEqual([4, []]);
    await pass(4 * durationMs);
    expect([a.shards.size, b.writable.length]).toEqual([3, 1]);
  });

  test("a lease that is lost ends the work on all of the replica's", async () => {
    const a = await start("a", 2);
    await pass(retryPeriodMs);
    server.edit((lease) => ({ ...lease, spec: { holderIdentity: "somebody", leaseDurationSeconds: 15 } }), leaseName(1));
    await pass(2 * retryPeriodMs);
    expect([a.ending, mayWrite(a.leases)]).toEqual(["lost", false]);
  });

  test("where passes are cut off, the lease runs out by itself", async () => {
    const a = await start("a", 2);
    await pass(retryPeriodMs);
    a.hangs = true;
    a.stop();
    await settle();
    expect(a.ending).toBe("cutOff");
    expect(server.get(leaseName(1)).spec).toMatchObject({ holderIdentity: "a_of-2-shards" });
  });
});

test("who asked and is there no more is handed a shard once at most", async () => {
  const a = await start("a", 4);
  await pass(retryPeriodMs);
  const wanted = { "platform-operator.dev/wanted-by": "ghost_of-4-shards 2026-01-01T00:00:00.000000Z" };
  a.drainMs = 1;
  server.edit((lease) => ({ ...lease, metadata: { ...lease.metadata, annotations: wanted } }), leaseName(3));
  await pass(retryPeriodMs * 20);
  // Once: whether it is there shows by its asking again.
  expect(recordOf(server.get(leaseName(3))).transitions).toBeLessThanOrEqual(1);
  expect(a.writable).toEqual([0, 1, 2, 3]);
});

describe("another number of shards", () => {
  test.each([
    [1, 4],
    [2, 4],
    [4, 2],
  ])("than %i is worked on only when nobody works by the old one: %i", async (before, after) => {
    const old = await start("old", before);
    await pass(retryPeriodMs);
    const next = await start("next", after);
    const shards = old.writable;
    await elapse(SPREAD_MS, running, () => {
      if (next.writable.length > 0) throw new Error("two numbers of shards are worked by");
    });
    expect(old.writable).toEqual(shards);
    old.stop();
    await pass(3 * durationMs);
    expect(next.writable).toEqual(Array.from({ length: after }, (_, shard) => shard));
  });

  test("which the first shard's lease says, ends the work of those that hold others by the old one", async () => {
    const a = await start("a", 4);
    const b = await start("b", 4);
    await pass(SPREAD_MS);
    const [first, other] = a.writable.includes(0) ? [a, b] : [b, a];
    // The next one is before the other, when the first is silent.
    first.weather = "cut";
    other.latencyMs = retryPeriodMs;
    const next = await start("next", 2);
    await elapse(4 * durationMs, running, () => {
      const worksByOld = running.some((one) => one.leases.shards === 4 && one.writable.length > 0);
      if (worksByOld && next.writable.length > 0) throw new Error("two numbers of shards are worked by");
    });
    expect([first.ending, other.ending, next.writable]).toEqual(["lost", "lost", [0, 1]]);
  });

  test("a lease of a replica that is gone for good is waited for once, and then nobody's", async () => {
    const old = await start("old", 4);
    await pass(retryPeriodMs);
    old.weather = "cut";
    const next = await start("next", 1);
    await pass(3 * durationMs);
    expect(next.writable).toEqual([0]);
    expect(holders()).toEqual(["next", "", "", ""]);
  });

  test("of a release that did not say it is one: nobody works on a part of what it works on", async () => {
    const next = await start("next", 4);
    await pass(retryPeriodMs);
    // As after a rollback: its holder is named as one always was.
    server.edit((lease) => ({ ...lease, spec: { holderIdentity: "old-release_uuid", leaseDurationSeconds: 15 } }), leaseName(0));
    await pass(2 * retryPeriodMs);
    expect([next.ending, next.writable]).toEqual(["lost", []]);
    const another = await start("another", 4);
    await pass(durationMs - retryPeriodMs * 4);
    expect(another.writable).toEqual([]);
  });
});

test("work waits for what the other leases say, where they cannot be read", async () => {
  const a = new Replica(server, "a", 1);
  running.push(a);
  const list = a.transport.list.bind(a.transport);
  let denied = true;
  Object.assign(a.transport, {
    list: (...args: Parameters<typeof list>) => (denied ? Promise.reject(new Error("denied")) : list(...args)),
  });
  void a.start();
  await pass(durationMs);
  expect(a.writable).toEqual([]);
  denied = false;
  await pass(retryPeriodMs);
  expect(a.writable).toEqual([0]);
});
