/** Whether a role's trust policy lets someone in. */
import { conditionsHold } from "../../authorization/iam-policy-evaluator.ts";
import type { ContextKeys } from "../../authorization/conditions.ts";
import { matchesAction } from "../../authorization/match.ts";
import { parsePolicy, type Policy, type PrincipalKind, type Principals, type Statement } from "../../authorization/policy-document.ts";

/** Who asks, as policies name them: an ARN and the account's root and number, or a provider. */
export interface Asking {
  readonly kind: PrincipalKind;
  readonly names: readonly string[];
}

function names(principals: Principals, { kind, names: asked }: Asking): boolean {
  if (principals.anyone && kind === "AWS") return true;
  return principals.named.some((principal) => principal.kind === kind && asked.includes(principal.value));
}

function applies(policy: Policy, statement: Statement, request: { action: string; asking: Asking; keys: ContextKeys }): boolean {
  const { actions, notActions, principals, notPrincipals } = statement;
  const byAction =
    actions?.some((pattern) => matchesAction(pattern, request.action)) ??
    !notActions?.some((pattern) => matchesAction(pattern, request.action));
  const byPrincipal =
    principals === undefined ? !names(notPrincipals ?? { anyone: false, named: [] }, request.asking) : names(principals, request.asking);
  return byAction && byPrincipal && conditionsHold(policy, statement, request.keys);
}

/** The decision of a trust policy. */
export function isTrusted(document: string, request: { action: string; asking: Asking; keys: ContextKeys }): boolean {
  const policy = parsePolicy(document);
  const applying = policy.statements.filter((statement) => applies(policy, statement, request));
  return applying.some(({ effect }) => effect === "Allow") && !applying.some(({ effect }) => effect === "Deny");
}
