import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { applyCrds, KubectlError } from "../../controlplane/kubectl.ts";
import { startControlPlane, type ControlPlane } from "../../controlplane/start.ts";
import { thirdPartyCrds } from "../../controlplane/third-party.ts";
import { installExperiments, installRollouts } from "../support/argo-rollouts.ts";
import { CHART, CRDS_CHART, helmFolder, helmIn, NAMESPACE, valuesFile } from "../support/helm.ts";
import { serviceOf } from "../support/platform.ts";

/** Each rule of the admission policies, on a real API server: what it refuses with which words, and what it leaves alone. Everybody here has all of RBAC's rights. */

const SQUAD = ["--as=alice", "--as-group=tracking-squad"];
const PLATFORM = ["--as=pat", "--as-group=platform-team"];
const OPERATOR = [`--as=system:serviceaccount:${NAMESPACE}:platform-operator`];
const REPLICASETS = ["--as=system:serviceaccount:kube-system:replicaset-controller", "--as-group=system:serviceaccounts:kube-system"];
const EKS = ["--as=eks:network-policy-controller"];
const ISTIOD = ["--as=system:serviceaccount:istio-system:istiod"];
const ROLLOUTS = ["--as=system:serviceaccount:argo-rollouts:argo-rollouts"];
/** Labelled as managed, and not. */
const MANAGED = "tracking";
const OTHER = "elsewhere";

let dir: string;
let plane: ControlPlane;

beforeAll(async () => {
  dir = await helmFolder();
  plane = await startControlPlane();
  const helm = await helmIn(dir, plane.adminKubeconfig);
  await applyCrds(plane.kubectl, await thirdPartyCrds(["istio", "prometheusOperator", "certManager"], process.env));
  await installRollouts(plane.kubectl);
  await installExperiments(plane.kubectl);
  await helm("install", "crds", CRDS_CHART, "--wait");
  await helm(
    "install",
    "platform-operator",
    CHART,
    "-n",
    NAMESPACE,
    "--create-namespace",
    "-f",
    valuesFile("full"),
    "--set",
    "policies.validationActions={Deny}",
  );
  await plane.kubectl(["create", "clusterrolebinding", "everybody", "--clusterrole=cluster-admin", "--group=system:authenticated"]);
  for (const [name, labels] of Object.entries(NAMESPACES)) {
    await apply([], { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } });
  }
  // A policy holds about a second after it is created, the parameters of one a little later.
  await untilRefused(networkPolicy(MANAGED));
  await untilRefused(service({ tier: "pci" }));
});

afterAll(async () => {
  await plane.stop();
  await rm(dir, { recursive: true });
});

const managed = { "platform-operator.dev/managed": "true" };
const NAMESPACES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  [MANAGED]: managed,
  [OTHER]: {},
  narrow: { ...managed, tenancy: "narrow" },
  chosen: { ...managed, tenancy: "chosen", team: "a" },
  outside: { ...managed, tenancy: "chosen", team: "outside" },
  cards: managed,
  "istio-system": {},
};

/** What the API server says to a squad's deletion of its service. No operator runs here that would take off the finalizer, which the chart's policy has put there. */
async function deletion(name: string, namespace: string): Promise<string> {
  const said = await attempt(["delete", "psvc", name, "-n", namespace, ...SQUAD, "--wait=false"]);
  await letGo(`psvc/${name}`, namespace);
  return said;
}

async function letGo(what: string, namespace: string): Promise<void> {
  await plane.kubectl(["patch", what, "-n", namespace, "--type=merge", "-p", JSON.stringify({ metadata: { finalizers: null } })]);
}

/** What the API server says to an apply that changes nothing: empty where it is let through, the refusal where not. */
async function says(who: readonly string[], ...objects: readonly object[]): Promise<string> {
  return attempt(["create", "--dry-run=server", ...who, "-f", "-"], listOf(objects));
}

async function untilRefused(object: object): Promise<void> {
  await vi.waitFor(async () => expect(await says(SQUAD, object)).not.toBe(""), { timeout: 30_000, interval: 200 });
}

async function attempt(args: readonly string[], input = ""): Promise<string> {
  try {
    await plane.kubectl(args, { input });
    return "";
  } catch (error) {
    if (!(error instanceof KubectlError)) throw error;
    return error.message;
  }
}

async function apply(who: readonly string[], ...objects: readonly object[]): Promise<void> {
  await plane.kubectl(["apply", ...who, "-f", "-"], { input: listOf(objects) });
}

function listOf(objects: readonly object[]): string {
  return JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
}

function service(spec: object, namespace = MANAGED): object {
  return serviceOf({ namespace, name: "web" }, spec);
}

function networkPolicy(namespace: string, labels: object = {}): object {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "open", namespace, labels },
    spec: { podSelector: {}, ingress: [{}] },
  };
}

function istio(kind: string, spec: object, namespace = MANAGED): object {
  const group = kind.endsWith("Policy") || kind === "PeerAuthentication" ? "security" : "networking";
  const version = kind === "EnvoyFilter" ? "v1alpha3" : "v1";
  return { apiVersion: `${group}.istio.io/${version}`, kind, metadata: { name: "extra", namespace }, spec };
}

const OF_WEB = {
  "app.kubernetes.io/name": "web",
  "app.kubernetes.io/managed-by": "platform-operator",
  "platform-operator.dev/service": "web",
  "platform-operator.dev/owner": "tracking-squad",
};

