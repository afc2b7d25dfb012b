import {
  CreateRouteCommand,
  CreateVirtualNodeCommand,
  CreateVirtualRouterCommand,
  CreateVirtualServiceCommand,
} from "@aws-sdk/client-app-mesh";
import { CreateRepositoryCommand, TagResourceCommand } from "@aws-sdk/client-ecr";
import { CreatePodIdentityAssociationCommand } from "@aws-sdk/client-eks";
import { CreateRoleCommand } from "@aws-sdk/client-iam";
import { AssumeRoleWithWebIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { EmulatorAdmin } from "../../emulator/admin-client.ts";
import { adminClient } from "../../src/cli/environment.ts";
import { isReady } from "../../src/cli/service-watch.ts";
import { ownershipTags } from "../../src/crds/aws-names.ts";
import { ANNOTATIONS, API_VERSION, LABELS, MANAGED_BY, type ObjectKey } from "../../src/crds/meta.ts";
import { virtualNodeName } from "../../src/resources/app-mesh/names.ts";
import { roleArn, roleName } from "../../src/resources/iam/role.ts";
import { issue } from "../support/certificate.ts";
import { court, type Attempt, type Told } from "../support/hijack/attempt.ts";
import { allOf, each, inAws, objects } from "../support/hijack/holdings.ts";
import { asIssuedByEks } from "../support/issued-token.ts";
import { provokePass } from "../support/operator-writes.ts";
import { PATIENCE_MS, serviceOf, sharedPlatform } from "../support/platform.ts";
import { messageOf, podsOf, type Listed } from "../support/service-view.ts";
import { tally } from "../support/tally.ts";
import { tierOf } from "../support/tier.ts";

/** Hostile squads: each row is an attempt to get hold of what is somebody else's. He is told what is wrong and what to do, and the other's things are as before. */

/** Of the squad that tries; some of it is another squad's. */
const NS = "hijack";
/** Of another squad. */
const OTHER = "hijack-other";
/** In App Mesh, as the next two. */
const MESH = "hijack-mesh";
/** Whose names can be read otherwise where they are joined to a service's. */
const SHORT = "hijack-a";
const LONG = "hijack-a-b";
/** May name little. */
const NARROW = "hijack-narrow";

/** Another squad's, with something of every kind. */
const LEDGER: ObjectKey = { namespace: OTHER, name: "ledger" };
/** A neighbour in the namespace. */
const NEIGHBOUR: ObjectKey = { namespace: NS, name: "neighbour" };
/** Of an isolated tier that another namespace may not use; it grants a call to one who only says that he is of it. */
const VAULT: ObjectKey = { namespace: OTHER, name: "vault" };
const TENANT: ObjectKey = { namespace: OTHER, name: "tenant" };
const MESHED: ObjectKey = { namespace: MESH, name: "web" };
const JOINED: ObjectKey = { namespace: LONG, name: "c" };
/** As long as a name can be: that of its role is cut. */
const LONGEST: ObjectKey = { namespace: NS, name: `${"x".repeat(59)}-one` };
const RICH = {
  container: { metrics: { port: 9090 } },
  scaling: { minReplicas: 2, maxReplicas: 4 },
  dependencies: { hosts: [{ host: "api.example.com", port: 443 }] },
  resilience: { connectionPool: { maxConnections: 10 } },
  slos: [{ name: "availability", objective: "99.9", indicator: "availability" }],
};
/** The kubelet has no certificate, so the application answers it on a port of its own. */
const IN_MESH = { container: { probes: { readiness: { path: "/ready", port: 8081 } } } };
const TRUST = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }],
});
const REGISTRY = "arn:aws:ecr:eu-west-1:111122223333:repository";

const platform = sharedPlatform();
const judge = court(platform);

beforeAll(async () => {
  await platform.apply(
    tierOf("hijack-isolated", { allowedNamespaces: { matchLabels: { cards: "yes" } }, network: { isolation: "Strict" } }),
    tierOf("hijack-labelled", { allowedNamespaces: { matchLabels: { cards: "yes" } } }),
  );
  await platform.namespace(NS);
  await platform.namespace(OTHER, { cards: "yes" });
  for (const namespace of [MESH, SHORT, LONG]) await platform.namespace(namespace, { mesh: "appmesh" });
  await platform.namespace(NARROW, { tenancy: "narrow" });
  await platform.applyService(MESHED, IN_MESH);
  await platform.applyService(JOINED, IN_MESH);
  await Promise.all([
    platform.ready(LEDGER, { ...RICH, callers: { services: [{ name: "friend" }] } }),
    platform.ready(NEIGHBOUR, { ...RICH, aws: { identity: "PodIdentity" } }),
    platform.ready(VAULT, { tier: "hijack-isolated", callers: { services: [{ name: "pretender", namespace: NS }] } }),
    platform.ready(TENANT, { tier: "hijack-labelled" }),
    platform.ready(LONGEST, {}),
    meshReady(MESHED),
    meshReady(JOINED),
  ]);
});

afterAll(async () => {
  tally({ what: "hijack attempts", ...judge.count });
  await judge.close();
  await platform.close();
});

function key(name: string, namespace = NS): ObjectKey {
  return { namespace, name };
}

/** Lets a service of App Mesh that is applied become Ready. */
async function meshReady(service: ObjectKey): Promise<void> {
  await certified(service);
  await platform.push(service);
  await platform.untilReady(service);
}

async function certified(service: ObjectKey): Promise<void> {
  await platform.untilCondition(service, "MeshSecurityReady", "Unknown", "WaitingForCertificate");
  await issue(platform.kubectl, key(`${service.name}-mesh-tls`, service.namespace));
}

function role(service: ObjectKey): string {
  return roleName(service, platform.config);
}

function tagsOf(service: ObjectKey, more: Readonly<Record<string, string>> = {}): { Key: string; Value: string }[] {
  return Object.entries({ ...ownershipTags(service, platform.config), ...more }).map(([Key, Value]) => ({ Key, Value }));
}

async function makeRole(RoleName: string, more: object = {}): Promise<void> {
  await platform.iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: TRUST, ...more }));
}

