import {
  DeleteRepositoryCommand,
  DescribeRepositoriesCommand,
  GetLifecyclePolicyCommand,
  ListTagsForResourceCommand,
  PutImageTagMutabilityCommand,
  PutLifecyclePolicyCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-ecr";
import {
  AttachRolePolicyCommand,
  CreatePolicyCommand,
  DeleteRoleCommand,
  DeleteRolePermissionsBoundaryCommand,
  DeleteRolePolicyCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  TagRoleCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
} from "@aws-sdk/client-iam";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { INLINE_POLICY_NAME } from "../../src/crds/aws-names.ts";
import { provokePass } from "../support/operator-writes.ts";
import { PATIENCE_MS, sharedPlatform, type Platform } from "../support/platform.ts";
import { messageOf, podsOf } from "../support/service-view.ts";

/** What somebody changes behind the operator's back in AWS is put back by the sweep (`aws.sweepInterval`). */

const NAMESPACE = "aws-drift";
const WEB = { namespace: NAMESPACE, name: "web" };
const ROLE = `eu-west-1.demo.${NAMESPACE}.web`;
const REPOSITORY = `${NAMESPACE}/web`;
const REPOSITORY_ARN = `arn:aws:ecr:eu-west-1:111122223333:repository/${REPOSITORY}`;
const PCI_BOUNDARY = "arn:aws:iam::111122223333:policy/platform-boundary-pci";
const EVERYTHING = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] });
const ANYONE = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { AWS: "arn:aws:iam::111122223333:root" }, Action: "sts:AssumeRole" }],
});

let platform: Platform;

beforeAll(async () => {
  platform = sharedPlatform();
  await platform.namespace(NAMESPACE);
  const table = { sid: "Table", actions: ["dynamodb:GetItem"], resources: ["arn:aws:dynamodb:eu-west-1:111122223333:table/parcels"] };
  await platform.ready(WEB, { aws: { policy: { statements: [table] } } });
});

afterAll(async () => {
  await platform.close();
});

/** Everything of the role that is ours to say. */
async function role(): Promise<unknown> {
  const { iam } = platform;
  const { Role } = await iam.send(new GetRoleCommand({ RoleName: ROLE }));
  const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName: ROLE }));
  const { AttachedPolicies } = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName: ROLE }));
  const policies = await Promise.all(PolicyNames.map((PolicyName) => iam.send(new GetRolePolicyCommand({ RoleName: ROLE, PolicyName }))));
  return {
    arn: Role?.Arn,
    description: Role?.Description,
    trust: decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ""),
    boundary: Role?.PermissionsBoundary?.PermissionsBoundaryArn,
    session: Role?.MaxSessionDuration,
    tags: Role?.Tags?.toSorted((a, b) => ((a.Key ?? "") < (b.Key ?? "") ? -1 : 1)),
    policies: policies.map((p) => [p.PolicyName, decodeURIComponent(p.PolicyDocument ?? "")]),
    attached: AttachedPolicies,
  };
}

/** Everything of the repository that is ours to say. */
async function repository(): Promise<unknown> {
  const { ecr } = platform;
  const { repositories = [] } = await ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [REPOSITORY] }));
  const { lifecyclePolicyText } = await ecr.send(new GetLifecyclePolicyCommand({ repositoryName: REPOSITORY }));
  const { tags = [] } = await ecr.send(new ListTagsForResourceCommand({ resourceArn: REPOSITORY_ARN }));
  return {
    mutability: repositories[0]?.imageTagMutability,
    lifecyclePolicy: lifecyclePolicyText,
    tags: tags.toSorted((a, b) => ((a.Key ?? "") < (b.Key ?? "") ? -1 : 1)),
  };
}

type Meddle = () => Promise<unknown>;

const ROLE_DRIFTS: readonly (readonly [what: string, meddle: Meddle])[] = [
  ["the trust policy", () => platform.iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: ROLE, PolicyDocument: ANYONE }))],
  [
    "its policy, widened",
    () => platform.iam.send(new PutRolePolicyCommand({ RoleName: ROLE, PolicyName: INLINE_POLICY_NAME, PolicyDocument: EVERYTHING })),
  ],
  ["its policy, deleted", () => platform.iam.send(new DeleteRolePolicyCommand({ RoleName: ROLE, PolicyName: INLINE_POLICY_NAME }))],
  [
    "a second inline policy and a managed one",
    async () => {
      const { Policy } = await platform.iam.send(new CreatePolicyCommand({ PolicyName: `${NAMESPACE}-extra`, PolicyDocument: EVERYTHING }));
      await platform.iam.send(new AttachRolePolicyCommand({ RoleName: ROLE, PolicyArn: Policy?.Arn }));
      await platform.iam.send(new PutRolePolicyCommand({ RoleName: ROLE, PolicyName: "extra", PolicyDocument: EVERYTHING }));
    },
  ],
  [
    "the permissions boundary, another",
    () => platform.iam.send(new PutRolePermissionsBoundaryCommand({ RoleName: ROLE, PermissionsBoundary: PCI_BOUNDARY })),
  ],
  ["the permissions boundary, none", () => platform.iam.send(new DeleteRolePermissionsBoundaryCommand({ RoleName: ROLE }))],
  [
    "the owner's tag; with it what no bulk read tells: description and session duration",
    async () => {
      await platform.iam.send(new UpdateRoleCommand({ RoleName: ROLE, Description: "mine now", MaxSessionDuration: 7200 }));
      await platform.iam.send(new TagRoleCommand({ RoleName: ROLE, Tags: [{ Key: "platform-operator.dev/owner", Value: "somebody" }] }));
    },
  ],
  [
    "the role itself",
    async () => {
      await platform.iam.send(new DeleteRolePolicyCommand({ RoleName: ROLE, PolicyName: INLINE_POLICY_NAME }));
      await platform.iam.send(new DeleteRoleCommand({ RoleName: ROLE }));
    },
  ],
];

