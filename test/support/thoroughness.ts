import { seededRandom } from "../../emulator/seeded-random.ts";

/** How much is tried under faults: everything by `npm run test:faults` and `npm run test:kill`, and of it what a seed picks by `npm test`. */

export const IS_THOROUGH = process.env["FAULTS"] === "all";

/** FAULTS_SEED=… picks other faults and other moments. */
export const SEED = Number(process.env["FAULTS_SEED"] ?? "20261126");

/** In words and for who injects it. */
export type NamedFault<Fault> = readonly [string, Fault];

/** So many calls are met by a fault where not all are: each has a life of its own, and two cores carry no more at once within minutes. */
const PICKED = 70;

/** All of them, or those that the seed picks. */
export function picked<Item>(items: readonly Item[]): readonly Item[] {
  if (IS_THOROUGH) return items;
  const random = seededRandom(SEED);
  return items
    .map((item) => ({ item, place: random() }))
    .toSorted((a, b) => a.place - b.place)
    .slice(0, PICKED)
    .map(({ item }) => item);
}

/** In how many rounds each call meets a fault, of a list: in as many as there are faults it meets each once; in one, that which the seed deals it. */
export function roundsOf(faults: readonly NamedFault<unknown>[]): readonly number[] {
  return IS_THOROUGH ? faults.map((_, round) => round) : [0];
}

/** Rounds whose lives are lived at once: most of their time they wait. */
const AT_ONCE = 3;

/** The rounds, so many at once. */
export function roundsAtOnce(faults: readonly NamedFault<unknown>[]): readonly { readonly rounds: readonly number[] }[] {
  const rounds = roundsOf(faults);
  return Array.from({ length: Math.ceil(rounds.length / AT_ONCE) }, (_, at) => ({
    rounds: rounds.slice(at * AT_ONCE, (at + 1) * AT_ONCE),
  }));
}

/** The fault that each of `count` calls meets in a round, counted from 0. */
export function dealt<Fault>(
  faults: readonly NamedFault<Fault>[],
  { count, round }: { readonly count: number; readonly round: number },
): readonly NamedFault<Fault>[] {
  const random = seededRandom(SEED);
  return Array.from({ length: count }, () => {
    const fault = faults[(Math.floor(random() * faults.length) + round) % faults.length];
    if (fault === undefined) throw new Error("no fault is to be dealt");
    return fault;
  });
}
