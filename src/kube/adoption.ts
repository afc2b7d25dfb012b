import { canonicalJson } from "../crds/canonical.ts";
import { ANNOTATIONS } from "../crds/meta.ts";
import type { ChildState, Owner } from "../reconcilers/ports.ts";
import type { Child } from "./child-stores.ts";
import { isJsonObject, type JsonObject, type LiveObject } from "./objects.ts";

/** Taking over an object that exists: asked for on the object itself, since who may write it may not be who may write the service (api.md, Ownership). */

/** Whether the object asks this service to take it over, and nobody else has it. */
export function asksFor(child: Pick<Child<unknown>, "state" | "service">, owner: Owner): boolean {
  return child.state.annotations[ANNOTATIONS.adoptBy] === owner.key.name && isFree(child, owner);
}

/** Nobody controls it, it is not going, and it is no child of another service that has lost its ownerReference. */
export function isFree({ state, service }: Pick<Child<unknown>, "state" | "service">, owner: Owner): boolean {
  return state.controller === undefined && !state.deleting && !isOfAnother(state, service, owner);
}

function isOfAnother({ ownedHash }: ChildState, service: string | undefined, owner: Owner): boolean {
  return ownedHash !== undefined && service !== undefined && service !== owner.key.name;
}

/** Why it can never be what is wished for, and what to do instead; undefined: it can. */
export function obstacleTo(live: LiveObject, desired: JsonObject): string | undefined {
  const spec = partOf(live, "spec");
  switch (live.kind) {
    case "Deployment": {
      const wanted = partOf(desired, "spec").selector;
      if (canonicalJson(spec.selector) === canonicalJson(wanted)) return undefined;
      return "its spec.selector is another than the service's and cannot be changed: bring it as it is by spec.workloadRef, or delete it once its pods can be spared";
    }
    case "Service":
      if (spec.type !== "ExternalName" && spec.clusterIP !== "None") return undefined;
      return "it has no cluster IP (it is headless, or an ExternalName), which cannot be changed: delete it, and it is made anew";
    default:
      return undefined;
  }
}

function partOf(object: JsonObject, field: string): JsonObject {
  const part = object[field];
  return isJsonObject(part) ? part : {};
}