async function makeRepository(repositoryName: string, tags: { Key: string; Value: string }[] = []): Promise<void> {
  await platform.ecr.send(new CreateRepositoryCommand({ repositoryName, tags }));
}

/** Labels that say that it is the service's child. */
function forged(service: string): Readonly<Record<string, string>> {
  return { [LABELS.name]: service, [LABELS.managedBy]: MANAGED_BY, [LABELS.service]: service };
}

/** Until then its own controller annotates it. */
async function rolledOut(deployment: string): Promise<void> {
  await platform.kubectl(["rollout", "status", `deployment/${deployment}`, "-n", NS, "--timeout=60s"]);
}

/** At the same time: each has objects of its own. */
function every(attempts: readonly Attempt[]): void {
  test.concurrent.each(attempts)("$attempt", async (attempt) => expect(await judge.hold(attempt)).toBe("held"));
}

/** One after the other: they change what others stand on. */
function inTurn(attempts: readonly Attempt[]): void {
  test.each(attempts)("$attempt", async (attempt) => expect(await judge.hold(attempt)).toBe("held"));
}

/** An object of somebody's where a service wants a child of that kind and name. */
interface Squatter {
  readonly apiVersion: string;
  readonly kind: string;
  /** After the service's name. */
  readonly suffix?: string;
  readonly body: object;
  readonly condition: Told["condition"];
  readonly pushed?: boolean;
}

const app = { app: "theirs" };
const SQUATTERS: readonly Squatter[] = [
  { apiVersion: "v1", kind: "ServiceAccount", body: { automountServiceAccountToken: true }, condition: "ServiceAccountReady" },
  {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    suffix: "-default-deny",
    body: { spec: { podSelector: { matchLabels: app }, ingress: [{}], policyTypes: ["Ingress"] } },
    condition: "NetworkPolicyReady",
  },
  {
    apiVersion: "security.istio.io/v1",
    kind: "PeerAuthentication",
    body: { spec: { selector: { matchLabels: app }, mtls: { mode: "DISABLE" } } },
    condition: "MeshSecurityReady",
  },
  {
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    body: { spec: { selector: { matchLabels: app }, action: "ALLOW", rules: [{}] } },
    condition: "MeshSecurityReady",
  },
  {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    body: { spec: { minAvailable: 1, selector: { matchLabels: app } } },
    condition: "DisruptionBudgetReady",
  },
  { apiVersion: "v1", kind: "Service", body: { spec: { selector: app, ports: [{ port: 80 }] } }, condition: "WorkloadReady" },
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    body: {
      spec: {
        selector: { matchLabels: app },
        template: { metadata: { labels: app }, spec: { containers: [{ name: "app", image: "example.com/theirs:1" }] } },
      },
    },
    condition: "WorkloadReady",
    pushed: true,
  },
  {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    body: { spec: { maxReplicas: 2, scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "theirs" } } },
    condition: "WorkloadReady",
  },
  {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PodMonitor",
    body: { spec: { selector: { matchLabels: app }, podMetricsEndpoints: [{ port: "metrics" }] } },
    condition: "WorkloadReady",
  },
  {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    body: { spec: { hosts: ["theirs.example.com"], http: [{ route: [{ destination: { host: "theirs" } }] }] } },
    condition: "TrafficReady",
  },
  {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    body: { spec: { host: "theirs.example.com" } },
    condition: "TrafficReady",
  },
  {
    apiVersion: "networking.istio.io/v1",
    kind: "ServiceEntry",
    suffix: ".api.example.com",
    body: { spec: { hosts: ["theirs.example.com"], ports: [{ number: 443, name: "tls", protocol: "TLS" }], resolution: "DNS" } },
    condition: "TrafficReady",
  },
  {
    apiVersion: "networking.istio.io/v1",
    kind: "Sidecar",
    body: { spec: { workloadSelector: { labels: app }, egress: [{ hosts: ["*/*"] }] } },
    condition: "TrafficReady",
  },
  {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PrometheusRule",
    suffix: "-slos",
    body: { spec: { groups: [] } },
    condition: "SLOsReady",
  },
];

/** Whose it is, it says by its labels: wrongly. */
function squatting({ apiVersion, kind, suffix = "", body, condition, pushed = false }: Squatter): Attempt {
  const by = key(`forged-${kind.toLowerCase()}`);
  const name = `${by.name}${suffix}`;
  return {
    attempt: `a ${kind} of somebody's, with the labels of a child of ours forged on it`,
    by,
    spec: RICH,
    given: async () => {
      await platform.apply({ apiVersion, kind, metadata: { name, namespace: NS, labels: forged(by.name) }, ...body });
      if (kind === "Deployment") await rolledOut(name);
    },
    ...(pushed && { meanwhile: () => platform.push(by) }),
    told: {
      condition,
      verdict: "False NotOwned",
      words: [
        `${kind} ${name} exists and is not ours (an object that no controller owns)`,
        `delete or rename it, annotate it with platform-operator.dev/adopt-by: ${by.name} to have it taken over, or rename this service`,
      ],
    },
    victim: objects(NS, `${kind} ${name}`),
  };
}

describe("what stands where a service wants a child stays its owner's:", () => {
  every(SQUATTERS.map(squatting));
});

describe("what the cluster itself has is no child, whatever a service is called:", () => {
  every([
    {
      attempt: "a service named default, after the ServiceAccount of every namespace",
      by: key("default"),
      told: {
        condition: "ServiceAccountReady",
        verdict: "False NotOwned",
        words: ["ServiceAccount default exists and is not ours", "rename"],
      },
      victim: objects(NS, "ServiceAccount default"),
    },
    {
      attempt: "a service named kubernetes, after the Service of the API server",
      by: key("kubernetes", "default"),
      told: {
        condition: "WorkloadReady",
        verdict: "False NotOwned",
        words: ["Service kubernetes exists and is not ours", "rename this service"],
      },
      victim: objects("default", "Service kubernetes"),
    },
  ]);
});

