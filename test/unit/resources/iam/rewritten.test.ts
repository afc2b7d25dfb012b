import { expect, test } from "vitest";
import { z } from "zod";
import { statement } from "../../../../src/crds/service/aws.ts";
import { readCorpus, REFUSED, violationsOf } from "../../../support/policy-corpus.ts";
import { tally } from "../../../support/tally.ts";

/** A refusal says what to write instead: what a reader wrote, who was given nothing but the policy and its message, is judged as the policy was. */

const rewritten = z.strictObject({ name: z.string(), told: z.string(), statements: z.array(statement), unclear: z.string().optional() });
const REWRITTEN = readCorpus("policies-rewritten.yaml", z.array(rewritten));
const SHARE = 0.95;

test("of the refused policies that a reader has rewritten by their messages alone, ninety-five in a hundred pass", () => {
  const policies = new Map(REFUSED.map((policy) => [policy.name, policy]));
  const refusedAgain = REWRITTEN.filter(({ name, statements }) => {
    const policy = policies.get(name);
    if (policy === undefined) throw new Error(`no refused policy is called "${name}"`);
    return violationsOf({ ...policy, statements }).length > 0;
  });
  tally({ what: "refused policies rewritten by their message", tried: REWRITTEN.length, held: REWRITTEN.length - refusedAgain.length });
  expect(REWRITTEN.length).toBeGreaterThanOrEqual(150);
  expect(refusedAgain.map(({ name }) => name).slice(Math.floor(REWRITTEN.length * (1 - SHARE)))).toEqual([]);
});

test("what has anything left is as much as what has nothing left", () => {
  expect(REWRITTEN.filter(({ statements }) => statements.length > 0).length).toBeGreaterThan(REWRITTEN.length / 2);
});
