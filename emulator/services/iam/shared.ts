/** What IAM's operations have in common: finding things, tags, documents, pages. */
import type { Tag } from "@aws-sdk/client-iam";
import { countedCharacters, type KnownPrincipals } from "../../authorization/grammar.ts";
import { PolicySyntaxError } from "../../authorization/policy-document.ts";
import { badRequest } from "../../errors.ts";
import type { Call, Permission, Valid } from "../../operation.ts";
import { page, type Page } from "../../paging.ts";
import type { RoleRecord, Tags } from "../../records.ts";
import { iamFault } from "./schema.ts";

/** Names of roles and instance profiles are unique whatever their case. */
export function nameKey(name: string): string {
  return name.toLowerCase();
}

export function iamArn({ accountId }: Call, kind: string, path: string, name: string): string {
  return `arn:aws:iam::${accountId}:${kind}${path}${name}`;
}

/** Throws NoSuchEntity. */
export function findRole(name: string, { store }: Call): RoleRecord {
  const role = store.roles.get(nameKey(name));
  if (role === undefined) throw iamFault("NoSuchEntityException", `The role with name ${name} cannot be found.`);
  return role;
}

export function putRole(role: RoleRecord, { store }: Call): void {
  store.roles.set(nameKey(role.roleName), role);
}

/** The permission to do `action` to the role called `name`, with the keys that IAM knows of a role. */
export function onRole(action: string, name: string, call: Call, extra: Omit<Permission, "action" | "resource"> = {}): Permission[] {
  const role = call.store.roles.get(nameKey(name));
  if (role === undefined && call.switches.absentRole === "notChecked") return [];
  return [
    {
      action: `iam:${action}`,
      resource: role?.arn ?? iamArn(call, "role", "/", name),
      ...(role === undefined ? {} : { resourceTags: role.tags }),
      ...extra,
      keys: { "iam:PermissionsBoundary": role?.permissionsBoundary, ...extra.keys },
    },
  ];
}

/** IAM returns documents percent-encoded as RFC 3986 has it. */
export function encodeDocument(document: string): string {
  return encodeURIComponent(document).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Runs a parser of policies and turns what it refuses into MalformedPolicyDocument. */
export function parseDocument<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof PolicySyntaxError) throw iamFault("MalformedPolicyDocumentException", error.message);
    throw error;
  }
}

/** Throws LimitExceeded when there are `limit` already. */
export function checkQuota(count: number, limit: number, quota: string): void {
  if (count >= limit) throw iamFault("LimitExceededException", `Cannot exceed quota for ${quota}: ${limit}`);
}

/** Throws LimitExceeded for a trust policy that is too long. */
export function checkTrustPolicySize(document: string, { quotas }: Call): void {
  const limit = quotas.trustPolicyCharacters;
  if (countedCharacters(document) > limit) throw iamFault("LimitExceededException", `Cannot exceed quota for ACLSizePerRole: ${limit}`);
}

export function tagList(tags: Tags): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** The tags with others added. Keys are one whatever their case; throws InvalidInput and LimitExceeded. */
export function mergeTags(existing: Tags, added: readonly Valid<Tag>[], { quotas }: Call): Tags {
  const keys = added.map(({ Key }) => Key.toLowerCase());
  if (new Set(keys).size !== keys.length) {
    throw iamFault("InvalidInputException", "Duplicate tag keys found. Please note that Tag keys are case insensitive.");
  }
  if (keys.some((key) => key.startsWith("aws:"))) {
    throw iamFault("InvalidInputException", "Caller is an end user and not allowed to mutate system tags");
  }
  const kept = Object.entries(existing).filter(([key]) => !keys.includes(key.toLowerCase()));
  const merged = Object.fromEntries([...kept, ...added.map(({ Key, Value }) => [Key, Value] as const)]);
  if (Object.keys(merged).length > quotas.tagsPerResource) {
    throw iamFault("LimitExceededException", `The number of tags has reached the maximum limit: ${quotas.tagsPerResource}.`);
  }
  return merged;
}

export function withoutTags(existing: Tags, removed: readonly string[]): Tags {
  const keys = new Set(removed.map((key) => key.toLowerCase()));
  return Object.fromEntries(Object.entries(existing).filter(([key]) => !keys.has(key.toLowerCase())));
}

/** A request's tags for condition keys. */
export function requestTags(tags: readonly Valid<Tag>[] | undefined): Tags {
  return Object.fromEntries((tags ?? []).map(({ Key, Value }) => [Key, Value]));
}

const DEFAULT_PAGE = 100; // IAM's, for every list

interface PagedRequest {
  readonly Marker?: string | undefined;
  readonly MaxItems?: number | undefined;
}

/** A page and its IsTruncated and Marker. Throws ValidationError for a marker that is none. */
export function iamPage<T>(
  sorted: readonly (readonly [string, T])[],
  { Marker, MaxItems }: PagedRequest,
  { switches }: Call,
): { readonly items: Page<T>["items"]; readonly truncation: { readonly IsTruncated: boolean; readonly Marker?: string } } {
  const found = page(sorted, { token: Marker, size: MaxItems, defaultSize: DEFAULT_PAGE, maxSize: switches.maxPageSize });
  if (found === undefined) throw badRequest("ValidationError", `Invalid Marker: ${Marker ?? ""}`);
  return { items: found.items, truncation: found.next === undefined ? { IsTruncated: false } : { IsTruncated: true, Marker: found.next } };
}

const WEB_IDENTITY_DOMAINS: ReadonlySet<string> = new Set([
  "cognito-identity.amazonaws.com",
  "www.amazon.com",
  "graph.facebook.com",
  "accounts.google.com",
]);
const SERVICE_PRINCIPAL = /^[a-z0-9.-]+\.amazonaws\.com(\.cn)?$/;
const ARN = /^arn:aws[a-z-]*:(?:iam|sts)::(\d{12}):(.+)$/;

/** Which principals a policy may name. Those of other accounts cannot be checked here and are believed. */
export function knownPrincipals(call: Call): KnownPrincipals {
  const { accountId, store, switches, principalArns } = call;
  const lenient = switches.unknownPrincipal === "accept";
  const ofOurs = (rest: string, arn: string): boolean => {
    if (rest === "root" || rest.startsWith("assumed-role/") || lenient) return true;
    if (rest.startsWith("role/")) {
      const role = store.roles.get(nameKey(rest.slice(rest.lastIndexOf("/") + 1)));
      return role?.arn === arn || principalArns.has(arn);
    }
    if (rest.startsWith("oidc-provider/")) return store.oidcProviders.get(arn) !== undefined;
    return principalArns.has(arn);
  };
  return {
    exists(kind, value) {
      if (kind === "Service") return SERVICE_PRINCIPAL.test(value);
      if (kind === "CanonicalUser") return /^[0-9a-f]{64}$/.test(value);
      if (kind === "AWS" && /^\d{12}$/.test(value)) return true;
      if (kind === "Federated" && WEB_IDENTITY_DOMAINS.has(value)) return true;
      const [, owner, rest] = ARN.exec(value) ?? [];
      if (owner === undefined || rest === undefined) return false;
      const provider = rest.startsWith("oidc-provider/") || rest.startsWith("saml-provider/");
      if (provider !== (kind === "Federated")) return false;
      return owner === accountId ? ofOurs(rest, value) : true;
    },
  };
}
