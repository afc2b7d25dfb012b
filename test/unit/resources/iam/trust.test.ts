import { describe, expect, test } from "vitest";
import { parseTrustPolicy } from "../../../../src/aws/trust-policy.ts";
import { judgeTrust, type Admission } from "../../../../src/resources/iam/trust.ts";

/** Trust policies as Terraform and people write them: whom they admit beside the one ServiceAccount. */

const ISSUER = "oidc.eks.eu-west-1.amazonaws.com/id/DEMO";
const PROVIDER = `arn:aws:iam::111122223333:oidc-provider/${ISSUER}`;
const OTHER = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/OLD";
const SUB = "system:serviceaccount:tracking:tracking";
const AUD = { [`${ISSUER}:aud`]: "sts.amazonaws.com" };

type Block = Readonly<Record<string, unknown>>;

function statement(Condition: Block, more: Block = {}): Block {
  return { Effect: "Allow", Principal: { Federated: PROVIDER }, Action: "sts:AssumeRoleWithWebIdentity", Condition, ...more };
}

function judge(...Statement: readonly Block[]): Admission | null {
  const trust = parseTrustPolicy(encodeURIComponent(JSON.stringify({ Version: "2012-10-17", Statement })));
  return trust && judgeTrust(trust, { provider: PROVIDER, issuer: ISSUER, sub: SUB, audience: "sts.amazonaws.com" });
}

const sub = (value: unknown) => ({ [`${ISSUER}:sub`]: value });
const EXACT = statement({ StringEquals: { ...AUD, ...sub(SUB) } });
const EXACTLY: Admission = { admits: true, anyone: [], remarks: [] };

describe("exactly this ServiceAccount", () => {
  test.each<[string, Block]>([
    ["as the operator writes it", EXACT],
    ["in a list of one", statement({ StringEquals: { ...AUD, ...sub([SUB]) } })],
    ["by StringLike without a wildcard", statement({ StringLike: { ...AUD, ...sub(SUB) } })],
    ["with a quantifier and IfExists", statement({ "ForAnyValue:StringEqualsIfExists": { ...AUD, ...sub(SUB) } })],
    ["with the key in other letters", statement({ StringEquals: { ...AUD, [`${ISSUER}:SUB`]: SUB } })],
    ["by a wildcard of actions", statement({ StringEquals: { ...AUD, ...sub(SUB) } }, { Action: ["sts:Assume*"] })],
    [
      "by a pattern that an exact condition narrows",
      statement({ StringLike: sub("system:serviceaccount:tracking:*"), StringEquals: { ...AUD, ...sub(SUB) } }),
    ],
  ])("%s", (_, one) => {
    expect(judge(one)).toEqual(EXACTLY);
  });
});

describe("others by name are told", () => {
  test.each<[string, readonly Block[], readonly string[]]>([
    [
      "a second ServiceAccount, and a subject that is none",
      [statement({ StringEquals: { ...AUD, ...sub([SUB, "system:serviceaccount:ops:debug", "repo:x"]) } })],
      ["ServiceAccount ops/debug", "subject repo:x"],
    ],
    [
      "the provider of another cluster",
      [statement({ StringEquals: { ...AUD, ...sub(SUB) } }, { Principal: { Federated: [PROVIDER, OTHER] } })],
      [`Federated ${OTHER}`],
    ],
    [
      "an account and a service, in a statement of their own",
      [
        EXACT,
        { Effect: "Allow", Principal: { AWS: "arn:aws:iam::444455556666:root", Service: ["ec2.amazonaws.com"] }, Action: "sts:AssumeRole" },
      ],
      ["AWS arn:aws:iam::444455556666:root", "Service ec2.amazonaws.com"],
    ],
    ["tokens for other audiences", [statement({ StringEquals: sub(SUB) })], ["tokens for any audience"]],
    [
      "what was not judged",
      [
        statement({ StringEquals: { ...AUD, ...sub(SUB) }, Bool: { "aws:SecureTransport": true } }),
        { Effect: "Deny", Principal: "*", Action: "*" },
      ],
      ["a Deny, which is not judged", "a condition on aws:SecureTransport, which is not judged"],
    ],
  ])("%s", (_, statements, remarks) => {
    expect(judge(...statements)).toEqual({ admits: true, anyone: [], remarks });
  });
});

