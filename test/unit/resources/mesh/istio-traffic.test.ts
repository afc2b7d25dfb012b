import { describe, expect, test } from "vitest";
import { meshOf } from "../../../../src/resources/mesh/choose.ts";
import { type ServiceInput, shippedTier, testConfig, testService } from "../../../support/effective-services.ts";

const HOST = "matching.dispatch.svc.cluster.local";
const ROUTE = [{ destination: { host: HOST, port: { number: 8080 } } }];

/** Specs of the traffic objects, by kind and name. */
function traffic(input: ServiceInput): Record<string, unknown> {
  const service = testService(input);
  const objects = meshOf(service).traffic(service, input.config ?? testConfig());
  return Object.fromEntries(objects.map(({ kind, metadata, spec }) => [`${kind} ${metadata.name}`, spec]));
}

function httpOf(routes: readonly unknown[]) {
  return traffic({ spec: { port: 8080, routes } })["VirtualService matching"];
}

describe("the VirtualService", () => {
  test("without routes takes everything, and tries nothing again", () => {
    expect(traffic({ spec: { port: 8080 } })["VirtualService matching"]).toEqual({
      hosts: [HOST],
      http: [{ name: "all", route: ROUTE, retries: { attempts: 0 } }],
    });
  });

  test("has the routes as written, in their order", () => {
    const routes = [
      {
        name: "match",
        match: {
          path: { prefix: "/v1/match" },
          methods: ["POST", "GET"],
          headers: [
            { name: "x-b", prefix: "b" },
            { name: "x-a", exact: "1" },
            { name: "x-c", regex: "c+" },
          ],
        },
        timeout: "250ms",
        retries: { attempts: 2, perTryTimeout: "80ms", retryOn: ["reset", "server-error", "connect-failure"] },
      },
      { name: "rest", timeout: "1h30m" },
    ];
    const common = {
      method: { regex: "GET|POST" },
      headers: { "x-a": { exact: "1" }, "x-b": { prefix: "b" }, "x-c": { regex: "c+" } },
    };
    expect(httpOf(routes)).toEqual({
      hosts: [HOST],
      http: [
        {
          name: "match",
          match: [
            { uri: { exact: "/v1/match" }, ...common },
            { uri: { prefix: "/v1/match/" }, ...common },
          ],
          route: ROUTE,
          timeout: "250ms",
          retries: { attempts: 2, perTryTimeout: "80ms", retryOn: "5xx,connect-failure,reset" },
        },
        { name: "rest", route: ROUTE, timeout: "1h30m", retries: { attempts: 0 } },
      ],
    });
  });

  test.for([
    {
      name: "a prefix by whole segments",
      match: { path: { prefix: "/v1" } },
      expected: [{ uri: { exact: "/v1" } }, { uri: { prefix: "/v1/" } }],
    },
    {
      name: "a prefix with a slash at its end as without",
      match: { path: { prefix: "/v1/" } },
      expected: [{ uri: { exact: "/v1" } }, { uri: { prefix: "/v1/" } }],
    },
    { name: "the root prefix as everything", match: { path: { prefix: "/" } }, expected: [{ uri: { prefix: "/" } }] },
    { name: "an exact path", match: { path: { exact: "/v1/" } }, expected: [{ uri: { exact: "/v1/" } }] },
    { name: "an expression", match: { path: { regex: "/v[12]/.*" } }, expected: [{ uri: { regex: "/v[12]/.*" } }] },
    { name: "one method", match: { methods: ["POST"] }, expected: [{ method: { exact: "POST" } }] },
    { name: "one header", match: { headers: [{ name: "x-a", exact: "1" }] }, expected: [{ headers: { "x-a": { exact: "1" } } }] },
  ])("matches $name", ({ match, expected }) => {
    expect(httpOf([{ name: "a", match }])).toMatchObject({ http: [{ match: expected }] });
  });

  test.for([
    { retryOn: ["server-error"], expected: "5xx" },
    { retryOn: ["gateway-error"], expected: "gateway-error" },
    { retryOn: ["connect-failure"], expected: "connect-failure" },
    { retryOn: ["reset"], expected: "reset" },
    { retryOn: ["refused-stream"], expected: "refused-stream" },
    { retryOn: ["retriable-4xx"], expected: "retriable-4xx" },
    { retryOn: undefined, expected: "connect-failure,refused-stream" },
  ])("tries $retryOn again as $expected", ({ retryOn, expected }) => {
    const retries = { attempts: 1, perTryTimeout: "1s", ...(retryOn && { retryOn }) };
    expect(httpOf([{ name: "a", retries }])).toMatchObject({
      http: [{ retries: { attempts: 1, perTryTimeout: "1s", retryOn: expected } }],
    });
  });

  test("says no retries where none are asked for", () => {
    expect(httpOf([{ name: "a", retries: { attempts: 0, perTryTimeout: "1s" } }])).toMatchObject({ http: [{ retries: { attempts: 0 } }] });
  });

  test("of a tcp service routes connections", () => {
    expect(traffic({ spec: { port: 8080, protocol: "tcp" } })["VirtualService matching"]).toEqual({
      hosts: [HOST],
      tcp: [{ route: ROUTE }],
    });
  });

  test("is absent without a port, as is the DestinationRule", () => {
    expect(Object.keys(traffic({}))).toEqual(["Sidecar matching"]);
  });
});

