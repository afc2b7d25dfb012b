/** App Mesh: lists, and what is refused of specs. */
import assert from "node:assert/strict";
import {
  CreateMeshCommand,
  ListMeshesCommand,
  paginateListGatewayRoutes,
  paginateListMeshes,
  paginateListRoutes,
  paginateListVirtualGateways,
  paginateListVirtualNodes,
  paginateListVirtualRouters,
  paginateListVirtualServices,
  type RouteSpec,
  type VirtualNodeSpec,
} from "@aws-sdk/client-app-mesh";
import { probesOf, refused, type Probe, type Target } from "../probe.ts";
import { gateway, gatewayRoute, LISTENER, mesh, node, NODE_SPEC, route, router, routeTo, service } from "./app-mesh-fixtures.ts";

/** Makes three of something, lists them two at a time, and expects all and no other. */
async function pagesOf<Page>(
  make: () => Promise<string>,
  pages: AsyncIterable<Page>,
  namesIn: (page: Page) => readonly (string | undefined)[] | undefined,
): Promise<void> {
  const made: string[] = [];
  for (let count = 0; count < 3; count += 1) made.push(await make());
  const found: (readonly (string | undefined)[])[] = [];
  for await (const each of pages) found.push(namesIn(each) ?? []);
  assert.deepEqual(
    found.map(({ length }) => length),
    [2, 1],
  );
  const names = new Set(found.flat());
  assert.ok(names.size === 3 && made.every((name) => names.has(name)), `made ${made.join(", ")}, listed ${[...names].join(", ")}`);
}

async function emptyMesh(target: Target): Promise<string> {
  const meshName = target.unique("mesh");
  await target.appMesh.send(new CreateMeshCommand({ meshName }));
  return meshName;
}

function refusesRoute(code: string, change: (spec: RouteSpec, node: string) => RouteSpec, sentence?: RegExp): Probe["run"] {
  return async (target) => {
    const meshName = await mesh(target);
    const [name, virtualRouterName] = [await node(target, meshName), await router(target, meshName)];
    await refused(code, route(target, { meshName, virtualRouterName }, change(routeTo(name), name)), sentence);
  };
}

function refusesNode(code: string, spec: VirtualNodeSpec, sentence?: RegExp): Probe["run"] {
  return async (target) => refused(code, node(target, await mesh(target), spec), sentence);
}

const weighted = (virtualNode: string, ...weights: readonly number[]): RouteSpec => ({
  httpRoute: { match: { prefix: "/" }, action: { weightedTargets: weights.map((weight) => ({ virtualNode, weight })) } },
});

