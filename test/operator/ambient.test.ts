import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { PlatformService } from "../../src/crds/platform-service.ts";
import { operatorWrites, provokePass } from "../support/operator-writes.ts";
import { PATIENCE_MS, sharedPlatform, type Platform } from "../support/platform.ts";
import { messageOf, podsOf, verdict } from "../support/service-view.ts";
import { makeWaypoint, reportProgrammed } from "../support/waypoint.ts";

/** Services in Istio's ambient data plane, by a label of their namespace: what they are made of, and what is said where it cannot be. */

const NAMESPACE = "ambient";
const PLAIN = { namespace: NAMESPACE, name: "plain" };
const ROUTED = { namespace: NAMESPACE, name: "routed" };
const WAYPOINT = { namespace: NAMESPACE, name: "waypoint" };
const TABLE = { sid: "Table", actions: ["dynamodb:GetItem"], resources: ["arn:aws:dynamodb:eu-west-1:111122223333:table/parcels"] };
const HTTP_ROUTES = "httproutes.gateway.networking.k8s.io";

let platform: Platform;

beforeAll(async () => {
  platform = sharedPlatform();
  await platform.namespace(NAMESPACE, { mesh: "ambient" });
});

afterAll(async () => {
  await platform.close();
});

interface Live {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: Readonly<Record<string, unknown>>;
}

async function specOf(what: string, namespace = NAMESPACE): Promise<unknown> {
  return (await platform.get<Live>(namespace, what))?.spec;
}

/** What of the mesh the service owns, by its status. */
function meshObjects(service: PlatformService): readonly string[] {
  const groups = ["networking.istio.io", "security.istio.io", "gateway.networking.k8s.io"];
  return (service.status?.resources ?? [])
    .filter(({ group }) => groups.includes(group))
    .map(({ kind, name }) => `${kind} ${name}`)
    .toSorted();
}

describe("a service without routes", () => {
  let service: PlatformService;

  beforeAll(async () => {
    service = await platform.ready(PLAIN, {
      aws: { policy: { statements: [TABLE] } },
      dependencies: { services: [{ name: "routed" }] },
    });
  });

  test("is Ready with the proxy of the node alone", async () => {
    expect(verdict(service, "TrafficReady")).toBe("True AsWritten");
    expect(meshObjects(service)).toEqual(["AuthorizationPolicy plain", "PeerAuthentication plain"]);
    expect((await platform.get<Live>(NAMESPACE, "service/plain"))?.metadata.labels).toMatchObject({ "istio.io/use-waypoint": "none" });
    const [pod] = await podsOf(platform, PLAIN);
    expect(pod?.metadata.labels).toMatchObject({ "istio.io/dataplane-mode": "ambient", "sidecar.istio.io/inject": "false" });
    expect(pod?.spec.containers.map(({ name }) => name)).toEqual(["app"]);
  });

  test("says when a running pod is not in the mesh, and when it is again", async () => {
    const [pod] = await podsOf(platform, PLAIN);
    const annotate = async (annotation: string) =>
      platform.kubectl(["annotate", "pod", pod?.metadata.name ?? "", "-n", NAMESPACE, "--overwrite", annotation]);
    await annotate("ambient.istio.io/redirection=pending");
    expect(messageOf(await platform.untilCondition(PLAIN, "TrafficReady", "False", "NotInMesh"), "TrafficReady")).toBe(
      'a running pod has no annotation ambient.istio.io/redirection: "enabled": check istio-cni and ztunnel on its node, then restart the Deployment; a pod that others made counts as one while it bears the label platform-operator.dev/service: delete it, or take that label off',
    );
    await annotate("ambient.istio.io/redirection=enabled");
    await platform.untilReady(PLAIN);
  });
});

