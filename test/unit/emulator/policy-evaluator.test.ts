import { describe, expect, test } from "vitest";
import { parsePolicy } from "../../../emulator/authorization/policy-document.ts";
import { evaluate, evaluateGrants } from "../../../emulator/authorization/iam-policy-evaluator.ts";
import { matchesArn, matchesPattern } from "../../../emulator/authorization/match.ts";

type Keys = Readonly<Record<string, readonly string[]>>;

function keysOf(keys: Keys): ReadonlyMap<string, readonly string[]> {
  return new Map(Object.entries(keys).map(([key, values]) => [key.toLowerCase(), values]));
}

function policy(...statements: readonly object[]): ReturnType<typeof parsePolicy> {
  return parsePolicy({ Version: "2012-10-17", Statement: statements });
}

const ROLE = "arn:aws:iam::111122223333:role/ours/a";

function decide(statements: readonly object[], keys: Keys = {}, action = "iam:GetRole", resource = ROLE): string {
  return evaluate([policy(...statements)], { action, resource, keys: keysOf(keys) }).effect;
}

function holds(condition: object, keys: Keys): boolean {
  return decide([{ Effect: "Allow", Action: "*", Resource: "*", Condition: condition }], keys) === "allow";
}

const ALL = { Effect: "Allow", Action: "*", Resource: "*" };

describe("a policy's decision", () => {
  test.each<[string, readonly object[], string]>([
    ["nothing allows by default", [], "implicitDeny"],
    ["a statement that names action and resource allows", [{ Effect: "Allow", Action: "iam:GetRole", Resource: ROLE }], "allow"],
    ["actions are without case", [{ Effect: "Allow", Action: "IAM:getrole", Resource: "*" }], "allow"],
    ["resources are with case", [{ Effect: "Allow", Action: "*", Resource: ROLE.toUpperCase() }], "implicitDeny"],
    ["a wildcard in an action", [{ Effect: "Allow", Action: "iam:Get*", Resource: "*" }], "allow"],
    ["a wildcard in a resource goes past slashes", [{ Effect: "Allow", Action: "*", Resource: "arn:aws:iam::*:role/*" }], "allow"],
    ["another path does not fit", [{ Effect: "Allow", Action: "*", Resource: "arn:aws:iam::111122223333:role/theirs/*" }], "implicitDeny"],
    ["NotAction allows everything else", [{ Effect: "Allow", NotAction: "s3:*", Resource: "*" }], "allow"],
    ["NotAction leaves out what it names", [{ Effect: "Allow", NotAction: "iam:*", Resource: "*" }], "implicitDeny"],
    ["NotResource leaves out what it names", [{ Effect: "Allow", Action: "*", NotResource: ROLE }], "implicitDeny"],
    ["a deny wins", [ALL, { Effect: "Deny", Action: "iam:GetRole", Resource: "*" }], "explicitDeny"],
    ["a deny elsewhere does not", [ALL, { Effect: "Deny", Action: "iam:DeleteRole", Resource: "*" }], "allow"],
  ])("%s", (_, statements, expected) => {
    expect(
      statements.length === 0 ? evaluate([], { action: "iam:GetRole", resource: ROLE, keys: new Map() }).effect : decide(statements),
    ).toBe(expected);
  });

  test("a boundary must allow too, and its deny is a deny", () => {
    const request = { action: "iam:GetRole", resource: ROLE, keys: new Map() };
    const s3 = policy({ Effect: "Allow", Action: "s3:*", Resource: "*" });
    const deny = policy(ALL, { Effect: "Deny", Action: "iam:*", Resource: "*" });
    const effects = [[], [policy(ALL)], [s3], [deny]].map((limits) => evaluateGrants({ identity: [policy(ALL)], limits }, request).effect);
    expect(effects).toEqual(["allow", "allow", "implicitDeny", "explicitDeny"]);
  });

  test("a boundary alone allows nothing", () => {
    const request = { action: "iam:GetRole", resource: ROLE, keys: new Map() };
    expect(evaluateGrants({ identity: [], limits: [policy(ALL)] }, request).effect).toBe("implicitDeny");
  });

  test("variables take the request's values, and a missing one makes the statement not apply", () => {
    const own = [{ Effect: "Allow", Action: "*", Resource: "arn:aws:iam::111122223333:role/${aws:PrincipalTag/team}/*" }];
    expect(decide(own, { "aws:PrincipalTag/team": ["ours"] })).toBe("allow");
    expect(decide(own, { "aws:PrincipalTag/team": ["theirs"] })).toBe("implicitDeny");
    expect(decide(own)).toBe("implicitDeny");
  });
});

