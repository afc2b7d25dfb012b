import {
  CreateRouteCommand,
  CreateVirtualNodeCommand,
  CreateVirtualRouterCommand,
  CreateVirtualServiceCommand,
  DeleteRouteCommand,
  DeleteVirtualNodeCommand,
  DeleteVirtualRouterCommand,
  DeleteVirtualServiceCommand,
  DescribeMeshCommand,
  DescribeRouteCommand,
  DescribeVirtualNodeCommand,
  DescribeVirtualRouterCommand,
  DescribeVirtualServiceCommand,
  paginateListRoutes,
  paginateListTagsForResource,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateRouteCommand,
  UpdateVirtualNodeCommand,
  UpdateVirtualRouterCommand,
  UpdateVirtualServiceCommand,
  type AppMeshClient,
  type ResourceMetadata,
  type TagRef,
} from "@aws-sdk/client-app-mesh";
import { describeOwner } from "../crds/aws-names.ts";
import { appMeshOf } from "../crds/effective.ts";
import type {
  MeshObjectDesired,
  MeshRouteDesired,
  VirtualNodeDesired,
  VirtualRouterDesired,
  VirtualServiceDesired,
} from "../crds/mesh-objects.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import { AwsError, MESH_NOT_FOUND, type ExternalResource, type MeshObjectObserved, type MeshResources } from "../reconcilers/ports.ts";
import { unlessGone, whereClass } from "./expected.ts";
import { specDifferences } from "./mesh-spec.ts";
import { assertOurs, changedTags, isOurs, tagChanges, tagDifferences, type Tags } from "./ownership.ts";

/** What a service has in App Mesh: four kinds that differ in their calls alone. An update is the whole spec. */
export function meshResources(appMesh: AppMeshClient, config: OperatorConfig): MeshResources {
  const inMesh = (): { meshName: string } => ({ meshName: appMeshOf(config).meshName });
  const routes = meshResource<MeshRouteDesired>(
    { appMesh, config },
    {
      kind: "Route",
      describe: async (name) => (await appMesh.send(new DescribeRouteCommand({ ...inMesh(), ...namesOfRoute(name) }))).route,
      create: async ({ name, spec }, tags) =>
        (await appMesh.send(new CreateRouteCommand({ ...inMesh(), ...namesOfRoute(name), spec: writable(spec), tags }))).route,
      update: async ({ name, spec }) =>
        (await appMesh.send(new UpdateRouteCommand({ ...inMesh(), ...namesOfRoute(name), spec: writable(spec) }))).route,
      remove: (name) => appMesh.send(new DeleteRouteCommand({ ...inMesh(), ...namesOfRoute(name) })),
    },
  );
  const routesOf = async (virtualRouterName: string): Promise<readonly string[]> =>
    (await whereClass("absent", listRoutes(appMesh, { ...inMesh(), virtualRouterName }))) ?? [];
  const routers = meshResource<VirtualRouterDesired>(
    { appMesh, config },
    {
      kind: "VirtualRouter",
      describe: async (virtualRouterName) =>
        (await appMesh.send(new DescribeVirtualRouterCommand({ ...inMesh(), virtualRouterName }))).virtualRouter,
      create: async ({ name: virtualRouterName, spec }, tags) =>
        (await appMesh.send(new CreateVirtualRouterCommand({ ...inMesh(), virtualRouterName, spec: writable(spec), tags }))).virtualRouter,
      update: async ({ name: virtualRouterName, spec }) =>
        (await appMesh.send(new UpdateVirtualRouterCommand({ ...inMesh(), virtualRouterName, spec: writable(spec) }))).virtualRouter,
      remove: (virtualRouterName) => appMesh.send(new DeleteVirtualRouterCommand({ ...inMesh(), virtualRouterName })),
    },
  );
  return {
    routes,
    virtualRouters: {
      ...routers,
      /** With its routes; one that others put there holds it. */
      async delete(target) {
        const { name, owner } = target;
        if ((await routers.observe(target)).state === "present")
          for (const route of await routesOf(name)) await routes.delete({ name: route, owner, force: false });
        return routers.delete(target);
      },
    },
    virtualNodes: meshResource<VirtualNodeDesired>(
      { appMesh, config },
      {
        kind: "VirtualNode",
        describe: async (virtualNodeName) =>
          (await appMesh.send(new DescribeVirtualNodeCommand({ ...inMesh(), virtualNodeName }))).virtualNode,
        create: async ({ name: virtualNodeName, spec }, tags) =>
          (await appMesh.send(new CreateVirtualNodeCommand({ ...inMesh(), virtualNodeName, spec: writable(spec), tags }))).virtualNode,
        update: async ({ name: virtualNodeName, spec }) =>
          (await appMesh.send(new UpdateVirtualNodeCommand({ ...inMesh(), virtualNodeName, spec: writable(spec) }))).virtualNode,
        remove: (virtualNodeName) => appMesh.send(new DeleteVirtualNodeCommand({ ...inMesh(), virtualNodeName })),
      },
    ),
    virtualServices: meshResource<VirtualServiceDesired>(
      { appMesh, config },
      {
        kind: "VirtualService",
        describe: async (virtualServiceName) =>
          (await appMesh.send(new DescribeVirtualServiceCommand({ ...inMesh(), virtualServiceName }))).virtualService,
        create: async ({ name: virtualServiceName, spec }, tags) =>
          (await appMesh.send(new CreateVirtualServiceCommand({ ...inMesh(), virtualServiceName, spec: writable(spec), tags })))
            .virtualService,
        update: async ({ name: virtualServiceName, spec }) =>
          (await appMesh.send(new UpdateVirtualServiceCommand({ ...inMesh(), virtualServiceName, spec: writable(spec) }))).virtualService,
        remove: (virtualServiceName) => appMesh.send(new DeleteVirtualServiceCommand({ ...inMesh(), virtualServiceName })),
      },
    ),
    routesOfRouter: {
      read: async (virtualRouterName) => ({ names: await routesOf(virtualRouterName) }),
    },
  };
}

