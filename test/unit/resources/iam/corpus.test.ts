import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { statement } from "../../../../src/crds/service/aws.ts";
import { actionsMatching } from "../../../../src/resources/iam/catalogue.ts";
import { LAUNCHES, TAKEOVERS } from "../../../../src/resources/iam/escalation-paths.ts";
import { vetPolicy } from "../../../../src/resources/iam/vet-policy.ts";

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
  const platformArns = [`arn:aws:iam::${ACCOUNT}:role/platform-operator*`, `arn:aws:iam::${ACCOUNT}:policy/platform-operator*`];
  const context = { accountId: ACCOUNT, region: "eu-west-1", trustedAccounts, resourceArns: tenancy, platformArns };
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
  const actions = [...Object.keys(TAKEOVERS), ...LAUNCHES.flatMap((launch) => launch.actions)];
  expect(actions.filter((action) => actionsMatching(action)[0]?.name !== action)).toEqual([]);
});
