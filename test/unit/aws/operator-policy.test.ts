import { AmpClient, CreateRuleGroupsNamespaceCommand, PutRuleGroupsNamespaceCommand } from "@aws-sdk/client-amp";
import {
  AppMeshClient,
  CreateVirtualNodeCommand,
  CreateVirtualServiceCommand,
  DeleteMeshCommand,
  DeleteVirtualNodeCommand,
  TagResourceCommand as TagInMeshCommand,
  UpdateMeshCommand,
  UpdateVirtualNodeCommand,
} from "@aws-sdk/client-app-mesh";
import {
  BatchDeleteImageCommand,
  BatchGetImageCommand,
  CreateRepositoryCommand,
  DeleteRepositoryCommand,
  ECRClient,
  InitiateLayerUploadCommand,
  PutImageCommand,
  PutImageTagMutabilityCommand,
  PutLifecyclePolicyCommand,
  TagResourceCommand,
} from "@aws-sdk/client-ecr";
import {
  CreatePodIdentityAssociationCommand,
  DeletePodIdentityAssociationCommand,
  EKSClient,
  TagResourceCommand as TagAssociationCommand,
  UpdatePodIdentityAssociationCommand,
} from "@aws-sdk/client-eks";
import {
  AttachRolePolicyCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePermissionsBoundaryCommand,
  IAMClient,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  TagRoleCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
} from "@aws-sdk/client-iam";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ownershipTags } from "../../../src/crds/aws-names.ts";
import type { RoleDesired } from "../../../src/crds/desired.ts";
import { buildVirtualNode } from "../../../src/resources/app-mesh/virtual-node.ts";
import { buildRepository } from "../../../src/resources/ecr/repository.ts";
import { buildRole } from "../../../src/resources/iam/role.ts";
import { buildRulesNamespace } from "../../../src/resources/slo/rule-file.ts";
import { ANYTHING, emulatedAws, OPERATOR, type EmulatedAws } from "../../support/aws/emulated.ts";
import { pushImage } from "../../support/aws/push.ts";
import { inAppMesh, neighbours } from "../../support/aws/mesh.ts";
import { SLOS, TO_WORKSPACE } from "../../support/aws/managed-prometheus.ts";
import { METRICS_POLICY, operatorConfig } from "../../support/aws/operator-config.ts";
import { service } from "../../support/aws/service.ts";

/** What somebody with the operator's credentials, and no good intentions, is refused; and, at the end, what such a person is not. */

const WIDE_OPEN = "arn:aws:iam::111122223333:policy/wide-open";
const TRUST = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }],
});

let aws: EmulatedAws;
let iam: IAMClient;
let ecr: ECRClient;
let appMesh: AppMeshClient;
let desired: RoleDesired;
let services = 0;

beforeAll(async () => {
  aws = await emulatedAws(inAppMesh());
  const options = { region: "eu-west-1", endpoint: aws.config.aws.endpoint ?? "", credentials: OPERATOR };
  iam = new IAMClient(options);
  ecr = new ECRClient(options);
  appMesh = new AppMeshClient(options);
  await aws.iam.send(new CreatePolicyCommand({ PolicyName: "wide-open", PolicyDocument: ANYTHING }));
});
afterAll(async () => {
  iam.destroy();
  ecr.destroy();
  appMesh.destroy();
  await aws.close();
});
beforeEach(() => {
  services++;
  desired = buildRole(service({}, { namespace: "tracking", name: `s${services}` }), aws.config);
});

const list = (tags: Readonly<Record<string, string>>) => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
const denied = { name: expect.stringMatching(/^AccessDenied/) };

function request() {
  return {
    RoleName: desired.name,
    Path: desired.path,
    AssumeRolePolicyDocument: JSON.stringify(desired.trustPolicy),
    PermissionsBoundary: desired.permissionsBoundaryArn,
    Tags: list(desired.tags),
  };
}