describe("what is forged in the cluster takes nobody in:", () => {
  const owner = (name: string, uid: string, apiVersion: string = API_VERSION): object => ({
    ownerReferences: [{ apiVersion, kind: "PlatformService", name, uid, controller: true }],
  });
  const admin = { annotations: { "eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/admin" } };
  const opening = (service: ObjectKey): object => ({
    spec: { podSelector: { matchLabels: { [LABELS.service]: service.name } }, ingress: [{}] },
  });
  const policy = { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" };
  const account = { apiVersion: "v1", kind: "ServiceAccount" };
  const DEAD = "00000000-0000-0000-0000-000000000000";
  const buried = key("buried");
  const ancient = key("ancient");
  const distant = key("distant");
  const fleeting = key("fleeting");
  const STRAY =
    "a pod that others made counts as one while it bears the label platform-operator.dev/service: delete it, or take that label off";
  const stray = (name: string, service: string): object => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: NS, labels: forged(service) },
    spec: { nodeSelector: { nowhere: "yes" }, containers: [{ name: "app", image: "example.com/stray:1" }] },
  });
  const planted = { ...policy, metadata: { name: "planted", namespace: OTHER } };

  every([
    {
      attempt: "a ServiceAccount with another's role, and an ownerReference with a uid that is nobody's",
      by: buried,
      given: () => platform.apply({ ...account, metadata: { ...buried, ...admin, labels: forged("buried"), ...owner("buried", DEAD) } }),
      told: { condition: "ServiceAccountReady", verdict: "True AsWritten", words: [] },
      meanwhile: () => untilBound(buried),
      victim: allOf(LEDGER),
      unharmed: LEDGER,
    },
    {
      attempt: "a ServiceAccount whose forged owner the garbage collector cannot look up",
      by: ancient,
      given: () =>
        platform.apply({ ...account, metadata: { ...ancient, ...admin, ...owner("ancient", DEAD, "platform-operator.dev/v9") } }),
      told: {
        condition: "ServiceAccountReady",
        verdict: "Unknown WaitingForGarbageCollection",
        words: ["ServiceAccount ancient", "delete it"],
      },
      victim: objects(NS, "ServiceAccount ancient"),
    },
    {
      attempt: "a NetworkPolicy that opens a service's pods, with that service's own uid as its owner's",
      by: LEDGER,
      does: async () => {
        const { metadata } = await live(OTHER, "psvc/ledger");
        await platform.apply({ ...planted, metadata: { ...planted.metadata, ...owner("ledger", metadata.uid) }, ...opening(LEDGER) });
        await untilGone(OTHER, "networkpolicy/planted");
      },
      told: { condition: "NetworkPolicyReady", verdict: "True AsWritten", words: [] },
      victim: allOf(LEDGER),
      unharmed: LEDGER,
      stays: true,
    },
    {
      attempt: "a NetworkPolicy that opens a service's pods and says that a PlatformService of some other group owns it",
      by: LONGEST,
      does: () =>
        platform.apply({
          ...policy,
          metadata: { name: "ghost", namespace: NS, ...owner("ghost", DEAD, "example.com/v1") },
          ...opening(LONGEST),
        }),
      told: { condition: "NetworkPolicyReady", verdict: "True Widened", words: ["NetworkPolicy ghost, not ours, also selects these pods"] },
      victim: allOf(LONGEST),
      unharmed: LONGEST,
      undo: () => platform.kubectl(["delete", "networkpolicy/ghost", "-n", NS]),
      stays: true,
    },
    {
      attempt: "another namespace's objects, with the labels of a child of that name",
      by: distant,
      given: () =>
        platform.apply(
          ...[{ ...account }, { ...policy, ...opening(distant) }, { apiVersion: "v1", kind: "ConfigMap", data: { a: "b" } }].map(
            (object) => ({
              ...object,
              metadata: { name: "distant", namespace: OTHER, labels: forged("distant") },
            }),
          ),
        ),
      meanwhile: () => platform.push(distant),
      told: { condition: "Ready", verdict: "True Ready", words: [] },
      victim: objects(OTHER, "ServiceAccount distant", "NetworkPolicy distant", "ConfigMap distant"),
    },
    {
      attempt: "a pod of somebody's that bears the labels of a service's pods",
      by: NEIGHBOUR,
      does: () => platform.apply(stray("stray", "neighbour")),
      told: { condition: "TrafficReady", verdict: "False NotInMesh", words: ["a running pod has no istio-proxy sidecar", STRAY] },
      victim: allOf(NEIGHBOUR, "Pod stray"),
      undo: async () => {
        await platform.kubectl(["delete", "pod/stray", "-n", NS, "--wait=false"]);
        await platform.untilReady(NEIGHBOUR);
      },
      stays: true,
    },
    {
      attempt: "a pod of somebody's that bears them, in the way of a service's deletion",
      by: fleeting,
      given: async () => {
        await platform.applyService(fleeting);
        await platform.untilCondition(fleeting, "ImageResolved", "False", "ImageNotFound");
        await platform.apply(stray("in-the-way", "fleeting"));
      },
      does: async () => {
        await platform.kubectl(["delete", "psvc/fleeting", "-n", NS, "--wait=false"]);
        await platform.until(fleeting, "waits for its pods", (it) => messageOf(it, "Ready").includes("its pods"));
      },
      told: {
        condition: "Ready",
        verdict: "False Deleting",
        words: ["waits for its pods to be gone", STRAY],
      },
      victim: objects(NS, "Pod in-the-way"),
      undo: async () => {
        await platform.kubectl(["label", "pod/in-the-way", "-n", NS, `${LABELS.service}-`]);
        await platform.untilGone(fleeting);
      },
      stays: true,
    },
    {
      attempt: "a ServiceAccount that is annotated with another's role by hand, at the door of STS",
      by: key("nobody"),
      given: () =>
        platform.apply({ ...account, metadata: { name: "evil", namespace: NS, annotations: { "eks.amazonaws.com/role-arn": "" } } }),
      does: async () => {
        await enters(LEDGER);
        await assume(LEDGER, key("evil"));
      },
      told: { refused: ["AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"] },
      victim: inAws(`Role ${role(LEDGER)}`),
      unharmed: LEDGER,
    },
  ]);
});

