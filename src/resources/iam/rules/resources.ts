import { partitionOf } from "../../../crds/aws-names.ts";
import type { Statement } from "../../../crds/platform-service.ts";
import { arnCovers, arnsOverlap, isEverything, isRole, parseArnPattern, type ArnPattern } from "../arn.ts";
import { actionsMatching, actionsMatchingAny, readsOnly, type CatalogueAction } from "../catalogue.ts";
import { listed } from "../../order.ts";
import { hasWildcard, overlaps } from "../pattern.ts";
import { isAssuming, isIdentityName } from "./actions.ts";
import { violation, type PolicyRule, type VettingContext } from "./rule.ts";

/** Rules about what a statement reaches. */

/**
 * What changes something, has no resource, and is about its caller's own data alone: measurements, an answer that a token in the call belongs to, a document that
 * the call brings. Lower case.
 */
const HARMLESS_WRITES: ReadonlySet<string> = new Set([
  "application-signals:startdiscovery",
  "aws-marketplace:batchmeterusage",
  "aws-marketplace:meterusage",
  "aws-marketplace:registerusage",
  "aws-marketplace:resolvecustomer",
  "bedrock:rerank",
  "bedrock:retrieveandgenerate",
  "chime:createmeeting",
  "cloudwatch:putmetricdata",
  "kms:generaterandom",
  "lakeformation:getdataaccess",
  "license-manager:checkoutlicense",
  "rekognition:startcelebrityrecognition",
  "rekognition:startcontentmoderation",
  "rekognition:startfacedetection",
  "rekognition:startlabeldetection",
  "rekognition:startpersontracking",
  "rekognition:startsegmentdetection",
  "rekognition:starttextdetection",
  "states:sendtaskfailure",
  "states:sendtaskheartbeat",
  "states:sendtasksuccess",
  "transcribe:startmedicaltranscriptionjob",
  "transcribe:startstreamtranscription",
  "transcribe:starttranscriptionjob",
  "textract:startdocumentanalysis",
  "textract:startdocumenttextdetection",
  "textract:startexpenseanalysis",
  "textract:startlendinganalysis",
  "xray:putspans",
  "xray:puttelemetryrecords",
  "xray:puttracesegments",
]);

/** The catalogue has a resource for these that a call may name and need not. Lower case. */
const OPTIONAL_RESOURCE: ReadonlySet<string> = new Set([
  "ce:getcostandusage",
  "ce:getcostforecast",
  "ce:getdimensionvalues",
  "ce:gettags",
  "cloudwatch:describealarms",
  "cloudwatch:getmetricdata",
  "cloudwatch:listmetrics",
  "cloudwatch:putmetricdata",
  "comprehend:detectentities",
  "comprehend:detectsentiment",
  "glue:getschemaversion",
  "polly:synthesizespeech",
  "rekognition:detectmoderationlabels",
  "translate:translatetext",
]);

/** `*` only where AWS has nothing narrower. */
export const noWildcardResource: PolicyRule = (statement, context) => {
  if (!statement.resources.some(isEverything)) return undefined;
  // Of what the catalogue has not, nobody knows.
  const unknown = statement.actions.filter((action) => actionsMatching(action).length === 0);
  if (unknown.length > 0)
    return violation(statement, "resources", {
      reason: "WildcardResource",
      text: `grants ${listed(unknown)} on every resource; name the ARNs`,
    });
  const narrowable = granted(statement).filter(hasResource);
  const [first] = narrowable;
  return first === undefined
    ? undefined
    : violation(statement, "resources", {
        reason: "WildcardResource",
        text: `grants ${names(narrowable)} on every resource; name the ARNs, as ${exampleArn(first, context)}, and put actions that have no resource into a statement of their own`,
      });
};

