import type { StepCondition } from "../../crds/conditions.ts";
import { ANNOTATIONS } from "../../crds/meta.ts";
import type { WorkloadRef } from "../../crds/platform-service.ts";
import { buildHeldFields } from "../../resources/brought-workload.ts";
import { sortedUnique } from "../../resources/order.ts";
import { unreachable } from "../conditions.ts";
import type { BroughtState, ChildRef, FieldConflict, HoldResult } from "../ports.ts";
import type { StepReport } from "../step.ts";
import { FOREIGN_RECHECK_MS, groupOf, mutatedByAdmission, notServed, resourceState, WATCHED } from "./apply-set.ts";
import { annotate, releasePlace, waitsForPlace, withoutMark, type PacedScope } from "./paced-template.ts";
import { progressReport, waitingFor } from "./rollout-report.ts";
import { runningImage } from "./running-image.ts";
import type { OwnedResource, Scope } from "./scope.ts";

/** What it takes, of a pass. */
export type BringScope = Pick<Scope, "service" | "owner" | "config" | "holds" | "world" | "facts" | "resources" | "corrections"> &
  PacedScope;

/** A workload that the squad deploys itself: in its pod template the service sets who the pods are, where they run and whose policies they are under. */
export async function bring(scope: BringScope, ref: WorkloadRef, waiting: readonly StepCondition[]): Promise<StepReport> {
  const report = await ensureHeld(scope, ref, waiting);
  if (scope.world.workload(refOf(scope.service, ref)) !== undefined) noteWorkload(scope, ref, resourceState(report));
  return report;
}

/** Takes back what the service holds of workloads whose annotation hands them to another, for whom it would stand in the way. */
export async function giveUpHandedOver({
  world,
  holds,
  owner,
  service: { key },
}: Pick<Scope, "world" | "holds" | "owner" | "service">): Promise<void> {
  for (const { ref } of holds.held(key)) {
    const holder = world.workload(ref)?.managedBy;
    if (holder !== undefined && holder !== key.name) await holds.release(owner, ref);
  }
}

/** Takes back what the service holds of workloads other than the one that it names. */
export async function letGo({ holds, owner, service }: BringScope, ref: WorkloadRef | undefined): Promise<void> {
  for (const held of holds.held(service.key)) if (!isSame(held.ref, ref)) await holds.release(owner, held.ref);
}

async function ensureHeld(scope: BringScope, ref: WorkloadRef, waiting: readonly StepCondition[]): Promise<StepReport> {
  const { world, facts, holds, owner, service, config } = scope;
  const target = refOf(service, ref);
  if (!world.serves(ref.apiVersion, ref.kind)) return notServed(`${ref.kind} (${ref.apiVersion})`);
  const brought = world.workload(target);
  const refused = refusal(scope, ref, brought);
  if (refused) return refused;
  if (waiting.length > 0 || facts.roleArn === undefined) {
    return waitingFor(waiting);
  }
  const annotations = holds.held(service.key).find((held) => isSame(held.ref, ref))?.annotations;
  const live = annotations && brought?.rolledOut === true ? withoutMark(annotations) : annotations;
  const fields = buildHeldFields(service, ref, { roleArn: facts.roleArn, nodePools: world.nodePools() ?? new Map() }, config);
  const { workload, change } = annotate(scope, fields, live);
  const waits = waitsForPlace(scope, change);
  if (waits) return waits;
  const result = await holds.hold(owner, workload).finally(() => releasePlace(scope));
  const name = nameOf(ref);
  if (result.state === "repaired") scope.corrections.push({ kind: ref.kind, name: ref.name, what: name });
  return heldReport(name, result) ?? runningReport(scope, ref);
}

/** As its controller says; but a workload that is complete because it wants no pods stands in for nothing. */
function runningReport(scope: BringScope, ref: WorkloadRef): StepReport {
  const { world, service, facts } = scope;
  const { progress, readyReplicas = 0, images = [] } = world.workload(refOf(service, ref)) ?? {};
  const report = progressReport(progress, world.pods(service.key));
  const { minReplicas } = service.scaling;
  if (report.state !== "ready") return report;
  const running = runningImage(images, world.pods(service.key));
  if (running !== undefined) facts.runningImage = running;
  if (readyReplicas >= minReplicas) return otherCredentials(scope, ref) ?? report;
  // Its controller has nothing left to do: how many it is to run is its squad's to say.
  return {
    state: "blocked",
    reason: "TooFewReplicas",
    message: `${nameOf(ref)} runs ${readyReplicas} ready pods, and tier ${service.tier.metadata.name} has at least ${minReplicas} (availability.minReplicas): scale it up; what ran in its place stays until then`,
    ...WATCHED,
  };
}

/**
 * Where there are two bindings, EKS's webhook decides by what it sees when a pod starts which token that is given; the template says nothing of it. A pod without one runs as its node, or not
 * at all. Undefined: each has that of the service's own binding.
 */
