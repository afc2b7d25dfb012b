/** The right to work, which one replica has at a time. src/kube/lease.ts is one. */
export interface Leadership {
  /** Resolves when this process has it; to false when `signal` aborts before. */
  acquire(signal: AbortSignal): Promise<boolean>;
  /** Aborts when it ends. */
  readonly signal: AbortSignal;
  /** Gives it up; everything that needs it has ended. */
  release(): Promise<void>;
}

/** Of a process that is the only one. */
export const ALONE: Leadership = {
  acquire: (signal) => Promise.resolve(!signal.aborted),
  signal: new AbortController().signal,
  release: () => Promise.resolve(),
};
