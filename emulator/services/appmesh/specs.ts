/**
 * What App Mesh refuses of specs though its model allows it. Each rule is a sentence of the API reference
 * (https://docs.aws.amazon.com/app-mesh/latest/APIReference/), as botocore's model carries it, or of CloudFormation's (the sum of weights).
 */
import type { GatewayRouteSpec, Listener, RouteSpec, VirtualNodeSpec, WeightedTarget } from "@aws-sdk/client-app-mesh";
import type { Valid } from "../../operation.ts";

type Route = Valid<RouteSpec>;

/** The route's targets, whatever its protocol. */
export function routeTargets({ httpRoute, http2Route, grpcRoute, tcpRoute }: Route): readonly Valid<WeightedTarget>[] {
  const actions = [httpRoute, http2Route, grpcRoute, tcpRoute].map((route) => route?.action);
  return actions.flatMap((action) => action?.weightedTargets ?? []);
}

const LARGEST_SUM_OF_WEIGHTS = 100;

export function routeViolation(spec: Route): string | undefined {
  const { httpRoute, http2Route, grpcRoute, tcpRoute } = spec;
  if ([httpRoute, http2Route, grpcRoute, tcpRoute].filter((route) => route !== undefined).length !== 1) {
    return "A route must have exactly one of httpRoute, http2Route, grpcRoute and tcpRoute";
  }
  const sum = routeTargets(spec).reduce((total, { weight }) => total + weight, 0);
  if (sum > LARGEST_SUM_OF_WEIGHTS) return `The weights of a route's targets must sum to at most ${LARGEST_SUM_OF_WEIGHTS}, not ${sum}`;
  return httpViolation(httpRoute ?? http2Route) ?? retryViolation(grpcRoute?.retryPolicy);
}

function httpViolation(route: Route["httpRoute"]): string | undefined {
  if (route === undefined) return undefined;
  const { prefix, path } = route.match;
  if ((prefix === undefined) === (path === undefined)) return "A match must have exactly one of prefix and path";
  if (prefix !== undefined && !prefix.startsWith("/")) return `A prefix must start with /, not ${prefix}`;
  return retryViolation(route.retryPolicy);
}

interface RetryEvents {
  readonly grpcRetryEvents?: readonly string[] | undefined;
  readonly httpRetryEvents?: readonly string[] | undefined;
  readonly tcpRetryEvents?: readonly string[] | undefined;
}

const HTTP_RETRY_EVENTS: ReadonlySet<string> = new Set(["server-error", "gateway-error", "client-error", "stream-error"]);

function retryViolation(policy: RetryEvents | undefined): string | undefined {
  if (policy === undefined) return undefined;
  const { grpcRetryEvents = [], httpRetryEvents = [], tcpRetryEvents = [] } = policy;
  if (grpcRetryEvents.length + httpRetryEvents.length + tcpRetryEvents.length === 0) return "A retry policy must name at least one event";
  const unknown = httpRetryEvents.find((event) => !HTTP_RETRY_EVENTS.has(event));
  return unknown === undefined ? undefined : `${unknown} is not an event of HTTP: ${[...HTTP_RETRY_EVENTS].join(", ")}`;
}

export function nodeViolation({ listeners = [], serviceDiscovery }: Valid<VirtualNodeSpec>): string | undefined {
  if (listeners.length > 0 && serviceDiscovery === undefined) return "A virtual node with a listener must have service discovery";
  return listeners.map(listenerViolation).find((violation) => violation !== undefined);
}

function listenerViolation({ portMapping, healthCheck, timeout, connectionPool }: Valid<Listener>): string | undefined {
  const { port, protocol } = portMapping;
  if (healthCheck?.port !== undefined && healthCheck.port !== port) return `The port of the health check must be the listener's, ${port}`;
  for (const [what, byProtocol] of Object.entries({ timeout, connectionPool })) {
    if (byProtocol !== undefined && !(protocol in byProtocol)) return `The ${what} of a listener must be one of its protocol, ${protocol}`;
  }
  return undefined;
}

/** The virtual services that a gateway's route goes to. */
export function gatewayRouteTargets({ httpRoute, http2Route, grpcRoute }: Valid<GatewayRouteSpec>): readonly string[] {
  return [httpRoute, http2Route, grpcRoute].flatMap((route) =>
    route === undefined ? [] : [route.action.target.virtualService.virtualServiceName],
  );
}

export function gatewayRouteViolation({ httpRoute, http2Route, grpcRoute }: Valid<GatewayRouteSpec>): string | undefined {
  if ([httpRoute, http2Route, grpcRoute].filter((route) => route !== undefined).length === 1) return undefined;
  return "A gateway route must have exactly one of httpRoute, http2Route and grpcRoute";
}
