import { IDENTITY_MODES } from "../../crds/effective.ts";
import { joined } from "../../resources/bounded-text.ts";
import { identityHash } from "../../resources/deployment.ts";
import { existingRoleName, verifyExistingRole } from "../../resources/iam/existing-role.ts";
import { roleArn, roleName } from "../../resources/iam/role.ts";
import type { StepReport } from "../step.ts";
import { EXTERNAL_RECHECK_MS } from "./external.ts";
import type { Scope } from "./scope.ts";

/** The identity of a service that runs under a role which others own: verified and used, never changed or deleted. */
export async function useExistingRole(scope: Scope, arn: string): Promise<StepReport> {
  const { existingRoles, service } = scope;
  const verdict = verifyExistingRole(arn, await existingRoles.read(service.key, existingRoleName(arn)), scope);
  if (verdict.state === "refused") {
    // Its owner mends it, and nobody tells us of that.
    existingRoles.forget(service.key);
    return { state: "blocked", reason: verdict.reason, message: verdict.message, recheckMs: EXTERNAL_RECHECK_MS };
  }
  scope.facts.roleArn = arn;
  const kept = await retireOwnRole(scope, arn);
  const remarks = [...(verdict.remarks.length > 0 ? [`its trust policy also has ${joined(verdict.remarks, ", ")}`] : []), ...kept];
  return {
    state: "ready",
    reason: verdict.remarks.length > 0 ? "TrustsOthers" : "Verified",
    message: [arn, ...remarks].join("; "),
  };
}

/** The role that the service had before: it goes when no pod runs under it any more. What keeps it, in words. */
async function retireOwnRole(scope: Scope, arn: string): Promise<readonly string[]> {
  const { roles, service, config } = scope;
  const name = roleName(service.key, config);
  if (service.spec.aws?.deletionPolicy === "Retain") {
    // Nobody keeps it as written meanwhile: should it be used again, it is read first.
    roles.forget(name);
    return [];
  }
  const identities = runningIdentities(scope);
  const own = roleArn(service.key, config);
  if (IDENTITY_MODES.some((mode) => identities.includes(identityHash(mode, own)))) {
    scope.resources.push({ group: roles.resource.group, kind: roles.resource.kind, name, state: "Progressing" });
    return [`the service's own role ${name} goes when no pod runs under it any more`];
  }
  if (identities.some((identity) => identity !== identityHash(service.identity, arn))) return [];
  const removal = await roles.retire({ name, owner: service.key });
  return removal.state === "blocked" ? [`the service's own role is not deleted: ${removal.message}`] : [];
}

/** Of every pod, and of the templates that more are made from; undefined stands for those that a rollout has yet to make. */
function runningIdentities({ world, service }: Scope): readonly (string | undefined)[] {
  const pods = world.pods(service.key).map(({ identity }) => identity);
  const templates = world.templates(service.key).flatMap(({ identity, rolledOut }) => [identity, ...(rolledOut ? [] : [undefined])]);
  return [...pods, ...templates];
}
