import type { Clock, Timer } from "../../src/kube/clock.ts";

interface Pending {
  readonly at: number;
  readonly callback: () => void;
}

/** A clock that stands still until it is told to go on. */
export class FakeClock implements Clock {
  #time = Date.parse("2026-01-01T00:00:00Z");
  readonly #pending = new Set<Pending>();
  readonly #waiting = new Set<{ readonly isMeant: (ms: number) => boolean; readonly resolve: (ms: number) => void }>();

  now(): number {
    return this.#time;
  }

  monotonic(): number {
    return this.#time;
  }

  after(ms: number, callback: () => void): Timer {
    const entry = { at: this.#time + ms, callback };
    this.#pending.add(entry);
    for (const waiter of this.#waiting) {
      if (!waiter.isMeant(ms)) continue;
      this.#waiting.delete(waiter);
      waiter.resolve(ms);
    }
    return { cancel: () => void this.#pending.delete(entry) };
  }

  /** Milliseconds until each timer that is set, sorted. */
  timers(): readonly number[] {
    return Array.from(this.#pending, ({ at }) => at - this.#time).toSorted((a, b) => a - b);
  }

  /** Resolves to the delay of the next timer that is set from now on and is meant. */
  scheduled(isMeant: (ms: number) => boolean): Promise<number> {
    return new Promise((resolve) => this.#waiting.add({ isMeant, resolve }));
  }

  /** Goes on by `ms` as it does for a process that is stopped meanwhile: what was due runs with the next `advance`. */
  stopped(ms: number): void {
    this.#time += ms;
  }

  /** Goes on by `ms` and runs what is due on the way, in order. */
  advance(ms: number): void {
    const end = this.#time + ms;
    for (;;) {
      const [next] = [...this.#pending].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#pending.delete(next);
      this.#time = Math.max(this.#time, next.at);
      next.callback();
    }
    this.#time = end;
  }
}
