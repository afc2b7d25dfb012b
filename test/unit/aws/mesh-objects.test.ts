import {
  CreateVirtualNodeCommand,
  CreateVirtualServiceCommand,
  DeleteMeshCommand,
  DescribeRouteCommand,
  DescribeVirtualNodeCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateVirtualNodeCommand,
  type VirtualNodeSpec,
} from "@aws-sdk/client-app-mesh";
import * as fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Identified } from "../../../src/crds/desired.ts";
import type { EffectiveService } from "../../../src/crds/effective.ts";
import { Converger } from "../../../src/reconcilers/converge.ts";
import type { ExternalResource } from "../../../src/reconcilers/ports.ts";
import { buildMeshRoutes } from "../../../src/resources/app-mesh/routes.ts";
import { buildVirtualNode } from "../../../src/resources/app-mesh/virtual-node.ts";
import { buildVirtualRouter, buildVirtualService } from "../../../src/resources/app-mesh/virtual-router.ts";
import { emulatedAws, type EmulatedAws } from "../../support/aws/emulated.ts";
import { inAppMesh, neighbours, WITH_CERTIFICATES } from "../../support/aws/mesh.ts";
import { service } from "../../support/aws/service.ts";

/** App Mesh's objects against the emulator, as it may behave where AWS says nothing: harshly and leniently. */

const LENIENT = {
  sameMeshObject: "answered",
  absentMeshObject: "accept",
  targetedVirtualNode: "deletable",
  namedMeshObjects: "notChecked",
} as const;
const HARSH = {
  sameMeshObject: "conflict",
  absentMeshObject: "refuse",
  targetedVirtualNode: "refuse",
  namedMeshObjects: "checked",
} as const;

const SPEC = {
  port: 8080,
  routes: [
    {
      name: "orders",
      match: { path: { prefix: "/orders" }, methods: ["GET", "POST"], headers: [{ name: "x-a", prefix: "1" }] },
      timeout: "20s",
    },
    { name: "all", retries: { attempts: 2, perTryTimeout: "100ms", retryOn: ["server-error", "connect-failure"] } },
  ],
  resilience: {
    connectionPool: { maxConnections: 10, maxPendingRequests: 5 },
    outlierDetection: { consecutiveErrors: 5, interval: "10s", baseEjectionTime: "30s", maxEjectionPercent: 50 },
  },
  callers: { services: [{ name: "web" }] },
  dependencies: { services: [{ name: "pricing", namespace: "pricing" }, { name: "stock" }] },
};

