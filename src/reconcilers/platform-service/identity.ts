import { permittedBoundaries } from "../../crds/aws-names.ts";
import { existingRoleName } from "../../resources/iam/existing-role.ts";
import { buildRole, roleName } from "../../resources/iam/role.ts";
import type { Step, StepReport } from "../step.ts";
import { useExistingRole } from "./existing-role.ts";
import {
  EXTERNAL_RECHECK_MS,
  firstCall,
  foreignReport,
  notAsWritten,
  noteExternal,
  removeExternal,
  retainExternal,
  WITHHELD,
} from "./external.ts";
import { neededModes } from "./identity-modes.ts";
import { neededMeshes } from "./needed-meshes.ts";
import type { RemoveScope, Scope } from "./scope.ts";

/** The IAM role that the service's pods assume: its own, as written; or one that others own, verified. */
export const identityStep: Step<Scope, RemoveScope> = {
  name: "identity",
  condition: "IdentityReady",

  async ensure(scope) {
    const arn = scope.service.spec.aws?.existingRole;
    return arn === undefined ? ensureOwnRole(scope) : useExistingRole(scope, arn);
  },

  async remove(scope) {
    const { roles, stored, key, config } = scope;
    const { group, kind } = roles.resource;
    const name = roleName(key, config);
    const existing = stored.spec.aws?.existingRole;
    if (existing !== undefined) scope.retained.push({ group, kind, name: existingRoleName(existing), state: "Retained" });
    if (stored.spec.aws?.deletionPolicy === "Retain") {
      // Beside an existing role there need be none of its own.
      if (existing !== undefined && (await roles.resource.observe({ name, owner: key })).state !== "present") return { state: "gone" };
      return retainExternal(scope, roles, { name, message: `IAM role ${name} is kept: deletionPolicy Retain` });
    }
    return removeExternal(scope, roles, { name });
  },
};

/** The role exists, is ours, and trust, policies, boundary and tags are as written. */
async function ensureOwnRole(scope: Scope): Promise<StepReport> {
  const { roles, service, config } = scope;
  const desired = buildRole(service, config, { identityModes: neededModes(scope), meshes: neededMeshes(scope) });
  const result = await roles.converge(desired, firstCall(scope, identityStep.condition, { resource: roles.resource, name: desired.name }));
  noteExternal(scope, roles.resource, desired.name, result);
  if (result.state === "foreign") return foreignReport(scope, "IAM role", { name: desired.name, owner: result.owner });
  if (result.state === "withheld") {
    // What is compared later is compared as if the rest were written.
    if (result.observed !== undefined) scope.facts.roleArn = result.observed.arn;
    return WITHHELD;
  }
  const foreignBoundary = result.state === "stuck" ? result.observed.permissionsBoundaryArn : undefined;
  if (foreignBoundary !== undefined && !permittedBoundaries(config).includes(foreignBoundary)) {
    return {
      state: "blocked",
      reason: "BoundaryNotPermitted",
      message: `IAM role ${desired.name} carries the permissions boundary ${foreignBoundary}, which the operator's configuration does not list; its policies are taken off. Put ${desired.permissionsBoundaryArn} back, or list the other in identity.allowedBoundaryArns`,
      recheckMs: EXTERNAL_RECHECK_MS,
    };
  }
  if (result.state === "stuck") {
    return notAsWritten("IAM role", desired.name, result.differences);
  }
  scope.facts.roleArn = result.observed.arn;
  return { state: "ready", message: result.observed.arn };
}
