import type { Violation } from "../../crds/desired.ts";
import type { EffectiveService } from "../../crds/effective.ts";
import type { Route } from "../../crds/platform-service.ts";
import { dependenciesOf } from "../agreement.ts";
import { grpcMatch, httpMatches } from "../app-mesh/routes.ts";
import { joined } from "../bounded-text.ts";
import { violation } from "../violation.ts";
import { ENVOY_PORTS, ENVOY_UID } from "./app-mesh-containers.ts";

/** What Istio's sidecar does and App Mesh cannot: refused whole, so that nothing of a file is quietly left out. */
export function appMeshLimits(service: EffectiveService): readonly Violation[] {
  return [
    ...workloadLimits(service),
    ...callerLimits(service),
    ...hostLimits(service),
    ...dependencyLimits(service),
    ...service.routes.flatMap((route) => [
      ...protocolLimits(service, route),
      ...retryLimits(route),
      ...pathLimits(route),
      ...headerLimits(route),
    ]),
    ...countLimits(service),
    ...poolLimits(service),
    ...budgetLimits(service),
    ...podLimits(service),
    ...probeLimits(service),
  ];
}

const OTHERWISE = "or ask the platform team for Istio in this namespace (mesh.overrides of the operator's configuration)";

/** Its Envoy is a container of the pod template, which is not ours. */
function workloadLimits({ spec }: EffectiveService): readonly Violation[] {
  if (spec.workloadRef === undefined) return [];
  return violation(
    "spec.workloadRef",
    "WorkloadRefNotInAppMesh",
    `App Mesh's Envoy is part of the pod template, and that of ${spec.workloadRef.kind} ${spec.workloadRef.name} is its squad's: write container in its place, ${OTHERWISE}`,
  );
}

/** A NetworkPolicy lets in their whole namespace: it takes a certificate from every caller to tell the one account. */
function callerLimits({ spec, tier }: EffectiveService): readonly Violation[] {
  if ((spec.callers?.serviceAccounts ?? []).length === 0 || tier.spec.network.mtls === "Strict") return [];
  return violation(
    "spec.callers.serviceAccounts",
    "CallersNotInAppMesh",
    `tier ${tier.metadata.name} asks no caller for a certificate, so App Mesh cannot tell one ServiceAccount from others of its namespace: name a tier whose mtls is Strict, make the caller a PlatformService and name it in spec.callers.services, ${OTHERWISE}`,
  );
}

/** Its egress filter is one for the whole mesh, and knows no names. */
function hostLimits(service: EffectiveService): readonly Violation[] {
  const hosts = [...new Set(dependenciesOf(service).hosts.map(({ host }) => host))];
  if (hosts.length === 0) return [];
  const written = service.spec.dependencies?.hosts ?? [];
  return violation(
    written.length > 0 ? "spec.dependencies.hosts" : "spec.tier",
    "HostsNotInAppMesh",
    `App Mesh holds no pod to names outside the cluster (${joined(hosts, ", ")}): write their addresses in spec.dependencies.cidrs, ${OTHERWISE}`,
  );
}

/** Backends of one VirtualNode (AWS General Reference, App Mesh quotas). */
const MAX_BACKENDS = 50;

function dependencyLimits(service: EffectiveService): readonly Violation[] {
  const { services } = dependenciesOf(service);
  if (services.length <= MAX_BACKENDS) return [];
  return violation(
    "spec.dependencies.services",
    "TooManyBackends",
    `App Mesh lets a service call ${MAX_BACKENDS} others, and these are ${services.length}: name fewer, ${OTHERWISE}`,
  );
}

/** A TCP route has nothing but its targets, and how long a connection may be idle is not how long a request may take. */
function protocolLimits({ spec: { protocol } }: EffectiveService, route: Route): readonly Violation[] {
  if (protocol === "grpc") return grpcLimits(route);
  if (protocol !== "tcp") return [];
  const { name, match, timeout, retries } = route;
  const written = Object.entries({ match, timeout, retries: retries?.attempts === 0 ? undefined : retries }).filter(
    ([, value]) => value !== undefined,
  );
  return written.flatMap(([field]) =>
    violation(
      `spec.routes[${name}].${field}`,
      "NotForTcp",
      `App Mesh knows no ${field} of a route for protocol tcp: remove it, ${OTHERWISE}`,
    ),
  );
}

/** gRPC is told apart by package and method alone. */
function grpcLimits({ name, match }: Route): readonly Violation[] {
  if (grpcMatch(match) !== undefined) return [];
  return violation(
    `spec.routes[${name}].match`,
    "GrpcMatchNotInAppMesh",
    `App Mesh matches gRPC by service and method: write path.prefix /package.Service or path.exact /package.Service/Method, and no methods but POST, ${OTHERWISE}`,
  );
}

/** Of one VirtualRouter (AWS General Reference, App Mesh quotas). */
const MAX_ROUTES = 50;

function countLimits({ spec: { protocol }, routes }: EffectiveService): readonly Violation[] {
  const count = protocol === "http" || protocol === "http2" ? routes.flatMap(({ match }) => httpMatches(match)).length : routes.length;
  if (count <= MAX_ROUTES) return [];
  return violation(
    "spec.routes",
    "TooManyRoutes",
    `App Mesh has at most ${MAX_ROUTES} routes for a service, each of one method and one form of a path (a prefix is two), and these are ${count}: write fewer, ${OTHERWISE}`,
  );
}

/** A stream that is reset is among App Mesh's gateway-error and server-error, and no event of its own. */
function retryLimits({ name, retries }: Route): readonly Violation[] {
  const events = retries?.retryOn ?? [];
  if (!retries || retries.attempts === 0 || !events.includes("reset")) return [];
  if (events.includes("server-error") || events.includes("gateway-error")) return [];
  return violation(
    `spec.routes[${name}].retries.retryOn`,
    "RetriesNotInAppMesh",
    `App Mesh tries a reset again only together with gateway-error or server-error: add one of them, or remove reset, ${OTHERWISE}`,
  );
}

