import { describe, expect, test } from "vitest";
import { missingKubernetesServices } from "../../../src/resources/network/dependencies.ts";
import { buildNetworkPolicies } from "../../../src/resources/network-policy.ts";
import type { OperatorConfig } from "../../../src/crds/operator-config.ts";
import type { NetworkFacts } from "../../../src/resources/facts.ts";
import { everybody, networkFacts } from "../../support/children.ts";
import { type ServiceInput, shippedTier, testConfig, testService } from "../../support/effective-services.ts";

const CONFIG = testConfig();
const NO_MESH = testConfig({ mesh: { default: "None" } });
const PRIVATE = ["10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"];

function namespace(name: string) {
  return { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } } };
}

function pods(inNamespace: string, matchLabels: Record<string, string>) {
  return { ...namespace(inNamespace), podSelector: { matchLabels } };
}

function serviceIn(inNamespace: string, name: string, tier?: string) {
  return pods(inNamespace, { "platform-operator.dev/service": name, ...(tier && { "platform-operator.dev/tier": tier }) });
}

function tcp(port: number | string) {
  return { protocol: "TCP", port };
}

/** The policies' specs by name, each without its pod selector. */
function specs(input: ServiceInput, facts: NetworkFacts = networkFacts()): Record<string, unknown> {
  const { objects } = buildNetworkPolicies(testService(input), facts, input.config ?? CONFIG);
  return Object.fromEntries(objects.map(({ metadata, spec }) => [metadata.name, { ...Object(spec), podSelector: undefined }]));
}

function problems(input: ServiceInput, facts: NetworkFacts = everybody("tier-2")) {
  return buildNetworkPolicies(testService(input), facts, input.config ?? CONFIG).problems;
}

describe("network policies", () => {
  test("of a service with every concern: closed both ways, and one object for each thing that is opened", () => {
    const spec = {
      port: 8080,
      container: { metrics: { port: 9090 } },
      aws: {
        policy: {
          statements: [{ sid: "Tables", actions: ["dynamodb:GetItem"], resources: ["arn:aws:dynamodb:eu-west-1:111122223333:table/a"] }],
        },
      },
      callers: {
        services: [{ name: "dispatch" }, { name: "booking", namespace: "booking" }],
        serviceAccounts: [{ name: "probe", namespace: "ops" }],
      },
      dependencies: {
        services: [{ name: "pricing", namespace: "pricing" }],
        kubernetesServices: [{ name: "redis", namespace: "cache", port: 6379 }],
        hosts: [{ host: "api.carrier.example.com", port: 443 }],
        cidrs: [{ cidr: "10.40.0.0/16", port: 5432 }],
      },
    };
    expect(specs({ spec }, everybody("tier-2"))).toEqual({
      "matching-default-deny": { policyTypes: ["Ingress", "Egress"] },
      "matching-callers": {
        policyTypes: ["Ingress"],
        ingress: [{ from: [serviceIn("booking", "booking"), serviceIn("dispatch", "dispatch"), namespace("ops")], ports: [tcp(8080)] }],
      },
      "matching-dependencies": {
        policyTypes: ["Egress"],
        egress: [
          { to: [{ ipBlock: { cidr: "0.0.0.0/0", except: PRIVATE } }], ports: [tcp(443)] },
          { to: [{ ipBlock: { cidr: "10.40.0.0/16" } }], ports: [tcp(5432)] },
          { to: [pods("cache", { app: "redis" })], ports: [tcp(6380)] },
          { to: [serviceIn("pricing", "pricing")], ports: [tcp(7000)] },
        ],
      },
      "matching-dns": {
        policyTypes: ["Egress"],
        egress: [{ to: [pods("kube-system", { "k8s-app": "kube-dns" })], ports: [{ protocol: "UDP", port: 53 }, tcp(53)] }],
      },
      "matching-mesh": {
        policyTypes: ["Ingress", "Egress"],
        ingress: [{ from: [namespace("monitoring")], ports: [tcp(15020), tcp(15090)] }],
        egress: [{ to: [namespace("istio-system")], ports: [tcp(15012)] }],
      },
      "matching-scrape": { policyTypes: ["Ingress"], ingress: [{ from: [namespace("monitoring")], ports: [tcp(9090)] }] },
      "matching-aws": {
        policyTypes: ["Egress"],
        egress: [{ to: [{ ipBlock: { cidr: "10.0.0.0/16" } }, { ipBlock: { cidr: "52.94.24.0/23" } }], ports: [tcp(443)] }],
      },
    });
  });

  test("of a service with nothing written leave DNS, and the mesh", () => {
    expect(Object.keys(specs({}))).toEqual(["matching-default-deny", "matching-dns", "matching-mesh"]);
    expect(Object.keys(specs({ config: NO_MESH }))).toEqual(["matching-default-deny", "matching-dns"]);
  });

  test("select the service's pods by labels that never change", () => {
    const { objects } = buildNetworkPolicies(testService(), networkFacts(), CONFIG);
    for (const { spec } of objects) {
      expect(spec).toMatchObject({
        podSelector: { matchLabels: { "app.kubernetes.io/name": "matching", "platform-operator.dev/service": "matching" } },
      });
    }
  });

  test("open the node's own DNS cache where the configuration names it", () => {
    const config = testConfig({ network: { dns: { nodeLocal: "169.254.20.10" } } });
    expect(specs({ config })).toMatchObject({
      "matching-dns": { egress: [{ to: [pods("kube-system", { "k8s-app": "kube-dns" }), { ipBlock: { cidr: "169.254.20.10/32" } }] }] },
    });
  });

  test("let a caller be named twice, or in its own namespace by name, and say it once", () => {
    const callers = { services: [{ name: "a" }, { name: "a", namespace: "dispatch" }], serviceAccounts: [{ name: "x" }, { name: "y" }] };
    expect(specs({ spec: { port: 8080, callers } })).toMatchObject({
      "matching-callers": { ingress: [{ from: [serviceIn("dispatch", "a"), namespace("dispatch")] }] },
    });
  });
});

