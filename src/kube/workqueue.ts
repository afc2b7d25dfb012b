import type { Clock, Timer } from "./clock.ts";

/** A user's change overtakes a resync. */
export type Priority = "high" | "low";

export interface QueueItem {
  readonly key: string;
  readonly priority: Priority;
}

/** Told by client-go's names: `workqueue_<name>` in Prometheus; longest running, unfinished and oldest are asked of the queue. */
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

interface Waiting {
  readonly at: number;
  readonly priority: Priority;
  readonly timer: Timer;
}

const BASE_DELAY_MS = 5;
const MAX_DELAY_MS = 300_000;

/** client-go's work queue: a key waits once, is worked on by one worker, and what came meanwhile is worked on afterwards. */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #observer: QueueObserver | undefined;
  readonly #baseDelayMs: number;
  readonly #maxDelayMs: number;
  /** Waiting for a worker, in order, with the time since when. */
  readonly #ready: Readonly<Record<Priority, Map<string, number>>> = { high: new Map(), low: new Map() };
  /** With a worker, with the time since when. */
  readonly #processing = new Map<string, number>();
  /** Came while being worked on. */
  readonly #again = new Map<string, Priority>();
  /** Added for later. The clock's timers are the heap: Node keeps them in one. */
  readonly #later = new Map<string, Waiting>();
  readonly #failures = new Map<string, number>();
  #takers: ((item: QueueItem | undefined) => void)[] = [];
  #shuttingDown = false;

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock;
    this.#observer = options.observer;
    this.#baseDelayMs = options.baseDelayMs ?? BASE_DELAY_MS;
    this.#maxDelayMs = options.maxDelayMs ?? MAX_DELAY_MS;
  }

  /** Adds it now; a key that waits with low priority and is added with high moves up. */
  add(key: string, priority: Priority): void {
    if (this.#shuttingDown) return;
    if (this.#processing.has(key)) {
      const known = this.#again.get(key);
      if (known === undefined) this.#observer?.add();
      if (known !== "high") this.#again.set(key, priority);
      return;
    }
    if (this.#ready.high.has(key) || (priority === "low" && this.#ready.low.has(key))) return;
    const since = this.#ready.low.get(key);
    if (since === undefined) this.#observer?.add();
    else this.#ready.low.delete(key);
    this.#enqueue(key, priority, since ?? this.#clock.monotonic());
  }

  /** Adds it after `ms`; of two times for a key the earlier wins, and the higher priority. */
  addAfter(key: string, priority: Priority, ms: number): void {
    if (this.#shuttingDown) return;
    if (ms <= 0) {
      this.add(key, priority);
      return;
    }
    const known = this.#later.get(key);
    const at = Math.min(this.#clock.monotonic() + ms, known?.at ?? Infinity);
    const highest = known?.priority === "high" ? "high" : priority;
    known?.timer.cancel();
    const timer = this.#clock.after(at - this.#clock.monotonic(), () => {
      this.#later.delete(key);
      this.add(key, highest);
    });
    this.#later.set(key, { at, priority: highest, timer });
  }

  /** Adds it after the key's exponential back-off. */
  addRateLimited(key: string, priority: Priority): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.#observer?.retry();
    this.addAfter(key, priority, Math.min(this.#maxDelayMs, this.#baseDelayMs * 2 ** Math.min(failures, 30)));
  }

  /** Ends the key's back-off; call it when the key is settled or gone. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** How often in a row the key was added rate-limited. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The next item, when there is one; undefined once shut down. */
  get(): Promise<QueueItem | undefined> {
    const item = this.#next();
    if (item !== undefined) return Promise.resolve(item);
    if (this.#shuttingDown) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** Must follow each `get`. */
  done(key: string): void {
    const started = this.#processing.get(key);
    if (started === undefined) return;
    this.#processing.delete(key);
    this.#observer?.workDuration(this.#secondsSince(started));
    const again = this.#again.get(key);
    this.#again.delete(key);
    if (again !== undefined) this.#enqueue(key, again, this.#clock.monotonic());
  }

  /** How many keys wait for a worker. */
  depth(): number {
    return this.#ready.high.size + this.#ready.low.size;
  }

  /** Of the key that has been worked on for longest; 0 when none is. */
  longestRunningSeconds(): number {
    return Math.max(0, ...Array.from(this.#processing.values(), (since) => this.#secondsSince(since)));
  }

  /** Of the key that has waited for a worker for longest; 0 when none waits. A key whose time has not come does not wait. */
  oldestSeconds(): number {
    const waiting = [...this.#ready.high.values(), ...this.#ready.low.values()];
    return waiting.length === 0 ? 0 : this.#secondsSince(Math.min(...waiting));
  }

  /** Of all keys being worked on, added up. */
  unfinishedSeconds(): number {
    let sum = 0;
    for (const since of this.#processing.values()) sum += this.#secondsSince(since);
    return sum;
  }

  /** Takes nothing more and hands out nothing more: a successor sees the world anew. What is being worked on ends by itself. */
  shutDown(): void {
    this.#shuttingDown = true;
    this.#ready.high.clear();
    this.#ready.low.clear();
    this.#again.clear();
    this.#tellDepth();
    for (const { timer } of this.#later.values()) timer.cancel();
    this.#later.clear();
    for (const taker of this.#takers) taker(undefined);
    this.#takers = [];
  }

  #enqueue(key: string, priority: Priority, since: number): void {
    this.#ready[priority].set(key, since);
    const taker = this.#takers.shift();
    if (taker !== undefined) taker(this.#next());
    else this.#tellDepth();
  }

  #next(): QueueItem | undefined {
    const priority = this.#ready.high.size > 0 ? "high" : "low";
    for (const [key, since] of this.#ready[priority]) {
      this.#ready[priority].delete(key);
      this.#processing.set(key, this.#clock.monotonic());
      this.#observer?.queueDuration(this.#secondsSince(since));
      this.#tellDepth();
      return { key, priority };
    }
    return undefined;
  }

  #tellDepth(): void {
    this.#observer?.depth("high", this.#ready.high.size);
    this.#observer?.depth("low", this.#ready.low.size);
  }

  #secondsSince(start: number): number {
    return (this.#clock.monotonic() - start) / 1000;
  }
}
