import { covers } from "../resources/iam/pattern.ts";

/** Which repositories the rules of a registry are about (ECR user guide, Scanning filters and Private registry replication). */

/** Whether one of these scanning filters is about every repository whose name begins so. A filter without `*` is about each name that holds it. */
export function scansEvery(prefix: string, filters: readonly string[]): boolean {
  return filters.some((filter) => covers(filter.includes("*") ? filter : `*${filter}*`, `${prefix}*`));
}

/** Whether one of these prefixes is about every repository whose name begins so. */
export function replicatesEvery(prefix: string, prefixes: readonly string[]): boolean {
  return prefixes.some((replicated) => prefix.startsWith(replicated));
}
