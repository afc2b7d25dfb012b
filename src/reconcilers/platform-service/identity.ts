import { permittedBoundaries } from "../../crds/aws-names.ts";
import { buildRole, roleName } from "../../resources/iam/role.ts";
import type { Step } from "../step.ts";
import { describeDifferences, EXTERNAL_RECHECK_MS, externalRemoval, foreignReport, noteExternal } from "./external.ts";
import type { RemoveScope, Scope } from "./scope.ts";

/** The IAM role that the service's pods assume: exists, is ours, and trust, policy, boundary and tags are as written. */
export const identityStep: Step<Scope, RemoveScope> = {
  name: "identity",
  condition: "IdentityReady",

  async ensure(scope) {
    const { roles, service, config } = scope;
    const desired = buildRole(service, config);
    const result = await roles.converge(desired);
    noteExternal(scope, roles.resource, desired.name, result);
    if (result.state === "foreign") return foreignReport("IAM role", desired.name, result.owner);
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
      return {
        state: "failed",
        reason: "NotAsWritten",
        message: `IAM role ${desired.name} still differs after an update: ${describeDifferences(result.differences)}`,
      };
    }
    scope.facts.roleArn = result.observed.arn;
    return { state: "ready", message: result.observed.arn };
  },

  async remove(scope) {
    const { roles, stored, key, config } = scope;
    const name = roleName(key, config);
    if (stored.spec.aws?.deletionPolicy === "Retain") {
      scope.retained.push({ group: roles.resource.group, kind: roles.resource.kind, name, state: "Retained" });
      return { state: "retained", message: `IAM role ${name} is kept: deletionPolicy Retain` };
    }
    roles.forget(name);
    return externalRemoval(await roles.resource.delete({ name, owner: key, force: false }));
  },
};
