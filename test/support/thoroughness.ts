import { seededRandom } from "./seeded.ts";

/** How much is tried under faults: everything by `npm run test:faults` and `npm run test:kill`, and of it what a seed picks by `npm test`. */

export const IS_THOROUGH = process.env["FAULTS"] === "all";

/** FAULTS_SEED=… picks other faults and other moments. */
export const SEED = Number(process.env["FAULTS_SEED"] ?? "20261126");

/** In words and for who injects it. */
export type NamedFault<Fault> = readonly [string, Fault];

/** Rounds of lives: in the first all meet the first fault of a list, in those after it others, as the seed deals them. */
const PICKED_ROUNDS = 2;

/** How often each call meets a fault, of a list of so many. */
export function roundsOf(faults: readonly NamedFault<unknown>[]): readonly number[] {
  return Array.from({ length: IS_THOROUGH ? faults.length : Math.min(PICKED_ROUNDS, faults.length) }, (_, round) => round);
}

/** The fault that each of `count` calls meets in a round, counted from 0; in as many rounds as there are faults each call meets each once. */
export function dealt<Fault>(
  faults: readonly NamedFault<Fault>[],
  { count, round }: { readonly count: number; readonly round: number },
): readonly NamedFault<Fault>[] {
  const [first, ...others] = faults;
  if (first === undefined) throw new Error("no fault is to be dealt");
  const random = seededRandom(SEED);
  return Array.from({ length: count }, () => {
    const offset = Math.floor(random() * others.length);
    return round === 0 ? first : (others[(offset + round) % others.length] ?? first);
  });
}
