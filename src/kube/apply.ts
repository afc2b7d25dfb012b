import type { ObjectKey } from "../crds/meta.ts";
import type { Children } from "../reconcilers/ports.ts";
import type { ChildSource } from "./child-stores.ts";
import type { Transport } from "./transport.ts";

export interface ChildrenOptions {
  readonly transport: Transport;
  readonly sources: readonly ChildSource<unknown>[];
}

/** Children, and the way to drop what is remembered of a service that is gone. */
export interface ManagedChildren extends Children {
  forget(owner: ObjectKey): void;
}

export declare function createChildren(options: ChildrenOptions): ManagedChildren;
