import type { ApiCall } from "./api-call.ts";
import type { ApiFault } from "./api-proxy.ts";
import type { NamedFault } from "./thoroughness.ts";

/** What can become of a request to the API server, in words and for the proxy. */
export const API_FAULTS: readonly NamedFault<ApiFault>[] = [
  ["carried out, and its answer lost", { kind: "lost" }],
  ["answered 500", { kind: "status", code: 500 }],
  ["refused with 403", { kind: "status", code: 403 }],
  ["cut before it is forwarded", { kind: "cut" }],
  ["answered 429 with Retry-After", { kind: "status", code: 429 }],
  ["answered 503", { kind: "status", code: 503 }],
  ["answered 409", { kind: "status", code: 409 }],
  ["cut in the middle of its answer", { kind: "half" }],
  ["carried out twice", { kind: "twice" }],
  ["forwarded 5 s late", { kind: "slow", ms: 5_000 }],
  ["never answered", { kind: "hang" }],
];

/** Of them what can become of a list or a watch; and 410. */
export const WATCH_FAULTS: readonly NamedFault<ApiFault>[] = [
  ...API_FAULTS.filter(([, fault]) => fault.kind !== "twice" && !(fault.kind === "status" && fault.code === 409)),
  ["answered 410", { kind: "status", code: 410 }],
];

/** `deployments.apps`. */
export function resourceOf({ group, resource }: ApiCall): string {
  return group === "" ? resource : `${resource}.${group}`;
}

/** Whether it follows or reads a whole collection. */
export function isWatchOrList({ verb }: ApiCall): boolean {
  return verb === "watch" || verb === "list";
}
