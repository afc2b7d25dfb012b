import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { platformArns } from "../../../../src/crds/aws-names.ts";
import { statement } from "../../../../src/crds/service/aws.ts";
import { actionsMatching } from "../../../../src/resources/iam/catalogue.ts";
import { LETTING_IN, TAKEOVERS } from "../../../../src/resources/iam/escalation-paths.ts";
import { vetPolicy } from "../../../../src/resources/iam/vet-policy.ts";
import { testConfig } from "../../../support/effective-services.ts";

/** The corpora of policies: data that anybody may add to (test/corpus). */

const FOLDER = join(import.meta.dirname, "..", "..", "..", "corpus");
const ACCOUNT = "111122223333";

const judged = z.strictObject({
  name: z.string(),
  tenancy: z.array(z.string()).default([`arn:aws:*:*:${ACCOUNT}:*`, "arn:aws:s3:::*"]),
  trustedAccounts: z.array(z.string()).default([]),
  statements: z.array(statement),
});
const refused = judged.extend({ rule: z.string(), also: z.array(z.string()).default([]) });

function read<T>(file: string, schema: z.ZodType<T>): readonly T[] {
  return z.array(schema).parse(parse(readFileSync(join(FOLDER, file), "utf8")));
}

const PASS = read("policies-that-pass.yaml", judged);
const REFUSED = read("policies-that-are-refused.yaml", refused);

function reasons({ statements, tenancy, trustedAccounts }: z.output<typeof judged>): readonly string[] {
  const context = {
    accountId: ACCOUNT,
    region: "eu-west-1",
    trustedAccounts,
    resourceArns: tenancy,
    platformArns: platformArns(testConfig()),
  };
  return vetPolicy(statements, context).violations.map(({ reason }) => reason);
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
