import { CreateRepositoryCommand, DescribeRepositoriesCommand, TagResourceCommand } from "@aws-sdk/client-ecr";
import {
  AttachRolePolicyCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  GetRoleCommand,
  ListRolesCommand,
  PutRolePermissionsBoundaryCommand,
  TagRoleCommand,
} from "@aws-sdk/client-iam";
import { expect, test } from "vitest";
import { ACCOUNT, aws, EC2_TRUST, outcome, REGION, type Aws } from "./clients.ts";

const KEY = "AKIAOPERATOR";
const BOUNDARY = `arn:aws:iam::${ACCOUNT}:policy/boundary`;

function operator(...statements: readonly object[]): Promise<Aws> {
  const policy = { Version: "2012-10-17", Statement: statements };
  return aws({ principals: [{ accessKeyId: KEY, arn: `arn:aws:iam::${ACCOUNT}:role/operator`, policy }] });
}

async function boundaryPolicy({ iam }: Aws, PolicyName = "boundary"): Promise<void> {
  const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "*" }] });
  await iam.send(new CreatePolicyCommand({ PolicyName, PolicyDocument }));
}

test("creating with tags needs the permission to tag as well", async () => {
  const world = await operator({ Effect: "Allow", Action: ["iam:CreateRole", "ecr:CreateRepository"], Resource: "*" });
  const { iam, ecr } = world.as(KEY);
  const role = { RoleName: "a", AssumeRolePolicyDocument: EC2_TRUST };
  const Tags = [{ Key: "a", Value: "b" }];
  await expect(iam.send(new CreateRoleCommand({ ...role, Tags }))).rejects.toThrow(/not authorized to perform: iam:TagRole on resource/);
  await expect(ecr.send(new CreateRepositoryCommand({ repositoryName: "ab", tags: Tags }))).rejects.toThrow(/perform: ecr:TagResource/);
  expect(await outcome(iam.send(new CreateRoleCommand(role)))).toBe("ok");
});

test("each key of a principal with many is a caller of its own, under the principal's policy", async () => {
  const policy = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "iam:GetRole", Resource: "*" }] };
  const world = await aws({ principals: [{ accessKeyId: `${KEY}*`, arn: `arn:aws:iam::${ACCOUNT}:role/operator`, policy }] });
  await world.iam.send(new CreateRoleCommand({ RoleName: "a", AssumeRolePolicyDocument: EC2_TRUST }));
  for (const key of [`${KEY}1`, `${KEY}2`]) {
    const { iam } = world.as(key);
    expect(await outcome(iam.send(new GetRoleCommand({ RoleName: "a" })))).toBe("ok");
    expect(await outcome(iam.send(new ListRolesCommand({})))).toBe("AccessDenied");
  }
  const actions = await world.admin.actions();
  expect(actions.slice(-4).map(({ accessKeyId }) => accessKeyId)).toEqual([`${KEY}1`, `${KEY}1`, `${KEY}2`, `${KEY}2`]);
  expect(await outcome(world.as("AKIAOTHER").iam.send(new GetRoleCommand({ RoleName: "a" })))).toBe("InvalidClientTokenId");
});

test("a condition on a key that the action has not denies always", async () => {
  const world = await operator({
    Effect: "Allow",
    Action: ["iam:TagRole", "iam:GetRole"],
    Resource: "*",
    Condition: { StringEquals: { "iam:PermissionsBoundary": BOUNDARY } },
  });
  await boundaryPolicy(world);
  await world.iam.send(new CreateRoleCommand({ RoleName: "a", AssumeRolePolicyDocument: EC2_TRUST, PermissionsBoundary: BOUNDARY }));
  const { iam } = world.as(KEY);
  expect(await outcome(iam.send(new GetRoleCommand({ RoleName: "a" })))).toBe("ok");
  expect(await outcome(iam.send(new TagRoleCommand({ RoleName: "a", Tags: [] })))).toBe("AccessDenied");
});

test("the boundary in PutRolePermissionsBoundary is the one asked for", async () => {
  const world = await operator({
    Effect: "Allow",
    Action: "iam:PutRolePermissionsBoundary",
    Resource: "*",
    Condition: { StringEquals: { "iam:PermissionsBoundary": BOUNDARY } },
  });
  await boundaryPolicy(world);
  await boundaryPolicy(world, "other");
  await world.iam.send(new CreateRoleCommand({ RoleName: "a", AssumeRolePolicyDocument: EC2_TRUST }));
  const put = (PermissionsBoundary: string): Promise<string> =>
    outcome(world.as(KEY).iam.send(new PutRolePermissionsBoundaryCommand({ RoleName: "a", PermissionsBoundary })));
  expect(await put(BOUNDARY)).toBe("ok");
  expect(await put(`arn:aws:iam::${ACCOUNT}:policy/other`)).toBe("AccessDenied");
});

