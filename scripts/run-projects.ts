import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parseArgs, stripVTControlCharacters } from "node:util";
import { z } from "zod";
import { TALLY_FILE } from "../test/support/tally.ts";
import { commandLine, HELP_OPTION } from "./command-line.ts";

export interface Project {
  /** Of vitest. */
  readonly name: string;
  /** Why this machine cannot run it, and what to do about it; undefined where it can. */
  readonly whyNot?: () => string | undefined | Promise<string | undefined>;
  /** How its run is told; default: a line a file. */
  readonly reporter?: "default" | "verbose";
}

/** Which tests of a project are run; nothing said: all. */
export interface Filter {
  /** Parts of the paths of test files; empty: every file. */
  readonly files: readonly string[];
  /** What matches the name of a test with its blocks', as vitest joins them. */
  readonly name: RegExp | undefined;
}

/** The help of a command that runs projects; `purpose` is a sentence. */
export function helpOfTests(command: string, purpose: string): string {
  return `Usage: ${command} [-- FILE…] [-t NAME]

${purpose}
What this machine cannot run is named at the end, with what to do about it. The last line is "N passed, N failed"; a test that is skipped
has failed, but for those that a filter leaves out, which count as nothing. Other options of vitest: npx vitest run --project NAME …

  FILE…                       the files whose path holds one of these alone, as test/package/charts
  -t, --testNamePattern NAME  the tests whose name matches alone
  --help                      this text

Exit codes: 0 something passed and nothing failed, 1 otherwise, 2 wrong usage.`;
}

/** The filter that the command line names, of the files that the command runs by itself; ends the process as commandLine does. */
export function chosenTests(help: string, ownFiles: readonly string[] = []): Filter {
  const options = { ...HELP_OPTION, testNamePattern: { type: "string", short: "t" } } as const;
  const { values, positionals } = commandLine(help, () => parseArgs({ allowPositionals: true, options }));
  return {
    files: positionals.length > 0 ? positionals : ownFiles,
    name: values.testNamePattern === undefined ? undefined : new RegExp(values.testNamePattern),
  };
}

const report = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  testResults: z.array(
    z.object({
      /** Of the file. */
      name: z.string(),
      /** Why the file failed, beyond its tests: what its import or a hook threw. */
      message: z.string(),
      assertionResults: z.array(
        z.object({
          ancestorTitles: z.array(z.string()),
          title: z.string(),
          status: z.string(),
          failureMessages: z.array(z.string()).default([]),
        }),
      ),
    }),
  ),
});

/**
 * Runs one project after another; ends with a table of what the tests have tried and how much of it held, with what could not run on this machine, why, and how many tests that
 * is, with what failed and why, once more, and with `N passed, N failed`. Resolves to the exit code.
 */
