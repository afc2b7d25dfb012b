/** Mesh objects as records: finding them, what answers say of them, what holds them. */
import type { Account, Call } from "../../operation.ts";
import { page } from "../../paging.ts";
import type { MeshObjectRecord } from "../../records.ts";
import { MESH_KINDS, nameMember, type MeshKind, type MeshKindName, type Reference } from "./kinds.ts";
import { appMeshFault } from "./schema.ts";

/** The members of a request that say which object it is about. */
export type Names = Readonly<Record<string, string>>;

/** A request's names: those of the kind and of what it is in. */
export function namesIn(kind: MeshKind, request: object): Names {
  const members: Readonly<Record<string, unknown>> = { ...request };
  const own = members[nameMember(kind)];
  const above = kind.parent === undefined ? {} : namesIn(kind.parent, request);
  return typeof own === "string" ? { ...above, [nameMember(kind)]: own } : above;
}

/** As `mesh/shop/virtualRouter/cart/route/all`: the key of the table and the end of the ARN. */
export function pathOf(kind: MeshKind, names: Names): string {
  const own = `${kind.kind}/${names[nameMember(kind)] ?? ""}`;
  return kind.parent === undefined ? own : `${pathOf(kind.parent, names)}/${own}`;
}

export function parentPath({ kind, names }: { readonly kind: MeshKind; readonly names: Names }): string | undefined {
  return kind.parent === undefined ? undefined : pathOf(kind.parent, names);
}

export function arnOf({ accountId, region }: Account, path: string): string {
  return `arn:aws:appmesh:${region}:${accountId}:${path}`;
}

/** The path of an object that another of the same mesh names. */
export function referencedPath({ kind, name }: Reference, { meshName = "" }: Names): string {
  return `mesh/${meshName}/${kind}/${name}`;
}

/** Throws NotFoundException: also when what it is in is not there, or the mesh is another account's. */
export function findObject(kind: MeshKind, request: object, call: Call): MeshObjectRecord {
  const names = namesIn(kind, request);
  if (kind.parent !== undefined) findObject(kind.parent, request, call);
  const owner: unknown = "meshOwner" in request ? request.meshOwner : undefined;
  const found = call.store.meshObjects.get(pathOf(kind, names));
  if (found !== undefined && (owner ?? call.accountId) === call.accountId) return found;
  throw appMeshFault("NotFoundException", `${kind.operation} ${names[nameMember(kind)] ?? ""} was not found (${pathOf(kind, names)})`);
}

export function putObject(record: MeshObjectRecord, { store }: Call): void {
  store.meshObjects.set(record.path, record);
}

function times({ createdAt, updatedAt }: MeshObjectRecord): object {
  return { createdAt: new Date(createdAt), lastUpdatedAt: new Date(updatedAt) };
}

/** The object as single answers have it. */
export function describeObject(record: MeshObjectRecord, call: Call, status: "ACTIVE" | "DELETED" = "ACTIVE"): object {
  const { names, spec, uid, version, path } = record;
  const owners = { meshOwner: call.accountId, resourceOwner: call.accountId };
  return { ...names, spec, metadata: { arn: arnOf(call, path), uid, version, ...times(record), ...owners }, status: { status } };
}

/** The object as lists have it. */
export function summariseObject(record: MeshObjectRecord, call: Call): object {
  const owners = { meshOwner: call.accountId, resourceOwner: call.accountId };
  return { ...record.names, arn: arnOf(call, record.path), version: record.version, ...times(record), ...owners };
}

export function kindNamed(name: MeshKindName): MeshKind {
  const kind = MESH_KINDS.find((each) => each.kind === name);
  if (kind === undefined) throw new Error(`there is no kind ${name}`);
  return kind;
}

/** The paths of what keeps an object from being deleted: what is in it, and what names it. */
export function holdersOf(record: MeshObjectRecord, { store, switches }: Call): string[] {
  const holders: string[] = [];
  for (const other of store.meshObjects.committed()) {
    const kind = kindNamed(other.kind);
    const names = kind
      .references(other.spec)
      .some((reference) => !reference.loose && referencedPath(reference, other.names) === record.path);
    const tolerated = other.kind === "route" && switches.targetedVirtualNode === "deletable";
    if (other.parent === record.path || (names && !tolerated) || isBelow(other, record)) holders.push(other.path);
  }
  return holders.toSorted();
}

/** Whether a mesh holds it at any depth. */
function isBelow(other: MeshObjectRecord, { kind, path }: MeshObjectRecord): boolean {
  return kind === "mesh" && other.path.startsWith(`${path}/`);
}

const DEFAULT_PAGE = 100; // App Mesh's, for every list

interface PagedRequest {
  readonly nextToken?: string | undefined;
  readonly limit?: number | undefined;
}

/** A page and its nextToken. Throws BadRequestException for a token that is none. */
export function appMeshPage<T>(
  sorted: readonly (readonly [string, T])[],
  { nextToken, limit }: PagedRequest,
  { switches }: Call,
): { readonly items: readonly T[]; readonly nextToken: string | undefined } {
  const found = page(sorted, { token: nextToken, size: limit, defaultSize: DEFAULT_PAGE, maxSize: switches.maxPageSize });
  if (found === undefined) throw appMeshFault("BadRequestException", "nextToken is not one of this list");
  return { items: found.items, nextToken: found.next };
}
