import { beforeEach, describe, expect, test } from "vitest";
import { FencedError } from "../../../src/reconcilers/ports.ts";
import { Candidate, LeaseServer, pass, settle, TIMINGS } from "../../support/lease-election.ts";

const { durationMs, renewDeadlineMs, retryPeriodMs } = TIMINGS;
const HOUR = 3_600_000;

let server: LeaseServer;
let a: Candidate;
let b: Candidate;

beforeEach(() => {
  server = new LeaseServer();
  a = new Candidate(server, "a");
  b = new Candidate(server, "b");
});

/** `a` holds the lease, `b` has seen it. */
async function aLeads(): Promise<void> {
  expect(await a.stand()).toBe(true);
  void b.stand();
  await settle();
  expect([a.mayWrite, b.mayWrite]).toEqual([true, false]);
}

describe("acquired", () => {
  test("at once where there is no Lease, as client-go writes it", async () => {
    expect(a.mayWrite).toBe(false);
    expect(await a.stand()).toBe(true);
    expect(a.mayWrite).toBe(true);
    expect(a.changes).toEqual([true]);
    expect(server.lease).toMatchObject({
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      spec: {
        holderIdentity: "a",
        leaseDurationSeconds: 15,
        acquireTime: "2026-01-01T00:00:00.000000Z",
        renewTime: "2026-01-01T00:00:00.000000Z",
        leaseTransitions: 0,
      },
    });
  });

  test("by one of two that stand at the same moment", async () => {
    void a.stand();
    void b.stand();
    await settle();
    expect([a.mayWrite, b.mayWrite].filter(Boolean)).toHaveLength(1);
    await pass(60_000, a, b);
    expect(server.record.transitions).toBe(0);
  });

  test("from a holder that is silent for the lease's duration, not sooner", async () => {
    await aLeads();
    a.weather = "cut";
    await pass(durationMs - 100, a, b);
    expect(b.mayWrite).toBe(false);
    await pass(100, a, b);
    expect(b.mayWrite).toBe(true);
    expect(server.record).toMatchObject({ holder: "b", transitions: 1, acquireTime: "2026-01-01T00:00:15.000000Z" });
  });

  test("by the duration that the holder wrote, not by one's own", async () => {
    a = new Candidate(server, "a", { ...TIMINGS, durationMs: 40_000 });
    await aLeads();
    a.weather = "cut";
    await pass(39_900, a, b);
    expect(b.mayWrite).toBe(false);
    await pass(100, a, b);
    expect(b.mayWrite).toBe(true);
  });

  test("though the answer to the write that took it was lost: the record says so", async () => {
    a.weather = "lost";
    const acquired = a.stand();
    await settle();
    expect(a.mayWrite).toBe(false);
    a.weather = "fair";
    await pass(retryPeriodMs, a);
    expect(await acquired).toBe(true);
    expect(server.record).toMatchObject({ holder: "a", transitions: 0 });
  });

  test("never by an answer that came after the renew deadline", async () => {
    a.latencyMs = renewDeadlineMs;
    void a.stand();
    await pass(2 * renewDeadlineMs, a);
    expect(server.record.holder).toBe("a");
    expect([a.mayWrite, a.changes]).toEqual([false, []]);
    a.latencyMs = 0;
    await pass(renewDeadlineMs + retryPeriodMs, a);
    expect(a.mayWrite).toBe(true);
  });

  test("not at all once the candidate withdraws", async () => {
    await aLeads();
    b.withdraw();
    a.weather = "cut";
    await pass(60_000, a, b);
    expect([a.mayWrite, b.mayWrite, server.record.holder]).toEqual([false, false, "a"]);
  });
});

describe("kept", () => {
  test("by one request a retry period; acquireTime and transitions stay", async () => {
    await aLeads();
    server.requests.length = 0;
    await pass(60_000, a, b);
    expect(server.requests.filter((request) => request.endsWith(" a"))).toEqual(Array.from({ length: 30 }, () => "patch a"));
    expect(server.record).toMatchObject({
      holder: "a",
      acquireTime: "2026-01-01T00:00:00.000000Z",
      renewTime: "2026-01-01T00:01:00.000000Z",
      transitions: 0,
    });
  });

  test.each([HOUR, -HOUR])("against a candidate whose wall clock is wrong by %i ms", async (skew) => {
    b.clock.stopped(skew);
    await aLeads();
    await pass(60_000, a, b);
    expect([a.mayWrite, b.mayWrite]).toEqual([true, false]);
  });

  test("through an outage that is shorter than the renew deadline", async () => {
    await aLeads();
    a.weather = "cut";
    await pass(renewDeadlineMs - retryPeriodMs - 100, a, b);
    a.weather = "fair";
    await pass(60_000, a, b);
    expect([a.mayWrite, a.changes]).toEqual([true, [true]]);
  });

  test("though the answers to renewals are lost for a while: their conflicts are read", async () => {
    await aLeads();
    a.weather = "lost";
    await pass(3 * retryPeriodMs, a, b);
    a.weather = "fair";
    await pass(60_000, a, b);
    expect([a.mayWrite, server.record.transitions]).toEqual([true, 0]);
  });

  test("though somebody else annotates the Lease", async () => {
    await aLeads();
    server.edit((lease) => ({ ...lease, metadata: { ...lease.metadata, annotations: { note: "hello" } } }));
    await pass(60_000, a, b);
    expect([a.mayWrite, b.mayWrite]).toEqual([true, false]);
    expect(server.lease?.metadata.annotations).toEqual({ note: "hello" });
  });

  test("though somebody deletes the Lease: a candidate waits for it as if it were there, the holder makes it anew", async () => {
    await aLeads();
    server.edit(() => undefined);
    await pass(60_000, a, b);
    expect([a.mayWrite, b.mayWrite]).toEqual([true, false]);
    expect(server.record).toMatchObject({ holder: "a", acquireTime: "2026-01-01T00:00:00.000000Z" });
  });
});

