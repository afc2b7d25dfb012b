import type {
  AssumeRoleRequest,
  AssumeRoleResponse,
  AssumeRoleWithWebIdentityRequest,
  AssumeRoleWithWebIdentityResponse,
  Credentials,
  GetCallerIdentityRequest,
  GetCallerIdentityResponse,
} from "@aws-sdk/client-sts";
import { AwsFault } from "../../errors.ts";
import { read, write, type Call, type Operation } from "../../operation.ts";
import { stsFault } from "./schema.ts";
import { openSession, roleByArn, type OpenedSession } from "./session.ts";
import { isTrusted, type Asking } from "./trust.ts";
import { readWebIdentity, verifySignature, type WebIdentity } from "./web-identity.ts";

const DEFAULT_DURATION_SECONDS = 3600;

const getCallerIdentity = read<GetCallerIdentityRequest, GetCallerIdentityResponse>("GetCallerIdentity", {
  permissions: () => [], // AWS: no permissions are required, and a deny has no effect
  handle: (_, { accountId, caller }) => ({ UserId: caller?.userId, Account: accountId, Arn: caller?.arn }),
});

function answer({ session, secret }: OpenedSession): {
  Credentials: Credentials;
  AssumedRoleUser: { AssumedRoleId: string; Arn: string };
} {
  const { accessKeyId, token, expiresAt, roleId, sessionName, assumedRoleArn } = session;
  return {
    Credentials: { AccessKeyId: accessKeyId, SecretAccessKey: secret, SessionToken: token, Expiration: new Date(expiresAt) },
    AssumedRoleUser: { AssumedRoleId: `${roleId}:${sessionName}`, Arn: assumedRoleArn },
  };
}

function invalidToken(sentence: string): Error {
  return stsFault("InvalidIdentityTokenException", sentence);
}

/** The provider of a token, once everything that does not depend on the role is verified. */
function verifiedProvider(identity: WebIdentity, call: Call): { arn: string; host: string } {
  const { issuer, expiresAt, notBefore, audiences } = identity;
  const host = issuer.slice("https://".length);
  const arn = `arn:aws:iam::${call.accountId}:oidc-provider/${host}`;
  const provider = call.store.oidcProviders.get(arn);
  if (provider === undefined)
    throw stsFault("InvalidIdentityTokenException", `No OpenIDConnect provider found in your account for ${issuer}`);
  const now = Math.floor(call.now / 1000);
  if (expiresAt <= now) {
    throw stsFault("ExpiredTokenException", `Token expired: current date/time ${now} must be before the expiration date/time ${expiresAt}`);
  }
  if (notBefore !== undefined && notBefore > now) throw stsFault("InvalidIdentityTokenException", "The token is not valid yet");
  if (!audiences.some((audience) => provider.clientIds.includes(audience))) {
    throw stsFault("InvalidIdentityTokenException", "Incorrect token audience");
  }
  const keys = call.oidcIssuerKeys[issuer];
  call.note("emulator:SignatureVerified", String(keys !== undefined));
  if (keys !== undefined) verifySignature(identity, keys, invalidToken);
  else if (call.switches.unverifiedWebIdentity === "refuse") {
    throw stsFault("InvalidIdentityTokenException", `The emulator has no keys of ${issuer}; give them as oidcIssuerKeys`);
  }
  return { arn, host };
}

const assumeRoleWithWebIdentity = write<AssumeRoleWithWebIdentityRequest, AssumeRoleWithWebIdentityResponse>("AssumeRoleWithWebIdentity", {
  anonymous: true,
  permissions: () => [],
  handle({ RoleArn, RoleSessionName, WebIdentityToken, DurationSeconds = DEFAULT_DURATION_SECONDS, Policy }, call) {
    const identity = readWebIdentity(WebIdentityToken, invalidToken);
    const provider = verifiedProvider(identity, call);
    const role = roleByArn(RoleArn, call);
    const asking: Asking = { kind: "Federated", names: [provider.arn] };
    const keys = new Map<string, readonly string[]>([
      ...Object.entries(identity.claims).map(([claim, value]) => [`${provider.host}:${claim}`.toLowerCase(), [value]] as const),
      [`${provider.host}:aud`.toLowerCase(), identity.audiences],
      ["sts:rolesessionname", [RoleSessionName]],
    ]);
    // A role that is not there is answered like one that does not trust: AWS tells neither
    if (role === undefined || !isTrusted(role.trustPolicy, { action: "sts:AssumeRoleWithWebIdentity", asking, keys })) {
      throw new AwsFault("AccessDenied", 403, "Not authorized to perform sts:AssumeRoleWithWebIdentity");
    }
    const opened = openSession({ role, sessionName: RoleSessionName, seconds: DurationSeconds, policy: Policy, tags: {} }, call);
    const [Audience] = identity.audiences;
    return { ...answer(opened), SubjectFromWebIdentityToken: identity.subject, Audience, Provider: provider.arn };
  },
});

const assumeRole = write<AssumeRoleRequest, AssumeRoleResponse>("AssumeRole", {
  permissions({ RoleArn, RoleSessionName, ExternalId }, call) {
    const keys = { "sts:RoleSessionName": RoleSessionName, "sts:ExternalId": ExternalId };
    return [{ action: "sts:AssumeRole", resource: RoleArn, resourceTags: roleByArn(RoleArn, call)?.tags ?? {}, keys }];
  },
  handle({ RoleArn, RoleSessionName, DurationSeconds = DEFAULT_DURATION_SECONDS, Policy, ExternalId, Tags = [] }, call) {
    const role = roleByArn(RoleArn, call);
    const { arn = "", tags: principalTags = {} } = call.caller ?? {};
    const asking: Asking = { kind: "AWS", names: [arn, call.accountId, `arn:aws:iam::${call.accountId}:root`] };
    const keys = new Map<string, readonly string[]>([
      ["sts:rolesessionname", [RoleSessionName]],
      ["aws:principalarn", [arn]],
      ["aws:principalaccount", [call.accountId]],
      ...(ExternalId === undefined ? [] : [["sts:externalid", [ExternalId]] as const]),
      ...Tags.map(({ Key, Value }) => [`aws:requesttag/${Key}`.toLowerCase(), [Value]] as const),
      ...Object.entries(principalTags).map(([key, value]) => [`aws:principaltag/${key}`.toLowerCase(), [value]] as const),
    ]);
    const trusted = (action: string): boolean => role !== undefined && isTrusted(role.trustPolicy, { action, asking, keys });
    if (role === undefined || !trusted("sts:AssumeRole") || (Tags.length > 0 && !trusted("sts:TagSession"))) {
      throw new AwsFault("AccessDenied", 403, `User: ${arn} is not authorized to perform: sts:AssumeRole on resource: ${RoleArn}`);
    }
    const tags = Object.fromEntries(Tags.map(({ Key, Value }) => [Key, Value]));
    return answer(openSession({ role, sessionName: RoleSessionName, seconds: DurationSeconds, policy: Policy, tags }, call));
  },
});

export const STS_OPERATIONS: readonly Operation[] = [getCallerIdentity, assumeRoleWithWebIdentity, assumeRole];
