import type { Owner } from "../reconcilers/ports.ts";
import type { Child } from "./child-stores.ts";

/** Whose an existing object is, from the view of an owner that wants one of that name. */
export type Holding =
  | { readonly by: "owner" }
  /** Ours by kind and name, but of an owner that is gone; garbage collection will take it. */
  | { readonly by: "deadOwner" }
  | { readonly by: "other"; readonly holder: string };

export function holdingOf(child: Child<unknown>, owner: Owner): Holding {
  const { controller, ownedHash } = child.state;
  if (controller === undefined) {
    // Somebody took our ownerReference off, or an owner of this name was deleted with propagation Orphan: our fields still say whose it is.
    if (ownedHash !== undefined && child.service === owner.key.name) return { by: "owner" };
    return { by: "other", holder: "an object that no controller owns" };
  }
  if (controller.uid === owner.uid) return { by: "owner" };
  const sameName = controller.kind === owner.kind && controller.name === owner.key.name && groupOf(controller) === groupOf(owner);
  return sameName ? { by: "deadOwner" } : { by: "other", holder: `${controller.kind} ${controller.name}` };
}

function groupOf({ apiVersion }: { readonly apiVersion: string }): string {
  return apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
}
