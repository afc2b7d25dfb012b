import { describe, expect, test } from "vitest";
import { comparison } from "../../bench/compare.ts";
import { quantile } from "../../bench/drift.ts";
import { fleetOf } from "../../bench/fleet.ts";
import { exponent } from "../../bench/growth.ts";
import { missedCounts, tableOf, type Row } from "../../bench/table.ts";

/** What a benchmark makes of its figures. */

const MISSED: Row = { of: "idle", what: "writes", value: 3, unit: "", atMost: 0, counted: true };
const SLOW: Row = { of: "cold", what: "everything written", value: 12.345, unit: "s", atMost: 10 };
const MET: Row = { of: "cold", what: "status writes", value: 2, unit: "", atMost: 2, counted: true };

test("a missed goal is said, and only one about a count fails", () => {
  const lines = tableOf([MISSED, SLOW, MET]).split("\n");
  expect(lines.filter((line) => line.endsWith("MISSED"))).toHaveLength(2);
  expect(lines[2]).toMatch(/^cold +everything written +12\.3 s +≤ 10 +MISSED$/);
  expect(missedCounts([MISSED, SLOW, MET])).toEqual(["idle: writes: 3, at most 0"]);
});

test("two runs are compared by scenario and figure, and what one alone has is there", () => {
  const lines = comparison([SLOW, MET], [{ ...SLOW, value: 24.69 }, MISSED]).split("\n");
  expect(lines[1]).toMatch(/^cold +everything written +12\.3 +24\.7 +× 2$/);
  expect(lines[2]).toMatch(/^cold +status writes +2 +-$/);
  expect(lines[3]).toMatch(/^idle +writes +- +3$/);
});

describe("the exponent", () => {
  test.each([1, 1.5, 2])("of a power law is its power: %d", (power) => {
    const points = [125, 250, 500, 1000].map((size) => ({ size, seconds: 0.01 * size ** power }));
    expect(exponent(points)).toBeCloseTo(power, 10);
  });
});

test("a quantile is one of the values", () => {
  const values = [5, 1, 4, 2, 3];
  expect([0, 0.5, 0.99, 1].map((share) => quantile(values, share))).toEqual([1, 3, 5, 5]);
});

test("a fleet has as many services as asked for, of every tier, in both meshes, in the same proportions whatever its size", () => {
  const { services, namespaces } = fleetOf(400);
  expect(services).toHaveLength(400);
  expect(new Set(services.map(({ metadata: { namespace, name } }) => `${namespace}/${name}`)).size).toBe(400);
  expect(namespaces.filter((namespace) => JSON.stringify(namespace).includes("appmesh"))).toHaveLength(8);
  const share = (of: number, tier: string): number => fleetOf(of).services.filter((service) => service.tier === tier).length / of;
  for (const tier of ["tier-1", "tier-2", "tier-3"]) expect(share(40, tier)).toBe(share(400, tier));
});
