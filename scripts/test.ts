/** `npm test`: unit tests, then everything on a real API server; ends with `N passed, N failed`. Arguments go to vitest. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";

const report = z.object({ numPassedTests: z.number(), numFailedTests: z.number(), numPendingTests: z.number(), success: z.boolean() });

const folder = mkdtempSync(join(tmpdir(), "platform-operator-test-"));
let passed = 0;
let failed = 0;
try {
  for (const project of ["unit", "integration", "operator", "faults", "package"]) {
    const outputFile = join(folder, `${project}.json`);
    const args = [
      "run",
      "--project",
      project,
      "--reporter",
      "default",
      "--reporter",
      "json",
      `--outputFile=${outputFile}`,
      ...process.argv.slice(2),
    ];
    const { status } = spawnSync("vitest", args, { stdio: "inherit" });
    const counts = readReport(outputFile);
    passed += counts.numPassedTests;
    failed += counts.numFailedTests + counts.numPendingTests;
    if (status !== 0 && counts.numFailedTests === 0) failed++;
  }
} finally {
  rmSync(folder, { recursive: true });
}
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
