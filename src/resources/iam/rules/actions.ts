import type { Statement } from "../../../crds/platform-service.ts";
import { ACTION_PATTERN } from "../../../crds/policy-rules.ts";
import { actionsMatching, actionsMatchingAny, nearestAction, readsOnly, type CatalogueAction } from "../catalogue.ts";
import { LETTING_IN, RESOURCE_POLICY } from "../escalation-paths.ts";
import { isEverything } from "../arn.ts";
import { hasWildcard, matches } from "../pattern.ts";
import { listed } from "../../order.ts";
import { violation, type PolicyRule } from "./rule.ts";

/** Rules about what a statement allows. IAM reads actions regardless of case, and so do these. */

const ACTION = /^[a-z0-9-]+:[A-Za-z0-9]+$/;

/** The actions of `sts` that a statement may grant: to become a role that it names. */
const ASSUMING_ACTIONS = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];

/** Who a principal is, and who is in the organisation, is decided by these. */
const IDENTITY_SERVICES: ReadonlySet<string> = new Set([
  "account",
  "ds",
  "ds-data",
  "iam",
  "identity-sync",
  "identitystore",
  "iq-permission",
  "organizations",
  "rolesanywhere",
  "signin",
  "sso",
  "sso-directory",
  "sso-oauth",
  "sts",
]);

/** Of them: what says something of its caller alone, or is bounded by a rule of its own. */
const HARMLESS: ReadonlySet<string> = new Set([
  "iam:passrole",
  "sts:decodeauthorizationmessage",
  "sts:getcalleridentity",
  "sts:getservicebearertoken",
  ...ASSUMING_ACTIONS.map((action) => action.toLowerCase()),
]);

const PLATFORMS = "roles, policies and credentials are the platform's: remove it, or ask the platform team";

/** So many actions may be what a wildcard was written for. */
const FEW = 12;

/**
 * Every allowed action is spelled out. A wildcard inside a name is refused as well as `*` and `s3:*`: what `dynamodb:Get*`
 * grants changes whenever AWS adds an action, with nobody having reviewed it.
 */
export const noWildcardAction: PolicyRule = (statement) => {
  const wild = statement.actions.filter(hasWildcard);
  if (wild.length === 0) return undefined;
  const meant = actionsMatchingAny(wild);
  return violation(statement, "actions", {
    reason: "WildcardAction",
    text:
      meant.length > 0 && meant.every(isIdentityOrPassing)
        ? `grants ${listed(wild)}; ${PLATFORMS}`
        : `grants ${listed(wild)}${spelledOut(meant, statement)}`,
  });
};

/** What to write in place of a pattern of these actions: all that is wrong is said at once, as that they act on everything. */
function spelledOut(meant: readonly CatalogueAction[], { resources }: Statement): string {
  const names = meant.map(({ name }) => name);
  const actions =
    names.length > 0 && names.length <= FEW
      ? `; name each action that the service calls, of ${listed(names, FEW)}`
      : `, ${names.length} actions; name each action that the service calls, as dynamodb:GetItem`;
  return resources.some(isEverything) ? `${actions}, and in place of * the ARNs that they act on` : actions;
}

/** An allowed action reads `service:Action`; that its name is wild is the rule above's to say. */
export const wellFormedAction: PolicyRule = (statement) =>
  malformed(statement, (action) => !(hasWildcard(action) ? ACTION_PATTERN : ACTION).test(action), "s3:GetObject");

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

/** Operations of AWS's APIs that IAM knows by another action's name (AWS Service Authorization Reference; S3 user guide, Required permissions). */
const BY_ANOTHER_NAME: Readonly<Record<string, string>> = {
  "apigateway:invoke": "execute-api:Invoke",
  "bedrock:converse": "bedrock:InvokeModel",
  "bedrock:conversestream": "bedrock:InvokeModelWithResponseStream",
  "dynamodb:batchexecutestatement": "dynamodb:PartiQLSelect, PartiQLInsert, PartiQLUpdate or PartiQLDelete",
  "dynamodb:executestatement": "dynamodb:PartiQLSelect, PartiQLInsert, PartiQLUpdate or PartiQLDelete",
  "dynamodb:transactgetitems": "dynamodb:GetItem",
  "dynamodb:transactwriteitems": "dynamodb:PutItem, UpdateItem, DeleteItem or ConditionCheckItem",
  "kafka:connect": "kafka-cluster:Connect",
  "lambda:invoke": "lambda:InvokeFunction",
  "lambda:invokewithresponsestream": "lambda:InvokeFunction",
  "rds:connect": "rds-db:connect",
  "s3:completemultipartupload": "s3:PutObject",
  "s3:copyobject": "s3:GetObject with s3:PutObject",
  "s3:createmultipartupload": "s3:PutObject",
  "s3:getbucketencryption": "s3:GetEncryptionConfiguration",
  "s3:headbucket": "s3:ListBucket",
  "s3:headobject": "s3:GetObject",
  "s3:listbuckets": "s3:ListAllMyBuckets",
  "s3:listmultipartuploads": "s3:ListBucketMultipartUploads",
  "s3:listobjects": "s3:ListBucket",
  "s3:listobjectsv2": "s3:ListBucket",
  "s3:listobjectversions": "s3:ListBucketVersions",
  "s3:listparts": "s3:ListMultipartUploadParts",
  "s3:putbucketnotificationconfiguration": "s3:PutBucketNotification",
  "s3:selectobjectcontent": "s3:GetObject",
  "s3:uploadpart": "s3:PutObject",
  "s3:uploadpartcopy": "s3:GetObject with s3:PutObject",
  "sns:publishbatch": "sns:Publish",
};

