/** The five operations that every kind of mesh object has. */
import { isRepeated, REPEATED, requestRecord } from "../../idempotency.ts";
import { read, write, type Call, type Operation } from "../../operation.ts";
import type { MeshObjectRecord, RequestRecord } from "../../records.ts";
import { listMember, nameMember, type MeshKind } from "./kinds.ts";
import {
  appMeshPage,
  describeObject,
  findObject,
  holdersOf,
  namesIn,
  parentPath,
  pathOf,
  putObject,
  referencedPath,
  summariseObject,
  type Names,
} from "./objects.ts";
import { onPath, onSpec, type SpecRequest } from "./permissions.ts";
import { appMeshFault } from "./schema.ts";
import { mergeTags, requestTags, type TagList } from "./tags.ts";

interface CreateRequest extends SpecRequest {
  readonly tags?: TagList;
}

interface ListRequest {
  readonly nextToken?: string;
  readonly limit?: number;
}

/** Throws BadRequestException for what the model allows and App Mesh does not, NotFoundException for what is named and not there. */
function checkSpec(kind: MeshKind, spec: unknown, { names, call }: { names: Names; call: Call }): void {
  const violation = kind.violation(spec);
  if (violation !== undefined) throw appMeshFault("BadRequestException", violation);
  const references = kind.references(spec);
  const backends = references.filter(({ loose }) => loose).length;
  if (backends > call.quotas.backendsPerVirtualNode) {
    throw appMeshFault("LimitExceededException", `A virtual node can have at most ${call.quotas.backendsPerVirtualNode} backends`);
  }
  if (call.switches.absentMeshObject === "accept") return;
  for (const reference of references) {
    if (reference.loose || call.store.meshObjects.get(referencedPath(reference, names)) !== undefined) continue;
    throw appMeshFault("NotFoundException", `${reference.kind} ${reference.name} was not found`);
  }
}

/** Throws BadRequestException: a name is one segment of paths and ARNs. */
function checkName(name: string): void {
  if (name.includes("/")) throw appMeshFault("BadRequestException", `${name}: a name must not have a /`);
}

/** Throws LimitExceededException when the parent holds as many as it may. */
function checkQuota(kind: MeshKind, parent: string | undefined, { store, quotas }: Call): void {
  let count = 0;
  for (const other of store.meshObjects.committed()) if (other.kind === kind.kind && other.parent === parent) count += 1;
  if (count >= quotas[kind.quota])
    throw appMeshFault("LimitExceededException", `There are ${count} ${kind.plural} already, which is the limit`);
}

const TOKEN_REUSED =
  "The request contains a client token that was used for a previous resource call with different specifications. Try the request again with a new client token.";

/** What a create of a name that is taken gets: the object, when the request is the one that made it; otherwise ConflictException. */
function answerTaken(existing: MeshObjectRecord, madeBy: RequestRecord, call: Call): object {
  const same = isRepeated(existing.madeBy, madeBy);
  const alike = call.switches.sameMeshObject === "answered" && existing.madeBy.content === madeBy.content;
  if (same || alike) {
    call.note(REPEATED, "true");
    return describeObject(existing, call);
  }
  if (existing.madeBy.token !== undefined && existing.madeBy.token === madeBy.token) throw appMeshFault("ConflictException", TOKEN_REUSED);
  throw appMeshFault("ConflictException", `${existing.path} already exists`);
}

