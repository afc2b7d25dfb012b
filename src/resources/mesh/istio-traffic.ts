import type { KubeObject } from "../../crds/desired.ts";
import type { EffectiveService } from "../../crds/effective.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import type { Route } from "../../crds/platform-service.ts";
import { childObject } from "../child-object.ts";
import { compareText } from "../order.ts";
import { serviceHost } from "./host.ts";
import { NETWORKING_API } from "./istio-egress.ts";

/** Routes and resilience as Istio's VirtualService and DestinationRule. Durations stay as written: Istio reads them with Go's time.ParseDuration. */

type Part = Readonly<Record<string, unknown>>;
type Match = NonNullable<Route["match"]>;
type RetryOn = NonNullable<NonNullable<Route["retries"]>["retryOn"]>[number];

/** Envoy's names of what is tried again (x-envoy-retry-on); also their order in an object. */
const ENVOY_RETRY_ON: Readonly<Record<RetryOn, string>> = {
  "server-error": "5xx",
  "gateway-error": "gateway-error",
  "connect-failure": "connect-failure",
  reset: "reset",
  "refused-stream": "refused-stream",
  "retriable-4xx": "retriable-4xx",
};
/** Where the request was never processed: safe for every method. */
const DEFAULT_RETRY_ON: readonly RetryOn[] = ["connect-failure", "refused-stream"];

/** The service's routes; undefined without a port. */
export function buildVirtualService(service: EffectiveService, config: OperatorConfig): KubeObject | undefined {
  const { port, protocol } = service.spec;
  if (port === undefined) return undefined;
  const host = serviceHost(service.key, config);
  const route = [{ destination: { host, port: { number: port } } }];
  const routes = protocol === "tcp" ? { tcp: [{ route }] } : { http: service.routes.map((written) => httpRoute(written, route)) };
  return childObject(service, { apiVersion: NETWORKING_API, kind: "VirtualService", body: { spec: { hosts: [host], ...routes } } });
}

function httpRoute({ name, match, timeout, retries }: Route, route: readonly Part[]): Part {
  return {
    name,
    ...(match && { match: matches(match) }),
    route,
    ...(timeout !== undefined && { timeout }),
    retries: retryPolicy(retries),
  };
}

/** None written is sent as none: left out, Istio would try twice again on its own, POST included. */
function retryPolicy(retries: Route["retries"]): Part {
  if (!retries || retries.attempts === 0) return { attempts: 0 };
  const { attempts, perTryTimeout, retryOn } = retries;
  const asked = new Set(retryOn ?? DEFAULT_RETRY_ON);
  return {
    attempts,
    ...(perTryTimeout !== undefined && { perTryTimeout }),
    retryOn: Object.entries(ENVOY_RETRY_ON)
      .filter(([name]) => [...asked].some((one) => one === name))
      .map(([, envoy]) => envoy)
      .join(","),
  };
}

/** One match for each form of the path; each is a whole match, and one of them must hold. */
function matches({ path, methods = [], headers = [] }: Match): readonly Part[] {
  const common = {
    ...(methods.length > 0 && { method: methodMatch(methods) }),
    ...(headers.length > 0 && { headers: Object.fromEntries(headers.map(headerMatch).toSorted(([a], [b]) => compareText(a, b))) }),
  };
  return uriMatches(path).map((uri) => ({ ...uri, ...common }));
}

/** A prefix is of whole segments, and Istio's of characters: so the path itself, or what begins with it and a slash. */
function uriMatches(path: Match["path"]): readonly Part[] {
  if (path?.exact !== undefined) return [{ uri: { exact: path.exact } }];
  if (path?.regex !== undefined) return [{ uri: { regex: path.regex } }];
  if (path?.prefix === undefined) return [{}];
  const stem = path.prefix.replace(/\/+$/, "");
  return stem === "" ? [{ uri: { prefix: "/" } }] : [{ uri: { exact: stem } }, { uri: { prefix: `${stem}/` } }];
}

function methodMatch(methods: readonly string[]): Part {
  const [only] = methods;
  return methods.length === 1 && only !== undefined ? { exact: only } : { regex: methods.toSorted(compareText).join("|") };
}

function headerMatch({ name, exact, prefix, regex }: NonNullable<Match["headers"]>[number]): [string, Part] {
  if (exact !== undefined) return [name, { exact }];
  return [name, prefix === undefined ? { regex: regex ?? "" } : { prefix }];
}

/**
 * Limits on what callers send; undefined where none are written. No `tls`: automatic mutual TLS then suits each endpoint, in the mesh or not yet.
 */
export function buildDestinationRule(service: EffectiveService, config: OperatorConfig): KubeObject | undefined {
  const { port, resilience } = service.spec;
  if (port === undefined || resilience === undefined) return undefined;
  const trafficPolicy = { ...connectionPool(resilience), ...outlierDetection(resilience), ...retryBudget(resilience) };
  if (Object.keys(trafficPolicy).length === 0) return undefined;
  return childObject(service, {
    apiVersion: NETWORKING_API,
    kind: "DestinationRule",
    body: { spec: { host: serviceHost(service.key, config), trafficPolicy } },
  });
}

type Resilience = NonNullable<EffectiveService["spec"]["resilience"]>;

function connectionPool({ connectionPool: pool }: Resilience): Part {
  const { maxConnections, maxPendingRequests, maxRequests } = pool ?? {};
  const http = {
    ...(maxPendingRequests !== undefined && { http1MaxPendingRequests: maxPendingRequests }),
    ...(maxRequests !== undefined && { http2MaxRequests: maxRequests }),
  };
  const settings = {
    ...(maxConnections !== undefined && { tcp: { maxConnections } }),
    ...(Object.keys(http).length > 0 && { http }),
  };
  return Object.keys(settings).length > 0 ? { connectionPool: settings } : {};
}

function outlierDetection({ outlierDetection: written }: Resilience): Part {
  if (!written) return {};
  const { consecutiveErrors, interval, baseEjectionTime, maxEjectionPercent } = written;
  return { outlierDetection: { consecutive5xxErrors: consecutiveErrors, interval, baseEjectionTime, maxEjectionPercent } };
}

function retryBudget({ retryBudgetPercent }: Resilience): Part {
  return retryBudgetPercent === undefined ? {} : { retryBudget: { percent: retryBudgetPercent } };
}
