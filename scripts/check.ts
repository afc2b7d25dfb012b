/** `npm run check`: everything that can be said of the tree without running it. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { commandLine } from "./command-line.ts";
import { stepProblems } from "./step-conditions.ts";
import { breaches } from "./walls.ts";

const HELP = `Usage: npm run check

Says of the tree what can be said without running it: types, lint, format, generated files, CEL rules, import walls, steps. Writes nothing.

  --help   this text

Exit codes: 0 all of it holds, 1 something does not and is printed, 2 wrong usage.`;

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
  { name: "the emulator's table of constraints is botocore's", run: () => command(node, ["scripts/botocore-constraints.ts", "--check"]) },
  { name: "the emulator's table of actions is IAM's catalogue", run: () => command(node, ["scripts/iam-actions.ts", "--check"]) },
  { name: "every CEL rule has a test", run: () => command(node, ["scripts/check-cel-rules.ts"]) },
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

function steps(): string | undefined {
  const problems = stepProblems(join(ROOT, "src/reconcilers/platform-service"));
  return problems.length === 0 ? undefined : problems.join("\n");
}

commandLine(HELP);
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
