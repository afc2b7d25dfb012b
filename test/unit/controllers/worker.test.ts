import { expect, test } from "vitest";
import { runWorkers } from "../../../src/controllers/worker.ts";
import { WorkQueue } from "../../../src/kube/workqueue.ts";
import type { Outcome } from "../../../src/reconcilers/step.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { silentLog } from "../../support/kube-runtime.ts";

/** How long until the key comes back after a pass that ended so. */
async function comesBackAfter(outcome: Outcome): Promise<readonly number[]> {
  const clock = new FakeClock();
  const queue = new WorkQueue({ clock });
  const metrics = createMetrics({ version: "0", perService: "Full" });
  let timers: readonly number[] = [];
  const pass = async (key: string): Promise<Outcome> => {
    if (key === "looked at") return outcome;
    // The one worker has settled what was before this.
    timers = clock.timers();
    queue.shutDown();
    return { state: "settled" };
  };
  for (const key of ["looked at", "last"]) queue.add(key, "high");
  await runWorkers({ name: "test", queue, workers: 1, clock, log: silentLog, metrics, pass });
  return timers;
}

test.each<[string, Outcome, readonly number[]]>([
  ["settled", { state: "settled" }, []],
  ["for a recheck", { state: "recheck", afterMs: 700, because: "x" }, [700]],
  ["to be retried", { state: "retry", afterMs: undefined, because: "x" }, [5]],
  ["to be retried when the server likes", { state: "retry", afterMs: 60_000, because: "x" }, [60_000]],
  ["to be retried, with something due before", { state: "retry", afterMs: 60_000, because: "x", atLatestMs: 10_000 }, [10_000]],
  ["to be retried, with something due later", { state: "retry", afterMs: undefined, because: "x", atLatestMs: 10_000 }, [5]],
])("%s", async (_, outcome, timers) => {
  expect(await comesBackAfter(outcome)).toEqual(timers);
});