describe("a service with routes", () => {
  const routes = [
    {
      name: "match",
      match: { path: { prefix: "/v1" }, methods: ["POST"] },
      timeout: "1s",
      retries: { attempts: 1, perTryTimeout: "250ms" },
    },
    { name: "rest", timeout: "2s" },
  ];
  const SPEC = { routes, resilience: { connectionPool: { maxConnections: 10 } }, callers: { services: [{ name: "plain" }] } };

  test("says that its waypoint is missing, then that it is not ready, then is Ready, untouched", async () => {
    await platform.applyService(ROUTED, SPEC);
    await platform.push(ROUTED);
    const missing = await platform.untilCondition(ROUTED, "TrafficReady", "False", "WaypointMissing");
    expect(messageOf(missing, "TrafficReady")).toContain(
      "the waypoint ambient/waypoint, a Gateway of class istio-waypoint, does not exist",
    );
    await makeWaypoint(platform.kubectl, WAYPOINT);
    await platform.untilCondition(ROUTED, "TrafficReady", "False", "WaypointNotReady");
    await reportProgrammed(platform.kubectl, WAYPOINT, "True");
    expect(meshObjects(await platform.untilReady(ROUTED))).toEqual([
      "AuthorizationPolicy routed",
      "AuthorizationPolicy routed.waypoint",
      "DestinationRule routed",
      "HTTPRoute routed",
      "PeerAuthentication routed",
    ]);
  });

  test("has them on its Service, and its callers at the pod and at the waypoint", async () => {
    const reference = { group: "", kind: "Service", name: "routed" };
    const backendRefs = [{ ...reference, port: 8080, weight: 1 }];
    expect(await specOf(`${HTTP_ROUTES}/routed`)).toEqual({
      parentRefs: [reference],
      rules: [
        {
          name: "match",
          matches: [{ path: { type: "PathPrefix", value: "/v1" }, method: "POST" }],
          timeouts: { request: "1s", backendRequest: "250ms" },
          retry: { attempts: 1 },
          backendRefs,
        },
        {
          name: "rest",
          matches: [{ path: { type: "PathPrefix", value: "/" } }],
          timeouts: { request: "2s" },
          retry: { attempts: 0 },
          backendRefs,
        },
      ],
    });
    expect((await platform.get<Live>(NAMESPACE, "service/routed"))?.metadata.labels).toMatchObject({ "istio.io/use-waypoint": "waypoint" });
    const principals = ["cluster.local/ns/ambient/sa/plain"];
    expect(await specOf("authorizationpolicy/routed")).toMatchObject({
      rules: [{ from: [{ source: { principals: [...principals, "cluster.local/ns/ambient/sa/waypoint"] } }] }],
    });
    expect(await specOf("authorizationpolicy/routed.waypoint")).toEqual({
      targetRefs: [reference],
      action: "ALLOW",
      rules: [{ from: [{ source: { principals } }] }],
    });
  });

  test("is reached by its caller through the waypoint and by the tunnel, by the caller's own policy", async () => {
    const peer = (labels: object) => ({
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": NAMESPACE } },
      podSelector: { matchLabels: labels },
    });
    const pods = peer({ "platform-operator.dev/service": "routed" });
    const expected = {
      egress: [
        { to: [pods], ports: [{ protocol: "TCP", port: 8080 }] },
        { to: [pods, peer({ "gateway.networking.k8s.io/gateway-name": "waypoint" })], ports: [{ protocol: "TCP", port: 15008 }] },
      ],
    };
    await vi.waitFor(async () => expect(await specOf("networkpolicy/plain-dependencies")).toMatchObject(expected), {
      timeout: PATIENCE_MS,
      interval: 100,
    });
  });

  test("is put back where somebody changes it", async () => {
    const before = await specOf(`${HTTP_ROUTES}/routed`);
    const rules = [{ backendRefs: [{ name: "other", port: 80 }] }];
    await platform.kubectl(["patch", HTTP_ROUTES, "routed", "-n", NAMESPACE, "--type=merge", "-p", JSON.stringify({ spec: { rules } })]);
    await vi.waitFor(async () => expect(await specOf(`${HTTP_ROUTES}/routed`)).toEqual(before), { timeout: PATIENCE_MS, interval: 100 });
    await platform.untilReady(ROUTED);
  });

  test("is not written again by a second pass", async () => {
    await platform.untilReady(ROUTED);
    const before = await operatorWrites(platform, NAMESPACE, "routed");
    expect(before.kubernetes).toContain("patch httproutes routed");
    await provokePass(platform, ROUTED);
    await provokePass(platform, ROUTED);
    expect(await operatorWrites(platform, NAMESPACE, "routed")).toEqual(before);
  });

  test("says when the waypoint is no longer ready", async () => {
    await reportProgrammed(platform.kubectl, WAYPOINT, "False");
    const without = await platform.untilCondition(ROUTED, "TrafficReady", "False", "WaypointNotReady");
    expect(messageOf(without, "TrafficReady")).toContain("is not Programmed, so routes and resilience have no effect yet");
    await reportProgrammed(platform.kubectl, WAYPOINT, "True");
    await platform.untilReady(ROUTED);
  });
});