describe("the DestinationRule", () => {
  test("holds every limit that is written", () => {
    const resilience = {
      connectionPool: { maxConnections: 1024, maxPendingRequests: 256, maxRequests: 512 },
      outlierDetection: { consecutiveErrors: 5, interval: "10s", baseEjectionTime: "30s", maxEjectionPercent: 50 },
      retryBudgetPercent: 20,
    };
    expect(traffic({ spec: { port: 8080, resilience } })["DestinationRule matching"]).toEqual({
      host: HOST,
      trafficPolicy: {
        connectionPool: { tcp: { maxConnections: 1024 }, http: { http1MaxPendingRequests: 256, http2MaxRequests: 512 } },
        outlierDetection: { consecutive5xxErrors: 5, interval: "10s", baseEjectionTime: "30s", maxEjectionPercent: 50 },
        retryBudget: { percent: 20 },
      },
    });
  });

  test.for([
    { resilience: { connectionPool: { maxRequests: 5 } }, trafficPolicy: { connectionPool: { http: { http2MaxRequests: 5 } } } },
    { resilience: { connectionPool: { maxConnections: 5 } }, trafficPolicy: { connectionPool: { tcp: { maxConnections: 5 } } } },
    { resilience: { retryBudgetPercent: 5 }, trafficPolicy: { retryBudget: { percent: 5 } } },
  ])("of $resilience holds that alone", ({ resilience, trafficPolicy }) => {
    expect(traffic({ spec: { port: 8080, resilience } })["DestinationRule matching"]).toEqual({ host: HOST, trafficPolicy });
  });

  test.for([{ resilience: undefined }, { resilience: {} }, { resilience: { connectionPool: {} } }])(
    "is absent for $resilience",
    ({ resilience }) => {
      expect(traffic({ spec: { port: 8080, resilience } })).not.toHaveProperty("DestinationRule matching");
    },
  );
});

