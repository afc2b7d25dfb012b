import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { systemClock } from "../../../src/kube/clock.ts";

const DAY_MS = 86_400_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Node fires a timer beyond 2^31 - 1 ms (24.8 days) at once. */
test("a timer runs at its time, however far off", () => {
  const ran: string[] = [];
  systemClock.after(1000, () => ran.push("soon"));
  systemClock.after(100 * DAY_MS, () => ran.push("far"));
  vi.advanceTimersByTime(1000);
  expect(ran).toEqual(["soon"]);
  vi.advanceTimersByTime(100 * DAY_MS - 1001);
  expect(ran).toEqual(["soon"]);
  vi.advanceTimersByTime(1);
  expect(ran).toEqual(["soon", "far"]);
});

test("a far timer can be cancelled at any time", () => {
  const ran: string[] = [];
  const timer = systemClock.after(100 * DAY_MS, () => ran.push("far"));
  vi.advanceTimersByTime(60 * DAY_MS);
  timer.cancel();
  vi.advanceTimersByTime(100 * DAY_MS);
  expect(ran).toEqual([]);
});
