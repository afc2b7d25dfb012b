import type { Condition, StepCondition } from "../../crds/conditions.ts";
import { API_VERSION, SERVICE_FINALIZER, type ObjectKey } from "../../crds/meta.ts";
import type { PlatformService, PlatformServiceStatus } from "../../crds/platform-service.ts";
import { pauseOf, reconcileRequestOf, suspensionOf } from "../../crds/requests.ts";
import { joined } from "../../resources/bounded-text.ts";
import type { Owner, PrimaryWriter } from "../ports.ts";
import { readOnlyPass } from "./read-only.ts";
import { ensureAll, outcomeOf, removeAll, type OnThrow, type Pending } from "../runner.ts";
import type { Outcome, StepReport } from "../step.ts";
import { nothingYet, type OwnedResource, type Ports, type RemoveScope, type Scope } from "./scope.ts";
import { judge, whyNotRun } from "./spec-valid.ts";
import { computeStatus, conditionsOf, deletionStatus, statusDiffers, tellsOfDeletion } from "./status.ts";
import { REMOVAL_ORDER, STEPS } from "./steps.ts";

/** What a pass did that people are told of. Left behind: the service goes on without them, and nobody takes them away, since the platform team said so. */
export type Done = Pick<Scope, "corrections" | "adopted" | "leftBehind">;

/** What a pass tells the world: events and metrics come from these, never from inside a step. */
export interface PassListener {
  /** Before the status is written, which may fail; no later pass would know of it. */
  acted(stored: PlatformService, done: Done): void;
  /** Once the status is written; also when nothing changed, and of a deletion that is not told yet: then both are what would be written. */
  passed(stored: PlatformService, before: readonly Condition[], after: readonly Condition[]): void;
  /** The finalizer is off: nothing of it is left but what `retained` names. */
  deleted(stored: PlatformService, retained: readonly OwnedResource[]): void;
  gone(key: ObjectKey): void;
  threw: OnThrow;
}

export interface ReconcilerDeps extends Ports {
  readonly writer: PrimaryWriter<PlatformService>;
  readonly listener: PassListener;
  /** The service as last seen; undefined when it is gone. */
  readonly read: (key: ObjectKey) => PlatformService | undefined;
}

/** One pass over one service (architecture.md, One pass). */
export async function reconcileService(deps: ReconcilerDeps, key: ObjectKey): Promise<Outcome> {
  const stored = deps.read(key);
  if (!stored) {
    forget(deps, key);
    deps.listener.gone(key);
    return { state: "settled" };
  }
  const finalizers = stored.metadata.finalizers ?? [];
  if (stored.metadata.deletionTimestamp !== undefined) {
    return finalizers.includes(SERVICE_FINALIZER) ? removeService(deps, stored) : { state: "settled" };
  }
  if (!finalizers.includes(SERVICE_FINALIZER)) {
    await deps.writer.setFinalizers(stored, [...finalizers, SERVICE_FINALIZER]);
    return { state: "recheck", afterMs: 0, because: "the finalizer is stored" };
  }
  return ensureService(deps, stored);
}

async function ensureService(deps: ReconcilerDeps, stored: PlatformService): Promise<Outcome> {
  const now = deps.now();
  const owner = ownerOf(stored);
  const readOnly = suspensionOf(stored, now) && readOnlyPass(deps);
  if (readOnly) deps.budget.withdraw(stored.spec.tier, owner.key);
  if (isAskedAfresh(stored)) {
    forget(deps, owner.key);
    deps.children.forget(owner.key);
    deps.holds.forget(owner.key);
  }
  const reports = new Map<StepCondition, StepReport>();
  const tier = deps.world.tier(stored.spec.tier);
  const verdict = judge(stored, deps.world, deps.config);
  let scope: Scope | undefined;
  if (verdict.state === "valid") {
    reports.set("SpecValid", validReport(stored, verdict.waived, now));
    const { namespaceLabels } = verdict;
    const service = { ...verdict.service, broughtPods: verdict.service.broughtPods || hasBroughtPods(deps, owner.key) };
    scope = {
      ...deps,
      ...readOnly?.hands,
      stored,
      service,
      namespaceLabels,
      owner,
      ...nothingYet(),
      previous: conditionsOf(stored),
      reports,
    };
    await ensureAll(readOnly ? STEPS.map((step) => readOnly.naming(step)) : STEPS, scope, reports, deps.listener.threw);
    deps.listener.acted(stored, scope);
  } else {
    reports.set("SpecValid", verdict.report);
  }
  const status = computeStatus({
    stored,
    reports,
    scope,
    tier,
    configHash: deps.configHash,
    now,
    notRun: whyNotRun(verdict),
    errorBudgets: deps.errorBudgets,
  });
  await writeStatus(deps, stored, status);
  deps.listener.passed(stored, conditionsOf(stored), status.conditions ?? []);
  const pause = pauseOf(stored, now);
  const outcome = outcomeOf(reports, (condition) =>
    waitedMs(condition, { before: conditionsOf(stored), after: status.conditions ?? [], now }),
  );
  return pause.state === "until" ? dueBy(outcome, Math.max(pause.at - deps.now(), 1)) : outcome;
}