describe("a workload that a squad brings", () => {
  const BROUGHT = { namespace: NAMESPACE, name: "brought" };
  const BESIDE = { namespace: "ambient-not", name: "brought" };
  const KUBELET = { ipBlock: { cidr: "169.254.7.127/32" } };
  const SERVICE = { image: {}, workloadRef: { apiVersion: "apps/v1", kind: "Deployment", name: "brought-legacy" } };

  /** Its application answers the kubelet at a port of its own, which the service's file does not say. */
  async function deploy(namespace: string, health: number): Promise<void> {
    const labels = { app: "legacy" };
    const container = {
      name: "web",
      image: "example.com/legacy:1",
      env: [{ name: "AWS_WEB_IDENTITY_TOKEN_FILE", value: "/token" }],
      ports: [{ name: "health", containerPort: health }],
      readinessProbe: { httpGet: { path: "/ready", port: "health" } },
    };
    const object = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "brought-legacy", namespace, annotations: { "platform-operator.dev/managed-by": "brought" } },
      spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [container] } } },
    };
    const args = ["apply", "--server-side", "--force-conflicts", "--field-manager=pipeline", "-f", "-"];
    await platform.kubectl(args, { input: JSON.stringify(object) });
  }

  test("is open to the kubelet where its probes ask, before it is in the mesh", async () => {
    await deploy(NAMESPACE, 8081);
    await platform.applyService(BROUGHT, SERVICE);
    await platform.untilReady(BROUGHT);
    const ports = [8080, 8081].map((port) => ({ protocol: "TCP", port }));
    expect(await specOf("networkpolicy/brought-mesh")).toMatchObject({ ingress: [{ from: [KUBELET], ports }] });
    const { kubernetes } = await operatorWrites(platform, NAMESPACE, "brought");
    const labelled = kubernetes.indexOf("patch deployments brought-legacy");
    expect(kubernetes.slice(0, labelled)).toContain("patch networkpolicies brought-mesh");
    expect(kubernetes.slice(labelled)).not.toContain("patch networkpolicies brought-mesh");
  });

  test("stays so while a pod that needs it is left, when its squad moves the probe", async () => {
    const [before] = await podsOf(platform, BROUGHT);
    const hold = async (finalizers: readonly string[]) => {
      const patch = JSON.stringify({ metadata: { finalizers } });
      await platform.kubectl(["patch", "pod", before?.metadata.name ?? "", "-n", NAMESPACE, "--type=merge", "-p", patch]);
    };
    const open = async (...ports: readonly number[]) => {
      const ingress = [{ from: [KUBELET], ports: ports.map((port) => ({ protocol: "TCP", port })) }];
      await vi.waitFor(async () => expect(await specOf("networkpolicy/brought-mesh")).toMatchObject({ ingress }), {
        timeout: PATIENCE_MS,
        interval: 100,
      });
    };
    await hold(["example.com/hold"]);
    await deploy(NAMESPACE, 9081);
    await open(8080, 8081, 9081);
    await hold([]);
    await open(8080, 9081);
    await platform.untilReady(BROUGHT);
  });

  test("is not opened so where pods have a sidecar: the kubelet comes from its node there", async () => {
    await platform.namespace(BESIDE.namespace);
    await deploy(BESIDE.namespace, 8081);
    await platform.applyService(BESIDE, SERVICE);
    await platform.untilReady(BESIDE);
    const policies = await platform.kubectl(["get", "networkpolicies", "-n", BESIDE.namespace, "-o", "json"]);
    expect(policies).toContain("brought-mesh");
    expect(policies).not.toContain(KUBELET.ipBlock.cidr);
  });
});