describe("whom nobody named is found", () => {
  test.each<[string, readonly Block[], readonly string[]]>([
    [
      "everybody of another provider",
      [EXACT, { Effect: "Allow", Principal: { Federated: OTHER }, Action: "sts:AssumeRoleWithWebIdentity" }],
      [`everybody of ${OTHER} (no exact condition on sub)`],
    ],
    [
      "whoever another provider calls so",
      [
        EXACT,
        {
          Effect: "Allow",
          Principal: { Federated: OTHER },
          Action: "sts:AssumeRoleWithWebIdentity",
          Condition: { StringLike: { "oidc.eks.eu-west-1.amazonaws.com/id/OLD:sub": "system:serviceaccount:*" } },
        },
      ],
      [`everybody of ${OTHER} (no exact condition on sub)`],
    ],
    [
      "a pattern of subjects",
      [statement({ StringEquals: AUD, StringLike: sub("system:serviceaccount:tracking:*") })],
      ["every subject like system:serviceaccount:tracking:*"],
    ],
    [
      "a variable beside it",
      [statement({ StringEquals: { ...AUD, ...sub([SUB, "system:serviceaccount:${aws:PrincipalTag/ns}:x"]) } })],
      ["every subject like system:serviceaccount:${aws:PrincipalTag/ns}:x"],
    ],
    ["no condition on the subject", [statement({ StringEquals: AUD })], ["every ServiceAccount of the cluster (no condition on sub)"]],
    [
      "all subjects but one",
      [statement({ StringEquals: AUD, StringNotEquals: sub("x") })],
      ["every ServiceAccount of the cluster (no condition on sub)"],
    ],
    ["everybody, beside it", [EXACT, { Effect: "Allow", Principal: "*", Action: "sts:AssumeRole" }], ["everybody (Principal *)"]],
    ["everybody of AWS", [EXACT, { Effect: "Allow", Principal: { AWS: "*" }, Action: "sts:AssumeRole" }], ["everybody (Principal *)"]],
  ])("%s", (_, statements, anyone) => {
    expect(judge(...statements)).toMatchObject({ admits: true, anyone });
  });
});

describe("this ServiceAccount is not admitted", () => {
  test.each<[string, readonly Block[]]>([
    ["by nothing", []],
    ["by another subject", [statement({ StringEquals: { ...AUD, ...sub("system:serviceaccount:tracking:other") } })]],
    [
      "by a wildcard that StringEquals takes literally",
      [statement({ StringEquals: { ...AUD, ...sub("system:serviceaccount:tracking:*") } })],
    ],
    ["by the provider of another cluster", [statement({ StringEquals: { ...AUD, ...sub(SUB) } }, { Principal: { Federated: OTHER } })]],
    ["with another audience", [statement({ StringEquals: { [`${ISSUER}:aud`]: "vault", ...sub(SUB) } })]],
    ["by another action", [statement({ StringEquals: { ...AUD, ...sub(SUB) } }, { Action: "sts:AssumeRole" })]],
    [
      "where one of two conditions fails",
      [statement({ StringEquals: { ...AUD, ...sub(SUB) }, StringLike: sub("system:serviceaccount:ops:*") })],
    ],
    ["by a denial", [{ ...EXACT, Effect: "Deny" }]],
  ])("%s", (_, statements) => {
    expect(judge(...statements)?.admits).toBe(false);
  });
});

describe("a document that cannot be taken apart", () => {
  test.each<[string, Block]>([
    ["NotPrincipal", { Effect: "Allow", NotPrincipal: { AWS: "x" }, Action: "sts:AssumeRole" }],
    ["NotAction", { Effect: "Allow", Principal: { AWS: "x" }, NotAction: "sts:AssumeRole" }],
  ])("%s", (_, one) => {
    expect(judge(one)).toBeNull();
  });

  test("no JSON, or nothing", () => {
    expect([parseTrustPolicy("{"), parseTrustPolicy(undefined)]).toEqual([null, null]);
  });
});