/** What has no resource is done to the whole account. */
export const noAccountWideWrite: PolicyRule = (statement) => {
  const wide = granted(statement).filter(
    (action) => !hasResource(action) && !readsOnly(action) && !HARMLESS_WRITES.has(action.name.toLowerCase()),
  );
  // What lets others in, and identity, is another rule's to say.
  const said = wide.filter(({ name, access }) => !access.includes("Permissions management") && !isIdentityName(name));
  return said.length === 0
    ? undefined
    : violation(statement, "actions", {
        reason: "AccountWideWrite",
        text: `grants ${names(said)}, which AWS can bound by no resource and so changes what is all services' in the account; remove it, and let the code that makes the account do it`,
      });
};

/** What a statement allows acts on one of its resources: otherwise it is silently not allowed. */
export const actsOnItsResources: PolicyRule = (statement, context) => {
  if (statement.resources.some(isEverything)) return undefined;
  const arns = scoped(statement.resources).map(({ arn }) => arn);
  if (arns.length < statement.resources.length) return undefined;
  // By the shape of an ARN, which many actions share.
  const reached = new Map<string, boolean>();
  const isReached = (template: string): boolean => {
    const known = reached.get(template) ?? arns.some((arn) => arnsOverlap(template, arn));
    reached.set(template, known);
    return known;
  };
  const acts = (action: CatalogueAction): boolean => action.arns.some(isReached);
  // Of a pattern one that acts is enough.
  const idle = statement.actions
    .map(actionsMatching)
    .filter((matching) => !matching.some(acts))
    .flat();
  const [first] = idle;
  if (first === undefined) return undefined;
  const fix = !hasResource(first) ? `"*" in a statement of its own, since ${first.name} needs no resource` : exampleArn(first, context);
  return violation(statement, "resources", {
    reason: "NothingToActOn",
    text: `grants ${names(idle)}, which acts on none of its resources; write ${fix}`,
  });
};

/** Secrets, parameters and keys are named, or begin with so much that not all of them do. */
export const namedSecrets: PolicyRule = (statement) => {
  if (!granted(statement).some(({ name }) => /^(secretsmanager|ssm|kms):/.test(name))) return undefined;
  const all = scoped(statement.resources).filter(({ arn }) => namesEvery(arn) && !isNarrowed(statement, arn.service));
  return all.length === 0
    ? undefined
    : violation(statement, "resources", {
        reason: "EverySecret",
        text: `names ${listed(all.map(({ text }) => text))}, which may be every secret, parameter or key that there is; begin the name by three characters, as secret:tracking/*; of a key write its id, or key/* with the condition operator ForAnyValue:StringEquals, key kms:ResourceAliases, values [alias/tracking]`,
      });
};

function namesEvery({ service, resource }: ArnPattern): boolean {
  if (service === "secretsmanager") return hasWildcard(resource) && !/^secret:[^*?]{3}/.test(resource);
  // Parameters below a path are read at once; that of all of them needs no wildcard.
  if (service === "ssm")
    return (
      /^parameter\/?$/.test(resource) ||
      (hasWildcard(resource) && overlaps("parameter*", resource) && !/^parameter\/?[^*?/]{3}/.test(resource))
    );
  return service === "kms" && hasWildcard(resource);
}

/** By a condition that names: one that holds where the key is missing, or by a pattern of everything, does not. */
function isNarrowed({ conditions = [] }: Statement, service: string): boolean {
  return conditions.some(({ operator, key, values }) => {
    const byAlias = service === "kms" && /^kms:(RequestAlias|ResourceAliases)$/i.test(key);
    const isNamed = /^(ForAnyValue:)?String(Equals|Like)$/.test(operator) && values.every((value) => /^[^*?$]{3}/.test(value));
    return isNamed && (byAlias || /^aws:ResourceTag\/.+$/i.test(key));
  });
}

/** Reads as an ARN whose partition and service are spelled out. */
export const wellFormedResource: PolicyRule = (statement, context) =>
  malformed(statement, context, (arn) => /^aws[a-z-]*$/.test(arn.partition) && /^[a-z0-9-]+$/.test(arn.service));

/** A denied resource reads as an ARN of any width. */
export const wellFormedDeniedResource: PolicyRule = (statement, context) => malformed(statement, context, () => true);

/** White space, and what a policy document cannot hold (policyDocumentType). */
const NOT_IN_ARN = /[^\u0021-\u00ff]|\s/;

