import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { ROOT } from "../../../src/cli/keys.ts";
import { pathWith, removePaths } from "../../support/path-with.ts";
import { TALLY_FILE, type Tally } from "../../support/tally.ts";

/** What `npm test` makes of what vitest reports: six projects run, and the machine has no Docker. */

afterEach(removePaths);

const REASON =
  "not run, since there is no docker, no dockerd, no mmdebstrap, no unshare on this machine: as root, apt-get install docker.io mmdebstrap";
const FILE = join(process.cwd(), "test/x.test.ts");
/** One test that passed. */
const TESTS = {
  numPassedTests: 1,
  numFailedTests: 0,
  numPendingTests: 0,
  testResults: [{ name: FILE, message: "", assertionResults: [{ ancestorTitles: ["block"], title: "passes", status: "passed" }] }],
};
const SKIPPED = {
  ...TESTS,
  numPendingTests: 1,
  testResults: [
    {
      name: FILE,
      message: "",
      assertionResults: [
        { ancestorTitles: ["block"], title: "passes", status: "passed" },
        { ancestorTitles: ["block"], title: "is skipped", status: "skipped" },
      ],
    },
  ],
};
const NONE = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, testResults: [] };

interface StandIn {
  /** What it reports of a project; by default of each. */
  readonly report?: object;
  /** Of the project `package` another. */
  readonly ofPackage?: object;
  /** What it lists of the project `image`. */
  readonly listed?: readonly string[];
  /** What the tests of each project say that they tried. */
  readonly tallies?: readonly Tally[];
}

/**
 * Runs `npm test` with a stand-in for vitest. Like vitest it fails where a project has no test and that is not allowed. `git` finds every commit.
 */
function npmTest(
  args: readonly string[],
  { report = TESTS, ofPackage = report, listed = ["[image] the image > runs"], tallies = [] }: StandIn = {},
) {
  const vitest = `echo "$*" >> "\${0%/*}/calls"
if [ "$1" = list ]; then printf '${listed.map((line) => `${line}\\n`).join("")}'; exit 0; fi
printf '${tallies.map((one) => `${JSON.stringify(one)}\\n`).join("")}' >> "$${TALLY_FILE}"
report='${JSON.stringify(report)}'
case "$*" in *"--project package "*) report='${JSON.stringify(ofPackage)}' ;; esac
for arg; do case $arg in --outputFile=*) printf %s "$report" > "\${arg#--outputFile=}" ;; esac; done
case "$report" in *'"testResults":[]'*) case "$*" in *--passWithNoTests*) ;; *) exit 1 ;; esac ;; esac`;
  const path = pathWith({ vitest, git: "" });
  const { status, stdout } = spawnSync(process.execPath, [join(ROOT, "scripts/test.ts"), ...args], {
    encoding: "utf8",
    env: { PATH: path },
  });
  const calls = readFileSync(join(path, "calls"), "utf8").trimEnd().split("\n");
  return { status, lines: stdout.trimEnd().split("\n"), calls };
}

