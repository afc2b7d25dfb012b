import type { Clock } from "../kube/clock.ts";
import type { Log } from "../kube/log.ts";
import type { Priority, WorkQueue } from "../kube/workqueue.ts";
import { describeError } from "../reconcilers/failure.ts";
import { KubeError } from "../reconcilers/ports.ts";
import type { Outcome } from "../reconcilers/step.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/** One controller's workers: they take keys from its queue and run a pass each; nothing ever gives up. */

export interface WorkerOptions {
  readonly name: string;
  readonly queue: WorkQueue;
  readonly workers: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly pass: (key: string) => Promise<Outcome>;
}

/** Runs until the queue is shut down and what it held is done. */
export async function runWorkers(options: WorkerOptions): Promise<void> {
  let active = 0;
  const work = async (): Promise<void> => {
    for (let item = await options.queue.get(); item; item = await options.queue.get()) {
      options.metrics.activeWorkers(options.name, ++active);
      await onePass(options, item.key, item.priority);
      options.metrics.activeWorkers(options.name, --active);
    }
  };
  await Promise.all(Array.from({ length: options.workers }, work));
}

async function onePass(options: WorkerOptions, key: string, priority: Priority): Promise<void> {
  const { queue, metrics, name, log, clock } = options;
  const started = clock.monotonic();
  const seconds = (): number => (clock.monotonic() - started) / 1000;
  try {
    const outcome = await options.pass(key);
    settle(options, key, priority, outcome);
    metrics.reconciled(name, outcome.state === "settled" ? "success" : outcome.state === "recheck" ? "requeue_after" : "error", seconds());
    log.debug({ controller: name, key, outcome: outcome.state, seconds: seconds() }, "pass");
  } catch (error) {
    queue.addRateLimited(key, priority);
    if (error instanceof KubeError && error.class === "conflict") {
      metrics.reconciled(name, "requeue_after", seconds());
      log.debug({ controller: name, key }, "another writer was faster; again");
    } else {
      metrics.reconciled(name, "error", seconds());
      log.error({ controller: name, key, err: error instanceof Error ? error : describeError(error) }, "pass failed; it is retried");
    }
  } finally {
    queue.done(key);
  }
}

function settle({ queue }: WorkerOptions, key: string, priority: Priority, outcome: Outcome): void {
  switch (outcome.state) {
    case "settled":
      queue.forget(key);
      return;
    case "recheck":
      queue.forget(key);
      queue.addAfter(key, priority, outcome.afterMs);
      return;
    case "retry":
      if (outcome.afterMs === undefined) queue.addRateLimited(key, priority);
      else queue.addAfter(key, priority, outcome.afterMs);
      if (outcome.atLatestMs !== undefined) queue.addAfter(key, priority, outcome.atLatestMs);
      return;
    default:
      outcome satisfies never;
  }
}