export const APP_MESH_LIMIT_PROBES: readonly Probe[] = [
  ...probesOf("appmesh", "lists", {
    "page meshes, as they are asked to": async (target) => {
      const names: string[] = [];
      for await (const { meshes } of paginateListMeshes({ client: target.appMesh, pageSize: 1 }, {})) {
        assert.equal(meshes?.length, 1);
        names.push(...meshes.map(({ meshName }) => meshName ?? ""));
      }
      const { meshes: all } = await target.appMesh.send(new ListMeshesCommand({}));
      assert.deepEqual(
        names,
        all?.map(({ meshName }) => meshName),
      );
    },
    "page nodes, routers, routes and services of one mesh": async (target) => {
      const meshName = await emptyMesh(target);
      const config = { client: target.appMesh, pageSize: 2 };
      await pagesOf(
        () => node(target, meshName),
        paginateListVirtualNodes(config, { meshName }),
        ({ virtualNodes }) => virtualNodes?.map(({ virtualNodeName }) => virtualNodeName),
      );
      await pagesOf(
        () => router(target, meshName),
        paginateListVirtualRouters(config, { meshName }),
        ({ virtualRouters }) => virtualRouters?.map(({ virtualRouterName }) => virtualRouterName),
      );
      await pagesOf(
        () => service(target, meshName),
        paginateListVirtualServices(config, { meshName }),
        ({ virtualServices }) => virtualServices?.map(({ virtualServiceName }) => virtualServiceName),
      );
      const [to, virtualRouterName] = [await node(target, meshName), await router(target, meshName)];
      await pagesOf(
        () => route(target, { meshName, virtualRouterName }, routeTo(to)),
        paginateListRoutes(config, { meshName, virtualRouterName }),
        ({ routes }) => routes?.map(({ routeName }) => routeName),
      );
    },
    "page gateways and their routes": async (target) => {
      const meshName = await emptyMesh(target);
      const config = { client: target.appMesh, pageSize: 2 };
      let virtualGatewayName = "";
      await pagesOf(
        async () => (virtualGatewayName = await gateway(target, meshName)),
        paginateListVirtualGateways(config, { meshName }),
        ({ virtualGateways }) => virtualGateways?.map((each) => each.virtualGatewayName),
      );
      const to = await service(target, meshName);
      await pagesOf(
        () => gatewayRoute(target, { meshName, virtualGatewayName }, to),
        paginateListGatewayRoutes(config, { meshName, virtualGatewayName }),
        ({ gatewayRoutes }) => gatewayRoutes?.map(({ gatewayRouteName }) => gatewayRouteName),
      );
    },
    "refuse a token that is none, and a limit outside 1 to 100": async (target) => {
      await refused("BadRequestException", target.appMesh.send(new ListMeshesCommand({ nextToken: "made-up" })));
      await refused("BadRequestException", target.appMesh.send(new ListMeshesCommand({ limit: 101 })), /limit/);
    },
  }),
  ...probesOf("appmesh", "route specs", {
    "refuse no protocol": refusesRoute("BadRequestException", () => ({}), /exactly one of/),
    "refuse two protocols": refusesRoute(
      "BadRequestException",
      ({ httpRoute }) => ({ httpRoute, http2Route: httpRoute }),
      /exactly one of/,
    ),
    "refuse a weight above 100": refusesRoute("BadRequestException", (_, name) => weighted(name, 101), /less than or equal to 100/),
    "refuse a weight below 0": refusesRoute("BadRequestException", (_, name) => weighted(name, -1), /greater than or equal to 0/),
    "refuse weights that sum to more than 100": refusesRoute("BadRequestException", (_, name) => weighted(name, 60, 41), /sum/),
    "refuse no target": refusesRoute("BadRequestException", (_, name) => weighted(name), /weightedTargets/),
    "refuse eleven targets": refusesRoute("BadRequestException", (_, name) => weighted(name, ...Array.from({ length: 11 }, () => 1))),
    "refuse a prefix without a /": refusesRoute(
      "BadRequestException",
      ({ httpRoute }) => ({ httpRoute: { action: httpRoute?.action, match: { prefix: "cart" } } }),
      /start with \//,
    ),
    "refuse a match of neither prefix nor path": refusesRoute("BadRequestException", ({ httpRoute }) => ({
      httpRoute: { action: httpRoute?.action, match: {} },
    })),
    "refuse a priority above 1000": refusesRoute("BadRequestException", (spec) => ({ ...spec, priority: 1001 })),
    "refuse a retry policy without events": refusesRoute(
      "BadRequestException",
      ({ httpRoute }) => ({
        httpRoute: {
          action: httpRoute?.action,
          match: { prefix: "/" },
          retryPolicy: { maxRetries: 1, perRetryTimeout: { unit: "s", value: 1 } },
        },
      }),
      /at least one event/,
    ),
    "refuse a retry policy without a timeout": refusesRoute(
      "BadRequestException",
      ({ httpRoute }) => ({
        httpRoute: {
          action: httpRoute?.action,
          match: { prefix: "/" },
          retryPolicy: { maxRetries: 1, perRetryTimeout: undefined, httpRetryEvents: ["server-error"] },
        },
      }),
      /perRetryTimeout/,
    ),
    "of TCP keep an idle timeout and nothing of HTTP": async (target) => {
      const meshName = await mesh(target);
      const [virtualNode, virtualRouterName] = [await node(target, meshName), await router(target, meshName)];
      const timeout = { idle: { unit: "s" as const, value: 30 } };
      const action = { weightedTargets: [{ virtualNode, weight: 1 }] };
      await route(target, { meshName, virtualRouterName }, { tcpRoute: { action, timeout } });
    },
  }),
  ...probesOf("appmesh", "node specs", {
    "refuse a listener without service discovery": refusesNode("BadRequestException", { listeners: [LISTENER] }, /service discovery/),
    "refuse a timeout of another protocol": refusesNode(
      "BadRequestException",
      { ...NODE_SPEC, listeners: [{ ...LISTENER, timeout: { tcp: { idle: { unit: "s", value: 1 } } } }] },
      /protocol/,
    ),
    "refuse a connection pool of another protocol": refusesNode(
      "BadRequestException",
      { ...NODE_SPEC, listeners: [{ ...LISTENER, connectionPool: { grpc: { maxRequests: 1 } } }] },
      /protocol/,
    ),
    "refuse a port above 65535": refusesNode("BadRequestException", {
      ...NODE_SPEC,
      listeners: [{ portMapping: { port: 65_536, protocol: "http" } }],
    }),
    "refuse outlier detection without all of its four": refusesNode("BadRequestException", {
      ...NODE_SPEC,
      listeners: [
        {
          ...LISTENER,
          outlierDetection: { maxServerErrors: 1, interval: undefined, baseEjectionDuration: undefined, maxEjectionPercent: 1 },
        },
      ],
    }),
    "refuse a health check on another port": refusesNode(
      "BadRequestException",
      {
        ...NODE_SPEC,
        listeners: [
          {
            ...LISTENER,
            healthCheck: {
              protocol: "http",
              port: 9090,
              intervalMillis: 5_000,
              timeoutMillis: 2_000,
              healthyThreshold: 2,
              unhealthyThreshold: 2,
            },
          },
        ],
      },
      /port of the health check/,
    ),
    "refuse a health check more often than every 5 s": refusesNode(
      "BadRequestException",
      {
        ...NODE_SPEC,
        listeners: [
          {
            ...LISTENER,
            healthCheck: { protocol: "http", intervalMillis: 4_999, timeoutMillis: 2_000, healthyThreshold: 2, unhealthyThreshold: 2 },
          },
        ],
      },
      /intervalMillis/,
    ),
    "refuse more than 50 backends": refusesNode("LimitExceededException", {
      ...NODE_SPEC,
      backends: Array.from({ length: 51 }, (_, index) => ({ virtualService: { virtualServiceName: `s${index}` } })),
    }),
    "refuse names with a /": async (target) => {
      await refused("BadRequestException", target.appMesh.send(new CreateMeshCommand({ meshName: "mesh/other" })));
    },
  }),
  // Last: the account is full then
  ...probesOf("appmesh", "quotas", {
    "an account has at most 15 meshes": async (target) => {
      const { meshes = [] } = await target.appMesh.send(new ListMeshesCommand({}));
      for (let count = meshes.length; count < 15; count += 1) await emptyMesh(target);
      await refused("LimitExceededException", emptyMesh(target));
    },
  }),
];
