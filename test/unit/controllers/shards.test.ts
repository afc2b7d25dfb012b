import { expect, test } from "vitest";
import { MOST_SHARDS, shardOf } from "../../../src/controllers/shards.ts";

const KEYS = Array.from({ length: 2_000 }, (_, index) => ({ namespace: `team-${String(index % 40)}`, name: `service-${String(index)}` }));

test.each([2, 3, 4, 8, MOST_SHARDS])("of %i shards each has its part of the services, a third more or less", (shards) => {
  const counts = Array.from({ length: shards }, (_, shard) => KEYS.filter((key) => shardOf(key, shards) === shard).length);
  const part = KEYS.length / shards;
  expect(counts.filter((count) => Math.abs(count - part) > part / 3)).toEqual([]);
});

test("one shard has all of them", () => {
  expect(new Set(KEYS.map((key) => shardOf(key, 1)))).toEqual(new Set([0]));
});

test("which shard a service is of stays the same in every release, since replicas of two run side by side", () => {
  const keys = [
    { namespace: "tracking", name: "tracking" },
    { namespace: "payments", name: "ledger" },
    { namespace: "checkout", name: "checkout" },
    { namespace: "hub", name: "outgoing" },
  ];
  expect(keys.map((key) => shardOf(key, MOST_SHARDS))).toEqual([8, 10, 6, 7]);
});
