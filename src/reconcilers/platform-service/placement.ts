import { joined } from "../../resources/bounded-text.ts";
import { placementProblems } from "../../resources/placement.ts";
import type { Step } from "../step.ts";
import { WATCHED } from "./apply-set.ts";
import type { RemoveScope, Scope } from "./scope.ts";

/** Placement: every NodePool that the tier names exists and can satisfy what is asked. NodePools are read, never written. */
export const placementStep: Step<Scope, RemoveScope> = {
  name: "placement",
  condition: "PlacementReady",

  async ensure({ service, facts, world }) {
    const pools = world.nodePools();
    if (!pools) {
      return {
        state: "blocked",
        reason: "ApiMissing",
        message: "the API server does not serve NodePool (karpenter.sh/v1): install Karpenter's CustomResourceDefinitions",
        ...WATCHED,
      };
    }
    const architectures = facts.image?.architectures ?? service.tier.spec.placement.architectures;
    const problems = placementProblems(service, architectures, pools);
    const first = problems[0];
    if (first) return { state: "blocked", reason: first.reason, message: joined(problems.map((p) => p.message)) };
    return { state: "ready", message: `on ${service.tier.spec.placement.nodePools.join(", ")}` };
  },

  async remove() {
    return { state: "gone" };
  },
};
