import { describe, expect, test } from "vitest";
import type { NetworkFacts } from "../../../../src/resources/facts.ts";
import { meshOf } from "../../../../src/resources/mesh/choose.ts";
import { buildService } from "../../../../src/resources/service.ts";
import { buildNetworkPolicies } from "../../../../src/resources/network-policy.ts";
import { networkFacts } from "../../../support/children.ts";
import { type ServiceInput, shippedTier, testConfig, testService } from "../../../support/effective-services.ts";

const AMBIENT = testConfig({ mesh: { istio: { dataPlane: "Ambient" } } });
const SHARED = testConfig({ mesh: { istio: { dataPlane: "Ambient", waypoint: { name: "l7", namespace: "waypoints" } } } });
const SELECTOR = { matchLabels: { "app.kubernetes.io/name": "matching", "platform-operator.dev/service": "matching" } };
const SERVICE = { group: "", kind: "Service", name: "matching" };
const BACKEND = [{ ...SERVICE, port: 8080, weight: 1 }];
const ROUTED = { port: 8080, routes: [{ name: "all", timeout: "2s" }] };
const HBONE = { protocol: "TCP", port: 15008 };

function ambient({ config = AMBIENT, ...input }: ServiceInput) {
  const service = testService({ ...input, config });
  return { service, config, mesh: meshOf(service) };
}

/** Specs of the traffic objects, by kind and name. */
function traffic(input: ServiceInput): Record<string, unknown> {
  const { service, config, mesh } = ambient(input);
  return Object.fromEntries(mesh.traffic(service, config).map(({ kind, metadata, spec }) => [`${kind} ${metadata.name}`, spec]));
}

function security(input: ServiceInput, facts: NetworkFacts = networkFacts()): Record<string, unknown> {
  const { service, config, mesh } = ambient(input);
  return Object.fromEntries(mesh.security(service, config, facts).map(({ kind, metadata, spec }) => [`${kind} ${metadata.name}`, spec]));
}

function policy(input: ServiceInput, concern: string, facts: NetworkFacts = networkFacts()): unknown {
  const { service, config } = ambient(input);
  const { objects } = buildNetworkPolicies(service, facts, config);
  const found = objects.find(({ metadata }) => metadata.name === `matching-${concern}`);
  return found && { ...Object(found.spec), podSelector: undefined, policyTypes: undefined };
}

function namespace(name: string) {
  return { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } } };
}

function serviceIn(inNamespace: string, name: string) {
  return { ...namespace(inNamespace), podSelector: { matchLabels: { "platform-operator.dev/service": name } } };
}

function waypointIn(inNamespace: string, name: string) {
  return { ...namespace(inNamespace), podSelector: { matchLabels: { "gateway.networking.k8s.io/gateway-name": name } } };
}

function tcp(port: number) {
  return { protocol: "TCP", port };
}

