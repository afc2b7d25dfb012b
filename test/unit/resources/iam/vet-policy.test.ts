import { describe, expect, test } from "vitest";
import type { Statement } from "../../../../src/crds/platform-service.ts";
import type { Waiver } from "../../../../src/resources/iam/rules/rule.ts";
import { vetPolicy } from "../../../../src/resources/iam/vet-policy.ts";

const ACCOUNT = "111122223333";
const TABLE = `arn:aws:dynamodb:eu-west-1:${ACCOUNT}:table/shipments`;
const ROLE = `arn:aws:iam::${ACCOUNT}:role/reports`;
const BUCKET = "arn:aws:s3:::meridian-tracking/inbox/*";

const context = {
  accountId: ACCOUNT,
  region: "eu-west-1",
  trustedAccounts: [],
  platformArns: [`arn:aws:iam::${ACCOUNT}:role/platform-operator*`],
  resourceArns: [`arn:aws:dynamodb:*:${ACCOUNT}:table/*`, "arn:aws:s3:::meridian-tracking/*", `arn:aws:iam::${ACCOUNT}:role/*`],
};

const statement: Statement = { sid: "Tables", effect: "Allow", actions: ["dynamodb:GetItem"], resources: [TABLE] };
const passRole: Statement = {
  ...statement,
  actions: ["iam:PassRole"],
  resources: [ROLE],
  conditions: [{ operator: "StringEquals", key: "iam:PassedToService", values: ["ecs-tasks.amazonaws.com"] }],
};
const condition = (operator: string, key = "aws:SourceVpc") => ({ operator, key, values: ["vpc-1"] });

function violationsOf(statements: readonly Statement[], within: Parameters<typeof vetPolicy>[1]) {
  return vetPolicy(statements, within).violations;
}

describe("allowed", () => {
  test.each<[string, Partial<Statement>]>([
    ["named actions on a named table", {}],
    ["a pattern that the tenancy covers", { resources: [`arn:aws:dynamodb:eu-west-1:${ACCOUNT}:table/ship*`] }],
    ["every region, where the tenancy has every region", { resources: [`arn:aws:dynamodb:*:${ACCOUNT}:table/shipments`] }],
    ["a prefix of a bucket, whose ARN has no account", { actions: ["s3:GetObject"], resources: [BUCKET] }],
    [
      "a policy variable where the tenancy has a wildcard",
      { actions: ["s3:GetObject"], resources: ["arn:aws:s3:::meridian-tracking/${aws:PrincipalTag/x}/*"] },
    ],
    ["an action without resources, on *", { actions: ["cloudwatch:PutMetricData", "xray:PutTraceSegments"], resources: ["*"] }],
    ["PassRole of a named role to one service", passRole],
    ["AssumeRole of a named role", { actions: ["sts:AssumeRole", "sts:TagSession"], resources: [ROLE] }],
    ["a Deny as wide as it gets", { effect: "Deny", actions: ["*"], resources: ["*"] }],
    ["a Deny by patterns, elsewhere", { effect: "Deny", actions: ["s3:Put*", "iam:*"], resources: ["arn:*:s3:::*"] }],
    ["a set operator", { conditions: [condition("ForAllValues:StringLikeIfExists")] }],
  ])("%s", (_, change) => {
    expect(violationsOf([{ ...statement, ...change }], context)).toEqual([]);
  });
});

