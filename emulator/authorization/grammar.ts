/**
 * What AWS refuses as MalformedPolicyDocument: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html.
 * The sentences are AWS's where they are public knowledge.
 */
import { isOperator } from "./conditions.ts";
import { parsePolicy, PolicySyntaxError, type Policy, type Principals, type Statement } from "./policy-document.ts";

const ACTION = /^(\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+)$/;
const SID = /^[A-Za-z0-9]*$/;

function refuse(sentence: string): never {
  throw new PolicySyntaxError(sentence);
}

function checkActions({ actions, notActions }: Statement): void {
  if (actions !== undefined && notActions !== undefined) refuse("Syntax errors in policy.");
  const listed = actions ?? notActions;
  if (listed === undefined || listed.length === 0) refuse("Policy statement must contain actions.");
  for (const action of listed) {
    if (ACTION.test(action)) continue;
    if (!action.includes(":")) refuse("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
    refuse(`Actions/Condition can contain only one colon, and no other than letters, digits, * and ?: ${action}`);
  }
}

function checkResources({ resources, notResources }: Statement): void {
  if (resources !== undefined && notResources !== undefined) refuse("Syntax errors in policy.");
  const listed = resources ?? notResources;
  if (listed === undefined || listed.length === 0) refuse("Policy statement must contain resources.");
  for (const resource of listed) {
    if (resource === "*") continue;
    if (!resource.startsWith("arn:") && !resource.startsWith("*") && !resource.startsWith("${")) {
      refuse(`Resource ${resource} must be in ARN format or "*".`);
    }
    if (resource.startsWith("arn:") && resource.split(":").length < 6) refuse(`Resource ${resource} must be in ARN format or "*".`);
  }
}

function checkCommon(policy: Policy): void {
  const sids = policy.statements.flatMap(({ sid }) => (sid === undefined || sid === "" ? [] : [sid]));
  if (new Set(sids).size !== sids.length) refuse("Statement IDs (SID) in a single policy must be unique.");
  for (const statement of policy.statements) {
    checkActions(statement);
    for (const { operator, key } of statement.conditions) {
      if (!isOperator(operator)) refuse(`Invalid Condition type : ${operator}.`);
      if (!key.includes(":"))
        refuse(`Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc. The condition key ${key} is not.`);
    }
  }
}

function checkSids(policy: Policy, sentence: string): void {
  for (const { sid } of policy.statements) if (sid !== undefined && !SID.test(sid)) refuse(sentence);
}

/** A policy that is attached to an identity. Throws PolicySyntaxError. */
export function parseIdentityPolicy(document: string): Policy {
  const policy = parsePolicy(document);
  for (const statement of policy.statements) {
    if (statement.principals !== undefined || statement.notPrincipals !== undefined)
      refuse("Policy document should not specify a principal.");
    checkResources(statement);
  }
  checkCommon(policy);
  checkSids(policy, "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*");
  return policy;
}

const TRUST_ACTION =
  /^sts:(\*|assumerole|assumerolewithsaml|assumerolewithwebidentity|tagsession|setsourceidentity|setcontext|getfederationtoken|assume[a-z*]*\*)$/i;

/** What a trust policy's principals are checked against. */
export interface KnownPrincipals {
  /** Whether AWS would find this principal: `kind` AWS is an account, root or ARN in our account; Federated an OIDC or SAML provider's ARN. */
  exists(kind: Principals["named"][number]["kind"], value: string): boolean;
}

function checkPrincipals(principals: Principals, known: KnownPrincipals): void {
  for (const { kind, value } of principals.named) {
    if (value === "*" && kind === "AWS") continue;
    if (!known.exists(kind, value)) refuse(`Invalid principal in policy: "${kind}":"${value}"`);
  }
}

/** A role's trust policy. Throws PolicySyntaxError. */
export function parseTrustPolicy(document: string, known: KnownPrincipals): Policy {
  const policy = parsePolicy(document);
  for (const statement of policy.statements) {
    if (statement.resources !== undefined || statement.notResources !== undefined) refuse("Has prohibited field Resource");
    const principals = statement.principals ?? statement.notPrincipals;
    if (principals === undefined) refuse("Missing required field Principal");
    if (statement.notPrincipals !== undefined && statement.effect === "Allow") refuse("Allow with NotPrincipal is not allowed.");
  }
  checkCommon(policy);
  checkSids(policy, "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*");
  for (const { actions, notActions, principals, notPrincipals } of policy.statements) {
    for (const action of actions ?? notActions ?? []) {
      if (!TRUST_ACTION.test(action)) refuse("AssumeRole policy may only specify STS AssumeRole actions.");
    }
    const named = principals ?? notPrincipals;
    if (named !== undefined) checkPrincipals(named, known);
  }
  return policy;
}

/** A repository's policy: needs a principal, has no resource. Throws PolicySyntaxError. */
export function parseRepositoryPolicy(document: string, known: KnownPrincipals): Policy {
  const policy = parsePolicy(document);
  checkCommon(policy);
  for (const statement of policy.statements) {
    if (statement.resources !== undefined || statement.notResources !== undefined) refuse("Has prohibited field Resource");
    const principals = statement.principals ?? statement.notPrincipals;
    if (principals === undefined) refuse("Missing required field Principal");
    checkPrincipals(principals, known);
  }
  return policy;
}

/** The size AWS counts against its quotas: white space is free. */
export function countedCharacters(document: string): number {
  return document.replaceAll(/\s/g, "").length;
}