describe("the HTTPRoute", () => {
  test("has the routes as written, attached to the Service, with every default of the API server written out", () => {
    const routes = [
      {
        name: "match",
        match: {
          path: { prefix: "/v1/match/" },
          methods: ["POST", "GET"],
          headers: [
            { name: "x-c", regex: "c+" },
            { name: "x-b", prefix: "b.c/" },
            { name: "x-a", exact: "1" },
          ],
        },
        timeout: "250ms",
        retries: { attempts: 2, perTryTimeout: "80ms", retryOn: ["gateway-error", "retriable-4xx", "connect-failure"] },
      },
      { name: "rest" },
    ];
    const common = {
      path: { type: "PathPrefix", value: "/v1/match" },
      headers: [
        { name: "x-a", type: "Exact", value: "1" },
        { name: "x-b", type: "RegularExpression", value: "b\\.c/.*" },
        { name: "x-c", type: "RegularExpression", value: "c+" },
      ],
    };
    expect(traffic({ spec: { port: 8080, routes } })).toEqual({
      "HTTPRoute matching": {
        parentRefs: [SERVICE],
        rules: [
          {
            name: "match",
            matches: [
              { ...common, method: "GET" },
              { ...common, method: "POST" },
            ],
            timeouts: { request: "250ms", backendRequest: "80ms" },
            retry: { attempts: 2, codes: [409, 502, 503, 504] },
            backendRefs: BACKEND,
          },
          { name: "rest", matches: [{ path: { type: "PathPrefix", value: "/" } }], retry: { attempts: 0 }, backendRefs: BACKEND },
        ],
      },
    });
  });

  test.for([
    { match: { path: { exact: "/v1/" } }, expected: { path: { type: "Exact", value: "/v1/" } } },
    { match: { path: { regex: "/v[12]/.*" } }, expected: { path: { type: "RegularExpression", value: "/v[12]/.*" } } },
    { match: { path: { prefix: "/" } }, expected: { path: { type: "PathPrefix", value: "/" } } },
    { match: { methods: ["POST"] }, expected: { path: { type: "PathPrefix", value: "/" }, method: "POST" } },
  ])("matches $match", ({ match, expected }) => {
    expect(traffic({ spec: { port: 8080, routes: [{ name: "a", match }] } })).toMatchObject({
      "HTTPRoute matching": { rules: [{ matches: [expected] }] },
    });
  });

  test.for([
    { retries: undefined, timeouts: undefined, retry: { attempts: 0 } },
    { retries: { attempts: 0, perTryTimeout: "1s" }, timeouts: undefined, retry: { attempts: 0 } },
    { retries: { attempts: 1, perTryTimeout: "1s" }, timeouts: { backendRequest: "1s" }, retry: { attempts: 1 } },
    {
      retries: { attempts: 1, perTryTimeout: "1s", retryOn: ["connect-failure", "refused-stream"] },
      timeouts: { backendRequest: "1s" },
      retry: { attempts: 1 },
    },
    {
      retries: { attempts: 1, perTryTimeout: "1s", retryOn: ["server-error", "gateway-error"] },
      timeouts: { backendRequest: "1s" },
      retry: { attempts: 1, codes: Array.from({ length: 100 }, (_, i) => 500 + i) },
    },
  ])("says of $retries all that is to be tried again", ({ retries, timeouts, retry }) => {
    const routes = [{ name: "a", ...(retries && { retries }) }];
    const rules = [{ name: "a", matches: [{ path: { type: "PathPrefix", value: "/" } }], timeouts, retry, backendRefs: BACKEND }];
    expect(traffic({ spec: { port: 8080, routes } })).toEqual({ "HTTPRoute matching": { parentRefs: [SERVICE], rules } });
  });

  test("of grpc is the same: a GRPCRoute has no timeouts and cannot forbid retries", () => {
    expect(Object.keys(traffic({ spec: { ...ROUTED, protocol: "grpc" } }))).toEqual(["HTTPRoute matching"]);
  });
});

describe("the waypoint", () => {
  const labelsOf = (input: ServiceInput) => {
    const { service, config } = ambient(input);
    const labels = buildService(service, config)?.metadata.labels ?? {};
    return Object.fromEntries(Object.entries(labels).filter(([name]) => name.startsWith("istio.io/")));
  };

  test.for([
    { name: "nothing written", spec: { port: 8080 } },
    { name: "resilience without a limit", spec: { port: 8080, resilience: { connectionPool: {} } } },
    { name: "tcp", spec: { port: 5432, protocol: "tcp" } },
  ])("is expressly none with $name, and then there is no route", ({ spec }) => {
    expect(labelsOf({ spec })).toEqual({ "istio.io/use-waypoint": "none" });
    expect(traffic({ spec })).toEqual({});
    expect(Object.keys(security({ spec }))).toEqual(["PeerAuthentication matching", "AuthorizationPolicy matching"]);
  });

  test("is the namespace's own, or the one that all namespaces share", () => {
    expect(labelsOf({ spec: ROUTED })).toEqual({ "istio.io/use-waypoint": "waypoint" });
    expect(labelsOf({ spec: ROUTED, config: SHARED })).toEqual({
      "istio.io/use-waypoint": "l7",
      "istio.io/use-waypoint-namespace": "waypoints",
    });
  });

  test("also holds limits: with them there is a route that forbids retries, for tcp none", () => {
    const resilience = { connectionPool: { maxConnections: 5 } };
    const rule = { host: "matching.dispatch.svc.cluster.local", trafficPolicy: { connectionPool: { tcp: { maxConnections: 5 } } } };
    expect(traffic({ spec: { port: 5432, protocol: "tcp", resilience } })).toEqual({ "DestinationRule matching": rule });
    expect(traffic({ spec: { port: 8080, resilience } })).toMatchObject({
      "DestinationRule matching": rule,
      "HTTPRoute matching": { rules: [{ name: "all", retry: { attempts: 0 } }] },
    });
  });
});

