import { wayOut } from "../../crds/aws-names.ts";
import type { Difference, Identified } from "../../crds/desired.ts";
import type { StepCondition } from "../../crds/conditions.ts";
import { isAbandoned } from "../../crds/requests.ts";
import { unreachable } from "../conditions.ts";
import type { Converged, Converger, FirstCall } from "../converge.ts";
import type { ExternalRemoval } from "../ports.ts";
import type { RemovalReport, StepReport } from "../step.ts";
import type { OwnedResource, RemoveScope, ResourceRef, Scope } from "./scope.ts";

/** What the AWS steps share: how an outcome is said, noted in the status, and undone. */

/** AWS tells nobody when a foreign object goes. */
export const EXTERNAL_RECHECK_MS = 60_000;
/** What AWS has taken in and is still at takes it seconds. */
export const UNDER_WAY_RECHECK_MS = 3_000;

/** Lists the object in the status and counts what was put back. */
export function noteExternal(
  scope: Scope,
  resource: { readonly group: string; readonly kind: string },
  name: string,
  result: Converged<unknown>,
): void {
  // What is not there is nothing that it owns.
  if (result.state === "withheld" && result.observed === undefined) return;
  const { group, kind } = resource;
  if (result.state !== "asDesired") {
    scope.resources.push({ group, kind, name, state: "Blocked" });
    return;
  }
  const { seenAs } = result;
  scope.resources.push({ group, kind, name, state: "Ready", ...(READ_AT_ONCE.has(kind) && seenAs !== undefined && { seenAs }) });
  if (result.corrected.length === 0) return;
  scope.corrections.push({ kind: resource.kind, name, what: `${resource.kind} ${name}: ${describeDifferences(result.corrected)}` });
}

/** Kinds that a process that begins reads in bulk (docs/adr/0037-restart.md). */
const READ_AT_ONCE: ReadonlySet<string> = new Set(["Role", "Repository"]);

/**
 * Of a service that has had none of that name, as its status says: it is made without a look. `condition`: of the step that keeps it; what the status says that it was seen as counts only
 * if that step held for this very spec, since what was begun for another may not have come to its end.
 */
export function firstCall(
  scope: Scope,
  condition: StepCondition,
  { resource, name }: { readonly resource: Pick<OwnedResource, "group" | "kind">; readonly name: string },
): FirstCall {
  const listed = listedAs(scope.stored.status?.resources ?? [], { group: resource.group, kind: resource.kind, name });
  if (listed === undefined) return "create";
  return listed.seenAs !== undefined && heldAsSpecified(scope, condition) ? { seenAs: listed.seenAs } : "read";
}

/** What a list of resources says of one. */
export function listedAs<R extends ResourceRef>(resources: readonly R[], { group, kind, name }: ResourceRef): R | undefined {
  return resources.find((one) => one.group === group && one.kind === kind && one.name === name);
}

/** Whether the last pass over this very generation found the condition True. */
export function heldAsSpecified({ previous, stored }: Pick<Scope, "previous" | "stored">, condition: StepCondition): boolean {
  const { status, observedGeneration } = previous.find(({ type }) => type === condition) ?? {};
  return status === "True" && observedGeneration === stored.metadata.generation;
}

export type BlockedReport = Extract<StepReport, { state: "blocked" }>;

/** `what`: its kind, as people call it. */
export function foreignReport(
  { service, config }: Scope,
  what: string,
  { name, owner }: { readonly name: string; readonly owner: string },
): BlockedReport {
  return {
    state: "blocked",
    reason: "NotOwned",
    message: `${what} ${name} exists and is not ours (${owner}): ${wayOut(owner, service.key, config)}`,
    recheckMs: EXTERNAL_RECHECK_MS,
  };
}

/** Of an object that was only looked at; what differs of it the pass names (read-only.ts). */
export const WITHHELD: StepReport = { state: "suspended", message: "not written while suspended" };

/** `what`: its kind, as people call it; `differences`: those that AWS cannot change. */
export function notAsWritten(what: string, name: string, differences: readonly Difference[]): StepReport {
  return {
    state: "failed",
    reason: "NotAsWritten",
    message: `${what} ${name} still differs after an update: ${describeDifferences(differences)}`,
  };
}

/** The fields that differ, in one line. */
export function describeDifferences(differences: readonly Difference[]): string {
  return differences.map((d) => `${d.field} is ${d.observed}, should be ${d.desired}`).join("; ");
}

/** Deletes an AWS object of a service that is being deleted. What the platform team lets go of is left, and named. */
export async function removeExternal<D extends Identified, O>(
  scope: RemoveScope,
  converger: Converger<D, O>,
  { name, force = false }: { readonly name: string; readonly force?: boolean },
): Promise<RemovalReport> {
  const { group, kind } = converger.resource;
  if (isAbandoned(scope.stored, { group, kind, name })) return leaveBehind(scope, { group, kind, name });
  converger.forget(name);
  return externalRemoval(await converger.resource.delete({ name, owner: scope.key, force }), `${kind} ${name}`);
}

/** Leaves an AWS object of a service that is being deleted, as its spec asks, and notes that on it: whoever finds it knows that it was not forgotten. */
export async function retainExternal<D extends Identified, O>(
  scope: RemoveScope,
  converger: Converger<D, O>,
  { name, message }: { readonly name: string; readonly message: string },
): Promise<RemovalReport> {
  const { resource } = converger;
  const { group, kind } = resource;
  if (!isAbandoned(scope.stored, { group, kind, name })) await resource.retain?.({ name, owner: scope.key });
  // It differs now from what a service of that name wants.
  converger.forget(name);
  scope.retained.push({ group, kind, name, state: "Retained" });
  return { state: "retained", message };
}

/** Nobody takes it away any more: who asked for that is told what it was, when the service is gone. */
export function leaveBehind({ retained }: RemoveScope, resource: ResourceRef): RemovalReport {
  retained.push({ ...resource, state: "Retained" });
  return { state: "retained", message: `${resource.kind} ${resource.name} is left behind` };
}

/** What is not ours is not ours to delete: to this service it is gone. */
function externalRemoval(removal: ExternalRemoval, what: string): RemovalReport {
  switch (removal.state) {
    case "gone":
    case "foreign":
      return { state: "gone" };
    case "deleting":
      return { state: "deleting", message: `waits for ${what} to be gone`, recheckMs: UNDER_WAY_RECHECK_MS };
    case "blocked":
      return { state: "blocked", reason: removal.reason, message: removal.message, recheckMs: EXTERNAL_RECHECK_MS };
    default:
      return unreachable(removal);
  }
}
