import { expect, test } from "vitest";
import { RolloutBudget } from "../../../src/reconcilers/rollout-budget.ts";

const service = (name: string): { namespace: string; name: string } => ({ namespace: "n", name });

test("at most so many services of a tier roll at a time, and one that is done makes room", () => {
  const budget = new RolloutBudget(1);
  expect(budget.take("tier-1", service("a"), 100)).toBe(true);
  expect(budget.take("tier-1", service("b"), 100)).toBe(false);
  expect(budget.take("tier-1", service("a"), 100)).toBe(true);
  budget.release(service("a"));
  expect(budget.take("tier-1", service("b"), 100)).toBe(true);
});

test("tiers do not take each other's places", () => {
  const budget = new RolloutBudget(1);
  expect(budget.take("tier-1", service("a"), 100)).toBe(true);
  expect(budget.take("tier-2", service("b"), 100)).toBe(true);
});

test("a percentage rounds up, so that a small tier can always roll one", () => {
  const budget = new RolloutBudget("5%");
  expect([1, 2, 3].map((n) => budget.take("small", service(`s${String(n)}`), 3))).toEqual([true, false, false]);
  expect([1, 2, 3].map((n) => budget.take("large", service(`l${String(n)}`), 40))).toEqual([true, true, false]);
});
