import { describe, expect, test } from "vitest";
import { WorkQueue, type Priority } from "../../../src/kube/workqueue.ts";
import { FakeClock } from "../../support/fake-clock.ts";

function newQueue(): { queue: WorkQueue; clock: FakeClock; told: string[] } {
  const clock = new FakeClock();
  const told: string[] = [];
  const observer = {
    depth: (priority: Priority, depth: number) => void told.push(`depth ${priority} ${depth}`),
    add: () => void told.push("add"),
    queueDuration: (seconds: number) => void told.push(`queued ${seconds}`),
    workDuration: (seconds: number) => void told.push(`worked ${seconds}`),
    retry: () => void told.push("retry"),
  };
  return { queue: new WorkQueue({ clock, observer }), clock, told };
}

async function take(queue: WorkQueue): Promise<string> {
  const item = await queue.get();
  if (item === undefined) throw new Error("the queue is shut down");
  return item.key;
}

describe("one worker a key", () => {
  test("a key that waits is not added twice", async () => {
    const { queue } = newQueue();
    queue.add("a", "low");
    queue.add("a", "low");
    expect(queue.depth()).toBe(1);
    await take(queue);
    expect(queue.depth()).toBe(0);
  });

  test("what is added while it is worked on comes once more, after it is done", async () => {
    const { queue } = newQueue();
    queue.add("a", "low");
    await take(queue);
    queue.add("a", "low");
    queue.add("a", "high");
    expect(queue.depth()).toBe(0);
    queue.done("a");
    expect(await queue.get()).toEqual({ key: "a", priority: "high" });
    queue.done("a");
    expect(queue.depth()).toBe(0);
  });

  test("a worker that waits gets the next key", async () => {
    const { queue } = newQueue();
    const [first, second] = [queue.get(), queue.get()];
    queue.add("a", "low");
    queue.add("b", "low");
    expect([await first, await second].map((item) => item?.key)).toEqual(["a", "b"]);
  });
});

describe("order", () => {
  test("a user's change overtakes a resync; within a priority it is first come, first served", async () => {
    const { queue } = newQueue();
    for (const key of ["a", "b", "c"]) queue.add(key, "low");
    queue.add("x", "high");
    queue.add("c", "high");
    queue.add("c", "low");
    expect([await take(queue), await take(queue), await take(queue), await take(queue)]).toEqual(["x", "c", "a", "b"]);
  });
});

describe("later", () => {
  test("the earlier of two times wins, and the higher priority", async () => {
    const { queue, clock } = newQueue();
    queue.addAfter("a", "high", 1000);
    queue.addAfter("a", "low", 200);
    queue.addAfter("a", "low", 5000);
    clock.advance(199);
    expect(queue.depth()).toBe(0);
    clock.advance(1);
    expect(await queue.get()).toEqual({ key: "a", priority: "high" });
    queue.done("a");
    clock.advance(10_000);
    expect(queue.depth()).toBe(0);
  });

  test("back-off doubles from 5 ms to 5 min, for ever, and ends with forget", async () => {
    const { queue, clock } = newQueue();
    const delays: number[] = [];
    for (let failure = 0; failure < 20; failure++) {
      queue.addRateLimited("a", "low");
      const [delay = -1] = clock.timers();
      delays.push(delay);
      clock.advance(delay);
      await take(queue);
      queue.done("a");
    }
    expect(delays.slice(0, 4)).toEqual([5, 10, 20, 40]);
    expect(delays.slice(-3)).toEqual([300_000, 300_000, 300_000]);
    expect(queue.failures("a")).toBe(20);
    queue.forget("a");
    queue.addRateLimited("a", "low");
    expect(clock.timers()).toEqual([5]);
  });
});

describe("the end", () => {
  test("what runs may be finished; what waits, or comes, is handed out no more", async () => {
    const { queue, clock } = newQueue();
    queue.add("a", "low");
    queue.add("b", "low");
    queue.addAfter("c", "low", 10);
    await take(queue);
    queue.add("a", "high");
    queue.shutDown();
    queue.add("d", "high");
    clock.advance(100);
    expect(await queue.get()).toBeUndefined();
    queue.done("a");
    expect(await queue.get()).toBeUndefined();
    expect(queue.depth()).toBe(0);
  });

  test("workers that wait are told", async () => {
    const { queue } = newQueue();
    const waiting = queue.get();
    queue.shutDown();
    expect(await waiting).toBeUndefined();
  });
});

test("metrics tell how long a key waited, how long it was worked on, and what is unfinished", async () => {
  const { queue, clock, told } = newQueue();
  queue.add("a", "low");
  clock.advance(2000);
  await take(queue);
  clock.advance(3000);
  expect([queue.longestRunningSeconds(), queue.unfinishedSeconds()]).toEqual([3, 3]);
  queue.done("a");
  queue.addRateLimited("a", "high");
  expect(told.filter((line) => !line.startsWith("depth"))).toEqual(["add", "queued 2", "worked 3", "retry"]);
  expect(told).toContain("depth low 1");
  expect(told.findLast((line) => line.startsWith("depth low"))).toBe("depth low 0");
});

test("the key that has waited longest is known by its age, also where it moved up, and no key waits whose time has not come", async () => {
  const { queue, clock } = newQueue();
  queue.addAfter("later", "low", 60_000);
  expect(queue.oldestSeconds()).toBe(0);
  queue.add("old", "low");
  clock.advance(2000);
  queue.add("new", "high");
  queue.add("old", "high");
  clock.advance(1000);
  expect(queue.oldestSeconds()).toBe(3);
  expect([await take(queue), await take(queue)]).toHaveLength(2);
  expect(queue.oldestSeconds()).toBe(0);
});
