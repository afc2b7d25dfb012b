/** App Mesh: what is made, changed and deleted, and what keeps it from being deleted. No other emulator can be asked. */
import assert from "node:assert/strict";
import {
  CreateMeshCommand,
  CreateVirtualNodeCommand,
  DeleteGatewayRouteCommand,
  DeleteMeshCommand,
  DeleteRouteCommand,
  DeleteVirtualGatewayCommand,
  DeleteVirtualNodeCommand,
  DeleteVirtualRouterCommand,
  DeleteVirtualServiceCommand,
  DescribeGatewayRouteCommand,
  DescribeMeshCommand,
  DescribeRouteCommand,
  DescribeVirtualGatewayCommand,
  DescribeVirtualNodeCommand,
  DescribeVirtualRouterCommand,
  DescribeVirtualServiceCommand,
  ListTagsForResourceCommand,
  paginateListTagsForResource,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateGatewayRouteCommand,
  UpdateMeshCommand,
  UpdateRouteCommand,
  UpdateVirtualGatewayCommand,
  UpdateVirtualNodeCommand,
  UpdateVirtualRouterCommand,
  UpdateVirtualServiceCommand,
  type ResourceMetadata,
} from "@aws-sdk/client-app-mesh";
import { present, probesOf, refused, type Probe, type Target } from "../probe.ts";
import { gateway, gatewayRoute, LISTENER, mesh, node, NODE_SPEC, route, router, routeTo, service } from "./app-mesh-fixtures.ts";

