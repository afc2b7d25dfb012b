import { buildDisruptionBudget } from "../../resources/disruption-budget.ts";
import type { Step } from "../step.ts";
import { applySet, removeSet, type KindSet } from "./apply-set.ts";
import type { RemoveScope, Scope } from "./scope.ts";

const SET: KindSet = { kinds: [{ apiVersion: "policy/v1", kind: "PodDisruptionBudget" }], adoption: "withWorkload" };

/** The PodDisruptionBudget: a drain takes no more pods at a time than the tier says. */
export const disruptionBudgetStep: Step<Scope, RemoveScope> = {
  name: "disruption-budget",
  condition: "DisruptionBudgetReady",

  async ensure(scope) {
    return (await applySet(scope, SET, [buildDisruptionBudget(scope.service)])) ?? { state: "ready" };
  },

  remove: (scope) => removeSet(scope, SET),
};
