import { keyString, type ObjectKey } from "../crds/meta.ts";
import type { ChildRef } from "../reconcilers/ports.ts";

/** What this process knows of a child beyond what the API server keeps. Lost at a restart, at the price of one more write here and there. */
export interface ChildMemory {
  /** Of the last apply, or of the child as it was found in order. */
  readonly desiredHash: string;
  /** What admission made of `desiredHash`: not sent again until either changes. */
  readonly mutation?: { readonly ownedHash: string | undefined; readonly paths: readonly string[] };
  /** Replicas that we set, until the watch has shown as new a revision. */
  readonly scaled?: { readonly replicas: number; readonly resourceVersion: string };
}

/** Memories by owner, so that they go when the owner goes. */
export class Memories {
  readonly #byOwner = new Map<string, Map<string, ChildMemory>>();

  get(owner: ObjectKey, ref: ChildRef): ChildMemory | undefined {
    return this.#byOwner.get(keyString(owner))?.get(childKey(ref));
  }

  set(owner: ObjectKey, ref: ChildRef, memory: ChildMemory): void {
    const children = this.#byOwner.get(keyString(owner)) ?? new Map<string, ChildMemory>();
    children.set(childKey(ref), memory);
    this.#byOwner.set(keyString(owner), children);
  }

  delete(owner: ObjectKey, ref: ChildRef): void {
    this.#byOwner.get(keyString(owner))?.delete(childKey(ref));
  }

  forget(owner: ObjectKey): void {
    this.#byOwner.delete(keyString(owner));
  }
}

function childKey({ apiVersion, kind, namespace, name }: ChildRef): string {
  return `${apiVersion}/${kind}/${namespace}/${name}`;
}
