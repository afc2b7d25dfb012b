/** A line of progress that a person can follow: one line rewritten on a terminal, a line now and then in a log. */

const TERMINAL_INTERVAL_MS = 1_000;
/** Long enough to keep a CI log short, short enough to see that it still moves. */
const LOG_INTERVAL_MS = 15_000;

/** What progress is written to: process.stderr, or a test's. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface Progress {
  /** What is being done now; shown with the elapsed time at the next tick. */
  report(what: string): void;
  /** Ends the progress with a last line. */
  finish(what: string): void;
}

/** Starts a progress on `stream`, which must be finished; `title` says what the wait is for. */
export function startProgress(stream: ProgressStream, title: string): Progress {
  const startedAt = performance.now();
  const terminal = stream.isTTY === true;
  let current = "starting";

  const line = (): string => `${title} (${formatElapsed(performance.now() - startedAt)}): ${current}`;
  const show = (): void => {
    const width = Math.max(20, (stream.columns || 80) - 1);
    stream.write(terminal ? `\r\u001b[K${line().slice(0, width)}` : `${line()}\n`);
  };

  show();
  const timer = setInterval(show, terminal ? TERMINAL_INTERVAL_MS : LOG_INTERVAL_MS);
  timer.unref();
  return {
    report(what) {
      current = what;
    },
    finish(what) {
      clearInterval(timer);
      current = what;
      stream.write(`${terminal ? "\r\u001b[K" : ""}${line()}\n`);
    },
  };
}

/** Milliseconds as a person says them: `8s`, `3m05s`. */
export function formatElapsed(elapsedMs: number): string {
  const seconds = Math.floor(elapsedMs / 1_000);
  const minutes = Math.floor(seconds / 60);
  return minutes === 0 ? `${seconds}s` : `${minutes}m${String(seconds % 60).padStart(2, "0")}s`;
}
