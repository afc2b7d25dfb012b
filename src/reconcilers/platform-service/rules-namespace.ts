import type { PlatformService } from "../../crds/platform-service.ts";
import { buildRulesNamespace, rulesNamespaceName } from "../../resources/slo/rule-file.ts";
import type { Converged } from "../converge.ts";
import type { RulesNamespaceObserved } from "../ports.ts";
import type { RemovalReport, StepReport } from "../step.ts";
import {
  describeDifferences,
  EXTERNAL_RECHECK_MS,
  foreignReport,
  notAsWritten,
  noteExternal,
  removeExternal,
  UNDER_WAY_RECHECK_MS,
  WITHHELD,
} from "./external.ts";
import { holds, type OwnedResource, type RemoveScope, type Scope } from "./scope.ts";

/**
 * The rules of a service in Amazon Managed Service for Prometheus. What its status lists in a workspace that the configuration does not name is left there, and told once:
 * nothing else is called than the workspace that is named.
 */

/** Made as desired; taken away where the rules are delivered otherwise, or there are none. Undefined: so it is. */
export async function ensureRulesNamespace(scope: Scope): Promise<StepReport | undefined> {
  const { service, config } = scope;
  const name = rulesNamespaceName(service.key, config);
  if (name === undefined) return undefined;
  return buildRulesNamespace(service, config) === undefined ? retire(scope, name) : converge(scope);
}

/** What is in no workspace of the configuration's: the status written by this pass lists it no more. */
export function leaveOtherWorkspaces(scope: Scope): void {
  scope.leftBehind.push(...inOtherWorkspaces(scope, rulesNamespaceName(scope.service.key, scope.config)));
}

/**
 * For `status.resources`: what was listed in the workspace and this pass did not come to, or got no answer about. As long as it may be there it is listed: whoever takes the workspace
 * from the configuration is told what stays in it.
 */
export function listedInWorkspace(scope: Scope): readonly OwnedResource[] {
  const { reports, resources, service, config } = scope;
  if (holds({ reports }, "SLOsReady")) return [];
  const name = rulesNamespaceName(service.key, config);
  return listed(scope)
    .filter((one) => one.name === name && !resources.some(({ group }) => group === one.group))
    .map((one) => ({ ...one, state: "Progressing" }));
}

/** Of a service that is being deleted. */
export async function removeRulesNamespace(scope: RemoveScope): Promise<RemovalReport> {
  const name = rulesNamespaceName(scope.key, scope.config);
  scope.retained.push(...inOtherWorkspaces(scope, name));
  return name === undefined ? { state: "gone" } : removeExternal(scope, scope.rulesNamespaces, { name });
}

async function converge(scope: Scope): Promise<StepReport | undefined> {
  const { rulesNamespaces, service, config } = scope;
  const desired = buildRulesNamespace(service, config);
  if (desired === undefined) return undefined;
  const { name } = desired;
  const result = await rulesNamespaces.converge(desired);
  if (result.state === "asDesired") return takenIn(scope, name, result);
  if (result.state === "stuck" && result.observed.status === "failed") return takenIn(scope, name, { ...result, corrected: [] });
  noteExternal(scope, rulesNamespaces.resource, name, result);
  switch (result.state) {
    case "foreign":
      return foreignReport(scope, "rule groups namespace", { name, owner: result.owner });
    case "withheld":
      return WITHHELD;
    case "stuck":
      return notAsWritten("rule groups namespace", name, result.differences);
    default:
      return result satisfies never;
  }
}

/** It is there, with our rules; whether they are in force AWS tells later. What it failed at has just been written again. */
function takenIn(
  scope: Scope,
  name: string,
  { observed, corrected }: Pick<Extract<Converged<RulesNamespaceObserved>, { state: "asDesired" }>, "observed" | "corrected">,
): StepReport | undefined {
  const { rulesNamespaces } = scope;
  const { kind } = rulesNamespaces.resource;
  const rewritten = corrected.find(({ field }) => field === "status");
  const failure = rewritten?.observed ?? (observed.status === "failed" ? `failed: ${observed.statusReason ?? ""}` : undefined);
  const drift = corrected.filter((difference) => difference !== rewritten);
  if (drift.length > 0) scope.corrections.push({ kind, name, what: `${kind} ${name}: ${describeDifferences(drift)}` });
  const inForce = observed.status === "ACTIVE";
  note(scope, name, failure !== undefined ? "Failed" : inForce ? "Ready" : "Progressing");
  if (!inForce) rulesNamespaces.forget(name);
  if (failure !== undefined) {
    return {
      state: "blocked",
      reason: "RulesNotTakenIn",
      message: `Amazon Managed Service for Prometheus did not take in rule groups namespace ${name} (${failure}): raise the workspace's quota, or change what the reason names; it is written again every minute`,
      recheckMs: EXTERNAL_RECHECK_MS,
    };
  }
  if (inForce) return undefined;
  return {
    state: "progressing",
    reason: "RulesUnderWay",
    message: `Amazon Managed Service for Prometheus takes in rule groups namespace ${name}`,
    recheckMs: UNDER_WAY_RECHECK_MS,
  };
}

async function retire(scope: Scope, name: string): Promise<StepReport | undefined> {
  const removal = await scope.rulesNamespaces.retire({ name, owner: scope.service.key });
  switch (removal.state) {
    case "gone":
    case "foreign":
      return undefined;
    case "withheld":
      note(scope, name, "Blocked");
      return WITHHELD;
    case "deleting":
      note(scope, name, "Progressing");
      return {
        state: "progressing",
        reason: "RulesUnderWay",
        message: `waits for rule groups namespace ${name} to be gone`,
        recheckMs: UNDER_WAY_RECHECK_MS,
      };
    case "blocked":
      note(scope, name, "Blocked");
      return { ...removal, recheckMs: EXTERNAL_RECHECK_MS };
    default:
      return removal satisfies never;
  }
}

function note({ rulesNamespaces, resources }: Scope, name: string, state: OwnedResource["state"]): void {
  const { group, kind } = rulesNamespaces.resource;
  resources.push({ group, kind, name, state });
}

function inOtherWorkspaces(scope: Listing, name: string | undefined): readonly OwnedResource[] {
  return listed(scope)
    .filter((one) => one.name !== name)
    .map((one) => ({ ...one, state: "Retained" }));
}

interface Listing {
  readonly stored: PlatformService;
  readonly rulesNamespaces: Pick<Scope["rulesNamespaces"], "resource">;
}

function listed({ stored, rulesNamespaces }: Listing): readonly OwnedResource[] {
  return (stored.status?.resources ?? []).filter(({ group }) => group === rulesNamespaces.resource.group);
}
