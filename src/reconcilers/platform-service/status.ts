import { canonicalJson } from "../../crds/canonical.ts";
import type { Condition, StepCondition } from "../../crds/conditions.ts";
import { BUDGETS, LONGEST_ARCHITECTURE, MOST_ARCHITECTURES } from "../../crds/service/status.ts";
import type { PlatformService, PlatformServiceStatus } from "../../crds/platform-service.ts";
import type { PlatformTier } from "../../crds/platform-tier.ts";
import { meshOf } from "../../resources/mesh/choose.ts";
import { pauseOf, reconcileRequestOf, rfc3339, suspensionOf } from "../../crds/requests.ts";
import { computeConditions, conditionOf, type NotRun } from "../conditions.ts";
import type { StepReport } from "../step.ts";
import { listedInAppMesh } from "./app-mesh-removal.ts";
import { listedInWorkspace } from "./rules-namespace.ts";
import type { OwnedResource, Scope } from "./scope.ts";
import { statusOfSlos } from "./slo-measuring.ts";

/** Status is computed once a pass, in this file, and written only if it differs. */

export interface StatusInput {
  readonly stored: PlatformService;
  readonly reports: ReadonlyMap<StepCondition, StepReport>;
  readonly notRun: NotRun;
  readonly configHash: string;
  /** The tier that the spec was judged by; absent where there is none of that name. */
  readonly tier: PlatformTier | undefined;
  /** When the pass began: what it was suspended by then holds for its status. */
  readonly now: number;
  /** Absent where the spec was refused, or could not be judged yet: what runs stays as it is, and so does what is said of it. */
  readonly scope: Scope | undefined;
  readonly errorBudgets: Scope["errorBudgets"];
}

export function computeStatus(input: StatusInput): PlatformServiceStatus {
  const { stored, reports, notRun, now, scope } = input;
  const before = stored.status ?? {};
  const conditions = computeConditions({
    reports,
    notRun,
    now: rfc3339(now),
    generation: stored.metadata.generation,
    previous: conditionsOf(stored),
    suspension: suspensionOf(stored, now),
  });
  const asked = requestsOf(stored, now);
  const inputs = inputsOf(input);
  if (!scope) {
    // Its rules go on, and so do its budgets.
    return { ...before, observedGeneration: stored.metadata.generation, conditions, inputs, ...budgetsOf(input), ...asked };
  }
  const { facts, service, resources } = scope;
  const desired = facts.repository && facts.image ? `${facts.repository.uri}@${facts.image.digest}` : undefined;
  // Of what a squad brings nothing is known while it is rolled out, and what ran before may have been something else.
  const running = facts.runningImage ?? (service.spec.workloadRef === undefined ? before.image?.running : undefined);
  return {
    observedGeneration: stored.metadata.generation,
    conditions,
    role: facts.roleArn === undefined ? before.role : { arn: facts.roleArn },
    repository: facts.repository ?? before.repository,
    image: desired === undefined && running === undefined ? undefined : { desired, running, architectures: architecturesOf(facts) },
    mesh: { provider: service.mesh, host: service.mesh === "None" ? undefined : meshOf(service).host(service, scope.config) },
    inputs,
    ...budgetsOf(input),
    resources: sortResources([...resources, ...listedInAppMesh(scope), ...listedInWorkspace(scope)]),
    ...asked,
  };
}

/** Undefined also where an image names more, or longer, than a status may hold, or no text at all. */
function architecturesOf({ image }: Scope["facts"]): string[] | undefined {
  const named = image?.architectures ?? [];
  if (named.length === 0 || named.length > MOST_ARCHITECTURES) return undefined;
  // Half a surrogate pair is stored as another character: each pass would write it again.
  if (named.some((one) => one.length > LONGEST_ARCHITECTURE || !one.isWellFormed())) return undefined;
  return [...named];
}

function budgetsOf(input: StatusInput): Pick<PlatformServiceStatus, "slos" | "budget"> {
  const slos = statusOfSlos(input);
  if (slos.length === 0) return { slos: undefined, budget: undefined };
  return { slos: [...slos], budget: BUDGETS.find((budget) => slos.some((slo) => slo.budget === budget)) };
}

/** Also of a refusal: whoever compares them must not think that the operator is behind. */
function inputsOf({ tier, configHash }: StatusInput): PlatformServiceStatus["inputs"] {
  if (!tier) return { configHash };
  const { name, uid, generation } = tier.metadata;
  return { tier: { name, uid, generation }, configHash };
}

/** What people have asked of the operator, as the status repeats it. */
function requestsOf(stored: PlatformService, now: number): Pick<PlatformServiceStatus, "lastHandledReconcileAt" | "pausedUntil"> {
  const pause = pauseOf(stored, now);
  return {
    lastHandledReconcileAt: reconcileRequestOf(stored) ?? stored.status?.lastHandledReconcileAt,
    pausedUntil: pause.state === "until" ? rfc3339(pause.at) : undefined,
  };
}

/** The status of a service that is being deleted: what it waits for, in Ready and in Reconciling or Stalled. */
export function deletionStatus(
  stored: PlatformService,
  pending: { readonly reason: string; readonly message: string; readonly stalled: boolean },
  now: number,
): PlatformServiceStatus {
  const { generation } = stored.metadata;
  const { reason, message } = pending;
  const moment = { generation, previous: conditionsOf(stored), now: rfc3339(now) };
  const verdict = (type: string, status: Condition["status"]): Condition => conditionOf({ type, status, reason, message }, moment);
  const others = conditionsOf(stored).filter((c) => !["Ready", "Reconciling", "Stalled", "Suspended"].includes(c.type));
  return {
    ...stored.status,
    ...requestsOf(stored, now),
    pausedUntil: undefined,
    observedGeneration: generation,
    conditions: [verdict("Ready", "False"), ...others, verdict(pending.stalled ? "Stalled" : "Reconciling", "True")],
  };
}

/** Whether a pass of the deletion has written it: the API server counts a deletion as a generation, of which Ready tells and no step does. */
export function tellsOfDeletion(stored: PlatformService): boolean {
  const generationOf = (type: string): number | undefined => conditionsOf(stored).find((c) => c.type === type)?.observedGeneration;
  return generationOf("Ready") !== generationOf("SpecValid");
}

export function conditionsOf(stored: PlatformService): readonly Condition[] {
  return stored.status?.conditions ?? [];
}

/** Whether a write is needed. */
export function statusDiffers(before: PlatformServiceStatus | undefined, after: PlatformServiceStatus): boolean {
  return canonicalJson(before ?? {}) !== canonicalJson(after);
}

function sortResources(resources: readonly OwnedResource[]): OwnedResource[] {
  return resources.toSorted((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
}

function placeOf({ group, kind, name }: OwnedResource): string {
  return `${group}/${kind}/${name}`;
}
