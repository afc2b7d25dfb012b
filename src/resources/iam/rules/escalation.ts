import type { Statement } from "../../../crds/platform-service.ts";
import { arnsOverlap, hasVariable, isEverything, isRole, parseArnPattern } from "../arn.ts";
import { actionsMatchingAny, type CatalogueAction } from "../catalogue.ts";
import { ENDINGS, servicesThatUse, TAKEOVERS } from "../escalation-paths.ts";
import { hasWildcard } from "../pattern.ts";
import { listed } from "../../order.ts";
import { grants, isAssuming, isIdentityName } from "./actions.ts";
import { violation, type Finding, type PolicyRule } from "./rule.ts";

/** Rules about borrowing somebody else's rights. */

/** `iam:PassRole` names the role, and the one service that it may be passed to. */
export const boundedPassRole: PolicyRule = (statement) =>
  isPassing(statement) && !(namesRoles(statement) && passedServices(statement) !== undefined)
    ? violation(statement, "actions", {
        reason: "PassRoleUnbounded",
        text: "grants iam:PassRole without bounds; name the role in resources, without wildcards, and the one service that it may be passed to in a condition: operator StringEquals, key iam:PassedToService, and as values that service, as [ecs-tasks.amazonaws.com]",
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

/** Nothing that acts with the rights of a role, or of somebody, that is there already. */
export const noTakeover: PolicyRule = (statement) => {
  const taken = TAKEOVERS.filter((action) => statement.actions.some((granted) => grants(granted, action)));
  return taken.length === 0
    ? undefined
    : violation(statement, "actions", {
        reason: "TakesOver",
        text: `grants ${listed(taken)}, by which one acts with the rights of a role that something else has: remove it and let a pipeline do it, or ask the platform team for a waiver`,
      });
};

/** The roles that the operator makes for services, the boundaries, and what else the platform calls its own. Of every role it is one of them. */
export const noneOfThePlatforms: PolicyRule = (statement, { platformArns }) => {
  const reachesRoles = statement.actions.some((action) => isAssuming(action) || grants(action, "iam:PassRole"));
  const named = statement.resources.filter((resource) => {
    const arn = parseArnPattern(resource);
    if (arn === undefined) return isEverything(resource) && reachesRoles;
    return arn.service === "iam" && platformArns.some((own) => arnsOverlap(own, arn));
  });
  return named.length === 0
    ? undefined
    : violation(statement, "resources", {
        reason: "PlatformsOwn",
        text: `names ${listed(named)}, which is or may be a role or policy that the platform keeps; name a role outside ${listed(platformArns)}`,
      });
};

/** Of all statements together: a role that one lets be passed is not used by what another starts. */
export function passedAndRun(statements: readonly Statement[]): readonly Finding[] {
  const passing = statements.filter(isPassing);
  if (passing.length === 0) return [];
  const running = statements.map((statement) => ({
    statement,
    actions: actionsMatchingAny(statement.actions)
      .filter(isRunning)
      .map(({ name }) => name),
  }));
  return passing.flatMap((passed) => {
    const services = usersOf(passed);
    return running.flatMap(({ statement, actions }): readonly Finding[] => {
      const run = actions.filter((name) => services === undefined || services.includes(serviceOf(name)));
      if (run.length === 0) return [];
      const text = `grants ${listed(run)}, and statement ${passed.sid} iam:PassRole${unreviewed(passed, run)}: together they run something with the rights of the role that is passed; keep the one that the service needs while it runs and let a pipeline do the other, or ask the platform team for a waiver of both statements`;
      return [{ statements: [statement, passed], violation: violation(statement, "actions", { reason: "PassesAndRuns", text }) }];
    });
  });
}

/** Services by whose actions the role is used that the statement lets be passed. Undefined: it may be any's. */
function usersOf(passed: Statement): readonly string[] | undefined {
  const users = passedServices(passed)?.map(servicesThatUse);
  return users?.every((services) => services !== undefined) ? users.flat() : undefined;
}

/** Why an action of a service that the role does not look to be passed to counts; empty where that needs no word. */
function unreviewed(passed: Statement, run: readonly string[]): string {
  const to = passedServices(passed)?.filter((principal) => servicesThatUse(principal) === undefined) ?? [];
  const looksIt = run.some((name) => to.some((principal) => principal.startsWith(`${serviceOf(name)}.`)));
  return to.length === 0 || looksIt ? "" : ` to ${listed(to)}, whose roles any service may use for all that is known here`;
}

function serviceOf(action: string): string {
  return action.slice(0, action.indexOf(":"));
}

function isRunning({ name, access }: CatalogueAction): boolean {
  return access.includes("Write") && !ENDINGS.test(name) && !isIdentityName(name);
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