describe("creating a role", () => {
  test("with path, boundary and tags is allowed", async () => {
    await expect(iam.send(new CreateRoleCommand(request()))).resolves.toBeDefined();
  });

  test.each<[string, () => object]>([
    ["without a boundary", () => ({ PermissionsBoundary: undefined })],
    ["with another boundary", () => ({ PermissionsBoundary: WIDE_OPEN })],
    ["at another path", () => ({ Path: "/" })],
    ["at another cluster's path", () => ({ Path: "/platform-operator/eu-west-1.other/" })],
    ["without tags", () => ({ Tags: undefined })],
    ["for another cluster", () => ({ Tags: list({ ...desired.tags, "platform-operator.dev/cluster": "eu-west-1.other" }) })],
    ["for no service", () => ({ Tags: list(desired.tags).filter(({ Key }) => Key !== "platform-operator.dev/name") })],
    ["with a tag that opens someone's door", () => ({ Tags: list({ ...desired.tags, team: "payments" }) })],
  ])("%s is denied", async (_, change) => {
    await expect(iam.send(new CreateRoleCommand({ ...request(), ...change() }))).rejects.toMatchObject(denied);
  });
});

describe("a role of ours", () => {
  beforeEach(async () => {
    await aws.operator.roles.create(desired);
  });

  test.each<[string, () => Promise<unknown>]>([
    ["loses its boundary", () => iam.send(new DeleteRolePermissionsBoundaryCommand({ RoleName: desired.name }))],
    [
      "gets a wider boundary",
      () => iam.send(new PutRolePermissionsBoundaryCommand({ RoleName: desired.name, PermissionsBoundary: WIDE_OPEN })),
    ],
    [
      "gets a managed policy that is not listed",
      () => iam.send(new AttachRolePolicyCommand({ RoleName: desired.name, PolicyArn: WIDE_OPEN })),
    ],
    [
      "gets a tag that opens someone's door",
      () => iam.send(new TagRoleCommand({ RoleName: desired.name, Tags: [{ Key: "team", Value: "payments" }] })),
    ],
    [
      "is given to another cluster",
      () => iam.send(new TagRoleCommand({ RoleName: desired.name, Tags: [{ Key: "platform-operator.dev/cluster", Value: "x" }] })),
    ],
    ["loses someone's tag", () => iam.send(new UntagRoleCommand({ RoleName: desired.name, TagKeys: ["cost"] }))],
  ])("never %s", async (_, attempt) => {
    await expect(attempt()).rejects.toMatchObject(denied);
  });

  test("gets no policy while its boundary is not one of ours", async () => {
    await aws.iam.send(new PutRolePermissionsBoundaryCommand({ RoleName: desired.name, PermissionsBoundary: WIDE_OPEN }));
    const put = new PutRolePolicyCommand({ RoleName: desired.name, PolicyName: "platform-operator", PolicyDocument: ANYTHING });
    await expect(iam.send(put)).rejects.toMatchObject(denied);
    const attach = new AttachRolePolicyCommand({ RoleName: desired.name, PolicyArn: METRICS_POLICY });
    await expect(iam.send(attach)).rejects.toMatchObject(denied);
  });

  test("gets a managed policy that the configuration lists", async () => {
    const attach = new AttachRolePolicyCommand({ RoleName: desired.name, PolicyArn: METRICS_POLICY });
    await expect(iam.send(attach)).resolves.toBeDefined();
  });
});

describe.each<[string, () => { Path: string; Tags: { Key: string; Value: string }[] }]>([
  ["a role elsewhere", () => ({ Path: "/", Tags: [] })],
  [
    "another cluster's role on our path",
    () => ({ Path: desired.path, Tags: list({ "platform-operator.dev/cluster": "eu-west-1.other" }) }),
  ],
])("%s", (_, where) => {
  beforeEach(async () => {
    const boundary = { PermissionsBoundary: desired.permissionsBoundaryArn };
    await aws.iam.send(new CreateRoleCommand({ RoleName: desired.name, AssumeRolePolicyDocument: TRUST, ...boundary, ...where() }));
  });

  test.each<[string, () => Promise<unknown>]>([
    ["our tags", () => iam.send(new TagRoleCommand({ RoleName: desired.name, Tags: list(desired.tags) }))],
    [
      "a policy",
      () => iam.send(new PutRolePolicyCommand({ RoleName: desired.name, PolicyName: "platform-operator", PolicyDocument: ANYTHING })),
    ],
    [
      "our trust",
      () => iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: desired.name, PolicyDocument: JSON.stringify(desired.trustPolicy) })),
    ],
    [
      "another boundary",
      () =>
        iam.send(new PutRolePermissionsBoundaryCommand({ RoleName: desired.name, PermissionsBoundary: desired.permissionsBoundaryArn })),
    ],
    ["a managed policy, listed or not", () => iam.send(new AttachRolePolicyCommand({ RoleName: desired.name, PolicyArn: METRICS_POLICY }))],
    ["deleted", () => iam.send(new DeleteRoleCommand({ RoleName: desired.name }))],
  ])("is never given or made: %s", async (__, attempt) => {
    await expect(attempt()).rejects.toMatchObject(denied);
  });
});