describe("refused", () => {
  test.each<[string, Partial<Statement>, string[]]>([
    ["every action", { actions: ["*"] }, ["WildcardAction", "PassRoleUnbounded", "AssumeRoleUnbounded"]],
    ["a service's every action", { actions: ["dynamodb:*"] }, ["WildcardAction"]],
    ["a wildcard in an action's name", { actions: ["dynamodb:Get*"] }, ["WildcardAction"]],
    ["a question mark in an action's name", { actions: ["dynamodb:GetIte?"] }, ["WildcardAction"]],
    ["an action without a service", { actions: ["GetItem"] }, ["MalformedAction"]],
    ["an action with a space", { actions: ["dynamodb: GetItem"] }, ["MalformedAction"]],
    ["managing IAM", { actions: ["iam:CreateRole"], resources: [ROLE] }, ["IdentityAction"]],
    ["managing IAM, in another case", { actions: ["iam:attachROLEpolicy"], resources: [ROLE] }, ["IdentityAction"]],
    ["making credentials", { actions: ["sts:GetFederationToken"], resources: [ROLE] }, ["IdentityAction", "NothingToActOn"]],
    ["PassRole of anything", { ...passRole, resources: ["*"] }, ["PassRoleUnbounded", "PlatformsOwn", "WildcardResource"]],
    ["PassRole of a pattern", { ...passRole, resources: [`arn:aws:iam::${ACCOUNT}:role/*`] }, ["PassRoleUnbounded", "PlatformsOwn"]],
    ["PassRole in another case, of a pattern", { ...passRole, actions: ["iam:passrole"], resources: [`${ROLE}*`] }, ["PassRoleUnbounded"]],
    ["PassRole to any service", { ...passRole, conditions: undefined }, ["PassRoleUnbounded"]],
    [
      "PassRole to a pattern of services",
      { ...passRole, conditions: [{ operator: "StringEquals", key: "iam:PassedToService", values: ["*"] }] },
      ["PassRoleUnbounded"],
    ],
    [
      "PassRole where the service is unknown",
      { ...passRole, conditions: [condition("StringEqualsIfExists", "iam:PassedToService")] },
      ["PassRoleUnbounded"],
    ],
    [
      "PassRole of another account's role",
      { ...passRole, resources: ["arn:aws:iam::999999999999:role/reports"] },
      ["OtherAccount", "OutsideTenancy"],
    ],
    [
      "AssumeRole of a pattern",
      { actions: ["sts:AssumeRole"], resources: [`arn:aws:iam::${ACCOUNT}:role/*`] },
      ["AssumeRoleUnbounded", "PlatformsOwn"],
    ],
    [
      "AssumeRole of another account's role",
      { actions: ["sts:AssumeRole"], resources: ["arn:aws:iam::999999999999:role/x"] },
      ["OtherAccount", "OutsideTenancy"],
    ],
    ["every resource", { resources: ["*"] }, ["WildcardResource"]],
    [
      "every resource, beside an action that has none",
      { actions: ["cloudwatch:PutMetricData", "dynamodb:Scan"], resources: ["*"] },
      ["WildcardResource"],
    ],
    ["no ARN", { resources: ["table/shipments"] }, ["MalformedResource"]],
    ["an ARN cut short", { resources: ["arn:aws:dynamodb:eu-west-1"] }, ["MalformedResource"]],
    ["a wildcard for the service", { resources: [`arn:aws:*:eu-west-1:${ACCOUNT}:table/x`] }, ["MalformedResource", "OutsideTenancy"]],
    ["another account's table", { resources: ["arn:aws:dynamodb:eu-west-1:999999999999:table/x"] }, ["OtherAccount", "OutsideTenancy"]],
    ["any account's table", { resources: ["arn:aws:dynamodb:eu-west-1:*:table/x"] }, ["OtherAccount", "OutsideTenancy"]],
    ["another squad's queue", { actions: ["sqs:SendMessage"], resources: [`arn:aws:sqs:eu-west-1:${ACCOUNT}:pay`] }, ["OutsideTenancy"]],
    ["another squad's bucket", { actions: ["s3:GetObject"], resources: ["arn:aws:s3:::meridian-payments/*"] }, ["OutsideTenancy"]],
    [
      "the bucket whose name only starts alike",
      { actions: ["s3:GetObject"], resources: ["arn:aws:s3:::meridian-tracking*/x"] },
      ["OutsideTenancy"],
    ],
    [
      "an object named like an ARN of ours",
      { actions: ["s3:GetObject"], resources: [`arn:aws:s3:::other/:${ACCOUNT}:table/x`] },
      ["OutsideTenancy"],
    ],
    [
      "a variable that could be any bucket",
      { actions: ["s3:GetObject"], resources: ["arn:aws:s3:::${aws:PrincipalTag/bucket}/x"] },
      ["OutsideTenancy"],
    ],
    ["an operator that IAM has not", { conditions: [condition("StringMatches")] }, ["UnknownConditionOperator"]],
    ["NullIfExists", { conditions: [condition("NullIfExists")] }, ["UnknownConditionOperator"]],
    ["a key without a service", { conditions: [condition("StringEquals", "SourceVpc")] }, ["MalformedConditionKey"]],
    [
      "a value that no policy document may hold",
      { conditions: [{ operator: "StringLike", key: "s3:prefix", values: ["\u4e2d\u6587/*"] }] },
      ["MalformedConditionValue"],
    ],
    [
      "a value with a NUL",
      { conditions: [{ operator: "StringLike", key: "s3:prefix", values: ["a\u0000"] }] },
      ["MalformedConditionValue"],
    ],
    ["a resource that no policy document may hold", { actions: ["s3:GetObject"], resources: [`${BUCKET}/\u4e2d`] }, ["MalformedResource"]],
    [
      "a condition written twice",
      { conditions: [condition("StringEquals"), condition("StringEquals", "AWS:sourcevpc")] },
      ["RepeatedCondition"],
    ],
    ["a Deny of no action", { effect: "Deny", actions: ["everything"] }, ["MalformedAction"]],
    ["a Deny on no ARN", { effect: "Deny", resources: ["everything"] }, ["MalformedResource"]],
  ])("%s", (_, change, reasons) => {
    expect(violationsOf([{ ...statement, ...change }], context).map(({ reason }) => reason)).toEqual(reasons);
  });

  test("an operator called like what every object has, and nothing else is changed by it", () => {
    const names = ["constructor", "toString", "valueOf", "hasOwnProperty"];
    const conditions = names.map((name) => ({ operator: name, key: "aws:polluted", values: ["x"] }));
    expect(violationsOf([{ ...statement, conditions }], context).map(({ reason }) => reason)).toEqual(["UnknownConditionOperator"]);
    expect(names.filter((name) => Object.hasOwn(Object(Reflect.get({}, name)), "aws:polluted"))).toEqual([]);
  });

  test("a sid used twice", () => {
    expect(violationsOf([statement, { ...statement, resources: [`${TABLE}2`] }], context)).toEqual([
      {
        field: "spec.aws.policy.statements[Tables].sid",
        reason: "RepeatedSid",
        message: "statement Tables has a sid that another statement has; IAM wants each once: rename one",
      },
    ]);
  });

  test("a policy over IAM's quota, counted without white space", () => {
    const statements = [0, 1, 2, 3, 4].map((i) => ({
      ...statement,
      sid: `Tables${i}`,
      resources: [...Array(38).keys()].map((j) => `${TABLE}-${i}-${j}`),
    }));
    expect(violationsOf(statements, context).map(({ reason }) => reason)).toEqual(["PolicyTooLarge"]);
    expect(violationsOf(statements.slice(0, 4), context)).toEqual([]);
  });

  test("everything, where the namespace has no tenancy", () => {
    expect(violationsOf([statement], { ...context, resourceArns: [] })).toEqual([
      {
        field: "spec.aws.policy.statements[Tables].resources",
        reason: "OutsideTenancy",
        message: `statement Tables names ${TABLE}, but the configuration gives this namespace no resources; ask the platform team for a tenancy entry with resourceArns`,
      },
    ]);
  });
});

