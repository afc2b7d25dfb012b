import assert from "node:assert/strict";
import { CreateRoleCommand } from "@aws-sdk/client-iam";
import { AssumeRoleCommand, AssumeRoleWithWebIdentityCommand, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { irsaTrust, oidcProvider, role, unsignedToken } from "../fixtures.ts";
import { present, probesOf, refused, type Probe, type Target } from "../probe.ts";

const SUBJECT = "system:serviceaccount:payments:settlement";

interface Irsa {
  readonly RoleArn: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

async function irsa(target: Target): Promise<Irsa> {
  const provider = await oidcProvider(target);
  const command = new CreateRoleCommand({ RoleName: target.unique("irsa"), AssumeRolePolicyDocument: irsaTrust(provider, SUBJECT) });
  const { Role } = await target.iam.send(command);
  const exp = Math.floor(Date.now() / 1000) + 3600;
  return {
    RoleArn: present(Role?.Arn, "Role.Arn"),
    claims: { iss: `https://${provider.host}`, sub: SUBJECT, aud: ["sts.amazonaws.com"], exp },
  };
}

function assume(target: Target, { RoleArn, claims }: Irsa, more: object = {}): Promise<unknown> {
  const WebIdentityToken = unsignedToken(claims);
  return target.sts.send(new AssumeRoleWithWebIdentityCommand({ RoleArn, RoleSessionName: "session", WebIdentityToken, ...more }));
}

/** A probe that changes the token's claims and expects a refusal. */
function refusedWith(code: string, changed: Readonly<Record<string, unknown>>): Probe["run"] {
  return async (target) => {
    const { RoleArn, claims } = await irsa(target);
    await refused(code, assume(target, { RoleArn, claims: { ...claims, ...changed } }));
  };
}

function trustOf(account: string): string {
  const statement = { Effect: "Allow", Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: "sts:AssumeRole" };
  return JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
}

export const STS_PROBES: readonly Probe[] = [
  ...probesOf("sts", "GetCallerIdentity", {
    "tells the account": async (target) => {
      const { Account, Arn, UserId } = await target.sts.send(new GetCallerIdentityCommand({}));
      assert.equal(Account, target.accountId);
      assert.match(present(Arn, "Arn"), /^arn:aws:/);
      present(UserId, "UserId");
    },
  }),
  ...probesOf("sts", "AssumeRoleWithWebIdentity", {
    "lets in the service account that the trust policy names": async (target) => {
      const { RoleArn, claims } = await irsa(target);
      const WebIdentityToken = unsignedToken(claims);
      const command = new AssumeRoleWithWebIdentityCommand({ RoleArn, RoleSessionName: "session", WebIdentityToken });
      const { Credentials, AssumedRoleUser, SubjectFromWebIdentityToken } = await target.sts.send(command);
      assert.match(Credentials?.AccessKeyId ?? "", /^ASIA/);
      assert.ok(Credentials?.Expiration instanceof Date);
      const name = RoleArn.slice(RoleArn.lastIndexOf("/") + 1);
      assert.equal(AssumedRoleUser?.Arn, `arn:aws:sts::${target.accountId}:assumed-role/${name}/session`);
      assert.equal(SubjectFromWebIdentityToken, SUBJECT);
    },
    "refuses another service account": refusedWith("AccessDenied", { sub: "system:serviceaccount:payments:other" }),
    "refuses an audience that the provider does not have": refusedWith("InvalidIdentityTokenException", { aud: "someone.else" }),
    "refuses an issuer without a provider": refusedWith("InvalidIdentityTokenException", { iss: "https://unknown.example.com" }),
    "refuses an expired token": refusedWith("ExpiredTokenException", { exp: 1_000_000_000 }),
    "refuses a token without a subject": refusedWith("InvalidIdentityTokenException", { sub: undefined }),
    "refuses what is no token": async (target) => {
      const found = await irsa(target);
      await refused("InvalidIdentityTokenException", assume(target, found, { WebIdentityToken: "not-a-token" }));
    },
    "tells a role that is not there from nothing": async (target) => {
      const { claims } = await irsa(target);
      await refused("AccessDenied", assume(target, { RoleArn: `arn:aws:iam::${target.accountId}:role/missing`, claims }));
    },
    "refuses a session longer than the role allows": async (target) => {
      const found = await irsa(target);
      await refused("ValidationError", assume(target, found, { DurationSeconds: 7200 }), /MaxSessionDuration/);
    },
    "refuses a session shorter than 15 minutes": async (target) => {
      const found = await irsa(target);
      await refused("ValidationError", assume(target, found, { DurationSeconds: 899 }));
    },
    "refuses a session name outside the pattern": async (target) => {
      const found = await irsa(target);
      await refused("ValidationError", assume(target, found, { RoleSessionName: "no spaces" }));
    },
  }),
  ...probesOf("sts", "AssumeRole", {
    "lets in the account that the trust policy names": async (target) => {
      const name = await role(target, { AssumeRolePolicyDocument: trustOf(target.accountId) });
      const RoleArn = `arn:aws:iam::${target.accountId}:role/${name}`;
      const { AssumedRoleUser } = await target.sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "session" }));
      assert.equal(AssumedRoleUser?.Arn, `arn:aws:sts::${target.accountId}:assumed-role/${name}/session`);
    },
    "refuses who is not named": async (target) => {
      const RoleArn = `arn:aws:iam::${target.accountId}:role/${await role(target)}`;
      await refused("AccessDenied", target.sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "session" })));
    },
  }),
];
