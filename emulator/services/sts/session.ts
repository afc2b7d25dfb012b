/** Sessions of roles, for STS and for the services that assume roles themselves. */
import { parseIdentityPolicy } from "../../authorization/grammar.ts";
import { PolicySyntaxError } from "../../authorization/policy-document.ts";
import { badRequest } from "../../errors.ts";
import type { Call } from "../../operation.ts";
import type { RoleRecord, SessionRecord, Tags } from "../../records.ts";
import { stsFault } from "./schema.ts";

export function roleByArn(arn: string, { store }: Call): RoleRecord | undefined {
  const role = store.roles.get(arn.slice(arn.lastIndexOf("/") + 1).toLowerCase());
  return role?.arn === arn ? role : undefined;
}

export interface SessionRequest {
  readonly role: RoleRecord;
  readonly sessionName: string;
  readonly seconds: number;
  readonly policy: string | undefined;
  readonly tags: Tags;
}

/** A session and the secret that is told once. */
export interface OpenedSession {
  readonly session: SessionRecord;
  readonly secret: string;
}

/** Opens a session of a role. Throws ValidationError for one longer than the role allows, MalformedPolicyDocument. */
export function openSession({ role, sessionName, seconds, policy, tags }: SessionRequest, call: Call): OpenedSession {
  if (seconds > role.maxSessionDuration) {
    throw badRequest("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
  }
  try {
    if (policy !== undefined) parseIdentityPolicy(policy);
  } catch (error) {
    if (error instanceof PolicySyntaxError) throw stsFault("MalformedPolicyDocumentException", error.message);
    throw error;
  }
  const session: SessionRecord = {
    accessKeyId: call.uniqueId("ASIA").slice(0, 20),
    token: Buffer.from(call.randomBytes(96)).toString("base64"),
    expiresAt: Math.floor(call.now / 1000) * 1000 + seconds * 1000,
    roleKey: role.roleName.toLowerCase(),
    roleId: role.roleId,
    sessionName,
    assumedRoleArn: `arn:aws:sts::${call.accountId}:assumed-role/${role.roleName}/${sessionName}`,
    sessionPolicy: policy,
    tags,
  };
  for (const [key, { expiresAt }] of call.store.sessions.entries()) {
    if (expiresAt < call.now - 86_400_000) call.store.sessions.delete(key); // a day more, so that it is still told as expired
  }
  call.store.sessions.set(session.accessKeyId, session);
  return { session, secret: Buffer.from(call.randomBytes(30)).toString("base64") };
}
