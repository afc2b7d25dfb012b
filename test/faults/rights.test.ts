import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { EmulatorAdmin } from "../../emulator/admin-client.ts";
import { startEnvironment, type Environment } from "../../src/cli/environment.ts";
import { startOperator, type OperatorProcess } from "../../src/cli/operator-process.ts";
import { LEASE_NAMES, leaseName } from "../../src/controllers/shard-leases.ts";
import type { ObjectKey } from "../../src/crds/meta.ts";
import { installRollouts, reportPhase } from "../support/argo-rollouts.ts";
import { auditEvents, OPERATOR_USER, type AuditEvent } from "../support/audit-log.ts";
import { issue } from "../support/certificate.ts";
import { installPolicies, MANAGED } from "../support/chart-policies.ts";
import { operatorRoles } from "../support/operator-roles.ts";
import { platformOf, type Platform } from "../support/platform.ts";
import { makeWaypoint, reportProgrammed } from "../support/waypoint.ts";

/**
 * What the operator may do is what it does: its ClusterRole and its Role against the audit log of lives in which everything happens, both ways, under the chart's admission
 * policies. The API server serves no streaming lists here, so that the reflectors' fallback, LIST, is among it.
 */

const KEY = { namespace: "rights", name: "everything" };
const OTHER = { namespace: "rights", name: "caller" };
/** In Istio's ambient data plane, by its namespace's label. */
const AMBIENT = { namespace: "rights-ambient", name: "routed" };
/** In App Mesh, by its namespace's label. */
const IN_APP_MESH = { namespace: "rights-appmesh", name: "meshed" };
/** By EKS Pod Identity. */
const BOUND = { namespace: "rights", name: "bound" };
/** What they want is there already, and asks to be taken over. */
const ADOPTER = { ...KEY, name: "adopter" };
const ADOPTER_AMBIENT = { ...AMBIENT, name: "adopter" };
const ADOPTER_IN_APP_MESH = { ...IN_APP_MESH, name: "adopter" };
/** Of a workload that its squad brings. */
const BROUGHT = { namespace: "rights", name: "brought" };
const CONFIG = join(import.meta.dirname, "../support/operator-config.yaml");

const EVERYTHING = {
  tier: "rights",
  image: { tag: "1.0.0", deletionPolicy: "DeleteWithImages" },
  container: { metrics: { port: 9090 } },
  scaling: { minReplicas: 2, maxReplicas: 3 },
  aws: {
    managedPolicyArns: ["arn:aws:iam::111122223333:policy/platform-metrics"],
    policy: {
      statements: [{ sid: "Tables", actions: ["dynamodb:GetItem"], resources: ["arn:aws:dynamodb:eu-west-1:111122223333:table/rights"] }],
    },
  },
  routes: [{ name: "all", timeout: "2s" }],
  resilience: { connectionPool: { maxConnections: 10 } },
  callers: { services: [{ name: "caller" }] },
  dependencies: { hosts: [{ host: "api.example.com", port: 443 }] },
  slos: [{ name: "availability", objective: "99.9", indicator: "availability" }],
};

/** One field of each kind of child that an administrator changes, to be put back. */
const DRIFT: readonly (readonly [string, object])[] = [
  ["serviceaccount/everything", { metadata: { annotations: { "eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/other" } } }],
  ["service/everything", { spec: { selector: { "app.kubernetes.io/name": "other" } } }],
  ["deployment/everything", { metadata: { labels: { "platform-operator.dev/tier": "other" } } }],
  ["horizontalpodautoscaler/everything", { spec: { maxReplicas: 9 } }],
  ["poddisruptionbudget/everything", { spec: { maxUnavailable: 2 } }],
  ["networkpolicy/everything-callers", { spec: { ingress: [{}] } }],
  ["peerauthentication/everything", { spec: { mtls: { mode: "DISABLE" } } }],
  ["authorizationpolicy/everything", { spec: { rules: [{}] } }],
  ["virtualservice/everything", { spec: { http: [] } }],
  ["destinationrule/everything", { spec: { trafficPolicy: { connectionPool: { tcp: { maxConnections: 1 } } } } }],
  ["sidecar/everything", { spec: { outboundTrafficPolicy: { mode: "ALLOW_ANY" } } }],
  ["podmonitor/everything", { spec: { podMetricsEndpoints: [] } }],
  ["prometheusrule/everything-slos", { spec: { groups: [] } }],
];

