import {
  CreatePodIdentityAssociationCommand,
  DeletePodIdentityAssociationCommand,
  ListPodIdentityAssociationsCommand,
  UpdatePodIdentityAssociationCommand,
} from "@aws-sdk/client-eks";
import { GetRoleCommand } from "@aws-sdk/client-iam";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { KubeObject } from "../../../src/crds/desired.ts";
import type { IdentityMode } from "../../../src/crds/effective.ts";
import { ANNOTATIONS, type ObjectKey } from "../../../src/crds/meta.ts";
import { identityStep } from "../../../src/reconcilers/platform-service/identity.ts";
import { readOnlyPass } from "../../../src/reconcilers/platform-service/read-only.ts";
import { nothingYet, type RemoveScope, type OwnedResource, type Scope } from "../../../src/reconcilers/platform-service/scope.ts";
import { serviceAccountStep } from "../../../src/reconcilers/platform-service/service-account.ts";
import type { ChildState, Children, DeploymentState, PodState } from "../../../src/reconcilers/ports.ts";
import type { StepReport } from "../../../src/reconcilers/step.ts";
import { identityHash } from "../../../src/resources/deployment.ts";
import { buildAssociation } from "../../../src/resources/eks/association.ts";
import { buildRole, roleArn, roleName } from "../../../src/resources/iam/role.ts";
import { emulatedAws, type EmulatedAws } from "../../support/aws/emulated.ts";
import { operatorConfig } from "../../support/aws/operator-config.ts";
import { service } from "../../support/aws/service.ts";
import { awsRemoveScope } from "../../support/remove-scope.ts";
import { childState, deploymentState, ownDeployment, podState } from "../../support/workload-states.ts";

/** The two steps that bind a role, against the emulator, with the cluster as the test says it is; each pass may be of another process. */

let aws: EmulatedAws;
let key: ObjectKey;
let ports: RemoveScope;
let account: KubeObject | undefined;
/** As the service's status lists it since the last pass. */
let resources: readonly OwnedResource[];
let count = 0;

beforeAll(async () => {
  aws = await emulatedAws({ identity: { ...operatorConfig().identity, allowedManagedPolicyArns: [], modes: ["IRSA", "PodIdentity"] } });
});
afterAll(async () => aws.close());
beforeEach(() => {
  key = { namespace: "tracking", name: `s${++count}` };
  account = undefined;
  resources = [];
  restart();
});

/** Another process: nothing is remembered. */
function restart(): void {
  ports = {
    ...awsRemoveScope(aws, key, { owner: "tracking-squad", tier: "tier-2", image: {} }),
    children,
  };
  aws.recorder.clear();
}

/** The API server, as far as one ServiceAccount goes. */
const children: Children = {
  ...awsRemoveScopeChildren(),
  async apply(_, desired) {
    account = desired;
    return { state: "updated", uid: "uid" };
  },
  async look() {
    return { state: "withheld", found: "different" };
  },
  get: () => account && accountState(account),
  owned: (_, [one]) => (account && one?.kind === "ServiceAccount" ? [accountState(account)] : []),
  async remove() {
    account = undefined;
    return "gone";
  },
};

function awsRemoveScopeChildren(): Children {
  const unasked = () => {
    throw new Error("these steps ask no such thing");
  };
  const none = { apply: unasked, look: unasked, strip: unasked, remove: unasked, get: unasked, owned: unasked };
  return { ...none, released: unasked, scale: unasked, forget: unasked };
}

function accountState({ metadata }: KubeObject): ChildState {
  return childState({ apiVersion: "v1", kind: "ServiceAccount", ...key }, { annotations: metadata.annotations ?? {} });
}

interface Cluster {
  /** Of each pod: how it gets credentials, by its note. */
  readonly pods?: readonly IdentityMode[];
  /** Of each pod: which token it has, if that shows. */
  readonly token?: IdentityMode;
  /** Of the pod template; absent: there is no Deployment. */
  readonly template?: IdentityMode;
  readonly rolledOut?: boolean;
}

function scopeOf(identity: IdentityMode, { pods = [], token, template, rolledOut = true }: Cluster): Scope {
  const arn = roleArn(key, aws.config);
  const pod = (mode: IdentityMode): PodState => podState({ identity: identityHash(mode, arn), token });
  const deployment = (mode: IdentityMode): DeploymentState => deploymentState({ identity: identityHash(mode, arn), rolledOut });
  return {
    ...ports,
    stored: { ...ports.stored, status: { resources: [...resources] } },
    world: { ...ports.world, pods: () => pods.map(pod), ...ownDeployment(template === undefined ? undefined : deployment(template)) },
    service: service({ aws: { identity } }, key),
    namespaceLabels: {},
    ...nothingYet(),
    previous: [],
    reports: new Map(),
  };
}