describe("roles, repositories and associations of others in the account:", () => {
  const path = `/platform-operator/${platform.config.cluster.region}.${platform.config.cluster.name}/`;
  const elsewhere = { "platform-operator.dev/cluster": "eu-west-1.other" };
  // What somebody else runs on is not to be deleted.
  const wayOut = (words: string): string =>
    words.startsWith("it has no tags of") ? "delete it, or hand it over by the tags" : "leave it to its owner and give yours another name";
  const foreignRole = (attempt: string, name: string, more: object, words: string, made = role(key(name))): Attempt => ({
    attempt,
    by: key(name),
    given: () => makeRole(made, more),
    told: {
      condition: "IdentityReady",
      verdict: "False NotOwned",
      words: [`IAM role ${role(key(name))} exists and is not ours (${words}`, wayOut(words)],
    },
    victim: inAws(`Role ${made}`),
  });
  const foreignRepository = (attempt: string, name: string, tags: { Key: string; Value: string }[], words: string): Attempt => ({
    attempt,
    by: key(name),
    spec: { image: { tag: "1.0.0", deletionPolicy: "DeleteWithImages" } },
    given: () => makeRepository(`${NS}/${name}`, tags),
    told: {
      condition: "RepositoryReady",
      verdict: "False NotOwned",
      words: [`ECR repository ${NS}/${name} exists and is not ours (${words}`, wayOut(words)],
    },
    victim: inAws(`Repository ${NS}/${name}`),
  });
  const associated = (attempt: string, name: string, words: string, make: () => Promise<unknown>): Attempt => ({
    attempt,
    by: key(name),
    spec: { aws: { identity: "PodIdentity" } },
    given: make,
    told: {
      condition: "ServiceAccountReady",
      verdict: "False NotOwned",
      words: [`Pod Identity association ${NS}/${name} exists and is not ours (${words}`, wayOut(words)],
    },
    victim: inAws(`Association ${NS}/${name}`),
  });
  const associate = async (name: string, tags: readonly { Key: string; Value: string }[]): Promise<string> => {
    const { association } = await platform.eks.send(
      new CreatePodIdentityAssociationCommand({
        clusterName: platform.config.cluster.name,
        namespace: NS,
        serviceAccount: name,
        roleArn: roleArn(NEIGHBOUR, platform.config),
        tags: Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value])),
      }),
    );
    return association?.associationId ?? "";
  };
  const [clusterTag, namespaceTag] = tagsOf(key("partly"));

  every([
    foreignRole("a role that Terraform made under the name that is ours", "untagged", {}, "it has no tags of platform-operator.dev)"),
    foreignRole(
      "the role of a service of that name in another cluster of the account",
      "elsewhere",
      { Tags: tagsOf(key("elsewhere"), elsewhere), Path: path },
      "it belongs to PlatformService hijack/elsewhere of cluster eu-west-1.other)",
    ),
    foreignRole(
      "the role of another cluster whose name differs in case alone, which IAM takes for the same",
      "capital",
      { Tags: tagsOf(key("capital"), { "platform-operator.dev/cluster": "eu-west-1.Demo" }), Path: "/platform-operator/eu-west-1.Demo/" },
      "it belongs to PlatformService hijack/capital of cluster eu-west-1.Demo)",
      `eu-west-1.Demo.${NS}.capital`,
    ),
    foreignRole(
      "a role outside our path on which somebody who may tag has copied all of our tags",
      "copied",
      { Tags: tagsOf(key("copied")), Path: "/admins/" },
      "it has this service's tags, but lies at path /admins/ and not at",
    ),
    foreignRole(
      "a role with two of the three tags",
      "partly",
      { Tags: [clusterTag, namespaceTag], Path: path },
      "it belongs to PlatformService hijack/? of cluster eu-west-1.demo)",
    ),
    foreignRole(
      "a role at our path under the name that is ours, with all the tags of another service of this cluster, as if two hashes were one",
      `${"z".repeat(59)}-one`,
      { Tags: tagsOf(key(`${"z".repeat(59)}-two`)), Path: path },
      `it belongs to PlatformService hijack/${"z".repeat(59)}-two of cluster eu-west-1.demo)`,
    ),
    foreignRole(
      "a role of somebody's under a name that is cut and hashed",
      `${"y".repeat(59)}-cut`,
      { Tags: [{ Key: "made-by", Value: "terraform" }] },
      "it has no tags of platform-operator.dev)",
    ),
    foreignRepository(
      "a repository that Terraform made under the name that is ours",
      "bare",
      [],
      "it has no tags of platform-operator.dev)",
    ),
    foreignRepository(
      "the repository of a service of that name in another cluster of the account",
      "abroad",
      tagsOf(key("abroad"), elsewhere),
      "it belongs to PlatformService hijack/abroad of cluster eu-west-1.other)",
    ),
    {
      ...foreignRepository("the repository of a neighbour, by name", "neighbour", [], "it belongs to PlatformService hijack/neighbour of"),
      by: key("tenant-of-another"),
      spec: { image: { repository: `${NS}/neighbour`, tag: "1.0.0", deletionPolicy: "DeleteWithImages" } },
      given: async () => undefined,
      unharmed: NEIGHBOUR,
    },
    associated("an association that Terraform made, with another service's role", "bound", "it has no tags of platform-operator.dev)", () =>
      associate("bound", [{ Key: "made-by", Value: "terraform" }]),
    ),
    associated("an association of an add-on on which all of our tags were copied", "added", "it belongs to the add-on", async () => {
      const association = await associate("added", tagsOf(key("added")));
      const addOn = { cluster: platform.config.cluster.name, association, owner: "arn:aws:eks:eu-west-1:111122223333:addon/demo/cni/1" };
      await new EmulatorAdmin(platform.info.awsEndpoint).ownAssociation(addOn);
    }),
  ]);
});