function uuid(call: Call): string {
  const hex = Buffer.from(call.randomBytes(16)).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

function createOf(kind: MeshKind): Operation {
  return write<CreateRequest, object>(`Create${kind.operation}`, {
    permissions(request, call) {
      const tags = requestTags(request.tags);
      const writing = onSpec(kind, "Create", { request, requestTags: tags, call });
      const tagging = { ...onPath("TagResource", pathOf(kind, namesIn(kind, request)), call), requestTags: tags };
      return Object.keys(tags).length > 0 ? [...writing, tagging] : writing;
    },
    handle(request, call) {
      const names = namesIn(kind, request);
      checkName(names[nameMember(kind)] ?? "");
      if (kind.parent !== undefined) findObject(kind.parent, request, call);
      const path = pathOf(kind, names);
      const madeBy = requestRecord(request, "clientToken");
      const existing = call.store.meshObjects.current(path);
      if (existing !== undefined) return { [kind.kind]: answerTaken(existing, madeBy, call) };
      const { spec = {} } = request;
      checkSpec(kind, spec, { names, call });
      const tags = mergeTags({}, request.tags ?? [], call);
      const parent = parentPath({ kind, names });
      checkQuota(kind, parent, call);
      const record: MeshObjectRecord = {
        kind: kind.kind,
        path,
        parent,
        names,
        spec,
        tags,
        uid: uuid(call),
        version: 1,
        createdAt: call.now,
        updatedAt: call.now,
        madeBy,
      };
      putObject(record, call);
      return { [kind.kind]: describeObject(record, call) };
    },
  });
}

function describeOf(kind: MeshKind): Operation {
  return read<object, object>(`Describe${kind.operation}`, {
    permissions: (request, call) => [onPath(`Describe${kind.operation}`, pathOf(kind, namesIn(kind, request)), call)],
    handle: (request, call) => ({ [kind.kind]: describeObject(findObject(kind, request, call), call) }),
  });
}

function updateOf(kind: MeshKind): Operation {
  return write<SpecRequest, object>(`Update${kind.operation}`, {
    permissions: (request, call) => onSpec(kind, "Update", { request, requestTags: {}, call }),
    handle(request, call) {
      const record = findObject(kind, request, call);
      const updatedBy = requestRecord(request, "clientToken");
      if (record.updatedBy !== undefined && isRepeated(record.updatedBy, updatedBy)) return { [kind.kind]: describeObject(record, call) };
      if (record.updatedBy?.token !== undefined && record.updatedBy.token === updatedBy.token) {
        throw appMeshFault("ConflictException", TOKEN_REUSED);
      }
      const { spec = {} } = request;
      checkSpec(kind, spec, { names: record.names, call });
      const updated = { ...record, spec, version: record.version + 1, updatedAt: call.now, updatedBy };
      putObject(updated, call);
      return { [kind.kind]: describeObject(updated, call) };
    },
  });
}

function deleteOf(kind: MeshKind): Operation {
  return write<object, object>(`Delete${kind.operation}`, {
    permissions: (request, call) => [onPath(`Delete${kind.operation}`, pathOf(kind, namesIn(kind, request)), call)],
    handle(request, call) {
      const record = findObject(kind, request, call);
      const [holder] = holdersOf(record, call);
      if (holder !== undefined) throw appMeshFault("ResourceInUseException", `${record.path} cannot be deleted while there is ${holder}`);
      call.store.meshObjects.delete(record.path);
      return { [kind.kind]: describeObject(record, call, "DELETED") };
    },
  });
}

function listOf(kind: MeshKind): Operation {
  return read<ListRequest, object>(`List${kind.plural}`, {
    permissions(request, call) {
      const parent = parentPath({ kind, names: namesIn(kind, request) });
      return parent === undefined
        ? [{ action: `appmesh:List${kind.plural}`, resource: "*" }]
        : [onPath(`List${kind.plural}`, parent, call)];
    },
    handle(request, call) {
      if (kind.parent !== undefined) findObject(kind.parent, request, call);
      const parent = parentPath({ kind, names: namesIn(kind, request) });
      const all = call.store.meshObjects.entries().filter(([, record]) => record.kind === kind.kind && record.parent === parent);
      const { items, nextToken } = appMeshPage(all, request, call);
      return { [listMember(kind)]: items.map((record) => summariseObject(record, call)), nextToken };
    },
  });
}

export function operationsOf(kind: MeshKind): readonly Operation[] {
  return [createOf(kind), describeOf(kind), updateOf(kind), deleteOf(kind), listOf(kind)];
}
