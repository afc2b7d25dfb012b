import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "../../../src/cli/keys.ts";

/** docs/threat-model.md names for each attempt the test that tries it. */

const LINES = readFileSync(join(ROOT, "docs/threat-model.md"), "utf8").split("\n");
const ROWS = LINES.filter((line) => /^\| (?!attempt|asset|---)/.test(line));
const ATTEMPTS = ROWS.map((line) => line.split(" | ")).filter((cells) => cells.at(-1)?.includes("`test/"));

test("every attempt names a test", () => {
  const begin = LINES.indexOf("## A squad");
  const attempts = ROWS.filter((row) => LINES.indexOf(row) > begin);
  expect(attempts.length).toBeGreaterThan(20);
  expect(attempts.filter((row) => !row.split(" | ").at(-1)?.includes("`test/"))).toEqual([]);
});

describe("the test is there", () => {
  test.each(ATTEMPTS.map((cells) => [cells[0]?.slice(2), cells.at(-1) ?? ""] as const))("%s", (_, cell) => {
    const named = [...cell.matchAll(/`(test\/[^`]+)`(?: "([^"]+)")?/g)];
    const missing = named.filter(([, file = "", title = ""]) => {
      const path = join(ROOT, file);
      return !existsSync(path) || !readFileSync(path, "utf8").includes(title);
    });
    expect(missing.map(([all]) => all)).toEqual([]);
  });
});
