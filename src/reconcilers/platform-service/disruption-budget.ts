import { joined } from "../../resources/bounded-text.ts";
import { buildDisruptionBudget } from "../../resources/disruption-budget.ts";
import type { Step } from "../step.ts";
import { applySet, removeSet, type KindSet } from "./apply-set.ts";
import { selectingOurPods } from "./foreign-selectors.ts";
import type { RemoveScope, Scope } from "./scope.ts";

const SET: KindSet = { kinds: [{ apiVersion: "policy/v1", kind: "PodDisruptionBudget" }], adoption: "withWorkload" };

/** The PodDisruptionBudget: a drain takes no more pods at a time than the tier says. Someone else's that also selects our pods is named, since then it takes none. */
export const disruptionBudgetStep: Step<Scope, RemoveScope> = {
  name: "disruption-budget",
  condition: "DisruptionBudgetReady",

  async ensure(scope) {
    const { service, world } = scope;
    const applied = await applySet(scope, SET, [buildDisruptionBudget(service)]);
    if (applied) return applied;
    const others = selectingOurPods(scope, (namespace, labels) => world.foreignBudgets(namespace, labels));
    // It may still be seen as it was before it was taken over.
    const foreign = others.filter((name) => name !== service.key.name);
    if (foreign.length === 0) return { state: "ready" };
    return {
      state: "blocked",
      reason: "TwoBudgets",
      message: `PodDisruptionBudget ${joined(foreign, ", ")}, not ours, also selects these pods, and Kubernetes evicts no pod that two of them select, so every drain of a node is held up: delete it, or narrow its selector`,
    };
  },

  remove: (scope) => removeSet(scope, SET),
};
