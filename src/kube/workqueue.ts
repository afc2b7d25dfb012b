import type { Clock } from "./clock.ts";

/** A user's change overtakes a resync. */
export type Priority = "high" | "low";

export interface QueueItem {
  readonly key: string;
  readonly priority: Priority;
}

/** Told by client-go's names: `workqueue_<method>` in Prometheus. */
export interface QueueObserver {
  depth(priority: Priority, depth: number): void;
  add(): void;
  queueDuration(seconds: number): void;
  workDuration(seconds: number): void;
  retry(): void;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly observer?: QueueObserver;
  /** Default 5 ms, doubled for each failure in a row. */
  readonly baseDelayMs?: number;
  /** Default 5 min. */
  readonly maxDelayMs?: number;
}

/** client-go's work queue: a key waits once, is worked on by one worker, and what came meanwhile is worked on afterwards. */
export declare class WorkQueue {
  constructor(options: WorkQueueOptions);
  add(key: string, priority: Priority): void;
  /** Adds it after `ms`; the earlier of two times wins. */
  addAfter(key: string, priority: Priority, ms: number): void;
  /** Adds it after the key's exponential back-off. */
  addRateLimited(key: string, priority: Priority): void;
  /** Ends the key's back-off. */
  forget(key: string): void;
  failures(key: string): number;
  /** The next item, when there is one; undefined once shut down and empty. */
  get(): Promise<QueueItem | undefined>;
  /** Must follow each `get`. */
  done(key: string): void;
  depth(): number;
  longestRunningSeconds(): number;
  unfinishedSeconds(): number;
  /** Takes nothing more; workers get what waits and then undefined. */
  shutDown(): void;
  /** As shutDown; resolves when what waits and what runs is done. */
  drain(): Promise<void>;
}
