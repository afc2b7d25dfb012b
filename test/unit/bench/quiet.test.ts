import { describe, expect, test } from "vitest";
import { lastMomentOf, pauseAfterLook } from "../../bench/meter.ts";

/** How often the benchmark looks whether the operator is quiet, and since when it says that it was. */

test.each([
  ["at least so long", 1, 300],
  ["nineteen times what the last look took", 50, 950],
  ["and at most so long", 3_000, 2_000],
])("between two looks are %s", (_, tookMs, pause) => {
  expect(pauseAfterLook(tookMs)).toBe(pause);
});

describe("of two looks of which the later found news, it was quiet since", () => {
  const LOOKS = { before: 1_000, after: 3_000 };

  /** What the operator serves where its last passes ended at these moments. */
  function metricsAt(...moments: readonly number[]): string {
    const lines = moments.map(
      (moment, index) =>
        `platform_service_last_reconcile_timestamp_seconds{namespace="n",name="s${String(index)}"} ${String((performance.timeOrigin + moment) / 1000)}`,
    );
    return ["# TYPE platform_service_last_reconcile_timestamp_seconds gauge", ...lines, ""].join("\n");
  }

  test.each([
    ["the last pass that ended between them", metricsAt(500, 2_000, 1_500), 2_000],
    ["the later one, where no pass ended since the earlier", metricsAt(500), 3_000],
    ["the later one, where a pass ended after it", metricsAt(3_500), 3_000],
    ["the later one, where no service has series of its own", "", 3_000],
  ])("%s", (_, metrics, moment) => {
    expect(lastMomentOf(metrics, LOOKS)).toBeCloseTo(moment, 0);
  });
});
