import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { sha256Hex } from "../../../src/crds/hash.ts";

test("is SHA-256 of the text's UTF-8 bytes, as Node's own", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
      expect(sha256Hex(text)).toBe(createHash("sha256").update(text).digest("hex"));
    }),
  );
});

test.each([0, 55, 56, 63, 64, 119, 120, 1000])("also of %i bytes, at the edges of its blocks", (length) => {
  const text = "a".repeat(length);
  expect(sha256Hex(text)).toBe(createHash("sha256").update(text).digest("hex"));
});