/** The data of an object that is new: ARN, version 1, times and owners. */
function assertNew({ region, accountId }: Target, path: string, metadata: ResourceMetadata | undefined): void {
  assert.equal(metadata?.arn, `arn:aws:appmesh:${region}:${accountId}:${path}`);
  assert.equal(metadata.version, 1);
  assert.match(present(metadata.uid, "uid"), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  assert.deepEqual([metadata.meshOwner, metadata.resourceOwner], [accountId, accountId]);
  assert.ok(metadata.createdAt instanceof Date && metadata.lastUpdatedAt?.getTime() === metadata.createdAt.getTime());
}

function meshArn({ region, accountId }: Target, path: string): string {
  return `arn:aws:appmesh:${region}:${accountId}:mesh/${path}`;
}

export const APP_MESH_OBJECT_PROBES: readonly Probe[] = [
  ...probesOf("appmesh", "Mesh", {
    "is described, changed and deleted": async (target) => {
      const meshName = target.unique("mesh");
      const create = new CreateMeshCommand({ meshName, spec: { egressFilter: { type: "DROP_ALL" } } });
      const { mesh: made } = await target.appMesh.send(create);
      assertNew(target, `mesh/${meshName}`, made?.metadata);
      assert.deepEqual([made?.status, made?.spec], [{ status: "ACTIVE" }, { egressFilter: { type: "DROP_ALL" } }]);
      assert.deepEqual((await target.appMesh.send(new DescribeMeshCommand({ meshName }))).mesh, made);
      const update = new UpdateMeshCommand({ meshName, spec: { egressFilter: { type: "ALLOW_ALL" } } });
      assert.equal((await target.appMesh.send(update)).mesh?.metadata?.version, 2);
      const { mesh: gone } = await target.appMesh.send(new DeleteMeshCommand({ meshName }));
      assert.deepEqual([gone?.status, gone?.metadata?.version], [{ status: "DELETED" }, 2]);
      await refused("NotFoundException", target.appMesh.send(new DescribeMeshCommand({ meshName })));
    },
    "is not deleted while something is in it": async (target) => {
      const meshName = target.unique("mesh");
      await target.appMesh.send(new CreateMeshCommand({ meshName }));
      const virtualServiceName = await service(target, meshName);
      await refused("ResourceInUseException", target.appMesh.send(new DeleteMeshCommand({ meshName })));
      await target.appMesh.send(new DeleteVirtualServiceCommand({ meshName, virtualServiceName }));
      await target.appMesh.send(new DeleteMeshCommand({ meshName }));
    },
    "of another account is not there": async (target) => {
      const meshName = await mesh(target);
      await refused("NotFoundException", target.appMesh.send(new DescribeMeshCommand({ meshName, meshOwner: "999988887777" })));
    },
  }),
  ...probesOf("appmesh", "VirtualNode", {
    "is described, changed and deleted": async (target) => {
      const [meshName, virtualNodeName] = [await mesh(target), target.unique("node")];
      const { virtualNode: made } = await target.appMesh.send(new CreateVirtualNodeCommand({ meshName, virtualNodeName, spec: NODE_SPEC }));
      assertNew(target, `mesh/${meshName}/virtualNode/${virtualNodeName}`, made?.metadata);
      assert.deepEqual([made?.meshName, made?.virtualNodeName, made?.spec], [meshName, virtualNodeName, NODE_SPEC]);
      assert.deepEqual((await target.appMesh.send(new DescribeVirtualNodeCommand({ meshName, virtualNodeName }))).virtualNode, made);
      const spec = { ...NODE_SPEC, backends: [] };
      const { virtualNode: changed } = await target.appMesh.send(new UpdateVirtualNodeCommand({ meshName, virtualNodeName, spec }));
      assert.deepEqual([changed?.spec, changed?.metadata?.version, changed?.metadata?.uid], [spec, 2, made?.metadata?.uid]);
      const { virtualNode: gone } = await target.appMesh.send(new DeleteVirtualNodeCommand({ meshName, virtualNodeName }));
      assert.deepEqual(gone?.status, { status: "DELETED" });
      await refused("NotFoundException", target.appMesh.send(new DescribeVirtualNodeCommand({ meshName, virtualNodeName })));
    },
    "the same request again answers with the same node, another content with the token does not": async (target) => {
      const [meshName, virtualNodeName, clientToken] = [await mesh(target), target.unique("node"), target.unique("token")];
      const create = (spec: typeof NODE_SPEC): Promise<unknown> =>
        target.appMesh
          .send(new CreateVirtualNodeCommand({ meshName, virtualNodeName, spec, clientToken }))
          .then((answer) => answer.virtualNode);
      assert.deepEqual(await create(NODE_SPEC), await create(NODE_SPEC));
      await refused("ConflictException", create({}), /client token/);
    },
    "a change with the same token happens once": async (target) => {
      const meshName = await mesh(target);
      const [virtualNodeName, clientToken] = [await node(target, meshName), target.unique("token")];
      const update = (spec: typeof NODE_SPEC): Promise<number | undefined> =>
        target.appMesh
          .send(new UpdateVirtualNodeCommand({ meshName, virtualNodeName, spec, clientToken }))
          .then((answer) => answer.virtualNode?.metadata?.version);
      assert.deepEqual([await update({}), await update({})], [2, 2]);
      await refused("ConflictException", update(NODE_SPEC), /client token/);
    },
    "a name that is taken is a conflict": async (target) => {
      const meshName = await mesh(target);
      const virtualNodeName = await node(target, meshName);
      await refused("ConflictException", target.appMesh.send(new CreateVirtualNodeCommand({ meshName, virtualNodeName, spec: {} })));
    },
    "has exactly one winner of twenty at once": async (target) => {
      const [meshName, virtualNodeName] = [await mesh(target), target.unique("node")];
      const create = (): Promise<unknown> => target.appMesh.send(new CreateVirtualNodeCommand({ meshName, virtualNodeName, spec: {} }));
      const outcomes = await Promise.allSettled(Array.from({ length: 20 }, create));
      assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
    },
    "is not made in a mesh that is not there": (target) => refused("NotFoundException", node(target, "missing")),
    "that provides a virtual service is not deleted": async (target) => {
      const meshName = await mesh(target);
      const virtualNodeName = await node(target, meshName);
      await service(target, meshName, { provider: { virtualNode: { virtualNodeName } } });
      await refused("ResourceInUseException", target.appMesh.send(new DeleteVirtualNodeCommand({ meshName, virtualNodeName })));
    },
    "that a route targets can be deleted, as App Mesh has it": async (target) => {
      const meshName = await mesh(target);
      const [virtualNodeName, virtualRouterName] = [await node(target, meshName), await router(target, meshName)];
      await route(target, { meshName, virtualRouterName }, routeTo(virtualNodeName));
      await target.appMesh.send(new DeleteVirtualNodeCommand({ meshName, virtualNodeName }));
    },
  }),
  ...probesOf("appmesh", "VirtualRouter", {
    "is described, changed and deleted, once its routes are": async (target) => {
      const meshName = await mesh(target);
      const [virtualNodeName, virtualRouterName] = [await node(target, meshName), await router(target, meshName)];
      const { virtualRouter: made } = await target.appMesh.send(new DescribeVirtualRouterCommand({ meshName, virtualRouterName }));
      assertNew(target, `mesh/${meshName}/virtualRouter/${virtualRouterName}`, made?.metadata);
      const spec = { listeners: [{ portMapping: { port: 9090, protocol: "http2" as const } }] };
      const { virtualRouter: changed } = await target.appMesh.send(new UpdateVirtualRouterCommand({ meshName, virtualRouterName, spec }));
      assert.deepEqual([changed?.spec, changed?.metadata?.version], [spec, 2]);
      const routeName = await route(target, { meshName, virtualRouterName }, routeTo(virtualNodeName));
      const remove = new DeleteVirtualRouterCommand({ meshName, virtualRouterName });
      await refused("ResourceInUseException", target.appMesh.send(remove));
      await target.appMesh.send(new DeleteRouteCommand({ meshName, virtualRouterName, routeName }));
      await target.appMesh.send(remove);
    },
    "that provides a virtual service is not deleted": async (target) => {
      const meshName = await mesh(target);
      const virtualRouterName = await router(target, meshName);
      await service(target, meshName, { provider: { virtualRouter: { virtualRouterName } } });
      await refused("ResourceInUseException", target.appMesh.send(new DeleteVirtualRouterCommand({ meshName, virtualRouterName })));
    },
  }),
  ...probesOf("appmesh", "Route", {
    "is described, changed and deleted": async (target) => {
      const meshName = await mesh(target);
      const [virtualNodeName, virtualRouterName] = [await node(target, meshName), await router(target, meshName)];
      const routeName = await route(target, { meshName, virtualRouterName }, routeTo(virtualNodeName));
      const names = { meshName, virtualRouterName, routeName };
      const { route: made } = await target.appMesh.send(new DescribeRouteCommand(names));
      assertNew(target, `mesh/${meshName}/virtualRouter/${virtualRouterName}/route/${routeName}`, made?.metadata);
      assert.deepEqual(made?.spec, routeTo(virtualNodeName));
      const spec = { ...routeTo(virtualNodeName), priority: 1 };
      const { route: changed } = await target.appMesh.send(new UpdateRouteCommand({ ...names, spec }));
      assert.deepEqual([changed?.spec, changed?.metadata?.version], [spec, 2]);
      assert.deepEqual((await target.appMesh.send(new DeleteRouteCommand(names))).route?.status, { status: "DELETED" });
    },
    "is not made to a node that is not there": async (target) => {
      const meshName = await mesh(target);
      const virtualRouterName = await router(target, meshName);
      await refused("NotFoundException", route(target, { meshName, virtualRouterName }, routeTo("missing")));
    },
    "is not made in a router that is not there": async (target) => {
      const meshName = await mesh(target);
      const to = routeTo(await node(target, meshName));
      await refused("NotFoundException", route(target, { meshName, virtualRouterName: "missing" }, to));
    },
  }),
  ...probesOf("appmesh", "VirtualService", {
    "is described, changed and deleted": async (target) => {
      const meshName = await mesh(target);
      const virtualServiceName = await service(target, meshName);
      const { virtualService: made } = await target.appMesh.send(new DescribeVirtualServiceCommand({ meshName, virtualServiceName }));
      assertNew(target, `mesh/${meshName}/virtualService/${virtualServiceName}`, made?.metadata);
      const spec = { provider: { virtualRouter: { virtualRouterName: await router(target, meshName) } } };
      const update = new UpdateVirtualServiceCommand({ meshName, virtualServiceName, spec });
      assert.deepEqual((await target.appMesh.send(update)).virtualService?.spec, spec);
      await target.appMesh.send(new DeleteVirtualServiceCommand({ meshName, virtualServiceName }));
      await refused("NotFoundException", target.appMesh.send(new DeleteVirtualServiceCommand({ meshName, virtualServiceName })));
    },
    "is not given a provider that is not there": async (target) => {
      const provider = { virtualRouter: { virtualRouterName: "missing" } };
      await refused("NotFoundException", service(target, await mesh(target), { provider }));
    },
  }),
  ...probesOf("appmesh", "VirtualGateway", {
    "and its routes are described, changed and deleted, the routes first": async (target) => {
      const meshName = target.unique("mesh");
      await target.appMesh.send(new CreateMeshCommand({ meshName }));
      const [virtualGatewayName, virtualServiceName] = [await gateway(target, meshName), await service(target, meshName)];
      const place = { meshName, virtualGatewayName };
      const gatewayRouteName = await gatewayRoute(target, place, virtualServiceName);
      const described = await target.appMesh.send(new DescribeGatewayRouteCommand({ ...place, gatewayRouteName }));
      const path = `mesh/${meshName}/virtualGateway/${virtualGatewayName}`;
      assertNew(target, `${path}/gatewayRoute/${gatewayRouteName}`, described.gatewayRoute?.metadata);
      assertNew(target, path, (await target.appMesh.send(new DescribeVirtualGatewayCommand(place))).virtualGateway?.metadata);
      const spec = { ...described.gatewayRoute?.spec, priority: 1 };
      const changed = await target.appMesh.send(new UpdateGatewayRouteCommand({ ...place, gatewayRouteName, spec }));
      assert.equal(changed.gatewayRoute?.metadata?.version, 2);
      const listeners = [{ portMapping: { port: 9090, protocol: "grpc" as const } }];
      const update = new UpdateVirtualGatewayCommand({ ...place, spec: { listeners } });
      assert.deepEqual((await target.appMesh.send(update)).virtualGateway?.spec, { listeners });
      const removeService = new DeleteVirtualServiceCommand({ meshName, virtualServiceName });
      await refused("ResourceInUseException", target.appMesh.send(removeService), /gatewayRoute/);
      await refused("ResourceInUseException", target.appMesh.send(new DeleteVirtualGatewayCommand(place)));
      await target.appMesh.send(new DeleteGatewayRouteCommand({ ...place, gatewayRouteName }));
      await target.appMesh.send(new DeleteVirtualGatewayCommand(place));
      await target.appMesh.send(removeService);
      await target.appMesh.send(new DeleteMeshCommand({ meshName }));
    },
  }),
  ...probesOf("appmesh", "tags", {
    "are given at creation, added, changed, taken away and paged": async (target) => {
      const [meshName, virtualNodeName] = [await mesh(target), target.unique("node")];
      const tags = [
        { key: "a", value: "1" },
        { key: "b", value: "1" },
      ];
      await target.appMesh.send(
        new CreateVirtualNodeCommand({ meshName, virtualNodeName, spec: { listeners: [LISTENER], ...NODE_SPEC }, tags }),
      );
      const resourceArn = meshArn(target, `${meshName}/virtualNode/${virtualNodeName}`);
      const more = [
        { key: "b", value: "2" },
        { key: "c", value: "3" },
      ];
      await target.appMesh.send(new TagResourceCommand({ resourceArn, tags: more }));
      await target.appMesh.send(new UntagResourceCommand({ resourceArn, tagKeys: ["a", "missing"] }));
      assert.deepEqual((await target.appMesh.send(new ListTagsForResourceCommand({ resourceArn }))).tags, more);
      const pages: number[] = [];
      for await (const page of paginateListTagsForResource({ client: target.appMesh, pageSize: 1 }, { resourceArn }))
        pages.push(page.tags?.length ?? 0);
      assert.deepEqual(pages, [1, 1]);
    },
    "of what is not there, and of what is no ARN, are told apart": async (target) => {
      const list = (resourceArn: string): Promise<unknown> => target.appMesh.send(new ListTagsForResourceCommand({ resourceArn }));
      await refused("NotFoundException", list(meshArn(target, "missing")));
      await refused("BadRequestException", list("nothing"));
    },
    "above 50 are refused": async (target) => {
      const resourceArn = meshArn(target, await mesh(target));
      const tags = Array.from({ length: 50 }, (_, index) => ({ key: `k${index}`, value: "v" }));
      await target.appMesh.send(new TagResourceCommand({ resourceArn, tags }));
      await refused(
        "TooManyTagsException",
        target.appMesh.send(new TagResourceCommand({ resourceArn, tags: [{ key: "one", value: "more" }] })),
      );
    },
  }),
];