describe("ways out of the mesh", () => {
  const selector = { labels: { "app.kubernetes.io/name": "matching", "platform-operator.dev/service": "matching" } };

  test("are the dependencies and nothing else, each that is outside with a ServiceEntry", () => {
    const spec = {
      aws: { policy: { statements: [{ sid: "A", actions: ["sqs:SendMessage"], resources: ["*"] }] } },
      dependencies: {
        services: [{ name: "pricing", namespace: "pricing" }, { name: "near" }],
        kubernetesServices: [
          { name: "redis", namespace: "cache", port: 6379 },
          { name: "redis", namespace: "cache", port: 6380 },
        ],
        hosts: [
          { host: "api.carrier.example.com", port: 8443 },
          { host: "api.carrier.example.com", port: 80 },
        ],
        cidrs: [{ cidr: "10.40.0.0/16", port: 5432 }],
      },
    };
    expect(traffic({ spec })).toEqual({
      "Sidecar matching": {
        workloadSelector: selector,
        egress: [
          {
            hosts: [
              "./*.eu-west-1.amazonaws.com",
              "./api.carrier.example.com",
              "./cidr-10-40-0-0-16.matching.dispatch.internal",
              "cache/redis.cache.svc.cluster.local",
              "dispatch/near.dispatch.svc.cluster.local",
              "istio-system/*",
              "pricing/pricing.pricing.svc.cluster.local",
            ],
          },
        ],
        outboundTrafficPolicy: { mode: "REGISTRY_ONLY" },
      },
      "ServiceEntry matching.api.carrier.example.com": {
        hosts: ["api.carrier.example.com"],
        exportTo: ["."],
        location: "MESH_EXTERNAL",
        resolution: "DNS",
        ports: [
          { number: 80, name: "http-80", protocol: "HTTP" },
          { number: 8443, name: "tls-8443", protocol: "TLS" },
        ],
      },
      "ServiceEntry matching.cidr-10-40-0-0-16": {
        hosts: ["cidr-10-40-0-0-16.matching.dispatch.internal"],
        exportTo: ["."],
        location: "MESH_EXTERNAL",
        addresses: ["10.40.0.0/16"],
        resolution: "NONE",
        ports: [{ number: 5432, name: "tcp-5432", protocol: "TCP" }],
      },
      "ServiceEntry matching.aws": {
        hosts: ["*.eu-west-1.amazonaws.com"],
        exportTo: ["."],
        location: "MESH_EXTERNAL",
        resolution: "NONE",
        ports: [{ number: 443, name: "tls-443", protocol: "TLS" }],
      },
    });
  });

  test("of an isolated tier are the tier's", () => {
    const tier = shippedTier("pci", {
      network: { isolation: "Strict", allowedEgress: [{ name: "cards", host: "api.cards.example.com", port: 443 }] },
    });
    const spec = { dependencies: { hosts: [{ host: "anywhere.example.com", port: 443 }], cidrs: [{ cidr: "10.40.0.0/16", port: 5432 }] } };
    expect(Object.keys(traffic({ tier, spec }))).toEqual(["Sidecar matching", "ServiceEntry matching.api.cards.example.com"]);
    expect(traffic({ tier, spec })["Sidecar matching"]).toMatchObject({
      egress: [{ hosts: ["./api.cards.example.com", "istio-system/*"] }],
    });
  });

  test("are the platform's too, in an isolated tier as well: a namespace's Services, and ranges beside the service's own", () => {
    const platformEgress = [
      { name: "telemetry", namespace: "observability", ports: [4317] },
      { name: "database", cidr: "10.40.0.0/16", ports: [5433, 5432] },
    ];
    const config = testConfig({ network: { platformEgress } });
    const hosts = ["./cidr-10-40-0-0-16.matching.dispatch.internal", "istio-system/*", "observability/*"];
    const ports = (...numbers: number[]) => numbers.map((number) => ({ number, name: `tcp-${String(number)}`, protocol: "TCP" }));
    expect(traffic({ config, tier: shippedTier("pci", { network: { isolation: "Strict" } }) })).toMatchObject({
      "Sidecar matching": { egress: [{ hosts }] },
      "ServiceEntry matching.cidr-10-40-0-0-16": { addresses: ["10.40.0.0/16"], ports: ports(5432, 5433) },
    });
    const spec = { dependencies: { cidrs: [{ cidr: "10.40.0.0/16", port: 80 }] } };
    expect(traffic({ config, spec })).toMatchObject({
      "Sidecar matching": { egress: [{ hosts }] },
      "ServiceEntry matching.cidr-10-40-0-0-16": { ports: ports(80, 5432, 5433) },
    });
  });

  test("names the partition's own domain", () => {
    const cluster = { name: "demo", region: "cn-north-1", accountId: "111122223333", oidcIssuer: "https://example.com" };
    const spec = { aws: { policy: { statements: [{ sid: "A", actions: ["sqs:SendMessage"], resources: ["*"] }] } } };
    expect(traffic({ config: testConfig({ cluster }), spec })).toMatchObject({
      "ServiceEntry matching.aws": { hosts: ["*.cn-north-1.amazonaws.com.cn"] },
    });
  });
});
