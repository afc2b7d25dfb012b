import type { Changes } from "../../support/json-path.ts";

/** What a change of one leaf leads to. */
export interface LeafRow {
  /** As `leavesOf` names it. */
  readonly leaf: string;
  readonly change: Changes;
  /** What must be written otherwise, before and after, for the change to be valid. */
  readonly given?: Changes;
  /** Exactly what differs, as `wholeDifferences` says it; the order is of no meaning. Of an object without a path, as `Role`, anything may. */
  readonly becomes: readonly string[];
}

/** What the change writes: the title of the row's test is `leaf: ["value"]`, and docs/coverage.md names it so. */
export function valuesWritten({ change }: Pick<LeafRow, "change">): string {
  return JSON.stringify(Object.values(change).map(String));
}

/** The same path in each of the objects. */
export function at(objects: readonly string[], ...paths: readonly string[]): readonly string[] {
  return objects.flatMap((object) => paths.map((path) => `${object}: ${path}`));
}

/** Paths of one of the NetworkPolicies, below its spec. */
export function policy(concern: string, ...paths: readonly string[]): readonly string[] {
  return at([`NetworkPolicy matching-${concern}`], ...paths.map((path) => `spec.${path}`));
}

export const DEPLOYMENT = "Deployment matching";
export const CONTAINER = "spec.template.spec.containers[0]";

/** Every child of the service with every field written, in a tier of standard isolation. */
export const CHILDREN = [
  "AuthorizationPolicy matching",
  DEPLOYMENT,
  "DestinationRule matching",
  "HorizontalPodAutoscaler matching",
  "NetworkPolicy matching-aws",
  "NetworkPolicy matching-callers",
  "NetworkPolicy matching-default-deny",
  "NetworkPolicy matching-dependencies",
  "NetworkPolicy matching-dns",
  "NetworkPolicy matching-mesh",
  "NetworkPolicy matching-scrape",
  "PeerAuthentication matching",
  "PodDisruptionBudget matching",
  "PodMonitor matching",
  "Service matching",
  "ServiceAccount matching",
  "ServiceEntry matching.api.carrier.example.com",
  "ServiceEntry matching.aws",
  "ServiceEntry matching.cidr-10-40-0-0-16",
  "Sidecar matching",
  "VirtualService matching",
] as const;