describe("dependencies", () => {
  test("two hosts on one port are one opening", () => {
    const hosts = [
      { host: "b.example.com", port: 443 },
      { host: "a.example.com", port: 443 },
    ];
    expect(specs({ spec: { dependencies: { hosts } } })).toMatchObject({
      "matching-dependencies": { egress: [{ to: [{ ipBlock: { cidr: "0.0.0.0/0", except: PRIVATE } }], ports: [tcp(443)] }] },
    });
  });

  test("a range in IPv6 among the private ones is no exception of an IPv4 range", () => {
    const config = testConfig({ network: { privateCidrs: ["fd00::/8", "10.0.0.0/8"] } });
    expect(specs({ config, spec: { dependencies: { hosts: [{ host: "a.example.com", port: 443 }] } } })).toMatchObject({
      "matching-dependencies": { egress: [{ to: [{ ipBlock: { cidr: "0.0.0.0/0", except: ["10.0.0.0/8", "169.254.0.0/16"] } }] }] },
    });
  });

  test("a service that does not exist, or has no port, opens nothing yet", () => {
    const spec = { dependencies: { services: [{ name: "absent" }, { name: "worker" }] } };
    expect(specs({ spec }, networkFacts({ "dispatch/worker": {} }))).not.toHaveProperty("matching-dependencies");
  });

  const redis = { dependencies: { kubernetesServices: [{ name: "redis", namespace: "cache", port: 6379 }] } };

  test("a Service opens its pods on the port that they listen on, by name where it has only a name", () => {
    const facts = networkFacts(
      {},
      {
        "cache/redis": {
          selector: { app: "redis" },
          ports: [
            { port: 6379, targetPort: "client" },
            { port: 80, targetPort: 80 },
          ],
        },
      },
    );
    expect(specs({ spec: redis }, facts)).toMatchObject({
      "matching-dependencies": { egress: [{ to: [pods("cache", { app: "redis" })], ports: [tcp("client")] }] },
    });
    expect(missingKubernetesServices(testService({ spec: redis }), facts)).toEqual([]);
  });

  test.for([
    { name: "does not exist", services: {}, reason: "NotFound" },
    {
      name: "has not that port",
      services: { "cache/redis": { selector: { app: "redis" }, ports: [{ port: 1, targetPort: 1 }] } },
      reason: "NoSuchPort",
    },
    {
      name: "selects no pods",
      services: { "cache/redis": { selector: {}, ports: [{ port: 6379, targetPort: 6379 }] } },
      reason: "NoSelector",
    },
  ])("a Service that $name opens nothing, and is said to be missing", ({ services, reason }) => {
    const facts = networkFacts({}, services);
    expect(specs({ spec: redis }, facts)).not.toHaveProperty("matching-dependencies");
    expect(missingKubernetesServices(testService({ spec: redis }), facts)).toMatchObject([
      { field: "spec.dependencies.kubernetesServices[cache/redis:6379]", reason },
    ]);
  });

  test("what the tier opens to its services is added to what the squad writes", () => {
    const tier = shippedTier("tier-2", { network: { allowedEgress: [{ name: "feed", cidr: "198.51.100.0/24", port: 8443 }] } });
    expect(specs({ tier, spec: { dependencies: { cidrs: [{ cidr: "10.40.0.0/16", port: 5432 }] } } })).toMatchObject({
      "matching-dependencies": {
        egress: [
          { to: [{ ipBlock: { cidr: "10.40.0.0/16" } }], ports: [tcp(5432)] },
          { to: [{ ipBlock: { cidr: "198.51.100.0/24" } }], ports: [tcp(8443)] },
        ],
      },
    });
  });
});

