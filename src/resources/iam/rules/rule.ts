import type { PolicyStatement, Violation } from "../../../crds/desired.ts";
import type { Statement } from "../../../crds/platform-service.ts";

/** What a policy is judged against: the account it lives in, and what the configuration lets the namespace name. */
export interface VettingContext {
  readonly accountId: string;
  readonly region: string;
  /** Other accounts, in which roles may be assumed. */
  readonly trustedAccounts: readonly string[];
  /** ARN patterns of the namespace's `tenancy`. */
  readonly resourceArns: readonly string[];
  /** What the platform adds to the policy; default: nothing. */
  readonly ofPlatform?: readonly PolicyStatement[];
}

/** Judges one statement; undefined where it holds. */
export type PolicyRule = (statement: Statement, context: VettingContext) => Violation | undefined;

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
