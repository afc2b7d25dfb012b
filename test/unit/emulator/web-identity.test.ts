import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { CreateOpenIDConnectProviderCommand, CreateRoleCommand } from "@aws-sdk/client-iam";
import { AssumeRoleWithWebIdentityCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { expect, test } from "vitest";
import { ACCOUNT, aws, outcome, REGION, type Aws } from "./clients.ts";

const HOST = "oidc.example.com/id/1";
const SUBJECT = "system:serviceaccount:a:b";
const PROVIDER = `arn:aws:iam::${ACCOUNT}:oidc-provider/${HOST}`;
const NOW = 1_800_000_000_000;

const TRUST = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    {
      Effect: "Allow",
      Principal: { Federated: PROVIDER },
      Action: "sts:AssumeRoleWithWebIdentity",
      Condition: { StringEquals: { [`${HOST}:sub`]: SUBJECT, [`${HOST}:aud`]: "sts.amazonaws.com" } },
    },
  ],
});

async function withRole(options: Parameters<typeof aws>[0]): Promise<Aws> {
  const world = await aws(options);
  await world.iam.send(new CreateOpenIDConnectProviderCommand({ Url: `https://${HOST}`, ClientIDList: ["sts.amazonaws.com"] }));
  await world.iam.send(new CreateRoleCommand({ RoleName: "irsa", AssumeRolePolicyDocument: TRUST }));
  return world;
}

function token(key: KeyObject, algorithm: "RS256" | "ES256" = "RS256"): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { iss: `https://${HOST}`, sub: SUBJECT, aud: ["sts.amazonaws.com"], exp: NOW / 1000 + 600 };
  const content = `${part({ alg: algorithm, kid: "one" })}.${part(claims)}`;
  const signature = sign("sha256", Buffer.from(content), algorithm === "ES256" ? { key, dsaEncoding: "ieee-p1363" } : key);
  return `${content}.${signature.toString("base64url")}`;
}

function assume({ sts }: Aws, WebIdentityToken: string): Promise<unknown> {
  const command = new AssumeRoleWithWebIdentityCommand({
    RoleArn: `arn:aws:iam::${ACCOUNT}:role/irsa`,
    RoleSessionName: "pod",
    WebIdentityToken,
  });
  return sts.send(command);
}

const ours = generateKeyPairSync("rsa", { modulusLength: 2048 });
const theirs = generateKeyPairSync("rsa", { modulusLength: 2048 });
const elliptic = generateKeyPairSync("ec", { namedCurve: "P-256" });
const issuer = `https://${HOST}`;
const oidcIssuerKeys = {
  [issuer]: { keys: [{ ...ours.publicKey.export({ format: "jwk" }), kid: "one" }, elliptic.publicKey.export({ format: "jwk" })] },
};

test("a token must be signed by a key of its issuer, where the emulator has those", async () => {
  const world = await withRole({ oidcIssuerKeys, clock: () => NOW });
  expect(await outcome(assume(world, token(ours.privateKey)))).toBe("ok");
  expect(await outcome(assume(world, token(elliptic.privateKey, "ES256")))).toBe("ok");
  expect(await outcome(assume(world, token(theirs.privateKey)))).toBe("InvalidIdentityTokenException");
});

test("without the issuer's keys the claims are believed and the log says so, or refused by a switch", async () => {
  const believing = await withRole({ clock: () => NOW });
  expect(await outcome(assume(believing, token(theirs.privateKey)))).toBe("ok");
  expect((await believing.admin.actions()).at(-1)?.keys["emulator:SignatureVerified"]).toEqual(["false"]);
  const strict = await withRole({ clock: () => NOW, switches: { unverifiedWebIdentity: "refuse" } });
  expect(await outcome(assume(strict, token(theirs.privateKey)))).toBe("InvalidIdentityTokenException");
});

test("a session ends at its time", async () => {
  let now = NOW;
  const world = await withRole({ clock: () => now });
  const command = new AssumeRoleWithWebIdentityCommand({
    RoleArn: `arn:aws:iam::${ACCOUNT}:role/irsa`,
    RoleSessionName: "pod",
    WebIdentityToken: token(ours.privateKey),
    DurationSeconds: 900,
  });
  const { Credentials } = await world.sts.send(command);
  const { AccessKeyId = "", SecretAccessKey = "", SessionToken = "" } = Credentials ?? {};
  const credentials = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
  const sts = new STSClient({ endpoint: world.url, region: REGION, credentials, maxAttempts: 1 });
  expect((await sts.send(new GetCallerIdentityCommand({}))).Arn).toBe(`arn:aws:sts::${ACCOUNT}:assumed-role/irsa/pod`);
  now += 900_000;
  expect(await outcome(sts.send(new GetCallerIdentityCommand({})))).toBe("ExpiredToken");
});

test("a trust of a provider that does not exist is refused, or accepted by a switch", async () => {
  const create = new CreateRoleCommand({ RoleName: "early", AssumeRolePolicyDocument: TRUST });
  const strict = await aws();
  const lenient = await aws({ switches: { unknownPrincipal: "accept" } });
  expect([await outcome(strict.iam.send(create)), await outcome(lenient.iam.send(create))]).toEqual([
    "MalformedPolicyDocumentException",
    "ok",
  ]);
});
