import { keyString, type ObjectKey } from "../crds/meta.ts";

/** Who asks for a place, and how the tier is at that moment. */
export interface RolloutRequest {
  readonly tier: string;
  readonly key: ObjectKey;
  /** How many services the tier has. */
  readonly services: number;
  /** Those of them that are being rolled out for a reason outside their spec, as the watches have seen it. */
  readonly rolling: readonly ObjectKey[];
}

/**
 * Paces pod templates that change for a reason outside the service's own spec (a tier, the configuration, a new release): at most
 * `maxConcurrent` services of a tier roll at a time, each waited for. What rolls is read from the Deployments, so that a restart forgets
 * none; in memory are only those whose write is under way.
 */
export class RolloutBudget {
  readonly #starting = new Map<string, Set<string>>();
  /** Who was sent away, by tier, in the order of asking. */
  readonly #waiting = new Map<string, Map<string, ObjectKey>>();
  readonly #maxConcurrent: number | string;

  /** `maxConcurrent`: a number of services, or a percentage of the tier's as `5%`. */
  constructor(maxConcurrent: number | string) {
    this.#maxConcurrent = maxConcurrent;
  }

  /** Takes a place, to be released once the Deployment is written, or says that there is none. A service that rolls already has one. */
  take({ tier, key, services, rolling }: RolloutRequest): boolean {
    const starting = this.#starting.get(tier) ?? new Set();
    const taken = new Set([...starting, ...rolling.map(keyString)]);
    const waiting = this.#waiting.get(tier) ?? new Map<string, ObjectKey>();
    this.#waiting.set(tier, waiting);
    if (!taken.has(keyString(key)) && taken.size >= this.#limit(services)) {
      waiting.set(keyString(key), key);
      return false;
    }
    waiting.delete(keyString(key));
    this.#starting.set(tier, starting.add(keyString(key)));
    return true;
  }

  /** The Deployment is written, or could not be: what it is now the watches tell. */
  release(tier: string, key: ObjectKey): void {
    this.#starting.get(tier)?.delete(keyString(key));
  }

  /** It wants no place any more: it is suspended, and would be named in vain. */
  withdraw(tier: string, key: ObjectKey): void {
    this.#waiting.get(tier)?.delete(keyString(key));
  }

  /** Who has waited the longest for a place of the tier, if anyone; it is named once, and waits again when it asks in vain. */
  nextWaiting(tier: string): ObjectKey | undefined {
    const waiting = this.#waiting.get(tier);
    const next = waiting?.values().next().value;
    if (next) waiting?.delete(keyString(next));
    return next;
  }

  /** A percentage rounds up, so that one service can always roll. */
  #limit(services: number): number {
    if (typeof this.#maxConcurrent === "number") return this.#maxConcurrent;
    return Math.max(1, Math.ceil((Number.parseInt(this.#maxConcurrent, 10) / 100) * services));
  }
}
