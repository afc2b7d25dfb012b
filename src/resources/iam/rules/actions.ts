import type { Statement } from "../../../crds/platform-service.ts";
import { hasWildcard, matches } from "../pattern.ts";
import { listed } from "../../order.ts";
import { violation, type PolicyRule } from "./rule.ts";

/** Rules about what a statement allows. IAM reads actions regardless of case, and so do these. */

const ACTION = /^[a-z0-9-]+:[A-Za-z0-9]+$/;
const ACTION_PATTERN = /^(\*|[a-z0-9-]+:[A-Za-z0-9*?]+)$/;

/** The actions of `sts` that a statement may grant: to become a role that it names. */
const ASSUMING_ACTIONS = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];

/**
 * Every allowed action is spelled out. A wildcard inside a name is refused as well as `*` and `s3:*`: what `dynamodb:Get*`
 * grants changes whenever AWS adds an action, with nobody having reviewed it.
 */
export const noWildcardAction: PolicyRule = (statement) => {
  const wild = statement.actions.filter(hasWildcard);
  return wild.length === 0
    ? undefined
    : violation(statement, "actions", {
        reason: "WildcardAction",
        text: `grants ${listed(wild)}; name each action that the service calls, as dynamodb:GetItem`,
      });
};

/** An allowed action reads `service:Action`; what is wild is the rule above's to say. */
export const wellFormedAction: PolicyRule = (statement) =>
  malformed(statement, (action) => !hasWildcard(action) && !ACTION.test(action), "s3:GetObject");

/** A denied action may be as wide as it likes, but has to be one. */
export const wellFormedDeniedAction: PolicyRule = (statement) =>
  malformed(statement, (action) => !ACTION_PATTERN.test(action), "s3:GetObject, s3:Put* or *");

function malformed(statement: Statement, isMalformed: (action: string) => boolean, example: string): ReturnType<PolicyRule> {
  const wrong = statement.actions.filter(isMalformed).map((action) => JSON.stringify(action));
  return wrong.length === 0
    ? undefined
    : violation(statement, "actions", {
        reason: "MalformedAction",
        text: `has ${listed(wrong)}; an action reads service:Action, as ${example}`,
      });
}

/** Identity is the platform's: a statement neither manages IAM nor makes credentials, save by the roles it names (see escalation.ts). */
export const noIdentityAction: PolicyRule = (statement) => {
  const identity = statement.actions.filter((action) =>
    isOf(action, "iam")
      ? !grants(action, "iam:PassRole")
      : isOf(action, "sts") && !isAssuming(action) && !grants(action, "sts:GetCallerIdentity"),
  );
  return identity.length === 0
    ? undefined
    : violation(statement, "actions", {
        reason: "IdentityAction",
        text: `grants ${listed(identity)}; roles, policies and credentials are the platform's: remove it, or ask the platform team`,
      });
};

/** Whether the action, which may hold wildcards, grants this one. */
export function grants(action: string, granted: string): boolean {
  return matches(action.toLowerCase(), granted.toLowerCase());
}

/** Whether the action grants becoming a role. */
export function isAssuming(action: string): boolean {
  return ASSUMING_ACTIONS.some((assuming) => grants(action, assuming));
}

function isOf(action: string, service: string): boolean {
  return action.toLowerCase().startsWith(`${service}:`);
}