describe("a condition", () => {
  const name = { "aws:RequestTag/owner": ["us"] };
  test.each<[string, object, Keys, boolean]>([
    ["StringEquals takes any of its values", { StringEquals: { "aws:RequestTag/owner": ["them", "us"] } }, name, true],
    ["StringEquals has no wildcards", { StringEquals: { "aws:RequestTag/owner": "u*" } }, name, false],
    ["StringLike has", { StringLike: { "aws:RequestTag/owner": "u?" } }, name, true],
    ["keys are without case", { StringEquals: { "AWS:requesttag/OWNER": "us" } }, name, true],
    ["an absent key does not equal", { StringEquals: { "aws:RequestTag/owner": "us" } }, {}, false],
    ["an absent key is not equal", { StringNotEquals: { "aws:RequestTag/owner": "us" } }, {}, true],
    ["StringNotEquals refuses every one of its values", { StringNotEquals: { "aws:RequestTag/owner": ["them", "us"] } }, name, false],
    ["IfExists passes over an absent key", { StringEqualsIfExists: { "aws:RequestTag/owner": "us" } }, {}, true],
    ["IfExists tests one that is there", { StringEqualsIfExists: { "aws:RequestTag/owner": "them" } }, name, false],
    ["Null true means absent", { Null: { "iam:PermissionsBoundary": "true" } }, {}, true],
    ["Null false means there", { Null: { "iam:PermissionsBoundary": "false" } }, {}, false],
    [
      "ForAllValues holds when each value fits",
      { "ForAllValues:StringLike": { "aws:TagKeys": "ours/*" } },
      { "aws:TagKeys": ["ours/a", "ours/b"] },
      true,
    ],
    [
      "ForAllValues fails for one that does not",
      { "ForAllValues:StringLike": { "aws:TagKeys": "ours/*" } },
      { "aws:TagKeys": ["ours/a", "b"] },
      false,
    ],
    ["ForAllValues holds for no key at all", { "ForAllValues:StringEquals": { "aws:TagKeys": "a" } }, {}, true],
    ["ForAnyValue needs one", { "ForAnyValue:StringEquals": { "aws:TagKeys": "a" } }, { "aws:TagKeys": ["b", "a"] }, true],
    ["ForAnyValue fails for no key at all", { "ForAnyValue:StringEquals": { "aws:TagKeys": "a" } }, {}, false],
    [
      "ArnLike compares part by part",
      { ArnLike: { "iam:PolicyARN": "arn:aws:iam::*:policy/*" } },
      { "iam:PolicyARN": ["arn:aws:iam::1:policy/a/b"] },
      true,
    ],
    [
      "ArnEquals has wildcards too",
      { ArnEquals: { "iam:PolicyARN": "arn:aws:iam::1:policy/*" } },
      { "iam:PolicyARN": ["arn:aws:iam::1:policy/a"] },
      true,
    ],
    [
      "ArnNotLike is its opposite",
      { ArnNotLike: { "iam:PolicyARN": "arn:aws:iam::1:*" } },
      { "iam:PolicyARN": ["arn:aws:iam::1:policy/a"] },
      false,
    ],
    ["Bool", { Bool: { "aws:SecureTransport": "true" } }, { "aws:SecureTransport": ["true"] }, true],
    ["a number below another", { NumericLessThan: { "s3:max-keys": "10" } }, { "s3:max-keys": ["9"] }, true],
    [
      "a date after another",
      { DateGreaterThan: { "aws:CurrentTime": "2026-01-01T00:00:00Z" } },
      { "aws:CurrentTime": ["2026-02-01T00:00:00Z"] },
      true,
    ],
    ["an address in a range", { IpAddress: { "aws:SourceIp": "127.0.0.0/8" } }, { "aws:SourceIp": ["127.0.0.1"] }, true],
    ["all conditions must hold", { StringEquals: { "aws:RequestTag/owner": "us" }, Null: { "aws:TagKeys": "false" } }, name, false],
  ])("%s", (_, condition, keys, expected) => {
    expect(holds(condition, keys)).toBe(expected);
  });
});

describe("wildcards", () => {
  test("end even where a backtracking matcher would not", () => {
    expect(matchesPattern("a*".repeat(30) + "b", "a".repeat(5_000))).toBe(false);
  });

  test("an ARN's part does not take in the next", () => {
    expect(matchesArn("arn:aws:*:role/a", "arn:aws:iam::1:role/a")).toBe(false);
    expect(matchesArn("arn:aws:iam::*:role/a", "arn:aws:iam::1:role/a")).toBe(true);
  });
});
