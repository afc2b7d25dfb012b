import {
  AppMeshClient,
  CreateMeshCommand,
  CreateRouteCommand,
  CreateVirtualNodeCommand,
  CreateVirtualRouterCommand,
  DeleteVirtualNodeCommand,
  DescribeMeshCommand,
  DescribeVirtualNodeCommand,
  ListMeshesCommand,
  ListVirtualNodesCommand,
  paginateListVirtualNodes,
  UpdateRouteCommand,
  type RouteSpec,
} from "@aws-sdk/client-app-mesh";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { EmulatorOptions, Switches } from "../../../emulator/options.ts";
import { ACCOUNT, ADMIN_KEY, aws, outcome, REGION, type Aws } from "./clients.ts";

const KEY = "AKIAOPERATOR";
const MESH = `arn:aws:appmesh:${REGION}:${ACCOUNT}:mesh/shop`;
const meshName = "shop";

async function world(options: Partial<EmulatorOptions> = {}): Promise<Aws> {
  const found = await aws(options);
  await found.appMesh.send(new CreateMeshCommand({ meshName }));
  return found;
}

function operator(statements: readonly object[], switches: Partial<Switches> = {}): Promise<Aws> {
  const policy = { Version: "2012-10-17", Statement: statements.map((statement) => ({ Effect: "Allow", ...statement })) };
  return world({ switches, principals: [{ accessKeyId: KEY, arn: `arn:aws:iam::${ACCOUNT}:role/operator`, policy }] });
}

function node(appMesh: AppMeshClient, virtualNodeName = "cart", more: object = {}): Promise<string> {
  return outcome(appMesh.send(new CreateVirtualNodeCommand({ meshName, virtualNodeName, spec: {}, ...more })));
}

const toCart: RouteSpec = { tcpRoute: { action: { weightedTargets: [{ virtualNode: "cart", weight: 1 }] } } };
const place = { meshName, virtualRouterName: "router", routeName: "all" };

async function route(appMesh: AppMeshClient): Promise<string> {
  await outcome(appMesh.send(new CreateVirtualRouterCommand({ ...place, spec: {} })));
  return outcome(appMesh.send(new CreateRouteCommand({ ...place, spec: toCart })));
}

function remove(appMesh: AppMeshClient): Promise<string> {
  return outcome(appMesh.send(new DeleteVirtualNodeCommand({ meshName, virtualNodeName: "cart" })));
}

test.each<[Switches["targetedVirtualNode"], string]>([
  ["deletable", "ok"],
  ["refuse", "ResourceInUseException"],
])("deleting a node that a route targets, when the switch is %s", async (targetedVirtualNode, expected) => {
  const { appMesh } = await world({ switches: { targetedVirtualNode } });
  await node(appMesh);
  expect(await route(appMesh)).toBe("ok");
  expect(await remove(appMesh)).toBe(expected);
});

test.each<[Switches["sameMeshObject"], readonly string[]]>([
  ["conflict", ["ConflictException", "ConflictException"]],
  ["answered", ["ok", "ConflictException"]],
])("a name that is taken, with the same content and with other, when the switch is %s", async (sameMeshObject, expected) => {
  const { appMesh } = await world({ switches: { sameMeshObject } });
  await node(appMesh);
  const other = { serviceDiscovery: { dns: { hostname: "cart" } } };
  expect([await node(appMesh), await node(appMesh, "cart", { spec: other })]).toEqual(expected);
});

test.each<[Switches["absentMeshObject"], string]>([
  ["refuse", "NotFoundException"],
  ["accept", "ok"],
])("a route to a node that is not there, when the switch is %s", async (absentMeshObject, expected) => {
  const { appMesh } = await world({ switches: { absentMeshObject } });
  expect(await route(appMesh)).toBe(expected);
});

test.each<[Switches["namedMeshObjects"], string]>([
  ["checked", "AccessDeniedException"],
  ["notChecked", "ok"],
])("a route needs its permission on the nodes it names, when the switch is %s", async (namedMeshObjects, expected) => {
  const found = await operator([{ Action: "appmesh:UpdateRoute", Resource: `${MESH}/virtualRouter/*` }], { namedMeshObjects });
  await node(found.appMesh);
  await route(found.appMesh);
  expect(await outcome(found.as(KEY).appMesh.send(new UpdateRouteCommand({ ...place, spec: toCart })))).toBe(expected);
});

test("tags at creation need the permission to tag, and a resource's tags decide", async () => {
  const ours = { StringEquals: { "aws:ResourceTag/owner": "us" } };
  const found = await operator([
    { Action: "appmesh:CreateVirtualNode", Resource: `${MESH}/*` },
    { Action: "appmesh:DeleteVirtualNode", Resource: `${MESH}/*`, Condition: ours },
  ]);
  const { appMesh } = found.as(KEY);
  const tags = [{ key: "owner", value: "us" }];
  await expect(appMesh.send(new CreateVirtualNodeCommand({ meshName, virtualNodeName: "cart", spec: {}, tags }))).rejects.toThrow(
    `perform: appmesh:TagResource on resource: ${MESH}/virtualNode/cart`,
  );
  expect(await node(appMesh)).toBe("ok");
  expect(await remove(appMesh)).toBe("AccessDeniedException");
  await remove(found.appMesh);
  await node(found.appMesh, "cart", { tags });
  expect(await remove(appMesh)).toBe("ok");
});

