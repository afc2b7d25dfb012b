import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalCpu, canonicalMemory } from "../../../src/resources/quantity.ts";

/** Each canonical form was read back from a Kubernetes 1.36 API server, but for 48202.148Ki: rounded up that is 49359000, which comes back as 49359k. */

test.for([
  ["250m", "250m"],
  ["0.25", "250m"],
  ["1000m", "1"],
  ["1500m", "1500m"],
  ["2", "2"],
  ["2.0", "2"],
  ["1000", "1k"],
])("CPU %s is sent as %s", ([written = "", canonical]) => {
  expect(canonicalCpu(written)).toBe(canonical);
});

test.for([
  ["256Mi", "256Mi"],
  ["1024Mi", "1Gi"],
  ["1048576Ki", "1Gi"],
  ["0.5Gi", "512Mi"],
  ["1.5Gi", "1536Mi"],
  ["1000Ki", "1000Ki"],
  ["0.5Ki", "512"],
  ["1000M", "1G"],
  ["2.774G", "2774M"],
  ["1.5k", "1500"],
  ["128000000", "128M"],
  ["12.34Gi", "13249974109"],
  ["48202.148Ki", "49359k"],
  ["0.001", "1"],
])("memory %s is sent as %s", ([written = "", canonical]) => {
  expect(canonicalMemory(written)).toBe(canonical);
});

describe("a canonical quantity", () => {
  const written = fc
    .tuple(
      fc.integer({ min: 1, max: 100_000 }),
      fc.option(fc.integer({ min: 0, max: 999 })),
      fc.constantFrom("", "k", "Ki", "M", "Mi", "G", "Gi"),
    )
    .map(([whole, fraction, suffix]) => `${whole}${fraction === null ? "" : `.${fraction}`}${suffix}`);

  test("stays as it is when it is made canonical again", () => {
    fc.assert(
      fc.property(written, fc.integer({ min: 1, max: 1_000_000 }), (text, milli) => {
        expect(canonicalMemory(canonicalMemory(text))).toBe(canonicalMemory(text));
        expect(canonicalCpu(canonicalCpu(`${milli}m`))).toBe(canonicalCpu(`${milli}m`));
      }),
    );
  });
});

test.for(["", "1e3", "-1", "1.2345", "0.5m", "1 Gi", "Mi"])("what the schema refuses throws: %j", (text) => {
  expect(() => canonicalMemory(text)).toThrow("not a quantity");
});