describe("what is in App Mesh of another cluster that shares it, or has the name of a neighbour's:", () => {
  const meshName = platform.config.mesh.appMesh?.meshName ?? "";
  const tags = Object.entries({
    ...ownershipTags(key("any", MESH), platform.config),
    "platform-operator.dev/cluster": "eu-west-1.other",
  }).map(([name, value]) => ({ key: name, value }));
  const listeners = [{ portMapping: { port: 1, protocol: "http" as const } }];
  const node = key("node", MESH);
  const router = key("router", MESH);
  const host = key("host", MESH);
  const inMesh = (attempt: Pick<Attempt, "attempt" | "by" | "given" | "victim">, condition: Told["condition"], what: string): Attempt => ({
    ...attempt,
    spec: IN_MESH,
    meanwhile: () => certified(attempt.by),
    told: {
      condition,
      verdict: "False NotOwned",
      words: [
        `${what} exists and is not ours (it belongs to PlatformService hijack-mesh/any of cluster eu-west-1.other)`,
        "leave it to its owner and give yours another name",
      ],
    },
  });
  const certificate = key("certificate", MESH);
  const longer = key("web-mesh", MESH);

  every([
    inMesh(
      {
        attempt: "the VirtualNode",
        by: node,
        given: () =>
          platform.appMesh.send(
            new CreateVirtualNodeCommand({
              meshName,
              virtualNodeName: virtualNodeName(node, platform.config),
              spec: { listeners, serviceDiscovery: { dns: { hostname: "theirs.example.com" } } },
              tags,
            }),
          ),
        victim: inAws(`virtualNode ${virtualNodeName(node, platform.config)}`),
      },
      "MeshSecurityReady",
      `App Mesh VirtualNode ${virtualNodeName(node, platform.config)}`,
    ),
    inMesh(
      {
        attempt: "the VirtualRouter with its Route",
        by: router,
        given: async () => {
          const virtualRouterName = virtualNodeName(router, platform.config);
          await platform.appMesh.send(new CreateVirtualRouterCommand({ meshName, virtualRouterName, spec: { listeners }, tags }));
          const weightedTargets = [{ virtualNode: virtualNodeName(MESHED, platform.config), weight: 1 }];
          const spec = { httpRoute: { match: { prefix: "/" }, action: { weightedTargets } } };
          await platform.appMesh.send(new CreateRouteCommand({ meshName, virtualRouterName, routeName: "theirs", spec, tags }));
        },
        victim: inAws(
          `virtualRouter ${virtualNodeName(router, platform.config)}`,
          `route ${virtualNodeName(router, platform.config)}/theirs`,
        ),
      },
      "TrafficReady",
      `App Mesh VirtualRouter ${virtualNodeName(router, platform.config)}`,
    ),
    inMesh(
      {
        attempt: "the VirtualService: the host that callers use, which two clusters claim",
        by: host,
        given: () =>
          platform.appMesh.send(
            new CreateVirtualServiceCommand({
              meshName,
              virtualServiceName: "host.hijack-mesh.svc.cluster.local",
              spec: { provider: { virtualNode: { virtualNodeName: virtualNodeName(MESHED, platform.config) } } },
              tags,
            }),
          ),
        victim: inAws("virtualService host.hijack-mesh.svc.cluster.local"),
      },
      "TrafficReady",
      "App Mesh VirtualService host.hijack-mesh.svc.cluster.local",
    ),
    {
      attempt: "a Certificate of somebody's under the name of a child",
      by: certificate,
      spec: IN_MESH,
      given: () =>
        platform.apply({
          apiVersion: "cert-manager.io/v1",
          kind: "Certificate",
          metadata: { name: "certificate-mesh-tls", namespace: MESH, labels: forged("certificate") },
          spec: { secretName: "theirs", dnsNames: ["theirs.example.com"], issuerRef: { name: "theirs" } },
        }),
      told: {
        condition: "MeshSecurityReady",
        verdict: "False NotOwned",
        words: ["Certificate certificate-mesh-tls exists and is not ours", "delete or rename it"],
      },
      victim: objects(MESH, "Certificate certificate-mesh-tls"),
    },
    {
      attempt: "a service named as a neighbour's second Service, which asks to be taken over by it",
      by: longer,
      spec: IN_MESH,
      given: () => platform.kubectl(["annotate", "service/web-mesh", "-n", MESH, `${ANNOTATIONS.adoptBy}=web-mesh`]),
      told: {
        condition: "WorkloadReady",
        verdict: "False NotOwned",
        words: ["Service web-mesh exists and is not ours (PlatformService web): delete or rename it, or rename this service"],
      },
      victim: allOf(MESHED),
      unharmed: MESHED,
    },
  ]);
});

describe("names that are made to collide:", () => {
  const twin = key(`${"x".repeat(59)}-two`);
  const joined = key("b-c", SHORT);
  every([
    {
      attempt: "two names that are the same where a role's name is cut",
      by: twin,
      meanwhile: async () => {
        await platform.push(twin);
        await platform.untilReady(twin);
        hasRoleBeside(twin, LONGEST);
      },
      told: { condition: "Ready", verdict: "True Ready", words: [] },
      victim: allOf(LONGEST),
      unharmed: LONGEST,
    },
    {
      attempt: "b-c in namespace hijack-a, beside c in hijack-a-b: role, repository, VirtualNode, VirtualRouter, VirtualService",
      by: joined,
      spec: IN_MESH,
      meanwhile: () => meshReady(joined),
      told: { condition: "Ready", verdict: "True Ready", words: [] },
      victim: allOf(JOINED),
      unharmed: JOINED,
    },
  ]);
});

