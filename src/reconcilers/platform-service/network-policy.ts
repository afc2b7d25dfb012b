import { joined } from "../../resources/bounded-text.ts";
import { buildNetworkPolicies } from "../../resources/network-policy.ts";
import type { NetworkFacts } from "../../resources/facts.ts";
import type { World } from "../ports.ts";
import type { Step } from "../step.ts";
import { applySet, removeSet, type KindSet } from "./apply-set.ts";
import { selectingOurPods } from "./foreign-selectors.ts";
import { neededModes } from "./identity-modes.ts";
import { neededMeshes } from "./needed-meshes.ts";
import type { RemoveScope, Scope } from "./scope.ts";

const SET: KindSet = { kinds: [{ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" }] };

/** The NetworkPolicies: default deny both ways, and exactly what was written opened. Someone else's policy that opens our pods is named. */
export const networkPolicyStep: Step<Scope, RemoveScope> = {
  name: "network-policy",
  condition: "NetworkPolicyReady",

  async ensure(scope) {
    const { service, world, config } = scope;
    const facts: NetworkFacts = {
      neighbour: (key) => world.neighbour(key),
      kubernetesService: (key) => world.kubernetesService(key),
      identityModes: neededModes(scope),
      meshes: neededMeshes(scope),
      probedPorts: probedPorts(scope),
    };
    const { objects, problems } = buildNetworkPolicies(service, facts, config);
    const problem = problems[0];
    // What the data plane would not hold is not written at all; what is merely not opened is said beside what is.
    const applied = problems.some((p) => p.reason === "TooManyPorts") ? undefined : await applySet(scope, SET, objects);
    if (applied) return applied;
    if (problem) return { state: "blocked", reason: problem.reason, message: joined(problems.map((p) => `${p.field}: ${p.message}`)) };
    const foreign = selectingOurPods(scope, (namespace, labels) => world.foreignPolicies(namespace, labels));
    if (foreign.length > 0) {
      return {
        state: "ready",
        reason: "Widened",
        message: `policies add up: NetworkPolicy ${joined(foreign, ", ")}, not ours, also selects these pods`,
      };
    }
    return { state: "ready" };
  },

  remove: (scope) => removeSet(scope, SET),
};

interface PodsScope extends Pick<Scope, "service"> {
  readonly world: Pick<World, "workload" | "templates" | "pods">;
}

/** Of every template that makes pods of the service, or is about to: a port is open before a pod that needs it starts. And of its pods: one that a template no longer names stays open until none is left. */
export function probedPorts({ world, service: { key, spec } }: PodsScope): readonly number[] {
  const brought = spec.workloadRef && world.workload({ ...spec.workloadRef, namespace: key.namespace });
  const seen = [...world.templates(key), ...(brought ? [brought] : []), ...world.pods(key)];
  return seen.flatMap((one) => one.probedPorts);
}