test("AttachRolePolicy has the policy's ARN", async () => {
  const world = await operator({
    Effect: "Allow",
    Action: "iam:AttachRolePolicy",
    Resource: "*",
    Condition: { ArnEquals: { "iam:PolicyARN": BOUNDARY } },
  });
  await boundaryPolicy(world);
  await boundaryPolicy(world, "other");
  await world.iam.send(new CreateRoleCommand({ RoleName: "a", AssumeRolePolicyDocument: EC2_TRUST }));
  const attach = (PolicyArn: string): Promise<string> =>
    outcome(world.as(KEY).iam.send(new AttachRolePolicyCommand({ RoleName: "a", PolicyArn })));
  expect([await attach(BOUNDARY), await attach(`arn:aws:iam::${ACCOUNT}:policy/other`)]).toEqual(["ok", "AccessDenied"]);
});

test("an action without a resource needs a statement on all of them", async () => {
  const world = await operator({ Effect: "Allow", Action: "iam:ListRoles", Resource: `arn:aws:iam::${ACCOUNT}:role/*` });
  expect(await outcome(world.as(KEY).iam.send(new ListRolesCommand({})))).toBe("AccessDenied");
});

test("tagging a foreign repository is told from tagging ours", async () => {
  const world = await operator({
    Effect: "Allow",
    Action: "ecr:TagResource",
    Resource: "*",
    Condition: { StringEquals: { "ecr:ResourceTag/owner": "us" } },
  });
  await world.ecr.send(new CreateRepositoryCommand({ repositoryName: "ours", tags: [{ Key: "owner", Value: "us" }] }));
  await world.ecr.send(new CreateRepositoryCommand({ repositoryName: "theirs" }));
  const tag = (name: string): Promise<string> => {
    const resourceArn = `arn:aws:ecr:${REGION}:${ACCOUNT}:repository/${name}`;
    return outcome(world.as(KEY).ecr.send(new TagResourceCommand({ resourceArn, tags: [{ Key: "owner", Value: "us" }] })));
  };
  expect([await tag("ours"), await tag("theirs")]).toEqual(["ok", "AccessDeniedException"]);
});

const ON_PATH = { Effect: "Allow", Action: "iam:GetRole", Resource: `arn:aws:iam::${ACCOUNT}:role/ours/*` };

test("a role that is not there has no path, so that a policy on a path denies reading it; a switch turns that off", async () => {
  const principals = [
    { accessKeyId: KEY, arn: `arn:aws:iam::${ACCOUNT}:role/operator`, policy: { Version: "2012-10-17", Statement: [ON_PATH] } },
  ];
  const strict = await aws({ principals });
  const lenient = await aws({ principals, switches: { absentRole: "notChecked" } });
  const read = (world: Aws): Promise<string> => outcome(world.as(KEY).iam.send(new GetRoleCommand({ RoleName: "missing" })));
  expect([await read(strict), await read(lenient)]).toEqual(["AccessDenied", "NoSuchEntityException"]);
});

test("grants that were used, never used, and denied calls are told apart", async () => {
  const world = await operator(
    { Sid: "Read", Effect: "Allow", Action: ["ecr:DescribeRepositories", "ecr:ListImages"], Resource: "*" },
    { Sid: "Never", Effect: "Allow", Action: "ecr:PutImage", Resource: "*" },
  );
  const { ecr } = world.as(KEY);
  await ecr.send(new DescribeRepositoriesCommand({}));
  await outcome(ecr.send(new CreateRepositoryCommand({ repositoryName: "ab" })));
  expect(await world.admin.grants()).toEqual([
    {
      principal: `arn:aws:iam::${ACCOUNT}:role/operator`,
      statements: [
        { index: 0, sid: "Read", effect: "Allow", used: { "ecr:DescribeRepositories": 1 }, unused: ["ecr:ListImages"] },
        { index: 1, sid: "Never", effect: "Allow", used: {}, unused: ["ecr:PutImage"] },
      ],
      denied: [{ action: "ecr:CreateRepository", resource: `arn:aws:ecr:${REGION}:${ACCOUNT}:repository/ab`, times: 1 }],
    },
  ]);
});

test("a malformed policy of a principal stops the start", async () => {
  const principals = [{ accessKeyId: KEY, arn: "arn:aws:iam::1:user/x", policy: { Statement: [{ Effect: "Allow" }] } }];
  await expect(aws({ principals })).rejects.toThrow("Policy statement must contain resources.");
});
