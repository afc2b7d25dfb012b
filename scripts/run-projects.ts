import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";

export interface Project {
  /** Of vitest. */
  readonly name: string;
  /** Why this machine cannot run it, and what to do about it; undefined where it can. */
  readonly whyNot?: () => string | undefined | Promise<string | undefined>;
  /** How its run is told; default: a line a file. */
  readonly reporter?: "default" | "verbose";
}

const report = z.object({ numPassedTests: z.number(), numFailedTests: z.number(), numPendingTests: z.number(), success: z.boolean() });

/**
 * Runs one project after another; ends with what could not run on this machine, and why, and with `N passed, N failed`. `args` go to vitest.
 * Resolves to the exit code.
 */
export async function runProjects(projects: readonly Project[], args: readonly string[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "platform-operator-test-"));
  const notRun: string[] = [];
  let passed = 0;
  let failed = 0;
  try {
    for (const { name, whyNot, reporter = "default" } of projects) {
      const reason = await whyNot?.();
      if (reason !== undefined) {
        const tests = testsOf(name);
        if (tests === undefined) failed++;
        notRun.push(`not run, since ${reason}\n${tests ?? `  ${name}: its tests cannot even be listed`}`);
        continue;
      }
      const outputFile = join(folder, `${name}.json`);
      const reporters = ["--reporter", reporter, "--reporter", "json", `--outputFile=${outputFile}`];
      const { status } = spawnSync("vitest", ["run", "--project", name, ...reporters, ...args], { stdio: "inherit" });
      const counts = readReport(outputFile);
      passed += counts.numPassedTests;
      failed += counts.numFailedTests + counts.numPendingTests;
      if (status !== 0 && counts.numFailedTests === 0) failed++;
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  for (const text of notRun) console.log(text);
  console.log(`${String(passed)} passed, ${String(failed)} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

/** A run that ended before it could report has failed, whatever it counted; a test that was skipped counts as failed. */
function readReport(file: string): z.output<typeof report> {
  try {
    return report.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    console.error(`no report of this run: ${error instanceof Error ? error.message : String(error)}`);
    return { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0, success: false };
  }
}

/** The names of a project's tests, a line each; undefined where they cannot be listed. */
function testsOf(project: string): string | undefined {
  const { status, stdout, stderr } = spawnSync("vitest", ["list", "--project", project], { encoding: "utf8" });
  if (status === 0) return stdout.trimEnd().replaceAll(/^/gm, "  ");
  console.error(`${stdout}${stderr}`);
  return undefined;
}
