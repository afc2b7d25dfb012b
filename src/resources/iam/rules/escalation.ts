import type { Statement } from "../../../crds/platform-service.ts";
import { hasVariable, isRole, parseArnPattern } from "../arn.ts";
import { hasWildcard } from "../pattern.ts";
import { grants, isAssuming } from "./actions.ts";
import { violation, type PolicyRule } from "./rule.ts";

/** Rules about borrowing somebody else's rights. */

/** `iam:PassRole` names the role, and the one service that it may be passed to. */
export const boundedPassRole: PolicyRule = (statement) =>
  statement.actions.some((action) => grants(action, "iam:PassRole")) && !(namesRoles(statement) && limitsPassedService(statement))
    ? violation(statement, "actions", {
        reason: "PassRoleUnbounded",
        text: "grants iam:PassRole without bounds; name the role in resources, without wildcards, and the service it may be passed to in a condition: operator StringEquals, key iam:PassedToService, values [ecs-tasks.amazonaws.com]",
      })
    : undefined;

/** `sts:AssumeRole` names the roles. */
export const boundedAssumeRole: PolicyRule = (statement) =>
  statement.actions.some(isAssuming) && !namesRoles(statement)
    ? violation(statement, "resources", {
        reason: "AssumeRoleUnbounded",
        text: "grants becoming any role of a pattern; name each role in resources, without wildcards, as arn:aws:iam::111122223333:role/reports",
      })
    : undefined;

function namesRoles(statement: Statement): boolean {
  return statement.resources.every((resource) => {
    const arn = parseArnPattern(resource);
    return arn !== undefined && isRole(arn) && !hasWildcard(resource) && !hasVariable(resource);
  });
}

/** StringEquals alone: its IfExists form holds where the key is missing, and StringLike takes patterns. */
function limitsPassedService(statement: Statement): boolean {
  return (statement.conditions ?? []).some(
    ({ operator, key, values }) =>
      operator === "StringEquals" &&
      key.toLowerCase() === "iam:passedtoservice" &&
      !values.some((value) => hasWildcard(value) || hasVariable(value)),
  );
}