describe("a workload that another squad runs:", () => {
  const bringing = (name: string): object => ({ image: {}, workloadRef: { apiVersion: "apps/v1", kind: "Deployment", name } });
  const workload = (name: string, annotations: object = {}): object => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: NS, annotations },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          containers: [{ name: "app", image: "example.com/app:1", env: [{ name: "AWS_WEB_IDENTITY_TOKEN_FILE", value: "/token" }] }],
        },
      },
    },
  });
  const keeper = key("keeper");
  const refuse = (attempt: string, by: string, workloadRef: object, ...refused: readonly string[]): Attempt => ({
    attempt,
    by: key(by),
    does: () => platform.applyService(key(by), { image: {}, workloadRef: { apiVersion: "apps/v1", kind: "Deployment", ...workloadRef } }),
    told: { refused },
    victim: allOf(LEDGER),
    unharmed: LEDGER,
  });
  every([
    {
      attempt: "one that does not say that he may",
      by: key("silent-thief"),
      spec: bringing("silent"),
      given: async () => {
        await platform.apply(workload("silent"));
        await rolledOut("silent");
      },
      told: {
        condition: "WorkloadReady",
        verdict: "False NotHandedOver",
        words: ["Deployment silent does not say that this service may write", `annotate it with ${ANNOTATIONS.managedBy}: silent-thief`],
      },
      victim: objects(NS, "Deployment silent"),
    },
    {
      attempt: "one that another service has brought, and holds",
      by: key("thief"),
      spec: bringing("held"),
      given: async () => {
        await platform.apply(workload("held", { [ANNOTATIONS.managedBy]: "keeper" }), serviceOf(keeper, bringing("held")));
        await platform.untilReady(keeper);
      },
      told: {
        condition: "WorkloadReady",
        verdict: "False HandedToAnother",
        words: [`Deployment held is annotated ${ANNOTATIONS.managedBy}: keeper`, "annotate it with thief, or correct spec.workloadRef"],
      },
      victim: each(allOf(keeper), objects(NS, "Deployment held")),
      unharmed: keeper,
    },
    {
      attempt: "one that the operator made for a neighbour, its ownerReference taken off and annotated by hand",
      by: key("grabber"),
      given: () => platform.kubectl(["annotate", "deployment/neighbour", "-n", NS, `${ANNOTATIONS.managedBy}=grabber`]),
      does: async () => {
        const patch = JSON.stringify([{ op: "remove", path: "/metadata/ownerReferences" }]);
        await platform.kubectl(["patch", "deployment/neighbour", "-n", NS, "--type=json", "-p", patch]);
        await platform.applyService(key("grabber"), bringing("neighbour"));
        await untilOwned(NS, "neighbour");
      },
      told: {
        condition: "WorkloadReady",
        verdict: "False NotOwned",
        words: ["Deployment neighbour is PlatformService neighbour's own", "name a workload that the squad deploys"],
      },
      victim: allOf(NEIGHBOUR),
      unharmed: NEIGHBOUR,
    },
    refuse(
      "one of another namespace, by a field",
      "reacher",
      { name: "ledger", namespace: OTHER },
      "spec.workloadRef",
      'unknown field "namespace"',
    ),
    refuse("one of another namespace, by its name", "slasher", { name: `${OTHER}/ledger` }, "must be the name of a Kubernetes object"),
  ]);
});

describe("another squad's repository, role or owner, by name:", () => {
  const image = (repository: string, more: object = {}): object => ({ image: { repository, tag: "1.0.0", ...more } });
  const refused = (attempt: string, by: string, spec: object, reason: string, ...words: readonly string[]): Attempt => ({
    attempt,
    by: key(by),
    spec,
    told: { condition: "SpecValid", verdict: `False ${reason}`, words },
    victim: allOf(LEDGER),
    unharmed: LEDGER,
  });
  const malformed = (attempt: string, by: string, repository: string): Attempt => ({
    attempt,
    by: key(by),
    does: () => platform.applyService(key(by), image(repository)),
    told: { refused: ["spec.image.repository", "must"] },
    victim: allOf(LEDGER),
    unharmed: LEDGER,
  });
  const existing = (name: string): object => ({ aws: { existingRole: `arn:aws:iam::111122223333:role/${name}` } });

  every([
    refused(
      "a repository of a namespace whose name begins with his own",
      "prefix",
      image(`${OTHER}/ledger`),
      "RepositoryOutsideNamespace",
      `must start with "${NS}/"`,
    ),
    malformed("a repository by a way up", "dots", `${NS}/../${OTHER}/ledger`),
    malformed("a repository in another case", "case", `${NS.toUpperCase()}/neighbour`),
    refused(
      "a repository as one that exists",
      "borrower",
      image(`${OTHER}/ledger`, { repositoryMode: "Existing" }),
      "ExistingRepositoryNotAllowed",
      "ask the platform team to add it to the existingRepositories of its tenancy",
    ),
    refused(
      "a service's role as one that exists",
      "impostor",
      existing(`platform-operator/eu-west-1.demo/${role(LEDGER)}`),
      "RoleOfAnotherService",
      "name a role that somebody else made, or leave existingRole out",
    ),
    {
      ...refused(
        "the operator's own role as one that exists",
        "usurper",
        existing("platform-operator"),
        "ExistingRoleNotAllowed",
        "ask the platform team to add it to the existingRoleArns of its tenancy",
      ),
      given: () => makeRole("platform-operator"),
      victim: inAws("Role platform-operator"),
    },
    {
      attempt: "a service's role as one that exists, by a way up from a path that he may use",
      by: key("climber"),
      spec: existing(`terraform/../platform-operator/eu-west-1.demo/${role(LEDGER)}`),
      told: { condition: "IdentityReady", verdict: "False RoleNotFound", words: [`the IAM role called ${role(LEDGER)} is`] },
      victim: allOf(LEDGER),
      unharmed: LEDGER,
    },
    {
      attempt: "a role of another squad's at a path that he may use",
      by: key("freeloader"),
      spec: existing("terraform/of-others"),
      given: () => makeRole("of-others", { Path: "/terraform/", PermissionsBoundary: platform.config.identity.permissionsBoundaryArn }),
      told: {
        condition: "IdentityReady",
        verdict: "False NotTrusted",
        words: ["the trust policy of IAM role of-others does not admit this service: its owner must add"],
      },
      victim: inAws("Role of-others"),
    },
    {
      attempt: "a role at a path that he may use, with a service's tags copied on it",
      by: key("masked"),
      spec: existing("terraform/masked"),
      given: () => makeRole("masked", { Path: "/terraform/", Tags: tagsOf(VAULT) }),
      told: {
        condition: "IdentityReady",
        verdict: "False RoleOfAnotherService",
        words: ["is made and kept by an operator", "name a role that no PlatformService owns"],
      },
      victim: inAws("Role masked"),
    },
    {
      ...refused("another squad's name, for who pays and who is paged", "alias", {}, "OwnerNotAllowed", "name one of narrow-squad"),
      by: key("alias", NARROW),
    },
  ]);
});