export async function runProjects(projects: readonly Project[], filter: Filter): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "platform-operator-test-"));
  const tallyFile = join(folder, "tally");
  const notRun: NotRun[] = [];
  const failures: string[] = [];
  let passed = 0;
  let failed = 0;
  try {
    for (const { name, whyNot, reporter = "default" } of projects) {
      const reason = await whyNot?.();
      if (reason !== undefined) {
        const tests = testsOf(name, filter);
        if (tests === undefined) failed++;
        if (tests?.length !== 0) notRun.push({ name, reason, tests });
        continue;
      }
      const outputFile = join(folder, `${name}.json`);
      const reporters = ["--reporter", reporter, "--reporter", "json", `--outputFile=${outputFile}`];
      // Of a project no file of which is asked for nothing is run; where none is asked for, a project without files is broken.
      const mayBeEmpty = filter.files.length > 0 ? ["--passWithNoTests"] : [];
      const args = ["run", "--project", name, ...reporters, ...mayBeEmpty, ...filterArguments(filter)];
      const { status } = spawnSync("vitest", args, { stdio: "inherit", env: { ...process.env, [TALLY_FILE]: tallyFile } });
      const counts = readReport(outputFile, filter);
      passed += counts.passed;
      failed += counts.failed + counts.skipped;
      failures.push(...counts.failures.map((failure) => `${FAILED} ${name} ${failure}`));
      if (status !== 0 && counts.failed === 0) {
        failed++;
        failures.push(`${FAILED} ${name}: vitest ended with ${String(status)}, though no test failed`);
      }
    }
    sayTallies(tallyFile);
  } finally {
    rmSync(folder, { recursive: true });
  }
  for (const failure of failures) console.log(failure);
  sayNotRun(notRun);
  console.log(`${String(passed)} passed, ${String(failed)} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

const tallyLine = z.object({ what: z.string(), tried: z.number(), held: z.number() });

/** A line for each kind of attempt, of every file that tried it. */
function sayTallies(file: string): void {
  const lines = existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
  const tallies = lines.filter((line) => line !== "").map((line) => tallyLine.parse(JSON.parse(line)));
  const rows = [...Map.groupBy(tallies, ({ what }) => what)]
    .map(([what, of]) => ({ what, tried: total(of, "tried"), held: total(of, "held") }))
    .toSorted((a, b) => a.what.localeCompare(b.what));
  if (rows.length === 0) return;
  const width = Math.max(...rows.map(({ what }) => what.length));
  console.log(`${"".padEnd(width)}    tried     held`);
  for (const { what, tried, held } of rows) {
    const share = tried === 0 ? "none" : `${String(Math.floor((100 * held) / tried))} %`;
    console.log(`${what.padEnd(width)} ${String(tried).padStart(8)} ${String(held).padStart(8)}   ${share}`);
  }
}

function total<Member extends string>(of: readonly Readonly<Record<Member, number>>[], member: Member): number {
  return of.reduce((sum, one) => sum + one[member], 0);
}

interface NotRun {
  /** Of the project. */
  readonly name: string;
  readonly reason: string;
  /** Undefined: they cannot be listed. */
  readonly tests: readonly string[] | undefined;
}

/** Each project's with its reason, then how many in all, in a line that .ci/run reads. */
function sayNotRun(projects: readonly NotRun[]): void {
  for (const { name, reason, tests = [`${name}: its tests cannot even be listed`] } of projects) {
    console.log([`not run, since ${reason}`, ...tests.map((test) => `  ${test}`)].join("\n"));
  }
  const count = projects.reduce((sum, { tests = [] }) => sum + tests.length, 0);
  if (count > 0) console.log(`${String(count)} not run`);
}

function filterArguments({ files, name }: Filter): readonly string[] {
  return [...(name === undefined ? [] : ["--testNamePattern", name.source]), ...files];
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
  /** Which no filter left out. */
  readonly skipped: number;
  /** Each test, or file, with why it failed. */
  readonly failures: readonly string[];
}

/** A run that ended before it could report has failed, whatever it counted; a test that was skipped counts as failed. */
function readReport(file: string, { name: chosen }: Filter): Counts {
  try {
    const { numPassedTests, numFailedTests, numPendingTests, testResults } = report.parse(JSON.parse(readFileSync(file, "utf8")));
    const tests = testResults.flatMap((of) =>
      of.assertionResults.map((test) => ({ ...test, of: of.name, titles: [...test.ancestorTitles, test.title] })),
    );
    const asked = tests.filter(({ status, titles }) => status !== "skipped" || chosen?.test(titles.join(" > ")) !== false);
    const failures = [
      ...testResults.filter(({ message }) => message !== "").map(({ name, message }) => failureOf(name, [], message)),
      ...asked
        .filter(({ status }) => status !== "passed")
        .map(({ of, titles, status, failureMessages }) => failureOf(of, titles, failureMessages[0] ?? status)),
    ];
    return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests - (tests.length - asked.length), failures };
  } catch (error) {
    const reason = `no report of this run: ${error instanceof Error ? error.message : String(error)}`;
    console.error(reason);
    return { passed: 0, failed: 1, skipped: 0, failures: [reason] };
  }
}

/** How a line begins that .ci/run tells once more at its end, with the lines after it that are indented. */
const FAILED = "failed:";
/** Of a failure's message: what says which it is, not a whole log. */
const MESSAGE_LINES = 12;

function failureOf(file: string, titles: readonly string[], message: string): string {
  const lines = stripVTControlCharacters(message)
    .split("\n")
    .filter((line) => line.trim() !== "");
  const said = lines.length > MESSAGE_LINES ? [...lines.slice(0, MESSAGE_LINES), "…"] : lines;
  return [[relative(process.cwd(), file), ...titles].join(" > "), ...said.map((line) => `    ${line.slice(0, 300)}`)].join("\n");
}

/** The names of the tests of a project that the filter does not leave out; undefined where they cannot be listed. */
function testsOf(project: string, filter: Filter): readonly string[] | undefined {
  const { status, stdout, stderr } = spawnSync("vitest", ["list", "--project", project, ...filterArguments(filter)], { encoding: "utf8" });
  if (status === 0) return stdout.split("\n").filter((line) => line !== "");
  console.error(`${stdout}${stderr}`);
  return undefined;
}
