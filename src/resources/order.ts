/** One order everywhere, that of code units: the order in which a squad wrote a set must not change an object. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Each value once, in order. */
export function sortedUnique(values: Iterable<string>): readonly string[] {
  return [...new Set(values)].toSorted(compareText);
}