describe("of the role is put back", () => {
  test.each(ROLE_DRIFTS)("%s", async (_what, meddle) => {
    const before = await role();
    await meddle();
    await expect.poll(role, { timeout: PATIENCE_MS, interval: 200 }).toEqual(before);
  });

  test("and counted", async () => {
    expect(await platform.metric('platform_service_drift_corrected_total{kind="Role"}')).toBeGreaterThanOrEqual(6);
  });
});

describe("of the repository is put back", () => {
  test("the mutability of its tags; with it what no bulk read tells: lifecycle policy and tags", async () => {
    const before = await repository();
    const keepOne = {
      rulePriority: 1,
      selection: { tagStatus: "any", countType: "imageCountMoreThan", countNumber: 1 },
      action: { type: "expire" },
    };
    const { ecr } = platform;
    await ecr.send(
      new PutLifecyclePolicyCommand({ repositoryName: REPOSITORY, lifecyclePolicyText: JSON.stringify({ rules: [keepOne] }) }),
    );
    await ecr.send(
      new TagResourceCommand({ resourceArn: REPOSITORY_ARN, tags: [{ Key: "platform-operator.dev/owner", Value: "somebody" }] }),
    );
    await ecr.send(new PutImageTagMutabilityCommand({ repositoryName: REPOSITORY, imageTagMutability: "MUTABLE" }));
    await expect.poll(repository, { timeout: PATIENCE_MS, interval: 200 }).toEqual(before);
  });

  test("the repository itself; its images are gone, which is said while the pods run on", async () => {
    const before = await repository();
    const pods = await podsOf(platform, WEB);
    await platform.ecr.send(new DeleteRepositoryCommand({ repositoryName: REPOSITORY, force: true }));
    const service = await platform.untilCondition(WEB, "Ready", "False", "ImageNotFound");
    expect(messageOf(service, "ImageResolved")).toContain(`${REPOSITORY}:1.0.0 does not exist: push it`);
    expect(await repository()).toEqual(before);
    expect((await podsOf(platform, WEB)).map((p) => p.metadata.uid)).toEqual(pods.map((p) => p.metadata.uid));

    await platform.push(WEB);
    await platform.untilReady(WEB);
  });
});

describe("an object that has lost an ownership tag is no longer ours", () => {
  const TAG = "platform-operator.dev/name";

  test("the role is left as it is, said, and taken up again when the tag is back", async () => {
    await platform.iam.send(new UntagRoleCommand({ RoleName: ROLE, TagKeys: [TAG] }));
    await platform.iam.send(new PutRolePolicyCommand({ RoleName: ROLE, PolicyName: "theirs", PolicyDocument: EVERYTHING }));
    const service = await platform.untilCondition(WEB, "IdentityReady", "False", "NotOwned");
    expect(messageOf(service, "IdentityReady")).toContain(`IAM role ${ROLE} exists and is not ours`);
    await provokePass(platform, WEB);
    expect(await role()).toMatchObject({
      policies: [
        [INLINE_POLICY_NAME, expect.anything()],
        ["theirs", EVERYTHING],
      ],
    });
    expect(await podsOf(platform, WEB)).toHaveLength(1);

    await platform.iam.send(new TagRoleCommand({ RoleName: ROLE, Tags: [{ Key: TAG, Value: "web" }] }));
    await provokePass(platform, WEB);
    await platform.untilReady(WEB);
    expect(await role()).toMatchObject({ policies: [[INLINE_POLICY_NAME, expect.anything()]] });
  });

  test("so is the repository", async () => {
    await platform.ecr.send(new UntagResourceCommand({ resourceArn: REPOSITORY_ARN, tagKeys: [TAG] }));
    await platform.ecr.send(new PutImageTagMutabilityCommand({ repositoryName: REPOSITORY, imageTagMutability: "MUTABLE" }));
    await platform.untilCondition(WEB, "RepositoryReady", "False", "NotOwned");
    expect(await repository()).toMatchObject({ mutability: "MUTABLE" });

    await platform.ecr.send(new TagResourceCommand({ resourceArn: REPOSITORY_ARN, tags: [{ Key: TAG, Value: "web" }] }));
    await provokePass(platform, WEB);
    await platform.untilReady(WEB);
    expect(await repository()).toMatchObject({ mutability: "IMMUTABLE" });
  });
});