function pod(labels: object, namespace = MANAGED): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web-1", namespace, labels },
    spec: { containers: [{ name: "app", image: "example" }] },
  };
}

/** Of every kind that makes pods from a template. */
const WORKLOADS = [
  "apps/v1 Deployment",
  "apps/v1 ReplicaSet",
  "apps/v1 StatefulSet",
  "apps/v1 DaemonSet",
  "batch/v1 Job",
  "batch/v1 CronJob",
  "v1 ReplicationController",
  "argoproj.io/v1alpha1 Rollout",
] as const;

/** One of WORKLOADS; its pods have these labels, and what else is put into their spec. */
function workload(what: (typeof WORKLOADS)[number], labels: Readonly<Record<string, string>>, { namespace = MANAGED, pods = {} } = {}) {
  const [apiVersion = "", kind = ""] = what.split(" ");
  const selected = { app: "own" };
  const restartPolicy = kind.endsWith("Job") ? "Never" : "Always";
  const template = {
    metadata: { labels: { ...selected, ...labels } },
    spec: { restartPolicy, containers: [{ name: "app", image: "example" }], ...pods },
  };
  const specs: Readonly<Record<string, object>> = {
    CronJob: { schedule: "0 0 * * *", jobTemplate: { spec: { template } } },
    Job: { template },
    ReplicationController: { selector: selected, template },
  };
  return {
    apiVersion,
    kind,
    metadata: { name: "own", namespace },
    spec: specs[kind] ?? { selector: { matchLabels: selected }, template },
  };
}

/** As its controller: what has an owner that is not there, the garbage collector takes. */
async function ownedBy(kind: string, name: string): Promise<object> {
  const { apiVersion, metadata } = JSON.parse(await plane.kubectl(["get", kind, name, "-n", MANAGED, "-o", "json"]));
  return { ownerReferences: [{ apiVersion, kind, name, uid: metadata.uid, controller: true }] };
}

/** Of kinds that the operator writes too, the least, as somebody else has it. */
const OF_A_SQUAD = {
  ConfigMap: { apiVersion: "v1" },
  ServiceAccount: { apiVersion: "v1" },
  Service: { apiVersion: "v1", spec: { selector: { app: "own" }, ports: [{ port: 80 }] } },
  Certificate: { apiVersion: "cert-manager.io/v1", spec: { secretName: "own", dnsNames: ["own"], issuerRef: { name: "own" } } },
  Deployment: workload("apps/v1 Deployment", {}),
  NetworkPolicy: networkPolicy(MANAGED),
};

type Kind = keyof typeof OF_A_SQUAD;
const KINDS: readonly Kind[] = ["ConfigMap", "ServiceAccount", "Service", "Certificate", "Deployment", "NetworkPolicy"];

function ofSquad(kind: Kind, metadata: object = {}): object {
  return { ...OF_A_SQUAD[kind], kind, metadata: { name: "own", namespace: MANAGED, ...metadata } };
}

function experiment(template: object): object {
  const spec = { containers: [{ name: "app", image: "example" }] };
  const templates = [
    { name: "a", selector: { matchLabels: { app: "own" } }, template: { metadata: { labels: { app: "own" } }, spec, ...template } },
  ];
  return { apiVersion: "argoproj.io/v1alpha1", kind: "Experiment", metadata: { name: "own", namespace: MANAGED }, spec: { templates } };
}

