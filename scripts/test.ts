/**
 * `npm test`: unit tests, then everything on a real API server; ends with what could not run on this machine, and why, and with `N passed, N failed`.
 * Arguments go to vitest.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { whyNoHistory } from "../test/support/earlier-release.ts";
import { whyNoImage } from "../test/support/image/machine.ts";

interface Project {
  readonly name: string;
  /** Why this machine cannot run it, and what to do about it; undefined where it can. */
  readonly whyNot?: () => string | undefined;
}

const PROJECTS: readonly Project[] = [
  { name: "unit" },
  { name: "integration" },
  { name: "operator" },
  { name: "faults" },
  { name: "package" },
  { name: "upgrade", whyNot: whyNoHistory },
  { name: "image", whyNot: whyNoImage },
];

const report = z.object({ numPassedTests: z.number(), numFailedTests: z.number(), numPendingTests: z.number(), success: z.boolean() });

const folder = mkdtempSync(join(tmpdir(), "platform-operator-test-"));
const notRun: string[] = [];
let passed = 0;
let failed = 0;
try {
  for (const { name, whyNot } of PROJECTS) {
    const reason = whyNot?.();
    if (reason !== undefined) {
      notRun.push(`not run, since ${reason}\n${testsOf(name)}`);
      continue;
    }
    const outputFile = join(folder, `${name}.json`);
    const args = ["run", "--project", name, "--reporter", "default", "--reporter", "json", `--outputFile=${outputFile}`];
    const { status } = spawnSync("vitest", [...args, ...process.argv.slice(2)], { stdio: "inherit" });
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
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

/** A run that ended before it could report has failed, whatever it counted; a test that was skipped counts as failed. */
function readReport(file: string): z.output<typeof report> {
  try {
    return report.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    console.error(`no report of this run: ${error instanceof Error ? error.message : String(error)}`);
    return { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0, success: false };
  }
}

/** The names of a project's tests, a line each; a project whose tests cannot even be listed has failed. */
function testsOf(project: string): string {
  const { status, stdout, stderr } = spawnSync("vitest", ["list", "--project", project], { encoding: "utf8" });
  if (status === 0) return stdout.trimEnd().replaceAll(/^/gm, "  ");
  failed++;
  return `${stdout}${stderr}`;
}
