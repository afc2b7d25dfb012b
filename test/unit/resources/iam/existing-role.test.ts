import { expect, test } from "vitest";
import type { ExistingRole } from "../../../../src/crds/desired.ts";
import { verifyExistingRole } from "../../../../src/resources/iam/existing-role.ts";
import { shippedTier, testConfig, testService } from "../../../support/effective-services.ts";

/** What of a role that others own lets a service use it, and what its owner is told otherwise. */

const ARN = "arn:aws:iam::111122223333:role/terraform/matching";
const BOUNDARY = "arn:aws:iam::111122223333:policy/platform-boundary";
const ISSUER = "oidc.eks.eu-west-1.amazonaws.com/id/DEMO";
const SUB = "system:serviceaccount:dispatch:matching";

function trusting(subs: readonly string[], operator = "StringEquals"): ExistingRole["trust"] {
  return [
    {
      effect: "Allow",
      principals: [{ kind: "Federated", value: `arn:aws:iam::111122223333:oidc-provider/${ISSUER}` }],
      actions: ["sts:AssumeRoleWithWebIdentity"],
      conditions: [
        { operator, key: `${ISSUER}:sub`, values: subs },
        { operator: "StringEquals", key: `${ISSUER}:aud`, values: ["sts.amazonaws.com"] },
      ],
    },
  ];
}

const ROLE: ExistingRole = { arn: ARN, trust: trusting([SUB]), permissionsBoundaryArn: BOUNDARY, ownedBy: null };

function verify(role: ExistingRole | undefined, tier = "tier-2") {
  const config = testConfig();
  return verifyExistingRole(ARN, role, { service: testService({ config, tier: shippedTier(tier) }), config });
}

test("a role that trusts the service, within a permitted boundary, is usable", () => {
  expect(verify(ROLE)).toEqual({ state: "usable", remarks: [] });
  expect(verify({ ...ROLE, permissionsBoundaryArn: `${BOUNDARY}-pci` })).toEqual({ state: "usable", remarks: [] });
});

test("others that it admits by name are told", () => {
  expect(verify({ ...ROLE, trust: trusting([SUB, "system:serviceaccount:ops:debug"]) })).toEqual({
    state: "usable",
    remarks: ["ServiceAccount ops/debug"],
  });
});

test.each<[string, ExistingRole | undefined, string, readonly string[], string?]>([
  ["none of that name", undefined, "RoleNotFound", ["IAM role matching does not exist", "spec.aws.existingRole"]],
  [
    "one of another path",
    { ...ROLE, arn: "arn:aws:iam::111122223333:role/matching" },
    "RoleNotFound",
    ["is arn:aws:iam::111122223333:role/matching, not"],
  ],
  [
    "one of another service's",
    { ...ROLE, ownedBy: "it belongs to PlatformService a/b of cluster eu-west-1.x" },
    "RoleOfAnotherService",
    ["it belongs to PlatformService a/b of cluster eu-west-1.x", "name a role that no PlatformService owns"],
  ],
  ["one without a boundary", { ...ROLE, permissionsBoundaryArn: null }, "BoundaryNotPermitted", ["no permissions boundary", BOUNDARY]],
  [
    "one with another boundary",
    { ...ROLE, permissionsBoundaryArn: `${BOUNDARY}-x` },
    "BoundaryNotPermitted",
    [`${BOUNDARY}-x`, `${BOUNDARY} or ${BOUNDARY}-pci`],
  ],
  ["one whose boundary is not the tier's", ROLE, "BoundaryNotPermitted", [`must set ${BOUNDARY}-pci`], "pci"],
  ["one that does not trust it", { ...ROLE, trust: [] }, "NotTrusted", [`StringEquals on ${ISSUER}:sub = ${SUB}`]],
  [
    "one that trusts a pattern",
    { ...ROLE, trust: trusting(["system:serviceaccount:*"], "StringLike") },
    "TrustTooWide",
    ["every subject like system:serviceaccount:*", SUB],
  ],
  ["one that cannot be judged", { ...ROLE, trust: null }, "TrustNotUnderstood", ["NotPrincipal", SUB]],
])("%s is refused", (_, role, reason, tells, tier) => {
  const verdict = verify(role, tier);
  expect(verdict).toMatchObject({ state: "refused", reason });
  for (const words of tells) expect(verdict).toMatchObject({ message: expect.stringContaining(words) });
});
