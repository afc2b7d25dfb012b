/**
 * Keyed, immutable records with a journal of recent writes, so that a read can be answered as of a moment ago (faults.ts, `staleReads`).
 */

/** A table as one call sees it. Records are never changed in place: `set` puts a new one. */
export interface Table<V> {
  /** The record as this call sees it: a lagging reader may miss a write. */
  get(key: string): V | undefined;
  /** The record as committed, whatever this call sees: for the uniqueness of names. */
  current(key: string): V | undefined;
  /** All records as this call sees them, in the order of their keys. */
  entries(): readonly (readonly [string, V])[];
  /** How many records are committed. */
  count(): number;
  /** Every record as committed, in no order: for uniqueness, quotas and references. */
  committed(): Iterable<V>;
  set(key: string, value: V): void;
  delete(key: string): void;
}

/** Which writes a lagging call does not see: those younger than `ms`, or made within the last `calls` calls. */
export interface Lag {
  readonly calls?: number;
  readonly ms?: number;
}

/** The number and time of the call being answered. */
export interface Moment {
  readonly call: number;
  readonly now: number;
}

interface Write<V> extends Moment {
  readonly key: string;
  readonly before: V | undefined;
}

const JOURNAL_LENGTH = 2_000; // more writes than any lag worth testing

/** The committed records. */
export class MemoryTable<V> {
  readonly #records = new Map<string, V>();
  #journal: Write<V>[] = [];
  readonly #changed: () => void;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  dump(): [string, V][] {
    return [...this.#records];
  }

  restore(entries: readonly (readonly [string, V])[]): void {
    this.#records.clear();
    this.#journal = [];
    for (const [key, value] of entries) this.#records.set(key, value);
  }

  /** The table for a call that sees everything. */
  at(moment: Moment): Table<V> {
    return {
      get: (key) => this.#records.get(key),
      current: (key) => this.#records.get(key),
      entries: () => sorted(this.#records),
      count: () => this.#records.size,
      committed: () => this.#records.values(),
      set: (key, value) => this.#write(key, value, moment),
      delete: (key) => this.#write(key, undefined, moment),
    };
  }

  /** The table for a read that misses the writes within `lag`. */
  lagging(moment: Moment, lag: Lag): Table<V> {
    const hidden = this.#hidden(moment, lag);
    return {
      ...this.at(moment),
      get: (key) => (hidden.has(key) ? hidden.get(key) : this.#records.get(key)),
      entries: () => {
        const seen = new Map(this.#records);
        for (const [key, before] of hidden) {
          if (before === undefined) seen.delete(key);
          else seen.set(key, before);
        }
        return sorted(seen);
      },
    };
  }

  /** The table for a write that may miss a record made within `lag`, and otherwise works on the committed one, so that nothing is undone. */
  laggingCreation(moment: Moment, lag: Lag): Table<V> {
    const hidden = this.#hidden(moment, lag);
    return { ...this.at(moment), get: (key) => (hidden.has(key) && hidden.get(key) === undefined ? undefined : this.#records.get(key)) };
  }

  #hidden(moment: Moment, lag: Lag): ReadonlyMap<string, V | undefined> {
    const hidden = new Map<string, V | undefined>();
    for (const write of this.#journal) {
      const young =
        (lag.calls !== undefined && moment.call - write.call <= lag.calls) || (lag.ms !== undefined && moment.now - write.now < lag.ms);
      if (young && !hidden.has(write.key)) hidden.set(write.key, write.before);
    }
    return hidden;
  }

  #write(key: string, value: V | undefined, { call, now }: Moment): void {
    this.#journal.push({ key, before: this.#records.get(key), call, now });
    if (this.#journal.length > 2 * JOURNAL_LENGTH) this.#journal = this.#journal.slice(-JOURNAL_LENGTH);
    if (value === undefined) this.#records.delete(key);
    else this.#records.set(key, value);
    this.#changed();
  }
}

function sorted<V>(records: ReadonlyMap<string, V>): readonly (readonly [string, V])[] {
  return [...records].toSorted(([a], [b]) => (a < b ? -1 : 1));
}
