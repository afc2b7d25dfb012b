/** What the operations of Amazon Managed Service for Prometheus have in common: finding things, how far they are, pages. */
import type { Account, Call, Permission } from "../../operation.ts";
import { page } from "../../paging.ts";
import type { RulesNamespaceRecord, Tags, WorkspaceRecord } from "../../records.ts";
import { apsFault } from "./schema.ts";

export function workspaceArn({ accountId, region }: Account, id: string): string {
  return `arn:aws:aps:${region}:${accountId}:workspace/${id}`;
}

export function rulesNamespaceArn({ accountId, region }: Account, { workspaceId, name }: Named): string {
  return `arn:aws:aps:${region}:${accountId}:rulegroupsnamespace/${workspaceId}/${name}`;
}

export function rulesNamespaceKey({ workspaceId, name }: Named): string {
  return `${workspaceId}/${name}`;
}

/** Whether it still is at what it was told to last. */
export function isUnderWay({ since }: { readonly since: number }, { now, switches }: Call): boolean {
  return now - since < switches.managedPrometheusMs;
}

/** Whether its deletion has come to its end. */
function isGone(record: { readonly doing: string; readonly since: number }, call: Call): boolean {
  return record.doing === "DELETING" && !isUnderWay(record, call);
}

/** The record, unless it is gone, and then it is no more. */
function unlessGone<V extends WorkspaceRecord | RulesNamespaceRecord>(record: V | undefined, call: Call): V | undefined {
  return record === undefined || isGone(record, call) ? undefined : record;
}

export function workspaces(call: Call): readonly (readonly [string, WorkspaceRecord])[] {
  return call.store.workspaces.entries().filter(([, each]) => !isGone(each, call));
}

export function rulesNamespaces(workspaceId: string, call: Call): readonly (readonly [string, RulesNamespaceRecord])[] {
  return call.store.rulesNamespaces.entries().filter(([, each]) => each.workspaceId === workspaceId && !isGone(each, call));
}

/** Throws ResourceNotFoundException. */
export function findWorkspace(id: string, call: Call): WorkspaceRecord {
  const workspace = unlessGone(call.store.workspaces.get(id), call);
  if (workspace === undefined) throw apsFault("ResourceNotFoundException", `Workspace not found: ${id}`);
  return workspace;
}

export interface Named {
  readonly workspaceId: string;
  readonly name: string;
}

/** Throws ResourceNotFoundException, also for a workspace that is not there. What is gone is forgotten as somebody asks for it. */
export function findRulesNamespace(named: Named, call: Call): RulesNamespaceRecord {
  findWorkspace(named.workspaceId, call);
  const key = rulesNamespaceKey(named);
  const record = call.store.rulesNamespaces.get(key);
  const found = unlessGone(record, call);
  if (found !== undefined) return found;
  if (record !== undefined) call.store.rulesNamespaces.delete(key);
  throw apsFault("ResourceNotFoundException", `Rule groups namespace not found: ${named.name}`);
}

/** The permission to do `action` to a workspace. */
export function onWorkspace(action: string, id: string, call: Call): Permission {
  return { action: `aps:${action}`, resource: workspaceArn(call, id), resourceTags: call.store.workspaces.get(id)?.tags ?? {} };
}

/** The permission to do `action` to the rules in a workspace. */
export function onRulesNamespace(action: string, named: Named, call: Call): Permission {
  const resourceTags = unlessGone(call.store.rulesNamespaces.get(rulesNamespaceKey(named)), call)?.tags ?? {};
  return { action: `aps:${action}`, resource: rulesNamespaceArn(call, named), resourceTags };
}

/** The tags with others added. Throws ValidationException. */
export function mergeTags(existing: Tags, added: Tags, { quotas }: Call): Tags {
  if (Object.keys(added).some((key) => key.toLowerCase().startsWith("aws:")))
    throw apsFault("ValidationException", "Tag keys that begin with aws: are reserved");
  const merged = { ...existing, ...added };
  if (Object.keys(merged).length > quotas.tagsPerResource)
    throw apsFault("ValidationException", `A resource can have at most ${quotas.tagsPerResource} tags`);
  return merged;
}

const DEFAULT_PAGE = 100; // of every list (API reference, maxResults)

interface PagedRequest {
  readonly nextToken?: string | undefined;
  readonly maxResults?: number | undefined;
}

/** A page and its nextToken. Throws ValidationException for a token that is none. */
export function apsPage<T>(
  sorted: readonly (readonly [string, T])[],
  { nextToken, maxResults }: PagedRequest,
  { switches }: Call,
): { readonly items: readonly T[]; readonly nextToken: string | undefined } {
  const found = page(sorted, { token: nextToken, size: maxResults, defaultSize: DEFAULT_PAGE, maxSize: switches.maxPageSize });
  if (found === undefined) throw apsFault("ValidationException", "nextToken is not one of this list");
  return { items: found.items, nextToken: found.next };
}
