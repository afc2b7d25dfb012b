import { canonicalJson } from "../crds/canonical.ts";
import { keyString, type ObjectKey } from "../crds/meta.ts";
import type { Lookup } from "./ports.ts";

interface Read<O> {
  readonly owner: ObjectKey;
  readonly name: string;
  readonly observed: O;
}

/**
 * AWS objects of one kind that others own and services use, each service at most one: read, never written. What was read is remembered
 * until the sweep finds that it has changed, so that most passes make no AWS call.
 */
export class Borrowed<O extends object> {
  readonly #lookup: Lookup<O>;
  /** By the service that uses it; the longest unread first. */
  readonly #memory = new Map<string, Read<O>>();

  constructor(lookup: Lookup<O>) {
    this.#lookup = lookup;
  }

  /** Undefined: there is none of that name; that is asked again every time. */
  async read(user: ObjectKey, name: string): Promise<O | undefined> {
    const seen = this.#memory.get(keyString(user));
    if (seen?.name === name) return seen.observed;
    this.forget(user);
    const observed = await this.#lookup.read(name);
    if (observed !== undefined) this.#memory.set(keyString(user), { owner: user, name, observed });
    return observed;
  }

  /** Whether it was read and nothing is known to have changed since. */
  remembers(user: ObjectKey, name: string): boolean {
    return this.#memory.get(keyString(user))?.name === name;
  }

  /** The service's next pass reads afresh. */
  forget(user: ObjectKey): void {
    this.#memory.delete(keyString(user));
  }

  /** Names of all that is remembered. */
  names(): ReadonlySet<string> {
    return new Set([...this.#memory.values()].map(({ name }) => name));
  }

  /** Holds a bulk read against what was read; forgets what is gone or differs and returns whose it is. What the bulk read does not tell counts as equal. */
  sweep(bulk: ReadonlyMap<string, O>): ObjectKey[] {
    const changed = [...this.#memory.values()].filter(({ name, observed }) => !sameAsTold(observed, bulk.get(name)));
    for (const { owner } of changed) this.forget(owner);
    return changed.map(({ owner }) => owner);
  }

  /** As Converger's. */
  forgetOldest(): ObjectKey | undefined {
    const oldest = this.#memory.values().next().value;
    if (oldest) this.forget(oldest.owner);
    return oldest?.owner;
  }

  /** How many objects are remembered. */
  get size(): number {
    return this.#memory.size;
  }
}

function sameAsTold(observed: object, told: object | undefined): boolean {
  return told !== undefined && canonicalJson({ ...observed, ...withoutUndefined(told) }) === canonicalJson(observed);
}

function withoutUndefined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));
}
