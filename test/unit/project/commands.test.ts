import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import manifest from "../../../package.json" with { type: "json" };
import { ROOT } from "../../../src/cli/keys.ts";

/** The README's commands say what they are for, and refuse what they do not know before they do anything. */

const scripts: Readonly<Record<string, string>> = manifest.scripts;
const COMMANDS = namedIn(readFileSync(join(ROOT, "README.md"), "utf8"));
/** Those whose command line is read by scripts/command-line.ts. */
const REFUSING = ["check", "generate", "build", "release", "test", "test:oracles", "test:faults", "test:kill", "conformance"];
/** Some load all that they run. */
const PATIENCE_MS = 60_000;

/** Of the scripts that a text says to run. */
function namedIn(text: string): readonly string[] {
  return [...new Set([...text.matchAll(/\bnpm (?:run ([a-z:]+)|(test|start))\b/g)].map(([, script, short]) => script ?? short ?? ""))];
}

/** As npm runs it, with that argument. */
function run(name: string, argument: string) {
  const [program = "", ...args] = (scripts[name] ?? "").replace(/^exec /, "").split(" ");
  const path = program === "node" ? process.execPath : join(ROOT, "node_modules/.bin", program);
  return spawnSync(path, [...args, argument], { cwd: ROOT, encoding: "utf8" });
}

test("the README names the commands there are", () => {
  expect(COMMANDS.filter((name) => scripts[name] === undefined)).toEqual([]);
  expect(COMMANDS).toEqual(expect.arrayContaining(["check", "test", "test:unit", "demo", "release", "start"]));
});

test.each(COMMANDS)(
  "npm run %s -- --help says how it is used",
  (name) => {
    const { status, stdout } = run(name, "--help");
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^Usage:/m) });
  },
  PATIENCE_MS,
);

test.each(REFUSING)(
  "npm run %s refuses what it does not know with 2",
  (name) => {
    const { status, stdout, stderr } = run(name, "--no-such-option");
    expect({ status, stdout, stderr }).toEqual({ status: 2, stdout: "", stderr: expect.stringContaining("no-such-option") });
  },
  PATIENCE_MS,
);
