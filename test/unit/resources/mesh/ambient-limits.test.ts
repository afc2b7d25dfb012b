import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { gatewayMatches, type GatewayMatch } from "../../../../src/resources/mesh/ambient-routes.ts";
import { meshOf } from "../../../../src/resources/mesh/choose.ts";
import { type ServiceInput, shippedTier, testConfig, testService } from "../../../support/effective-services.ts";

const AMBIENT = testConfig({ mesh: { istio: { dataPlane: "Ambient" } } });
const SIDECAR = testConfig();

function limits(input: ServiceInput) {
  const service = testService({ config: AMBIENT, ...input });
  return meshOf(service).limits(service);
}

function ofRoutes(...routes: readonly object[]) {
  return limits({ spec: { port: 8080, routes } });
}

function fields(...routes: readonly object[]) {
  return ofRoutes(...routes).map(({ field, reason }) => `${reason} ${field}`);
}

describe("a name outside the cluster", () => {
  const hosts = [
    { host: "api.carrier.example.com", port: 443 },
    { host: "api.carrier.example.com", port: 8443 },
  ];

  test("is refused with what to write instead: nothing holds a pod to it", () => {
    expect(limits({ spec: { dependencies: { hosts } } })).toEqual([
      {
        field: "spec.dependencies.hosts",
        reason: "HostsNotInAmbient",
        message:
          "no proxy of the ambient data plane holds a pod to names outside the cluster (api.carrier.example.com): write their addresses in spec.dependencies.cidrs, " +
          "or ask the platform team for the sidecar data plane in this namespace (mesh.overrides of the operator's configuration)",
      },
    ]);
  });

  test("that the tier opens is the tier's", () => {
    const tier = shippedTier("pci", {
      network: { isolation: "Strict", allowedEgress: [{ name: "cards", host: "api.cards.example.com", port: 443 }] },
    });
    expect(limits({ tier })).toMatchObject([{ field: "spec.tier", reason: "HostsNotInAmbient" }]);
  });

  test("is no matter to a sidecar, nor are addresses here", () => {
    expect(limits({ config: SIDECAR, spec: { dependencies: { hosts } } })).toEqual([]);
    expect(limits({ spec: { dependencies: { cidrs: [{ cidr: "10.40.0.0/16", port: 443 }] } } })).toEqual([]);
  });
});

describe("retries", () => {
  const retries = { attempts: 1, perTryTimeout: "1s" };
  const grpc = (one: object) => limits({ spec: { port: 8080, protocol: "grpc", routes: [{ name: "a", retries: one }] } });

  test("on reset cannot be said", () => {
    expect(fields({ name: "a", retries: { ...retries, retryOn: ["reset", "server-error"] } })).toEqual([
      "RetriesNotInAmbient spec.routes[a].retries.retryOn",
    ]);
    expect(fields({ name: "a", retries: { ...retries, attempts: 0, retryOn: ["reset"] } })).toEqual([]);
  });

  test("on anything else can", () => {
    const retryOn = ["server-error", "gateway-error", "connect-failure", "refused-stream", "retriable-4xx"];
    expect(fields({ name: "a", retries: { ...retries, retryOn } }, { name: "b", retries })).toEqual([]);
  });

  test("of gRPC would be more than what was written", () => {
    expect(grpc(retries)).toMatchObject([{ field: "spec.routes[a].retries.attempts", reason: "RetriesNotInAmbient" }]);
    expect(grpc({ attempts: 0 })).toEqual([]);
  });
});

describe("matches that Gateway API does not take", () => {
  test.for(["/a//b", "/a/./b", "/a/..", "/a/../b", "/a%2fb", "/a%2Fb", "/a%zz", "/a|b", '/a"b'])("path %s", (path) => {
    expect(fields({ name: "a", match: { path: { exact: path } } })).toEqual(["PathNotInAmbient spec.routes[a].match.path"]);
    expect(fields({ name: "a", match: { path: { prefix: path } } })).toEqual(["PathNotInAmbient spec.routes[a].match.path"]);
    expect(fields({ name: "a", match: { path: { regex: path } } })).toEqual([]);
  });

  test.for(["/", "/v1/match", "/a.b/..c/d..", "/a%20b", "/a:b@c;d=e"])("but path %s it does", (path) => {
    expect(fields({ name: "a", match: { path: { exact: path } } })).toEqual([]);
  });

  test.for([" a", "a  b", "é"])("header value %j", (value) => {
    expect(fields({ name: "a", match: { headers: [{ name: "x-a", exact: value }] } })).toEqual([
      "HeaderNotInAmbient spec.routes[a].match.headers[x-a]",
    ]);
  });

  test("more than 16 routes, or 128 matches", () => {
    const exact = (count: number, methods: readonly string[] = []) =>
      Array.from({ length: count }, (_, i) => ({
        name: `r${i}`,
        match: { path: { exact: `/${i}` }, ...(methods.length > 0 && { methods }) },
      }));
    const nine = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];
    expect(fields(...exact(16))).toEqual([]);
    expect(fields(...exact(17))).toEqual(["TooManyRoutes spec.routes"]);
    expect(fields(...exact(14, nine))).toEqual([]);
    expect(fields(...exact(15, nine))).toEqual(["TooManyRoutes spec.routes"]);
  });
});