describe.each([
  ["harsh", HARSH],
  ["lenient", LENIENT],
])("a %s App Mesh", (_, switches) => {
  let aws: EmulatedAws;
  let of: EffectiveService;
  let services = 0;

  beforeAll(async () => {
    aws = await emulatedAws(inAppMesh(WITH_CERTIFICATES), switches);
  });
  afterAll(async () => aws.close());
  beforeEach(async () => {
    of = service(SPEC, { namespace: "tracking", name: `s${++services}` });
    aws.recorder.clear();
    await aws.emulator.clearFaults();
  });

  const node = (one = of) => buildVirtualNode(one, aws.config, neighbours());
  const mesh = () => aws.operator.mesh;
  const nodes = () => new Converger(mesh().virtualNodes);

  /** Everything that the service has in the mesh, in order. */
  async function make(one = of) {
    const router = buildVirtualRouter(one, aws.config);
    const virtualService = buildVirtualService(one, aws.config);
    if (!router || !virtualService) throw new Error("it has a port");
    return [
      await nodes().converge(node(one)),
      await new Converger(mesh().virtualRouters).converge(router),
      ...(await inOrder(buildMeshRoutes(one, aws.config), (route) => new Converger(mesh().routes).converge(route))),
      await new Converger(mesh().virtualServices).converge(virtualService),
    ];
  }

  test("a service's objects are created in order, and a second look writes nothing", async () => {
    for (const result of await make()) expect(result).toMatchObject({ state: "asDesired", corrected: [] });
    expect(aws.recorder.writes()).toEqual([
      "appmesh:CreateVirtualNode",
      "appmesh:CreateVirtualRouter",
      ...Array.from({ length: 5 }, () => "appmesh:CreateRoute"),
      "appmesh:CreateVirtualService",
    ]);
    aws.recorder.clear();
    for (const result of await make()) expect(result).toMatchObject({ state: "asDesired", corrected: [] });
    expect(aws.recorder.writes()).toEqual([]);
  });

  test("a change of the file is one update, of the whole spec", async () => {
    await make();
    aws.recorder.clear();
    const changed = service({ ...SPEC, routes: [...SPEC.routes.slice(0, 1), { name: "all", timeout: "25s" }] }, of.key);
    const results = await make(changed);
    expect(aws.recorder.writes()).toEqual(["appmesh:UpdateVirtualNode", "appmesh:UpdateRoute"]);
    expect(results.flatMap((result) => (result.state === "asDesired" ? result.corrected : [])).map(({ field }) => field)).toEqual([
      "spec.listeners.timeout.http.idle",
      "spec.listeners.timeout.http.perRequest",
      "spec.httpRoute.retryPolicy.httpRetryEvents",
      "spec.httpRoute.retryPolicy.maxRetries",
      "spec.httpRoute.retryPolicy.perRetryTimeout",
      "spec.httpRoute.timeout.idle",
      "spec.httpRoute.timeout.perRequest",
    ]);
  });

  describe("what others change is put back by the call that it needs", () => {
    const name = () => node().name;
    const arn = () => `arn:aws:appmesh:eu-west-1:111122223333:mesh/platform/virtualNode/${name()}`;
    const update = (change: (spec: VirtualNodeSpec) => VirtualNodeSpec) => async () => {
      const names = { meshName: "platform", virtualNodeName: name() };
      const { virtualNode } = await aws.appMesh.send(new DescribeVirtualNodeCommand(names));
      await aws.appMesh.send(new UpdateVirtualNodeCommand({ ...names, spec: change(virtualNode?.spec ?? {}) }));
    };

    test.each<[string, () => Promise<unknown>, string[], string[]]>([
      [
        "another backend",
        update((s) => ({ ...s, backends: [{ virtualService: { virtualServiceName: "x" } }] })),
        ["spec.backends"],
        ["appmesh:UpdateVirtualNode"],
      ],
      ["no log", update(({ logging: __, ...s }) => s), ["spec.logging"], ["appmesh:UpdateVirtualNode"]],
      ["the same in another order and unit", update(sameInOtherWords), [], []],
      [
        "a tag of ours changed",
        () => aws.appMesh.send(new TagResourceCommand({ resourceArn: arn(), tags: [{ key: "platform-operator.dev/owner", value: "x" }] })),
        ["tags[platform-operator.dev/owner]"],
        ["appmesh:TagResource"],
      ],
      [
        "a tag of ours taken off",
        () => aws.appMesh.send(new UntagResourceCommand({ resourceArn: arn(), tagKeys: ["platform-operator.dev/owner"] })),
        ["tags[platform-operator.dev/owner]"],
        ["appmesh:TagResource"],
      ],
      [
        "a tag under our prefix",
        () => aws.appMesh.send(new TagResourceCommand({ resourceArn: arn(), tags: [{ key: "platform-operator.dev/x", value: "x" }] })),
        ["tags[platform-operator.dev/x]"],
        ["appmesh:UntagResource"],
      ],
      [
        "a tag of someone else's stays",
        () => aws.appMesh.send(new TagResourceCommand({ resourceArn: arn(), tags: [{ key: "cost", value: "x" }] })),
        [],
        [],
      ],
    ])("%s", async (__, drift, fields, writes) => {
      await make();
      await drift();
      aws.recorder.clear();
      const result = await nodes().converge(node());
      expect(result.state === "asDesired" ? result.corrected.map(({ field }) => field) : result).toEqual(fields);
      expect(aws.recorder.writes()).toEqual(writes);
      aws.recorder.clear();
      expect(await nodes().converge(node())).toMatchObject({ state: "asDesired", corrected: [] });
      expect(aws.recorder.writes()).toEqual([]);
    });
  });

  test("what has no tags of ours is left as it is", async () => {
    const create = { meshName: "platform", virtualNodeName: node().name, spec: {} };
    await aws.appMesh.send(new CreateVirtualNodeCommand(create));
    expect(await nodes().converge(node())).toEqual({ state: "foreign", owner: "it has no tags of platform-operator.dev" });
    expect(await mesh().virtualNodes.delete({ ...node(), force: false })).toEqual({ state: "foreign" });
    expect(aws.recorder.writes()).toEqual([]);
  });

  test("a host that another cluster's service has in the same mesh is not taken over", async () => {
    const wished = buildVirtualService(of, aws.config);
    if (!wished) throw new Error("it has a port");
    const tags = [{ key: "platform-operator.dev/cluster", value: "eu-west-1.other" }];
    await aws.appMesh.send(new CreateVirtualServiceCommand({ meshName: "platform", virtualServiceName: wished.name, spec: {}, tags }));
    expect(await new Converger(mesh().virtualServices).converge(wished)).toMatchObject({
      state: "foreign",
      owner: expect.stringContaining("of cluster eu-west-1.other"),
    });
    expect(aws.recorder.writes()).toEqual([]);
  });

  describe("deletion", () => {
    test("goes from the outside in, the router with its routes, and is done when it is done again", async () => {
      await make();
      aws.recorder.clear();
      const target = { ...node(), force: false };
      for (let round = 0; round < 2; round++) {
        expect(await mesh().virtualServices.delete({ ...target, name: buildVirtualService(of, aws.config)?.name ?? "" })).toEqual({
          state: "gone",
        });
        expect(await mesh().virtualRouters.delete(target)).toEqual({ state: "gone" });
        expect(await mesh().virtualNodes.delete(target)).toEqual({ state: "gone" });
      }
      expect(aws.recorder.writes()).toEqual([
        "appmesh:DeleteVirtualService",
        ...Array.from({ length: 5 }, () => "appmesh:DeleteRoute"),
        "appmesh:DeleteVirtualRouter",
        "appmesh:DeleteVirtualNode",
      ]);
    });

    test("of a router that a VirtualService names is busy, and says what holds it", async () => {
      await make();
      await expect(mesh().virtualRouters.delete({ ...node(), force: false })).rejects.toMatchObject({
        class: "busy",
        code: "ResourceInUse",
        message: expect.stringContaining(`virtualService/${of.key.name}.tracking.svc.cluster.local`),
      });
    });

    test("whose answer was lost is done", async () => {
      await nodes().converge(node(service({}, of.key)));
      await aws.emulator.addFaults({ match: { operation: "DeleteVirtualNode" }, position: 1, fault: { kind: "lost" } });
      expect(await mesh().virtualNodes.delete({ ...node(), force: false })).toEqual({ state: "gone" });
    });
  });

  test("an answer lost after it was made heals in the same pass, by the request's token", async () => {
    await aws.emulator.addFaults({ match: { operation: "CreateVirtualNode" }, position: 1, fault: { kind: "lost" } });
    expect(await nodes().converge(node())).toMatchObject({ state: "asDesired", corrected: [] });
    expect(aws.recorder.codes("appmesh:CreateVirtualNode")).toEqual(["UND_ERR_SOCKET", "OK"]);
  });

  test("the bulk read tells what was changed by its version, and nothing of it", async () => {
    await make();
    const converger = nodes();
    await converger.converge(node());
    const read = async () => (await aws.operator.bulk.meshObjects(new Set([node().name]))).virtualNodes;
    expect(converger.sweep(await read())).toEqual([]);
    const names = { meshName: "platform", virtualNodeName: node().name };
    await aws.appMesh.send(new UpdateVirtualNodeCommand({ ...names, spec: {} }));
    expect(converger.sweep(await read())).toEqual([of.key]);
  });

  test("the bulk read has the routes of the routers that are named", async () => {
    await make();
    const { routes } = await aws.operator.bulk.meshObjects(new Set([node().name, "demo_missing_router"]));
    expect([...routes.keys()]).toEqual(
      buildMeshRoutes(of, aws.config)
        .map(({ name }) => name)
        .toSorted(),
    );
    expect((await mesh().routesOfRouter.read(node().name))?.names).toEqual([...routes.keys()]);
    const route = { meshName: "platform", virtualRouterName: node().name, routeName: "orders_GET_below" };
    expect((await aws.appMesh.send(new DescribeRouteCommand(route))).route?.spec?.priority).toBe(1);
  });
});

