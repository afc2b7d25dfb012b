/** `npm run check`: everything that can be said of the tree without running it. Exit 1 with the first line of each failure. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { STEP_CONDITIONS } from "../src/crds/conditions.ts";
import { breaches } from "./walls.ts";

const ROOT = join(import.meta.dirname, "..");
const node = process.execPath;

interface Check {
  readonly name: string;
  /** Undefined: it holds. Otherwise what is wrong. */
  readonly run: () => string | undefined;
}

const CHECKS: readonly Check[] = [
  { name: "types (tsc)", run: () => command("tsc", ["-p", "."]) },
  { name: "lint, with types (oxlint)", run: () => command("oxlint", ["--type-aware", "--deny-warnings"]) },
  { name: "format (oxfmt)", run: () => command("oxfmt", ["--check", "."]) },
  { name: "generated files are fresh", run: () => command(node, ["scripts/generate.ts", "--check"]) },
  { name: "import walls", run: walls },
  { name: "every step has its condition, every condition its step", run: steps },
];

function command(program: string, args: readonly string[]): string | undefined {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: ROOT, encoding: "utf8" });
  if (error) return error.message;
  return status === 0 ? undefined : `${stdout}${stderr}`.trim();
}

function walls(): string | undefined {
  const found = breaches(join(ROOT, "src"));
  return found.length === 0 ? undefined : found.map((b) => `src/${b.file} imports ${b.imports}: ${b.why}`).join("\n");
}

/** SpecValid is the gate before the steps; every other condition is owned by exactly one file of reconcilers/platform-service. */
function steps(): string | undefined {
  const folder = join(ROOT, "src/reconcilers/platform-service");
  const owners = new Map<string, string[]>();
  const problems: string[] = [];
  for (const file of readdirSync(folder)) {
    const text = readFileSync(join(folder, file), "utf8");
    if (!/: Step</.test(text) || file === "steps.ts") continue;
    const condition = /^ {2}condition: "([A-Za-z]+)",$/m.exec(text)?.[1];
    if (condition === undefined) problems.push(`${file} has a step without a condition`);
    else owners.set(condition, [...(owners.get(condition) ?? []), file]);
    const name = /export const (\w+): Step</.exec(text)?.[1] ?? file;
    if (!readFileSync(join(folder, "steps.ts"), "utf8").includes(`  ${name},`)) problems.push(`${name} of ${file} is not in STEPS`);
  }
  for (const condition of STEP_CONDITIONS) {
    const files = owners.get(condition) ?? [];
    const expected = condition === "SpecValid" ? 0 : 1;
    if (files.length !== expected) problems.push(`${condition} is owned by ${files.join(", ") || "no step"}`);
  }
  for (const condition of owners.keys())
    if (!STEP_CONDITIONS.some((c) => c === condition)) problems.push(`${condition} is not in STEP_CONDITIONS`);
  return problems.length === 0 ? undefined : problems.join("\n");
}

let failed = 0;
for (const check of CHECKS) {
  const problem = check.run();
  console.log(`${problem === undefined ? "ok  " : "FAIL"} ${check.name}`);
  if (problem === undefined) continue;
  failed++;
  console.log(problem.replaceAll(/^/gm, "       "));
}
console.log(`${String(CHECKS.length - failed)} checks passed, ${String(failed)} failed`);
process.exitCode = failed === 0 ? 0 : 1;
