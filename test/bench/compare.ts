import { aligned, rounded, type Row } from "./table.ts";

/** What changed from one run to another: each figure that both have, with the ratio; what one alone has. */
export function comparison(before: readonly Row[], after: readonly Row[]): string {
  const id = ({ of, what }: Row): string => `${of}\n${what}`;
  const earlier = new Map(before.map((row) => [id(row), row]));
  const later = new Map(after.map((row) => [id(row), row]));
  const lines = [...new Set([...earlier.keys(), ...later.keys()])].map((key) => {
    const [of = "", what = ""] = key.split("\n");
    const [a, b] = [earlier.get(key)?.value, later.get(key)?.value];
    const ratio = a === undefined || b === undefined || a === 0 ? "" : `× ${rounded(b / a)}`;
    return [of, what, a === undefined ? "-" : rounded(a), b === undefined ? "-" : rounded(b), ratio];
  });
  return aligned([["scenario", "what", "before", "after", "ratio"], ...lines]);
}
