import { expect, test } from "vitest";
import { namesCondition, saysReason, testBlocks } from "../../../scripts/coverage/test-titles.ts";

/** docs/coverage.md cites a test for a reason only where it holds a condition to it. */

const TABLE =
  'test.each<[string, string]>([\n  ["unreachable", "NoAnswer"],\n])("%s", (_, reason) => {\n  expect(report.reason).toBe(reason);\n});';

test.each([
  ["in an object", 'test("a", () => {\n  expect(report).toMatchObject({ reason: "NoAnswer" });\n});', "a"],
  ["behind its status", 'test("a", () => {\n  expect(it.condition("TrafficReady")).toMatch(/^False NoAnswer: /);\n});', "a"],
  ["behind its condition", 'test("a", async () => {\n  await until(KEY, "TrafficReady", "False", "NoAnswer");\n});', "a"],
  ["before a field", 'test("a", () => {\n  expect(refused()).toEqual(["NoAnswer spec.routes[a]"]);\n});', "a"],
  ["in a row of a table, of whose test it is", `test("a", () => {\n  expect(1).toBe(1);\n});\n\n${TABLE}`, "%s"],
  ["between two tests, of the later", `test("a", () => {});\n\nconst R = { reason: "NoAnswer" };\n\ntest("b", () => {});`, "b"],
])("a reason is found %s", (_, text, title) => {
  const found = testBlocks([{ path: "test/unit/x.test.ts", text }]).filter((block) => saysReason(block, "NoAnswer"));
  expect(found.map((block) => block.title)).toEqual([title]);
});

test.each([
  ["a comment", "test/unit/x.test.ts", 'test("a", () => {\n  // reason: "NoAnswer"\n  expect(1).toBe(1); // "False NoAnswer"\n});'],
  ["a code of AWS", "test/unit/x.test.ts", 'test("a", () => {\n  throwing({ code: "NoAnswer", reason });\n});'],
  ["a word where nothing reads reasons", "test/unit/x.test.ts", 'test("a", () => {\n  expect(phases).toEqual(["NoAnswer"]);\n});'],
  ["a word of the API server", "test/unit/kube/x.test.ts", TABLE],
  ["a sample", "test/unit/reconcilers/conditions.test.ts", TABLE],
])("%s is no reason", (_, path, text) => {
  expect(testBlocks([{ path, text }]).filter((block) => saysReason(block, "NoAnswer"))).toEqual([]);
});

test("a condition is found by its type, and not in a sentence", () => {
  const blocks = testBlocks([
    { path: "test/unit/x.test.ts", text: 'test("stays Ready", () => {});\ntest("b", () => expect(it.condition("Ready")).toBe(1));' },
  ]);
  expect(blocks.filter((block) => namesCondition(block, "Ready")).map(({ title }) => title)).toEqual(["b"]);
});
