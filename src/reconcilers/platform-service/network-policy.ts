import { buildNetworkPolicies } from "../../resources/network-policy.ts";
import { podLabels } from "../../resources/labels.ts";
import type { Step } from "../step.ts";
import { applySet, removeSet, type KindSet } from "./apply-set.ts";
import type { RemoveScope, Scope } from "./scope.ts";

const SET: KindSet = { kinds: [{ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" }] };

/** The NetworkPolicies: default deny both ways, and exactly what was written opened. Someone else's policy that opens our pods is named. */
export const networkPolicyStep: Step<Scope, RemoveScope> = {
  name: "network-policy",
  condition: "NetworkPolicyReady",

  async ensure(scope) {
    const { service, world, config } = scope;
    const { objects, problems } = buildNetworkPolicies(service, world, config);
    const applied = await applySet(scope, SET, objects);
    if (applied) return applied;
    const problem = problems[0];
    if (problem) return { state: "blocked", reason: problem.reason, message: problems.map((p) => `${p.field}: ${p.message}`).join("; ") };
    const foreign = world.foreignPolicies(service.key.namespace, podLabels(service));
    if (foreign.length > 0) {
      return {
        state: "ready",
        reason: "Widened",
        message: `policies add up: NetworkPolicy ${foreign.toSorted().join(", ")}, not ours, also selects these pods`,
      };
    }
    return { state: "ready" };
  },

  remove: (scope) => removeSet(scope, SET),
};
