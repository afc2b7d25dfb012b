import { expect, test } from "vitest";
import { dealt, type NamedFault } from "../../support/thoroughness.ts";

const FAULTS: readonly NamedFault<number>[] = [
  ["a", 1],
  ["b", 2],
  ["c", 3],
];

test("in as many rounds as there are faults each call meets each fault once", () => {
  const rounds = [0, 1, 2].map((round) => dealt(FAULTS, { count: 20, round }));
  for (let call = 0; call < 20; call++) expect(new Set(rounds.map((round) => round[call]?.[0]))).toEqual(new Set(["a", "b", "c"]));
});

test("one round deals every fault to some call", () => {
  expect(new Set(dealt(FAULTS, { count: 20, round: 0 }).map(([name]) => name))).toEqual(new Set(["a", "b", "c"]));
});