/** Granted, by which statement, and for what does not happen in this run; test/unit/aws/grants.test.ts has each of it happen. */
const FOR_OTHER_LIVES: Readonly<Record<string, string>> = {
  "appmesh:DescribeMesh of ReadMesh": "a write found no mesh, or no object of it: which of them",
  "appmesh:UntagResource of UntagInMesh": "somebody added a tag in our name",
  "appmesh:UpdateRoute of ChangeInMesh": "somebody changed a route, or a spec did",
  "appmesh:UpdateVirtualRouter of ChangeInMesh": "somebody changed a router, or a spec its port",
  "appmesh:UpdateVirtualService of ChangeInMesh": "somebody led the host elsewhere",
  "ecr:BatchDeleteImage of UseOurs": "another image has taken the place of the one that ran, whose tag of ours goes",
  "ecr:BatchGetImage of ReadImagesOfOthers": "an image of a repository that others own",
  "ecr:GetDownloadUrlForLayer of ReadImagesOfOthers": "the same, of one architecture",
  "ecr:GetDownloadUrlForLayer of UseOurs": "an image of one architecture, which only its configuration tells",
  "ecr:PutImageTagMutability of UseOurs": "somebody made the tags mutable",
  "ecr:UntagResource of UntagOurRepositories": "somebody added a tag in our name",
  "eks:UpdatePodIdentityAssociation of UseOurs": "somebody changed the role of an association",
  "iam:PutRolePermissionsBoundary of GiveRightsWithinBoundary": "somebody changed the boundary",
  "iam:RemoveRoleFromInstanceProfile of LeaveInstanceProfiles":
    "somebody put the role into an instance profile, which then cannot be deleted",
  "iam:UntagRole of UntagOurRoles": "somebody added a tag in our name",
  "iam:UpdateAssumeRolePolicy of GiveRightsWithinBoundary": "somebody changed who may assume the role",
  "iam:UpdateRole of GiveRightsWithinBoundary": "somebody changed the description, or a spec its session duration",
};

let environment: Environment;
let platform: Platform;
let successor: OperatorProcess | undefined;

beforeAll(async () => {
  environment = await startEnvironment({
    configFile: CONFIG,
    audit: true,
    apiServerFlags: ["--feature-gates=WatchList=false"],
    log: () => undefined,
  });
  platform = platformOf(environment);
  await installPolicies(environment.plane, CONFIG);
  await live();
});

afterAll(async () => {
  await platform.close();
  await successor?.stop();
  await environment.stop();
});

test("the ClusterRole grants what the operator does, and nothing that it does not do", async () => {
  expect(await done((e) => !isLease(e))).toEqual(await granted("ClusterRole"));
});

test("the Role grants what the operator does to leases, in its own namespace: of as many shards as there may be by their names, but for create and list", async () => {
  expect(await done(isLease)).toEqual(await granted("Role"));
  const roles = (await operatorRoles()).filter(({ kind }) => kind === "Role");
  const leases = { apiGroups: ["coordination.k8s.io"], resources: ["leases"] };
  expect(roles).toMatchObject([{ metadata: { namespace: "platform-system" } }]);
  expect(roles.flatMap(({ rules }) => rules)).toEqual([
    { ...leases, resourceNames: LEASE_NAMES, verbs: ["get", "patch"] },
    { ...leases, verbs: ["create", "list"] },
  ]);
  const written = await auditEvents(platform.info.auditLogFile, (e) => e.user.username === OPERATOR_USER && isLease(e));
  // There is one shard here; a list has no name.
  const isOurs = ({ objectRef }: AuditEvent): boolean =>
    objectRef?.namespace === "platform-system" && [undefined, leaseName(0)].includes(objectRef.name);
  expect(written.filter((e) => !isOurs(e))).toEqual([]);
});

