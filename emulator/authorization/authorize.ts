import type { Account, Caller, Permission } from "../operation.ts";
import type { ActionCatalogue } from "./catalogue.ts";
import type { ContextKeys } from "./conditions.ts";
import { evaluateGrants, type Decision } from "./iam-policy-evaluator.ts";

/** The outcome for one permission, for the caller's answer and for the action log. */
export interface Authorization {
  readonly permission: Permission;
  readonly keys: ContextKeys;
  readonly decision: Decision | { readonly effect: "unrestricted" };
}

function tagEntries(prefix: string, tags: Readonly<Record<string, string>> | undefined): [string, string][] {
  return Object.entries(tags ?? {}).map(([key, value]) => [`${prefix}/${key}`, value]);
}

/** The keys that IAM would have for this permission: global ones, and of the request's and resource's only those in the catalogue. */
function contextKeys(
  permission: Permission,
  context: { caller: Caller; account: Account; now: number; catalogue: ActionCatalogue },
): ContextKeys {
  const { caller, account, now, catalogue } = context;
  const service = permission.action.split(":")[0] ?? "";
  const tagKeys = permission.tagKeys ?? Object.keys(permission.requestTags ?? {});
  const specific: [string, readonly string[]][] = [
    ...tagEntries("aws:RequestTag", permission.requestTags).map(([key, value]): [string, string[]] => [key, [value]]),
    ...tagEntries("aws:ResourceTag", permission.resourceTags).map(([key, value]): [string, string[]] => [key, [value]]),
    ...tagEntries(`${service}:ResourceTag`, permission.resourceTags).map(([key, value]): [string, string[]] => [key, [value]]),
    ["aws:TagKeys", tagKeys],
    ...Object.entries(permission.keys ?? {}).flatMap(([key, value]): [string, string[]][] => (value === undefined ? [] : [[key, [value]]])),
  ];
  const allowed = catalogue.keysOf(permission.action);
  const known = ([key, values]: readonly [string, readonly string[]]): boolean => {
    const name = key.toLowerCase();
    return values.length > 0 && allowed.some((candidate) => (candidate.endsWith("/") ? name.startsWith(candidate) : name === candidate));
  };
  const global: [string, readonly string[]][] = [
    ["aws:PrincipalArn", [caller.arn]],
    ["aws:PrincipalAccount", [account.accountId]],
    ["aws:userid", [caller.userId]],
    ["aws:RequestedRegion", [service === "iam" ? "us-east-1" : account.region]], // IAM is global and lives there
    ["aws:SourceIp", ["127.0.0.1"]],
    ["aws:SecureTransport", ["true"]], // AWS's endpoints are; ours stands in for them
    ["aws:CurrentTime", [new Date(now).toISOString()]],
    ["aws:EpochTime", [String(Math.floor(now / 1000))]],
    ...tagEntries("aws:PrincipalTag", caller.tags).map(([key, value]): [string, string[]] => [key, [value]]),
  ];
  return new Map([...global, ...specific.filter(known)].map(([key, values]) => [key.toLowerCase(), values]));
}

/** Evaluates one permission for a caller. */
export function authorize(
  permission: Permission,
  context: { caller: Caller; account: Account; now: number; catalogue: ActionCatalogue },
): Authorization {
  const keys = contextKeys(permission, context);
  const { grants } = context.caller;
  if (grants === undefined) return { permission, keys, decision: { effect: "unrestricted" } };
  const decision = evaluateGrants(grants, { action: permission.action, resource: permission.resource, keys });
  return { permission, keys, decision };
}

/** AWS's sentence for a denial. */
export function denialSentence(caller: Caller, { permission, decision }: Authorization): string {
  const why =
    decision.effect === "explicitDeny"
      ? "with an explicit deny in an identity-based policy"
      : `because no identity-based policy allows the ${permission.action} action`;
  return `User: ${caller.arn} is not authorized to perform: ${permission.action} on resource: ${permission.resource} ${why}`;
}
