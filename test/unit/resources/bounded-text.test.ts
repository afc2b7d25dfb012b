import { describe, expect, test } from "vitest";
import { joined, shortened } from "../../../src/resources/bounded-text.ts";

describe("a list", () => {
  test.each<[readonly string[], string]>([
    [[], ""],
    [["one"], "one"],
    [["one", "two; or three"], "one; two; or three"],
  ])("that is short is joined: %j", (items, text) => {
    expect(joined(items)).toBe(text);
  });

  test.each([1, 2, 99, 200])("says how many more there are than it shows, and shows whole ones: of %i more", (more) => {
    const items = Array.from({ length: 30 + more }, (_, i) => `${"x".repeat(98)}${String(100 + i).slice(1)}`);
    const text = joined(items, ", ");
    expect(text).toBe(`${items.slice(0, 30).join(", ")}, and ${more} more`);
  });

  test("whose first item is too long shows the beginning of that", () => {
    expect(joined(["word ".repeat(1000), "b", "c"])).toMatch(/^(word )+word…; and 2 more$/);
  });
});

describe("a text", () => {
  test.each([
    ["short enough", 12, "short enough"],
    ["cut at a word", 12, "cut at a…"],
    ["uncuttable", 5, "uncu…"],
  ])("%s, in %i characters", (text, longest, expected) => {
    expect(shortened(text, longest)).toBe(expected);
  });

  test("is not given up for the sake of one long word", () => {
    expect(shortened(`a ${"b".repeat(500)}`, 300)).toBe(`a ${"b".repeat(297)}…`);
  });
});