/** For how long a condition has been as it is; 0 where this pass found another reason, or another spec. */
function waitedMs(
  condition: StepCondition,
  { before, after, now }: { readonly before: readonly Condition[]; readonly after: readonly Condition[]; readonly now: number },
): number {
  const was = before.find(({ type }) => type === condition);
  const is = after.find(({ type }) => type === condition);
  if (is === undefined || was?.reason !== is.reason || was.observedGeneration !== is.observedGeneration) return 0;
  return now - Date.parse(is.lastTransitionTime);
}

/** A workload that was brought makes pods until it is let go, and they run until they are replaced. */
function hasBroughtPods({ holds, world }: ReconcilerDeps, key: ObjectKey): boolean {
  return holds.held(key).length > 0 || world.pods(key).some((pod) => pod.brought && pod.identity !== undefined);
}

/** `reconcile-at` has a value that no pass has acted on. */
function isAskedAfresh(stored: PlatformService): boolean {
  const request = reconcileRequestOf(stored);
  return request !== undefined && request !== stored.status?.lastHandledReconcileAt;
}

/** An annotation is not the schema's to refuse: a pause that cannot be read breaks a rule of the spec's, and loudly. */
function validReport(stored: PlatformService, waived: readonly string[], now: number): StepReport {
  const pause = pauseOf(stored, now);
  if (pause.state !== "malformed") return { state: "ready", reason: "Valid", ...(waived.length > 0 && { message: joined(waived) }) };
  const { field, reason, message } = pause.violation;
  return { state: "blocked", reason, message: `${field}: ${message}` };
}

/** Whatever else: another pass when the pause is over. */
function dueBy(outcome: Outcome, ms: number): Outcome {
  switch (outcome.state) {
    case "settled":
      return { state: "recheck", afterMs: ms, because: "PausedUntil" };
    case "recheck":
      return outcome.afterMs <= ms ? outcome : { state: "recheck", afterMs: ms, because: "PausedUntil" };
    case "retry":
      return { ...outcome, atLatestMs: ms };
    default:
      return outcome satisfies never;
  }
}

async function removeService(deps: ReconcilerDeps, stored: PlatformService): Promise<Outcome> {
  const owner = ownerOf(stored);
  const key = owner.key;
  const scope: RemoveScope = { ...deps, key, owner, stored, retained: [] };
  if (isOrphaned(deps, stored, owner)) {
    await retainAll(deps, stored, key);
    return finish(
      deps,
      stored,
      [...(stored.status?.resources ?? [])].map((r) => ({ ...r, state: "Retained" as const })),
    );
  }
  const pending = await removeAll(REMOVAL_ORDER, scope, deps.listener.threw);
  if (!pending) return finish(deps, stored, scope.retained);
  const { step, report } = pending;
  const now = deps.now();
  const status = deletionStatus(stored, pendingWords(pending), now);
  const conditions = status.conditions ?? [];
  const untoldMs = report.state === "deleting" ? untilToldMs(stored, now) : 0;
  if (untoldMs > 0) {
    // Metrics cost no write, and must not count it as Ready; events tell of what is written.
    deps.listener.passed(stored, conditions, conditions);
  } else {
    await writeStatus(deps, stored, status);
    deps.listener.passed(stored, conditionsOf(stored), conditions);
  }
  if (report.state === "failed") return { state: "retry", afterMs: report.retryAfterMs, because: report.reason };
  const afterMs = untoldMs > 0 ? Math.min(report.recheckMs, untoldMs) : report.recheckMs;
  return { state: "recheck", afterMs, because: `deleting: ${step}` };
}