function malformed(statement: Statement, context: VettingContext, holds: (arn: ArnPattern) => boolean): ReturnType<PolicyRule> {
  const wrong = statement.resources.filter((resource) => {
    const arn = parseArnPattern(resource);
    return !isEverything(resource) && (arn === undefined || NOT_IN_ARN.test(resource) || isTangled(resource) || !holds(arn));
  });
  return wrong.length === 0
    ? undefined
    : violation(statement, "resources", {
        reason: "MalformedResource",
        text: `has ${listed(wrong.map((resource) => JSON.stringify(resource)))}; a resource reads arn:partition:service:region:account:resource with partition and service spelled out and at most ten wildcards, as arn:aws:dynamodb:${context.region}:${context.accountId}:table/shipments`,
      });
}

/**
 * The account is this one, spelled out; or none, as in a bucket's ARN, which tenancy alone judges. Roles of a trusted account may be assumed, by a statement
 * that allows nothing else: what is done there is then done under rights that the account itself gave.
 */
export const noOtherAccount: PolicyRule = (statement, { accountId, trustedAccounts }) => {
  const assumable = statement.actions.every(isAssuming) ? trustedAccounts : [];
  const others = scoped(statement.resources).filter(
    ({ arn }) => arn.account !== "" && arn.account !== accountId && !(isRole(arn) && assumable.includes(arn.account)),
  );
  if (others.length === 0) return undefined;
  const trust = statement.actions.some(isAssuming)
    ? `; roles to assume may be of accounts that the platform team lists under identity.trustedAccounts (now ${listed(trustedAccounts) || "none"}), in a statement that allows nothing else`
    : "";
  return violation(statement, "resources", {
    reason: "OtherAccount",
    text: `reaches outside account ${accountId} by ${listed(others.map(({ text }) => text))}; write ${accountId} as the account, or remove it${trust}`,
  });
};

/** Everything that the resource matches is matched by one pattern of the namespace's tenancy: region, account and all. */
export const withinTenancy: PolicyRule = (statement, { resourceArns }) => {
  const outside = scoped(statement.resources).filter(({ arn }) => !resourceArns.some((allowed) => arnCovers(allowed, arn)));
  if (outside.length === 0) return undefined;
  const said = `names ${listed(outside.map(({ text }) => text))}`;
  const text =
    resourceArns.length === 0
      ? `${said}, but the configuration gives this namespace no resources; ask the platform team for a tenancy entry with resourceArns`
      : `${said}, which this namespace's tenancy does not cover; stay within ${listed(resourceArns)}, or ask the platform team to extend the tenancy`;
  return violation(statement, "resources", { reason: "OutsideTenancy", text });
};

function granted({ actions }: Statement): readonly CatalogueAction[] {
  return actionsMatchingAny(actions);
}

/** Whether every call of it is about something that has an ARN. */
function hasResource({ name, arns }: CatalogueAction): boolean {
  return arns.length > 0 && !OPTIONAL_RESOURCE.has(name.toLowerCase());
}

function names(actions: readonly CatalogueAction[]): string {
  return listed(actions.map(({ name }) => name));
}

/** Of what the action acts on, in this account: what is still open stands in ${}. */
function exampleArn({ arns }: CatalogueAction, { accountId, region }: VettingContext): string {
  const [shortest = ""] = arns.toSorted((a, b) => a.length - b.length);
  return shortest.replace("${Partition}", partitionOf(region).partition).replace("${Region}", region).replace("${Account}", accountId);
}

/** So many wildcards are in no pattern that a person wrote, and to compare them takes long. */
const MOST_WILDCARDS = 10;

function isTangled(resource: string): boolean {
  return (resource.match(/[*?]/g) ?? []).length > MOST_WILDCARDS;
}

function scoped(resources: readonly string[]): { readonly text: string; readonly arn: ArnPattern }[] {
  return resources.flatMap((text) => {
    const arn = parseArnPattern(text);
    return arn === undefined ? [] : [{ text, arn }];
  });
}
