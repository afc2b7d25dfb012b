import type { Violation } from "../../crds/desired.ts";
import type { Statement } from "../../crds/platform-service.ts";
import { inlinePolicy } from "./inline-policy.ts";
import { noIdentityAction, noWildcardAction, wellFormedAction, wellFormedDeniedAction } from "./rules/actions.ts";
import { knownOperator, noRepeatedCondition, wellFormedConditionKey } from "./rules/conditions.ts";
import { boundedAssumeRole, boundedPassRole } from "./rules/escalation.ts";
import { noOtherAccount, noWildcardResource, wellFormedDeniedResource, wellFormedResource, withinTenancy } from "./rules/resources.ts";
import { violation, type PolicyRule, type VettingContext } from "./rules/rule.ts";

/** IAM's quota on the inline policies of one role together, in characters that are no white space (IAM user guide, quotas). */
const MAX_POLICY_CHARACTERS = 10_240;

const CONDITION_RULES: readonly PolicyRule[] = [knownOperator, wellFormedConditionKey, noRepeatedCondition];

const ALLOW_RULES: readonly PolicyRule[] = [
  noWildcardAction,
  wellFormedAction,
  noIdentityAction,
  boundedPassRole,
  boundedAssumeRole,
  noWildcardResource,
  wellFormedResource,
  noOtherAccount,
  withinTenancy,
  ...CONDITION_RULES,
];

/** A Deny only takes away: it may be as wide as it likes. */
const DENY_RULES: readonly PolicyRule[] = [wellFormedDeniedAction, wellFormedDeniedResource, ...CONDITION_RULES];

/**
 * Every reason why a squad's policy may not be written; empty: it may. Called before anything of it reaches AWS; the
 * permissions boundary is the second line, not the first. NotAction, NotResource and Principal cannot be written at all: the
 * schema has no such fields.
 */
export function vetPolicy(statements: readonly Statement[], context: VettingContext): readonly Violation[] {
  const perStatement = statements.flatMap((statement) =>
    (statement.effect === "Allow" ? ALLOW_RULES : DENY_RULES).flatMap((rule) => rule(statement, context) ?? []),
  );
  return [...perStatement, ...repeatedSids(statements), ...tooLarge(statements, context)];
}

function repeatedSids(statements: readonly Statement[]): Violation[] {
  const repeated = statements.filter(({ sid }, i) => statements.findIndex((other) => other.sid === sid) < i);
  return repeated.map((statement) =>
    violation(statement, "sid", { reason: "RepeatedSid", text: "has a sid that another statement has; IAM wants each once: rename one" }),
  );
}

function tooLarge(statements: readonly Statement[], { ofPlatform }: VettingContext): Violation[] {
  const characters = JSON.stringify(inlinePolicy(statements, ofPlatform)).replaceAll(/\s/g, "").length;
  if (characters <= MAX_POLICY_CHARACTERS) return [];
  return [
    {
      field: "spec.aws.policy.statements",
      reason: "PolicyTooLarge",
      message: `the policy has ${characters} characters and IAM takes ${MAX_POLICY_CHARACTERS}; name fewer resources, or cover them by a pattern that the tenancy allows`,
    },
  ];
}
