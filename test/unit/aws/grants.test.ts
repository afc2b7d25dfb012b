import { PutRuleGroupsNamespaceCommand, TagResourceCommand as TagRulesCommand } from "@aws-sdk/client-amp";
import {
  TagResourceCommand as TagInMeshCommand,
  UpdateRouteCommand,
  UpdateVirtualNodeCommand,
  UpdateVirtualRouterCommand,
  UpdateVirtualServiceCommand,
} from "@aws-sdk/client-app-mesh";
import { PutImageTagMutabilityCommand, TagResourceCommand } from "@aws-sdk/client-ecr";
import { TagResourceCommand as TagAssociationCommand, UpdatePodIdentityAssociationCommand } from "@aws-sdk/client-eks";
import {
  AddRoleToInstanceProfileCommand,
  AttachRolePolicyCommand,
  CreateInstanceProfileCommand,
  DeleteRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  TagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
} from "@aws-sdk/client-iam";
import { afterEach, expect, test } from "vitest";
import { Converger } from "../../../src/reconcilers/converge.ts";
import { buildMeshRoutes } from "../../../src/resources/app-mesh/routes.ts";
import { buildVirtualNode } from "../../../src/resources/app-mesh/virtual-node.ts";
import { buildVirtualRouter, buildVirtualService } from "../../../src/resources/app-mesh/virtual-router.ts";
import { buildRepository } from "../../../src/resources/ecr/repository.ts";
import { buildAssociation } from "../../../src/resources/eks/association.ts";
import { allOfOperator } from "../../../src/resources/iam/operator-policy.ts";
import { buildRole } from "../../../src/resources/iam/role.ts";
import { buildRulesNamespace } from "../../../src/resources/slo/rule-file.ts";
import { ANYTHING, emulatedAws, type EmulatedAws } from "../../support/aws/emulated.ts";
import { SLOS, TO_WORKSPACE } from "../../support/aws/managed-prometheus.ts";
import { inAppMesh, neighbours } from "../../support/aws/mesh.ts";
import { METRICS_POLICY, operatorConfig, XRAY_POLICY } from "../../support/aws/operator-config.ts";
import { pushImage } from "../../support/aws/push.ts";
import { service } from "../../support/aws/service.ts";

/** Least privilege, the other way round: a service's life uses every grant that the operator's policy gives. */

const STATEMENT = { sid: "Tables", actions: ["dynamodb:GetItem"], resources: ["arn:aws:dynamodb:eu-west-1:111122223333:table/t"] };
const STRAY_TAG = { Key: "platform-operator.dev/stray", Value: "x" };

let aws: EmulatedAws;

const EVERYTHING = { identity: { ...operatorConfig().identity, modes: ["IRSA", "PodIdentity"] }, ...inAppMesh(), ...TO_WORKSPACE };
const ALLOWING = allOfOperator(operatorConfig(undefined, EVERYTHING))
  .Statement.filter(({ Effect }) => Effect === "Allow")
  .map(({ Sid }) => Sid ?? "");
const LIVES = [lifeOfARole, lifeOfARepository, lifeOfAnAssociation, lifeInAMesh, lifeOfRules];

afterEach(async () => aws.close());

/** An account of its own, whose operator lacks one statement of its policy. */
async function account(without?: string): Promise<void> {
  aws = await emulatedAws(EVERYTHING, { managedPrometheusMs: 0 }, { ...(without !== undefined && { without }) });
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
