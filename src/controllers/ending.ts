import { pause, type Clock } from "../kube/clock.ts";
import type { EventRecorder } from "../kube/events.ts";
import type { Log } from "../kube/log.ts";

/** For what is under way when the operator is told to end: below the 30 s that Kubernetes gives a pod, so that the lease is released in time as well. */
const LONGEST_ENDING_MS = 25_000;
/** Of that, for events when the passes have ended: whoever leads next should not wait for a thousand of them. */
const LONGEST_TELLING_MS = 5_000;

export interface EndingOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly events: Pick<EventRecorder, "end">;
  /** Aborts when the right to work is lost: nothing is waited for any more. */
  readonly lost: AbortSignal;
}

/** The process is to end: the passes under way may come to their end, and then their events, for so long. `cutOff`: the passes have not. */
export async function untilEnded(passes: Promise<unknown>, { clock, log, events, lost }: EndingOptions): Promise<"finished" | "cutOff"> {
  const start = clock.monotonic();
  const ended = new AbortController();
  void passes.then(() => ended.abort());
  await pause(clock, LONGEST_ENDING_MS, AbortSignal.any([ended.signal, lost]));
  const isCutOff = !ended.signal.aborted && !lost.aborted;
  const left = LONGEST_ENDING_MS - (clock.monotonic() - start);
  await events.end(Math.max(0, Math.min(left, LONGEST_TELLING_MS)), lost);
  if (!isCutOff) return "finished";
  log.warn({ seconds: LONGEST_ENDING_MS / 1000 }, "passes take too long to end and are cut off; the lease is not released, it runs out");
  return "cutOff";
}