describe("a call that nobody agreed to:", () => {
  const calling = (dependencies: object): object => ({ dependencies });
  const told = (reason: string, ...words: readonly string[]): Told => ({
    condition: "DependenciesGranted",
    verdict: `False ${reason}`,
    words,
  });
  const alias = key("alias-caller");
  every([
    {
      attempt: "a dependency on another squad's service",
      by: key("caller"),
      spec: calling({ services: [LEDGER] }),
      told: told("NotGranted", `its file needs { name: caller, namespace: ${NS} } in spec.callers.services`),
      victim: allOf(LEDGER),
      unharmed: LEDGER,
    },
    {
      attempt: "a dependency of one who is called as a friend in another namespace is",
      by: key("friend"),
      spec: calling({ services: [LEDGER] }),
      told: told("NotGranted", `its file needs { name: friend, namespace: ${NS} }`),
      victim: allOf(LEDGER),
      unharmed: LEDGER,
    },
    {
      attempt: "a dependency that passes a service off as any Service",
      by: key("smuggler"),
      spec: calling({ kubernetesServices: [{ ...LEDGER, port: 8080 }] }),
      told: told("NotGranted", `its file needs { name: smuggler, namespace: ${NS} } in spec.callers.services`),
      victim: allOf(LEDGER),
      unharmed: LEDGER,
    },
    {
      attempt: "a dependency on a Service of his own that selects a neighbour's pods",
      by: alias,
      spec: calling({ kubernetesServices: [{ name: "alias", port: 80 }] }),
      given: () =>
        platform.apply({
          apiVersion: "v1",
          kind: "Service",
          metadata: { name: "alias", namespace: NS },
          spec: { selector: { [LABELS.service]: "neighbour" }, ports: [{ port: 80, targetPort: 8080 }] },
        }),
      told: told("NotGranted", `${NS}/neighbour does not let this service call: its file needs { name: alias-caller, namespace: ${NS} }`),
      victim: allOf(NEIGHBOUR),
      unharmed: NEIGHBOUR,
    },
    {
      attempt: "a dependency on a service of an isolated tier",
      by: key("outsider"),
      spec: calling({ services: [VAULT] }),
      told: told("OutsideTier", "is of tier hijack-isolated, which is isolated", "remove it from spec.dependencies.services"),
      victim: allOf(VAULT),
      unharmed: VAULT,
    },
    {
      attempt: "the name that a service of an isolated tier grants, and that tier, which his namespace may not use",
      by: key("pretender"),
      spec: { tier: "hijack-isolated" },
      told: {
        condition: "SpecValid",
        verdict: "False TierNotAllowed",
        words: [`tier hijack-isolated does not allow namespace ${NS}: name another tier, or ask the platform team`],
      },
      victim: allOf(VAULT),
      unharmed: VAULT,
    },
    {
      attempt: "a service's host in the cluster, claimed as one outside",
      by: key("claimant"),
      spec: calling({ hosts: [{ host: `ledger.${OTHER}.svc.cluster.local`, port: 443 }] }),
      told: { condition: "SpecValid", verdict: "False HostInCluster", words: ["write it under spec.dependencies.services"] },
      victim: allOf(LEDGER),
      unharmed: LEDGER,
    },
  ]);
});

describe("adoption that the wrong side asks for:", () => {
  const account = (namespace: string, name: string, metadata: object = {}): object => ({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name, namespace, ...metadata },
  });
  const notOwned = (...words: readonly string[]): Told => ({ condition: "ServiceAccountReady", verdict: "False NotOwned", words });
  const controller = { apiVersion: "v1", kind: "ConfigMap", name: "kube-root-ca.crt", controller: true };
  const wishful = key("wishful");
  every([
    {
      attempt: "the service, not the object",
      by: wishful,
      given: () => platform.apply(account(NS, "wishful")),
      does: () => platform.apply({ ...serviceOf(wishful), metadata: { ...wishful, annotations: { [ANNOTATIONS.adoptBy]: "wishful" } } }),
      told: notOwned(`annotate it with ${ANNOTATIONS.adoptBy}: wishful to have it taken over`),
      victim: objects(NS, "ServiceAccount wishful"),
    },
    {
      attempt: "an object that asks for another",
      by: key("jealous"),
      given: () => platform.apply(account(NS, "jealous", { annotations: { [ANNOTATIONS.adoptBy]: "neighbour" } })),
      told: notOwned(`annotate it with ${ANNOTATIONS.adoptBy}: jealous to have it taken over`),
      victim: objects(NS, "ServiceAccount jealous"),
    },
    {
      attempt: "an object that another controller has",
      by: key("late"),
      given: async () => {
        const { metadata } = await live(NS, "configmap/kube-root-ca.crt");
        const ownerReferences = [{ ...controller, uid: metadata.uid }];
        await platform.apply(account(NS, "late", { annotations: { [ANNOTATIONS.adoptBy]: "late" }, ownerReferences }));
      },
      told: notOwned(
        "ServiceAccount late exists and is not ours (ConfigMap kube-root-ca.crt): delete or rename it, or rename this service",
      ),
      victim: objects(NS, "ServiceAccount late"),
    },
    {
      attempt: "an object of another namespace",
      by: key("abducted"),
      given: () => platform.apply(account(OTHER, "abducted", { annotations: { [ANNOTATIONS.adoptBy]: "abducted" } })),
      told: { condition: "ServiceAccountReady", verdict: "True AsWritten", words: [] },
      victim: objects(OTHER, "ServiceAccount abducted"),
    },
  ]);
});

