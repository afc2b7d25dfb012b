import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parsePolicyDocument, samePolicyDocument } from "../../../src/aws/policy-document.ts";
import type { PolicyDocument } from "../../../src/crds/desired.ts";

const document: PolicyDocument = {
  Version: "2012-10-17",
  Statement: [
    { Sid: "A", Effect: "Allow", Action: ["s3:GetObject", "s3:PutObject"], Resource: ["arn:1", "arn:2"] },
    { Effect: "Deny", Action: "s3:DeleteObject", Resource: "*", Condition: { Bool: { "aws:SecureTransport": "false" } } },
  ],
};
const same = (text: string) => samePolicyDocument(document, parsePolicyDocument(text));

describe("means the same", () => {
  test.each<[string, (text: string) => string]>([
    ["as written", (text) => text],
    ["URL-encoded, as AWS answers", encodeURIComponent],
    ["laid out over lines", (text) => `\n  ${JSON.stringify(JSON.parse(text), null, 2)}\n`],
    ["a list of one for a string", (text) => text.replace('"s3:DeleteObject"', '["s3:DeleteObject"]').replace('"false"', '["false"]')],
    ["actions in another order", (text) => text.replace('"s3:GetObject","s3:PutObject"', '"s3:PutObject","s3:GetObject"')],
    ["a resource twice", (text) => text.replace('"arn:2"', '"arn:2","arn:2"')],
    ["statements in another order", (text) => JSON.stringify({ ...JSON.parse(text), Statement: JSON.parse(text).Statement.toReversed() })],
  ])("%s", (_, change) => {
    expect(same(change(JSON.stringify(document)))).toBe(true);
  });

  test("one statement outside a list", () => {
    const [statement] = document.Statement;
    expect(
      samePolicyDocument(
        { Version: "v", Statement: statement ? [statement] : [] },
        parsePolicyDocument(JSON.stringify({ Version: "v", Statement: statement })),
      ),
    ).toBe(true);
  });

  test("whatever text it holds, encoded", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const odd: PolicyDocument = { Version: "v", Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource: text }] };
        expect(samePolicyDocument(odd, parsePolicyDocument(encodeURIComponent(JSON.stringify(odd))))).toBe(true);
      }),
    );
  });
});

describe("means something else", () => {
  test.each<[string, (text: string) => string]>([
    ["an action more", (text) => text.replace('"s3:GetObject"', '"s3:GetObject","s3:ListBucket"')],
    ["a condition less", (text) => text.replace(/,"Condition":\{.*?\}\}/, "")],
    ["another effect", (text) => text.replace("Deny", "Allow")],
    ["another sid", (text) => text.replace('"Sid":"A"', '"Sid":"B"')],
    ["another version", (text) => text.replace("2012-10-17", "2008-10-17")],
    ["NotAction", (text) => text.replace('"Action"', '"NotAction"')],
    ["a principal of anybody", (text) => text.replace('"Effect":"Deny"', '"Effect":"Deny","Principal":"*"')],
    ["no JSON", () => "{"],
    ["no URL encoding", () => "%E0%A4%A"],
    ["nothing", () => ""],
  ])("%s", (_, change) => {
    expect(same(change(JSON.stringify(document)))).toBe(false);
  });
});
