import type { IncomingHttpHeaders } from "node:http";
import { parseIdentityPolicy } from "./authorization/grammar.ts";
import type { Policy } from "./authorization/policy-document.ts";
import { AwsFault } from "./errors.ts";
import type { Account, Caller } from "./operation.ts";
import type { EmulatorOptions } from "./options.ts";
import type { PolicyRecord, RoleRecord } from "./records.ts";
import type { Store } from "./state.ts";

/** What a SigV4 Authorization header says. The signature itself is not verified: access keys have no secrets here. */
export interface Credential {
  readonly accessKeyId: string;
  readonly region: string;
  readonly service: string;
  readonly sessionToken: string | undefined;
  /** As `20261126T120000Z`. */
  readonly date: string | undefined;
}

/** How far a signature's time may be from AWS's. */
const LARGEST_SKEW_MS = 5 * 60_000;

/** Whether it was signed so far from `now` that AWS refuses it (Signature Version 4, "the request must reach AWS within five minutes of the time stamp"). */
export function isSkewed({ date }: Credential, now: number): boolean {
  const signedAt = Date.parse((date ?? "").replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)$/, "$1-$2-$3:$4:$5"));
  return Math.abs(now - signedAt) > LARGEST_SKEW_MS;
}

const HEADER = /^AWS4-HMAC-SHA256 Credential=([^/\s]+)\/\d{8}\/([^/]+)\/([^/]+)\/aws4_request,/;

/** Undefined when the request is not signed. Throws AwsFault IncompleteSignature for a header of another form. */
export function readCredential(headers: IncomingHttpHeaders): Credential | undefined {
  const { authorization } = headers;
  if (authorization === undefined) return undefined;
  const found = HEADER.exec(authorization);
  const [, accessKeyId, region, service] = found ?? [];
  if (accessKeyId === undefined || region === undefined || service === undefined) {
    throw new AwsFault("IncompleteSignature", 400, "Authorization header requires 'Credential', 'Signature', 'SignedHeaders' and a date.");
  }
  const token = headers["x-amz-security-token"];
  const date = headers["x-amz-date"];
  return {
    accessKeyId,
    region,
    service,
    sessionToken: typeof token === "string" ? token : undefined,
    date: typeof date === "string" ? date : undefined,
  };
}

/** A principal of the options, as its grants are evaluated. */
interface Family extends Pick<Caller, "arn" | "grants"> {
  /** How its access keys begin. */
  readonly prefix: string;
}

/** Finds callers by access key: those of the options, and sessions that STS gave out. */
export class Principals {
  readonly #known = new Map<string, Caller>();
  readonly #families: readonly Family[];
  readonly #account: Account;
  readonly #allowAnyKey: boolean;

  constructor(options: EmulatorOptions) {
    this.#account = options;
    this.#allowAnyKey = options.allowAnyKey ?? false;
    const families: Family[] = [];
    for (const { accessKeyId, arn, policy } of options.principals ?? []) {
      const grants = policy === undefined ? undefined : { identity: [parseIdentityPolicy(JSON.stringify(policy))], limits: [] };
      if (accessKeyId.endsWith("*")) families.push({ prefix: accessKeyId.slice(0, -1), arn, grants });
      else this.#add({ accessKeyId, arn, grants });
    }
    this.#families = families;
  }

  /** Callers of the options that have a policy; of a principal with many keys those that have called. */
  restricted(): readonly Caller[] {
    return [...this.#known.values()].filter(({ grants }) => grants !== undefined);
  }

  /** Throws AwsFault InvalidClientTokenId for an unknown key, ExpiredToken for an old session. */
  find({ accessKeyId, sessionToken }: Credential, store: Store, now: number): Caller {
    const known = this.#known.get(accessKeyId) ?? this.#member(accessKeyId) ?? this.#session(accessKeyId, sessionToken, store, now);
    if (known !== undefined) return known;
    if (!this.#allowAnyKey) throw new AwsFault("InvalidClientTokenId", 403, "The security token included in the request is invalid.");
    const root = `arn:aws:iam::${this.#account.accountId}:root`;
    return { accessKeyId, arn: root, userId: this.#account.accountId, grants: undefined, tags: {} };
  }

  #add({ accessKeyId, arn, grants }: Pick<Caller, "accessKeyId" | "arn" | "grants">): Caller {
    const caller = { accessKeyId, arn, userId: `AIDA${accessKeyId.slice(-16)}`, grants, tags: {} };
    this.#known.set(accessKeyId, caller);
    return caller;
  }

  #member(accessKeyId: string): Caller | undefined {
    const family = this.#families.find(({ prefix }) => accessKeyId.startsWith(prefix));
    return family && this.#add({ accessKeyId, arn: family.arn, grants: family.grants });
  }

  #session(accessKeyId: string, sessionToken: string | undefined, store: Store, now: number): Caller | undefined {
    const session = store.sessions.current(accessKeyId);
    if (session === undefined || session.token !== sessionToken) return undefined;
    if (session.expiresAt <= now) throw new AwsFault("ExpiredToken", 403, "The security token included in the request is expired");
    const role = store.roles.current(session.roleKey);
    const valid = role !== undefined && role.roleId === session.roleId;
    const { identity, limits } = valid ? policiesOf(role, store) : { identity: [], limits: [] };
    const sessionLimits = session.sessionPolicy === undefined ? [] : [parseIdentityPolicy(session.sessionPolicy)];
    return {
      accessKeyId,
      arn: session.assumedRoleArn,
      userId: `${session.roleId}:${session.sessionName}`,
      grants: { identity, limits: [...limits, ...sessionLimits] },
      tags: { ...role?.tags, ...session.tags },
    };
  }
}

function managed(arn: string, store: Store): Policy[] {
  const record: PolicyRecord | undefined = store.policies.current(arn);
  const document = record?.versions[record.defaultVersionId]?.document;
  return document === undefined ? [] : [parseIdentityPolicy(document)];
}

/** A role's policies as they are now; a boundary that is gone allows nothing. */
function policiesOf(role: RoleRecord, store: Store): { identity: Policy[]; limits: Policy[] } {
  const inline = Object.values(role.inlinePolicies).map((document) => parseIdentityPolicy(document));
  const attached = role.attachedPolicies.flatMap((arn) => managed(arn, store));
  const nothing: Policy = { version: "2012-10-17", statements: [] };
  const boundary = role.permissionsBoundary;
  const limits = boundary === undefined ? [] : [managed(boundary, store)[0] ?? nothing];
  return { identity: [...inline, ...attached], limits };
}
