import { describe, expect, test } from "vitest";
import { actionsMatching } from "../../../../src/resources/iam/catalogue.ts";
import { LETTING_IN, TAKEOVERS } from "../../../../src/resources/iam/escalation-paths.ts";
import { PASS, REFUSED, violationsOf } from "../../../support/policy-corpus.ts";

/** What is said of the policies of test/corpus. */

function reasons(policy: (typeof PASS)[number]): readonly string[] {
  return violationsOf(policy).map(({ reason }) => reason);
}

test("the corpora are as large as they are said to be, and no name is there twice", () => {
  expect(REFUSED.length).toBeGreaterThanOrEqual(60);
  expect(PASS.length).toBeGreaterThanOrEqual(40);
  const names = [...PASS, ...REFUSED].map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

describe("passes", () => {
  test.each(PASS.map((one) => [one.name, one] as const))("%s", (_, policy) => {
    expect(reasons(policy)).toEqual([]);
  });
});

describe("is refused", () => {
  test.each(REFUSED.map((one) => [one.name, one] as const))("%s", (_, policy) => {
    expect(new Set(reasons(policy))).toEqual(new Set([policy.rule, ...policy.also]));
  });
});

test("every way to more rights is an action that AWS has", () => {
  expect([...TAKEOVERS, ...LETTING_IN].filter((action) => actionsMatching(action)[0]?.name !== action)).toEqual([]);
});

test("every action of AWS's that is called as if it gave credentials is one of them, or is known not to", () => {
  const harmless = [
    "acm:GetAcmeExternalAccountBindingCredentials",
    "cloudwatch:GetSpaceCredentials",
    "deadline:AssumeFleetRoleForRead",
    "finspace-api:GetProgrammaticAccessCredentials",
    "lakeformation:GetTemporaryGluePartitionCredentials",
    "lakeformation:GetTemporaryGlueTableCredentials",
    "redshift-serverless:GetCredentials",
    "redshift:GetClusterCredentials",
  ];
  const suspicious = actionsMatching("*")
    .map(({ name }) => name)
    .filter((name) => /:(.*Assume.*Role.*|Get.*Credentials|.*FederationToken)$/.test(name) && !/^(iam|sts|iq-permission):/.test(name));
  expect(suspicious.filter((name) => !TAKEOVERS.includes(name)).toSorted()).toEqual(harmless.toSorted());
});