describe("who may call", () => {
  const callers = { services: [{ name: "a" }], serviceAccounts: [{ name: "gateway", namespace: "edge" }] };
  const principals = ["cluster.local/ns/dispatch/sa/a", "cluster.local/ns/edge/sa/gateway"];

  test("is said at the pod, where a waypoint counts as one of them, and at the waypoint by the Service", () => {
    expect(security({ spec: { ...ROUTED, callers }, config: SHARED })).toEqual({
      "PeerAuthentication matching": { selector: SELECTOR, mtls: { mode: "STRICT" } },
      "AuthorizationPolicy matching": {
        selector: SELECTOR,
        action: "ALLOW",
        rules: [
          {
            from: [{ source: { principals: [...principals, "cluster.local/ns/waypoints/sa/l7"] } }],
            to: [{ operation: { ports: ["8080"] } }],
          },
        ],
      },
      "AuthorizationPolicy matching.waypoint": {
        targetRefs: [SERVICE],
        action: "ALLOW",
        rules: [{ from: [{ source: { principals } }] }],
      },
    });
  });

  test("is nobody without callers, the waypoint included", () => {
    expect(security({ spec: ROUTED })).toMatchObject({
      "AuthorizationPolicy matching": { selector: SELECTOR, action: "ALLOW" },
      "AuthorizationPolicy matching.waypoint": { targetRefs: [SERVICE], action: "ALLOW" },
    });
    for (const one of Object.values(security({ spec: ROUTED }))) expect(one).not.toHaveProperty("rules");
  });

  test("of the metrics port is only what has no identity, or is of the monitoring namespace: tunnels hide the port from the network", () => {
    const expected = [
      {
        from: [{ source: { notPrincipals: ["*"] } }, { source: { namespaces: ["monitoring"] } }],
        to: [{ operation: { ports: ["9090"] } }],
      },
    ];
    const spec = { port: 8080, container: { metrics: { port: 9090 } } };
    expect(security({ spec })).toMatchObject({ "AuthorizationPolicy matching": { rules: expected } });
    const override = { namespaceSelector: { matchLabels: { a: "b" } }, provider: "Istio", dataPlane: "Ambient" };
    const mixed = testConfig({ mesh: { overrides: [override] } });
    expect(security({ spec, config: mixed })).toMatchObject({ "AuthorizationPolicy matching": { rules: expected } });
  });
});