/** Of whatever a file may say, as far as App Mesh has it. */
const files = fc.record({
  protocol: fc.constantFrom("http", "http2"),
  timeout: fc.option(fc.constantFrom("1ms", "250ms", "15s", "15s1ms", "6m"), { nil: undefined }),
  retries: fc.option(
    fc.record({
      attempts: fc.integer({ min: 0, max: 3 }),
      perTryTimeout: fc.constantFrom("10ms", "1s"),
      retryOn: fc.uniqueArray(fc.constantFrom("server-error", "gateway-error", "connect-failure", "refused-stream"), { minLength: 1 }),
    }),
    { nil: undefined },
  ),
  methods: fc.uniqueArray(fc.constantFrom("GET", "POST", "PUT"), { maxLength: 2 }),
  path: fc.constantFrom(undefined, { prefix: "/v1" }, { exact: "/" }, { regex: "/v[12]" }),
  headers: fc.uniqueArray(fc.constantFrom("x-a", "x-b", "x-c"), { maxLength: 3 }),
  dependencies: fc.uniqueArray(fc.constantFrom("a", "b", "c"), { maxLength: 3 }),
  maxEjectionPercent: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
});

test("what is made is as desired, whatever it is: App Mesh's answer differs in nothing", async () => {
  const aws = await emulatedAws(inAppMesh(WITH_CERTIFICATES));
  let count = 0;
  try {
    await fc.assert(
      fc.asyncProperty(files, async ({ protocol, timeout, retries, methods, path, headers, dependencies, maxEjectionPercent }) => {
        const match = {
          path: path ?? { prefix: "/" },
          ...(methods.length > 0 && { methods }),
          headers: headers.map((name) => ({ name, exact: "1" })),
        };
        const outlierDetection = { consecutiveErrors: 1, interval: "500ms", baseEjectionTime: "30s", maxEjectionPercent };
        const of = service(
          {
            port: 8080,
            protocol,
            routes: [{ name: "a", match, timeout, retries }, { name: "all" }],
            dependencies: { services: dependencies.map((name) => ({ name })) },
            ...(maxEjectionPercent !== undefined && { resilience: { outlierDetection } }),
          },
          { namespace: "any", name: `s${++count}` },
        );
        const { virtualNodes, virtualRouters, routes } = aws.operator.mesh;
        const node = buildVirtualNode(of, aws.config, neighbours({ a: 20_000, b: null }));
        const router = buildVirtualRouter(of, aws.config);
        if (!router) throw new Error("it has a port");
        expect(await differencesAfterCreate(virtualNodes, node)).toEqual([]);
        expect(await differencesAfterCreate(virtualRouters, router)).toEqual([]);
        for (const route of buildMeshRoutes(of, aws.config)) expect(await differencesAfterCreate(routes, route)).toEqual([]);
      }),
      { numRuns: 25 },
    );
  } finally {
    await aws.close();
  }
});

