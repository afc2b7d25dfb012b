import { describe, expect, test } from "vitest";
import { z } from "zod";
import { appMesh } from "../../src/resources/mesh/app-mesh.ts";
import { istioSidecar } from "../../src/resources/mesh/istio-sidecar.ts";
import { appMeshConfig } from "../support/app-mesh-config.ts";
import { testConfig } from "../support/effective-services.ts";
import { REMOVED, type Changes } from "../support/json-path.ts";
import { networkWorld, type End, type NetworkWorld } from "../support/oracles/network-world.ts";
import { askOracle } from "../support/oracles/run.ts";

/** Who reaches whom, by cyclonus, an evaluator of NetworkPolicies that is not ours; what should be so is written here line by line. */

const STRANGERS: readonly End[] = [
  ...["tracking", "dispatch", "pricing", "checkout", "payments", "hub", "elsewhere"].map((namespace, index) => ({
    name: `a stranger in ${namespace}`,
    ip: `10.244.2.${String(index + 1)}`,
    namespace,
    labels: { app: "stranger" },
  })),
  // Named as a service is, where that service is not.
  { name: "an impostor", ip: "10.244.3.1", namespace: "elsewhere", labels: { "platform-operator.dev/service": "checkout" } },
  { name: "dns", ip: "10.244.3.2", namespace: "kube-system", labels: { "k8s-app": "kube-dns" } },
  { name: "kube-system", ip: "10.244.3.3", namespace: "kube-system", labels: { "k8s-app": "metrics-server" } },
  { name: "istiod", ip: "10.244.3.4", namespace: "istio-system", labels: { app: "istiod" } },
  { name: "monitoring", ip: "10.244.3.5", namespace: "monitoring", labels: { app: "prometheus" } },
  { name: "redis", ip: "10.244.3.6", namespace: "cache", labels: { app: "redis" } },
  { name: "beside redis", ip: "10.244.3.7", namespace: "cache", labels: { app: "memcached" } },
  { name: "probe", ip: "10.244.3.8", namespace: "ops", labels: { app: "probe" } },
  {
    name: "waypoint of dispatch",
    ip: "10.244.3.9",
    namespace: "dispatch",
    labels: { "gateway.networking.k8s.io/gateway-name": "waypoint" },
  },
  {
    name: "waypoint of checkout",
    ip: "10.244.3.10",
    namespace: "checkout",
    labels: { "gateway.networking.k8s.io/gateway-name": "waypoint" },
  },
];

const ADDRESSES: readonly End[] = [
  { name: "the internet", ip: "93.184.215.14" },
  { name: "10.40.1.1", ip: "10.40.1.1" },
  { name: "another private address", ip: "192.168.1.1" },
  { name: "STS", ip: "10.0.1.1" },
  { name: "DynamoDB", ip: "52.94.24.9" },
  { name: "S3", ip: "52.218.0.9" },
  { name: "instance metadata", ip: "169.254.169.254" },
  { name: "the Pod Identity agent", ip: "169.254.170.23" },
  { name: "the kubelet, as istio-cni gives it", ip: "169.254.7.127" },
];

const PORTS = [
  "UDP 53",
  ...[
    22, 53, 80, 443, 5432, 6379, 6380, 8080, 8081, 8443, 9000, 9090, 9464, 9901, 15000, 15001, 15008, 15010, 15012, 15017, 15020, 15021,
    15090,
  ].map((port) => `TCP ${String(port)}`),
] as const;

const PLAIN = [
  "tracking/tracking",
  "dispatch/matching",
  "pricing/pricing",
  "checkout/checkout",
  "storefront/storefront",
  "booking/booking",
  "hub/hub",
];
const STRICT = ["payments/settlement", "payments/ledger"];

type Row = readonly [from: readonly string[], to: readonly string[], ports: readonly string[]];

