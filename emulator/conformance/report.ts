import type { TargetName } from "./probe.ts";

export interface Result {
  readonly probe: string;
  readonly service: string;
  readonly operation: string;
  readonly target: TargetName;
  readonly outcome: "pass" | "fail" | "notApplicable";
  readonly why: string;
}

/** A probe that a target is known to fail. */
export interface KnownDifference {
  readonly target: string;
  readonly probe: string;
  readonly why: string;
}

const TARGETS: readonly TargetName[] = ["emulator", "moto", "ministack"];

function cell(results: readonly Result[]): string {
  const counted = results.filter(({ outcome }) => outcome !== "notApplicable");
  if (counted.length === 0) return "-";
  const passed = counted.filter(({ outcome }) => outcome === "pass").length;
  return `${passed}/${counted.length}`;
}

/** Passed of all probes, by operation and target. */
export function table(results: readonly Result[]): string {
  const rows = [...Map.groupBy(results, ({ service, operation }) => `${service}  ${operation}`)];
  const width = Math.max(...rows.map(([name]) => name.length), 20);
  const line = (name: string, cells: readonly string[]): string =>
    `${name.padEnd(width)}  ${cells.map((text) => text.padStart(9)).join("  ")}`;
  const body = rows.map(([name, group]) =>
    line(
      name,
      TARGETS.map((target) => cell(group.filter((result) => result.target === target))),
    ),
  );
  return [line("service operation", TARGETS), ...body].join("\n");
}

export interface Verdict {
  /** What differs from the list of known differences, a line each. */
  readonly problems: readonly string[];
  readonly summary: string;
}

/** Compares results with the known differences; a row that changed either way is a problem, and so is an operation without a probe. */
export function judge(results: readonly Result[], known: readonly KnownDifference[], unprobed: readonly string[]): Verdict {
  const key = ({ target, probe }: { target: string; probe: string }): string => `${target} ${probe}`;
  const listed = new Set(known.map(key));
  const ran = new Map(results.filter(({ outcome }) => outcome !== "notApplicable").map((result) => [key(result), result]));
  const failed = [...ran.values()].filter(({ outcome }) => outcome === "fail");
  const unlisted = failed.filter((result) => !listed.has(key(result)));
  const problems = [
    ...unprobed.map((operation) => `NONE   no probe calls ${operation}`),
    ...unlisted.map(({ target, probe, why }) => `NEW    ${target} fails: ${probe}\n       ${why}`),
    ...known.flatMap((difference) => {
      const result = ran.get(key(difference));
      if (result === undefined) return [`STALE  known-differences.json names a probe that did not run: ${key(difference)}`];
      return result.outcome === "pass"
        ? [`GONE   ${difference.target} passes now: ${difference.probe}; remove it from known-differences.json`]
        : [];
    }),
  ];
  const counts = TARGETS.map((target) => `${target} ${cell(results.filter((result) => result.target === target))}`).join(", ");
  const end = problems.length === 0 ? "as expected" : `${problems.length} not as expected`;
  return { problems, summary: `conformance: ${counts} probes passed; ${known.length} known differences; ${end}` };
}
