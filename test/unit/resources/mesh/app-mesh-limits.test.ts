import { describe, expect, test } from "vitest";
import { meshOf } from "../../../../src/resources/mesh/choose.ts";
import { appMeshConfig } from "../../../support/app-mesh-config.ts";
import { type ServiceInput, shippedTier, testService } from "../../../support/effective-services.ts";

const CONFIG = appMeshConfig();
const PERMISSIVE = shippedTier("tier-2", { network: { mtls: "Permissive" } });
const RETRIES = { attempts: 1, perTryTimeout: "1s" };

const READINESS = { path: "/ready", port: 8081 };

/** With a readiness probe that passes Envoy by, unless the spec has a container of its own. */
function refused({ spec = {}, ...input }: ServiceInput): readonly string[] {
  const service = testService({
    config: CONFIG,
    tier: PERMISSIVE,
    ...input,
    spec: { container: { probes: { readiness: READINESS } }, ...spec },
  });
  return meshOf(service)
    .limits(service)
    .map(({ reason, field }) => `${reason} ${field}`);
}

function ofRoute(route: Readonly<Record<string, unknown>>, protocol = "http"): readonly string[] {
  return refused({ spec: { port: 8080, protocol, routes: [{ name: "a", ...route }] } });
}

const long = (length: number) => "x".repeat(length);

describe("what App Mesh does is let through", () => {
  test.each<[string, Readonly<Record<string, unknown>>]>([
    ["a service with nothing", {}],
    [
      "routes, retries and timeouts",
      { port: 8080, routes: [{ name: "a", match: { path: { prefix: "/v1" } }, timeout: "60s", retries: RETRIES }] },
    ],
    [
      "outlier detection",
      {
        port: 8080,
        resilience: { outlierDetection: { consecutiveErrors: 5, interval: "10s", baseEjectionTime: "30s", maxEjectionPercent: 50 } },
      },
    ],
    ["addresses outside", { dependencies: { cidrs: [{ cidr: "10.40.0.0/16", port: 5432 }] } }],
    ["no retries over tcp", { port: 8080, protocol: "tcp", routes: [{ name: "a", retries: { attempts: 0 } }] }],
    ["pools of http", { port: 8080, resilience: { connectionPool: { maxConnections: 1, maxPendingRequests: 1 } } }],
    ["pools of http2", { port: 8080, protocol: "http2", resilience: { connectionPool: { maxRequests: 1 } } }],
    ["pools of tcp", { port: 8080, protocol: "tcp", resilience: { connectionPool: { maxConnections: 1 } } }],
  ])("%s", (_, spec) => {
    expect(refused({ spec })).toEqual([]);
  });
});

