import type { Statement } from "../../../crds/platform-service.ts";
import { arnsOverlap, hasVariable, isRole, parseArnPattern } from "../arn.ts";
import { LAUNCHES, TAKEOVERS } from "../escalation-paths.ts";
import { hasWildcard, matches } from "../pattern.ts";
import { listed } from "../../order.ts";
import { grants, isAssuming } from "./actions.ts";
import { violation, type Finding, type PolicyRule } from "./rule.ts";

/** Rules about borrowing somebody else's rights. */

/** `iam:PassRole` names the role, and the one service that it may be passed to. */
export const boundedPassRole: PolicyRule = (statement) =>
  isPassing(statement) && !(namesRoles(statement) && passedServices(statement) !== undefined)
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

/** Nothing that acts with the rights of a role which something else has. */
export const noTakeover: PolicyRule = (statement) => {
  const taken = Object.keys(TAKEOVERS).filter((action) => statement.actions.some((granted) => grants(granted, action)));
  const [first = ""] = taken;
  return taken.length === 0
    ? undefined
    : violation(statement, "actions", {
        reason: "TakesOver",
        text: `grants ${listed(taken)}; whoever may do ${first} acts with the rights ${TAKEOVERS[first] ?? ""}: remove it, and let a pipeline do it`,
      });
};

/** The roles that the operator makes for services, the boundaries, and what else the platform calls its own. */
export const noneOfThePlatforms: PolicyRule = (statement, { platformArns }) => {
  const named = statement.resources.filter((resource) => {
    const arn = parseArnPattern(resource);
    return arn !== undefined && arn.service === "iam" && platformArns.some((own) => arnsOverlap(own, arn));
  });
  return named.length === 0
    ? undefined
    : violation(statement, "resources", {
        reason: "PlatformsOwn",
        text: `names ${listed(named)}, which is or may be a role or policy that the platform keeps; name a role outside ${listed(platformArns)}`,
      });
};

/** Of all statements together: a role that one lets be passed is not run by what another starts. */
export function passedAndRun(statements: readonly Statement[]): readonly Finding[] {
  const allowing = statements.filter(({ effect }) => effect === "Allow");
  return allowing.filter(isPassing).flatMap((passing) => {
    const services = passedServices(passing);
    const launches = LAUNCHES.filter(({ principal }) => services === undefined || services.some((pattern) => matches(pattern, principal)));
    return allowing.flatMap((statement) => {
      const launched = launches
        .flatMap(({ actions }) => actions)
        .filter((action) => statement.actions.some((granted) => grants(granted, action)));
      if (launched.length === 0) return [];
      const text = `grants ${listed(launched)}, and statement ${passing.sid} iam:PassRole: together they run anything with the rights of the role that is passed; remove one of them, and let a pipeline do it`;
      return [{ statement, violation: violation(statement, "actions", { reason: "PassesAndRuns", text }) }];
    });
  });
}

function isPassing({ actions }: Statement): boolean {
  return actions.some((action) => grants(action, "iam:PassRole"));
}

function namesRoles(statement: Statement): boolean {
  return statement.resources.every((resource) => {
    const arn = parseArnPattern(resource);
    return arn !== undefined && isRole(arn) && !hasWildcard(resource) && !hasVariable(resource);
  });
}

/** StringEquals alone: its IfExists form holds where the key is missing, and StringLike takes patterns. Undefined: to any. */
function passedServices(statement: Statement): readonly string[] | undefined {
  const bound = (statement.conditions ?? []).find(
    ({ operator, key, values }) =>
      operator === "StringEquals" &&
      key.toLowerCase() === "iam:passedtoservice" &&
      !values.some((value) => hasWildcard(value) || hasVariable(value)),
  );
  return bound?.values;
}
