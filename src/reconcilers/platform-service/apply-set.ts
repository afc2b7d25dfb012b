import type { KubeObject } from "../../crds/desired.ts";
import { ANNOTATIONS } from "../../crds/meta.ts";
import { joined } from "../../resources/bounded-text.ts";
import { unreachable } from "../conditions.ts";
import type { Adoption, ApplyResult, ChildKind } from "../ports.ts";
import type { RemovalReport, StepReport } from "../step.ts";
import type { OwnedResource, RemoveScope, Scope } from "./scope.ts";

/** Kinds that one step owns: what it makes, and what it takes away when it is no longer wanted. */
export interface KindSet {
  readonly kinds: readonly ChildKind[];
  /** What of it asks to be taken over is so once the workload is ready: whom it serves until then would be left with nothing. Default: at once. */
  readonly adoption?: "withWorkload";
}

/** What came of several applies. */
export interface Applied {
  /** The last thing that stands in the way; undefined: none does. */
  readonly problem: StepReport | undefined;
  /** What asks to be taken over, and was left for later. */
  readonly asking: readonly KubeObject[];
}

/** Of an apply that leaves nothing for later. */
type Answer = Exclude<ApplyResult, { state: "asks" }>;

/** A step before the workload's sees in the pass after that it is ready. */
const SOON_READY_RECHECK_MS = 5_000;
/** Where no watch tells the end of a wait. */
const GARBAGE_COLLECTION_RECHECK_MS = 2_000;
export const FOREIGN_RECHECK_MS = 30_000;
/** Backstop where a watch does tell; a lost event must not stall a service. */
export const WATCHED_RECHECK_MS = 30_000;
/** Of a wait, as a step reports it. */
export const WATCHED = { recheckMs: WATCHED_RECHECK_MS, watched: true } as const;

/**
 * Makes exactly `desired` of the step's kinds true: applies each, then deletes what the service owns of these kinds and no longer wants.
 * Undefined: all as desired. Otherwise the first thing that stands in the way.
 */
export async function applySet(scope: Scope, set: KindSet, desired: readonly KubeObject[]): Promise<StepReport | undefined> {
  const adoption = set.adoption === undefined || isWorkloadReady(scope) ? "now" : "later";
  const { problem, asking } = await applyEach(scope, desired, adoption);
  await removeOthers(scope, set, desired);
  return problem ?? (asking.length === 0 ? undefined : waitingForPods(scope, asking));
}

/** Applies each. */
export async function applyEach(scope: Scope, desired: readonly KubeObject[], adoption: Adoption): Promise<Applied> {
  const asking: KubeObject[] = [];
  let problem: StepReport | undefined;
  for (const object of desired) {
    const result = await scope.children.apply(scope.owner, object, adoption);
    if (result.state === "asks") asking.push(object);
    else problem = note(scope, object, result) ?? problem;
  }
  return { problem, asking };
}

/** Deletes what the service owns of the step's kinds beside `desired`. */
export async function removeOthers(scope: Scope, set: KindSet, desired: readonly KubeObject[]): Promise<void> {
  const wanted = new Set(desired.map((o) => `${o.apiVersion} ${o.kind} ${o.metadata.name}`));
  for (const { ref } of scope.children.owned(scope.owner, set.kinds))
    if (!wanted.has(`${ref.apiVersion} ${ref.kind} ${ref.name}`)) await scope.children.remove(scope.owner, ref);
}

/** Applies one child, notes it in the status and what was repaired; undefined when it is as desired. */
export async function applyOne(scope: Scope, object: KubeObject): Promise<StepReport | undefined> {
  return (await applyEach(scope, [object], "now")).problem;
}

/** As this pass found it; in a step before the workload's, as the pass before did. */
function isWorkloadReady({ reports, previous }: Scope): boolean {
  const report = reports.get("WorkloadReady");
  if (report) return report.state === "ready";
  return previous.some(({ type, status }) => type === "WorkloadReady" && status === "True");
}

function waitingForPods({ world, service }: Scope, asking: readonly KubeObject[]): StepReport {
  return {
    state: "progressing",
    reason: "WaitingForPods",
    message: willBeTakenOver(asking),
    ...(world.pods(service.key).some(({ ready }) => ready) ? { recheckMs: SOON_READY_RECHECK_MS } : WATCHED),
    waitsFor: ["WorkloadReady"],
  };
}