test("nothing that it asked for was denied, by its roles or by an admission policy", async () => {
  const isDenied = (e: AuditEvent): boolean =>
    e.responseStatus?.code === 403 || JSON.stringify(e.responseStatus ?? {}).includes("ValidatingAdmissionPolicy");
  const denied = await auditEvents(platform.info.auditLogFile, (e) => e.user.username === OPERATOR_USER && isDenied(e));
  expect(denied.map((e) => `${e.verb} ${e.requestURI} ${JSON.stringify(e.responseStatus)}`)).toEqual([]);
});

test("no statement of its IAM policy was denied to it", async () => {
  const actions = await new EmulatorAdmin(platform.info.awsEndpoint).actions();
  expect(actions.filter((a) => a.code.startsWith("AccessDenied")).map((a) => `${a.action} ${a.resource}`)).toEqual([]);
});

test("what its IAM policy grants and this run does not use is listed with what it is for", async () => {
  const reports = await new EmulatorAdmin(platform.info.awsEndpoint).grants();
  const operator = reports.find(({ principal }) => principal.endsWith(":role/platform-operator"));
  const idle = operator?.statements
    .filter(({ effect }) => effect === "Allow")
    .flatMap(({ sid, unused }) => unused.map((action) => `${action} of ${sid ?? ""}`));
  expect(idle?.toSorted()).toEqual(Object.keys(FOR_OTHER_LIVES));
});

/** Everything that can happen to a service and a tier, once. */
async function live(): Promise<void> {
  await platform.namespace(KEY.namespace, MANAGED);
  const tier: { metadata: object; spec: object } = JSON.parse(await platform.kubectl(["get", "ptier", "tier-3", "-o", "json"]));
  await platform.apply({
    apiVersion: "platform-operator.dev/v1alpha1",
    kind: "PlatformTier",
    metadata: { name: "rights" },
    spec: tier.spec,
  });
  await platform.ready(OTHER, { tier: "rights" });
  await platform.ready(KEY, EVERYTHING);
  await copyOfOthers(KEY, ADOPTER, [...DRIFT.map(([what]) => what.slice(0, what.indexOf("/"))), "serviceentries.networking.istio.io"]);
  await platform.ready(ADOPTER, EVERYTHING);
  for (const [what, change] of DRIFT) await drift(KEY.namespace, what, change);
  await sayItTwice();
  await askAfresh();
  // A child that is no longer wanted is deleted while the service lives; the rest with it.
  await platform.applyService(KEY, {
    ...EVERYTHING,
    dependencies: {},
    container: {},
    scaling: { minReplicas: 2, maxReplicas: 2 },
    resilience: {},
  });
  await platform.untilReady(KEY);
  await platform.applyService(KEY, EVERYTHING);
  await platform.untilReady(KEY);
  await liveAmbient();
  await liveInAppMesh();
  await platform.ready(BOUND, { tier: "rights", aws: { identity: "PodIdentity", policy: EVERYTHING.aws.policy } });
  await liveBrought();
  await liveWithRuleFiles();
  for (const key of [KEY, ADOPTER, OTHER, ADOPTER_AMBIENT, ADOPTER_IN_APP_MESH, AMBIENT, IN_APP_MESH, BOUND, BROUGHT])
    await platform.kubectl(["delete", "psvc", key.name, "-n", key.namespace, "--timeout=60s"]);
  await platform.kubectl(["delete", "ptier", "rights", "--timeout=60s"]);
}

/** What the ambient data plane has that a sidecar has not: an HTTPRoute, made, put back and taken away. */
async function liveAmbient(): Promise<void> {
  const waypoint = { namespace: AMBIENT.namespace, name: "waypoint" };
  await platform.namespace(AMBIENT.namespace, { ...MANAGED, mesh: "ambient" });
  await makeWaypoint(platform.kubectl, waypoint);
  await reportProgrammed(platform.kubectl, waypoint, "True");
  await platform.ready(AMBIENT, { tier: "rights", routes: [{ name: "all", timeout: "2s" }] });
  await drift(AMBIENT.namespace, "httproutes.gateway.networking.k8s.io/routed", {
    spec: { rules: [{ backendRefs: [{ name: "other", port: 80 }] }] },
  });
  await copyOfOthers(AMBIENT, ADOPTER_AMBIENT, ["httproutes.gateway.networking.k8s.io"]);
  await platform.ready(ADOPTER_AMBIENT, { tier: "rights", routes: [{ name: "all", timeout: "2s" }] });
  await platform.applyService(AMBIENT, { tier: "rights" });
  await platform.untilReady(AMBIENT);
}

