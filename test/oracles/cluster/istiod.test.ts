import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sharedPlatform } from "../../support/platform.ts";
import {
  clusterOf,
  elsewhere,
  entrancesOf,
  entrancesTo,
  leadingRoutes,
  outboundClusters,
  proxyOf,
  routesElsewhere,
  routesTo,
  type Entrance,
  type Proxy,
} from "../../support/oracles/proxy.ts";
import { admits } from "../../support/oracles/rbac.ts";

/** What istiod tells the proxies of services that the operator made: what Envoy will do, not what we wrote. */

const platform = sharedPlatform();
afterAll(() => platform.close());

const proxies: Record<string, Proxy> = {};
beforeAll(async () => {
  for (const service of [
    "storefront/storefront",
    "booking/booking",
    "dispatch/matching",
    "checkout/checkout",
    "payments/settlement",
    "hub/outgoing",
    "migrating/migrating",
  ]) {
    proxies[service] = await proxyOf(platform, service);
  }
});

function proxy(service: string): Proxy {
  const found = proxies[service];
  if (!found) throw new Error(`${service} was not asked for`);
  return found;
}

const MATCHING = "outbound|8080||matching.dispatch.svc.cluster.local";
const CHECKOUT = "outbound|8080||checkout.checkout.svc.cluster.local";
const TRACKING = "outbound|8080||tracking.tracking.svc.cluster.local";
const PRICING = "outbound|9000||pricing.pricing.svc.cluster.local";

/** Of every caller, where all of its routes lead. */
const LEADS_TO: Readonly<Record<string, readonly string[]>> = {
  "storefront/storefront": [CHECKOUT],
  "booking/booking": [MATCHING],
  "checkout/checkout": [TRACKING, PRICING],
  "dispatch/matching": [PRICING],
};

describe("a caller's proxy", () => {
  test("follows the routes in their order, each with its own timeout, and tries again only where it is written", () => {
    const routes = routesTo(proxy("storefront/storefront"), "checkout.checkout.svc.cluster.local", 8080) ?? [];
    expect(routes.map(({ name, match, route }) => ({ name, match, route }))).toEqual([
      {
        name: "pay",
        match: { path: "/v1/pay", caseSensitive: true, headers: [{ name: ":method", stringMatch: { exact: "POST" } }] },
        route: { cluster: CHECKOUT, timeout: "10s" },
      },
      {
        name: "everything-else",
        match: { prefix: "/" },
        route: {
          cluster: CHECKOUT,
          timeout: "2s",
          retryPolicy: { retryOn: "connect-failure,refused-stream", numRetries: 1, perTryTimeout: "0.900s" },
        },
      },
    ]);
  });

  test("takes a prefix for whole segments, and has nowhere to send what no route takes", () => {
    const routes = routesTo(proxy("booking/booking"), "matching.dispatch.svc.cluster.local", 8080) ?? [];
    const route = {
      cluster: MATCHING,
      timeout: "0.250s",
      retryPolicy: { retryOn: "5xx,connect-failure,reset", numRetries: 2, perTryTimeout: "0.080s" },
    };
    expect(routes.map((one) => ({ match: one.match, route: one.route }))).toEqual([
      { match: { path: "/v1/match", caseSensitive: true }, route },
      { match: { prefix: "/v1/match/", caseSensitive: true }, route },
    ]);
  });

  test("sends all of it to the one service, without timeout or retries, where nothing is written", () => {
    const routes = routesTo(proxy("checkout/checkout"), "pricing.pricing.svc.cluster.local", 9000) ?? [];
    expect(routes.map(({ name, route }) => ({ name, route }))).toEqual([{ name: "all", route: { cluster: PRICING, timeout: "0s" } }]);
  });

  test.each(Object.entries(LEADS_TO))(
    "of %s sends all that a route takes to one cluster: no weights, no share and no copy",
    (caller, clusters) => {
      const routes = leadingRoutes(proxy(caller));
      expect(new Set(routes.map(({ route }) => route?.cluster))).toEqual(new Set(clusters));
      for (const { match, route } of routes) {
        expect(match).not.toHaveProperty("runtimeFraction");
        expect(route).not.toHaveProperty("weightedClusters");
        expect(route).not.toHaveProperty("requestMirrorPolicies");
      }
    },
  );

  test("keeps to the service's limits, and puts a pod that fails aside", () => {
    expect(clusterOf(proxy("booking/booking"), MATCHING)).toMatchObject({
      circuitBreakers: {
        thresholds: [{ maxConnections: 1024, maxPendingRequests: 256, maxRequests: 1024, retryBudget: { budgetPercent: { value: 20 } } }],
      },
      outlierDetection: { consecutive5xx: 5, interval: "10s", baseEjectionTime: "30s", maxEjectionPercent: 50 },
    });
    expect(clusterOf(proxy("storefront/storefront"), CHECKOUT)?.outlierDetection).toBeUndefined();
  });

  test("knows its dependencies and no other service", () => {
    expect(outboundClusters(proxy("storefront/storefront"))).toEqual([CHECKOUT]);
    expect(outboundClusters(proxy("booking/booking")).filter((name) => !name.includes("matching.dispatch"))).toEqual([]);
    expect(outboundClusters(proxy("hub/outgoing"))).toEqual(["outbound|443||api.carrier.example.com"]);
  });

  test.each(["storefront/storefront", "booking/booking", "hub/outgoing"])(
    "of %s sends nothing to names and addresses that are no dependency",
    (service) => {
      expect(elsewhere(proxy(service))).toContain("BlackHoleCluster");
      expect(elsewhere(proxy(service))).not.toContain("PassthroughCluster");
    },
  );

  test("answers a request to a name that is no dependency by itself", () => {
    expect(routesElsewhere(proxy("storefront/storefront"), 8080)).toEqual([expect.objectContaining({ directResponse: { status: 502 } })]);
  });
});

