import { PutRuleGroupsNamespaceCommand, TagResourceCommand as TagRulesCommand } from "@aws-sdk/client-amp";
import {
  TagResourceCommand as TagInMeshCommand,
  UpdateRouteCommand,
  UpdateVirtualNodeCommand,
  UpdateVirtualRouterCommand,
  UpdateVirtualServiceCommand,
} from "@aws-sdk/client-app-mesh";
import { CreateRepositoryCommand, PutImageTagMutabilityCommand, TagResourceCommand } from "@aws-sdk/client-ecr";
import { TagResourceCommand as TagAssociationCommand, UpdatePodIdentityAssociationCommand } from "@aws-sdk/client-eks";
import {
  AddRoleToInstanceProfileCommand,
  AttachRolePolicyCommand,
  CreateInstanceProfileCommand,
  DeleteRolePermissionsBoundaryCommand,
  IAMClient,
  PutRolePolicyCommand,
  TagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
} from "@aws-sdk/client-iam";
import { once } from "node:events";
import { createServer } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { parseIdentityPolicy } from "../../../emulator/authorization/grammar.ts";
import { evaluate, type Decision } from "../../../emulator/authorization/iam-policy-evaluator.ts";
import { createPrometheus } from "../../../src/prometheus/client.ts";
import { Converger } from "../../../src/reconcilers/converge.ts";
import { buildMeshRoutes } from "../../../src/resources/app-mesh/routes.ts";
import { buildVirtualNode } from "../../../src/resources/app-mesh/virtual-node.ts";
import { buildVirtualRouter, buildVirtualService } from "../../../src/resources/app-mesh/virtual-router.ts";
import { buildRepository } from "../../../src/resources/ecr/repository.ts";
import { buildAssociation } from "../../../src/resources/eks/association.ts";
import { allOfOperator } from "../../../src/resources/iam/operator-policy.ts";
import { buildRole } from "../../../src/resources/iam/role.ts";
import { buildRulesNamespace } from "../../../src/resources/slo/rule-file.ts";
import { ANYTHING, emulatedAws, OPERATOR, type EmulatedAws } from "../../support/aws/emulated.ts";
import { SLOS, TO_WORKSPACE } from "../../support/aws/managed-prometheus.ts";
import { inAppMesh, neighbours } from "../../support/aws/mesh.ts";
import { METRICS_POLICY, operatorConfig, XRAY_POLICY } from "../../support/aws/operator-config.ts";
import { pushImage } from "../../support/aws/push.ts";
import { service } from "../../support/aws/service.ts";
import { addressOf } from "../../support/scripted-server.ts";

/** Least privilege, the other way round: a service's life uses every grant that the operator's policy gives. */

const STATEMENT = { sid: "Tables", actions: ["dynamodb:GetItem"], resources: ["arn:aws:dynamodb:eu-west-1:111122223333:table/t"] };
const STRAY_TAG = { Key: "platform-operator.dev/stray", Value: "x" };

let aws: EmulatedAws;

const EVERYTHING = {
  identity: { ...operatorConfig().identity, modes: ["IRSA", "PodIdentity"] },
  tenancy: [{ namespaceSelector: {}, owners: ["*"], existingRepositories: ["shared/*"] }],
  ...inAppMesh(),
  ...TO_WORKSPACE,
};
const ALLOWING = allOfOperator(operatorConfig(undefined, EVERYTHING))
  .Statement.filter(({ Effect }) => Effect === "Allow")
  .map(({ Sid }) => Sid ?? "");
const LIVES = [lifeOfARole, lifeOfARepository, lifeOnARepositoryOfOthers, lifeOfAnAssociation, lifeInAMesh, lifeOfRules];

const accounts: EmulatedAws[] = [];
afterEach(async () => {
  for (const one of accounts.splice(0)) await one.close();
});

/** What nothing here answers to: a key of the account's for repositories, and a workspace that is asked for error budgets. */
const KEY = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000";
const ASKED = {
  url: "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-demo",
  authorization: { mode: "SigV4" },
} as const;
const BESIDE = { registry: { encryption: { type: "KMS", kmsKey: KEY } }, slos: { ...TO_WORKSPACE.slos, prometheus: ASKED } };
const WHOLE = allOfOperator(operatorConfig(undefined, { ...EVERYTHING, ...BESIDE }));

