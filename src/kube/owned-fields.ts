import { hash } from "node:crypto";
import { canonicalJson } from "../crds/canonical.ts";
import { FIELD_MANAGER, holderOf, holdManager } from "../crds/meta.ts";
import { isLeaf, stepsInto, type FieldsV1 } from "./fields-v1.ts";
import { isJsonObject, type JsonObject, type LiveObject, type ManagedFieldsEntry } from "./objects.ts";

/**
 * What of a live object is ours, and whether it is as we want it. The API server keeps, for each manager, the fields of its
 * last apply; the live object projected onto ours is, as long as nobody changed anything, exactly what was sent.
 */

/** The entry of our server-side apply; undefined when we have never applied the object, or let it go. */
export function ownEntry(object: LiveObject, manager = FIELD_MANAGER): ManagedFieldsEntry | undefined {
  return object.metadata.managedFields?.find((entry) => entry.manager === manager && isApply(entry));
}

function isApply({ operation, subresource = "" }: ManagedFieldsEntry): boolean {
  return operation === "Apply" && subresource === "";
}

/** For each service that holds fields of the object, as its field manager says: the hash of the part that it holds. */
export function holdingsOf(object: LiveObject): Readonly<Record<string, string>> {
  const services = (object.metadata.managedFields ?? []).map((entry) => (isApply(entry) ? holderOf(entry.manager ?? "") : undefined));
  const holders = services.filter((service) => service !== undefined);
  if (holders.length === 0) return NO_HOLDINGS;
  return Object.fromEntries(holders.map((service) => [service, hashOf(ownedProjection(object, holdManager(service)) ?? {})]));
}

/** Of nearly every object: kept once. */
const NO_HOLDINGS: Readonly<Record<string, string>> = {};

/** The part of the live object that we own; undefined when we own nothing. */
export function ownedProjection(object: LiveObject, manager = FIELD_MANAGER): JsonObject | undefined {
  const fields = ownEntry(object, manager)?.fieldsV1;
  if (fields === undefined) return undefined;
  const projected = project(object, fields);
  return isJsonObject(projected) ? projected : {};
}

/** What is to be applied, in the form of a projection: without the identity, which nobody owns. */
export function desiredProjection(object: JsonObject): JsonObject {
  const { apiVersion: _apiVersion, kind: _kind, metadata, ...rest } = object;
  if (!isJsonObject(metadata)) return rest;
  const { name: _name, namespace: _namespace, uid: _uid, resourceVersion: _resourceVersion, ...owned } = metadata;
  return Object.values(owned).every((value) => value === undefined) ? rest : { ...rest, metadata: owned };
}

/** Hash of a projection; equal exactly when the projections are, in canonical form. */
export function hashOf(projection: JsonObject): string {
  return hash("sha256", canonicalJson(projection), "base64url");
}

function project(live: unknown, fields: FieldsV1): unknown {
  if (isLeaf(fields)) return live;
  const steps = stepsInto(live, fields);
  if (Array.isArray(live)) return steps.map((step) => project(step.value, step.fields));
  return isJsonObject(live) ? Object.fromEntries(steps.map((step) => [step.segment, project(step.value, step.fields)])) : live;
}

const MOST_PATHS = 10;

/** Where two projections differ, as `spec.template.spec.containers[0].image`; at most ten paths, sorted. */
export function differingPaths(desired: unknown, live: unknown): readonly string[] {
  return [...differences(desired, live, "")].toSorted().slice(0, MOST_PATHS);
}

function* differences(desired: unknown, live: unknown, path: string): Generator<string> {
  if (canonicalJson(desired) === canonicalJson(live)) return;
  if (isJsonObject(desired) && isJsonObject(live)) {
    for (const key of new Set([...Object.keys(desired), ...Object.keys(live)])) {
      yield* differences(desired[key], live[key], path === "" ? key : `${path}.${key}`);
    }
  } else if (Array.isArray(desired) && Array.isArray(live) && desired.length === live.length) {
    for (let index = 0; index < desired.length; index++) yield* differences(desired[index], live[index], `${path}[${index}]`);
  } else {
    yield path;
  }
}
