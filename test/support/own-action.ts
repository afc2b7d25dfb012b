import type { ActionEntry } from "../../emulator/action-log.ts";

/** Whether the action is the call's own, on what the call is about. To write an object of App Mesh is also an action on each object that its spec names. */
export function isOwnAction({ action, operation, resource }: Pick<ActionEntry, "action" | "operation" | "resource">): boolean {
  if (action !== operation) return false;
  const kind = /^appmesh:(?:Create|Update)(\w+)$/.exec(action)?.[1]?.toLowerCase();
  return kind === undefined || resource.split("/").at(-2)?.toLowerCase() === kind;
}
