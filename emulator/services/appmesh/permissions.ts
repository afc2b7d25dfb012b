import type { Call, Permission } from "../../operation.ts";
import type { Tags } from "../../records.ts";
import type { MeshKind } from "./kinds.ts";
import { arnOf, namesIn, pathOf, referencedPath } from "./objects.ts";

/** The permission to do `action` to the object at `path`. */
export function onPath(action: string, path: string, call: Call): Permission {
  return { action: `appmesh:${action}`, resource: arnOf(call, path), resourceTags: call.store.meshObjects.get(path)?.tags ?? {} };
}

export interface SpecRequest {
  readonly spec?: unknown;
}

/**
 * The permissions to write a spec: on the object, and on each that the spec names. The Service Authorization Reference lists those resources
 * as optional ones of the action; whether App Mesh looks at them is not documented, so it is a switch.
 */
export function onSpec(
  kind: MeshKind,
  action: "Create" | "Update",
  context: { request: SpecRequest; requestTags: Tags; call: Call },
): Permission[] {
  const { request, requestTags, call } = context;
  const names = namesIn(kind, request);
  const name = `${action}${kind.operation}`;
  const own = { ...onPath(name, pathOf(kind, names), call), requestTags };
  // UpdateVirtualNode has no virtual service among its resources, CreateVirtualNode has
  const looked = call.switches.namedMeshObjects === "checked" && !(kind.kind === "virtualNode" && action === "Update");
  const named = looked ? kind.references(request.spec ?? {}).map((reference) => referencedPath(reference, names)) : [];
  return [own, ...[...new Set(named)].map((path) => ({ ...onPath(name, path, call), requestTags }))];
}