describe("a PlatformService", () => {
  test.each<[string, object, string]>([
    [
      "a repository of another namespace",
      service({ image: { repository: "dispatch/web" } }),
      'spec.image.repository: dispatch/web must start with "tracking/": name tracking/web, or leave it out',
    ],
    [
      "an owner that is none of the namespace's",
      service({ owner: "test-squad" }, "narrow"),
      "spec.owner: test-squad is not an owner that namespace narrow may name: name one of its owners (narrow-squad, other-squad), or ask",
    ],
    [
      "any owner, where no tenancy entry selects the namespace",
      service({}, "outside"),
      "spec.owner: test-squad is not an owner that namespace outside may name: name one of its owners, of which it has none, or ask",
    ],
    ["an owner of another entry", service({ owner: "narrow-squad" }, "chosen"), "name one of its owners (chosen-squad)"],
    [
      "a tier that does not allow the namespace",
      service({ tier: "pci" }),
      "spec.tier: tier pci does not allow namespace tracking: name another tier, or ask",
    ],
    [
      "a namespace that is not managed",
      service({}, OTHER),
      "metadata.namespace: elsewhere is not labelled platform-operator.dev/managed=true",
    ],
  ])("may not name %s, whoever writes it", async (_, object, message) => {
    expect(await says(SQUAD, object)).toContain(message);
    expect(await says([], object)).toContain(message);
  });

  test.each<[string, object]>([
    [
      "a repository that others own, which the operator's configuration lists",
      service({ image: { repository: "shared/base", repositoryMode: "Existing" } }),
    ],
    ["its namespace's repository", service({ image: { repository: "tracking/other" } })],
    ["any owner where tenancy says so", service({ owner: "anybody" })],
    ["an owner of the entry that selects by a label", service({ owner: "other-squad" }, "narrow")],
    ["an owner of the entry that selects by expressions", service({ owner: "chosen-squad" }, "chosen")],
    ["a tier that allows the namespace", service({ tier: "pci" }, "cards")],
    ["a tier that does not exist, which the operator reports", service({ tier: "tier-9" })],
  ])("may name %s", async (_, object) => {
    expect(await says(SQUAD, object)).toBe("");
  });

  test("that breaks a rule since the rule changed can be labelled and deleted, and its spec not changed", async () => {
    await apply(SQUAD, service({ owner: "narrow-squad" }, "narrow"));
    await apply([], {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: "narrow", labels: { ...managed, tenancy: "chosen", team: "a" } },
    });
    const patch = (change: object): Promise<string> =>
      attempt(["patch", "psvc", "web", "-n", "narrow", ...SQUAD, "--type=merge", "-p", JSON.stringify(change)]);
    await vi.waitFor(async () => expect(await patch({ spec: { port: 8081 } })).toContain("spec.owner: narrow-squad is not an owner"), {
      timeout: 30_000,
      interval: 200,
    });
    expect(await patch({ metadata: { labels: { squad: "narrow" } } })).toBe("");
    expect(await deletion("web", "narrow")).toBe("");
    await apply([], { apiVersion: "v1", kind: "Namespace", metadata: { name: "narrow", labels: NAMESPACES["narrow"] ?? {} } });
  });

  test("is let go of what it has in AWS by the platform team alone, and a squad may take that back", async () => {
    const abandoned = (value: string): object => {
      const annotations = { "platform-operator.dev/abandon": value };
      return { ...service({}), metadata: { namespace: MANAGED, name: "abandoned", annotations } };
    };
    const refusal = "metadata.annotations: platform-operator.dev/abandon leaves objects behind in AWS";
    expect(await says(SQUAD, abandoned("appmesh.aws"))).toContain(refusal);
    await apply(PLATFORM, abandoned("appmesh.aws"));
    const annotate = (...change: string[]): Promise<string> =>
      attempt(["annotate", "psvc", "abandoned", "-n", MANAGED, ...SQUAD, "--overwrite", ...change]);
    expect(await annotate("platform-operator.dev/abandon=iam.aws")).toContain(refusal);
    expect(await annotate("note=x")).toBe("");
    expect(await annotate("platform-operator.dev/abandon-")).toBe("");
    expect(await deletion("abandoned", MANAGED)).toBe("");
  });

  test("follows a tier whose allowedNamespaces change", async () => {
    const spec = { image: { tag: "1.0.0" }, tier: "tier-0" };
    expect(await says(SQUAD, service(spec))).toBe("");
    const allow = (expression: object): Promise<string> => {
      const change = { spec: { allowedNamespaces: { matchExpressions: [expression] } } };
      return plane.kubectl(["patch", "ptier", "tier-0", "--type=merge", "-p", JSON.stringify(change)]);
    };
    await allow({ key: "team", operator: "NotIn", values: ["outside"] });
    expect(await says(SQUAD, service(spec))).toBe("");
    await allow({ key: "team", operator: "Exists" });
    await vi.waitFor(async () => expect(await says(SQUAD, service(spec))).toContain("tier tier-0 does not allow namespace tracking"), {
      timeout: 30_000,
      interval: 200,
    });
    expect(await says(SQUAD, service({ ...spec, owner: "chosen-squad" }, "chosen"))).toBe("");
  });
});

describe("network and mesh policies of a managed namespace", () => {
  const objects: readonly [string, string, object][] = [
    ["NetworkPolicy", "networkpolicies", networkPolicy(MANAGED)],
    ["AuthorizationPolicy", "authorizationpolicies", istio("AuthorizationPolicy", { rules: [{}] })],
    ["PeerAuthentication", "peerauthentications", istio("PeerAuthentication", { mtls: { mode: "DISABLE" } })],
    ["Sidecar", "sidecars", istio("Sidecar", { outboundTrafficPolicy: { mode: "ALLOW_ANY" } })],
    ["EnvoyFilter", "envoyfilters", istio("EnvoyFilter", {})],
  ];

  test.each(objects)("a squad may not write a %s", async (_, resource, object) => {
    expect(await says(SQUAD, object)).toContain(
      `kind: ${resource} of namespace tracking are written by the operator and the platform team alone, since one more opens what the others close: write who may call under spec.callers`,
    );
  });

  test.each(objects)("the operator, the platform team and controllers of the cluster may write a %s", async (_, __, object) => {
    for (const who of [OPERATOR, PLATFORM, REPLICASETS, EKS, ISTIOD]) expect(await says(who, object)).toBe("");
  });

  test("what is there is neither changed nor deleted by a squad, one by one or together", async () => {
    await apply(PLATFORM, networkPolicy(MANAGED));
    const refusal = "kind: networkpolicies of namespace tracking are written by";
    expect(await attempt(["label", "netpol", "open", "-n", MANAGED, ...SQUAD, "a=b"])).toContain(refusal);
    expect(await attempt(["delete", "netpol", "open", "-n", MANAGED, ...SQUAD])).toContain(refusal);
    expect(await attempt(["delete", "netpol", "--all", "-n", MANAGED, ...SQUAD])).toContain(refusal);
    expect(await attempt(["delete", "netpol", "open", "-n", MANAGED, ...PLATFORM])).toBe("");
  });

  test("elsewhere everybody writes what they like", async () => {
    expect(
      await says(
        SQUAD,
        networkPolicy(OTHER),
        istio("EnvoyFilter", {}, OTHER),
        istio("VirtualService", { hosts: ["web.tracking.svc.cluster.local"] }, OTHER),
      ),
    ).toBe("");
  });
});

