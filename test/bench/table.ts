/** One figure of a benchmark. */
export interface Row {
  /** Of the scenario. */
  readonly of: string;
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** What the project aims at. */
  readonly atMost?: number;
  /** It is a count, which no slow machine excuses. */
  readonly counted?: true;
}

/** The goals about counts that were missed, a line each. */
export function missedCounts(rows: readonly Row[]): readonly string[] {
  return rows.flatMap(({ of, what, value, atMost, counted }) =>
    counted === true && atMost !== undefined && value > atMost ? [`${of}: ${what}: ${rounded(value)}, at most ${rounded(atMost)}`] : [],
  );
}

/** A line each, in columns; a goal that is missed says so. */
export function tableOf(rows: readonly Row[]): string {
  const cells = rows.map(({ of, what, value, unit, atMost }) => [
    of,
    what,
    `${rounded(value)}${unit === "" ? "" : ` ${unit}`}`,
    atMost === undefined ? "" : `≤ ${rounded(atMost)}`,
    atMost === undefined ? "" : value <= atMost ? "met" : "MISSED",
  ]);
  return aligned([["scenario", "what", "measured", "goal", ""], ...cells]);
}

/** Columns as wide as what is in them. */
export function aligned(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

const SIGNIFICANT_DIGITS = 3;

/** To three digits that say something; whole numbers whole. */
export function rounded(value: number): string {
  return Number.isInteger(value) || Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(SIGNIFICANT_DIGITS)));
}
