import { keyString, type ObjectKey } from "../crds/meta.ts";

/**
 * Paces pod templates that change for a reason outside the service's own spec (a tier, the configuration, a new release): at most
 * `maxConcurrent` services of a tier roll at a time, each waited for. Kept in memory: after a restart the services that are still
 * rolling take their place again with their first pass, before any other asks.
 */
export class RolloutBudget {
  readonly #rolling = new Map<string, Set<string>>();
  readonly #maxConcurrent: number | string;

  /** `maxConcurrent`: a number of services, or a percentage of the tier's as `5%`. */
  constructor(maxConcurrent: number | string) {
    this.#maxConcurrent = maxConcurrent;
  }

  /** Takes a place, or says that there is none. A service that has one keeps it. */
  take(tier: string, key: ObjectKey, servicesOfTier: number): boolean {
    const rolling = this.#of(tier);
    if (rolling.has(keyString(key))) return true;
    if (rolling.size >= this.#limit(servicesOfTier)) return false;
    rolling.add(keyString(key));
    return true;
  }

  /** Counts a rollout that is under way, whatever the limit. */
  occupy(tier: string, key: ObjectKey): void {
    this.#of(tier).add(keyString(key));
  }

  /** The rollout is done, or the service gone. */
  release(key: ObjectKey): void {
    for (const rolling of this.#rolling.values()) rolling.delete(keyString(key));
  }

  #of(tier: string): Set<string> {
    const existing = this.#rolling.get(tier);
    if (existing) return existing;
    const rolling = new Set<string>();
    this.#rolling.set(tier, rolling);
    return rolling;
  }

  /** A percentage rounds up, so that one service can always roll. */
  #limit(services: number): number {
    if (typeof this.#maxConcurrent === "number") return this.#maxConcurrent;
    return Math.max(1, Math.ceil((Number.parseInt(this.#maxConcurrent, 10) / 100) * services));
  }
}
