import type { PolicyStatement, Violation } from "../../../crds/desired.ts";
import type { Statement } from "../../../crds/platform-service.ts";
import type { WaivableRule } from "../../../crds/policy-rules.ts";

/** What a policy is judged against: the account it lives in, and what the configuration lets the namespace name. */
export interface VettingContext {
  readonly accountId: string;
  readonly region: string;
  /** Other accounts, in which roles may be assumed. */
  readonly trustedAccounts: readonly string[];
  /** ARN patterns of the namespace's `tenancy`. */
  readonly resourceArns: readonly string[];
  /** ARN patterns of roles and policies of IAM that are the platform's own. */
  readonly platformArns: readonly string[];
  /** Patterns of actions that are never allowed. Default: none. */
  readonly deniedActions?: readonly string[];
  /** Each allowed action is covered by a pattern of each of these lists. Default: no list. */
  readonly allowedActions?: readonly (readonly string[])[];
  /** Of the namespace. Default: none. */
  readonly waivers?: readonly Waiver[];
  /** What the platform adds to the policy; default: nothing. */
  readonly ofPlatform?: readonly PolicyStatement[];
}

/** A rule that does not hold for a statement whose every action and resource is covered. */
export interface Waiver {
  readonly rule: WaivableRule;
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly reason: string;
}

/** Judges one statement; undefined where it holds. */
export type PolicyRule = (statement: Statement, context: VettingContext) => Violation | undefined;

/** What is wrong, and with which statements: a waiver has to cover each. */
export interface Finding {
  /** First the one that is named. */
  readonly statements: readonly [Statement, ...Statement[]];
  readonly violation: Violation;
}

export type StatementField = "sid" | "actions" | "resources" | "conditions";

/** A violation of one statement's field; `text` follows "statement <sid> ". */
export function violation(
  statement: Statement,
  field: StatementField,
  rule: { readonly reason: string; readonly text: string },
): Violation {
  return {
    field: `spec.aws.policy.statements[${statement.sid}].${field}`,
    reason: rule.reason,
    message: `statement ${statement.sid} ${rule.text}`,
  };
}