describe("what it cannot do is refused, with field and fix", () => {
  test("Envoy in a pod template that is the squad's own", () => {
    const workloadRef = { apiVersion: "apps/v1", kind: "Deployment", name: "legacy" };
    expect(refused({ spec: { workloadRef, container: undefined } })).toEqual(["WorkloadRefNotInAppMesh spec.workloadRef"]);
  });

  test("names outside the cluster", () => {
    expect(refused({ spec: { dependencies: { hosts: [{ host: "a.example.com", port: 443 }] } } })).toEqual([
      "HostsNotInAppMesh spec.dependencies.hosts",
    ]);
    const tier = shippedTier("pci", {
      network: { isolation: "Strict", allowedEgress: [{ name: "cards", host: "api.cards.example.com", port: 443 }] },
    });
    expect(refused({ tier })).toEqual(["HostsNotInAppMesh spec.tier"]);
  });

  test("more services than a VirtualNode has backends", () => {
    const services = (count: number) => ({
      dependencies: { services: Array.from({ length: count }, (_, index) => ({ name: `s${index}` })) },
    });
    expect(refused({ spec: services(50) })).toEqual([]);
    expect(refused({ spec: services(51) })).toEqual(["TooManyBackends spec.dependencies.services"]);
  });

  test("what a tcp route has not", () => {
    const match = { path: { prefix: "/v1" } };
    expect(ofRoute({ match, timeout: "3s", retries: RETRIES }, "tcp")).toEqual([
      "NotForTcp spec.routes[a].match",
      "NotForTcp spec.routes[a].timeout",
      "NotForTcp spec.routes[a].retries",
    ]);
  });

  test("what gRPC is not told apart by", () => {
    const path = (form: string, value: string) => ofRoute({ match: { path: { [form]: value } } }, "grpc");
    expect([path("prefix", "/pkg.Parcels"), path("exact", "/pkg.Parcels/Find"), path("prefix", "/")]).toEqual([[], [], []]);
    for (const [form, value] of [
      ["exact", "/pkg.Parcels"],
      ["regex", "/pkg[.].*"],
      ["prefix", "/pkg.Parcels/Find"],
    ] as const)
      expect(path(form, value)).toEqual(["GrpcMatchNotInAppMesh spec.routes[a].match"]);
    expect(ofRoute({ match: { methods: ["GET"] } }, "grpc")).toEqual(["GrpcMatchNotInAppMesh spec.routes[a].match"]);
  });

  test("more routes than a VirtualRouter has: a method and a form of a path is one", () => {
    const routes = (count: number, match: (index: number) => object) => ({
      port: 8080,
      routes: Array.from({ length: count }, (_, index) => ({ name: `r${index}`, match: match(index) })),
    });
    expect(refused({ spec: routes(50, (index) => ({ path: { exact: `/${index}` } })) })).toEqual([]);
    expect(refused({ spec: routes(26, (index) => ({ path: { prefix: `/${index}` } })) })).toEqual(["TooManyRoutes spec.routes"]);
    const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
    expect(refused({ spec: routes(9, (index) => ({ path: { exact: `/${index}` }, methods })) })).toEqual(["TooManyRoutes spec.routes"]);
  });

  test("retries on reset alone", () => {
    expect(ofRoute({ retries: { ...RETRIES, retryOn: ["reset"] } })).toEqual(["RetriesNotInAppMesh spec.routes[a].retries.retryOn"]);
    expect(ofRoute({ retries: { ...RETRIES, retryOn: ["reset", "gateway-error"] } })).toEqual([]);
    expect(ofRoute({ retries: { attempts: 0, retryOn: ["reset"] } })).toEqual([]);
  });

  test("long paths, headers and their number", () => {
    expect(ofRoute({ match: { path: { exact: `/${long(254)}` } } })).toEqual([]);
    expect(ofRoute({ match: { path: { exact: `/${long(255)}` } } })).toEqual(["PathNotInAppMesh spec.routes[a].match.path"]);
    const headers = (name: string, exact: string, count = 1) =>
      ofRoute({ match: { headers: Array.from({ length: count }, (_, index) => ({ name: `${name}${count > 1 ? index : ""}`, exact })) } });
    expect(headers(long(50), long(255))).toEqual([]);
    expect(headers(long(51), "1")).toEqual([`HeaderNotInAppMesh spec.routes[a].match.headers[${long(51)}]`]);
    expect(headers("x", long(256))).toEqual(["HeaderNotInAppMesh spec.routes[a].match.headers[x]"]);
    expect(headers("x", "1", 10)).toEqual([]);
    expect(headers("x", "1", 11)).toEqual(["TooManyHeaders spec.routes[a].match.headers"]);
  });

  test.each([
    ["http", ["maxRequests"]],
    ["http2", ["maxConnections", "maxPendingRequests"]],
    ["grpc", ["maxConnections", "maxPendingRequests"]],
    ["tcp", ["maxPendingRequests", "maxRequests"]],
  ])("of a pool for %s: %s", (protocol, fields) => {
    const connectionPool = { maxConnections: 1, maxPendingRequests: 1, maxRequests: 1 };
    expect(refused({ spec: { port: 8080, protocol, resilience: { connectionPool } } })).toEqual(
      fields.map((field) => `PoolNotInAppMesh spec.resilience.connectionPool.${field}`),
    );
  });

  test("a retry budget", () => {
    expect(refused({ spec: { port: 8080, resilience: { retryBudgetPercent: 20 } } })).toEqual([
      "RetryBudgetNotInAppMesh spec.resilience.retryBudgetPercent",
    ]);
  });

  test("ports and the user that are Envoy's", () => {
    const container = { runAsUser: 1337, metrics: { port: 9901 }, probes: { readiness: READINESS, liveness: { path: "/", port: 15001 } } };
    expect(refused({ spec: { port: 15000, container } })).toEqual([
      "PortOfEnvoy spec.port",
      "PortOfEnvoy spec.container.metrics.port",
      "PortOfEnvoy spec.container.probes.liveness.port",
      "UserOfEnvoy spec.container.runAsUser",
    ]);
  });

  test("probes on a port that asks for a certificate: also the one that is made up where none is written", () => {
    const strict = (probes: object) => refused({ tier: shippedTier("tier-2"), spec: { port: 8080, container: { probes } } });
    expect(shippedTier("tier-2").spec.network.mtls).toBe("Strict");
    expect(strict({})).toEqual(["ProbeBehindMutualTls spec.container.probes.readiness"]);
    expect(strict({ readiness: { path: "/ready", port: 8081 } })).toEqual([]);
    expect(strict({ readiness: { path: "/ready", port: 8081 }, liveness: { path: "/live" } })).toEqual([
      "ProbeBehindMutualTls spec.container.probes.liveness",
    ]);
    expect(refused({ tier: shippedTier("tier-2") })).toEqual([]);
  });

  test("a readiness that is made up, whatever the tier's mtls: the open port is Envoy's", () => {
    const permissive = (container: object | undefined) => refused({ spec: { port: 8080, container } });
    expect(permissive(undefined)).toEqual(["ReadinessOfEnvoy spec.container.probes.readiness"]);
    expect(permissive({ probes: { liveness: READINESS } })).toEqual(["ReadinessOfEnvoy spec.container.probes.readiness"]);
    expect(permissive({ probes: { readiness: { path: "/ready" } } })).toEqual([]);
    expect(refused({ spec: { container: undefined } })).toEqual([]);
  });

  test("one ServiceAccount as a caller where nobody is asked for a certificate: its whole namespace would be let in", () => {
    const spec = { port: 8080, callers: { serviceAccounts: [{ name: "importer", namespace: "batch" }] } };
    expect(refused({ spec })).toEqual(["CallersNotInAppMesh spec.callers.serviceAccounts"]);
    expect(refused({ spec, tier: shippedTier("tier-2") })).toEqual([]);
    expect(refused({ spec: { port: 8080, callers: { services: [{ name: "shop" }], serviceAccounts: [] } } })).toEqual([]);
  });
});