/** AWS has it. Where none has, an allowed action grants nothing, and a denied one denies nothing: either is not what was meant. */
export const knownAction: PolicyRule = (statement) => {
  const unknown = statement.actions.filter((action) => ACTION_PATTERN.test(action) && actionsMatching(action).length === 0);
  if (unknown.length === 0) return undefined;
  const near = unknown.flatMap((action) => BY_ANOTHER_NAME[action.toLowerCase()] ?? nearestAction(action) ?? []);
  const fix =
    near.length > 0
      ? `write ${listed(near)}, if that is what is meant`
      : "look it up in AWS's Service Authorization Reference, where not every action is called as the operation of the API";
  return violation(statement, "actions", { reason: "UnknownAction", text: `has ${listed(unknown)}, which no service of AWS has; ${fix}` });
};

/** Identity is the platform's: a statement neither manages it nor makes credentials, save by the roles it names (see escalation.ts). */
export const noIdentityAction: PolicyRule = (statement) => {
  const identity = statement.actions.filter((action) => {
    const known = actionsMatching(action);
    return known.some(isIdentity) || (known.length === 0 && isIdentityName(action));
  });
  return identity.length === 0
    ? undefined
    : violation(statement, "actions", {
        reason: "IdentityAction",
        text: `grants ${listed(identity)}; ${PLATFORMS}`,
      });
};

/** Of IAM and STS also what only reads. */
function isIdentity(action: CatalogueAction): boolean {
  const { name } = action;
  if (!isIdentityName(name) || HARMLESS.has(name.toLowerCase())) return false;
  return /^(iam|sts):/.test(name) || !readsOnly(action);
}

/** A pattern of these alone is nothing that a service may spell out. */
function isIdentityOrPassing(action: CatalogueAction): boolean {
  return isIdentity(action) || action.name === "iam:PassRole";
}

/** The catalogue says of these that they manage permissions, and they use what is there. */
const USES: ReadonlySet<string> = new Set([
  "bedrock-agentcore:InvokeGateway",
  "managedblockchain:GET",
  "managedblockchain:Invoke",
  "managedblockchain:POST",
  "rds-db:connect",
]);

/** Who else may reach a resource is said where the resource is made. */
export const noPermissionsManagement: PolicyRule = (statement) => {
  const managing = actionsMatchingAny(statement.actions)
    .filter((action) => letsIn(action) && !isIdentityName(action.name))
    .map(({ name }) => name);
  return managing.length === 0
    ? undefined
    : violation(statement, "actions", {
        reason: "PermissionsManagement",
        text: `grants ${listed(managing)}, by which the service could let others at what it reaches; remove it: who may is for the code that makes the resource, as Terraform`,
      });
};

function letsIn({ name, access }: CatalogueAction): boolean {
  if (LETTING_IN.includes(name) || RESOURCE_POLICY.test(name)) return true;
  return access.includes("Permissions management") && !USES.has(name);
}

/** Whether the action is of a service that says who somebody is. */
export function isIdentityName(action: string): boolean {
  return IDENTITY_SERVICES.has(action.toLowerCase().split(":")[0] ?? "");
}

/** Whether the action, which may hold wildcards, grants this one. */
export function grants(action: string, granted: string): boolean {
  return matches(action.toLowerCase(), granted.toLowerCase());
}

/** Whether the action grants becoming a role. */
export function isAssuming(action: string): boolean {
  return ASSUMING_ACTIONS.some((assuming) => grants(action, assuming));
}