async function differencesAfterCreate<D extends Identified, O>(resource: ExternalResource<D, O>, desired: D) {
  const created = await resource.create(desired);
  const found = await resource.observe(desired);
  if (found.state !== "present") throw new Error(`it is ${found.state}`);
  return [...resource.differences(desired, created), ...resource.differences(desired, found.observed)];
}

test("a mesh that is not there is told from what is not there yet", async () => {
  const aws = await emulatedAws(inAppMesh());
  try {
    const of = service(SPEC);
    const [route] = buildMeshRoutes(of, aws.config);
    if (!route) throw new Error("it has routes");
    await expect(aws.operator.mesh.routes.create(route)).rejects.toMatchObject({ class: "absent", code: "NotFound" });
    await aws.appMesh.send(new DeleteMeshCommand({ meshName: "platform" }));
    await expect(aws.operator.mesh.virtualNodes.create(buildVirtualNode(of, aws.config, neighbours()))).rejects.toMatchObject({
      class: "absent",
      code: "MeshNotFound",
    });
    expect([...(await aws.operator.bulk.meshObjects(new Set())).virtualNodes]).toEqual([]);
  } finally {
    await aws.close();
  }
});

/** As somebody with the console might leave it: lists in another order, seconds as milliseconds, what is empty left out. */
function sameInOtherWords({ backends = [], listeners = [], ...spec }: VirtualNodeSpec): VirtualNodeSpec {
  const [listener] = listeners;
  if (!listener?.outlierDetection) throw new Error("the node has one");
  const outlierDetection = { ...listener.outlierDetection, interval: { unit: "ms" as const, value: 10_000 } };
  return { ...spec, backends: backends.toReversed(), listeners: [{ ...listener, outlierDetection }], backendDefaults: {} };
}

async function inOrder<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (const item of items) done.push(await work(item));
  return done;
}
