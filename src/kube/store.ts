import { keyString, type ObjectKey } from "../crds/meta.ts";
import { compareResourceVersions, objectKey, type LiveObject } from "./objects.ts";

/** What became of an object, in the reduced form. */
export type Change<T> = {
  readonly key: ObjectKey;
  /** It is what a write of ours was answered, and nothing else was told while it was written (Store.during): whoever wrote knows. */
  readonly ours: boolean;
} & (
  | { readonly type: "added"; readonly old: undefined; readonly new: T }
  | { readonly type: "modified"; readonly old: T; readonly new: T }
  | { readonly type: "deleted"; readonly old: T; readonly new: undefined }
);

export interface StoreOptions<T, Index extends string> {
  /** What is kept of an object. Pure. */
  readonly reduce: (object: LiveObject) => T;
  /** Whether the watch that fills the store would bring it; default: it brings every object of the kind. */
  readonly selects?: (object: LiveObject) => boolean;
  /** By index name: the index keys of a value. */
  readonly indexes?: Readonly<Record<Index, (value: T, key: ObjectKey) => readonly string[]>>;
}

/** An object as a store keeps it. */
export interface Entry<T> {
  readonly key: ObjectKey;
  readonly resourceVersion: string;
  readonly value: T;
  /** Put by an answer, and not yet seen by the watch. */
  readonly ahead: boolean;
}

/** A consistent read that is still coming in; each object is reduced as it comes. */
export interface Snapshot {
  add(object: LiveObject): void;
  drop(object: LiveObject): void;
  /** Replaces everything in the store by what was added. */
  commit(resourceVersion: string): void;
}

/** What a reflector sees of a store: the half that fills it. */
export interface Sink<T> {
  get(key: ObjectKey): T | undefined;
  begin(): Snapshot;
  upsert(object: LiveObject): void;
  remove(object: LiveObject): void;
  /** Everything up to this revision has been told. */
  advance(resourceVersion: string): void;
}

/** Methods, so that a store of something is also a store of anything. */
interface Listener<T> {
  tell(change: Change<T>): void;
}

interface Indexer<T> {
  readonly name: string;
  keysOf(value: T, key: ObjectKey): readonly string[];
}

/** What there is to tell of an object that is being written. */
interface Held<T> {
  writes: number;
  readonly changes: Change<T>[];
  /** The newest revision that was written. */
  written: string;
  /** Whether it is what was deleted. */
  isDropped(value: T): boolean;
}

/** What the watches have seen of one kind, each object reduced to what is needed of it. Synchronous; one reflector fills it. */
export class Store<T, Index extends string = never> implements Sink<T> {
  readonly #reduce: (object: LiveObject) => T;
  readonly #selects: (object: LiveObject) => boolean;
  readonly #indexers: readonly Indexer<T>[];
  readonly #entries = new Map<string, Entry<T>>();
  /** By index name and index key: the one object of that key, or all of them. */
  readonly #indexes = new Map<string, Map<string, string | Set<string>>>();
  readonly #listeners = new Set<Listener<T>>();
  readonly #held = new Map<string, Held<T>>();
  /** Revisions that writes of ours were answered and the watch has not told yet. */
  readonly #expected = new Map<string, string>();
  /** The newest revision that the watch has told. */
  #seen = "";

  constructor(options: StoreOptions<T, Index>) {
    this.#reduce = options.reduce;
    this.#selects = options.selects ?? (() => true);
    this.#indexers = Object.entries<Indexer<T>["keysOf"]>(options.indexes ?? {}).map(([name, keysOf]) => ({ name, keysOf }));
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: ObjectKey): T | undefined {
    return this.#entries.get(keyString(key))?.value;
  }