/** What IAM says to the operator, whose policy lacks a statement, beside whatever else is attached to its role. */
function verdict(
  without: string | undefined,
  action: string,
  resource: string,
  { keys = {}, beside = [] }: { readonly keys?: Readonly<Record<string, string>>; readonly beside?: readonly string[] } = {},
): Decision["effect"] {
  const own = JSON.stringify({ ...WHOLE, Statement: WHOLE.Statement.filter(({ Sid }) => Sid !== without) });
  const context = new Map(Object.entries(keys).map(([key, value]) => [key.toLowerCase(), [value]]));
  return evaluate([own, ...beside].map(parseIdentityPolicy), { action, resource, keys: context }).effect;
}

/** An account of its own, whose operator lacks one statement of its policy. */
async function account(without?: string): Promise<void> {
  aws = await emulatedAws(EVERYTHING, { managedPrometheusMs: 0 }, { ...(without !== undefined && { without }) });
  accounts.push(aws);
}

async function lifeOfARole(): Promise<void> {
  const desired = buildRole(
    service({ aws: { policy: { statements: [STATEMENT] }, managedPolicyArns: [METRICS_POLICY, XRAY_POLICY] } }),
    aws.config,
  );
  const roles = () => new Converger(aws.operator.roles);
  await roles().converge(desired);
  const RoleName = desired.name;
  const PolicyArn = desired.permissionsBoundaryArn;
  await aws.iam.send(new DeleteRolePermissionsBoundaryCommand({ RoleName }));
  await aws.iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
  await aws.iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "more", PolicyDocument: ANYTHING }));
  await aws.iam.send(new UpdateRoleCommand({ RoleName, Description: "mine", MaxSessionDuration: 3600 }));
  const [statement] = desired.trustPolicy.Statement;
  const other = { ...desired.trustPolicy, Statement: statement ? [{ ...statement, Condition: {} }] : [] };
  await aws.iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: JSON.stringify(other) }));
  await aws.iam.send(new TagRoleCommand({ RoleName, Tags: [STRAY_TAG] }));
  expect(await roles().converge(desired)).toMatchObject({ state: "asDesired" });
  await aws.operator.bulk.roles(new Set());
  await aws.operator.bulk.registry();
  await aws.iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: RoleName }));
  await aws.iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName: RoleName, RoleName }));
  expect(await aws.operator.roles.delete({ ...desired, force: false })).toEqual({ state: "gone" });
}

async function lifeOfARepository(): Promise<void> {
  const desired = buildRepository(service(), aws.config);
  const repositories = () => new Converger(aws.operator.repositories);
  const created = await repositories().converge(desired);
  if (created.state !== "asDesired") throw new Error(`the repository is ${created.state}`);
  await aws.ecr.send(new PutImageTagMutabilityCommand({ repositoryName: desired.name, imageTagMutability: "MUTABLE" }));
  await aws.ecr.send(new TagResourceCommand({ resourceArn: created.observed.arn, tags: [STRAY_TAG] }));
  expect(await repositories().converge(desired)).toMatchObject({ state: "asDesired" });
  const digest = await pushImage(aws.ecr, desired.name, { tag: "1", architecture: "arm64" });
  await aws.operator.images.resolve(desired.name, { tag: "1" });
  await aws.operator.imageKeeper.keep(desired.name, digest);
  await aws.operator.imageKeeper.release(desired.name, digest);
  await aws.operator.repositories.delete({ ...desired, force: false });
  await aws.operator.repositories.delete({ ...desired, force: true });
}

async function lifeOnARepositoryOfOthers(): Promise<void> {
  await aws.ecr.send(new CreateRepositoryCommand({ repositoryName: "shared/base" }));
  await pushImage(aws.ecr, "shared/base", { tag: "1", architecture: "arm64" });
  await aws.operator.existingRepositories.read("shared/base");
  await aws.operator.images.resolve("shared/base", { tag: "1" });
}

async function lifeOfAnAssociation(): Promise<void> {
  const bound = service({ aws: { identity: "PodIdentity" } });
  const role = buildRole(bound, aws.config);
  await aws.operator.roles.create(role);
  const desired = buildAssociation(bound, aws.config);
  const associations = () => new Converger(aws.operator.associations);
  const created = await associations().converge(desired);
  if (created.state !== "asDesired") throw new Error(`the association is ${created.state}`);
  const { arn: resourceArn, id: associationId } = created.observed;
  await aws.eks.send(new UpdatePodIdentityAssociationCommand({ clusterName: "demo", associationId, disableSessionTags: true }));
  await aws.eks.send(new TagAssociationCommand({ resourceArn, tags: { "platform-operator.dev/owner": "others" } }));
  expect(await associations().converge(desired)).toMatchObject({ state: "asDesired" });
  await aws.operator.bulk.associations();
  expect(await aws.operator.associations.delete({ ...desired, force: false })).toEqual({ state: "gone" });
  await aws.operator.roles.delete({ ...role, force: false });
}

