import type { Violation } from "../../crds/desired.ts";
import type { Statement } from "../../crds/platform-service.ts";
import { inlinePolicy } from "./inline-policy.ts";
import {
  knownAction,
  noIdentityAction,
  noPermissionsManagement,
  noWildcardAction,
  wellFormedAction,
  wellFormedDeniedAction,
} from "./rules/actions.ts";
import { allowed, notDenied, waiverOf } from "./rules/configured.ts";
import { knownOperator, noRepeatedCondition, wellFormedConditionKey } from "./rules/conditions.ts";
import { boundedAssumeRole, boundedPassRole, noneOfThePlatforms, noTakeover, passedAndRun } from "./rules/escalation.ts";
import {
  actsOnItsResources,
  namedSecrets,
  noAccountWideWrite,
  noOtherAccount,
  noWildcardResource,
  wellFormedDeniedResource,
  wellFormedResource,
  withinTenancy,
} from "./rules/resources.ts";
import { violation, type Finding, type PolicyRule, type VettingContext } from "./rules/rule.ts";

/** IAM's quota on the inline policies of one role together, in characters that are no white space (IAM user guide, quotas). */
const MAX_POLICY_CHARACTERS = 10_240;

const CONDITION_RULES: readonly PolicyRule[] = [knownOperator, wellFormedConditionKey, noRepeatedCondition];

const ALLOW_RULES: readonly PolicyRule[] = [
  noWildcardAction,
  wellFormedAction,
  knownAction,
  noIdentityAction,
  noPermissionsManagement,
  noTakeover,
  boundedPassRole,
  boundedAssumeRole,
  noWildcardResource,
  noAccountWideWrite,
  wellFormedResource,
  actsOnItsResources,
  namedSecrets,
  noneOfThePlatforms,
  noOtherAccount,
  withinTenancy,
  notDenied,
  allowed,
  ...CONDITION_RULES,
];

/** A Deny only takes away: it may be as wide as it likes. */
const DENY_RULES: readonly PolicyRule[] = [wellFormedDeniedAction, knownAction, wellFormedDeniedResource, ...CONDITION_RULES];

export interface Vetting {
  /** Every reason why the policy may not be written; empty: it may. */
  readonly violations: readonly Violation[];
  /** Rules that would refuse it and are waived, each with the reason that the configuration gives. */
  readonly waived: readonly string[];
}

/**
 * Judges a squad's policy before anything of it reaches AWS; the permissions boundary is the second line, not the first. NotAction, NotResource and Principal
 * cannot be written at all: the schema has no such fields.
 */
export function vetPolicy(statements: readonly Statement[], context: VettingContext): Vetting {
  const found = [...statements.flatMap((statement) => findingsOf(statement, context)), ...passedAndRun(statements)];
  const { waivers = [] } = context;
  const judged = found.map(({ statement, violation: one }) => ({ statement, one, waiver: waiverOf(one.reason, statement, waivers) }));
  return {
    violations: [
      ...judged.filter(({ waiver }) => waiver === undefined).map(({ one }) => one),
      ...repeatedSids(statements),
      ...tooLarge(statements, context),
    ],
    waived: judged.flatMap(({ statement, waiver }) =>
      waiver === undefined ? [] : [`statement ${statement.sid}: ${waiver.rule} is waived (${waiver.reason})`],
    ),
  };
}

function findingsOf(statement: Statement, context: VettingContext): readonly Finding[] {
  const rules = statement.effect === "Allow" ? ALLOW_RULES : DENY_RULES;
  return rules.flatMap((rule) => {
    const found = rule(statement, context);
    return found === undefined ? [] : [{ statement, violation: found }];
  });
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
