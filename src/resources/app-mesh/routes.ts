import { serviceTags } from "../../crds/aws-names.ts";
import { durationMs, type EffectiveService } from "../../crds/effective.ts";
import type {
  GrpcMeshMatch,
  HeaderMatch,
  HttpMeshMatch,
  HttpRetryEvent,
  MeshRetryPolicy,
  MeshRouteDesired,
  MeshRouteSpec,
} from "../../crds/mesh-objects.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import type { Route } from "../../crds/platform-service.ts";
import { compareText } from "../order.ts";
import { meshDuration, requestTimeout } from "./durations.ts";
import { virtualNodeName } from "./names.ts";

/**
 * The service's routes as routes of its VirtualRouter, in the order written: their priority is their place. One of App Mesh matches one method and one form of
 * a path, so a route of the file may be several there, next to each other.
 */
export function buildMeshRoutes(service: EffectiveService, config: OperatorConfig): readonly MeshRouteDesired[] {
  const { spec, key, routes } = service;
  if (spec.port === undefined) return [];
  const action = { weightedTargets: [{ virtualNode: virtualNodeName(key, config), weight: 100 }] };
  const specs =
    spec.protocol === "tcp"
      ? [{ name: ALL, spec: { tcpRoute: { action } } }]
      : routes.flatMap((route) => requestRoutes(service, route, action));
  return specs.map(({ name, spec: one }, priority) => ({
    name: `${virtualNodeName(key, config)}/${name}`,
    owner: key,
    spec: { priority, ...one },
    tags: serviceTags(service, config),
  }));
}

/** The one route of a service that is spoken to in bytes. */
const ALL = "all";

interface Named {
  readonly name: string;
  readonly spec: Omit<MeshRouteSpec, "priority">;
}

function requestRoutes(
  { spec: { protocol } }: EffectiveService,
  route: Route,
  action: { readonly weightedTargets: readonly { readonly virtualNode: string; readonly weight: number }[] },
): readonly Named[] {
  const timeout = requestTimeout(route.timeout === undefined ? undefined : durationMs(route.timeout));
  const common = { action, timeout, retryPolicy: retryPolicy(route) };
  if (protocol === "grpc") {
    const match = grpcMatch(route.match);
    if (match === undefined) throw new Error(`route ${route.name} has a match that gRPC does not: limits has to refuse it`);
    return [{ name: route.name, spec: { grpcRoute: { match, ...common } } }];
  }
  return httpMatches(route.match).map(({ suffix, match }) => ({
    name: [route.name, ...suffix].join("_"),
    spec: { [protocol === "http2" ? "http2Route" : "httpRoute"]: { match, ...common } },
  }));
}

type Match = NonNullable<Route["match"]>;
type RetryOn = NonNullable<NonNullable<Route["retries"]>["retryOn"]>[number];

/** App Mesh's names of what is tried again; also their order. Both server-error and gateway-error include a connection that is reset. */
const HTTP_EVENTS: Readonly<Partial<Record<RetryOn, HttpRetryEvent>>> = {
  "server-error": "server-error",
  "gateway-error": "gateway-error",
  "retriable-4xx": "client-error",
  "refused-stream": "stream-error",
};
/** Where the request was never processed: safe for every method. */
const DEFAULT_RETRY_ON: readonly RetryOn[] = ["connect-failure", "refused-stream"];

/** None written is sent as none, with the one event that no request is processed twice by: left out, App Mesh would try twice again on its own. */
function retryPolicy({ retries, timeout }: Route): MeshRetryPolicy {
  const attempts = retries?.attempts ?? 0;
  const perTry = (attempts > 0 ? retries?.perTryTimeout : undefined) ?? timeout;
  const perRetryTimeout = meshDuration(perTry === undefined ? undefined : durationMs(perTry));
  if (attempts === 0) return { maxRetries: 0, perRetryTimeout, tcpRetryEvents: ["connection-error"] };
  const asked = retries?.retryOn ?? DEFAULT_RETRY_ON;
  const httpRetryEvents = Object.entries(HTTP_EVENTS).flatMap(([name, event]) => (asked.some((one) => one === name) ? [event] : []));
  return {
    maxRetries: attempts,
    perRetryTimeout,
    ...(httpRetryEvents.length > 0 && { httpRetryEvents }),
    ...(asked.includes("connect-failure") && { tcpRetryEvents: ["connection-error"] }),
  };
}

interface SuffixedMatch {
  /** What tells it from the others of the same route. */
  readonly suffix: readonly string[];
  readonly match: HttpMeshMatch;
}

/** One for each form of the path and each method; one of them must hold. */
export function httpMatches(match: Route["match"]): readonly SuffixedMatch[] {
  const { path, methods = [], headers = [] } = match ?? {};
  const common = headers.length > 0 ? { headers: headerMatches(headers) } : {};
  const paths = pathMatches(path);
  if (methods.length === 0) return paths.map((one) => ({ suffix: one.suffix, match: { ...one.match, ...common } }));
  return methods
    .toSorted(compareText)
    .flatMap((method) => paths.map((one) => ({ suffix: [method, ...one.suffix], match: { ...one.match, method, ...common } })));
}

/** A prefix is of whole segments, and App Mesh's of characters: so the path itself, or what begins with it and a slash. */
function pathMatches(path: Match["path"]): readonly SuffixedMatch[] {
  if (path?.exact !== undefined) return [{ suffix: [], match: { path: { exact: path.exact } } }];
  if (path?.regex !== undefined) return [{ suffix: [], match: { path: { regex: path.regex } } }];
  const stem = (path?.prefix ?? "/").replace(/\/+$/, "");
  if (stem === "") return [{ suffix: [], match: { prefix: "/" } }];
  return [
    { suffix: ["itself"], match: { path: { exact: stem } } },
    { suffix: ["below"], match: { prefix: `${stem}/` } },
  ];
}

/** `/package.Service` and everything below it, or one method of it; undefined: App Mesh has no such match for gRPC. A request is always a POST. */
export function grpcMatch(match: Route["match"]): GrpcMeshMatch | undefined {
  const { path, methods, headers = [] } = match ?? {};
  const [, serviceName, methodName] = /^\/([^/]+)(?:\/([^/]+))?\/?$/.exec(path?.exact ?? path?.prefix ?? "") ?? [];
  const everything = path === undefined || path.prefix === "/";
  const named = path?.exact === undefined ? serviceName !== undefined && methodName === undefined : methodName !== undefined;
  if ((!everything && !named) || (methods !== undefined && !methods.includes("POST"))) return undefined;
  return {
    ...(serviceName !== undefined && { serviceName }),
    ...(methodName !== undefined && { methodName }),
    ...(headers.length > 0 && { metadata: headerMatches(headers) }),
  };
}

function headerMatches(headers: NonNullable<Match["headers"]>): readonly HeaderMatch[] {
  return headers
    .map(({ name, exact, prefix, regex }) => ({
      name,
      match: exact !== undefined ? { exact } : prefix !== undefined ? { prefix } : { regex: regex ?? "" },
    }))
    .toSorted((a, b) => compareText(a.name, b.name));
}