/** Of App Mesh's model (HttpPathExact, HttpPathRegex, HeaderName, HeaderMatch, HttpRouteHeaders). */
const MAX_PATH = 255;
const MAX_HEADER_NAME = 50;
const MAX_HEADER_VALUE = 255;
const MAX_HEADERS = 10;

function pathLimits({ name, match }: Route): readonly Violation[] {
  const path = match?.path?.exact ?? match?.path?.regex ?? match?.path?.prefix ?? "";
  if (path.length <= MAX_PATH) return [];
  return violation(
    `spec.routes[${name}].match.path`,
    "PathNotInAppMesh",
    `App Mesh takes a path of at most ${MAX_PATH} characters, and this has ${path.length}: shorten it, ${OTHERWISE}`,
  );
}

function headerLimits({ name, match }: Route): readonly Violation[] {
  const headers = match?.headers ?? [];
  const tooMany =
    headers.length > MAX_HEADERS
      ? violation(
          `spec.routes[${name}].match.headers`,
          "TooManyHeaders",
          `App Mesh compares at most ${MAX_HEADERS} headers, and these are ${headers.length}: write fewer, ${OTHERWISE}`,
        )
      : [];
  return [
    ...tooMany,
    ...headers
      .filter(
        (header) => header.name.length > MAX_HEADER_NAME || (header.exact ?? header.prefix ?? header.regex ?? "").length > MAX_HEADER_VALUE,
      )
      .flatMap((header) =>
        violation(
          `spec.routes[${name}].match.headers[${header.name}]`,
          "HeaderNotInAppMesh",
          `App Mesh takes a header's name of at most ${MAX_HEADER_NAME} characters and a value of at most ${MAX_HEADER_VALUE}: shorten it, ${OTHERWISE}`,
        ),
      ),
  ];
}

/** What of a connection pool App Mesh has, by the listener's protocol (VirtualNodeConnectionPool). */
const POOL = {
  http: ["maxConnections", "maxPendingRequests"],
  http2: ["maxRequests"],
  grpc: ["maxRequests"],
  tcp: ["maxConnections"],
} as const;

function poolLimits({ spec: { protocol, resilience } }: EffectiveService): readonly Violation[] {
  const known: readonly string[] = POOL[protocol];
  const pool = Object.entries(resilience?.connectionPool ?? {}).filter(([, value]) => value !== undefined);
  return pool
    .filter(([field]) => !known.includes(field))
    .flatMap(([field]) =>
      violation(
        `spec.resilience.connectionPool.${field}`,
        "PoolNotInAppMesh",
        `for protocol ${protocol} App Mesh bounds ${known.join(" and ")} alone: remove ${field}, ${OTHERWISE}`,
      ),
    );
}

function budgetLimits({ spec: { resilience } }: EffectiveService): readonly Violation[] {
  if (resilience?.retryBudgetPercent === undefined) return [];
  return violation(
    "spec.resilience.retryBudgetPercent",
    "RetryBudgetNotInAppMesh",
    `App Mesh has no retry budget: remove it and keep attempts low, ${OTHERWISE}`,
  );
}

/** What the pod cannot be beside Envoy. */
function podLimits({ spec: { port, container } }: EffectiveService): readonly Violation[] {
  const { runAsUser, metrics, probes } = container ?? {};
  const ports: readonly (readonly [string, number | undefined])[] = [
    ["spec.port", port],
    ["spec.container.metrics.port", metrics?.port],
    ...Object.entries(probes ?? {}).map(([name, probe]) => [`spec.container.probes.${name}.port`, probe?.port] as const),
  ];
  return [
    ...ports
      .filter(([, number]) => number !== undefined && ENVOY_PORTS.includes(number))
      .flatMap(([field, number]) =>
        violation(
          field,
          "PortOfEnvoy",
          `${String(number)} is a port of Envoy, which is in the same pod: let the application listen on another, ${OTHERWISE}`,
        ),
      ),
    ...(runAsUser === ENVOY_UID
      ? violation(
          "spec.container.runAsUser",
          "UserOfEnvoy",
          `what user ${ENVOY_UID} sends passes the mesh by, since Envoy is that user: choose another, ${OTHERWISE}`,
        )
      : []),
  ];
}

/** The kubelet has no certificate, and a connection that is merely opened says that Envoy is up, not the application. */
function probeLimits({ spec: { port, container }, tier }: EffectiveService): readonly Violation[] {
  if (port === undefined) return [];
  const { readiness, ...others } = container?.probes ?? {};
  const strict = tier.spec.network.mtls === "Strict";
  if (!strict) return readiness === undefined ? readinessOfEnvoy(port) : [];
  return Object.entries({ readiness: readiness ?? {}, ...others })
    .filter(([, probe]) => probe !== undefined && (("port" in probe ? probe.port : undefined) ?? port) === port)
    .flatMap(([name]) =>
      violation(
        `spec.container.probes.${name}`,
        "ProbeBehindMutualTls",
        `tier ${tier.metadata.name} asks every caller of port ${port} for a certificate, and the kubelet has none: let the application answer on another port, and write it with its path here, ${OTHERWISE}`,
      ),
    );
}

function readinessOfEnvoy(port: number): readonly Violation[] {
  return violation(
    "spec.container.probes.readiness",
    "ReadinessOfEnvoy",
    `Envoy takes every connection to port ${port}, so that it is open does not say that the application is ready: write the path that the application answers here, and its port, best one that is not ${port}, ${OTHERWISE}`,
  );
}
