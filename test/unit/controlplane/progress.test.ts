import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { formatElapsed, type ProgressStream, startProgress } from "../../../controlplane/progress.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("a log gets a line at the start, every 15 seconds, and at the end", () => {
  const { stream, written } = recorder({ isTTY: false });
  const progress = startProgress(stream, "building");
  progress.report("compiling");
  vi.advanceTimersByTime(31_000);
  progress.finish("built");
  vi.advanceTimersByTime(60_000);
  expect(written).toEqual([
    "building (0s): starting\n",
    "building (15s): compiling\n",
    "building (30s): compiling\n",
    "building (31s): built\n",
  ]);
});

test("a terminal has one line rewritten every second, never wider than it is", () => {
  const { stream, written } = recorder({ isTTY: true, columns: 25 });
  const progress = startProgress(stream, "building");
  progress.report("compiling a package with a long name");
  vi.advanceTimersByTime(1_000);
  progress.finish("built");
  expect(written).toEqual(["\r\u001b[Kbuilding (0s): starting", "\r\u001b[Kbuilding (1s): compiling", "\r\u001b[Kbuilding (1s): built\n"]);
});

test.each([
  [0, "0s"],
  [59_999, "59s"],
  [60_000, "1m00s"],
  [185_000, "3m05s"],
])("%d ms are said as %s", (elapsedMs, expected) => {
  expect(formatElapsed(elapsedMs)).toBe(expected);
});

function recorder(terminal: Pick<ProgressStream, "isTTY" | "columns">): { stream: ProgressStream; written: string[] } {
  const written: string[] = [];
  return { written, stream: { ...terminal, write: (text) => written.push(text) } };
}