describe("the network", () => {
  const PROBES = "169.254.7.127/32";
  const facts = networkFacts(
    { "pricing/pricing": { port: 7000 }, "dispatch/near": { port: 7001 } },
    {
      "pricing/pricing": { selector: {}, ports: [], waypoint: { namespace: "pricing", name: "waypoint" } },
      "cache/redis": { selector: { app: "redis" }, ports: [{ port: 6379, targetPort: 6380 }] },
    },
  );
  const dependencies = {
    services: [{ name: "pricing", namespace: "pricing" }, { name: "near" }],
    kubernetesServices: [{ name: "redis", namespace: "cache", port: 6379 }],
    cidrs: [{ cidr: "10.40.0.0/16", port: 5432 }],
  };
  const redis = { ...namespace("cache"), podSelector: { matchLabels: { app: "redis" } } };

  test("lets callers and scrapers in by the port and by the tunnel", () => {
    const spec = { port: 8080, container: { metrics: { port: 9090 } }, callers: { services: [{ name: "a" }] } };
    expect(policy({ spec }, "callers")).toEqual({ ingress: [{ from: [serviceIn("dispatch", "a")], ports: [tcp(8080), HBONE] }] });
    expect(policy({ spec }, "scrape")).toEqual({ ingress: [{ from: [namespace("monitoring")], ports: [tcp(9090), HBONE] }] });
  });

  test("lets in the waypoint and the kubelet's probes, and lets out to istiod", () => {
    const probes = { liveness: { path: "/live", port: 8082 }, readiness: { path: "/ready", port: 8081 } };
    const egress = [{ to: [namespace("istio-system")], ports: [tcp(15012)] }];
    expect(policy({ spec: { ...ROUTED, container: { probes } } }, "mesh")).toEqual({
      ingress: [
        { from: [waypointIn("dispatch", "waypoint")], ports: [HBONE] },
        { from: [{ ipBlock: { cidr: PROBES } }], ports: [tcp(8081), tcp(8082)] },
      ],
      egress,
    });
    expect(policy({ spec: { port: 8080 } }, "mesh")).toEqual({
      ingress: [{ from: [{ ipBlock: { cidr: PROBES } }], ports: [tcp(8080)] }],
      egress,
    });
    expect(policy({}, "mesh")).toEqual({ egress });
  });

  test("lets in the kubelet's probes where pods and templates show them, beside those of the file", () => {
    const seen = { ...networkFacts(), probedPorts: [9000, 8081, 8081] };
    const from = [{ ipBlock: { cidr: PROBES } }];
    expect(policy({ spec: { port: 8080 } }, "mesh", seen)).toMatchObject({ ingress: [{ from, ports: [tcp(8080), tcp(8081), tcp(9000)] }] });
    expect(policy({}, "mesh", seen)).toMatchObject({ ingress: [{ from, ports: [tcp(8081), tcp(9000)] }] });
    const sidecar = policy({ config: testConfig(), spec: { port: 8080 } }, "mesh", seen);
    expect(JSON.stringify(sidecar), "the kubelet comes from its node there").not.toContain(PROBES);
  });

  test("leads out to dependencies by the port, by the tunnel, and to the waypoint that stands before them", () => {
    expect(policy({ spec: { dependencies } }, "dependencies", facts)).toEqual({
      egress: [
        { to: [{ ipBlock: { cidr: "10.40.0.0/16" } }], ports: [tcp(5432)] },
        { to: [redis], ports: [tcp(6380)] },
        { to: [serviceIn("pricing", "pricing")], ports: [tcp(7000)] },
        { to: [serviceIn("dispatch", "near")], ports: [tcp(7001)] },
        {
          to: [serviceIn("dispatch", "near"), serviceIn("pricing", "pricing"), waypointIn("pricing", "waypoint"), redis],
          ports: [HBONE],
        },
      ],
    });
  });

  test("of a sidecar has the tunnel where others are in the ambient data plane, and goes past waypoints", () => {
    const override = { namespaceSelector: { matchLabels: { a: "b" } }, provider: "Istio", dataPlane: "Ambient" };
    const config = testConfig({ mesh: { overrides: [override] } });
    expect(policy({ config, spec: { dependencies: { services: dependencies.services } } }, "dependencies", facts)).toEqual({
      egress: [
        { to: [serviceIn("pricing", "pricing")], ports: [tcp(7000)] },
        { to: [serviceIn("dispatch", "near")], ports: [tcp(7001)] },
        { to: [serviceIn("dispatch", "near"), serviceIn("pricing", "pricing")], ports: [HBONE] },
      ],
    });
    const spec = { port: 8080, callers: { services: [{ name: "a" }] } };
    expect(policy({ config, spec }, "callers")).toMatchObject({ ingress: [{ ports: [tcp(8080), HBONE] }] });
    const out = testConfig({ mesh: { default: "None", overrides: [override] } });
    expect(policy({ config: out, spec }, "callers")).toMatchObject({ ingress: [{ ports: [tcp(8080)] }] });
  });
});

describe("pods", () => {
  const { mesh } = ambient({});
  const pod = { ready: true, containers: ["app"], redirected: true };

  test("ask for the data plane, and for no sidecar where their namespace is labelled for one", () => {
    expect(mesh.podLabels(AMBIENT)).toEqual({ "istio.io/dataplane-mode": "ambient", "sidecar.istio.io/inject": "false" });
  });

  test("are in the mesh once they run and their node has redirected them", () => {
    expect(mesh.notInMesh(pod)).toBeUndefined();
    expect(mesh.notInMesh({ ...pod, ready: false, redirected: false })).toBeUndefined();
    expect(mesh.notInMesh({ ...pod, redirected: false })).toContain("has no annotation ambient.istio.io/redirection");
  });
});

test("mutual TLS follows the tier, and the metrics port stays open to plain text", () => {
  const spec = { port: 8080, container: { metrics: { port: 9090 } } };
  expect(security({ spec })).toMatchObject({
    "PeerAuthentication matching": { mtls: { mode: "STRICT" }, portLevelMtls: { "9090": { mode: "PERMISSIVE" } } },
  });
  const tier = shippedTier("tier-2", { network: { mtls: "Permissive" } });
  expect(security({ spec, tier })).toMatchObject({ "PeerAuthentication matching": { mtls: { mode: "PERMISSIVE" } } });
});