describe("what the ambient data plane cannot do", () => {
  const KEY = { namespace: NAMESPACE, name: "outward" };

  test("is refused whole, with the reason and what to write, and what runs stays", async () => {
    await platform.ready(KEY);
    const before = await operatorWrites(platform, NAMESPACE, "outward");
    const routes = [
      { name: "wide", match: { path: { prefix: "/v1" } } },
      { name: "narrow", match: { path: { prefix: "/v1/x" } } },
    ];
    await platform.applyService(KEY, { routes, dependencies: { hosts: [{ host: "api.example.com", port: 443 }] } });
    const refused = await platform.untilCondition(KEY, "SpecValid", "False", "HostsNotInAmbient");
    expect(messageOf(refused, "SpecValid")).toContain("spec.dependencies.hosts: no proxy of the ambient data plane holds a pod to names");
    expect(messageOf(refused, "SpecValid")).toContain("spec.routes[narrow]: the ambient data plane tries it before wide");
    const { kubernetes } = await operatorWrites(platform, NAMESPACE, "outward");
    expect(kubernetes.slice(before.kubernetes.length).filter((write) => !/ (platformservices|events)/.test(write))).toEqual([]);
    await platform.applyService(KEY, { dependencies: { cidrs: [{ cidr: "198.51.100.0/24", port: 443 }] } });
    await platform.untilReady(KEY);
  });
});

describe("a namespace that changes its data plane", () => {
  const MOVING = { namespace: "moving", name: "api" };
  const SIDECAR = ["AuthorizationPolicy api", "PeerAuthentication api", "ServiceEntry api.aws", "Sidecar api", "VirtualService api"];
  const AMBIENT = ["AuthorizationPolicy api", "AuthorizationPolicy api.waypoint", "HTTPRoute api", "PeerAuthentication api"];

  async function live(): Promise<readonly string[]> {
    const kinds = ["virtualservices", "destinationrules", "serviceentries", "sidecars", "authorizationpolicies", "peerauthentications"];
    const text = await platform.kubectl(["get", [...kinds, HTTP_ROUTES].join(","), "-n", MOVING.namespace, "-o", "json"]);
    const { items }: { readonly items: readonly { readonly kind: string; readonly metadata: { readonly name: string } }[] } =
      JSON.parse(text);
    return items.map(({ kind, metadata }) => `${kind} ${metadata.name}`).toSorted();
  }

  /** Every pod is of the data plane, by a label that pods of the other have not. */
  async function untilMoved(label: string, value: string, objects: readonly string[]): Promise<void> {
    await vi.waitFor(
      async () => {
        const pods = await podsOf(platform, MOVING);
        expect(new Set(pods.map(({ metadata }) => metadata.labels?.[label]))).toEqual(new Set([value]));
        expect(await live()).toEqual(objects);
      },
      { timeout: PATIENCE_MS, interval: 200 },
    );
    await platform.untilReady(MOVING);
  }

  test("leaves nothing of the old behind, there and back", async () => {
    await platform.namespace(MOVING.namespace);
    await makeWaypoint(platform.kubectl, { namespace: MOVING.namespace, name: "waypoint" });
    await reportProgrammed(platform.kubectl, { namespace: MOVING.namespace, name: "waypoint" }, "True");
    await platform.ready(MOVING, { routes: [{ name: "all", timeout: "1s" }], aws: { policy: { statements: [TABLE] } } });
    expect(await live()).toEqual(SIDECAR);

    await platform.kubectl(["label", "namespace", MOVING.namespace, "mesh=ambient"]);
    await untilMoved("istio.io/dataplane-mode", "ambient", AMBIENT);

    await platform.kubectl(["label", "namespace", MOVING.namespace, "mesh-"]);
    await untilMoved("sidecar.istio.io/inject", "true", SIDECAR);
    expect((await platform.get<Live>(MOVING.namespace, "service/api"))?.metadata.labels).not.toHaveProperty("istio.io/use-waypoint");
  });
});