describe("a mesh host of a managed namespace", () => {
  test.each<[string, object, string]>([
    [
      "another namespace's Service",
      istio("VirtualService", { hosts: ["web", "matching.dispatch.svc.cluster.local"] }),
      "spec.hosts: matching.dispatch.svc.cluster.local is not of namespace tracking",
    ],
    ["every host", istio("VirtualService", { hosts: ["*"] }), "spec.hosts: * is not of namespace tracking"],
    [
      "another namespace's Service for its traffic policy",
      istio("DestinationRule", { host: "matching.dispatch.svc.cluster.local" }),
      "spec.host: matching.dispatch.svc.cluster.local is not of namespace tracking",
    ],
    [
      "a host that only ends alike",
      istio("DestinationRule", { host: "web.eviltracking.svc.cluster.local" }),
      "spec.host: web.eviltracking.svc.cluster.local is not of",
    ],
    [
      "an address",
      istio("ServiceEntry", { hosts: ["web.tracking.svc.cluster.local"], addresses: ["10.96.0.1"] }),
      "spec.addresses: whoever names an address takes the traffic to it",
    ],
    [
      "an outside host",
      istio("ServiceEntry", { hosts: ["api.example.com"] }),
      "name hosts that end in .tracking.svc.cluster.local; what is outside is called by spec.dependencies",
    ],
  ])("is not %s, for a squad", async (_, object, message) => {
    expect(await says(SQUAD, object)).toContain(message);
    for (const who of [OPERATOR, PLATFORM, ROLLOUTS]) expect(await says(who, object)).toBe("");
  });

  test.each<[string, object]>([
    ["a short name", istio("VirtualService", { hosts: ["web"] })],
    ["a Service of its own namespace", istio("DestinationRule", { host: "web.tracking.svc.cluster.local" })],
    ["all Services of its own namespace", istio("DestinationRule", { host: "*.tracking.svc.cluster.local" })],
  ])("may be %s", async (_, object) => {
    expect(await says(SQUAD, object)).toBe("");
  });
});