/** What is reached whatever the mesh, and without one: the rest of the matrix is closed. */
function reached(services: readonly string[]): readonly Row[] {
  return [
    [services, ["dns"], ["UDP 53", "TCP 53"]],
    // Named by its caller and by itself; storefront's checkout and booking's matching as well.
    [["storefront/storefront"], ["checkout/checkout"], ["TCP 8080"]],
    [["booking/booking"], ["dispatch/matching"], ["TCP 8080"]],
    [["checkout/checkout"], ["tracking/tracking"], ["TCP 8080"]],
    [["checkout/checkout", "dispatch/matching"], ["pricing/pricing"], ["TCP 9000"]],
    // An isolated tier is open to itself alone: ledger names checkout, probe, tracking, redis and addresses in vain.
    [["payments/ledger"], ["payments/settlement"], ["TCP 8080"]],
    // hub names matching, which does not name it, and pricing, which does not depend on it: neither is agreed.
    [["probe"], ["hub/hub"], ["TCP 8443"]],
    [["hub/hub"], ["redis"], ["TCP 6380"]],
    [["hub/hub"], ["10.40.1.1"], ["TCP 5432"]],
    [["monitoring"], ["dispatch/matching"], ["TCP 9090"]],
    [["monitoring"], ["hub/hub"], ["TCP 9464"]],
    [["tracking/tracking"], ["STS", "DynamoDB", "S3"], ["TCP 443"]],
    [["checkout/checkout", "payments/settlement"], ["STS", "DynamoDB"], ["TCP 443"]],
    [["hub/hub"], ["S3"], ["TCP 443"]],
    [["hub/hub"], ["the Pod Identity agent"], ["TCP 80"]],
  ];
}

/** A name can only be held by the proxy: the port is open to every address that is not private. */
const BY_NAME: Row = [["hub/outgoing"], ["the internet", "DynamoDB", "S3"], ["TCP 443"]];

const NO_MESH: readonly Row[] = [...reached([...PLAIN, ...STRICT, "hub/outgoing"]), BY_NAME];

/** What sidecars need: their certificates, and to be scraped; under strict isolation only Envoy, and only where an SLO is measured by it. */
const OF_SIDECARS: readonly Row[] = [
  [[...PLAIN, ...STRICT, "hub/outgoing"], ["istiod"], ["TCP 15012"]],
  [["monitoring"], [...PLAIN, "hub/outgoing"], ["TCP 15020", "TCP 15090"]],
  [["monitoring"], ["payments/settlement"], ["TCP 15090"]],
];

const SIDECAR: readonly Row[] = [...NO_MESH, ...OF_SIDECARS];

/** What Envoy of App Mesh needs: its administration is open to who scrapes it alone, and under strict isolation to nobody. */
const OF_APP_MESH: readonly Row[] = [
  [["monitoring"], [...PLAIN, "hub/outgoing"], ["TCP 9901"]],
  // It is told by AWS what the mesh is, and has the role's credentials: also where the service itself has no business in AWS, or none with interface endpoints.
  [
    ["dispatch/matching", "pricing/pricing", "storefront/storefront", "booking/booking", "hub/hub", "hub/outgoing", "payments/ledger"],
    ["STS"],
    ["TCP 443"],
  ],
];

const APP_MESH: readonly Row[] = [...NO_MESH, ...OF_APP_MESH];

/** Refused there, since nothing holds it to a name. */
const REFUSED_IN_APP_MESH = ["hub/outgoing"];

/** What the files say otherwise there: probes pass Envoy by on a port of their own, and there is no retry budget. */
const PROBED: Changes = { "container.probes": { readiness: { path: "/ready", port: 8081 } } };
const FOR_APP_MESH: Readonly<Record<string, Changes>> = {
  ...Object.fromEntries(["tracking", "checkout", "settlement", "ledger", "storefront", "booking"].map((name) => [name, PROBED])),
  matching: { ...PROBED, "resilience.retryBudgetPercent": REMOVED, "resilience.connectionPool.maxRequests": REMOVED },
};

const TUNNEL = ["TCP 15008"];
const KUBELET = ["the kubelet, as istio-cni gives it"];

/** Two are refused there: `hub/outgoing`, since no proxy holds it to a name, and `dispatch/matching`, which tries again on a reset. */
const REFUSED = ["hub/outgoing", "dispatch/matching"];

const AMBIENT: readonly Row[] = [
  ...reached([...PLAIN, ...STRICT]),
  [[...PLAIN, ...STRICT], ["istiod"], ["TCP 15012"]],
  // The same agreements, through the tunnel of the nodes' proxies, and through the waypoint of what has routes.
  [["storefront/storefront"], ["checkout/checkout", "waypoint of checkout"], TUNNEL],
  [["checkout/checkout"], ["tracking/tracking", "pricing/pricing"], TUNNEL],
  [["payments/ledger"], ["payments/settlement"], TUNNEL],
  [["waypoint of checkout"], ["checkout/checkout"], TUNNEL],
  [["probe", "monitoring"], ["hub/hub"], TUNNEL],
  [["hub/hub"], ["redis"], TUNNEL],
  [KUBELET, ["tracking/tracking", "checkout/checkout", "storefront/storefront", "booking/booking", ...STRICT], ["TCP 8080"]],
  [KUBELET, ["pricing/pricing", "hub/hub"], ["TCP 8081"]],
];

