import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson } from "../../../src/crds/canonical.ts";

/** One text for a value, however it was put together; hashes of it are stored in the cluster, and outlive a release. */

test.each([
  [{ b: 1, a: { d: [1, { f: null, e: "x" }], c: true } }, '{"a":{"c":true,"d":[1,{"e":"x","f":null}]},"b":1}'],
  [{ b: undefined, a: { c: undefined } }, '{"a":{}}'],
  [[undefined, 1, [undefined]], "[null,1,[null]]"],
  [undefined, "null"],
  [null, "null"],
  ['"\u2028\ud800', '"\\"\u2028\\ud800"'],
  [{ "a-b": 1, "a/b": 2, a: 3, B: 4, "": 5, é: 6 }, '{"":5,"B":4,"a":3,"a-b":1,"a/b":2,"é":6}'],
])("of %j", (value, text) => {
  expect(canonicalJson(value)).toBe(text);
});

describe("of keys that are not as others", () => {
  test("whole numbers come first, by their size", () => {
    expect(canonicalJson({ b: 1, "10": 2, "-1": 3, "9": 4, "01": 5 })).toBe('{"9":4,"10":2,"-1":3,"01":5,"b":1}');
  });

  test("__proto__ is a key as any other, and changes no object", () => {
    const value: unknown = JSON.parse('{"b":{"__proto__":1},"__proto__":{"b":2,"a":[]}}');
    expect(canonicalJson(value)).toBe('{"__proto__":{"a":[],"b":2},"b":{"__proto__":1}}');
    expect(canonicalJson({ constructor: 1, toString: 2 })).toBe('{"constructor":1,"toString":2}');
  });
});

describe("of any value", () => {
  const NAMES = fc.oneof(
    fc.constantFrom("__proto__", "constructor", "length", "-1", "01"),
    fc.string({ unit: fc.constantFrom("a", "B", "é", "/", "-", '"') }),
  );
  const NUMBERS = fc.constantFrom("0", "9", "10", "4294967294", "4294967295");

  function valuesWith(keys: fc.Arbitrary<string>): fc.Arbitrary<unknown> {
    const leaf = fc.oneof(fc.string({ unit: "binary" }), fc.double(), fc.integer(), fc.boolean(), fc.constantFrom(null, undefined));
    return fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie("value"), { maxLength: 4 }), fc.dictionary(keys, tie("value"), { maxKeys: 6 })),
    })).value;
  }

  test("it does not depend on the order of keys", () => {
    const turned = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(turned);
      if (typeof value !== "object" || value === null) return value;
      const members = Object.entries(value).map(([key, member]) => [key, turned(member)] as const);
      return Object.fromEntries(members.toReversed());
    };
    fc.assert(
      fc.property(valuesWith(fc.oneof(NAMES, NUMBERS)), (value) => {
        expect(canonicalJson(value)).toBe(canonicalJson(turned(value)));
      }),
    );
  });

  test("it is JSON of that value, and its own canonical JSON", () => {
    fc.assert(
      fc.property(valuesWith(fc.oneof(NAMES, NUMBERS)), (value) => {
        const text = canonicalJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value) ?? "null"));
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
    );
  });

  test("its members are in the order of their keys, where none is a whole number", () => {
    const joined = (value: unknown): string => {
      if (Array.isArray(value)) return `[${value.map(joined).join(",")}]`;
      if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
      const members = Object.entries(value).filter(([, member]) => member !== undefined);
      const texts = members.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, member]) => `${JSON.stringify(key)}:${joined(member)}`);
      return `{${texts.join(",")}}`;
    };
    fc.assert(
      fc.property(valuesWith(NAMES), (value) => {
        expect(canonicalJson(value)).toBe(joined(value));
      }),
    );
  });
});
