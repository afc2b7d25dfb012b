import { serviceTags } from "../../crds/aws-names.ts";
import { durationMs, longestTimeoutMs, type EffectiveService } from "../../crds/effective.ts";
import type {
  CertificateFiles,
  ConnectionPool,
  ListenerTimeout,
  MeshBackend,
  MeshListener,
  TlsValidation,
  VirtualNodeDesired,
} from "../../crds/mesh-objects.ts";
import type { ObjectKey } from "../../crds/meta.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { dependenciesOf } from "../agreement.ts";
import type { NetworkFacts } from "../facts.ts";
import { callerIdentities, TLS_FILES, tlsMode, workloadIdentity } from "../mesh/app-mesh-tls.ts";
import { serviceHost } from "../mesh/host.ts";
import { meshDuration, requestTimeout } from "./durations.ts";
import { discoveryHost } from "./discovery-service.ts";
import { virtualNodeName } from "./names.ts";

/** What Envoy of a service's pods is told: what it listens to and for whom, and what it may call. Health is the kubelet's to check: DNS names ready pods alone. */
export function buildVirtualNode(service: EffectiveService, config: OperatorConfig, facts: NetworkFacts): VirtualNodeDesired {
  const { port } = service.spec;
  return {
    name: virtualNodeName(service.key, config),
    owner: service.key,
    spec: {
      ...(port !== undefined && {
        serviceDiscovery: { dns: { hostname: discoveryHost(service.key, config), responseType: "ENDPOINTS" } },
      }),
      listeners: port === undefined ? [] : [listener(service, port, { config, facts })],
      backends: dependenciesOf(service).services.map((callee) => ({ virtualService: backend(service, callee, config) })),
      logging: { accessLog: { file: { path: "/dev/stdout" } } },
    },
    tags: serviceTags(service, config),
  };
}

function listener(
  service: EffectiveService,
  port: number,
  { config, facts }: { readonly config: OperatorConfig; readonly facts: NetworkFacts },
): MeshListener {
  const { protocol } = service.spec;
  const timeout = listenerTimeout(service, facts);
  const connectionPool = poolOf(service);
  const outlierDetection = outlierDetectionOf(service);
  const mode = tlsMode(service, config);
  return {
    portMapping: { port, protocol },
    ...(timeout && { timeout }),
    ...(outlierDetection && { outlierDetection }),
    ...(connectionPool && { connectionPool }),
    ...(mode && {
      tls: {
        mode,
        certificate: { file: CERTIFICATE },
        // Where plain text is taken as well, who comes by TLS need not say more than who comes without.
        ...(mode === "STRICT" && { validation: validationOf(callerIdentities(service, config, facts)) }),
      },
    }),
  };
}

/**
 * The longest that a request through this Envoy may take: to the service itself, and from it to what it depends on, since a listener's timeout cuts both
 * (aws-app-mesh-examples, howto-timeout-policy). The routes' own are what callers get; left out here, 15 s would cut those that are longer.
 */
function listenerTimeout(service: EffectiveService, facts: NetworkFacts): ListenerTimeout | undefined {
  const { protocol } = service.spec;
  if (protocol === "tcp") return undefined;
  const callees = dependenciesOf(service).services.flatMap((key) => facts.neighbour(key) ?? []);
  const timeouts = [longestTimeoutMs(service.spec), ...callees.map((callee) => callee.longestTimeoutMs)];
  const longest = timeouts.includes(null) ? undefined : Math.max(...timeouts.filter((ms) => ms !== null), DEFAULT_TIMEOUT_MS);
  const timeout = requestTimeout(longest);
  switch (protocol) {
    case "http":
      return { http: timeout };
    case "http2":
      return { http2: timeout };
    case "grpc":
      return { grpc: timeout };
    default:
      return protocol satisfies never;
  }
}

/** App Mesh's own, of a listener that says nothing. */
const DEFAULT_TIMEOUT_MS = 15_000;

/** Whom the service calls by routes that may take longer than App Mesh's own timeout, where it has no listener to say so on: no port, or one of tcp. */
export function calleesCutShort(service: EffectiveService, facts: Pick<NetworkFacts, "neighbour">): readonly ObjectKey[] {
  const { port, protocol } = service.spec;
  if (port !== undefined && protocol !== "tcp") return [];
  return dependenciesOf(service).services.filter((key) => {
    const callee = facts.neighbour(key);
    return callee !== undefined && (callee.longestTimeoutMs === null || callee.longestTimeoutMs > DEFAULT_TIMEOUT_MS);
  });
}

/** Where App Mesh asks for a number and none is written: what it has itself where nothing is written at all. */
const NO_LIMIT = 2_147_483_647;

/** What of it the protocol has. */
function poolOf({ spec: { protocol, resilience } }: EffectiveService): ConnectionPool | undefined {
  const { maxConnections, maxPendingRequests, maxRequests } = resilience?.connectionPool ?? {};
  switch (protocol) {
    case "http":
      if (maxConnections === undefined && maxPendingRequests === undefined) return undefined;
      return { http: { maxConnections: maxConnections ?? NO_LIMIT, maxPendingRequests: maxPendingRequests ?? NO_LIMIT } };
    case "http2":
      return maxRequests === undefined ? undefined : { http2: { maxRequests } };
    case "grpc":
      return maxRequests === undefined ? undefined : { grpc: { maxRequests } };
    case "tcp":
      return maxConnections === undefined ? undefined : { tcp: { maxConnections } };
    default:
      return protocol satisfies never;
  }
}

function outlierDetectionOf({ spec }: EffectiveService): MeshListener["outlierDetection"] {
  const written = spec.resilience?.outlierDetection;
  if (!written) return undefined;
  return {
    maxServerErrors: written.consecutiveErrors,
    interval: meshDuration(durationMs(written.interval)),
    baseEjectionDuration: meshDuration(durationMs(written.baseEjectionTime)),
    maxEjectionPercent: written.maxEjectionPercent,
  };
}

/** A tier that asks for mutual TLS never falls back to plain text; where it is permissive, the callee decides. */
function backend(service: EffectiveService, callee: ObjectKey, config: OperatorConfig): MeshBackend {
  const virtualServiceName = serviceHost(callee, config);
  const mode = tlsMode(service, config);
  if (mode === undefined) return { virtualServiceName };
  const tls = {
    enforce: mode === "STRICT",
    certificate: { file: CERTIFICATE },
    validation: validationOf([workloadIdentity(callee, config)]),
  };
  return { virtualServiceName, clientPolicy: { tls } };
}

const CERTIFICATE: CertificateFiles = { certificateChain: TLS_FILES.certificateChain, privateKey: TLS_FILES.privateKey };

function validationOf(names: readonly string[]): TlsValidation {
  return { trust: { file: { certificateChain: TLS_FILES.trust } }, subjectAlternativeNames: { match: { exact: names } } };
}
