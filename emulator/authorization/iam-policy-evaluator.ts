/**
 * Decides whether policies allow a call. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 * An explicit deny wins; otherwise identity policies must allow, and a boundary and a session policy, where there are any, must too.
 */
import { conditionHolds, type ContextKeys } from "./conditions.ts";
import { matchesAction, matchesPattern } from "./match.ts";
import type { Policy, Statement } from "./policy-document.ts";

export interface AccessRequest {
  /** As `iam:CreateRole`. */
  readonly action: string;
  /** An ARN, or `*` for an action that has no resource. */
  readonly resource: string;
  readonly keys: ContextKeys;
}

export type Decision =
  | { readonly effect: "allow"; readonly by: readonly StatementMatch[] }
  | { readonly effect: "explicitDeny"; readonly by: readonly StatementMatch[] }
  | { readonly effect: "implicitDeny" };

/** A statement that applied, and the action pattern of it that did. */
export interface StatementMatch {
  readonly policy: Policy;
  readonly statement: Statement;
  readonly pattern: string;
}

/** Replaces `${aws:…}` by the request's value; undefined when the request has none, and then the statement does not apply. */
function substitute(text: string, policy: Policy, keys: ContextKeys): string | undefined {
  if (policy.version !== "2012-10-17" || !text.includes("${")) return text;
  let missing = false;
  const replaced = text.replaceAll(/\$\{([^}]*)\}/g, (_, expression: string) => {
    if (expression === "*" || expression === "?" || expression === "$") return expression;
    const [name = "", fallback] = expression.split(",").map((part) => part.trim());
    const values = keys.get(name.toLowerCase());
    const value = values?.length === 1 ? values[0] : undefined;
    if (value === undefined && fallback === undefined) missing = true;
    return value ?? fallback?.replaceAll("'", "") ?? "";
  });
  return missing ? undefined : replaced;
}

function matchedAction({ actions, notActions }: Statement, action: string): string | undefined {
  if (actions !== undefined) return actions.find((pattern) => matchesAction(pattern, action));
  if (notActions === undefined || notActions.some((pattern) => matchesAction(pattern, action))) return undefined;
  return `NotAction ${notActions.join(", ")}`;
}

function matchesResource(policy: Policy, { resources, notResources }: Statement, { resource, keys }: AccessRequest): boolean {
  const matches = (pattern: string): boolean => {
    const text = substitute(pattern, policy, keys);
    return text !== undefined && matchesPattern(text, resource);
  };
  if (resources !== undefined) return resources.some(matches);
  return notResources === undefined || !notResources.some(matches);
}

/** Whether every condition of a statement holds, policy variables replaced. */
export function conditionsHold(policy: Policy, statement: Statement, keys: ContextKeys): boolean {
  return statement.conditions.every((condition) => {
    const values = condition.values.flatMap((value) => substitute(value, policy, keys) ?? []);
    return conditionHolds({ ...condition, values }, keys);
  });
}

function applying(policies: readonly Policy[], request: AccessRequest): StatementMatch[] {
  return policies.flatMap((policy) =>
    policy.statements.flatMap((statement) => {
      const pattern = matchedAction(statement, request.action);
      if (pattern === undefined || !matchesResource(policy, statement, request)) return [];
      return conditionsHold(policy, statement, request.keys) ? [{ policy, statement, pattern }] : [];
    }),
  );
}

/** The decision of one set of policies, as a union: the identity's, or a resource's with its principals already matched. */
export function evaluate(policies: readonly Policy[], request: AccessRequest): Decision {
  const matches = applying(policies, request);
  const denials = matches.filter(({ statement }) => statement.effect === "Deny");
  if (denials.length > 0) return { effect: "explicitDeny", by: denials };
  return matches.length > 0 ? { effect: "allow", by: matches } : { effect: "implicitDeny" };
}

/** Policies of one caller. */
export interface Grants {
  readonly identity: readonly Policy[];
  /** Each must allow too: a permissions boundary, a session policy. */
  readonly limits: readonly Policy[];
}

/** The decision on a caller's policies and the limits on them. */
export function evaluateGrants({ identity, limits }: Grants, request: AccessRequest): Decision {
  const decision = evaluate(identity, request);
  for (const limit of limits) {
    const limited = evaluate([limit], request);
    if (limited.effect === "explicitDeny") return limited;
    if (limited.effect === "implicitDeny" && decision.effect === "allow") return limited;
  }
  return decision;
}