describe("where all is run", () => {
  test("what the machine cannot run is named, with the reason and the count, before the last line, and has not failed", () => {
    const { status, lines } = npmTest([]);
    expect({ status, lines }).toEqual({ status: 0, lines: [REASON, "  [image] the image > runs", "1 not run", "6 passed, 0 failed"] });
  });

  test("a test that is skipped has failed", () => {
    const { status, lines } = npmTest([], { report: SKIPPED });
    expect({ status, last: lines.at(-1) }).toEqual({ status: 1, last: "6 passed, 6 failed" });
    expect(lines.slice(0, 2)).toEqual(["failed: unit test/x.test.ts > block > is skipped", "    skipped"]);
  });

  test("what failed is told with the reason at the end, a test and a file, no more than a screen of each", () => {
    const message = ["\u001b[31mAssertionError: no\u001b[39m", ...Array.from({ length: 20 }, (_, line) => `at ${String(line)}`)].join("\n");
    const assertionResults = [{ ancestorTitles: ["block"], title: "fails", status: "failed", failureMessages: [message] }];
    const testResults = [
      { name: FILE, message: "", assertionResults },
      { name: join(process.cwd(), "test/y.test.ts"), message: "the hook threw", assertionResults: [] },
    ];
    const { lines } = npmTest([], { ofPackage: { ...NONE, numFailedTests: 1, testResults } });
    const told = ["AssertionError: no", ...Array.from({ length: 11 }, (_, line) => `at ${String(line)}`), "…"];
    expect(lines).toEqual([
      "failed: package test/y.test.ts",
      "    the hook threw",
      "failed: package test/x.test.ts > block > fails",
      ...told.map((line) => `    ${line}`),
      REASON,
      "  [image] the image > runs",
      "1 not run",
      "5 passed, 1 failed",
    ]);
  });

  test("a project whose tests did not run has failed", () => {
    const { status, lines, calls } = npmTest([], { ofPackage: NONE });
    expect({ status, last: lines.at(-1) }).toEqual({ status: 1, last: "5 passed, 1 failed" });
    expect(calls.filter((call) => call.includes("--passWithNoTests"))).toEqual([]);
    expect(lines[0]).toBe("failed: package: vitest ended with 1, though no test failed");
  });
});

test("what was tried is summed up in a table, each kind with the share that held", () => {
  const tallies = [
    { what: "kills of the operator", tried: 20, held: 20 },
    { what: "calls to AWS: denied once", tried: 3, held: 2 },
  ];
  expect(npmTest([], { tallies }).lines.slice(0, 3)).toEqual([
    "                             tried     held",
    "calls to AWS: denied once       18       12   66 %",
    "kills of the operator          120      120   100 %",
  ]);
});

describe("where tests are chosen by name", () => {
  test("those that are left out are no failures and are not counted; vitest and the list of what is not run get the name", () => {
    const { status, lines, calls } = npmTest(["-t", "block > passes"], { report: SKIPPED, listed: [] });
    expect({ status, lines }).toEqual({ status: 0, lines: ["6 passed, 0 failed"] });
    expect(calls).toHaveLength(7);
    expect(calls.filter((call) => call.endsWith(" --testNamePattern block > passes"))).toEqual(calls);
  });

  test("one that has the name and is skipped all the same has failed", () => {
    const { status, lines } = npmTest(["-t", "block"], { report: SKIPPED, listed: [] });
    expect({ status, last: lines.at(-1) }).toEqual({ status: 1, last: "6 passed, 6 failed" });
  });

  test("a project without a test has failed all the same, since no file was left out", () => {
    expect(npmTest(["-t", "passes"], { ofPackage: NONE }).lines.at(-1)).toBe("5 passed, 1 failed");
  });

  test("what the machine cannot run is named where it has the name", () => {
    expect(npmTest(["-t", "passes"]).lines).toEqual([REASON, "  [image] the image > runs", "1 not run", "6 passed, 0 failed"]);
  });
});

describe("where files are chosen", () => {
  test("a project that has none of them counts as nothing", () => {
    const { status, lines, calls } = npmTest(["test/package/charts"], { report: NONE, ofPackage: TESTS, listed: [] });
    expect({ status, lines }).toEqual({ status: 0, lines: ["1 passed, 0 failed"] });
    expect(calls.filter((call) => call.endsWith(" test/package/charts"))).toEqual(calls);
  });

  test("a test of theirs that is skipped has failed", () => {
    const { status, lines } = npmTest(["test/package/charts"], { report: NONE, ofPackage: SKIPPED, listed: [] });
    expect({ status, last: lines.at(-1) }).toEqual({ status: 1, last: "1 passed, 1 failed" });
  });

  test("nothing passed where there is no such file, which is no success", () => {
    const { status, lines } = npmTest(["test/nowhere"], { report: NONE, listed: [] });
    expect({ status, last: lines.at(-1) }).toEqual({ status: 1, last: "0 passed, 0 failed" });
  });
});