/** As `Service web asks to be taken over: …`. */
export function willBeTakenOver(asking: readonly KubeObject[]): string {
  const names = asking.map(({ kind, metadata }) => `${kind} ${metadata.name}`).toSorted();
  return `${joined(names, ", ")} ${names.length === 1 ? "asks" : "ask"} to be taken over: left as it is until the service's pods are ready, so that nobody is left without any`;
}

function note(scope: Scope, object: KubeObject, result: Answer): StepReport | undefined {
  const report = reportOf(object, result, scope.service.key.name);
  const { kind, metadata } = object;
  const what = `${kind} ${metadata.name}`;
  if (result.state === "repaired") scope.corrections.push({ kind, name: metadata.name, what });
  if (result.state === "adopted") scope.adopted.push(what);
  if (result.state !== "apiMissing" && !(result.state === "withheld" && result.found === "absent"))
    scope.resources.push({
      group: groupOf(object.apiVersion),
      kind: object.kind,
      name: object.metadata.name,
      state: stateOf(result, report),
    });
  return report;
}

function reportOf(object: KubeObject, result: Answer, service: string): StepReport | undefined {
  const name = `${object.kind} ${object.metadata.name}`;
  switch (result.state) {
    case "unchanged":
    case "created":
    case "updated":
    case "repaired":
    case "adopted":
      return undefined;
    // Named by the pass that withholds it; what else the step has is looked at all the same.
    case "withheld":
      return undefined;
    case "foreign":
      return {
        state: "blocked",
        reason: "NotOwned",
        message: `${name} exists and is not ours (${result.holder}): delete or rename it, ${result.free ? `annotate it with ${ANNOTATIONS.adoptBy}: ${service} to have it taken over, ` : ""}or rename this service`,
        recheckMs: FOREIGN_RECHECK_MS,
      };
    case "unadoptable":
      return {
        state: "blocked",
        reason: "CannotBeAdopted",
        message: `${name} asks to be taken over, and cannot be: ${result.obstacle}`,
        recheckMs: FOREIGN_RECHECK_MS,
      };
    case "waitingForGarbageCollection":
      return {
        state: "progressing",
        reason: "WaitingForGarbageCollection",
        message: `${name} of an earlier service of this name is being deleted: delete it, or see what its metadata.finalizers wait for, if it stays`,
        recheckMs: GARBAGE_COLLECTION_RECHECK_MS,
      };
    case "apiMissing":
      return notServed(result.api);
    case "mutatedByAdmission":
      return mutatedByAdmission(name, result.paths);
    default:
      return unreachable(result);
  }
}

/** `api`: as `Rollout (argoproj.io/v1alpha1)`. */
export function notServed(api: string): StepReport {
  return {
    state: "blocked",
    reason: "ApiMissing",
    message: `the API server does not serve ${api}: install its CustomResourceDefinition`,
    recheckMs: FOREIGN_RECHECK_MS,
  };
}

/** `name`: with its kind. */
export function mutatedByAdmission(name: string, paths: readonly string[]): StepReport {
  return {
    state: "blocked",
    reason: "MutatedByAdmission",
    message: `admission rewrites ${name} at ${joined(paths, ", ")}: exempt objects of platform-operator from that policy; it is written again when either side changes, or when the service's annotation ${ANNOTATIONS.reconcileAt} has a new value`,
  };
}

function stateOf(result: Answer, report: StepReport | undefined): OwnedResource["state"] {
  return result.state === "withheld" ? "Blocked" : resourceState(report ?? { state: "ready" });
}

/** For `status.resources`. */
export function resourceState({ state }: StepReport): OwnedResource["state"] {
  if (state === "ready") return "Ready";
  return state === "progressing" ? "Progressing" : "Blocked";
}

/** The API group of an apiVersion; empty for the core group. */
export function groupOf(apiVersion: string): string {
  return apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
}

/** Deletes everything of the step's kinds that the service owns; gone once the watches have seen it go. */
export async function removeSet(scope: RemoveScope, set: KindSet): Promise<RemovalReport> {
  const leaving: string[] = [];
  for (const { ref } of scope.children.owned(scope.owner, set.kinds)) {
    const removal = await scope.children.remove(scope.owner, ref);
    if (removal === "deleting" || removal === "withheld") leaving.push(`${ref.kind} ${ref.name}`);
  }
  if (leaving.length === 0) return { state: "gone" };
  return { state: "deleting", message: `waits for ${joined(leaving.toSorted(), ", ")} to be gone`, recheckMs: WATCHED_RECHECK_MS };
}
