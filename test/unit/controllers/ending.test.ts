import { beforeEach, expect, test } from "vitest";
import { untilEnded } from "../../../src/controllers/ending.ts";
import { EventRecorder } from "../../../src/kube/events.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { silentLog } from "../../support/kube-runtime.ts";
import { SlowEvents } from "../../support/slow-events.ts";

const SUBJECT = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "settlement", namespace: "payments", uid: "u-1", resourceVersion: "7" },
};

let clock: FakeClock;
let slow: SlowEvents;
let lost: AbortController;
let passes: PromiseWithResolvers<undefined>;
let failures: number;
let ending: Promise<"finished" | "cutOff">;

beforeEach(() => {
  clock = new FakeClock();
  slow = new SlowEvents();
  lost = new AbortController();
  passes = Promise.withResolvers();
  failures = 0;
  const events = new EventRecorder({
    transport: slow.transport,
    clock,
    log: silentLog,
    instance: "operator-0",
    onFailure: () => failures++,
  });
  for (const note of ["a", "b", "c"]) events.record(SUBJECT, { type: "Normal", reason: "Ready", action: "Reconcile", note });
  ending = untilEnded(passes.promise, { clock, log: silentLog, events, lost: lost.signal });
});

/** The passes end after `ms`; resolves to how long events are waited for. */
async function passesEndAfter(ms: number): Promise<number> {
  clock.advance(ms);
  const waits = clock.scheduled(() => true);
  passes.resolve(undefined);
  return waits;
}

test("what is under way, and is told of, has come to its end", async () => {
  await passesEndAfter(1_000);
  slow.answer();
  expect([await ending, slow.begun, failures, clock.timers()]).toEqual(["finished", ["a", "b", "c"], 0, []]);
});

test("events that take too long are let go, and the lease is released nevertheless", async () => {
  expect(await passesEndAfter(1_000)).toBe(5_000);
  clock.advance(5_000);
  expect([await ending, slow.begun, failures]).toEqual(["finished", ["a"], 2]);
});

test("passes have all of the time; events have what is left of it", async () => {
  expect(await passesEndAfter(24_000)).toBe(1_000);
  clock.advance(1_000);
  expect([await ending, failures]).toEqual(["finished", 2]);
});

test("passes that take too long are cut off, and no event is waited for", async () => {
  const waits = clock.scheduled(() => true);
  clock.advance(25_000);
  expect(await waits).toBe(0);
  clock.advance(0);
  expect([await ending, failures]).toEqual(["cutOff", 2]);
});

test("nothing is waited for when the lease is lost", async () => {
  lost.abort();
  expect([await ending, failures, clock.timers()]).toEqual(["finished", 2, []]);
});
