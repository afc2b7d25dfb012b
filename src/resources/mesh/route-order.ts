import type { GatewayMatch } from "./ambient-routes.ts";

/** Gateway API tries matches in an order of its own, the more specific first; a route list in the order written is the same only where that makes no difference. */

/** Higher is tried first, as Istio has it (sortHTTPRoutes in pilot/pkg/config/kube/gateway): a regular expression after any prefix. */
const RANK = { Exact: 3, PathPrefix: 2, RegularExpression: 1 } as const;

/** Whether `later`, written after `earlier`, would be tried before it and could take one of its requests. */
export function overtakes(later: GatewayMatch, earlier: GatewayMatch): boolean {
  return precedes(later, earlier) && overlap(later, earlier);
}

/** Rank, then length of the path, then whether there is a method, then the number of headers; as written where all are equal. */
function precedes(a: GatewayMatch, b: GatewayMatch): boolean {
  const [weightsA, weightsB] = [a, b].map(weights);
  const index = weightsA?.findIndex((weight, at) => weight !== weightsB?.[at]) ?? -1;
  return index >= 0 && (weightsA?.[index] ?? 0) > (weightsB?.[index] ?? 0);
}

function weights({ path, method, headers = [] }: GatewayMatch): readonly number[] {
  return [RANK[path.type], path.value.length, method === undefined ? 0 : 1, headers.length];
}

/** Whether some request may match both; where that cannot be told, it may. */
function overlap(a: GatewayMatch, b: GatewayMatch): boolean {
  if (a.method !== undefined && b.method !== undefined && a.method !== b.method) return false;
  const exactA = new Map(a.headers?.filter(({ type }) => type === "Exact").map(({ name, value }) => [name, value]));
  const differs = b.headers?.some(({ name, type, value }) => type === "Exact" && exactA.has(name) && exactA.get(name) !== value) ?? false;
  return !differs && pathsOverlap(a.path, b.path);
}

function pathsOverlap(a: GatewayMatch["path"], b: GatewayMatch["path"]): boolean {
  if (a.type === "RegularExpression" || b.type === "RegularExpression") return true;
  if (a.type === "Exact" && b.type === "Exact") return a.value === b.value;
  return (b.type === "PathPrefix" && isUnder(a.value, b.value)) || (a.type === "PathPrefix" && isUnder(b.value, a.value));
}

function isUnder(path: string, prefix: string): boolean {
  return prefix === "/" || path === prefix || path.startsWith(`${prefix}/`);
}