describe("strict isolation", () => {
  const tier = shippedTier("pci", {
    network: {
      isolation: "Strict",
      allowedEgress: [
        { name: "cards", host: "api.cards.example.com", port: 443 },
        { name: "hsm", cidr: "198.51.100.0/24", port: 8443 },
      ],
    },
  });
  const spec = {
    port: 8080,
    container: { metrics: { port: 9090 } },
    callers: { services: [{ name: "billing" }, { name: "outside" }], serviceAccounts: [{ name: "probe", namespace: "ops" }] },
    dependencies: {
      services: [{ name: "inside" }, { name: "outside" }],
      kubernetesServices: [{ name: "redis", namespace: "cache", port: 6379 }],
      hosts: [{ host: "anywhere.example.com", port: 444 }],
      cidrs: [{ cidr: "10.40.0.0/16", port: 5432 }],
    },
  };

  test("leaves callers and dependencies of the tier, the tier's own ways out, and a scrape of the service's own metrics", () => {
    const neighbours = {
      "dispatch/billing": { tier: "pci" },
      "dispatch/inside": { port: 7000, tier: "pci" },
      "dispatch/outside": { port: 7001, tier: "tier-1" },
    };
    const redis = { "cache/redis": { selector: { app: "redis" }, ports: [{ port: 6379, targetPort: 6379 }] } };
    expect(specs({ tier, spec }, networkFacts(neighbours, redis))).toMatchObject({
      "matching-callers": { ingress: [{ from: [serviceIn("dispatch", "billing", "pci")], ports: [tcp(8080)] }] },
      "matching-dependencies": {
        egress: [
          { to: [{ ipBlock: { cidr: "0.0.0.0/0", except: PRIVATE } }], ports: [tcp(443)] },
          { to: [serviceIn("dispatch", "inside", "pci")], ports: [tcp(7000)] },
          { to: [{ ipBlock: { cidr: "198.51.100.0/24" } }], ports: [tcp(8443)] },
        ],
      },
      "matching-mesh": { policyTypes: ["Egress"] },
      "matching-scrape": { ingress: [{ from: [namespace("monitoring")], ports: [tcp(9090)] }] },
    });
  });
});

