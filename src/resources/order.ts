/** One order everywhere, that of code units: the order in which a squad wrote a set must not change an object. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const MOST_LISTED = 5;

/** The first few, joined, and how many more there are. */
export function listed(items: readonly string[], most = MOST_LISTED): string {
  const shown = items.slice(0, most).join(", ");
  return items.length > most ? `${shown} and ${items.length - most} more` : shown;
}

/** Each value once, in order. */
export function sortedUnique(values: Iterable<string>): readonly string[] {
  return [...new Set(values)].toSorted(compareText);
}
