import type { KubeObject } from "../../crds/desired.ts";
import { ANNOTATIONS, keyString, type ObjectKey } from "../../crds/meta.ts";
import { podTemplateOf } from "../../resources/deployment.ts";
import { listed } from "../../resources/order.ts";
import { hashOf } from "../hash.ts";
import type { ChildState } from "../ports.ts";
import type { StepReport } from "../step.ts";
import { WATCHED_RECHECK_MS } from "./apply-set.ts";
import type { Scope } from "./scope.ts";

/** Pod templates that change for a reason outside the service's own spec take a place in their tier's budget (docs/adr/0002). */

export type PacedScope = Pick<Scope, "service" | "world" | "budget">;

/** Why the pod template is not what was last written: drift (`none`), the squad's own change, or a tier, the configuration, a new release. */
export type TemplateChange = "none" | "own" | "outside";

/** Marks what the template was made from, so that a later pass, in a later process too, can tell the changes apart. `live`: the annotations that are there. */
export function annotate(
  scope: PacedScope,
  workload: KubeObject,
  live: ChildState["annotations"] | undefined,
): { readonly workload: KubeObject; readonly change: TemplateChange } {
  // To suspend and to resume changes no pod.
  const { suspend: _, ...spec } = scope.service.spec;
  const made = {
    [ANNOTATIONS.appliedSpec]: hashOf(spec),
    [ANNOTATIONS.appliedTemplate]: hashOf(podTemplateOf(workload)),
  };
  const change = templateChange(live, made);
  const paced = change === "outside" || (change === "none" && live?.[ANNOTATIONS.pacedRollout] === "true");
  const annotations = { ...workload.metadata.annotations, ...made, ...(paced && { [ANNOTATIONS.pacedRollout]: "true" }) };
  return { workload: { ...workload, metadata: { ...workload.metadata, annotations } }, change };
}

function templateChange(live: ChildState["annotations"] | undefined, made: ChildState["annotations"]): TemplateChange {
  if (live?.[ANNOTATIONS.appliedTemplate] === made[ANNOTATIONS.appliedTemplate]) return "none";
  return live !== undefined && live[ANNOTATIONS.appliedSpec] === made[ANNOTATIONS.appliedSpec] ? "outside" : "own";
}

/** Drift is put back and a squad's own change rolled out at once; a change from outside takes a place in the tier's budget, to be released once it is written. Undefined: it may go on. */
export function waitsForPlace(scope: PacedScope, change: TemplateChange): StepReport | undefined {
  if (change !== "outside") return undefined;
  const { world, budget, service } = scope;
  const tier = tierName(scope);
  const rolling = world.pacedRollouts(tier);
  if (budget.take({ tier, key: service.key, services: world.servicesOfTier(tier), rolling })) return undefined;
  return {
    state: "progressing",
    reason: "WaitingForRolloutBudget",
    message: `the pod template changes for a reason outside this service's spec; other services of tier ${service.spec.tier} are rolled out first${holders(rolling)}`,
    recheckMs: WATCHED_RECHECK_MS,
  };
}

/** As `: n/a, n/b, n/c and 2 more`, so that whoever waits for long knows whose rollout does not end. */
function holders(rolling: readonly ObjectKey[]): string {
  return rolling.length === 0 ? "" : `: ${listed(rolling.map(keyString).toSorted(), MOST_NAMED)}`;
}

const MOST_NAMED = 3;

/** The annotations without the mark of a rollout that is over: of a workload that others roll out too, a later one would take a place. */
export function withoutMark(annotations: ChildState["annotations"]): ChildState["annotations"] {
  const { [ANNOTATIONS.pacedRollout]: _, ...others } = annotations;
  return others;
}

export function releasePlace(scope: PacedScope): void {
  scope.budget.release(tierName(scope), scope.service.key);
}

function tierName({ service }: PacedScope): string {
  return service.tier.metadata.name;
}