describe("a repository", () => {
  const repository = () => buildRepository(service({}, { namespace: "tracking", name: `s${services}` }), aws.config);
  const policy = () => ({ repositoryName: repository().name, lifecyclePolicyText: JSON.stringify(repository().lifecyclePolicy) });

  test("is not created without our tags", async () => {
    await expect(ecr.send(new CreateRepositoryCommand({ repositoryName: repository().name }))).rejects.toMatchObject(denied);
  });

  test("of someone else's is neither changed nor deleted", async () => {
    const repositoryName = repository().name;
    await aws.ecr.send(new CreateRepositoryCommand({ repositoryName }));
    await expect(ecr.send(new PutLifecyclePolicyCommand(policy()))).rejects.toMatchObject(denied);
    await expect(ecr.send(new DeleteRepositoryCommand({ repositoryName, force: true }))).rejects.toMatchObject(denied);
  });

  test("of someone else's gets no tag on its images, and loses none", async () => {
    const repositoryName = repository().name;
    await aws.ecr.send(new CreateRepositoryCommand({ repositoryName }));
    const imageDigest = await pushImage(aws.ecr, repositoryName, { tag: "1", architecture: "arm64" });
    const { images } = await aws.ecr.send(new BatchGetImageCommand({ repositoryName, imageIds: [{ imageDigest }] }));
    const { imageManifest } = images?.[0] ?? {};
    await expect(ecr.send(new PutImageCommand({ repositoryName, imageManifest, imageTag: "2" }))).rejects.toMatchObject(denied);
    await expect(ecr.send(new BatchDeleteImageCommand({ repositoryName, imageIds: [{ imageTag: "1" }] }))).rejects.toMatchObject(denied);
  });

  test("of ours takes neither a layer nor a manifest of one, and while its tags are immutable none is moved", async () => {
    const { name: repositoryName } = repository();
    await aws.operator.repositories.create(repository());
    await expect(ecr.send(new InitiateLayerUploadCommand({ repositoryName }))).rejects.toMatchObject(denied);
    await pushImage(aws.ecr, repositoryName, { tag: "1", architecture: "arm64" });
    const imageDigest = await pushImage(aws.ecr, repositoryName, { tag: "2", architecture: "arm64" });
    const { images } = await aws.ecr.send(new BatchGetImageCommand({ repositoryName, imageIds: [{ imageDigest }] }));
    const imageManifest = images?.[0]?.imageManifest ?? "";
    await expect(ecr.send(new PutImageCommand({ repositoryName, imageManifest, imageTag: "1" }))).rejects.toMatchObject({
      name: "ImageTagAlreadyExistsException",
    });
    const other = imageManifest.replaceAll(/sha256:[0-9a-f]{64}/g, `sha256:${"0".repeat(64)}`);
    await expect(ecr.send(new PutImageCommand({ repositoryName, imageManifest: other, imageTag: "3" }))).rejects.toMatchObject({
      name: "LayersNotFoundException",
    });
  });

  test("of another cluster's is not tagged as ours", async () => {
    const { name, tags } = repository();
    const other = [{ Key: "platform-operator.dev/cluster", Value: "eu-west-1.other" }];
    const created = await aws.ecr.send(new CreateRepositoryCommand({ repositoryName: name, tags: other }));
    const tag = new TagResourceCommand({ resourceArn: created.repository?.repositoryArn, tags: list(tags) });
    await expect(ecr.send(tag)).rejects.toMatchObject(denied);
  });
});

