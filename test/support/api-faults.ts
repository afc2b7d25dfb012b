import type { ApiCall } from "./api-call.ts";
import type { ApiFault } from "./api-proxy.ts";

/** What can become of a request to the API server, in words and for the proxy. */
export const API_FAULTS: readonly (readonly [string, ApiFault])[] = [
  ["answered 500", { kind: "status", code: 500 }],
  ["refused with 403", { kind: "status", code: 403 }],
  ["cut before it is forwarded", { kind: "cut" }],
  ["carried out, and its answer lost", { kind: "lost" }],
];

/** `deployments.apps`. */
export function resourceOf({ group, resource }: ApiCall): string {
  return group === "" ? resource : `${resource}.${group}`;
}

/** Whether it follows or reads a whole collection. */
export function isWatchOrList({ verb }: ApiCall): boolean {
  return verb === "watch" || verb === "list";
}