/** What an answer says of an object. */
interface MeshObjectData {
  readonly metadata: ResourceMetadata | undefined;
  readonly spec: object | undefined;
  readonly status: { readonly status?: string | undefined } | undefined;
}

/** The calls of one kind. The SDK gives each create and update a token of its own, so that its retries do it once. */
interface MeshCalls<Desired> {
  readonly kind: string;
  describe(name: string): Promise<MeshObjectData | undefined>;
  create(desired: Desired, tags: TagRef[]): Promise<MeshObjectData | undefined>;
  update(desired: Desired): Promise<MeshObjectData | undefined>;
  remove(name: string): Promise<unknown>;
}

function meshResource<Desired extends MeshObjectDesired<object>>(
  { appMesh, config }: { readonly appMesh: AppMeshClient; readonly config: OperatorConfig },
  calls: MeshCalls<Desired>,
): ExternalResource<Desired, MeshObjectObserved> {
  const find = async (name: string): Promise<{ readonly object: MeshObjectObserved; readonly tags: Tags } | undefined> => {
    const data = await whereClass("absent", calls.describe(name));
    if (data === undefined || data.status?.status === "DELETED") return undefined;
    const object = observedObject(data);
    const tags = await meshObjectTags(appMesh, object.arn);
    return tags && { object: { ...object, tags }, tags };
  };
  return {
    group: "appmesh.aws",
    kind: calls.kind,

    async observe({ name, owner }) {
      const found = await find(name);
      if (found === undefined) return { state: "absent" };
      if (!isOurs(found.tags, owner, config)) return { state: "foreign", owner: describeOwner(found.tags) };
      return { state: "present", observed: found.object };
    },

    differences: (desired, { spec, tags }) => [
      ...(spec === undefined ? [] : specDifferences(desired.spec, spec)),
      ...(tags === undefined ? [] : tagDifferences(desired.tags, tags)),
    ],

    revision: ({ revision }) => revision,

    async create(desired) {
      try {
        const data = await calls.create(desired, tagRefs(Object.entries(desired.tags)));
        return { ...observedObject(data), tags: desired.tags };
      } catch (error) {
        if (!(error instanceof AwsError && error.class === "absent") || (await meshExists(appMesh, config))) throw error;
        const { operation, message } = error;
        throw new AwsError({ class: "absent", code: MESH_NOT_FOUND, operation, message, cause: error });
      }
    },

    async update(desired, observed, found) {
      const tags = observed.tags ?? {};
      assertOurs(tags, { ...desired, operation: `appmesh:Update${calls.kind}` }, config);
      const { arn: resourceArn } = observed;
      const changed = found.some(({ field }) => field.startsWith("spec")) ? observedObject(await calls.update(desired)) : observed;
      const { set, remove } = tagChanges(desired.tags, tags);
      if (set.length > 0) await appMesh.send(new TagResourceCommand({ resourceArn, tags: tagRefs(set) }));
      if (remove.length > 0) await appMesh.send(new UntagResourceCommand({ resourceArn, tagKeys: remove }));
      return { ...changed, tags: changedTags(desired.tags, tags) };
    },

    async delete({ name, owner }) {
      const found = await find(name);
      if (found === undefined) return { state: "gone" };
      if (!isOurs(found.tags, owner, config)) return { state: "foreign" };
      await unlessGone(calls.remove(name), async () => (await find(name)) === undefined);
      return { state: "gone" };
    },
  };
}