describe("ownership", () => {
  const CHILD = "only the operator makes objects labelled app.kubernetes.io/managed-by=platform-operator or platform-operator.dev/*";
  const TEMPLATE = "spec.template.metadata.labels: pods labelled platform-operator.dev/* are a service's";

  test.each<[string, object]>([
    ["a pod of a service", pod(OF_WEB)],
    ["a pod with one label of a service", pod({ "platform-operator.dev/service": "web" })],
    ["a ServiceAccount", { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "web", namespace: MANAGED, labels: OF_WEB } }],
    [
      "an object that says it is the operator's",
      {
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { name: "web", namespace: MANAGED, labels: { "app.kubernetes.io/managed-by": "platform-operator" } },
      },
    ],
  ])("a squad may not make %s", async (_, object) => {
    expect(await says(SQUAD, object)).toContain(CHILD);
  });

  test.each(WORKLOADS)("a squad may not make pods of a service by a %s, and may make its own", async (what) => {
    const ofService = { "platform-operator.dev/service": "web" };
    expect(await says(SQUAD, workload(what, ofService))).toContain(TEMPLATE);
    expect(await says(SQUAD, workload(what, { "app.kubernetes.io/name": "web" }))).toBe("");
    expect(await says(SQUAD, workload(what, ofService, { namespace: OTHER }))).toBe("");
  });

  const EXPERIMENT = { templates: [{ name: "a", specRef: "stable", metadata: { labels: { "platform-operator.dev/service": "web" } } }] };
  const PASSING = { labels: { "platform-operator.dev/service": "web" } };

  test.each<[string, object]>([
    ["a canary's pods", { canary: { canaryMetadata: PASSING } }],
    ["a canary's stable pods", { canary: { stableMetadata: PASSING } }],
    ["active pods", { blueGreen: { activeService: "web", activeMetadata: PASSING } }],
    ["preview pods", { blueGreen: { activeService: "web", previewMetadata: PASSING } }],
    ["an experiment among its steps", { canary: { steps: [{ setWeight: 5 }, { experiment: EXPERIMENT }] } }],
  ])("a squad may not have a Rollout make %s a service's for a time", async (_, strategy) => {
    const rollout = workload("argoproj.io/v1alpha1 Rollout", {});
    const by = (one: object): object => ({ ...rollout, spec: { ...rollout.spec, strategy: one } });
    expect(await says(SQUAD, by(strategy))).toContain("leave these labels out of the strategy of a Rollout");
    const own = JSON.parse(JSON.stringify(strategy).replaceAll("platform-operator.dev/service", "example.com/role"));
    expect(await says(SQUAD, by(own))).toBe("");
    for (const who of [OPERATOR, PLATFORM]) expect(await says(who, by(strategy))).toBe("");
  });

  test("a squad may not make pods of a service by an Experiment, and may make its own", async () => {
    expect(await says(SQUAD, experiment({ metadata: PASSING }))).toContain("out of the templates of an Experiment");
    expect(await says(SQUAD, experiment({}))).toBe("");
    expect(await says(ROLLOUTS, experiment({ metadata: PASSING }))).toBe("");
  });

  test("a controller that is trusted makes ReplicaSets of a service, and no Job, whose template a squad wrote", async () => {
    const ofService = { "platform-operator.dev/service": "web" };
    expect(await says(ROLLOUTS, workload("apps/v1 ReplicaSet", ofService))).toBe("");
    expect(await says(ROLLOUTS, workload("batch/v1 Job", ofService))).toContain(TEMPLATE);
    expect(await says(ROLLOUTS, workload("batch/v1 Job", {}))).toBe("");
  });

  test("the operator, the platform team and the controllers that make pods may", async () => {
    for (const who of [OPERATOR, PLATFORM, REPLICASETS, ROLLOUTS]) expect(await says(who, pod(OF_WEB))).toBe("");
  });

  test("what nobody labels, and another namespace's, is nobody's business", async () => {
    expect(await says(SQUAD, pod({ "app.kubernetes.io/name": "web", "app.kubernetes.io/managed-by": "Helm" }))).toBe("");
    expect(await says(SQUAD, pod(OF_WEB, OTHER))).toBe("");
  });

  test("a Service of a squad's own is not reached through a waypoint, which would let it before a service's pods", async () => {
    const own = (labels: object): object => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "own", namespace: MANAGED, labels },
      spec: { selector: { app: "own" }, ports: [{ port: 80 }] },
    });
    const waypoint = { "istio.io/use-waypoint": "waypoint" };
    expect(await says(SQUAD, own(waypoint))).toContain("label it istio.io/use-waypoint=none");
    for (const who of [OPERATOR, PLATFORM]) expect(await says(who, own(waypoint))).toBe("");
    expect(
      await says(SQUAD, own({}), { ...own({ "istio.io/use-waypoint": "none" }), metadata: { name: "none", namespace: MANAGED } }),
    ).toBe("");
    await plane.kubectl(["label", "ns", MANAGED, "istio.io/use-waypoint=waypoint"]);
    await vi.waitFor(async () => expect(await says(SQUAD, own({}))).toContain("label it istio.io/use-waypoint=none"), {
      timeout: 30_000,
      interval: 200,
    });
    expect(await says(SQUAD, own({ "istio.io/use-waypoint": "none" }))).toBe("");
    await plane.kubectl(["label", "ns", MANAGED, "istio.io/use-waypoint-"]);
  });

  describe("of what is there", () => {
    beforeAll(async () => {
      const role = { "eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/web", "platform-operator.dev/applied-spec": "abc" };
      await apply(OPERATOR, {
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { name: "of-web", namespace: MANAGED, labels: OF_WEB, annotations: role },
      });
      await apply([], { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "own", namespace: MANAGED } });
    });

    const patch = (who: readonly string[], metadata: object, name = "of-web"): Promise<string> =>
      attempt([
        "patch",
        "serviceaccount",
        name,
        "-n",
        MANAGED,
        "--dry-run=server",
        "--type=merge",
        ...who,
        "-p",
        JSON.stringify({ metadata }),
      ]);

    test.each<[string, object, string]>([
      [
        "its service",
        { labels: { "platform-operator.dev/service": "other" } },
        "metadata.labels: app.kubernetes.io/name, app.kubernetes.io/managed-by and platform-operator.dev/* say which service",
      ],
      ["a label away", { labels: { "app.kubernetes.io/name": null } }, "metadata.labels: app.kubernetes.io/name"],
      ["all of them", { labels: null }, "metadata.labels: app.kubernetes.io/name"],
      [
        "its role",
        { annotations: { "eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/admin" } },
        "metadata.annotations: eks.amazonaws.com/* binds the service's role",
      ],
      [
        "the operator's record",
        { annotations: { "platform-operator.dev/applied-spec": "def" } },
        "metadata.annotations: eks.amazonaws.com/*",
      ],
    ])("a squad may not change %s", async (_, metadata, message) => {
      expect(await patch(SQUAD, metadata)).toContain(message);
      for (const who of [OPERATOR, PLATFORM, REPLICASETS]) expect(await patch(who, metadata)).toBe("");
    });

    const ACCOUNT = "serviceAccountName: of-web is a service's, and only its own pods run under it";
    const single = (spec: object): object => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "own", namespace: MANAGED },
      spec: { ...spec, containers: [{ name: "app", image: "example" }] },
    });
    /** The accounts are the policy's parameters, which it sees a little later. */
    const untilGuarded = (): Promise<void> =>
      vi.waitFor(async () => expect(await says(SQUAD, single({ serviceAccountName: "of-web" }))).toContain(ACCOUNT), {
        timeout: 30_000,
        interval: 200,
      });

    test("no pod of a squad's own runs under a service's ServiceAccount, by either name of the field", async () => {
      await untilGuarded();
      expect(await says(SQUAD, single({ serviceAccount: "of-web" }))).toContain(ACCOUNT);
      expect(await says(SQUAD, single({ serviceAccountName: "own" }))).toBe("");
      for (const who of [OPERATOR, PLATFORM, REPLICASETS, ROLLOUTS])
        expect(await says(who, single({ serviceAccountName: "of-web" }))).toBe("");
    });

    test.each(WORKLOADS)("no %s of a squad's makes pods that run under it, by either name of the field", async (what) => {
      await untilGuarded();
      const under = (pods: object): Promise<string> => says(SQUAD, workload(what, {}, { pods }));
      expect({
        byName: await under({ serviceAccountName: "of-web" }),
        byOldName: await under({ serviceAccount: "of-web" }),
        byOldNameBesideNone: await under({ serviceAccountName: "", serviceAccount: "of-web" }),
      }).toEqual({
        byName: expect.stringContaining(ACCOUNT),
        byOldName: expect.stringContaining(ACCOUNT),
        byOldNameBesideNone: expect.stringContaining(ACCOUNT),
      });
      expect(await under({ serviceAccountName: "own" })).toBe("");
      expect(await under({ serviceAccount: "own" })).toBe("");
      expect(await under({})).toBe("");
    });

    test("a controller that is trusted makes ReplicaSets that run under it, and no Job", async () => {
      await untilGuarded();
      const pods = { serviceAccountName: "of-web" };
      expect(await says(ROLLOUTS, workload("apps/v1 ReplicaSet", {}, { pods }))).toBe("");
      expect(await says(ROLLOUTS, workload("batch/v1 Job", {}, { pods }))).toContain(ACCOUNT);
    });

    test("no Experiment of a squad's makes pods that run under it", async () => {
      await untilGuarded();
      const under = (pods: object): object => experiment({ spec: { ...pods, containers: [{ name: "app", image: "example" }] } });
      expect(await says(SQUAD, under({ serviceAccountName: "of-web" }))).toContain(ACCOUNT);
      expect(await says(SQUAD, under({ serviceAccount: "of-web" }))).toContain(ACCOUNT);
      expect(await says(SQUAD, under({ serviceAccountName: "own" }))).toBe("");
      expect(await says(ROLLOUTS, under({ serviceAccountName: "of-web" }))).toBe("");
    });

    test("a Rollout comes under it neither when its account changes, nor when the name that hid another goes", async () => {
      await untilGuarded();
      const rollout = (pods: object): object => workload("argoproj.io/v1alpha1 Rollout", {}, { pods });
      const edit = (spec: object): Promise<string> =>
        attempt([
          "patch",
          "rollout",
          "own",
          "-n",
          MANAGED,
          "--type=merge",
          "--dry-run=server",
          ...SQUAD,
          "-p",
          JSON.stringify({ spec: { template: { spec } } }),
        ]);
      await apply([], rollout({ serviceAccountName: "own", serviceAccount: "of-web" }));
      expect(await edit({ serviceAccountName: "of-web" })).toContain(ACCOUNT);
      expect(await edit({ serviceAccountName: null })).toContain(ACCOUNT);
      expect(await edit({ serviceAccountName: null, serviceAccount: "own" })).toBe("");
      await apply(ROLLOUTS, rollout({ serviceAccountName: "of-web" }));
      expect(await edit({ terminationGracePeriodSeconds: 5 })).toBe("");
      await plane.kubectl(["delete", "rollout", "own", "-n", MANAGED]);
    });

    test("a restart of a service's own Deployment changes nothing of its account", async () => {
      const deployment = workload("apps/v1 Deployment", {}, { pods: { serviceAccountName: "of-web" } });
      await apply(OPERATOR, deployment);
      await untilGuarded();
      expect(await attempt(["rollout", "restart", "deployment/own", "-n", MANAGED, ...SQUAD])).toBe("");
      await plane.kubectl(["delete", "deployment", "own", "-n", MANAGED]);
    });

    test("a workload that a squad brings stays its own to deploy and to hand over; what the operator set in its template does not", async () => {
      const { metadata, ...rest } = workload("apps/v1 Deployment", {});
      await apply(SQUAD, { ...rest, metadata: { ...metadata, annotations: { "platform-operator.dev/managed-by": "web" } } });
      const edit = (who: readonly string[], patched: object, dryRun = ["--dry-run=server"]): Promise<string> =>
        attempt(["patch", "deployment", "own", "-n", MANAGED, "--type=merge", ...dryRun, ...who, "-p", JSON.stringify(patched)]);
      const template = (labels: object, spec: object = {}): object => ({ spec: { template: { metadata: { labels }, spec } } });
      const held = template({ "platform-operator.dev/service": "web" }, { serviceAccountName: "of-web" });
      expect(await edit(OPERATOR, held, [])).toBe("");
      expect(await edit(SQUAD, template({ version: "2" }, { terminationGracePeriodSeconds: 5 }))).toBe("");
      expect(await edit(SQUAD, { spec: { replicas: 3 } })).toBe("");
      expect(await edit(SQUAD, { metadata: { annotations: { "platform-operator.dev/managed-by": "other" } } })).toBe("");
      expect(await edit(SQUAD, template({ "platform-operator.dev/service": null }))).toContain(TEMPLATE);
      expect(await edit(SQUAD, template({ "platform-operator.dev/service": "other" }))).toContain(TEMPLATE);
      await plane.kubectl(["delete", "deployment", "own", "-n", MANAGED]);
    });

    test("other labels and annotations may change", async () => {
      expect(await patch(SQUAD, { labels: { cost: "1" }, annotations: { note: "x" } })).toBe("");
    });

    test("an object of a squad's own may not be made a service's", async () => {
      expect(await patch(SQUAD, { labels: { "platform-operator.dev/service": "web" } }, "own")).toContain(
        "metadata.labels: app.kubernetes.io/name",
      );
      expect(await patch(SQUAD, { annotations: { "eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/own" } }, "own")).toBe("");
    });
  });
});

