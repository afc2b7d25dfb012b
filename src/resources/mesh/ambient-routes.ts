import type { KubeObject } from "../../crds/desired.ts";
import type { EffectiveService } from "../../crds/effective.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import type { Route } from "../../crds/platform-service.ts";
import { childObject } from "../child-object.ts";
import { compareText } from "../order.ts";
import { waypointOf } from "./waypoint.ts";

/**
 * Routes as Gateway API's HTTPRoute, which the waypoint follows; also for gRPC, since a GRPCRoute has neither timeouts nor retries. The API server's
 * defaults are written out: `rules` is one field to server-side apply, defaults included.
 */

export const GATEWAY_API = "gateway.networking.k8s.io/v1";

/** One match of an HTTPRoute: all of it must hold. */
export interface GatewayMatch {
  readonly path: { readonly type: "Exact" | "PathPrefix" | "RegularExpression"; readonly value: string };
  readonly method?: string;
  readonly headers?: readonly { readonly name: string; readonly type: "Exact" | "RegularExpression"; readonly value: string }[];
}

type Part = Readonly<Record<string, unknown>>;
type Match = NonNullable<Route["match"]>;
export type RetryOn = NonNullable<NonNullable<Route["retries"]>["retryOn"]>[number];

/** The service's routes, attached to its Service; undefined where no waypoint or no request is. */
export function buildHttpRoute(service: EffectiveService, config: OperatorConfig): KubeObject | undefined {
  const { port, protocol } = service.spec;
  if (port === undefined || protocol === "tcp" || !waypointOf(service, config)) return undefined;
  const reference = { group: "", kind: "Service", name: service.key.name };
  const backendRefs = [{ ...reference, port, weight: 1 }];
  return childObject(service, {
    apiVersion: GATEWAY_API,
    kind: "HTTPRoute",
    body: { spec: { parentRefs: [reference], rules: service.routes.map((route) => rule(route, backendRefs)) } },
  });
}

function rule(route: Route, backendRefs: readonly Part[]): Part {
  return { name: route.name, matches: gatewayMatches(route.match), ...timeouts(route), retry: retry(route.retries), backendRefs };
}

function timeouts({ timeout, retries }: Route): Part {
  const backendRequest = retries && retries.attempts > 0 ? retries.perTryTimeout : undefined;
  if (timeout === undefined && backendRequest === undefined) return {};
  return { timeouts: { ...(timeout !== undefined && { request: timeout }), ...(backendRequest !== undefined && { backendRequest }) } };
}

/** None written is sent as none: left out, Istio would try twice again on its own. Istio adds connect-failure and refused-stream, which every method survives. */
function retry(retries: Route["retries"]): Part {
  if (!retries || retries.attempts === 0) return { attempts: 0 };
  const codes = (retries.retryOn ?? []).flatMap((one) => RETRY_CODES[one] ?? []);
  const sorted = [...new Set(codes)].toSorted((a, b) => a - b);
  return { attempts: retries.attempts, ...(sorted.length > 0 && { codes: sorted }) };
}

/** What is tried again because of the answer's status; the others are no answers. */
const RETRY_CODES: Readonly<Partial<Record<RetryOn, readonly number[]>>> = {
  "server-error": Array.from({ length: 100 }, (_, index) => 500 + index),
  "gateway-error": [502, 503, 504],
  "retriable-4xx": [409],
};

/** One for each method, since a match has one; of which one must hold. */
export function gatewayMatches(match: Route["match"]): readonly GatewayMatch[] {
  const { path, methods = [], headers = [] } = match ?? {};
  const common = {
    path: pathMatch(path),
    ...(headers.length > 0 && { headers: headers.map(headerMatch).toSorted((a, b) => compareText(a.name, b.name)) }),
  };
  return methods.length === 0 ? [common] : methods.toSorted(compareText).map((method) => ({ ...common, method }));
}

function pathMatch(path: Match["path"]): GatewayMatch["path"] {
  if (path?.exact !== undefined) return { type: "Exact", value: path.exact };
  if (path?.regex !== undefined) return { type: "RegularExpression", value: path.regex };
  return { type: "PathPrefix", value: (path?.prefix ?? "/").replace(/\/+$/, "") || "/" };
}

function headerMatch({ name, exact, prefix, regex }: NonNullable<Match["headers"]>[number]) {
  if (exact !== undefined) return { name, type: "Exact", value: exact } as const;
  return { name, type: "RegularExpression", value: prefix === undefined ? (regex ?? "") : `${quoted(prefix)}.*` } as const;
}

/** As RE2 reads it literally (regexp.QuoteMeta). */
function quoted(text: string): string {
  return text.replaceAll(/[\\.+*?()|[\]{}^$]/g, String.raw`\$&`);
}
