import type { ObjectKey } from "../crds/meta.ts";
import type { LiveObject } from "./objects.ts";

/** What the watch said, in the reduced form. Our own write-throughs are not told: the writer knows. */
export type Change<T> =
  | { readonly type: "added"; readonly key: ObjectKey; readonly old: undefined; readonly new: T }
  | { readonly type: "modified"; readonly key: ObjectKey; readonly old: T; readonly new: T }
  | { readonly type: "deleted"; readonly key: ObjectKey; readonly old: T; readonly new: undefined };

export interface StoreOptions<T, Index extends string> {
  /** What is kept of an object. Pure. */
  readonly reduce: (object: LiveObject) => T;
  /** By index name: the index keys of a value. */
  readonly indexes?: Readonly<Record<Index, (value: T, key: ObjectKey) => readonly string[]>>;
}

/** What the watches have seen of one kind, each object reduced to what is needed of it. */
export declare class Store<T, Index extends string = never> {
  constructor(options: StoreOptions<T, Index>);
  get(key: ObjectKey): T | undefined;
  list(): readonly T[];
  keys(): readonly ObjectKey[];
  byIndex(index: Index, indexKey: string): readonly T[];
  readonly size: number;
  /** Calls `listener` for every change that a watch brings; returns the way to stop. */
  subscribe(listener: (change: Change<T>) => void): () => void;
  /** Write-through: puts what a write returned, unless the watch, or a later write, has brought as new or newer. */
  put(object: LiveObject): T;
}
