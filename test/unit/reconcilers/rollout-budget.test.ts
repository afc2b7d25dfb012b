import { expect, test } from "vitest";
import type { ObjectKey } from "../../../src/crds/meta.ts";
import { RolloutBudget } from "../../../src/reconcilers/rollout-budget.ts";

/** `rollout.maxConcurrent` of the configuration: how many services of a tier roll at a time. */

const service = (name: string): ObjectKey => ({ namespace: "n", name });

/** Whether the service gets a place of its tier of 100, where these roll already. */
function take(budget: RolloutBudget, name: string, { tier = "tier-1", services = 100, rolling = [] as readonly string[] } = {}): boolean {
  return budget.take({ tier, key: service(name), services, rolling: rolling.map(service) });
}

test("at most so many services of a tier roll at a time, and one that is done makes room", () => {
  const budget = new RolloutBudget(1);
  expect(take(budget, "a")).toBe(true);
  expect(take(budget, "b")).toBe(false);
  budget.release("tier-1", service("a"));
  expect(take(budget, "b", { rolling: ["a"] })).toBe(false);
  expect(take(budget, "b", { rolling: [] })).toBe(true);
});

test("a service that rolls has its place: a second change from outside needs no other", () => {
  expect(take(new RolloutBudget(1), "a", { rolling: ["a"] })).toBe(true);
});

test("a restart forgets none that rolls", () => {
  const afterRestart = new RolloutBudget(2);
  expect(take(afterRestart, "c", { rolling: ["a", "b"] })).toBe(false);
  expect(take(afterRestart, "c", { rolling: ["a"] })).toBe(true);
  expect(take(afterRestart, "d", { rolling: ["a"] })).toBe(false);
});

test("tiers do not take each other's places", () => {
  const budget = new RolloutBudget(1);
  expect(take(budget, "a")).toBe(true);
  expect(take(budget, "b", { tier: "tier-2" })).toBe(true);
});

test("a percentage rounds up, so that a small tier can always roll one", () => {
  const budget = new RolloutBudget("5%");
  expect(["a", "b", "c"].map((name) => take(budget, name, { tier: "small", services: 3 }))).toEqual([true, false, false]);
  expect(["a", "b", "c"].map((name) => take(budget, name, { tier: "large", services: 40 }))).toEqual([true, true, false]);
});

test("who waited the longest is named first, once, and not when it has its place meanwhile", () => {
  const budget = new RolloutBudget(1);
  for (const name of ["b", "c"]) expect(take(budget, name, { rolling: ["a"] })).toBe(false);
  expect(budget.nextWaiting("tier-1")).toEqual(service("b"));
  expect(take(budget, "c")).toBe(true);
  expect(budget.nextWaiting("tier-1")).toBeUndefined();
  expect(budget.nextWaiting("tier-2")).toBeUndefined();
});

test("who is suspended waits no more, so that it is not named in vain", () => {
  const budget = new RolloutBudget(1);
  for (const name of ["b", "c"]) expect(take(budget, name, { rolling: ["a"] })).toBe(false);
  budget.withdraw("tier-1", service("b"));
  expect(budget.nextWaiting("tier-1")).toEqual(service("c"));
});
