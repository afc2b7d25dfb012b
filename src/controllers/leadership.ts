/** The right to work, which of each shard of the services one replica has at a time. shard-leases.ts is one. */
export interface Leadership {
  /** Into how many shards the services are divided. */
  readonly shards: number;
  /**
   * Takes shards as they become free, and has `reign` work on each; a shard is given up, for another replica to have it, when its reign has ended. Resolves when all have:
   * the signal aborted, or the right to work was lost. Never rejects but with what a reign throws.
   */
  lead(reign: Reign, signal: AbortSignal): Promise<Ending>;
  /** Aborts when the right to work is lost: nothing may be changed any more. */
  readonly signal: AbortSignal;
}

/** Works on a shard until `over` aborts; resolves when nothing of it is under way. `cutOff`: something is, and goes no further; the process is to end. */
export type Reign = (shard: number, over: AbortSignal) => Promise<"finished" | "cutOff">;

/**
 * `finished`: passes under way came to their end, and another may lead at once. `cutOff`: they took too long. `lost`: the right to work was lost; nothing may be changed any
 * more, what is under way fails, and the process is to end.
 */
export type Ending = "finished" | "cutOff" | "lost";

/** Of a process that is the only one. */
export const ALONE: Leadership = {
  shards: 1,
  lead: (reign, signal) => reign(0, signal),
  signal: new AbortController().signal,
};
