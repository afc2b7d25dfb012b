import { appendFileSync } from "node:fs";

/** What was tried, so that a run can say at its end how much that was and how much of it ended well. */
export interface Tally {
  /** As `hijack attempts`. */
  readonly what: string;
  readonly tried: number;
  /** Of those tried, the ones that ended as they must. */
  readonly held: number;
}

/** The file to which tests append a line of JSON for each tally; scripts/run-projects.ts names it, and makes a table of it. */
export const TALLY_FILE = "PLATFORM_OPERATOR_TALLY";

/** Notes what a test has tried, also where it then fails. A run by vitest alone says it in its output. */
export function tally(...tallies: readonly Tally[]): void {
  const file = process.env[TALLY_FILE];
  for (const one of tallies) {
    if (file !== undefined) appendFileSync(file, `${JSON.stringify(one)}\n`);
    else console.log(`${one.what}: ${String(one.tried)} tried, ${String(one.held)} held`);
  }
}
