import { describe, expect, test } from "vitest";
import { buildMeshRoutes, grpcMatch } from "../../../../src/resources/app-mesh/routes.ts";
import { inAppMesh } from "../../../support/aws/mesh.ts";
import { operatorConfig } from "../../../support/aws/operator-config.ts";
import { service } from "../../../support/aws/service.ts";

const CONFIG = operatorConfig(undefined, inAppMesh());
const ACTION = { weightedTargets: [{ virtualNode: "demo_tracking_tracking", weight: 100 }] };
const s = (value: number) => ({ unit: "s", value });
const ms = (value: number) => ({ unit: "ms", value });

function routes(spec: object) {
  return buildMeshRoutes(service({ port: 8080, ...spec }), CONFIG);
}

/** Of the one route that it is written as. */
function only(route: object) {
  const [first, ...others] = routes({ routes: [{ name: "a", ...route }] });
  if (!first?.spec.httpRoute || others.length > 0) throw new Error("it is not one HTTP route");
  return first.spec.httpRoute;
}

function matches(match: object) {
  return routes({ routes: [{ name: "a", match }] }).map(({ name, spec }) => [name.replace(/.*\//, ""), spec.httpRoute?.match]);
}

describe("a service's routes", () => {
  test("without one that is written: everything, with no limit and no second try", () => {
    expect(routes({})).toEqual([
      expect.objectContaining({
        name: "demo_tracking_tracking/all",
        owner: { namespace: "tracking", name: "tracking" },
        spec: {
          priority: 0,
          httpRoute: {
            match: { prefix: "/" },
            action: ACTION,
            timeout: { perRequest: s(0), idle: s(0) },
            retryPolicy: { maxRetries: 0, perRetryTimeout: s(0), tcpRetryEvents: ["connection-error"] },
          },
        },
      }),
    ]);
  });

  test("are tried in the order written", () => {
    const written = ["c", "a", "b"].map((name) => ({ name, match: { path: { exact: `/${name}` } } }));
    expect(routes({ routes: written }).map(({ name, spec }) => [name, spec.priority])).toEqual([
      ["demo_tracking_tracking/c", 0],
      ["demo_tracking_tracking/a", 1],
      ["demo_tracking_tracking/b", 2],
    ]);
  });

  test.each([
    ["http", "httpRoute"],
    ["http2", "http2Route"],
    ["grpc", "grpcRoute"],
  ])("of %s are of its kind", (protocol, kind) => {
    expect(routes({ protocol }).map(({ spec }) => Object.keys(spec))).toEqual([["priority", kind]]);
  });

  test("of tcp have a target and nothing else", () => {
    expect(routes({ protocol: "tcp" }).map(({ spec }) => spec)).toEqual([{ priority: 0, tcpRoute: { action: ACTION } }]);
  });

  test("none without a port", () => {
    expect(buildMeshRoutes(service({}), CONFIG)).toEqual([]);
  });
});

describe("timeouts", () => {
  test.each([
    ["250ms", { perRequest: ms(250) }],
    ["20s", { perRequest: s(20) }],
    ["1m30s", { perRequest: s(90) }],
    ["10m", { perRequest: s(600), idle: s(600) }],
  ])("%s", (timeout, expected) => {
    expect(only({ timeout }).timeout).toEqual(expected);
  });
});

describe("what is tried again", () => {
  test.each<[string, object, object]>([
    [
      "nothing, within the route's own time",
      { timeout: "2s" },
      { maxRetries: 0, perRetryTimeout: s(2), tcpRetryEvents: ["connection-error"] },
    ],
    ["nothing by 0", { retries: { attempts: 0 } }, { maxRetries: 0, perRetryTimeout: s(0), tcpRetryEvents: ["connection-error"] }],
    [
      "by default what was never processed",
      { retries: { attempts: 2, perTryTimeout: "80ms" } },
      { maxRetries: 2, perRetryTimeout: ms(80), httpRetryEvents: ["stream-error"], tcpRetryEvents: ["connection-error"] },
    ],
    [
      "each event by App Mesh's name for it",
      {
        retries: {
          attempts: 1,
          perTryTimeout: "1s",
          retryOn: ["retriable-4xx", "refused-stream", "connect-failure", "gateway-error", "server-error", "reset"],
        },
      },
      {
        maxRetries: 1,
        perRetryTimeout: s(1),
        httpRetryEvents: ["server-error", "gateway-error", "client-error", "stream-error"],
        tcpRetryEvents: ["connection-error"],
      },
    ],
    [
      "answers alone",
      { retries: { attempts: 1, perTryTimeout: "1s", retryOn: ["gateway-error"] } },
      { maxRetries: 1, perRetryTimeout: s(1), httpRetryEvents: ["gateway-error"] },
    ],
    [
      "connections alone",
      { retries: { attempts: 1, perTryTimeout: "1s", retryOn: ["connect-failure"] } },
      { maxRetries: 1, perRetryTimeout: s(1), tcpRetryEvents: ["connection-error"] },
    ],
  ])("%s", (_, route, expected) => {
    expect(only(route).retryPolicy).toEqual(expected);
  });
});

describe("matches", () => {
  test.each<[string, object, [string, object][]]>([
    ["the whole tree", { path: { prefix: "/" } }, [["a", { prefix: "/" }]]],
    ["one path", { path: { exact: "/v1" } }, [["a", { path: { exact: "/v1" } }]]],
    ["an expression", { path: { regex: "/v[12]" } }, [["a", { path: { regex: "/v[12]" } }]]],
    [
      "a prefix of whole segments",
      { path: { prefix: "/v1/" } },
      [
        ["a_itself", { path: { exact: "/v1" } }],
        ["a_below", { prefix: "/v1/" }],
      ],
    ],
    ["one method", { methods: ["POST"] }, [["a_POST", { prefix: "/", method: "POST" }]]],
    [
      "methods and a prefix: each with each, next to each other",
      { path: { prefix: "/v1" }, methods: ["PUT", "GET"] },
      [
        ["a_GET_itself", { path: { exact: "/v1" }, method: "GET" }],
        ["a_GET_below", { prefix: "/v1/", method: "GET" }],
        ["a_PUT_itself", { path: { exact: "/v1" }, method: "PUT" }],
        ["a_PUT_below", { prefix: "/v1/", method: "PUT" }],
      ],
    ],
    [
      "headers, in one order",
      {
        headers: [
          { name: "x-c", exact: "1" },
          { name: "x-a", prefix: "2" },
          { name: "x-b", regex: "3" },
        ],
      },
      [
        [
          "a",
          {
            prefix: "/",
            headers: [
              { name: "x-a", match: { prefix: "2" } },
              { name: "x-b", match: { regex: "3" } },
              { name: "x-c", match: { exact: "1" } },
            ],
          },
        ],
      ],
    ],
  ])("%s", (_, match, expected) => {
    expect(matches(match)).toEqual(expected);
  });

  test.each<[string, Parameters<typeof grpcMatch>[0], object | undefined]>([
    ["everything", undefined, {}],
    ["everything, said", { path: { prefix: "/" } }, {}],
    ["a service", { path: { prefix: "/pkg.Service" } }, { serviceName: "pkg.Service" }],
    ["a service, with the slash", { path: { prefix: "/pkg.Service/" } }, { serviceName: "pkg.Service" }],
    ["a method", { path: { exact: "/pkg.Service/Do" } }, { serviceName: "pkg.Service", methodName: "Do" }],
    ["metadata", { headers: [{ name: "x-a", exact: "1" }] }, { metadata: [{ name: "x-a", match: { exact: "1" } }] }],
    ["POST, which every call is", { methods: ["GET", "POST"] }, {}],
    ["no other method", { methods: ["GET"] }, undefined],
    ["nothing below a method", { path: { prefix: "/pkg.Service/Do" } }, undefined],
    ["no service alone", { path: { exact: "/pkg.Service" } }, undefined],
    ["nothing deeper", { path: { exact: "/a/b/c" } }, undefined],
    ["no expression", { path: { regex: "/a.*" } }, undefined],
  ])("of gRPC: %s", (_, match, expected) => {
    expect(grpcMatch(match)).toEqual(expected);
  });

  test("one of gRPC that App Mesh does not have is never written as another", () => {
    expect(() => routes({ protocol: "grpc", routes: [{ name: "a", match: { path: { regex: "/a" } } }] })).toThrow(
      "limits has to refuse it",
    );
  });
});
