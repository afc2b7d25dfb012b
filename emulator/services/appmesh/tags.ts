import type {
  ListTagsForResourceInput,
  ListTagsForResourceOutput,
  TagRef,
  TagResourceInput,
  TagResourceOutput,
  UntagResourceInput,
  UntagResourceOutput,
} from "@aws-sdk/client-app-mesh";
import { read, write, type Call, type Operation, type Permission, type Valid } from "../../operation.ts";
import type { MeshObjectRecord, Tags } from "../../records.ts";
import { appMeshPage, arnOf, putObject } from "./objects.ts";
import { onPath } from "./permissions.ts";
import { appMeshFault } from "./schema.ts";

export type TagList = readonly Valid<TagRef>[];

/** A request's tags for condition keys. */
export function requestTags(tags: TagList | undefined): Tags {
  return Object.fromEntries((tags ?? []).map(({ key, value }) => [key, value]));
}

/** The tags with others added. Throws BadRequestException and TooManyTagsException. */
export function mergeTags(existing: Tags, added: TagList, { quotas }: Call): Tags {
  const keys = added.map(({ key }) => key);
  if (new Set(keys).size !== keys.length) throw appMeshFault("BadRequestException", "Tag keys must not be given twice");
  if (keys.some((key) => key.toLowerCase().startsWith("aws:"))) {
    throw appMeshFault("BadRequestException", "Tag keys that begin with aws: are reserved");
  }
  const merged = { ...existing, ...requestTags(added) };
  if (Object.keys(merged).length <= quotas.tagsPerResource) return merged;
  throw appMeshFault("TooManyTagsException", `A resource can have at most ${quotas.tagsPerResource} tags`);
}

/** Throws BadRequestException for what is no ARN of App Mesh. */
function pathIn(arn: string): string {
  const [, path] = /^arn:aws[a-z-]*:appmesh:[a-z0-9-]+:\d{12}:(mesh\/.+)$/.exec(arn) ?? [];
  if (path === undefined) throw appMeshFault("BadRequestException", `${arn} is not the ARN of a resource of App Mesh`);
  return path;
}

/** Throws NotFoundException. */
function find(arn: string, call: Call): MeshObjectRecord {
  const record = call.store.meshObjects.get(pathIn(arn));
  if (record === undefined || arnOf(call, record.path) !== arn) throw appMeshFault("NotFoundException", `Resource ${arn} was not found`);
  return record;
}

function onArn(action: string, arn: string, call: Call): Permission {
  return { ...onPath(action, pathIn(arn), call), resource: arn };
}

const tagResource = write<TagResourceInput, TagResourceOutput>("TagResource", {
  permissions: ({ resourceArn, tags }, call) => [{ ...onArn("TagResource", resourceArn, call), requestTags: requestTags(tags) }],
  handle({ resourceArn, tags }, call) {
    const record = find(resourceArn, call);
    putObject({ ...record, tags: mergeTags(record.tags, tags, call) }, call);
    return {};
  },
});

const untagResource = write<UntagResourceInput, UntagResourceOutput>("UntagResource", {
  permissions: ({ resourceArn, tagKeys }, call) => [{ ...onArn("UntagResource", resourceArn, call), tagKeys }],
  handle({ resourceArn, tagKeys }, call) {
    const record = find(resourceArn, call);
    const tags = Object.fromEntries(Object.entries(record.tags).filter(([key]) => !tagKeys.includes(key)));
    putObject({ ...record, tags }, call);
    return {};
  },
});

const listTags = read<ListTagsForResourceInput, ListTagsForResourceOutput>("ListTagsForResource", {
  permissions: ({ resourceArn }, call) => [onArn("ListTagsForResource", resourceArn, call)],
  handle(request, call) {
    const tags = Object.entries(find(request.resourceArn, call).tags).map(([key, value]) => [key, { key, value }] as const);
    const { items, nextToken } = appMeshPage(
      tags.toSorted(([a], [b]) => (a < b ? -1 : 1)),
      request,
      call,
    );
    return { tags: [...items], nextToken };
  },
});

export const TAG_OPERATIONS: readonly Operation[] = [tagResource, untagResource, listTags];