/** As a pod of the ServiceAccount shows itself. */
function identity(account: string): string {
  const [namespace = "", name = ""] = account.split("/");
  return `spiffe://cluster.local/ns/${namespace}/sa/${name}`;
}

const STRANGERS = ["elsewhere/dispatch", "dispatch/default", "istio-system/istiod", "monitoring/prometheus", "dispatch/dispatch2"];
const EVERYBODY = [
  "dispatch/dispatch",
  "booking/booking",
  "storefront/storefront",
  "checkout/checkout",
  "payments/ledger",
  "dispatch/matching",
  ...STRANGERS,
];

const CALLERS: Readonly<Record<string, readonly string[]>> = {
  "dispatch/matching": ["dispatch/dispatch", "booking/booking"],
  "checkout/checkout": ["storefront/storefront"],
  "payments/settlement": ["payments/ledger"],
  "storefront/storefront": [],
};

/** Ways into the pod that take connections without a client's certificate. */
function plainEntrances(service: string): readonly Entrance[] {
  return entrancesOf(proxy(service)).filter(({ tls, requiresClientCertificate }) => !(tls && requiresClientCertificate));
}

/** Undefined: every port that has no way in of its own. */
function portsOf(entrances: readonly Entrance[]): readonly (number | undefined)[] {
  return [...new Set(entrances.map(({ port }) => port))];
}

describe.each(Object.entries(CALLERS))("the proxy of %s", (service, callers) => {
  test("lets its callers in, and nobody else: not in plain text, and not a stranger", () => {
    const entrances = entrancesTo(proxy(service), 8080);
    expect(entrances.length).toBeGreaterThan(0);
    for (const { rules } of entrances) {
      if (!rules) throw new Error("everybody is let in");
      expect(EVERYBODY.filter((account) => admits(rules, { identity: identity(account), port: 8080 }))).toEqual(callers);
      expect(admits(rules, { identity: undefined, port: 8080 })).toBe(false);
    }
  });

  test("asks for a client's certificate at every way in, to whatever port, but for that of metrics", () => {
    expect(portsOf(entrancesOf(proxy(service)))).toEqual(expect.arrayContaining([8080, undefined]));
    expect(portsOf(plainEntrances(service))).toEqual(service === "dispatch/matching" ? [9090] : []);
  });
});

test("the metrics port, and it alone, is read in plain text", () => {
  const plain = plainEntrances("dispatch/matching");
  expect(portsOf(plain)).toEqual([9090]);
  for (const { rules } of plain) {
    if (!rules) throw new Error("no rules: the service's own port would be open too");
    expect(admits(rules, { identity: undefined, port: 9090 })).toBe(true);
    expect(admits(rules, { identity: undefined, port: 8080 })).toBe(false);
  }
});

test("a tier whose mtls is Permissive is called in plain text, at the service's port alone, and by its callers", () => {
  const plain = plainEntrances("migrating/migrating");
  expect(portsOf(plain)).toEqual(expect.arrayContaining([8080, undefined]));
  for (const { rules } of plain) {
    if (!rules) throw new Error("everybody is let in");
    expect([8080, 9090].filter((port) => admits(rules, { identity: undefined, port }))).toEqual([8080]);
    expect(EVERYBODY.filter((account) => admits(rules, { identity: identity(account), port: 8080 }))).toEqual(["storefront/storefront"]);
  }
});

test("istiod judged every object as it was written: one that it does not take is refused", async () => {
  const wrong = {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: "wrong", namespace: "dispatch" },
    spec: { hosts: ["a.example.com"], http: [{ retries: { attempts: -1 }, route: [{ destination: { host: "a.example.com" } }] }] },
  };
  await expect(platform.apply(wrong)).rejects.toThrow(/validation\.istio\.io.* denied the request/);
});
