import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { platformArns } from "../../src/crds/aws-names.ts";
import type { Violation } from "../../src/crds/desired.ts";
import { statement } from "../../src/crds/service/aws.ts";
import { joined } from "../../src/resources/bounded-text.ts";
import { vetPolicy } from "../../src/resources/iam/vet-policy.ts";
import { testConfig } from "./effective-services.ts";

/** The corpora of policies: data that anybody may add to (test/corpus). */

const FOLDER = join(import.meta.dirname, "..", "corpus");
const ACCOUNT = "111122223333";

/** A policy, and what its namespace may name. */
export const judged = z.strictObject({
  name: z.string(),
  tenancy: z.array(z.string()).default([`arn:aws:*:*:${ACCOUNT}:*`, "arn:aws:s3:::*"]),
  trustedAccounts: z.array(z.string()).default([]),
  statements: z.array(statement),
});
const refused = judged.extend({ rule: z.string(), also: z.array(z.string()).default([]) });

/** A file of test/corpus. */
export function readCorpus<T>(file: string, schema: z.ZodType<T>): T {
  return schema.parse(parse(readFileSync(join(FOLDER, file), "utf8")));
}

export const PASS = readCorpus("policies-that-pass.yaml", z.array(judged));
export const REFUSED = readCorpus("policies-that-are-refused.yaml", z.array(refused));

/** What is wrong with a policy in the account of the corpora. */
export function violationsOf({ statements, tenancy, trustedAccounts }: Omit<z.output<typeof judged>, "name">): readonly Violation[] {
  const context = {
    accountId: ACCOUNT,
    region: "eu-west-1",
    trustedAccounts,
    resourceArns: tenancy,
    platformArns: platformArns(testConfig()),
  };
  return vetPolicy(statements, context).violations;
}

/** As SpecValid says it. */
export function messageOf(policy: Omit<z.output<typeof judged>, "name">): string {
  return joined(violationsOf(policy).map(({ field, message }) => `${field}: ${message}`));
}
