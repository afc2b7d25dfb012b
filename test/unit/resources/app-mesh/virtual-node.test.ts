import { describe, expect, test } from "vitest";
import type { MeshListener, VirtualNodeSpec } from "../../../../src/crds/mesh-objects.ts";
import { buildDiscoveryService, discoveryHost } from "../../../../src/resources/app-mesh/discovery-service.ts";
import { buildVirtualNode } from "../../../../src/resources/app-mesh/virtual-node.ts";
import { buildVirtualRouter, buildVirtualService } from "../../../../src/resources/app-mesh/virtual-router.ts";
import { inAppMesh, neighbours, WITH_CERTIFICATES } from "../../../support/aws/mesh.ts";
import { operatorConfig } from "../../../support/aws/operator-config.ts";
import { service } from "../../../support/aws/service.ts";
import { shippedTier, testService } from "../../../support/effective-services.ts";

const PLAIN = operatorConfig(undefined, inAppMesh());
const MUTUAL = operatorConfig(undefined, inAppMesh(WITH_CERTIFICATES));

function node(spec: object, timeouts: Readonly<Record<string, number | null>> = {}): VirtualNodeSpec {
  return buildVirtualNode(service(spec), PLAIN, neighbours(timeouts)).spec;
}

function listener(spec: object, timeouts: Readonly<Record<string, number | null>> = {}): MeshListener | undefined {
  return node({ port: 8080, ...spec }, timeouts).listeners[0];
}

const s = (value: number) => ({ unit: "s", value });
const calling = (...names: string[]) => ({ dependencies: { services: names.map((name) => ({ name })) } });

describe("what a node is", () => {
  test("its name says whose it is, its tags too", () => {
    expect(buildVirtualNode(service({}), PLAIN, neighbours())).toMatchObject({
      name: "demo_tracking_tracking",
      owner: { namespace: "tracking", name: "tracking" },
      tags: {
        "platform-operator.dev/cluster": "eu-west-1.demo",
        "platform-operator.dev/namespace": "tracking",
        "platform-operator.dev/name": "tracking",
        "platform-operator.dev/owner": "tracking-squad",
      },
    });
  });

  test("what has no port is found by nobody, and logs all the same", () => {
    expect(node({})).toEqual({ listeners: [], backends: [], logging: { accessLog: { file: { path: "/dev/stdout" } } } });
  });

  test("callers find its pods one by one", () => {
    expect(node({ port: 8080 }).serviceDiscovery).toEqual({
      dns: { hostname: "tracking-mesh.tracking.svc.cluster.local", responseType: "ENDPOINTS" },
    });
  });

  test.each(["http", "http2", "grpc", "tcp"])("it listens as %s", (protocol) => {
    expect(listener({ protocol })?.portMapping).toEqual({ port: 8080, protocol });
  });
});

describe("the longest that a request through it may take", () => {
  test.each<[string, object, Record<string, number | null>, object | undefined]>([
    ["no limit where a route has none", {}, {}, { http: { perRequest: s(0), idle: s(0) } }],
    ["App Mesh's own 15 s where all are shorter", { routes: [{ name: "a", timeout: "250ms" }] }, {}, { http: { perRequest: s(15) } }],
    [
      "its longest route's above that",
      {
        routes: [
          { name: "a", match: { methods: ["GET"] }, timeout: "20s" },
          { name: "b", timeout: "1m" },
        ],
      },
      {},
      { http: { perRequest: s(60) } },
    ],
    [
      "in milliseconds where it has to",
      { routes: [{ name: "a", timeout: "15s1ms" }] },
      {},
      { http: { perRequest: { unit: "ms", value: 15_001 } } },
    ],
    [
      "what it calls may take longer",
      { routes: [{ name: "a", timeout: "1s" }], ...calling("slow", "fast") },
      { slow: 90_000, fast: 10 },
      { http: { perRequest: s(90) } },
    ],
    [
      "what it calls may take for ever",
      { routes: [{ name: "a", timeout: "1s" }], ...calling("endless") },
      { endless: null },
      { http: { perRequest: s(0), idle: s(0) } },
    ],
    [
      "what is not there takes no time",
      { routes: [{ name: "a", timeout: "1s" }], ...calling("missing") },
      {},
      { http: { perRequest: s(15) } },
    ],
    [
      "above 5 minutes silence is no end either",
      { routes: [{ name: "a", timeout: "6m" }] },
      {},
      { http: { perRequest: s(360), idle: s(360) } },
    ],
    ["by protocol", { protocol: "http2", routes: [{ name: "a", timeout: "20s" }] }, {}, { http2: { perRequest: s(20) } }],
    ["by protocol", { protocol: "grpc", routes: [{ name: "a", timeout: "20s" }] }, {}, { grpc: { perRequest: s(20) } }],
    ["none of tcp, where App Mesh has none", { protocol: "tcp" }, {}, undefined],
  ])("%s", (_, spec, timeouts, expected) => {
    expect(listener(spec, timeouts)?.timeout).toEqual(expected);
  });
});