describe("a mesh", () => {
  const node = () => buildVirtualNode(service({}, { namespace: "tracking", name: `s${services}` }), aws.config, neighbours());
  const named = () => ({ meshName: "platform", virtualNodeName: node().name });
  const tagRefs = (tags: Readonly<Record<string, string>>) => Object.entries(tags).map(([key, value]) => ({ key, value }));

  test("is neither changed nor deleted", async () => {
    await expect(appMesh.send(new UpdateMeshCommand({ meshName: "platform", spec: {} }))).rejects.toMatchObject(denied);
    await expect(appMesh.send(new DeleteMeshCommand({ meshName: "platform" }))).rejects.toMatchObject(denied);
  });

  test.each<[string, () => object]>([
    ["without tags", () => ({ tags: undefined })],
    ["for another cluster", () => ({ tags: tagRefs({ ...node().tags, "platform-operator.dev/cluster": "eu-west-1.other" }) })],
    ["by another cluster's name", () => ({ virtualNodeName: "other_tracking_tracking" })],
    ["in another mesh", () => ({ meshName: "others" })],
  ])("gets no node %s", async (_, change) => {
    const create = new CreateVirtualNodeCommand({ ...named(), spec: {}, tags: tagRefs(node().tags), ...change() });
    await expect(appMesh.send(create)).rejects.toMatchObject(denied);
  });

  test.each<[string, Readonly<Record<string, string>>]>([
    ["nobody's", {}],
    ["another cluster's", { "platform-operator.dev/cluster": "eu-west-1.other" }],
  ])("of whose nodes one is %s: it is not changed, deleted, or tagged as ours", async (_, tags) => {
    const { virtualNode } = await aws.appMesh.send(new CreateVirtualNodeCommand({ ...named(), spec: {}, tags: tagRefs(tags) }));
    await expect(appMesh.send(new UpdateVirtualNodeCommand({ ...named(), spec: {} }))).rejects.toMatchObject(denied);
    await expect(appMesh.send(new DeleteVirtualNodeCommand(named()))).rejects.toMatchObject(denied);
    if (Object.keys(tags).length === 0) return;
    const tag = new TagInMeshCommand({ resourceArn: virtualNode?.metadata?.arn, tags: tagRefs(node().tags) });
    await expect(appMesh.send(tag)).rejects.toMatchObject(denied);
  });

  test("of whose VirtualServices one is nobody's, and no Service of a cluster: it is not tagged as ours", async () => {
    const create = new CreateVirtualServiceCommand({ meshName: "platform", virtualServiceName: "shop.example.com", spec: {} });
    const { virtualService } = await aws.appMesh.send(create);
    const tag = new TagInMeshCommand({ resourceArn: virtualService?.metadata?.arn, tags: tagRefs(node().tags) });
    await expect(appMesh.send(tag)).rejects.toMatchObject(denied);
  });
});

