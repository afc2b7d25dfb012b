import { expect, test } from "vitest";
import { waitsForPlace } from "../../../src/reconcilers/platform-service/paced-template.ts";
import { RolloutBudget } from "../../../src/reconcilers/rollout-budget.ts";
import { testService } from "../../support/effective-services.ts";
import { watchedWorld } from "../../support/watched-world.ts";

test("who waits for a place is told whose rollouts have them: by name, in order, the first few", () => {
  const waitingBehind = (...names: readonly string[]): string => {
    const rolling = names.map((name) => ({ namespace: "n", name }));
    const world = { ...watchedWorld().world, pacedRollouts: () => rolling, servicesOfTier: () => 9 };
    return waitsForPlace({ service: testService(), world, budget: new RolloutBudget(1) }, "outside")?.message ?? "has one";
  };
  expect(waitingBehind()).toBe("has one");
  expect(waitingBehind("b", "a")).toMatch(/other services of tier tier-2 are rolled out first: n\/a, n\/b$/);
  expect(waitingBehind("e", "d", "c", "b", "a")).toMatch(/first: n\/a, n\/b, n\/c and 2 more$/);
});