/** What App Mesh has: a Certificate, made, taken over, put back and taken away, and everything in AWS. */
async function liveInAppMesh(): Promise<void> {
  const certificateOf = ({ namespace, name }: ObjectKey): ObjectKey => ({ namespace, name: `${name}-mesh-tls` });
  const spec = { tier: "rights", container: { probes: { readiness: { path: "/ready", port: 8081 } } } };
  const liveOn = async (key: ObjectKey): Promise<void> => {
    await platform.applyService(key, { ...spec, routes: [{ name: "one", timeout: "2s" }] });
    await platform.push(key);
    await platform.untilCondition(key, "MeshSecurityReady", "Unknown", "WaitingForCertificate");
    await issue(platform.kubectl, certificateOf(key));
    await platform.untilReady(key);
  };
  await platform.namespace(IN_APP_MESH.namespace, { ...MANAGED, mesh: "appmesh" });
  await liveOn(IN_APP_MESH);
  await copyOfOthers(IN_APP_MESH, ADOPTER_IN_APP_MESH, ["certificates.cert-manager.io"]);
  await liveOn(ADOPTER_IN_APP_MESH);
  const { namespace, name } = certificateOf(IN_APP_MESH);
  await drift(namespace, `certificates.cert-manager.io/${name}`, { spec: { secretName: "other" } });
  await issue(platform.kubectl, { namespace, name });
  await platform.applyService(IN_APP_MESH, spec);
  await platform.untilReady(IN_APP_MESH);
}

/** Somebody's objects where another service of the namespace will want its own: as those of the first, under the other's name, and asking to be taken over. */
async function copyOfOthers(first: ObjectKey, other: ObjectKey, kinds: readonly string[]): Promise<void> {
  const selector = `platform-operator.dev/service=${first.name}`;
  const text = await platform.kubectl(["get", kinds.join(","), "-n", first.namespace, "-l", selector, "-o", "json"]);
  const { items }: { readonly items: readonly Copied[] } = JSON.parse(text.replaceAll(first.name, other.name));
  const copies = items
    .filter(({ metadata }) => metadata.name.includes(other.name))
    .map(({ apiVersion, kind, metadata: { name }, spec = {} }) => {
      const { clusterIP: _clusterIP, clusterIPs: _clusterIPs, ...rest } = spec;
      const annotations = { "platform-operator.dev/adopt-by": other.name };
      return {
        apiVersion,
        kind,
        metadata: { name, namespace: other.namespace, annotations },
        ...(kind !== "ServiceAccount" && { spec: rest }),
      };
    });
  expect(new Set(copies.map(({ kind }) => kind)).size).toBe(kinds.length);
  await platform.apply(...copies);
}

interface Copied {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** A Rollout that a squad brings: its fields are set, and taken back with the service. */
async function liveBrought(): Promise<void> {
  await installRollouts(platform.kubectl);
  const labels = { app: "brought" };
  await platform.apply({
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Rollout",
    metadata: { ...BROUGHT, annotations: { "platform-operator.dev/managed-by": BROUGHT.name } },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "web", image: "example.com/a:1" }] } },
    },
  });
  const workloadRef = { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", name: BROUGHT.name };
  await platform.applyService(BROUGHT, { tier: "rights", image: {}, workloadRef });
  await platform.untilCondition(BROUGHT, "WorkloadReady", "Unknown", "RollingOut");
  await reportPhase(platform.kubectl, BROUGHT, "Healthy");
  await platform.untilReady(BROUGHT);
}