/** A pass of both steps; what the second says. */
async function pass(identity: IdentityMode, cluster: Cluster = {}): Promise<StepReport> {
  const scope = scopeOf(identity, cluster);
  const role = await identityStep.ensure(scope);
  resources = scope.resources;
  return role.state === "ready" ? serviceAccountStep.ensure(scope) : role;
}

/** What binds the ServiceAccount: statements of the trust policy, the annotation and the association. */
async function bindings(): Promise<string> {
  const { Role } = await aws.iam.send(new GetRoleCommand({ RoleName: roleName(key, aws.config) }));
  const trust = decodeURIComponent(Role?.AssumeRolePolicyDocument ?? "");
  const associations = await associationIds();
  return [
    ...(trust.includes("sts:AssumeRoleWithWebIdentity") ? ["trusts IRSA"] : []),
    ...(trust.includes("pods.eks.amazonaws.com") ? ["trusts PodIdentity"] : []),
    ...(account?.metadata.annotations?.["eks.amazonaws.com/role-arn"] === undefined ? [] : ["annotated"]),
    ...associations.map(() => "associated"),
  ].join(", ");
}

async function associationIds(): Promise<readonly string[]> {
  const clusterName = aws.config.cluster.name;
  const list = new ListPodIdentityAssociationsCommand({ clusterName, namespace: key.namespace, serviceAccount: key.name });
  return ((await aws.eks.send(list)).associations ?? []).map(({ associationId = "" }) => associationId);
}

const BY_IRSA = "trusts IRSA, annotated";
const BY_AGENT = "trusts PodIdentity, associated";
const BY_BOTH = "trusts IRSA, trusts PodIdentity, annotated, associated";

describe("a life under one binding", () => {
  test("IRSA asks nothing of EKS", async () => {
    for (const cluster of [{}, { pods: ["IRSA"], template: "IRSA" }] satisfies Cluster[])
      expect(await pass("IRSA", cluster)).toEqual({ state: "ready" });
    expect(await bindings()).toBe(BY_IRSA);
    expect(account?.metadata.annotations).not.toHaveProperty(ANNOTATIONS.boundBy);
    expect(aws.recorder.calls().filter((call) => call.startsWith("eks:"))).toEqual([]);
  });

  test("Pod Identity is associated once, and a second pass makes no call", async () => {
    expect(await pass("PodIdentity")).toEqual({ state: "ready" });
    expect(await bindings()).toBe(BY_AGENT);
    aws.recorder.clear();
    expect(await pass("PodIdentity", { pods: ["PodIdentity"], template: "PodIdentity" })).toEqual({ state: "ready" });
    expect(aws.recorder.calls()).toEqual([]);
  });
});

describe.each<[IdentityMode, IdentityMode, string, string]>([
  ["IRSA", "PodIdentity", BY_IRSA, BY_AGENT],
  ["PodIdentity", "IRSA", BY_AGENT, BY_IRSA],
])("from %s to %s", (old, wished, before, after) => {
  beforeEach(async () => {
    await pass(old);
    await pass(old, { pods: [old], template: old });
    restart();
  });

  test.each<[string, Cluster]>([
    ["pods and template are of the old", { pods: [old], template: old }],
    ["one pod is of the old", { pods: [old, wished], template: wished }],
    ["the new template is not rolled out, and no old pod is to be seen", { pods: [wished], template: wished, rolledOut: false }],
    ["a pod was given the old one's token, whatever its note says", { pods: [wished], token: old, template: wished }],
  ])("both are there while %s", async (_, cluster) => {
    // The first pass that follows the change always sees the old template.
    await pass(wished, { pods: [old], template: old });
    restart();
    expect(await pass(wished, cluster)).toEqual({ state: "ready", message: `bound by ${wished}; ${old} stays until no pod needs it` });
    expect(await bindings()).toBe(BY_BOTH);
  });

  test("the old one goes once nothing needs it, in another process too, and a further pass writes nothing", async () => {
    await pass(wished, { pods: [old], template: old });
    restart();
    const settled: Cluster = { pods: [wished], template: wished };
    expect(await pass(wished, settled)).toEqual({ state: "ready" });
    expect(await bindings()).toBe(after);
    restart();
    await pass(wished, settled);
    expect(aws.recorder.writes()).toEqual([]);
  });

  test("a process that ends between the two steps leaves nothing that the next does not finish, whichever way it then goes", async () => {
    await identityStep.ensure(scopeOf(wished, { pods: [old], template: old }));
    restart();
    await pass(old, { pods: [old], template: old });
    expect(await bindings()).toBe(before);
    await pass(wished, { pods: [old], template: old });
    restart();
    await identityStep.ensure(scopeOf(wished, { pods: [wished], template: wished }));
    restart();
    await pass(wished, { pods: [wished], template: wished });
    expect(await bindings()).toBe(after);
  });
});

