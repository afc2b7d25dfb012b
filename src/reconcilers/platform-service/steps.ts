import type { Step } from "../step.ts";
import { dependenciesStep } from "./dependencies.ts";
import { disruptionBudgetStep } from "./disruption-budget.ts";
import { identityStep } from "./identity.ts";
import { imageStep } from "./image.ts";
import { meshSecurityStep } from "./mesh-security.ts";
import { networkPolicyStep } from "./network-policy.ts";
import { placementStep } from "./placement.ts";
import { repositoryStep } from "./repository.ts";
import type { RemoveScope, Scope } from "./scope.ts";
import { serviceAccountStep } from "./service-account.ts";
import { slosStep } from "./slos.ts";
import { trafficStep } from "./traffic.ts";
import { workloadStep } from "./workload.ts";

/** The steps of a pass, in their order. SpecValid is decided before them: a spec that breaks a rule writes nothing. */
export const STEPS: readonly Step<Scope, RemoveScope>[] = [
  identityStep,
  repositoryStep,
  imageStep,
  serviceAccountStep,
  networkPolicyStep,
  meshSecurityStep,
  disruptionBudgetStep,
  placementStep,
  workloadStep,
  trafficStep,
  slosStep,
  dependenciesStep,
];

/** The order of removal: the workload first and its pods seen gone, then everything else backwards. */
export const REMOVAL_ORDER: readonly Step<Scope, RemoveScope>[] = [workloadStep, ...STEPS.filter((s) => s !== workloadStep).toReversed()];
