import { expect, test } from "vitest";
import { TokenBucket } from "../../../src/aws/token-bucket.ts";
import { FakeClock } from "../../support/fake-clock.ts";

/** How many of `calls` have gone, now and after each step of 100 ms. */
async function gone(calls: number, steps: number): Promise<number[]> {
  const clock = new FakeClock();
  const bucket = new TokenBucket({ perSecond: 10, clock });
  let count = 0;
  const waiting = Array.from({ length: calls }, () => bucket.take().then(() => count++));
  const counts: number[] = [];
  for (let step = 0; step <= steps; step++) {
    if (step > 0) clock.advance(100);
    await Promise.race([Promise.allSettled(waiting), new Promise(setImmediate)]);
    counts.push(count);
  }
  return counts;
}

test("a second's worth goes at once, then one every tenth of a second", async () => {
  expect(await gone(13, 4)).toEqual([10, 11, 12, 13, 13]);
});

test("a quiet while fills it up to one second's worth, not more", async () => {
  const clock = new FakeClock();
  const bucket = new TokenBucket({ perSecond: 2, clock });
  clock.advance(60_000);
  let count = 0;
  for (let i = 0; i < 5; i++) void bucket.take().then(() => count++);
  await new Promise(setImmediate);
  expect(count).toBe(2);
});

test("a rate of one a second lets the first call go at once", async () => {
  const bucket = new TokenBucket({ perSecond: 1, clock: new FakeClock() });
  await expect(bucket.take()).resolves.toBeUndefined();
});