describe("the order of routes", () => {
  const all = { name: "all" };
  const at = (name: string, path: object, more: object = {}) => ({ name, match: { path, ...more } });

  test.for([
    { name: "specific before general", routes: [at("a", { prefix: "/v1/x" }), at("b", { prefix: "/v1" }), all] },
    { name: "what no request has in common in any order", routes: [at("a", { prefix: "/a" }), at("b", { prefix: "/longer" }), all] },
    { name: "segments, not characters", routes: [at("a", { prefix: "/a" }), at("b", { prefix: "/ab" })] },
    {
      name: "methods that differ",
      routes: [at("a", { prefix: "/a" }, { methods: ["GET"] }), at("b", { prefix: "/a/b" }, { methods: ["PUT"] })],
    },
    {
      name: "a header's values that differ",
      routes: [
        at("a", { prefix: "/a" }, { headers: [{ name: "x", exact: "1" }] }),
        at("b", { prefix: "/a/b" }, { headers: [{ name: "x", exact: "2" }] }),
      ],
    },
    { name: "an expression alone at the end", routes: [at("a", { exact: "/a" }), at("b", { regex: "/.*" })] },
  ])("is kept for $name", ({ routes }) => {
    expect(ofRoutes(...routes)).toEqual([]);
  });

  test.for([
    { name: "general before specific", routes: [at("a", { prefix: "/v1" }), at("b", { prefix: "/v1/x" })] },
    { name: "prefix before an exact path below it", routes: [at("a", { prefix: "/v1" }), at("b", { exact: "/v1/x" })] },
    { name: "no method before a method", routes: [at("a", { prefix: "/v1" }), at("b", { prefix: "/v1" }, { methods: ["GET"] })] },
    {
      name: "fewer headers before more",
      routes: [
        at("a", { prefix: "/v1" }, { headers: [{ name: "x", exact: "1" }] }),
        at("b", { prefix: "/v1" }, { headers: ["x", "y"].map((name) => ({ name, exact: "1" })) }),
      ],
    },
    { name: "an expression before anything that it may match", routes: [at("a", { regex: "/v1.*" }), { name: "b" }] },
  ])("is refused for $name, naming the one that would be tried too early", ({ routes }) => {
    expect(ofRoutes(...routes)).toMatchObject([{ field: "spec.routes[b]", reason: "RouteOrder" }]);
    expect(limits({ config: SIDECAR, spec: { port: 8080, routes } })).toEqual([]);
  });

  test("that is let through takes every request as the order written would", () => {
    fc.assert(
      fc.property(routeList, requestOf, (routes, request) => {
        if (ofRoutes(...routes).length > 0) return;
        const written = routes.flatMap(({ name, match }) => gatewayMatches(match).map((one) => ({ name, one })));
        const taken = (list: readonly (typeof written)[number][]) => list.find(({ one }) => takes(one, request))?.name;
        expect(taken(asIstioSorts(written))).toBe(taken(written));
      }),
      { numRuns: 500 },
    );
  });
});

interface Request {
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
}

const path = fc.constantFrom("/", "/a", "/a/b", "/a/b/c", "/ab", "/b");
const header = fc.record({ name: fc.constantFrom("x", "y"), exact: fc.constantFrom("1", "2") });
const match = fc.record(
  {
    path: fc.oneof(
      path.map((exact) => ({ exact })),
      path.map((prefix) => ({ prefix })),
      fc.constantFrom("/a.*", "/.*/b").map((regex) => ({ regex })),
    ),
    methods: fc.uniqueArray(fc.constantFrom("GET" as const, "PUT" as const), { minLength: 1 }),
    headers: fc.uniqueArray(header, { minLength: 1, selector: ({ name }) => name }),
  },
  { requiredKeys: [] },
);
const routeList = fc.array(match, { minLength: 1, maxLength: 4 }).map((list) => list.map((one, i) => ({ name: `r${i}`, match: one })));
const requestOf: fc.Arbitrary<Request> = fc.record({
  path,
  method: fc.constantFrom("GET", "PUT"),
  headers: fc.record({ x: fc.constantFrom("1", "2"), y: fc.constantFrom("1", "2") }, { requiredKeys: [] }),
});

function takes({ path: { type, value }, method, headers = [] }: GatewayMatch, request: Request): boolean {
  const pathFits = {
    Exact: request.path === value,
    PathPrefix: value === "/" || request.path === value || request.path.startsWith(`${value}/`),
    RegularExpression: new RegExp(`^(?:${value})$`).test(request.path),
  }[type];
  return pathFits && (method === undefined || method === request.method) && headers.every((one) => request.headers[one.name] === one.value);
}

/** As sortHTTPRoutes of Istio's pilot, step by step. */
function asIstioSorts<T extends { readonly one: GatewayMatch }>(list: readonly T[]): readonly T[] {
  const rank = { Exact: 3, PathPrefix: 2, RegularExpression: 1 };
  return list.toSorted(({ one: a }, { one: b }) => {
    if (rank[a.path.type] !== rank[b.path.type]) return rank[b.path.type] - rank[a.path.type];
    if (a.path.value.length !== b.path.value.length) return b.path.value.length - a.path.value.length;
    if ((a.method === undefined) !== (b.method === undefined)) return a.method === undefined ? 1 : -1;
    return (b.headers?.length ?? 0) - (a.headers?.length ?? 0);
  });
}
