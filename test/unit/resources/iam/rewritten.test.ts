import { expect, test } from "vitest";
import { z } from "zod";
import { statement } from "../../../../src/crds/service/aws.ts";
import { messageOf, readCorpus, REFUSED, violationsOf } from "../../../support/policy-corpus.ts";
import { tally } from "../../../support/tally.ts";

/** A refusal says what to write instead: what a reader wrote, who was given nothing but the policy and its message, is judged as the policy was. */

const rewritten = z.strictObject({ name: z.string(), told: z.string(), statements: z.array(statement), unclear: z.string().optional() });
const REWRITTEN = readCorpus("policies-rewritten.yaml", z.array(rewritten));
const SHARE = 0.95;
const POLICIES = new Map(REFUSED.map((policy) => [policy.name, policy]));

test("of the refused policies that a reader has rewritten by their messages alone, ninety-five in a hundred pass: of all, and of those that have anything left", () => {
  const again = REWRITTEN.filter(isRefusedAgain);
  tally({ what: "refused policies rewritten by their message", tried: REWRITTEN.length, held: REWRITTEN.length - again.length });
  const withStatements = REWRITTEN.filter(({ statements }) => statements.length > 0);
  expect(withStatements.length).toBeGreaterThan(80);
  expect(again.map(({ name }) => name).slice(Math.floor(withStatements.length * (1 - SHARE)))).toEqual([]);
});

function isRefusedAgain({ name, statements }: z.output<typeof rewritten>): boolean {
  const policy = POLICIES.get(name);
  if (policy === undefined) throw new Error(`no refused policy is called "${name}"`);
  return violationsOf({ ...policy, statements }).length > 0;
}

test("each was told what is said of the policy today", () => {
  const today = new Map(REFUSED.map((policy) => [policy.name, messageOf(policy)]));
  expect(REWRITTEN.filter(({ name, told }) => told !== today.get(name)).map(({ name }) => ({ name, told: today.get(name) }))).toEqual([]);
});