function otherCredentials({ world, service, config }: BringScope, { kind, name }: WorkloadRef): StepReport | undefined {
  if (!config.identity.modes.includes("PodIdentity")) return undefined;
  const { identity, key } = service;
  // Where the service has a Deployment of its own as well, only another name tells the pods apart.
  const alone = world.deployment(key) === undefined;
  const wrong = world.pods(key).filter((pod) => pod.ready && !pod.deleting && (alone || pod.brought) && pod.token !== identity);
  const [first] = wrong.toSorted((a, b) => Number(a.token === undefined) - Number(b.token === undefined));
  if (!first) return undefined;
  const given = first.token === undefined ? "no credentials of its role" : `credentials by ${first.token}`;
  // Until the last of them is gone the association stays, and as long as there is one the webhook gives the next one nothing else.
  const cure =
    first.token === "PodIdentity"
      ? `scale it to 0 until ServiceAccountReady no longer names PodIdentity, then up again`
      : `restart it (kubectl rollout restart ${kind.toLowerCase()} ${name} -n ${key.namespace}, or as its controller does)`;
  return {
    state: "blocked",
    reason: "OtherCredentials",
    message: `${kind} ${name} has ready pods with ${given}, and the service is bound by ${identity}: ${cure}`,
    ...WATCHED,
  };
}

/** Why nothing of it may be written; undefined: it is handed over to this service. */
function refusal({ service: { key } }: BringScope, ref: WorkloadRef, brought: BroughtState | undefined): StepReport | undefined {
  const name = nameOf(ref);
  const blocked = (reason: string, message: string): StepReport => ({ state: "blocked", reason, message });
  const annotation = `${ANNOTATIONS.managedBy}: ${key.name}`;
  if (!brought) {
    return blocked(
      "WorkloadMissing",
      `${name} does not exist in namespace ${key.namespace}: deploy it, annotated ${annotation}, or correct spec.workloadRef`,
    );
  }
  if (brought.deleting) return blocked("WorkloadMissing", `${name} is being deleted: deploy it again, or correct spec.workloadRef`);
  if (brought.childOf !== undefined) {
    return blocked(
      "NotOwned",
      `${name} is PlatformService ${brought.childOf}'s own, made by the operator: name a workload that the squad deploys, or remove spec.workloadRef`,
    );
  }
  if (brought.managedBy === undefined) {
    return blocked(
      "NotHandedOver",
      `${name} does not say that this service may write into its pod template: annotate it with ${annotation}; until then it is left as it is`,
    );
  }
  if (brought.managedBy !== key.name) {
    return blocked(
      "HandedToAnother",
      `${name} is annotated ${ANNOTATIONS.managedBy}: ${brought.managedBy}, so it is that service's: annotate it with ${key.name}, or correct spec.workloadRef`,
    );
  }
  if (brought.hasTemplate) return undefined;
  return blocked(
    "NoPodTemplate",
    `${name} has no pod template of its own (spec.workloadRef of a Rollout takes another's): write spec.template in the Rollout itself`,
  );
}

function heldReport(name: string, result: HoldResult): StepReport | undefined {
  switch (result.state) {
    case "unchanged":
    case "held":
    case "repaired":
    // Named by the pass that withholds it.
    case "withheld":
      return undefined;
    case "conflict":
      return {
        state: "blocked",
        reason: "FieldConflict",
        message: `${name}: ${owners(result.conflicts)}, and nothing is taken by force: take these fields out of what it applies, and the operator sets them`,
        // Who owns a field is not kept of what the watch tells.
        recheckMs: FOREIGN_RECHECK_MS,
      };
    case "apiMissing":
      return notServed(result.api);
    case "absent":
      return { state: "progressing", reason: "RollingOut", message: `waits for ${name} to be seen`, ...WATCHED };
    case "mutatedByAdmission":
      return mutatedByAdmission(name, result.paths);
    default:
      return unreachable(result);
  }
}

/** The API server fills it in beside the new name of the same field. */
const OLD_NAME = "spec.template.spec.serviceAccount";

/** As `kubectl owns spec.template.spec.tolerations; helm owns …`. */
function owners(conflicts: readonly FieldConflict[]): string {
  return sortedUnique(conflicts.map(({ manager }) => manager))
    .map((manager) => {
      const fields = sortedUnique(conflicts.filter((c) => c.manager === manager).map(({ field }) => field));
      return `${manager} owns ${fields.filter((field) => field !== OLD_NAME || fields.length === 1).join(", ")}`;
    })
    .join("; ");
}

function noteWorkload({ resources }: BringScope, { apiVersion, kind, name }: WorkloadRef, state: OwnedResource["state"]): void {
  resources.push({ group: groupOf(apiVersion), kind, name, state });
}

function refOf({ key }: BringScope["service"], { apiVersion, kind, name }: WorkloadRef): ChildRef {
  return { apiVersion, kind, namespace: key.namespace, name };
}

function isSame(held: ChildRef, ref: WorkloadRef | undefined): boolean {
  return ref !== undefined && held.apiVersion === ref.apiVersion && held.kind === ref.kind && held.name === ref.name;
}

function nameOf({ kind, name }: WorkloadRef): string {
  return `${kind} ${name}`;
}