describe("resilience", () => {
  test.each<[string, object, object, object | undefined]>([
    ["http", {}, { maxConnections: 10, maxPendingRequests: 5 }, { http: { maxConnections: 10, maxPendingRequests: 5 } }],
    ["http", {}, { maxPendingRequests: 5 }, { http: { maxConnections: 2_147_483_647, maxPendingRequests: 5 } }],
    ["http", {}, { maxConnections: 10 }, { http: { maxConnections: 10, maxPendingRequests: 2_147_483_647 } }],
    ["http2", {}, { maxRequests: 7 }, { http2: { maxRequests: 7 } }],
    ["grpc", {}, { maxRequests: 7 }, { grpc: { maxRequests: 7 } }],
    ["tcp", {}, { maxConnections: 10 }, { tcp: { maxConnections: 10 } }],
    ["http", {}, {}, undefined],
  ])("connection pools of %s", (protocol, __, connectionPool, expected) => {
    expect(listener({ protocol, resilience: { connectionPool } })?.connectionPool).toEqual(expected);
  });

  test("outlier detection has all four fields, as they are written", () => {
    const outlierDetection = { consecutiveErrors: 5, interval: "500ms", baseEjectionTime: "30s", maxEjectionPercent: 50 };
    expect(listener({ resilience: { outlierDetection } })?.outlierDetection).toEqual({
      maxServerErrors: 5,
      interval: { unit: "ms", value: 500 },
      baseEjectionDuration: s(30),
      maxEjectionPercent: 50,
    });
  });

  test("nothing is written where nothing is written", () => {
    expect(Object.keys(listener({}) ?? {})).toEqual(["portMapping", "timeout"]);
  });
});

describe("backends", () => {
  test("are the hosts of what it depends on, in one order, without its namespace where it is its own", () => {
    const dependencies = { services: [{ name: "stock" }, { name: "pricing", namespace: "pricing" }] };
    expect(node({ dependencies }).backends).toEqual([
      { virtualService: { virtualServiceName: "pricing.pricing.svc.cluster.local" } },
      { virtualService: { virtualServiceName: "stock.tracking.svc.cluster.local" } },
    ]);
  });
});

describe("mutual TLS", () => {
  const file = { certificateChain: "/etc/platform-operator/mesh-tls/tls.crt", privateKey: "/etc/platform-operator/mesh-tls/tls.key" };
  const trust = { file: { certificateChain: "/etc/platform-operator/mesh-tls/ca.crt" } };
  const spiffe = (namespace: string, name: string) => `spiffe://cluster.local/ns/${namespace}/sa/${name}`;
  const build = (tier: string) =>
    buildVirtualNode(
      testService({
        config: MUTUAL,
        tier: shippedTier("tier-2", { network: { mtls: tier } }),
        spec: { port: 8080, callers: { services: [{ name: "web" }] }, ...calling("stock") },
      }),
      MUTUAL,
      neighbours(),
    ).spec;

  test("Strict: who has no certificate of a caller's name is kept out, and no backend is called in plain text", () => {
    const { listeners, backends } = build("Strict");
    expect(listeners[0]?.tls).toEqual({
      mode: "STRICT",
      certificate: { file },
      validation: { trust, subjectAlternativeNames: { match: { exact: [spiffe("dispatch", "web")] } } },
    });
    expect(backends[0]?.virtualService.clientPolicy).toEqual({
      tls: {
        enforce: true,
        certificate: { file },
        validation: { trust, subjectAlternativeNames: { match: { exact: [spiffe("dispatch", "stock")] } } },
      },
    });
  });

  test("Permissive: plain text is taken as well, and a backend called as it asks for", () => {
    const { listeners, backends } = build("Permissive");
    expect(listeners[0]?.tls).toEqual({ mode: "PERMISSIVE", certificate: { file } });
    expect(backends[0]?.virtualService.clientPolicy?.tls.enforce).toBe(false);
  });

  test("none where the mesh has no certificates", () => {
    expect(listener({})?.tls).toBeUndefined();
    expect(node(calling("stock")).backends).toEqual([{ virtualService: { virtualServiceName: "stock.tracking.svc.cluster.local" } }]);
  });
});

describe("what callers are led by", () => {
  test("a router of the node's name, and a VirtualService of the host that they use", () => {
    const of = service({ port: 8080, protocol: "grpc" });
    expect(buildVirtualRouter(of, PLAIN)).toMatchObject({
      name: "demo_tracking_tracking",
      spec: { listeners: [{ portMapping: { port: 8080, protocol: "grpc" } }] },
    });
    expect(buildVirtualService(of, PLAIN)).toMatchObject({
      name: "tracking.tracking.svc.cluster.local",
      spec: { provider: { virtualRouter: { virtualRouterName: "demo_tracking_tracking" } } },
    });
  });

  test("nothing without a port", () => {
    expect([buildVirtualRouter(service({}), PLAIN), buildVirtualService(service({}), PLAIN), buildDiscoveryService(service({}))]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("a headless Service names the pods", () => {
    expect(buildDiscoveryService(service({ port: 8080 }))).toMatchObject({
      metadata: { name: "tracking-mesh", namespace: "tracking" },
      spec: { clusterIP: "None", ports: [{ port: 8080, targetPort: 8080 }] },
    });
  });

  test("a name that would be too long is cut, and stays its own", () => {
    const long = (end: string) => discoveryHost({ namespace: "tracking", name: `${"a".repeat(62)}${end}` }, PLAIN);
    const labels = ["x", "y"].map((end) => long(end).split(".")[0] ?? "");
    expect(labels.map(({ length }) => length)).toEqual([63, 63]);
    expect(new Set(labels).size).toBe(2);
  });
});