async function lifeInAMesh(): Promise<void> {
  const inMesh = service({ port: 8080, dependencies: { services: [{ name: "pricing" }] } });
  const { mesh } = aws.operator;
  const node = buildVirtualNode(inMesh, aws.config, neighbours());
  const router = buildVirtualRouter(inMesh, aws.config);
  const virtualService = buildVirtualService(inMesh, aws.config);
  const [route] = buildMeshRoutes(inMesh, aws.config);
  if (!router || !virtualService || !route) throw new Error("it has a port");
  const made = async () => [
    await new Converger(mesh.virtualNodes).converge(node),
    await new Converger(mesh.virtualRouters).converge(router),
    await new Converger(mesh.routes).converge(route),
    await new Converger(mesh.virtualServices).converge(virtualService),
  ];
  // Its router is not there yet: is the mesh?
  await expect(mesh.routes.create(route)).rejects.toMatchObject({ class: "absent" });
  const [created] = await made();
  if (created?.state !== "asDesired") throw new Error("the node was not made");
  const meshName = "platform";
  const virtualRouterName = router.name;
  await aws.appMesh.send(new UpdateVirtualNodeCommand({ meshName, virtualNodeName: node.name, spec: {} }));
  await aws.appMesh.send(new UpdateVirtualRouterCommand({ meshName, virtualRouterName, spec: {} }));
  const weightedTargets = [{ virtualNode: node.name, weight: 1 }];
  const spec = { httpRoute: { match: { prefix: "/" }, action: { weightedTargets } } };
  await aws.appMesh.send(new UpdateRouteCommand({ meshName, virtualRouterName, routeName: "all", spec }));
  await aws.appMesh.send(new UpdateVirtualServiceCommand({ meshName, virtualServiceName: virtualService.name, spec: {} }));
  const tags = [
    { key: "platform-operator.dev/stray", value: "x" },
    { key: "platform-operator.dev/owner", value: "x" },
  ];
  await aws.appMesh.send(new TagInMeshCommand({ resourceArn: created.observed.arn, tags }));
  for (const result of await made()) expect(result).toMatchObject({ state: "asDesired" });
  await aws.operator.bulk.meshObjects(new Set([router.name]));
  expect(await mesh.virtualServices.delete({ ...virtualService, force: false })).toEqual({ state: "gone" });
  expect(await mesh.virtualRouters.delete({ ...router, force: false })).toEqual({ state: "gone" });
  expect(await mesh.virtualNodes.delete({ ...node, force: false })).toEqual({ state: "gone" });
}

async function lifeOfRules(): Promise<void> {
  const desired = buildRulesNamespace(service(SLOS, undefined, aws.config), aws.config);
  if (!desired) throw new Error("it has SLOs");
  const rules = () => new Converger(aws.operator.rulesNamespaces);
  const created = await rules().converge(desired);
  if (created.state !== "asDesired") throw new Error(`the rules are ${created.state}`);
  const [workspaceId = "", name = ""] = desired.name.split("/");
  await aws.amp.send(new PutRuleGroupsNamespaceCommand({ workspaceId, name, data: new TextEncoder().encode("groups: []\n") }));
  await aws.amp.send(new TagRulesCommand({ resourceArn: created.observed.arn, tags: { "platform-operator.dev/owner": "others" } }));
  expect(await rules().converge(desired)).toMatchObject({ state: "asDesired" });
  await aws.operator.bulk.rulesNamespaces();
  expect(await aws.operator.rulesNamespaces.delete({ ...desired, force: false })).toEqual({ state: "gone" });
}

test("every action that the operator's policy allows is one that it needs, and none that it needs is denied", async () => {
  await account();
  for (const life of LIVES) await life();
  const [report] = await aws.emulator.grants();
  expect(report?.statements.filter(({ effect }) => effect === "Allow").flatMap(({ unused }) => unused)).toEqual([]);
  expect(report?.denied).toEqual([]);
});

test.each(ALLOWING)("without the statement %s something does not work, and AWS says that it was denied", async (sid) => {
  await account(sid);
  const ends = await Promise.allSettled(LIVES.map((life) => life()));
  expect(ends.map(({ status }) => status)).toContain("rejected");
  expect((await aws.emulator.grants())[0]?.denied).not.toEqual([]);
});