describe("the way to AWS", () => {
  function statement(sid: string, actions: readonly string[], effect = "Allow") {
    return { sid, effect, actions, resources: ["*"] };
  }
  function awsSpec(...statements: readonly unknown[]) {
    return { aws: { policy: { statements } } };
  }
  test("by Pod Identity open the node's agent, and STS only while pods need it", () => {
    const needs = (identity: string, statements: readonly unknown[]) => ({ spec: { aws: { identity, policy: { statements } } } });
    const reads = [statement("Labels", ["s3:GetObject"])];
    const input = { ...needs("PodIdentity", reads), config: cidrs({ s3: ["52.218.0.0/17"] }) };
    const agent = { egress: [{ to: [{ ipBlock: { cidr: "169.254.170.23/32" } }], ports: [tcp(80)] }] };
    expect(specs(input)).toMatchObject({ "matching-pod-identity": agent });
    expect(problems(input)).toEqual([]);
    const moving: NetworkFacts = { ...everybody("tier-2"), identityModes: ["IRSA", "PodIdentity"] };
    expect(problems(input, moving)).toMatchObject([{ reason: "NoEgressFor" }]);
    expect(specs({ ...needs("IRSA", reads) }, moving)).toMatchObject({ "matching-pod-identity": agent });
    expect(specs(needs("IRSA", reads))).not.toHaveProperty("matching-pod-identity");
    expect(specs({ spec: { aws: { identity: "PodIdentity" } } })).not.toHaveProperty("matching-pod-identity");
  });

  function cidrs(awsEndpointCidrs: Record<string, readonly string[]>) {
    return testConfig({ network: { awsEndpointCidrs } });
  }
  const KNOWN = { interface: ["10.1.0.0/24"], s3: ["52.218.0.0/17"], dynamodb: ["52.94.24.0/23"] };

  test.for([
    {
      name: "s3 goes by its prefix list, and STS by the interface endpoints",
      actions: ["s3:GetObject"],
      expected: ["10.1.0.0/24", "52.218.0.0/17"],
    },
    { name: "dynamodb goes by its prefix list", actions: ["dynamodb:GetItem"], expected: ["10.1.0.0/24", "52.94.24.0/23"] },
    { name: "everything else goes by interface endpoints", actions: ["sqs:SendMessage", "kms:Decrypt"], expected: ["10.1.0.0/24"] },
    { name: "a prefix in capitals is the same service", actions: ["S3:GetObject"], expected: ["10.1.0.0/24", "52.218.0.0/17"] },
  ])("$name", ({ actions, expected }) => {
    const input = { spec: awsSpec(statement("A", actions)), config: cidrs(KNOWN) };
    expect(specs(input)).toMatchObject({
      "matching-aws": { egress: [{ to: expected.map((cidr) => ({ ipBlock: { cidr } })), ports: [tcp(443)] }] },
    });
    expect(problems(input)).toEqual([]);
  });

  test.for([
    { name: "no policy", spec: {} },
    { name: "a policy that only denies", spec: awsSpec(statement("No", ["s3:*"], "Deny")) },
  ])("$name opens no way", ({ spec }) => {
    expect(specs({ spec, config: cidrs({}) })).not.toHaveProperty("matching-aws");
    expect(problems({ spec, config: cidrs({}) })).toEqual([]);
  });

  test("a service of unknown addresses is a problem that names the statement and what to do, and what is known stays open", () => {
    const config = cidrs({ interface: ["10.1.0.0/24"] });
    const input = { config, spec: awsSpec(statement("Labels", ["s3:GetObject"]), statement("Queue", ["sqs:SendMessage"])) };
    expect(specs(input)).toMatchObject({ "matching-aws": { egress: [{ to: [{ ipBlock: { cidr: "10.1.0.0/24" } }] }] } });
    expect(problems(input)).toEqual([
      {
        field: "spec.aws.policy.statements[Labels].actions",
        reason: "NoEgressFor",
        message:
          "statement Labels allows s3 and no addresses of s3 are known: the platform team adds them to network.awsEndpointCidrs.s3 of the operator's configuration, or remove the actions",
      },
    ]);
  });

  test("a managed policy opens every endpoint that is known, since what it allows is not", () => {
    const managed = { aws: { managedPolicyArns: ["arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"] } };
    const opened = (config: OperatorConfig) => ({
      aws: specs({ spec: managed, config })["matching-aws"],
      problems: problems({ spec: managed, config }),
    });
    const to = (...addresses: string[]) => [{ to: addresses.map((cidr) => ({ ipBlock: { cidr } })), ports: [tcp(443)] }];
    expect(opened(cidrs(KNOWN))).toMatchObject({ aws: { egress: to("10.1.0.0/24", "52.218.0.0/17", "52.94.24.0/23") }, problems: [] });
    expect(opened(cidrs({ interface: ["10.1.0.0/24"] }))).toMatchObject({ aws: { egress: to("10.1.0.0/24") }, problems: [] });
    expect(opened(cidrs({}))).toMatchObject({
      aws: undefined,
      problems: [{ field: "spec.aws.managedPolicyArns", reason: "NoEgressFor", message: expect.stringContaining("need sts") }],
    });
  });

  test("so does a role that others own", () => {
    const existing = { aws: { existingRole: "arn:aws:iam::111122223333:role/terraform/matching" } };
    expect(specs({ spec: existing, config: cidrs(KNOWN) })).toMatchObject({ "matching-aws": { egress: [{ to: { length: 3 } }] } });
    expect(problems({ spec: existing, config: cidrs({}) })).toMatchObject([{ field: "spec.aws.existingRole", reason: "NoEgressFor" }]);
  });

  test("credentials need STS, whatever the policy allows", () => {
    const [problem] = problems({ config: cidrs({ s3: ["52.218.0.0/17"] }), spec: awsSpec(statement("Labels", ["s3:GetObject"])) });
    expect(problem?.message).toContain("statement Labels needs sts, for the role's credentials, and no addresses of sts are known");
  });
});

