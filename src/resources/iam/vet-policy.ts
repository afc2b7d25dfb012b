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
import { knownOperator, noRepeatedCondition, wellFormedConditionKey, writableConditionValue } from "./rules/conditions.ts";
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
import { violation, type Finding, type PolicyRule, type VettingContext, type Waiver } from "./rules/rule.ts";

/** IAM's quota on the inline policies of one role together, in characters that are no white space (IAM user guide, quotas). */
const MAX_POLICY_CHARACTERS = 10_240;

const CONDITION_RULES: readonly PolicyRule[] = [knownOperator, wellFormedConditionKey, writableConditionValue, noRepeatedCondition];

/** Of what a statement that allows is written as. */
const TEXT_RULES: readonly PolicyRule[] = [
  noWildcardAction,
  wellFormedAction,
  boundedPassRole,
  boundedAssumeRole,
  wellFormedResource,
  noneOfThePlatforms,
  noOtherAccount,
  withinTenancy,
  notDenied,
  allowed,
  ...CONDITION_RULES,
];

/** Of what it means, by AWS's list: of every action of a pattern, which is many, so asked only where a pattern may stand. */
const MEANING_RULES: readonly PolicyRule[] = [
  knownAction,
  noIdentityAction,
  noPermissionsManagement,
  noTakeover,
  noWildcardResource,
  noAccountWideWrite,
  actsOnItsResources,
  namedSecrets,
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
  // First and alone: what follows takes the longer, the more there is.
  const oversized = tooLarge(statements, context);
  if (oversized.length > 0) return { violations: oversized, waived: [] };
  const { waivers = [] } = context;
  const judged = (finding: Finding): Judged => ({ ...finding, waiver: waiverOf(finding.violation.reason, finding.statements, waivers) });
  const findings = (rules: readonly PolicyRule[], statement: Statement): readonly Judged[] =>
    findingsOf(rules, statement, context).map(judged);
  const denying = statements.filter(({ effect }) => effect === "Deny");
  const allowing = statements.filter(({ effect }) => effect === "Allow");
  const texts = allowing.map((statement) => ({ statement, found: findings(TEXT_RULES, statement) }));
  const readable = texts
    .filter(({ found }) => found.every(({ violation: { reason }, waiver }) => reason !== "WildcardAction" || waiver !== undefined))
    .map(({ statement }) => statement);
  const found = [
    ...texts.flatMap((text) => text.found),
    ...readable.flatMap((statement) => findings(MEANING_RULES, statement)),
    ...passedAndRun(readable).map(judged),
    ...denying.flatMap((statement) => findings(DENY_RULES, statement)),
  ];
  return {
    violations: [...found.filter(({ waiver }) => waiver === undefined).map((one) => one.violation), ...repeatedSids(statements)],
    waived: found.flatMap(({ statements: [{ sid }], waiver }) =>
      waiver === undefined ? [] : [`statement ${sid}: ${waiver.rule} is waived (${waiver.reason})`],
    ),
  };
}

/** `waiver`: what lets it be, if anything does. */
type Judged = Finding & { readonly waiver: Waiver | undefined };

function findingsOf(rules: readonly PolicyRule[], statement: Statement, context: VettingContext): readonly Finding[] {
  return rules.flatMap((rule) => {
    const found = rule(statement, context);
    return found === undefined ? [] : [{ statements: [statement], violation: found }];
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