describe("what is taken away after the fact, or put on what runs:", () => {
  const allowing = (cards: string): object => tierOf("hijack-labelled", { allowedNamespaces: { matchLabels: { cards } } });
  const label = (value: string): Promise<unknown> => platform.kubectl(["label", "namespace", OTHER, "--overwrite", value]);
  const resourceArn = `${REGISTRY}/${OTHER}/ledger`;
  const tag = (service: ObjectKey): Promise<unknown> => platform.ecr.send(new TagResourceCommand({ resourceArn, tags: tagsOf(service) }));
  const restored = async (...services: readonly ObjectKey[]): Promise<void> => {
    for (const service of services) {
      await provokePass(platform, service);
      await platform.untilReady(service);
    }
  };
  const notAllowed: Told = {
    condition: "SpecValid",
    verdict: "False TierNotAllowed",
    words: [`tier hijack-labelled does not allow namespace ${OTHER}: name another tier, or ask the platform team to add the namespace`],
  };
  const runsOn = { by: TENANT, victim: allOf(TENANT), unharmed: LEDGER, stays: true };
  inTurn([
    {
      ...runsOn,
      attempt: "a tier that no longer allows the namespace",
      does: () => platform.apply(allowing("never")),
      told: notAllowed,
      undo: async () => {
        await platform.apply(allowing("yes"));
        await restored(TENANT);
      },
    },
    {
      ...runsOn,
      attempt: "a namespace that has lost the label by which a tier allows it",
      does: () => label("cards=no"),
      told: notAllowed,
      undo: async () => {
        await label("cards=yes");
        await restored(TENANT, VAULT);
      },
    },
    {
      attempt: "a namespace that has got another tenancy",
      by: LEDGER,
      does: () => label("tenancy=narrow"),
      told: { condition: "SpecValid", verdict: "False OwnerNotAllowed", words: ["name one of narrow-squad", "ask the platform team"] },
      victim: allOf(LEDGER),
      stays: true,
      undo: async () => {
        await label("tenancy-");
        await restored(LEDGER, TENANT, VAULT);
      },
    },
    {
      attempt: "a repository of another squad's on which his tags were copied, named by him",
      by: key("copycat"),
      spec: { image: { repository: `${OTHER}/ledger`, tag: "1.0.0", deletionPolicy: "DeleteWithImages" } },
      given: () => tag(key("copycat")),
      told: { condition: "SpecValid", verdict: "False RepositoryOutsideNamespace", words: [`must start with "${NS}/"`] },
      victim: inAws(`Repository ${OTHER}/ledger`),
    },
    {
      attempt: "a repository that runs, on which the tags of another were copied",
      by: LEDGER,
      does: () => provokePass(platform, LEDGER),
      told: {
        condition: "RepositoryReady",
        verdict: "False NotOwned",
        words: [`it belongs to PlatformService ${NS}/copycat of cluster`, "hand it over by the tags"],
      },
      victim: each(allOf(LEDGER), inAws(`Repository ${OTHER}/ledger`)),
      stays: true,
      undo: async () => {
        await tag(LEDGER);
        await restored(LEDGER);
      },
    },
  ]);
});

test("none of it has disturbed whom it was aimed at: all are Ready, and run the pods that they ran", async () => {
  for (const service of [LEDGER, NEIGHBOUR, VAULT, TENANT, MESHED, JOINED, LONGEST]) {
    expect.soft(isReady(await platform.untilReady(service)), service.name).toBe(true);
    expect.soft(messageOf(platform.watch.get(service), "Stalled"), service.name).toBe("");
    expect.soft(await podsOf(platform, service), service.name).not.toEqual([]);
  }
});

async function untilBound({ namespace, name }: ObjectKey): Promise<void> {
  const arn = roleArn({ namespace, name }, platform.config);
  await soon(async () =>
    expect((await live(namespace, `serviceaccount/${name}`)).metadata.annotations).toMatchObject({ "eks.amazonaws.com/role-arn": arn }),
  );
}

async function untilGone(namespace: string, what: string): Promise<void> {
  await soon(async () => expect(await platform.get(namespace, what)).toBeUndefined());
}

async function untilOwned(namespace: string, name: string): Promise<void> {
  await soon(async () => expect((await live(namespace, `deployment/${name}`)).metadata.ownerReferences).toMatchObject([{ name }]));
}

/** Its role is its own, though its name is cut where another's is. */
function hasRoleBeside(service: ObjectKey, other: ObjectKey): void {
  const cut = [service, other].map((one) => role(one).slice(0, 47));
  expect(cut[0]).toBe(cut[1]);
  expect(platform.watch.get(service)?.status?.role?.arn).toBe(roleArn(service, platform.config));
  expect(role(service)).not.toBe(role(other));
}

async function enters(service: ObjectKey): Promise<void> {
  expect(await assume(service, service)).toContain(`:assumed-role/${role(service)}/`);
}

/** Not expect.poll: that is not for tests that run beside each other. */
async function soon(holds: () => Promise<void>): Promise<void> {
  await vi.waitFor(holds, { timeout: PATIENCE_MS, interval: 200 });
}

async function live(namespace: string, what: string): Promise<Listed> {
  const object = await platform.get<Listed>(namespace, what);
  if (!object) throw new Error(`${namespace}: ${what} is not there`);
  return object;
}

/** What STS answers a pod of that ServiceAccount who asks for the role of a service: the ARN that it runs as. */
async function assume(service: ObjectKey, account: ObjectKey): Promise<string> {
  const sts = new STSClient(adminClient(platform.config, platform.info.awsEndpoint));
  const token = await platform.kubectl(["create", "token", account.name, "-n", account.namespace, "--audience=sts.amazonaws.com"]);
  const WebIdentityToken = asIssuedByEks(token.trim(), platform.config);
  const command = new AssumeRoleWithWebIdentityCommand({
    RoleArn: roleArn(service, platform.config),
    RoleSessionName: "pod",
    WebIdentityToken,
  });
  try {
    return (await sts.send(command)).AssumedRoleUser?.Arn ?? "";
  } finally {
    sts.destroy();
  }
}