describe("what the emulator does not answer to, or denies for another reason too:", () => {
  test("without EncryptRepositories ECR may not use the key by which a repository is to be encrypted", () => {
    const keys = { "kms:ViaService": "ecr.eu-west-1.amazonaws.com" };
    // What ECR needs of whoever creates one (ECR user guide, Encryption at rest, required permissions).
    const actions = ["kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant"];
    const verdicts = (without: string | undefined, context: object): readonly string[] =>
      actions.map((action) => verdict(without, action, KEY, context));
    expect(verdicts(undefined, { keys })).toEqual(["allow", "allow", "allow"]);
    expect(verdicts("EncryptRepositories", { keys })).toEqual(["implicitDeny", "implicitDeny", "implicitDeny"]);
    // Nor by itself, past ECR.
    expect(verdicts(undefined, {})).toEqual(["implicitDeny", "implicitDeny", "implicitDeny"]);
  });

  test("without QueryBudgets the workspace refuses to say what is left of budgets", async () => {
    await account();
    const asked = async (without?: string): Promise<unknown> => {
      const workspace = "arn:aws:aps:eu-west-1:111122223333:workspace/ws-demo";
      const allowed = verdict(without, "aps:QueryMetrics", workspace) === "allow";
      const server = createServer((request, response) => {
        const ours = allowed && request.headers.authorization?.includes("/aps/aws4_request") === true;
        const answer = ours ? { status: "success", data: { resultType: "vector", result: [] } } : { message: "not authorized" };
        response.writeHead(ours ? 200 : 403, { "content-type": "application/json" }).end(JSON.stringify(answer));
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const url = `http://127.0.0.1:${String(addressOf(server.address()).port)}${new URL(ASKED.url).pathname}`;
      const sign = aws.operator.signer("aps", "eu-west-1");
      const settings = { ...ASKED, url, interval: "2m", timeout: "5s", caFile: null };
      const answer = await createPrometheus(settings, { version: "test", sign }).query("up", new AbortController().signal);
      server.close();
      return answer;
    };
    expect(await asked()).toMatchObject({ state: "answered" });
    expect(await asked("QueryBudgets")).toMatchObject({ state: "failed", reason: "Unauthorized" });
  });

  test("without NeverAttachAnother a role of ours gets any managed policy there is", async () => {
    const attach = async (): Promise<unknown> => {
      const { name: RoleName, ...desired } = buildRole(service(), aws.config);
      await aws.operator.roles.create({ ...desired, name: RoleName });
      const PolicyArn = "arn:aws:iam::aws:policy/AdministratorAccess";
      const iam = new IAMClient({ region: "us-east-1", endpoint: aws.config.aws.endpoint ?? "", credentials: OPERATOR });
      return iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn })).finally(() => iam.destroy());
    };
    await account();
    await expect(attach()).rejects.toMatchObject({ name: "AccessDenied" });
    await account("NeverAttachAnother");
    await expect(attach()).resolves.toBeDefined();
  });

  const ROLE = "arn:aws:iam::111122223333:role/platform-operator/eu-west-1.demo/eu-west-1.demo.tracking.tracking";
  const ELSEWHERE = "arn:aws:iam::111122223333:role/admin";
  const LISTED = { "iam:PolicyARN": METRICS_POLICY };

  /** By the operator's own policy each of these is refused all the same; by somebody's who attaches more to its role it is not. */
  test.each<[string, string, string, Readonly<Record<string, string>>]>([
    ["NeverWiden", "a role of ours loses its boundary", "iam:DeleteRolePermissionsBoundary", {}],
    ["NeverWiden", "a managed policy is rewritten", "iam:CreatePolicyVersion", {}],
    ["NeverWiden", "another version of it holds", "iam:SetDefaultPolicyVersion", {}],
    ["NeverWiden", "a version of it goes", "iam:DeletePolicyVersion", {}],
    ["NeverAttachElsewhere", "a role of somebody else's gets a listed policy", "iam:AttachRolePolicy", LISTED],
  ])("without %s, where more is attached to the operator, %s", (sid, _, action, keys) => {
    const resource = action.endsWith("Version") ? METRICS_POLICY : sid === "NeverWiden" ? ROLE : ELSEWHERE;
    const beside = [ANYTHING];
    expect(verdict(undefined, action, resource, { keys, beside })).toBe("explicitDeny");
    expect(verdict(sid, action, resource, { keys, beside })).toBe("allow");
    expect(verdict(sid, action, resource, { keys })).toBe("implicitDeny");
  });
});

test("each statement that any configuration gives is taken away here", () => {
  const beside = ["EncryptRepositories", "QueryBudgets", "NeverWiden", "NeverAttachAnother", "NeverAttachElsewhere"];
  expect(new Set(WHOLE.Statement.map(({ Sid }) => Sid))).toEqual(new Set([...ALLOWING, ...beside]));
});