describe("a managed namespace", () => {
  test("stays managed unless the platform team says otherwise", async () => {
    const unlabel = (who: readonly string[]): Promise<string> =>
      attempt(["label", "ns", MANAGED, "--dry-run=server", ...who, "platform-operator.dev/managed-"]);
    expect(await unlabel(SQUAD)).toContain(
      "metadata.labels: platform-operator.dev/managed=true puts the namespace under the platform's policies",
    );
    expect(await unlabel(PLATFORM)).toBe("");
    expect(await attempt(["label", "ns", MANAGED, "--dry-run=server", ...SQUAD, "cost=1"])).toBe("");
    expect(await attempt(["label", "ns", OTHER, "--dry-run=server", ...SQUAD, "cost=1"])).toBe("");
  });
});

describe("the operator itself, by whoever has its token", () => {
  const account = (namespace: string): object => ({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "web", namespace, labels: OF_WEB },
  });
  const pods = workload("apps/v1 Deployment", {}, { namespace: "kube-system", pods: { serviceAccountName: "replicaset-controller" } });

  test.each([
    ["pods under an account of the cluster's", pods, "kube-system"],
    ["an account", account(OTHER), OTHER],
    ["a NetworkPolicy", networkPolicy("kube-system"), "kube-system"],
    ["an AuthorizationPolicy for the whole mesh", istio("AuthorizationPolicy", {}, "istio-system"), "istio-system"],
  ])("writes nowhere but where services are: not %s", async (_, object, namespace) => {
    expect(await says(OPERATOR, object)).toContain(
      `metadata.namespace: ${namespace} is not labelled platform-operator.dev/managed=true, and the operator writes nowhere else: label it`,
    );
    expect(await says(PLATFORM, object)).toBe("");
  });

  test("deletes what it has made, and of others' nothing", async () => {
    const own = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "made", namespace: MANAGED, labels: OF_WEB } };
    const others = { ...own, metadata: { name: "others", namespace: MANAGED } };
    await apply(PLATFORM, own, others);
    expect(await attempt(["delete", "cm", "others", "-n", MANAGED, ...OPERATOR])).toContain(
      "metadata.labels: configmaps others is not labelled app.kubernetes.io/managed-by=platform-operator, and the operator deletes nothing else",
    );
    expect(await attempt(["delete", "cm", "made", "-n", MANAGED, ...OPERATOR])).toBe("");
    await plane.kubectl(["delete", "cm", "others", "-n", MANAGED]);
  });

  /** By the PlatformServices web and other, and by an object of some other kind. */
  let ofWeb: object;
  let ofOther: object;
  let ofAnother: object;

  beforeAll(async () => {
    const named = (name: string): object => ({ ...service({}), metadata: { name, namespace: MANAGED } });
    await apply(PLATFORM, named("web"), named("other"), ofSquad("ConfigMap", { name: "controller" }));
    ofWeb = await ownedBy("PlatformService", "web");
    ofOther = await ownedBy("PlatformService", "other");
    ofAnother = await ownedBy("ConfigMap", "controller");
  });

  test("deletes what has lost its label and not its owner", async () => {
    await apply(PLATFORM, ofSquad("ConfigMap", ofWeb));
    expect(await attempt(["delete", "cm", "own", "-n", MANAGED, ...OPERATOR])).toBe("");
  });

  test("scales a service's own Deployment, and nothing else there or elsewhere", async () => {
    const scale = (namespace: string): Promise<string> =>
      attempt(["scale", "deployment/own", "--replicas=0", "-n", namespace, ...OPERATOR]);
    await apply([], workload("apps/v1 Deployment", {}, { namespace: OTHER }), workload("apps/v1 Deployment", {}));
    expect(await scale(OTHER)).toContain("and the operator writes nowhere else");
    expect(await scale(MANAGED)).toContain(
      "status.selector: deployments own selects no pods by platform-operator.dev/service, and the operator scales only a service's own",
    );
    await plane.kubectl(["delete", "deployment", "own", "-n", MANAGED]);
    const { spec, ...rest } = workload("apps/v1 Deployment", OF_WEB);
    const selector = { matchLabels: { "app.kubernetes.io/name": "web", "platform-operator.dev/service": "web" } };
    await apply(OPERATOR, { ...rest, spec: { ...spec, selector } });
    expect(await scale(MANAGED)).toBe("");
    await plane.kubectl(["delete", "deployment", "own", "-n", MANAGED]);
  });

  describe("changes what is a service's, and of others' only what asks for it:", () => {
    const CHANGES = "is not labelled app.kubernetes.io/managed-by=platform-operator, and the operator changes nothing else";
    const ASKS = { annotations: { "platform-operator.dev/adopt-by": "web" } };
    const claimed = (): object => ({ labels: OF_WEB, ...ofWeb });

    const patch = (resource: string, change: object, more: readonly string[] = ["--dry-run=server"]): Promise<string> =>
      attempt(["patch", resource, "own", "-n", MANAGED, "--type=merge", ...more, ...OPERATOR, "-p", JSON.stringify(change)]);
    const given = async (kind: Kind, metadata: object = {}): Promise<void> => {
      await plane.kubectl(["delete", kind, "own", "-n", MANAGED, "--ignore-not-found", ...PLATFORM]);
      await apply(PLATFORM, ofSquad(kind, metadata));
    };

    test.each(KINDS)("a %s", async (kind) => {
      const tries = async (): Promise<readonly string[]> => [
        await patch(kind, { metadata: { labels: { "app.kubernetes.io/managed-by": "platform-operator" } } }),
        await patch(kind, { metadata: { labels: OF_WEB } }),
        await patch(kind, { metadata: ofWeb }),
        await patch(kind, { metadata: { annotations: { note: "x" } } }),
        await patch(kind, { metadata: ASKS }),
        await patch(kind, { metadata: { ...ASKS, ...claimed() } }),
      ];
      await given(kind);
      for (const refusal of await tries()) expect(refusal).toContain(CHANGES);
      await given(kind, { ...ASKS, ...ofAnother });
      expect(await patch(kind, { metadata: { labels: OF_WEB } })).toContain(CHANGES);
      await given(kind, ASKS);
      expect(await patch(kind, { metadata: claimed() })).toBe("");
      for (const other of [{ labels: { "platform-operator.dev/service": "other" } }, ofOther])
        expect(await patch(kind, { metadata: other })).toContain(CHANGES);
      await given(kind, claimed());
      expect(await patch(kind, { metadata: { annotations: { note: "x" } } })).toBe("");
      await plane.kubectl(["delete", kind, "own", "-n", MANAGED, ...PLATFORM]);
    });

    test("not after it has asked itself, of whatever it is", async () => {
      const refusal = "metadata.annotations: platform-operator.dev/adopt-by is for whoever owns the object to set";
      await given("ConfigMap", claimed());
      expect(await patch("cm", { metadata: ASKS })).toContain(refusal);
      await given("ConfigMap", ASKS);
      expect(await patch("cm", { metadata: { annotations: { "platform-operator.dev/adopt-by": "other" } } })).toContain(refusal);
      await plane.kubectl(["delete", "cm", "own", "-n", MANAGED]);
      expect(await says(OPERATOR, ofSquad("ConfigMap", ASKS))).toContain(refusal);
    });

    test.each<[string, object]>([
      ["its label, its owner being there", { labels: null }],
      ["its owner, a label being there", { ownerReferences: null }],
      ["one of its labels and its owner", { labels: { "app.kubernetes.io/managed-by": null }, ownerReferences: null }],
    ])("what has lost %s is given it back", async (_, lost) => {
      await given("ServiceAccount", claimed());
      const change = JSON.stringify({ metadata: lost });
      await plane.kubectl(["patch", "serviceaccount", "own", "-n", MANAGED, "--type=merge", ...PLATFORM, "-p", change]);
      expect(await patch("serviceaccount", { metadata: claimed() })).toBe("");
      await plane.kubectl(["delete", "serviceaccount", "own", "-n", MANAGED]);
    });

    test.each(["apps/v1 Deployment", "argoproj.io/v1alpha1 Rollout"] as const)(
      "the pod template of a %s that is brought, and of one that it holds and lets go of; neither becomes its own",
      async (what) => {
        const object = workload(what, {});
        const resource = object.kind.toLowerCase();
        const held = { spec: { template: { metadata: { labels: { "platform-operator.dev/service": "web" } } } } };
        const brought = { "platform-operator.dev/managed-by": "web" };
        const bring = async (annotations: object): Promise<void> =>
          apply(SQUAD, { ...object, metadata: { ...object.metadata, annotations } });
        await bring({});
        expect(await patch(resource, held)).toContain(CHANGES);
        expect(await patch(resource, { ...held, metadata: { annotations: brought } })).toContain(CHANGES);
        await bring(brought);
        for (const own of [{ labels: OF_WEB }, ofWeb, { labels: { "app.kubernetes.io/managed-by": "platform-operator" } }])
          expect(await patch(resource, { ...held, metadata: own })).toContain(CHANGES);
        expect(await patch(resource, { metadata: { annotations: { "platform-operator.dev/managed-by": "other" } } })).toContain(CHANGES);
        expect(await patch(resource, held, ["--field-manager=platform-operator/web"])).toBe("");
        await bring({});
        expect(await patch(resource, { spec: { template: { metadata: { labels: { "platform-operator.dev/service": null } } } } })).toBe("");
        await plane.kubectl(["delete", resource, "own", "-n", MANAGED]);
      },
    );
  });

  describe("writes, of what people commit, finalizers alone:", () => {
    test.each<[string, readonly object[]]>([
      [
        "psvc/written",
        [{ owner: "others" }, { port: 9000 }, { aws: { managedPolicyArns: ["arn:aws:iam::aws:policy/AdministratorAccess"] } }],
      ],
      ["ptier/written", [{ description: "Others'." }, { allowedNamespaces: { matchLabels: { team: "others" } } }]],
    ])("%s", async (what, specs) => {
      const { spec }: { readonly spec: object } = JSON.parse(await plane.kubectl(["get", "ptier", "tier-0", "-o", "json"]));
      const tier = { apiVersion: "platform-operator.dev/v1alpha1", kind: "PlatformTier", metadata: { name: "written" }, spec };
      await apply(PLATFORM, tier, { ...service({}), metadata: { name: "written", namespace: MANAGED } });
      const patch = (change: object): Promise<string> =>
        attempt(["patch", what, "-n", MANAGED, "--type=merge", "--dry-run=server", ...OPERATOR, "-p", JSON.stringify(change)]);
      const refusal = "is for people to write: of it the operator writes finalizers and status alone";
      for (const changed of specs) expect(await patch({ spec: changed })).toContain(refusal);
      expect(await patch({ metadata: { annotations: { "platform-operator.dev/abandon": "iam.aws" } } })).toContain(refusal);
      expect(await attempt(["delete", what, "-n", MANAGED, "--dry-run=server", ...OPERATOR])).toContain(refusal);
      expect(await patch({ metadata: { finalizers: ["platform-operator.dev/cleanup"] } })).toBe("");
      await letGo(what, MANAGED);
      await plane.kubectl(["delete", what, "-n", MANAGED]);
    });
  });
});

test("the API server finds no fault with an expression", async () => {
  const text = await plane.kubectl([
    "get",
    "validatingadmissionpolicies",
    "-o",
    "jsonpath={range .items[*]}{.metadata.name}{': '}{.status.typeChecking}{'\\n'}{end}",
  ]);
  expect(
    text
      .trim()
      .split("\n")
      .filter((line) => line.includes("expressionWarnings")),
  ).toEqual([]);
});
