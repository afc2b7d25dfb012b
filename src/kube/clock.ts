/** Time, injected: everything in src/kube that waits or measures asks this. */
export interface Clock {
  /** Milliseconds since the epoch; for timestamps that others read. */
  now(): number;
  /** Milliseconds that never go back; for durations. */
  monotonic(): number;
  /** Runs `callback` once after `ms`, unless cancelled before. */
  after(ms: number, callback: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

/** Of setTimeout, which fires at once beyond it. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** Node's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback) {
    let handle: NodeJS.Timeout;
    const wait = (left: number): void => {
      handle =
        left > LONGEST_TIMEOUT_MS ? setTimeout(() => wait(left - LONGEST_TIMEOUT_MS), LONGEST_TIMEOUT_MS) : setTimeout(callback, left);
    };
    wait(ms);
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Resolves after `ms`, or at once when the signal aborts or `wake` is called by whoever holds it. Never rejects. */
export function pause(clock: Clock, ms: number, signal: AbortSignal, onWake?: (wake: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const finish = (): void => {
      timer.cancel();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = clock.after(ms, finish);
    signal.addEventListener("abort", finish, { once: true });
    onWake?.(finish);
  });
}
