import type { ActionEntry } from "../../emulator/action-log.ts";
import type { EmulatorAdmin } from "../../emulator/admin-client.ts";
import { ADMIN_KEY } from "../../src/cli/keys.ts";

/** Whether the action is the call's own, on what the call is about. To write an object of App Mesh is also an action on each object that its spec names. */
export function isOwnAction({ action, operation, resource }: Pick<ActionEntry, "action" | "operation" | "resource">): boolean {
  if (action !== operation) return false;
  const kind = /^appmesh:(?:Create|Update)(\w+)$/.exec(action)?.[1]?.toLowerCase();
  return kind === undefined || resource.split("/").at(-2)?.toLowerCase() === kind;
}

/** The creations that were carried out after the sequence number, by whichever operator. */
export async function creationsSince(aws: EmulatorAdmin, since = 0): Promise<readonly ActionEntry[]> {
  const actions = await aws.actions(since);
  return actions.filter((a) => a.committed && isOwnAction(a) && a.accessKeyId !== ADMIN_KEY && a.action.includes(":Create"));
}