describe("ports for one peer", () => {
  function cidrPorts(count: number) {
    return Array.from({ length: count }, (_, i) => ({ cidr: "10.40.0.0/16", port: 5000 + i }));
  }

  test("are fine up to 24, which the VPC CNI takes", () => {
    expect(problems({ spec: { dependencies: { cidrs: cidrPorts(24) } } })).toEqual([]);
  });

  test("are refused from 25 on", () => {
    expect(problems({ spec: { dependencies: { cidrs: cidrPorts(25) } } })).toMatchObject([
      { field: "spec.dependencies", reason: "TooManyPorts" },
    ]);
  });

  test("are counted over all of the service's policies together", () => {
    const aws = { policy: { statements: [{ sid: "A", actions: ["sqs:SendMessage"], resources: ["*"] }] } };
    const cidrs = cidrPorts(24).map(({ port }) => ({ cidr: "10.0.0.0/16", port }));
    expect(problems({ spec: { aws, dependencies: { cidrs } } })).toMatchObject([{ reason: "TooManyPorts" }]);
  });

  test("are counted for each peer alone", () => {
    const cidrs = Array.from({ length: 50 }, (_, i) => ({ cidr: `10.${i}.0.0/16`, port: 5000 + i }));
    expect(problems({ spec: { dependencies: { cidrs } } })).toEqual([]);
  });

  test("are counted with the platform's own, and a refusal says whose they are", () => {
    const network = { platformEgress: [{ name: "db", cidr: "10.40.0.0/16", ports: [4000] }] };
    const found = problems({ config: testConfig({ network }), spec: { dependencies: { cidrs: cidrPorts(24) } } });
    expect(found).toMatchObject([{ field: "spec.dependencies", reason: "TooManyPorts" }]);
    expect(found[0]?.message).toContain("or ask the platform team to open fewer in network.platformEgress of the operator's configuration");
    const [alone] = problems({ spec: { dependencies: { cidrs: cidrPorts(25) } } });
    expect(alone?.message).toMatch(/narrower address ranges$/);
  });
});

describe("what the platform opens", () => {
  const network = {
    platformIngress: [
      { name: "edge", namespace: "edge", labels: { app: "gateway" } },
      { name: "checks", cidr: "10.60.0.0/16", ports: [8080, 8081] },
    ],
    platformEgress: [
      { name: "telemetry", namespace: "observability", ports: [4317, 4318] },
      { name: "licences", cidr: "10.70.0.1/32", ports: [27000] },
    ],
  };
  const config = testConfig({ network });
  const egress = [
    { to: [namespace("observability")], ports: [tcp(4317), tcp(4318)] },
    { to: [{ ipBlock: { cidr: "10.70.0.1/32" } }], ports: [tcp(27000)] },
  ];
  const checks = { from: [{ ipBlock: { cidr: "10.60.0.0/16" } }], ports: [tcp(8080), tcp(8081)] };
  const strict = shippedTier("pci");

  test.each([
    ["of a tier without isolation", {}],
    ["of an isolated tier", { tier: strict }],
  ])("is a policy of its own at every service %s", (_, of) => {
    expect(specs({ config, spec: { port: 9000 }, ...of })["matching-platform"]).toEqual({
      policyTypes: ["Ingress", "Egress"],
      ingress: [{ from: [pods("edge", { app: "gateway" })], ports: [tcp(9000)] }, checks],
      egress,
    });
  });

  test("is the service's own port only where there is one", () => {
    expect(specs({ config })["matching-platform"]).toMatchObject({ ingress: [checks] });
    const edgeAlone = testConfig({ network: { platformIngress: network.platformIngress.slice(0, 1) } });
    expect(Object.keys(specs({ config: edgeAlone }))).not.toContain("matching-platform");
  });

  test("says nothing of the direction in which nothing is opened", () => {
    const out = testConfig({ network: { platformEgress: network.platformEgress } });
    expect(specs({ config: out })["matching-platform"]).toEqual({ policyTypes: ["Egress"], egress });
  });

  test("is reached by the tunnel too, where pods may be in the ambient data plane, and addresses are not", () => {
    const ambient = testConfig({ network, mesh: { istio: { dataPlane: "Ambient" } } });
    expect(specs({ config: ambient, spec: { port: 9000 } })["matching-platform"]).toMatchObject({
      ingress: [{ ports: [tcp(9000), tcp(15008)] }, checks],
      egress: [{ ports: [tcp(4317), tcp(4318), tcp(15008)] }, { ports: [tcp(27000)] }],
    });
  });
});