interface Connection {
  readonly from: End;
  readonly to: End;
  readonly port: string;
}

/** From each end to each other, on each port, where a service is one of the two: on others nothing of ours has a say. */
function connections({ services }: NetworkWorld): readonly Connection[] {
  const ends = [...services, ...STRANGERS, ...ADDRESSES];
  return ends
    .flatMap((from) => ends.map((to) => ({ from, to })))
    .filter(({ from, to }) => from !== to && (services.includes(from) || services.includes(to)))
    .flatMap((pair) => PORTS.map((port) => ({ ...pair, port })));
}

const verdicts = z.array(z.object({ out: z.boolean(), in: z.boolean() }));

/** As `from > to: port`, sorted. */
async function reachedBy(world: NetworkWorld): Promise<readonly string[]> {
  const asked = connections(world);
  const question = {
    policies: world.policies,
    connections: asked.map(({ from, to, port }) => {
      const [protocol, number] = port.split(" ");
      return { from: endAsked(from), to: endAsked(to), protocol, port: Number(number), portName: "" };
    }),
  };
  const answers = await askOracle("verdicts", question, verdicts);
  expect(answers).toHaveLength(asked.length);
  return asked
    .filter((_, index) => answers[index]?.in === true && answers[index].out)
    .map(({ from, to, port }) => `${from.name} > ${to.name}: ${port}`)
    .toSorted();
}

function endAsked({ ip, namespace = "", labels = {} }: End): object {
  return { ip, namespace, labels, namespaceLabels: { "kubernetes.io/metadata.name": namespace } };
}

function lines(rows: readonly Row[], without: readonly string[] = []): readonly string[] {
  const there = (names: readonly string[]): readonly string[] => names.filter((name) => !without.includes(name));
  return rows
    .flatMap(([from, to, ports]) => there(from).flatMap((a) => there(to).flatMap((b) => ports.map((port) => `${a} > ${b}: ${port}`))))
    .toSorted();
}

describe("of the matrix of services, strangers and addresses, cyclonus lets through what the services agreed on, and nothing else", () => {
  test("with sidecars", async () => {
    expect(await reachedBy(networkWorld(testConfig()))).toEqual(lines(SIDECAR));
  });

  test("in the ambient data plane", async () => {
    expect(await reachedBy(networkWorld(testConfig({ mesh: { istio: { dataPlane: "Ambient" } } })))).toEqual(lines(AMBIENT, REFUSED));
  });

  test("in App Mesh", async () => {
    const world = networkWorld(appMeshConfig(), { changes: FOR_APP_MESH });
    expect(await reachedBy(world)).toEqual(lines(APP_MESH, REFUSED_IN_APP_MESH));
  });

  test("in no mesh", async () => {
    expect(await reachedBy(networkWorld(testConfig({ mesh: { default: "None" } })))).toEqual(lines(NO_MESH));
  });

  test.each([
    { to: "App Mesh", default: "AppMesh", meshes: [appMesh, istioSidecar], refused: REFUSED_IN_APP_MESH },
    { to: "Istio", default: "Istio", meshes: [istioSidecar, appMesh], refused: [] },
  ])("with pods of two meshes, while they move to $to", async ({ default: provider, meshes, refused }) => {
    const world = networkWorld(appMeshConfig({ default: provider }), { changes: FOR_APP_MESH, meshes });
    expect(await reachedBy(world)).toEqual(lines([...SIDECAR, ...OF_APP_MESH], refused));
  });
});

test("what the platform opens is reached by every service, and from there, isolated tiers included, and nothing else is open by it", async () => {
  const platformIngress = [{ name: "edge", namespace: "elsewhere", labels: { app: "stranger" }, ports: [9464] }];
  const platformEgress = [
    { name: "probe", namespace: "ops", ports: [9090] },
    { name: "private", cidr: "192.168.1.0/24", ports: [443] },
  ];
  const every = [...PLAIN, ...STRICT, "hub/outgoing"];
  expect(await reachedBy(networkWorld(testConfig({ network: { ...testConfig().network, platformIngress, platformEgress } })))).toEqual(
    lines([
      ...SIDECAR,
      [["a stranger in elsewhere"], every, ["TCP 9464"]],
      [every, ["probe"], ["TCP 9090"]],
      [every, ["another private address"], ["TCP 443"]],
    ]),
  );
});

test("cyclonus lets everything through where there are no policies, so that its no says something", async () => {
  const world = { ...networkWorld(testConfig()), policies: [] };
  expect(await reachedBy(world)).toHaveLength(connections(world).length);
});