test("a list of meshes needs a statement on all of them, one of nodes on the mesh", async () => {
  const found = await operator([{ Action: ["appmesh:ListMeshes", "appmesh:ListVirtualNodes"], Resource: MESH }]);
  const { appMesh } = found.as(KEY);
  expect(await outcome(appMesh.send(new ListMeshesCommand({})))).toBe("AccessDeniedException");
  expect(await outcome(appMesh.send(new ListVirtualNodesCommand({ meshName })))).toBe("ok");
});

test.each([
  ["throttle", "TooManyRequestsException", 429],
  ["http500", "InternalServerErrorException", 500],
  ["denied", "AccessDeniedException", 403],
] as const)("the fault %s is %s in App Mesh's words", async (kind, name, status) => {
  const { appMesh, admin } = await world();
  await admin.addFaults({ match: { service: "appmesh" }, fault: { kind } });
  await expect(appMesh.send(new DescribeMeshCommand({ meshName }))).rejects.toMatchObject({ name, $metadata: { httpStatusCode: status } });
});

test("an answer lost after commit is made good by the SDK's retry: its token finds the node", async () => {
  const { url, admin } = await world();
  const credentials = { accessKeyId: ADMIN_KEY, secretAccessKey: "secret" };
  const appMesh = new AppMeshClient({ endpoint: url, region: REGION, credentials, maxAttempts: 2 });
  await admin.addFaults({ match: { operation: "CreateVirtualNode" }, position: 1, fault: { kind: "lost" } });
  const { virtualNode } = await appMesh.send(new CreateVirtualNodeCommand({ meshName, virtualNodeName: "cart", spec: {} }));
  expect(virtualNode?.metadata?.version).toBe(1);
  expect((await admin.counters()).operations["appmesh:CreateVirtualNode"]).toMatchObject({ calls: 2, errors: { Lost: 1 } });
});

test("a read that lags does not see a node, and a route that lags does not find it", async () => {
  const { appMesh, admin } = await world();
  await appMesh.send(new CreateVirtualRouterCommand({ ...place, spec: {} }));
  await admin.addFaults({ match: { service: "appmesh" }, fault: { kind: "staleReads", calls: 1 } });
  const describe = (): Promise<string> => outcome(appMesh.send(new DescribeVirtualNodeCommand({ meshName, virtualNodeName: "cart" })));
  await node(appMesh);
  expect([await describe(), await describe(), await remove(appMesh)]).toEqual(["NotFoundException", "ok", "ok"]);
  await node(appMesh);
  const attempt = (): Promise<string> => outcome(appMesh.send(new CreateRouteCommand({ ...place, spec: toCart })));
  expect([await attempt(), await attempt()]).toEqual(["NotFoundException", "ok"]);
});

test("quotas can be lowered", async () => {
  const { appMesh } = await world({ quotas: { virtualNodesPerMesh: 1 } });
  expect([await node(appMesh, "a"), await node(appMesh, "b")]).toEqual(["ok", "LimitExceededException"]);
});

test("pages can be made smaller than a call asks for", async () => {
  const { appMesh } = await world({ switches: { maxPageSize: 1 } });
  await node(appMesh, "a");
  await node(appMesh, "b");
  const names: (string | undefined)[] = [];
  for await (const { virtualNodes } of paginateListVirtualNodes({ client: appMesh, pageSize: 100 }, { meshName })) {
    expect(virtualNodes).toHaveLength(1);
    names.push(virtualNodes?.[0]?.virtualNodeName);
  }
  expect(names).toEqual(["a", "b"]);
});

test("mesh objects come back from the state file, tokens too, and a reset empties them", async () => {
  const folder = mkdtempSync(join(tmpdir(), "emulator-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const stateFile = join(folder, "state.json");
  const create = { clientToken: "one", spec: { serviceDiscovery: { dns: { hostname: "cart" } } } };
  const describe = ({ appMesh }: Aws): Promise<unknown> =>
    appMesh.send(new DescribeVirtualNodeCommand({ meshName, virtualNodeName: "cart" })).then(({ virtualNode }) => virtualNode);
  const first = await world({ stateFile });
  await node(first.appMesh, "cart", create);
  const before = await describe(first);
  await first.close();
  const second = await aws({ stateFile });
  expect(await describe(second)).toEqual(before);
  expect(await node(second.appMesh, "cart", create)).toBe("ok");
  await second.admin.reset();
  expect((await second.appMesh.send(new ListMeshesCommand({}))).meshes).toEqual([]);
});
