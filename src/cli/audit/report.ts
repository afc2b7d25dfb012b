import { keyString } from "../../crds/meta.ts";
import type { Finding, FindingState } from "../../reconcilers/audit/findings.ts";
import type { Deletion } from "./deletion.ts";
import type { Plan, Planned } from "./plan.ts";

/** What an audit says: pure, for people and for programs. */

/** ANSI colours, or none. */
export interface Paint {
  (text: string, colour: "red" | "yellow" | "dim" | "bold"): string;
}

const CODES = { red: 31, yellow: 33, dim: 2, bold: 1 } as const;

export function painter(coloured: boolean): Paint {
  return (text, colour) => (coloured ? `\u001B[${String(CODES[colour])}m${text}\u001B[0m` : text);
}

const STATES: readonly FindingState[] = ["Missing", "Foreign", "Orphaned", "Retained"];

/** A row for each finding, and below it why it is one and what to do. */
export function table(findings: readonly Finding[], paint: Paint): readonly string[] {
  if (findings.length === 0)
    return ["nothing found: every object in AWS that carries this cluster's tags is a service's, and no service lacks one"];
  const rows = findings.map(({ state, kind, name, service }) => [state, kind, name, service ? keyString(service) : "-"]);
  const lines = aligned([["STATE", "KIND", "NAME", "SERVICE"], ...rows]);
  const [head = "", ...rest] = lines;
  return [
    paint(head, "bold"),
    ...rest.flatMap((line, i) => {
      const finding = findings[i];
      if (finding === undefined) return [];
      return [paint(line, finding.state === "Retained" ? "dim" : "yellow"), `    ${finding.why}`, paint(`    → ${finding.todo}`, "dim")];
    }),
    "",
    summary(findings),
  ];
}

/** How many of each state. */
function summary(findings: readonly Finding[]): string {
  const counts = STATES.flatMap((state) => {
    const count = findings.filter((one) => one.state === state).length;
    return count === 0 ? [] : [`${String(count)} ${state}`];
  });
  return counts.join(", ");
}

export function planTable({ id, objects, left }: Plan, paint: Paint): readonly string[] {
  const row = ({ finding: { kind, name, state }, images }: Planned): readonly string[] => [
    kind,
    name,
    images > 0 ? `${String(images)} ${images === 1 ? "image" : "images"}` : "",
    state === "Retained" ? "kept on purpose" : "",
  ];
  return [
    ...(objects.length === 0
      ? ["nothing would be deleted"]
      : [paint(`would be deleted (plan ${id}):`, "bold"), ...aligned(objects.map(row)).map((line) => `  ${line}`)]),
    ...(left.length === 0 ? [] : ["would be left, since it holds images:", ...aligned(left.map(row)).map((line) => `  ${line}`)]),
  ];
}

export function deletionLine({ finding: { kind, name }, result, message }: Deletion, paint: Paint): string {
  const line = `${result} ${kind} ${name}${message === undefined ? "" : `: ${message}`}`;
  return result === "deleted" || result === "deleting" ? line : paint(line, "red");
}

export interface Outcome {
  readonly cluster: string;
  readonly account: string;
  readonly findings: readonly Finding[];
  /** With --delete. */
  readonly plan: Plan | undefined;
  readonly deletions: readonly Deletion[];
  /** Why nothing was deleted, where that was asked for. */
  readonly refused: string | undefined;
}

/** One document. Names of services as `namespace/name`. */
export function json({ plan, deletions, findings, ...rest }: Outcome): string {
  const planned = ({ finding: { kind, name, arn }, images }: Planned) => ({ kind, name, arn, images });
  return JSON.stringify(
    {
      ...rest,
      findings: findings.map(({ service, ...finding }) => ({ ...finding, service: service === undefined ? null : keyString(service) })),
      ...(plan && { plan: { id: plan.id, objects: plan.objects.map(planned), left: plan.left.map(planned) } }),
      ...(plan && {
        deletions: deletions.map(({ finding: { kind, name, arn }, result, message }) => ({ kind, name, arn, result, message })),
      }),
    },
    null,
    2,
  );
}

function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