/** Most deletions are over before anybody could read what they wait for, and a status is the dearest write there is. */
const TOLD_AFTER_MS = 10_000;

/** Until people are told what the deletion waits for; 0: they are told now, or were told of an earlier wait or failure, which must not stay. */
function untilToldMs(stored: PlatformService, now: number): number {
  const { deletionTimestamp } = stored.metadata;
  if (deletionTimestamp === undefined || tellsOfDeletion(stored)) return 0;
  return Math.max(0, Date.parse(deletionTimestamp) + TOLD_AFTER_MS - now);
}

async function finish(deps: ReconcilerDeps, stored: PlatformService, retained: readonly OwnedResource[]): Promise<Outcome> {
  const { namespace, name } = stored.metadata;
  const others = (stored.metadata.finalizers ?? []).filter((f) => f !== SERVICE_FINALIZER);
  const result = await deps.writer.setFinalizers(stored, others);
  forget(deps, { namespace, name });
  const { repository } = stored.status ?? {};
  if (repository !== undefined) deps.images.forget(repository.arn);
  if (result === "written") deps.listener.deleted(stored, retained);
  return { state: "settled" };
}

function forget(
  { roles, existingRoles, repositories, existingRepositories, associations, rulesNamespaces, appMesh, routesOfRouter }: ReconcilerDeps,
  key: ObjectKey,
): void {
  roles.forgetOwnedBy(key);
  existingRoles.forget(key);
  repositories.forgetOwnedBy(key);
  existingRepositories.forget(key);
  associations.forgetOwnedBy(key);
  rulesNamespaces.forgetOwnedBy(key);
  appMesh.forgetOwnedBy(key);
  routesOfRouter.forget(key);
}

/**
 * `kubectl delete --cascade=orphan`: everything is kept, AWS too. The garbage collector takes its own finalizer off when it has released the
 * children; a ServiceAccount of ours that has lost its ownerReference still tells, when the operator was away meanwhile.
 */
function isOrphaned(deps: ReconcilerDeps, stored: PlatformService, owner: Owner): boolean {
  if ((stored.metadata.finalizers ?? []).includes("orphan")) return true;
  return deps.children.released(owner, { apiVersion: "v1", kind: "ServiceAccount", ...owner.key });
}

/** As deletionPolicy Retain has it: what can outlive a service is noted to do so on purpose. */
async function retainAll({ roles, repositories }: ReconcilerDeps, { status }: PlatformService, owner: ObjectKey): Promise<void> {
  for (const { group, kind, name } of status?.resources ?? [])
    for (const { resource } of [roles, repositories])
      if (resource.group === group && resource.kind === kind) await resource.retain?.({ name, owner });
}

function pendingWords({ step, report }: Pending): { reason: string; message: string; stalled: boolean } {
  switch (report.state) {
    case "deleting":
      return { reason: "Deleting", message: `${step}: ${report.message}`, stalled: false };
    case "failed":
      return { reason: report.reason, message: `being deleted; ${step}: ${report.message}`, stalled: false };
    case "blocked":
      return { reason: report.reason, message: `being deleted; ${step}: ${report.message}`, stalled: true };
    default:
      return report satisfies never;
  }
}

async function writeStatus(deps: ReconcilerDeps, stored: PlatformService, status: PlatformServiceStatus): Promise<void> {
  if (statusDiffers(stored.status, status)) await deps.writer.writeStatus(stored, status);
}

function ownerOf(stored: PlatformService): Owner {
  const { namespace, name, uid } = stored.metadata;
  return { apiVersion: API_VERSION, kind: "PlatformService", key: { namespace, name }, uid };
}