/** A deep copy that the SDK's types take. */
type Writable<T> = T extends readonly (infer Item)[]
  ? Writable<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Writable<T[Key]> }
    : T;

function writable<T extends object>(value: T): Writable<T> {
  const copy: Writable<T> = JSON.parse(JSON.stringify(value));
  return copy;
}

function observedObject(data: MeshObjectData | undefined): MeshObjectObserved {
  return { ...summarisedObject(data?.metadata), spec: data?.spec ?? {} };
}

/** What a list tells of an object: neither spec nor tags. */
export function summarisedObject(
  one: { readonly arn?: string | undefined; readonly version?: number | undefined; readonly createdAt?: Date | undefined } | undefined,
): MeshObjectObserved {
  const { arn = "", version = 0, createdAt } = one ?? {};
  return { arn, revision: `${Math.floor((createdAt?.getTime() ?? 0) / 1000)}.${version}`, spec: undefined, tags: undefined };
}

/** The name of a route here. */
export function nameOfRoute({
  virtualRouterName = "",
  routeName = "",
}: {
  readonly virtualRouterName?: string | undefined;
  readonly routeName?: string | undefined;
}): string {
  return `${virtualRouterName}/${routeName}`;
}

function namesOfRoute(name: string): { readonly virtualRouterName: string; readonly routeName: string } {
  const slash = name.indexOf("/");
  return { virtualRouterName: name.slice(0, slash), routeName: name.slice(slash + 1) };
}

async function listRoutes(
  client: AppMeshClient,
  router: { readonly meshName: string; readonly virtualRouterName: string },
): Promise<string[]> {
  const names: string[] = [];
  for await (const { routes = [] } of paginateListRoutes({ client }, router)) names.push(...routes.map(nameOfRoute));
  return names.toSorted();
}

/** Of an object of any kind. Undefined: it is not there any more. */
export async function meshObjectTags(client: AppMeshClient, arn: string): Promise<Tags | undefined> {
  return whereClass("absent", tagsOf(client, arn));
}

async function tagsOf(client: AppMeshClient, resourceArn: string): Promise<Tags> {
  const found: TagRef[] = [];
  for await (const { tags = [] } of paginateListTagsForResource({ client }, { resourceArn })) found.push(...tags);
  return Object.fromEntries(found.map(({ key = "", value = "" }) => [key, value]));
}

function tagRefs(tags: Iterable<readonly [string, string]>): TagRef[] {
  return Array.from(tags, ([key, value]) => ({ key, value }));
}

async function meshExists(appMesh: AppMeshClient, config: OperatorConfig): Promise<boolean> {
  const { meshName } = appMeshOf(config);
  return (await whereClass("absent", appMesh.send(new DescribeMeshCommand({ meshName })))) !== undefined;
}