  list(): readonly T[] {
    return Array.from(this.#entries.values(), (entry) => entry.value);
  }

  keys(): readonly ObjectKey[] {
    return Array.from(this.#entries.values(), (entry) => entry.key);
  }

  byIndex(index: Index, indexKey: string): readonly T[] {
    const values: T[] = [];
    for (const id of idsOf(this.#indexes.get(index)?.get(indexKey))) {
      const entry = this.#entries.get(id);
      if (entry !== undefined) values.push(entry.value);
    }
    return values;
  }

  /** Calls `listener` for every change, whatever brought it; returns the way to stop. */
  subscribe(listener: (change: Change<T>) => void): () => void {
    const entry = { tell: listener };
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  /**
   * Holds back what there is to tell of the object while `write` goes on, which calls `wrote` with what it is answered, or `drop`. If that alone has become of it, it is told as ours: a watch may well
   * be faster than the answer, and whoever writes must not be called by his own echo. Anything else is told as it came.
   */
  async during<R>(key: ObjectKey, write: () => Promise<R>): Promise<R> {
    const id = keyString(key);
    const held = this.#held.get(id) ?? { writes: 0, changes: [], written: "", isDropped: () => false };
    this.#held.set(id, held);
    held.writes++;
    try {
      return await write();
    } finally {
      held.writes--;
      if (held.writes === 0) this.#release(id, held);
    }
  }

  #release(id: string, held: Held<T>): void {
    this.#held.delete(id);
    const { changes, written } = held;
    const [first] = changes;
    const isOurs = first?.type === "deleted" ? held.isDropped(first.old) : this.#entries.get(id)?.resourceVersion === written;
    const ours = changes.length === 1 && isOurs;
    this.#tell(changes.map((change) => ({ ...change, ours })));
  }

  /** Write-through: puts what a write of ours was answered, as `put` does. */
  wrote(object: LiveObject): T {
    this.#noteWritten(keyString(objectKey(object)), object.metadata.resourceVersion);
    return this.put(object);
  }

  /** A write of ours was answered with this revision, and not with the object, as of a subresource: what the watch tells of it is ours. */
  wroteUnseen(key: ObjectKey, resourceVersion: string): void {
    const id = keyString(key);
    this.#noteWritten(id, resourceVersion);
    const entry = this.#entries.get(id);
    if (entry !== undefined && isNewer(resourceVersion, entry.resourceVersion)) this.#expected.set(id, resourceVersion);
  }

  #noteWritten(id: string, resourceVersion: string): void {
    const held = this.#held.get(id);
    if (held !== undefined && isNewer(resourceVersion, held.written)) held.written = resourceVersion;
  }

  /** Puts what a read brought, unless the watch, or a later answer, has brought as new or newer. */
  put(object: LiveObject): T {
    const { value, changes } = this.#take(object);
    this.#tell(changes);
    return value;
  }

  #take(object: LiveObject): { readonly value: T; readonly changes: readonly Change<T>[] } {
    const key = objectKey(object);
    const { resourceVersion } = object.metadata;
    const old = this.#entries.get(keyString(key));
    // The watch was faster than the answer.
    if (old?.resourceVersion === resourceVersion) return { value: old.value, changes: [] };
    const value = this.#reduce(object);
    // No watch would ever tell that it is gone.
    if (!this.#selects(object)) return { value, changes: [] };
    // What the watch has already passed without leaving it here was deleted since, or does not match its selector.
    if (!isNewer(resourceVersion, this.#seen) || (old && !isNewer(resourceVersion, old.resourceVersion))) return { value, changes: [] };
    const entry = { key, resourceVersion, value, ahead: true };
    this.#set(entry);
    return { value, changes: [changeOf(old, entry)] };
  }

  /** Write-through of a deletion: drops what is there if it is the one that was deleted. */
  drop(key: ObjectKey, isSo: (value: T) => boolean): void {
    const held = this.#held.get(keyString(key));
    if (held !== undefined) held.isDropped = isSo;
    const entry = this.#entries.get(keyString(key));
    if (entry === undefined || !isSo(entry.value)) return;
    this.#delete(entry);
    this.#tell([deletionOf(entry)]);
  }

  /** Takes in a read of the whole collection that was made beside the watch: what is newer in it, and what is no longer there. The watch will not tell of that again. */
  catchUp(objects: readonly LiveObject[], resourceVersion: string): void {
    const there = new Set(objects.map((object) => keyString(objectKey(object))));
    const changes = objects.flatMap((object) => this.#take(object).changes);
    const gone = [...this.#entries].filter(([id, entry]) => !there.has(id) && !isNewer(entry.resourceVersion, resourceVersion));
    for (const [, entry] of gone) this.#delete(entry);
    this.#tell([...changes, ...gone.map(([, entry]) => deletionOf(entry))]);
  }

  begin(): Snapshot {
    const entries = new Map<string, Entry<T>>();
    return {
      add: (object) => void entries.set(keyString(objectKey(object)), this.#entryOf(object)),
      drop: (object) => void entries.delete(keyString(objectKey(object))),
      commit: (resourceVersion) => this.#replace(entries, resourceVersion),
    };
  }

  upsert(object: LiveObject): void {
    const { resourceVersion } = object.metadata;
    this.advance(resourceVersion);
    const id = keyString(objectKey(object));
    const old = this.#entries.get(id);
    if (old?.resourceVersion === resourceVersion) {
      // The echo of a write of ours: what it says is known.
      this.#entries.set(id, { ...old, ahead: false });
      return;
    }
    if (old && isNewer(old.resourceVersion, resourceVersion)) return;
    const entry = this.#entryOf(object);
    this.#set(entry);
    const expected = this.#expected.get(id);
    if (expected !== undefined && !isNewer(expected, resourceVersion)) this.#expected.delete(id);
    this.#tell([{ ...changeOf(old, entry), ours: expected === resourceVersion }]);
  }

  remove(object: LiveObject): void {
    const { resourceVersion } = object.metadata;
    this.advance(resourceVersion);
    const old = this.#entries.get(keyString(objectKey(object)));
    if (!old || isNewer(old.resourceVersion, resourceVersion)) return;
    this.#delete(old);
    this.#tell([deletionOf(old)]);
  }

  advance(resourceVersion: string): void {
    if (isNewer(resourceVersion, this.#seen)) this.#seen = resourceVersion;
  }

  #replace(next: Map<string, Entry<T>>, resourceVersion: string): void {
    const changes: Change<T>[] = [];
    for (const [id, old] of this.#entries) {
      const kept = old.ahead && isNewer(old.resourceVersion, resourceVersion);
      if (kept) next.delete(id);
      if (kept || next.has(id)) continue;
      this.#delete(old);
      changes.push(deletionOf(old));
    }
    for (const [id, entry] of next) {
      const old = this.#entries.get(id);
      this.#set(entry);
      if (old?.resourceVersion !== entry.resourceVersion) changes.push(changeOf(old, entry));
    }
    this.#seen = resourceVersion;
    this.#tell(changes);
  }

  #entryOf(object: LiveObject): Entry<T> {
    const { resourceVersion } = object.metadata;
    return { key: objectKey(object), resourceVersion, value: this.#reduce(object), ahead: false };
  }

  #set(entry: Entry<T>): void {
    const id = keyString(entry.key);
    const old = this.#entries.get(id);
    if (old) this.#unindex(id, old);
    this.#entries.set(id, entry);
    this.#eachIndexKey(entry, (keys, key) => {
      const ids = keys.get(key);
      if (ids instanceof Set) ids.add(id);
      else keys.set(key, ids === undefined || ids === id ? id : new Set([ids, id]));
    });
  }

  #delete(entry: Entry<T>): void {
    const id = keyString(entry.key);
    this.#unindex(id, entry);
    this.#entries.delete(id);
    this.#expected.delete(id);
  }

  #unindex(id: string, entry: Entry<T>): void {
    this.#eachIndexKey(entry, (keys, key) => {
      const ids = keys.get(key);
      if (ids instanceof Set) ids.delete(id);
      if (ids === id || (ids instanceof Set && ids.size === 0)) keys.delete(key);
    });
  }

  #eachIndexKey(entry: Entry<T>, visit: (keys: Map<string, string | Set<string>>, key: string) => void): void {
    for (const indexer of this.#indexers) {
      const keys = this.#indexes.get(indexer.name) ?? new Map<string, string | Set<string>>();
      this.#indexes.set(indexer.name, keys);
      for (const key of indexer.keysOf(entry.value, entry.key)) visit(keys, key);
    }
  }

  /** Every listener hears of every change, of an object that is being written later; what any threw is thrown at the end. */
  #tell(changes: readonly Change<T>[]): void {
    const failures: unknown[] = [];
    for (const change of changes) {
      const held = this.#held.get(keyString(change.key));
      if (held !== undefined) {
        held.changes.push(change);
        continue;
      }
      for (const listener of this.#listeners) {
        try {
          listener.tell(change);
        } catch (error) {
          failures.push(error);
        }
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, "a listener of a store failed");
  }
}

function idsOf(ids: string | Set<string> | undefined): Iterable<string> {
  if (ids === undefined) return [];
  return ids instanceof Set ? ids : [ids];
}

function isNewer(a: string, b: string): boolean {
  return compareResourceVersions(a, b) > 0;
}

function deletionOf<T>({ key, value }: Entry<T>): Change<T> {
  return { type: "deleted", key, ours: false, old: value, new: undefined };
}

function changeOf<T>(old: Entry<T> | undefined, entry: Entry<T>): Change<T> {
  const told = { key: entry.key, ours: false, new: entry.value };
  return old === undefined ? { ...told, type: "added", old: undefined } : { ...told, type: "modified", old: old.value };
}
