import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { covers, matches } from "../../../../src/resources/iam/pattern.ts";

/** Every string of at most this length over an alphabet with one character that no pattern names. */
const MAX_LENGTH = 6;
const TEXTS = strings("abz", MAX_LENGTH);

describe("matches", () => {
  test.each([
    ["", "", true],
    ["*", "", true],
    ["?", "", false],
    ["a*c", "abbc", true],
    ["a*c", "abbd", false],
    ["table/*", "table/shipments", true],
    ["a?c", "ac", false],
    ["**a", "ba", true],
  ])("%j on %j is %j", (globbed, text, expected) => {
    expect(matches(globbed, text)).toBe(expected);
  });

  test("agrees with the regular expression of the pattern", () => {
    fc.assert(
      fc.property(pattern(8), fc.constantFrom(...TEXTS), (p, text) => {
        const regular = new RegExp(`^${p.replaceAll("*", ".*").replaceAll("?", ".")}$`, "s");
        expect(matches(p, text)).toBe(regular.test(text));
      }),
    );
  });
});

describe("covers", () => {
  test.each([
    ["*", "anything/*", true],
    ["table/*", "table/shipments", true],
    ["table/*", "table/*/index/*", true],
    ["table/*", "table*", false],
    ["table/ship*", "table/*", false],
    ["?*", "*a", true],
    ["*?", "?*", true],
    ["a*", "?*", false],
    ["*a*", "*a", true],
    ["*ab*", "*a*b*", false],
    ["", "", true],
    ["", "*", false],
  ])("%j covers %j: %j", (outer, inner, expected) => {
    expect(covers(outer, inner)).toBe(expected);
  });

  test("is inclusion of what the patterns match, on every short text", () => {
    fc.assert(
      fc.property(pattern(4), pattern(3), (outer, inner) => {
        const counterexample = TEXTS.find((text) => matches(inner, text) && !matches(outer, text));
        expect({ outer, inner, covered: covers(outer, inner) }).toEqual({ outer, inner, covered: counterexample === undefined });
      }),
      { numRuns: 2_000 },
    );
  });

  test("a pattern covers itself and whatever it was widened from", () => {
    fc.assert(
      fc.property(pattern(20), fc.nat(20), (p, at) => {
        expect(covers(p, p)).toBe(true);
        expect(covers(`${p.slice(0, at)}*${p.slice(at + 1)}`, p)).toBe(true);
      }),
    );
  });

  test("answers no, soon, for a pair that nobody would write", () => {
    expect(covers(`*a${"?".repeat(60)}b`, `${"*a?".repeat(40)}*`)).toBe(false);
  });
});

function pattern(maxLength: number): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), maxLength });
}

function strings(alphabet: string, maxLength: number): string[] {
  let longest = [""];
  const all = [""];
  for (let length = 1; length <= maxLength; length++) {
    longest = longest.flatMap((text) => alphabet.split("").map((character) => text + character));
    all.push(...longest);
  }
  return all;
}