test("an association that EKS made and whose answer was lost is found again when the spec has changed back meanwhile", async () => {
  await pass("IRSA", { pods: ["IRSA"], template: "IRSA" });
  const match = { service: "eks", operation: "CreatePodIdentityAssociation" };
  // The SDK's own two tries more, as well.
  await aws.emulator.addFaults({ match, position: 1, times: 3, fault: { kind: "lost" } });
  await expect(pass("PodIdentity", { pods: ["IRSA"], template: "IRSA" })).rejects.toMatchObject({ class: "unreachable" });
  expect(await associationIds()).toHaveLength(1);
  restart();
  await pass("IRSA", { pods: ["IRSA"], template: "IRSA" });
  expect(await bindings()).toBe(BY_IRSA);
});

describe("an association of ours", () => {
  const clusterName = "demo";
  beforeEach(async () => pass("PodIdentity"));

  test("that is deleted or given another role is put right when it is read", async () => {
    const [associationId] = await associationIds();
    await aws.operator.roles.create(
      buildRole(service({ aws: { identity: "PodIdentity" } }, { ...key, name: `${key.name}-other` }), aws.config),
    );
    const other = roleArn({ ...key, name: `${key.name}-other` }, aws.config);
    await aws.eks.send(new UpdatePodIdentityAssociationCommand({ clusterName, associationId, roleArn: other, disableSessionTags: true }));
    restart();
    await pass("PodIdentity");
    expect(await aws.operator.associations.observe(buildAssociation(service({}, key), aws.config))).toMatchObject({
      observed: { roleArn: roleArn(key, aws.config), sessionTags: true },
    });
    expect(await associationIds()).toEqual([associationId]);
    await aws.eks.send(new DeletePodIdentityAssociationCommand({ clusterName, associationId }));
    expect(ports.associations.sweep(await aws.operator.bulk.associations())).toEqual([key]);
    await pass("PodIdentity");
    expect(await associationIds()).toHaveLength(1);
  });

  test("with a session policy is not guessed at: it is said what to do", async () => {
    const [associationId] = await associationIds();
    const policy = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource: "*" }] });
    await aws.eks.send(new UpdatePodIdentityAssociationCommand({ clusterName, associationId, disableSessionTags: true, policy }));
    restart();
    expect(await pass("PodIdentity")).toMatchObject({
      state: "blocked",
      reason: "CannotBeChanged",
      message: expect.stringContaining(`delete-pod-identity-association --cluster-name demo --association-id ${associationId ?? ""}`),
    });
  });

  test("goes with the service, and the ServiceAccount after it", async () => {
    expect(await serviceAccountStep.remove(ports)).toEqual({ state: "gone" });
    expect(await associationIds()).toEqual([]);
    expect(account).toBeUndefined();
  });

  test("is an add-on's once one owns it", async () => {
    const [association = ""] = await associationIds();
    await aws.emulator.ownAssociation({ cluster: clusterName, association, owner: "arn:aws:eks:eu-west-1:111122223333:addon/demo/x/1" });
    expect(ports.associations.sweep(await aws.operator.bulk.associations())).toEqual([key]);
    expect(await pass("PodIdentity")).toMatchObject({ state: "blocked", reason: "NotOwned" });
  });
});

test("an association of somebody else's is neither changed nor deleted", async () => {
  await aws.operator.roles.create(buildRole(service({ aws: { identity: "PodIdentity" } }, key), aws.config));
  const of = { clusterName: "demo", namespace: key.namespace, serviceAccount: key.name, roleArn: roleArn(key, aws.config) };
  await aws.eks.send(new CreatePodIdentityAssociationCommand(of));
  const before = await associationIds();
  expect(await pass("PodIdentity")).toMatchObject({ state: "blocked", reason: "NotOwned", recheckMs: 60_000 });
  expect(await serviceAccountStep.remove(ports)).toEqual({ state: "gone" });
  expect(await associationIds()).toEqual(before);
});

test("a suspended service is bound to nothing, and it is said what is missing", async () => {
  await aws.operator.roles.create(buildRole(service({ aws: { identity: "PodIdentity" } }, key), aws.config));
  const scope = scopeOf("PodIdentity", {});
  const readOnly = readOnlyPass(ports);
  scope.facts.roleArn = roleArn(key, aws.config);
  expect(await readOnly.naming(serviceAccountStep).ensure({ ...scope, ...readOnly.hands })).toEqual({
    state: "suspended",
    message: `not written while suspended: PodIdentityAssociation tracking/${key.name} is not there; ServiceAccount ${key.name} differs`,
  });
  expect(await associationIds()).toEqual([]);
});
