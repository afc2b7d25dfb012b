import { canonicalJson } from "../crds/canonical.ts";
import { KubeError } from "../reconcilers/ports.ts";
import type { ResourceType } from "./kinds.ts";
import { isJsonObject, type JsonObject, type LiveObject } from "./objects.ts";
import type { Transport } from "./transport.ts";

/** Writes to objects that others own the spec of: a status, finalizers. Both fail with `conflict` when the object has changed meanwhile. */

/** An object as a store keeps it. */
export interface Written {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly deletionTimestamp?: string;
    readonly finalizers?: readonly string[];
  };
  readonly status?: object;
}

/**
 * Makes the object's status equal to `status`, if the object has not changed since it was read (else KubeError `conflict`).
 * Resolves to the object as written; undefined when nothing differed and nothing was sent.
 */
export async function writeStatus(
  transport: Transport,
  resource: ResourceType,
  object: Written,
  status: object,
): Promise<LiveObject | undefined> {
  const difference = mergeDifference({ ...object.status }, { ...status });
  if (difference === undefined) return undefined;
  const { name, namespace = "", uid, resourceVersion } = object.metadata;
  return transport.mergePatch(
    { resource, namespace, name, subresource: "status" },
    { metadata: { uid, resourceVersion }, status: difference },
  );
}

/**
 * Sets the object's finalizers, if the object has not changed since it was read (else KubeError `conflict`). Resolves to the object as written; undefined when it is
 * being deleted and is gone, as by an earlier pass of which the watch has not told yet.
 */
export async function writeFinalizers(
  transport: Transport,
  resource: ResourceType,
  object: Written,
  finalizers: readonly string[],
): Promise<LiveObject | undefined> {
  const { name, namespace = "", uid, resourceVersion, deletionTimestamp } = object.metadata;
  try {
    return await transport.mergePatch({ resource, namespace, name }, { metadata: { uid, resourceVersion, finalizers } });
  } catch (error) {
    if (deletionTimestamp !== undefined && error instanceof KubeError && error.class === "notFound") return undefined;
    throw error;
  }
}

/** The JSON merge patch (RFC 7396) that turns `from` into `to`; undefined when they are equal. Lists are replaced whole. */
export function mergeDifference(from: JsonObject, to: JsonObject): JsonObject | undefined {
  const patch: Record<string, unknown> = {};
  for (const key of Object.keys(from)) if (to[key] === undefined && from[key] !== undefined) patch[key] = null;
  for (const [key, value] of Object.entries(to)) {
    const old = from[key];
    if (value === undefined || canonicalJson(old) === canonicalJson(value)) continue;
    patch[key] = isJsonObject(old) && isJsonObject(value) ? mergeDifference(old, value) : value;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}