describe("lost", () => {
  test("at the renew deadline, which is before anyone else can hold it; what is on its way is told, and it stays lost", async () => {
    await aLeads();
    a.weather = "cut";
    await pass(renewDeadlineMs - 100, a, b);
    expect([a.mayWrite, a.lease.signal.aborted]).toEqual([true, false]);
    await pass(100, a, b);
    expect([a.mayWrite, a.lease.signal.aborted, a.changes]).toEqual([false, true, [true, false]]);
    expect(a.lease.signal.reason).toBeInstanceOf(FencedError);
    expect(() => a.lease.check()).toThrow("not sent: the lease system/operator was not renewed for 10 s (unreachable, says the test)");
    a.weather = "fair";
    await pass(60_000, a, b);
    expect([a.mayWrite, b.mayWrite, a.lease.signal.aborted]).toEqual([false, true, true]);
  });

  test("by a process that was stopped: the first question finds it, before any timer does", async () => {
    await aLeads();
    a.clock.stopped(30_000);
    expect(a.lease.signal.aborted).toBe(false);
    expect(a.mayWrite).toBe(false);
    expect(a.lease.signal.aborted).toBe(true);
    await pass(60_000, a, b);
    expect([a.mayWrite, b.mayWrite, server.record.holder]).toEqual([false, true, "b"]);
  });

  test("by a process that was stopped while a renewal was on its way, whatever the answer says", async () => {
    await aLeads();
    a.latencyMs = 500;
    await pass(retryPeriodMs + 200, a, b);
    a.clock.stopped(30_000);
    await pass(1_000, a, b);
    expect([a.mayWrite, a.lease.signal.aborted]).toEqual([false, true]);
  });

  test("a candidate that was stopped looks again before it takes what it once saw", async () => {
    await aLeads();
    b.clock.stopped(60_000);
    await pass(60_000, a);
    await pass(60_000, a, b);
    expect([a.mayWrite, b.mayWrite]).toEqual([true, false]);
  });

  test("as soon as the record names another", async () => {
    await aLeads();
    server.edit((lease) => ({ ...lease, spec: { holderIdentity: "c", leaseDurationSeconds: 15, leaseTransitions: 1 } }));
    await pass(retryPeriodMs, a, b);
    expect([a.mayWrite, b.mayWrite]).toEqual([false, false]);
    expect(() => a.lease.check()).toThrow("not sent: the lease system/operator is held by c");
    await pass(durationMs, a, b);
    expect(server.record).toMatchObject({ holder: "b", transitions: 2 });
  });

  test("where somebody has cleared the record; the others wait, as the holder may not know it yet", async () => {
    await aLeads();
    await pass(1_000, a, b);
    server.edit((lease) => ({ ...lease, spec: {} }));
    await pass(retryPeriodMs, a, b);
    expect([a.mayWrite, b.mayWrite]).toEqual([false, false]);
    await pass(durationMs, a, b);
    expect([a.mayWrite, b.mayWrite]).toEqual([false, true]);
  });

  test("where its Role is taken away, and nobody can take it until the Role is back", async () => {
    await aLeads();
    a.weather = "denied";
    b.weather = "denied";
    await pass(60_000, a, b);
    expect([a.mayWrite, b.mayWrite]).toEqual([false, false]);
    b.weather = "fair";
    await pass(durationMs + retryPeriodMs, a, b);
    expect(b.mayWrite).toBe(true);
  });
});

describe("released", () => {
  test("a candidate has it by its next try, and the former holder may write nothing more", async () => {
    await aLeads();
    await a.lease.release();
    expect(server.record).toMatchObject({ holder: "", durationSeconds: 1, transitions: 0 });
    expect([a.mayWrite, a.changes]).toEqual([false, [true, false]]);
    expect(() => a.lease.check()).toThrow("was released by this process");
    await pass(retryPeriodMs, a, b);
    expect(b.mayWrite).toBe(true);
    expect(server.record).toMatchObject({ holder: "b", transitions: 1 });
  });

  test("only by its holder: a candidate's end changes nothing", async () => {
    await aLeads();
    await b.lease.release();
    expect(server.record.holder).toBe("a");
  });

  test("not over the head of another that has taken it", async () => {
    await aLeads();
    server.edit((lease) => ({ ...lease, spec: { holderIdentity: "c", leaseDurationSeconds: 15 } }));
    await a.lease.release();
    expect(server.record.holder).toBe("c");
  });

  test("where the API server does not answer it runs out, and the end does not wait for that", async () => {
    await aLeads();
    a.weather = "cut";
    await a.lease.release();
    expect(a.mayWrite).toBe(false);
    await pass(durationMs, a, b);
    expect(b.mayWrite).toBe(true);
  });
});