describe("a tenancy open to the whole account", () => {
  const open = { ...context, resourceArns: [`arn:aws:*:*:${ACCOUNT}:*`, "arn:aws:s3:::*"] };

  test("covers any resource of the account and any bucket", () => {
    expect(violationsOf([{ ...statement, resources: [`arn:aws:dynamodb:*:${ACCOUNT}:*`] }], open)).toEqual([]);
    expect(violationsOf([{ ...statement, actions: ["s3:GetObject"], resources: ["arn:aws:s3:::any/*"] }], open)).toEqual([]);
  });

  test("opens no other account", () => {
    expect(violationsOf([{ ...statement, resources: ["arn:aws:dynamodb:eu-west-1:999999999999:table/x"] }], open)).toHaveLength(2);
  });
});

describe("roles of a trusted account", () => {
  const TRUSTED = "444455556666";
  const THEIRS = `arn:aws:iam::${TRUSTED}:role/data/reports`;
  const trusting = {
    ...context,
    trustedAccounts: [TRUSTED],
    resourceArns: [...context.resourceArns, `arn:aws:iam::${TRUSTED}:*`, `arn:aws:dynamodb:*:${TRUSTED}:table/*`],
  };
  const assume: Statement = { ...statement, actions: ["sts:AssumeRole"], resources: [THEIRS] };
  const reasons = (change: Partial<Statement>, within = trusting) =>
    violationsOf([{ ...assume, ...change }], within).map(({ reason }) => reason);

  test.each<[string, Partial<Statement>]>([
    ["by name", {}],
    ["with session tags and a source identity", { actions: ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"] }],
    ["in another case", { actions: ["sts:assumerole"] }],
    ["beside a role of the account's own", { resources: [THEIRS, ROLE] }],
  ])("are assumed %s", (_, change) => {
    expect(reasons(change)).toEqual([]);
  });

  test("are not to be had in any other way", () => {
    const refused: [string, Partial<Statement>, string[]][] = [
      [
        "assumed by a statement that allows something else",
        { actions: ["sts:AssumeRole", "dynamodb:GetItem"] },
        ["OtherAccount", "NothingToActOn"],
      ],
      ["passed", { ...passRole, resources: [THEIRS] }, ["OtherAccount"]],
      ["assumed by a pattern", { resources: [`arn:aws:iam::${TRUSTED}:role/*`] }, ["AssumeRoleUnbounded"]],
      ["assumed by a variable", { resources: [`arn:aws:iam::${TRUSTED}:role/\${aws:PrincipalTag/x}`] }, ["AssumeRoleUnbounded"]],
      ["in any account", { resources: ["arn:aws:iam::*:role/reports"] }, ["AssumeRoleUnbounded", "OtherAccount", "OutsideTenancy"]],
      [
        "in accounts that begin alike",
        { resources: ["arn:aws:iam::44445555666?:role/x"] },
        ["AssumeRoleUnbounded", "OtherAccount", "OutsideTenancy"],
      ],
      ["users instead", { resources: [`arn:aws:iam::${TRUSTED}:user/reports`] }, ["AssumeRoleUnbounded", "OtherAccount", "NothingToActOn"]],
      ["tables instead", { actions: ["dynamodb:GetItem"], resources: [`arn:aws:dynamodb:eu-west-1:${TRUSTED}:table/x`] }, ["OtherAccount"]],
      ["in an account that is not listed", { resources: ["arn:aws:iam::999999999999:role/x"] }, ["OtherAccount", "OutsideTenancy"]],
    ];
    expect(refused.map(([way, change]) => [way, reasons(change)])).toEqual(refused.map(([way, , expected]) => [way, expected]));
  });

  test("are still the tenancy's to give", () => {
    expect(reasons({}, { ...trusting, resourceArns: context.resourceArns })).toEqual(["OutsideTenancy"]);
  });

  test("are what a refusal tells of, where a role of another account was to be assumed", () => {
    const outside = (actions: string[], trustedAccounts: string[]) =>
      violationsOf([{ ...assume, actions }], { ...trusting, trustedAccounts }).map(({ message }) => message);
    const without = `statement Tables reaches outside account ${ACCOUNT} by ${THEIRS}; write ${ACCOUNT} as the account, or remove it`;
    expect(outside(["iam:PassRole"], [])).toContain(without);
    expect(outside(["sts:AssumeRole"], [])).toEqual([
      `${without}; roles to assume may be of accounts that the platform team lists under identity.trustedAccounts (now none), in a statement that allows nothing else`,
    ]);
    expect(outside(["sts:AssumeRole"], ["777788889999"])).toEqual([expect.stringContaining("identity.trustedAccounts (now 777788889999)")]);
  });
});

describe("a message says what is wrong and what to write instead:", () => {
  const KEY = `arn:aws:kms:eu-west-1:${ACCOUNT}:key/*`;
  const open = { ...context, resourceArns: [`arn:aws:*:*:${ACCOUNT}:*`, "arn:aws:s3:::*"] };
  test.each<[string, Partial<Statement>, string]>([
    [
      "WildcardAction",
      { actions: ["dynamodb:Quer*"] },
      "grants dynamodb:Quer*; name each action that the service calls, of dynamodb:Query",
    ],
    [
      "UnknownAction",
      { actions: ["dynamodb:GetItems"] },
      "has dynamodb:GetItems, which no service of AWS has; write dynamodb:GetItem, if that is what is meant",
    ],
    [
      "UnknownAction",
      { actions: ["s3:HeadObject"] },
      "has s3:HeadObject, which no service of AWS has; write s3:GetObject, if that is what is meant",
    ],
    [
      "UnknownAction",
      { actions: ["frobnicate:Everything"] },
      "has frobnicate:Everything, which no service of AWS has; look it up in AWS's Service Authorization Reference, where not every action is called as the operation of the API",
    ],
    [
      "WildcardResource",
      { resources: ["*"] },
      "grants dynamodb:GetItem on every resource; name the ARNs, as arn:aws:dynamodb:eu-west-1:111122223333:table/${TableName}, and put actions that have no resource into a statement of their own",
    ],
    [
      "NothingToActOn",
      { actions: ["s3:GetObject"], resources: ["arn:aws:s3:::meridian-tracking"] },
      "grants s3:GetObject, which acts on none of its resources; write arn:aws:s3:::${BucketName}/${ObjectName}",
    ],
    [
      "NothingToActOn",
      { actions: ["cloudwatch:PutMetricData"] },
      'grants cloudwatch:PutMetricData, which acts on none of its resources; write "*" in a statement of its own, since cloudwatch:PutMetricData needs no resource',
    ],
    [
      "PermissionsManagement",
      { actions: ["s3:PutBucketPolicy"], resources: ["arn:aws:s3:::meridian-tracking"] },
      "grants s3:PutBucketPolicy, by which the service could let others at what it reaches; remove it: who may is for the code that makes the resource, as Terraform",
    ],
    [
      "TakesOver",
      { actions: ["lambda:UpdateFunctionCode"], resources: [`arn:aws:lambda:eu-west-1:${ACCOUNT}:function:x`] },
      "grants lambda:UpdateFunctionCode, by which one acts with the rights of a role that something else has: remove it and let a pipeline do it, or ask the platform team for a waiver",
    ],
    [
      "PlatformsOwn",
      { actions: ["sts:AssumeRole"], resources: [`arn:aws:iam::${ACCOUNT}:role/platform-operator/a`] },
      `names arn:aws:iam::${ACCOUNT}:role/platform-operator/a, which is or may be a role or policy that the platform keeps; name a role outside arn:aws:iam::${ACCOUNT}:role/platform-operator*`,
    ],
    [
      "AccountWideWrite",
      { actions: ["ecr:PutReplicationConfiguration"], resources: ["*"] },
      "grants ecr:PutReplicationConfiguration, which AWS can bound by no resource and so changes what is all services' in the account; remove it, and let the code that makes the account do it",
    ],
    [
      "EverySecret",
      { actions: ["kms:Decrypt"], resources: [KEY] },
      `names ${KEY}, which may be every secret, parameter or key that there is; begin the name by three characters, as secret:tracking/*; of a key write its id, or key/* with the condition operator ForAnyValue:StringEquals, key kms:ResourceAliases, values [alias/tracking]`,
    ],
  ])("%s", (reason, change, text) => {
    expect(violationsOf([{ ...statement, ...change }], open)).toEqual([
      { field: expect.stringMatching(/^spec\.aws\.policy\.statements\[Tables\]\./), reason, message: `statement Tables ${text}` },
    ]);
  });

  test("PassesAndRuns names both statements", () => {
    const run = {
      ...statement,
      sid: "Run",
      actions: ["ecs:RunTask"],
      resources: [`arn:aws:ecs:eu-west-1:${ACCOUNT}:task-definition/batch:*`],
    };
    expect(violationsOf([{ ...passRole, sid: "Pass" }, run], open)).toEqual([
      {
        field: "spec.aws.policy.statements[Run].actions",
        reason: "PassesAndRuns",
        message:
          "statement Run grants ecs:RunTask, and statement Pass iam:PassRole: together they run something with the rights of the role that is passed; keep the one that the service needs while it runs and let a pipeline do the other, or ask the platform team for a waiver of both statements",
      },
    ]);
    const toLambda = [{ operator: "StringEquals", key: "iam:PassedToService", values: ["lambda.amazonaws.com"] }];
    expect(violationsOf([{ ...passRole, sid: "Pass", conditions: toLambda }, run], open)).toEqual([]);
  });
});

describe("what the platform says beside the rules", () => {
  const judged = (change: Partial<Statement>, within: object) =>
    violationsOf([{ ...statement, ...change }], { ...context, ...within }).map(({ reason, message }) => ({ reason, message }));

  test("an action that is denied, in any case, and a pattern that grants one", () => {
    const within = { deniedActions: ["DynamoDB:Delete*".toLowerCase(), "s3:*"] };
    expect(judged({}, within)).toEqual([]);
    expect(judged({ actions: ["dynamodb:GetItem", "dynamodb:DELETEitem"] }, within)).toEqual([
      {
        reason: "DeniedAction",
        message:
          "statement Tables grants dynamodb:DELETEitem, which the platform denies services of this tier or of all; remove it, or ask the platform team",
      },
    ]);
    expect(judged({ actions: ["dynamodb:D*"] }, within).map(({ reason }) => reason)).toEqual(["WildcardAction", "DeniedAction"]);
    expect(judged({ effect: "Deny", actions: ["dynamodb:DeleteItem"] }, within)).toEqual([]);
  });

  test("an action outside one of the lists of what is allowed", () => {
    expect(judged({}, { allowedActions: [["*"], ["dynamodb:Get*"]] })).toEqual([]);
    expect(judged({ actions: ["dynamodb:PutItem"] }, { allowedActions: [["dynamodb:*"], ["dynamodb:Get*", "s3:*"]] })).toEqual([
      {
        reason: "ActionNotAllowed",
        message:
          "statement Tables grants dynamodb:PutItem, which is not among what the platform allows; stay within dynamodb:* and dynamodb:Get*, s3:*, or ask the platform team",
      },
    ]);
  });
});

describe("a waiver", () => {
  const waiver: Waiver = { rule: "WildcardAction", actions: ["dynamodb:Get*"], resources: ["*"], reason: "reports read it all" };
  const wild = { ...statement, actions: ["dynamodb:GetI*"] };
  const vetted = (statements: readonly Statement[], ...waivers: readonly Waiver[]) => vetPolicy(statements, { ...context, waivers });

  test("lets a statement pass that it covers, and is told with its reason", () => {
    expect(vetted([wild], waiver)).toEqual({
      violations: [],
      waived: ["statement Tables: WildcardAction is waived (reports read it all)"],
    });
  });

  test.each<[string, Partial<Statement>, Partial<Waiver>]>([
    ["an action that it does not cover", { actions: ["dynamodb:GetI*", "dynamodb:PutI*"] }, {}],
    ["a wider action", { actions: ["dynamodb:G*"] }, {}],
    ["a resource that it does not cover", {}, { resources: [`${TABLE}-2`] }],
    ["another rule", {}, { rule: "UnknownAction" }],
  ])("does not where the statement has %s", (_, change, ofWaiver) => {
    const { violations, waived } = vetted([{ ...wild, ...change }], { ...waiver, ...ofWaiver });
    expect([violations.map(({ reason }) => reason), waived]).toEqual([["WildcardAction"], []]);
  });

  test("of one that passes a role and one that runs something has to cover both", () => {
    const run = {
      ...statement,
      sid: "Run",
      actions: ["ecs:RunTask"],
      resources: [`arn:aws:ecs:eu-west-1:${ACCOUNT}:task-definition/batch:*`],
    };
    const within = { ...context, resourceArns: [`arn:aws:*:*:${ACCOUNT}:*`] };
    const ofBoth: Waiver = {
      rule: "PassesAndRuns",
      actions: ["iam:PassRole", "ecs:*"],
      resources: [ROLE, "arn:aws:ecs:*"],
      reason: "batch",
    };
    const reasons = (...waivers: readonly Waiver[]) =>
      vetPolicy([passRole, run], { ...within, waivers }).violations.map(({ reason }) => reason);
    expect(reasons(ofBoth)).toEqual([]);
    expect(reasons({ ...ofBoth, resources: [`${ROLE}-2`, "arn:aws:ecs:*"] })).toEqual(["PassesAndRuns"]);
    expect(reasons({ ...ofBoth, actions: ["ecs:*"] })).toEqual(["PassesAndRuns"]);
  });

  test("of an action that nobody knows leaves it judged by its service, and by its resources", () => {
    const unknown: Waiver = { rule: "UnknownAction", actions: ["*"], resources: ["*"], reason: "new" };
    expect(vetted([{ ...statement, actions: ["dynamodb:BrandNew"] }], unknown).violations).toEqual([]);
    const reasons = (change: Partial<Statement>) => vetted([{ ...statement, ...change }], unknown).violations.map(({ reason }) => reason);
    expect(reasons({ actions: ["lambda:BrandNew"], resources: ["*"] })).toEqual(["WildcardResource"]);
    expect(reasons({ actions: ["sts:BrandNew"] })).toEqual(["IdentityAction"]);
  });

  test("of what is granted by its wildcards the other rules are still asked", () => {
    const all = { ...waiver, actions: ["*"] };
    expect(vetted([{ ...statement, actions: ["iam:*"], resources: [ROLE] }], all).violations.map(({ reason }) => reason)).toEqual([
      "PassRoleUnbounded",
      "IdentityAction",
    ]);
  });
});
