/** Time, injected. */
export interface Clock {
  /** Milliseconds that never go back. */
  monotonic(): number;
  /** Runs `callback` once after `ms`. */
  after(ms: number, callback: () => void): unknown;
}

/** Of `10/s`, as the configuration's schema has it. */
export function perSecondOf(rate: string): number {
  return Math.max(1, Number.parseInt(rate, 10));
}

/**
 * Holds calls to a rate, first come first served, so that the account's other users keep theirs. A second's worth may go at
 * once after a quiet while; then one call every 1/rate seconds.
 */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #burstMs: number;
  /** When the bucket would be full again if nobody came any more. */
  #fullAt = 0;

  constructor(options: { readonly perSecond: number; readonly clock: Clock }) {
    this.#clock = options.clock;
    this.#intervalMs = 1000 / options.perSecond;
    this.#burstMs = 1000 - this.#intervalMs;
  }

  /** Resolves when the call may go. */
  take(): Promise<void> {
    const now = this.#clock.monotonic();
    const due = Math.max(this.#fullAt, now);
    this.#fullAt = due + this.#intervalMs;
    const wait = due - now - Math.max(0, this.#burstMs);
    if (wait <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#clock.after(wait, resolve);
    });
  }
}

/** Resolves when the next of many may go, by a rate of the configuration; null: at once. */
export function paceOf(rate: string | null, clock: Clock): () => Promise<void> {
  if (rate === null) return () => Promise.resolve();
  const bucket = new TokenBucket({ perSecond: perSecondOf(rate), clock });
  return () => bucket.take();
}
