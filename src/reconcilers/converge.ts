import type { Difference, Identified } from "../crds/desired.ts";
import type { ObjectKey } from "../crds/meta.ts";
import { hashOf } from "./hash.ts";
import { AwsError, type ExternalResource } from "./ports.ts";

/** What became of one AWS object. */
export type Converged<Observed> =
  /** As desired. `corrected` is empty where nothing was written. */
  | { readonly state: "asDesired"; readonly observed: Observed; readonly corrected: readonly Difference[] }
  | { readonly state: "foreign"; readonly owner: string }
  /** Present and ours, but it still differs after an update: the differences that AWS cannot change. */
  | { readonly state: "stuck"; readonly observed: Observed; readonly differences: readonly Difference[] };

interface Remembered {
  readonly desired: Identified;
  readonly desiredHash: string;
  readonly observed: unknown;
}

/**
 * Makes AWS objects as desired, and remembers what it has seen, so that most passes make no AWS call: an object is read when
 * its desired hash changed, when this process has not yet seen it, or when the sweep forgot it.
 */
export class Converger {
  readonly #memory = new Map<string, Remembered>();

  async converge<D extends Identified, O>(resource: ExternalResource<D, O>, desired: D): Promise<Converged<O>> {
    const desiredHash = hashOf(desired);
    const id = identity(resource, desired.name);
    const seen = this.#memory.get(id);
    if (seen?.desiredHash === desiredHash) return { state: "asDesired", observed: seen.observed as O, corrected: [] };
    this.#memory.delete(id);
    const result = await makeAsDesired(resource, desired);
    if (result.state === "asDesired") this.#memory.set(id, { desired, desiredHash, observed: result.observed });
    return result;
  }

  /** The next pass reads it afresh. */
  forget(resource: { readonly group: string; readonly kind: string }, name: string): void {
    this.#memory.delete(identity(resource, name));
  }

  /**
   * Holds a bulk read against what was last seen as desired; forgets what is gone or differs and returns whose it is.
   * What is not in memory needs no look: its next pass reads it anyway.
   */
  sweep<D extends Identified, O>(resource: ExternalResource<D, O>, bulk: ReadonlyMap<string, O>): ObjectKey[] {
    const changed: ObjectKey[] = [];
    for (const [id, seen] of this.#memory) {
      if (!id.startsWith(identity(resource, ""))) continue;
      const live = bulk.get(seen.desired.name);
      if (live !== undefined && resource.differences(seen.desired as D, live).length === 0) continue;
      this.#memory.delete(id);
      changed.push(seen.desired.owner);
    }
    return changed;
  }

  /** Forgets one remembered object of this kind, the longest unread first, and returns whose it was: what no bulk read tells is so read round-robin. */
  forgetOldest(resource: { readonly group: string; readonly kind: string }): ObjectKey | undefined {
    for (const [id, seen] of this.#memory) {
      if (!id.startsWith(identity(resource, ""))) continue;
      this.#memory.delete(id);
      return seen.desired.owner;
    }
    return undefined;
  }

  /** How many objects of this kind are remembered. */
  count(resource: { readonly group: string; readonly kind: string }): number {
    let count = 0;
    for (const id of this.#memory.keys()) if (id.startsWith(identity(resource, ""))) count++;
    return count;
  }
}

function identity(resource: { readonly group: string; readonly kind: string }, name: string): string {
  return `${resource.group}/${resource.kind}/${name}`;
}

/** Creation is tried by whoever finds it absent; "exists" means observe again and check whose it is, never adopt. */
async function makeAsDesired<D extends Identified, O>(resource: ExternalResource<D, O>, desired: D): Promise<Converged<O>> {
  let observation = await resource.observe(desired);
  if (observation.state === "absent") {
    try {
      const observed = await resource.create(desired);
      return { state: "asDesired", observed, corrected: [] };
    } catch (error) {
      if (!(error instanceof AwsError && error.class === "exists")) throw error;
      observation = await resource.observe(desired);
      if (observation.state === "absent") throw error;
    }
  }
  if (observation.state === "foreign") return observation;
  const differences = resource.differences(desired, observation.observed);
  if (differences.length === 0) return { state: "asDesired", observed: observation.observed, corrected: [] };
  const observed = await resource.update(desired, observation.observed, differences);
  const remaining = resource.differences(desired, observed);
  return remaining.length === 0 ? { state: "asDesired", observed, corrected: differences } : { state: "stuck", observed, differences: remaining };
}
