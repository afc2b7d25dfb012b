import type { ObjectKey } from "../crds/meta.ts";

/** Objects as the API server sends them: the metadata that the runtime reads is typed, the rest is plain JSON. */

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface ManagedFieldsEntry {
  readonly manager?: string;
  readonly operation?: string;
  readonly subresource?: string;
  readonly apiVersion?: string;
  /** Of its last change, RFC 3339 in whole seconds. */
  readonly time?: string;
  readonly fieldsV1?: Readonly<Record<string, unknown>>;
}

export interface LiveMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
  readonly managedFields?: readonly ManagedFieldsEntry[];
}

/** An object that exists: it has a uid and a resourceVersion. */
export interface LiveObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: LiveMeta;
  readonly [field: string]: unknown;
}

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a parsed JSON value is an object that exists on an API server. */
export function isLiveObject(value: unknown): value is LiveObject {
  if (!isJsonObject(value) || typeof value.apiVersion !== "string" || typeof value.kind !== "string") return false;
  const meta = value.metadata;
  return isJsonObject(meta) && typeof meta.name === "string" && typeof meta.uid === "string" && typeof meta.resourceVersion === "string";
}

/** Namespace (empty for cluster-scoped objects) and name. */
export function objectKey({
  metadata: { namespace = "", name },
}: {
  readonly metadata: { readonly namespace?: string; readonly name: string };
}): ObjectKey {
  return { namespace, name };
}

/** Negative, zero or positive: resourceVersions order as decimal numbers of any length (KEP-5504, Kubernetes 1.35). */
export function compareResourceVersions(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
