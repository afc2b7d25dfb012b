import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { ROOT } from "../../../src/cli/keys.ts";
import { whyNoImage } from "../../support/image/machine.ts";

/** When the project `image` is not run, and what `npm test` says of it. */

const made: string[] = [];

afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true });
});

/** A PATH on which each of these is a program that ends so. */
function pathWith(programs: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "path-"));
  made.push(folder);
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
}

const ALL = { docker: "", dockerd: "", mmdebstrap: "", unshare: "" };

test.each([
  [
    "programs are missing",
    { uid: 0, programs: { docker: "", unshare: "" } },
    "there is no dockerd, no mmdebstrap on this machine: as root, apt-get install docker.io mmdebstrap",
  ],
  ["it is not root's", { uid: 1000, programs: ALL }, "a daemon of its own needs root: run it as root"],
  [
    "root may not do what root may",
    { uid: 0, programs: { ...ALL, unshare: "echo unshare failed: Operation not permitted >&2; exit 1" } },
    "root may make no namespaces here (unshare failed: Operation not permitted): run it on a machine, or in a container, that lets it",
  ],
  ["nothing is missing", { uid: 0, programs: ALL }, undefined],
])("where %s", (_, { uid, programs }, why) => {
  expect(whyNoImage({ uid, path: pathWith(programs) })).toBe(why);
});

describe("npm test, where the image cannot be built", () => {
  /** Stands in for vitest: lists one test, and reports this of each project that is run. */
  function npmTest(report: object): { readonly status: number | null; readonly lines: readonly string[] } {
    const vitest = `[ "$1" = list ] && echo "[image] the image > runs"
for arg; do case $arg in --outputFile=*) printf %s '${JSON.stringify(report)}' > "\${arg#--outputFile=}" ;; esac; done`;
    const { status, stdout } = spawnSync(process.execPath, [join(ROOT, "scripts/test.ts")], {
      encoding: "utf8",
      env: { PATH: pathWith({ vitest, git: "" }) },
    });
    return { status, lines: stdout.trimEnd().split("\n") };
  }

  const GOOD = { numPassedTests: 2, numFailedTests: 0, numPendingTests: 0, success: true };

  test("names what did not run and why, before its last line, and has not failed", () => {
    expect(npmTest(GOOD)).toEqual({
      status: 0,
      lines: [
        "not run, since there is no docker, no dockerd, no mmdebstrap, no unshare on this machine: as root, apt-get install docker.io mmdebstrap",
        "  [image] the image > runs",
        "12 passed, 0 failed",
      ],
    });
  });

  test("counts any other skipped test as failed", () => {
    const { status, lines } = npmTest({ ...GOOD, numPendingTests: 1 });
    expect({ status, last: lines.at(-1) }).toEqual({ status: 1, last: "12 passed, 6 failed" });
  });
});