describe("what the policy leaves to whoever has the operator's credentials (docs/threat-model.md): it", () => {
  const WIDER = "arn:aws:iam::111122223333:policy/platform-boundary-pci";
  const { identity } = operatorConfig();
  const CAN = {
    ...inAppMesh(),
    ...TO_WORKSPACE,
    identity: { ...identity, modes: ["IRSA", "PodIdentity"], allowedBoundaryArns: [WIDER] },
  };
  const OTHER = { "platform-operator.dev/cluster": "eu-west-1.other" };
  let account: EmulatedAws;
  let thief: { readonly iam: IAMClient; readonly ecr: ECRClient; readonly eks: EKSClient; readonly appMesh: AppMeshClient };

  const enter = async (overrides: object): Promise<void> => {
    account = await emulatedAws(overrides, { managedPrometheusMs: 0 });
    const options = { region: "eu-west-1", endpoint: account.config.aws.endpoint ?? "", credentials: OPERATOR };
    thief = {
      iam: new IAMClient(options),
      ecr: new ECRClient(options),
      eks: new EKSClient(options),
      appMesh: new AppMeshClient(options),
    };
  };
  afterEach(async () => {
    for (const client of Object.values(thief)) client.destroy();
    await account.close();
  });

  const ours = (name = "tracking"): Readonly<Record<string, string>> => ownershipTags({ namespace: "tracking", name }, account.config);
  const makeRepository = async (repositoryName: string, tags: Readonly<Record<string, string>> = {}): Promise<string> =>
    (await account.ecr.send(new CreateRepositoryCommand({ repositoryName, tags: list(tags) }))).repository?.repositoryArn ?? "";
  /** In two steps. */
  const takeAway = async (repositoryName: string, resourceArn: string): Promise<unknown> => {
    await thief.ecr.send(new TagResourceCommand({ resourceArn, tags: list(ours()) }));
    return thief.ecr.send(new DeleteRepositoryCommand({ repositoryName, force: true }));
  };

  test("tags a repository that has no cluster's tag, and then deletes it; of another cluster's neither", async () => {
    await enter(CAN);
    await expect(takeAway("terraform/base", await makeRepository("terraform/base", { team: "payments" }))).resolves.toBeDefined();
    const theirs = await makeRepository("abroad/base", OTHER);
    await expect(takeAway("abroad/base", theirs)).rejects.toMatchObject(denied);
    await expect(thief.ecr.send(new DeleteRepositoryCommand({ repositoryName: "abroad/base" }))).rejects.toMatchObject(denied);
  });

  test("does not with registry.repositoryPrefix, beside that prefix", async () => {
    await enter({ ...CAN, registry: { repositoryPrefix: "platform/" } });
    await expect(takeAway("terraform/base", await makeRepository("terraform/base"))).rejects.toMatchObject(denied);
    await expect(takeAway("platform/base", await makeRepository("platform/base"))).resolves.toBeDefined();
  });

  test("tags a Pod Identity association that has no cluster's tag, gives it another role or deletes it; of another cluster's neither", async () => {
    await enter(CAN);
    const role = buildRole(service({ aws: { identity: "PodIdentity" } }), account.config);
    await account.operator.roles.create(role);
    const roleArn = `arn:aws:iam::111122223333:role${role.path}${role.name}`;
    const associate = async (serviceAccount: string, tags: Readonly<Record<string, string>>) =>
      (
        await account.eks.send(
          new CreatePodIdentityAssociationCommand({ clusterName: "demo", namespace: "kube-system", serviceAccount, roleArn, tags }),
        )
      ).association;
    const take = async (association: Awaited<ReturnType<typeof associate>>): Promise<unknown> => {
      const named = { clusterName: "demo", associationId: association?.associationId };
      await thief.eks.send(new TagAssociationCommand({ resourceArn: association?.associationArn, tags: ours() }));
      await thief.eks.send(new UpdatePodIdentityAssociationCommand({ ...named, roleArn }));
      return thief.eks.send(new DeletePodIdentityAssociationCommand(named));
    };
    await expect(take(await associate("cni", { team: "payments" }))).resolves.toBeDefined();
    await expect(take(await associate("csi", OTHER))).rejects.toMatchObject(denied);
  });

  test("binds a role of ours to any ServiceAccount of the cluster, and none of somebody else's", async () => {
    await enter(CAN);
    const role = buildRole(service({ aws: { identity: "PodIdentity" } }), account.config);
    await account.operator.roles.create(role);
    const bind = (roleArn: string) =>
      thief.eks.send(
        new CreatePodIdentityAssociationCommand({
          clusterName: "demo",
          namespace: "kube-system",
          serviceAccount: "cni",
          roleArn,
          tags: ours(),
        }),
      );
    await account.iam.send(new CreateRoleCommand({ RoleName: "admin", AssumeRolePolicyDocument: TRUST }));
    await expect(bind("arn:aws:iam::111122223333:role/admin")).rejects.toMatchObject(denied);
    await expect(bind(`arn:aws:iam::111122223333:role${role.path}${role.name}`)).resolves.toBeDefined();
  });

  test("gives a role the widest of the boundaries that are configured, and none beyond", async () => {
    await enter(CAN);
    await account.iam.send(new CreatePolicyCommand({ PolicyName: "platform-boundary-pci", PolicyDocument: ANYTHING }));
    await account.iam.send(new CreatePolicyCommand({ PolicyName: "wide-open", PolicyDocument: ANYTHING }));
    const { name: RoleName, ...rest } = buildRole(service(), account.config);
    await account.operator.roles.create({ ...rest, name: RoleName });
    const put = (PermissionsBoundary: string) => thief.iam.send(new PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary }));
    await expect(put(WIDER)).resolves.toBeDefined();
    await expect(put(WIDE_OPEN)).rejects.toMatchObject(denied);
    const open = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: { AWS: "*" }, Action: "sts:AssumeRole" }],
    });
    await expect(thief.iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: open }))).resolves.toBeDefined();
  });

  test("makes a repository of any name", async () => {
    await enter(CAN);
    const create = new CreateRepositoryCommand({ repositoryName: "others/anything", tags: list(ours()) });
    await expect(thief.ecr.send(create)).resolves.toBeDefined();
  });

  test("moves a tag of a repository of ours to another image that is there, once it has made its tags mutable; and has images expire", async () => {
    await enter(CAN);
    const repository = buildRepository(service(), account.config);
    const { name: repositoryName } = repository;
    await account.operator.repositories.create(repository);
    const before = await pushImage(account.ecr, repositoryName, { tag: "1", architecture: "arm64" });
    const imageDigest = await pushImage(account.ecr, repositoryName, { tag: "2", architecture: "amd64" });
    const { images } = await account.ecr.send(new BatchGetImageCommand({ repositoryName, imageIds: [{ imageDigest }] }));
    const { imageManifest } = images?.[0] ?? {};
    const move = () => thief.ecr.send(new PutImageCommand({ repositoryName, imageManifest, imageTag: "1" }));
    await expect(move()).rejects.toMatchObject({ name: "ImageTagAlreadyExistsException" });
    await thief.ecr.send(new PutImageTagMutabilityCommand({ repositoryName, imageTagMutability: "MUTABLE" }));
    await move();
    expect((await account.operator.images.resolve(repositoryName, { tag: "1" }))?.digest).toBe(imageDigest);
    expect(before).not.toBe(imageDigest);
    const selection = { tagStatus: "any", countType: "imageCountMoreThan", countNumber: 1 };
    const lifecyclePolicyText = JSON.stringify({ rules: [{ rulePriority: 1, selection, action: { type: "expire" } }] });
    await expect(thief.ecr.send(new PutLifecyclePolicyCommand({ repositoryName, lifecyclePolicyText }))).resolves.toBeDefined();
  });

  test("changes what is ours in App Mesh, and takes what is named as ours there and is nobody's", async () => {
    await enter(CAN);
    const virtualNodeName = buildVirtualNode(service(), account.config, neighbours()).name;
    const tags = Object.entries(ours()).map(([key, value]) => ({ key, value }));
    const { virtualNode } = await account.appMesh.send(new CreateVirtualNodeCommand({ meshName: "platform", virtualNodeName, spec: {} }));
    const update = () => thief.appMesh.send(new UpdateVirtualNodeCommand({ meshName: "platform", virtualNodeName, spec: {} }));
    await expect(update()).rejects.toMatchObject(denied);
    await thief.appMesh.send(new TagInMeshCommand({ resourceArn: virtualNode?.metadata?.arn, tags }));
    await expect(update()).resolves.toBeDefined();
    await expect(thief.appMesh.send(new DeleteVirtualNodeCommand({ meshName: "platform", virtualNodeName }))).resolves.toBeDefined();
  });

  test("changes the rules of a service of this cluster in the workspace", async () => {
    await enter(CAN);
    const rules = buildRulesNamespace(service(SLOS, undefined, account.config), account.config);
    if (!rules) throw new Error("it has SLOs");
    await account.operator.rulesNamespaces.create(rules);
    const [workspaceId = "", name = ""] = rules.name.split("/");
    const amp = new AmpClient({ region: "eu-west-1", endpoint: account.config.aws.endpoint ?? "", credentials: OPERATOR });
    const put = (of: string) =>
      amp.send(new PutRuleGroupsNamespaceCommand({ workspaceId, name: of, data: new TextEncoder().encode("groups: []\n") }));
    await expect(put(name)).resolves.toBeDefined();
    await account.amp.send(
      new CreateRuleGroupsNamespaceCommand({ workspaceId, name: "others", data: new TextEncoder().encode("groups: []\n") }),
    );
    await expect(put("others")).rejects.toMatchObject(denied);
    amp.destroy();
  });
});