/** Another process of another configuration: rules as ConfigMaps, which go with their services. */
async function liveWithRuleFiles(): Promise<void> {
  const { plane, operatorKubeconfig: kubeconfig, emulator, operator, config } = environment;
  await operator.stop();
  const annotations = { "platform-operator.dev/adopt-by": KEY.name };
  await platform.apply({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "everything-slos", namespace: KEY.namespace, annotations },
  });
  const configFile = join(plane.dir, "rule-files.json");
  await writeFile(configFile, JSON.stringify({ ...config, slos: { delivery: "ConfigMap" } }));
  successor = await startOperator({ dir: plane.dir, configFile, kubeconfig, awsEndpoint: emulator.url, name: "rule-files" });
  const kindsOfRules = async (): Promise<readonly string[]> =>
    (await platform.kubectl(["get", "prometheusrules,configmaps", "-n", KEY.namespace, "-l", "app.kubernetes.io/managed-by", "-o", "name"]))
      .split("\n")
      .filter((name) => name !== "");
  await vi.waitFor(async () => expect(await kindsOfRules()).toEqual(["configmap/adopter-slos", "configmap/everything-slos"]), {
    timeout: 60_000,
    interval: 100,
  });
  // What it says the one before it has said: an event that this process has not written.
  await sayItTwice();
}

/** Everything of the service is read as by a process that knows nothing of it. */
async function askAfresh(): Promise<void> {
  await platform.kubectl(["annotate", "psvc", KEY.name, "-n", KEY.namespace, "platform-operator.dev/reconcile-at=rights"]);
  await platform.until(KEY, "has handled it", ({ status }) => status?.lastHandledReconcileAt === "rights");
}

/** An administrator changes it, and it is put back. */
async function drift(namespace: string, what: string, change: object): Promise<void> {
  const before = await platform.get<{ spec?: unknown }>(namespace, what);
  await platform.kubectl(["patch", what, "-n", namespace, "--type=merge", "-p", JSON.stringify(change)]);
  await vi.waitFor(async () => expect((await platform.get<{ spec?: unknown }>(namespace, what))?.spec).toEqual(before?.spec), {
    timeout: 30_000,
    interval: 100,
  });
}

/** The same event twice becomes a series: a tag that is missing, pushed, and another that is missing with the same words. */
async function sayItTwice(): Promise<void> {
  for (const tag of ["missing", "1.0.0", "missing", "1.0.0"]) {
    await platform.applyService(KEY, { ...EVERYTHING, image: { ...EVERYTHING.image, tag } });
    if (tag === "missing") await platform.untilCondition(KEY, "ImageResolved", "False", "ImageNotFound");
    else await platform.untilReady(KEY);
  }
}

/** As `patch deployments.apps/scale`. An apply that made something is a `patch` that also needs `create`. */
async function done(matches: (event: AuditEvent) => boolean): Promise<readonly string[]> {
  const events = await auditEvents(
    platform.info.auditLogFile,
    (e) => e.user.username === OPERATOR_USER && e.objectRef !== undefined && matches(e),
  );
  return distinct(
    events.flatMap((e) =>
      e.responseStatus?.code === 201 && e.verb === "patch" ? [nameOf("create", e), nameOf("patch", e)] : [nameOf(e.verb, e)],
    ),
  );
}

function isLease({ objectRef }: AuditEvent): boolean {
  return objectRef?.resource === "leases";
}

function nameOf(verb: string, { objectRef: ref }: AuditEvent): string {
  return `${verb} ${ref?.resource ?? ""}${ref?.apiGroup === undefined ? "" : `.${ref.apiGroup}`}${ref?.subresource === undefined ? "" : `/${ref.subresource}`}`;
}

async function granted(kind: "ClusterRole" | "Role"): Promise<readonly string[]> {
  const rules = (await operatorRoles()).filter((role) => role.kind === kind).flatMap((role) => role.rules);
  return distinct(
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((written) => {
          const [resource = "", subresource] = written.split("/");
          return verbs.map(
            (verb) => `${verb} ${resource}${group === "" ? "" : `.${group}`}${subresource === undefined ? "" : `/${subresource}`}`,
          );
        }),
      ),
    ),
  );
}

function distinct(values: readonly string[]): readonly string[] {
  return [...new Set(values)].toSorted();
}
