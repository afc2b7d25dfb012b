import type { KubeObject, Violation } from "../../crds/desired.ts";
import type { EffectiveService, MeshProvider } from "../../crds/effective.ts";
import type { ObjectKey } from "../../crds/meta.ts";
import type { PlatformServiceSpec } from "../../crds/platform-service.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import type { PodPart } from "../container.ts";
import type { NetworkFacts, WorkloadFacts } from "../facts.ts";
import type { IdentityToken } from "../identity-token.ts";
import type { Labels } from "../labels.ts";
import type { NetworkRules } from "../network/rules.ts";

/** What a service mesh asks of the objects of a service; one file a mesh, or a data plane of it, implements it. */
export interface Mesh {
  readonly provider: MeshProvider;
  /** Every kind that `security` and `traffic` may return: what the API server must serve. */
  readonly apis: readonly { readonly apiVersion: string; readonly kind: string }[];
  /** What the service's file asks for and the mesh cannot do. Empty: it does all of it. */
  limits(service: EffectiveService): readonly Violation[];
  /** Whether the pod is in the mesh, running or not yet. */
  has(pod: MeshPod): boolean;
  /** Why a running pod is not in the mesh, and what to do; undefined: it is, or does not run yet. */
  notInMesh(pod: MeshPod): string | undefined;
  /** What must be there before a pod starts: mutual TLS, and who may call by identity. */
  security(service: EffectiveService, config: OperatorConfig, facts: NetworkFacts): readonly KubeObject[];
  /** Routes, limits and ways out. */
  traffic(service: EffectiveService, config: OperatorConfig): readonly KubeObject[];
  podLabels(config: OperatorConfig): Labels;
  /** What every pod has of the mesh beside its labels. */
  pod(input: PodInput): PodParts;
  /** Of the Service, beside those of every child. */
  serviceLabels(service: EffectiveService, config: OperatorConfig): Labels;
  /** The proxy that requests to the service are led through, which is not part of its pods; undefined: there is none. */
  waypoint(service: EffectiveService, config: OperatorConfig): ObjectKey | undefined;
  /** What the mesh's own machinery needs of the network. */
  network(service: EffectiveService, config: OperatorConfig, facts: NetworkFacts): NetworkRules;
  /** How connections between pods of the mesh may also go; undefined: as they are, on the service's own port. */
  tunnel(config: OperatorConfig): Tunnel | undefined;
  /** How its proxies count requests to the service; undefined: they do not. */
  requestMetrics(service: EffectiveService, config: OperatorConfig): RequestMetrics | undefined;
  /** The name by which callers reach the service. */
  host(service: EffectiveService, config: OperatorConfig): string;
}

/** What proxies count of the requests to one service, as PromQL that sums over its pods. Windows are as Prometheus writes them, as 5m. */
export interface RequestMetrics {
  /** Protocols of which they tell failures. */
  readonly protocols: readonly PlatformServiceSpec["protocol"][];
  /** Requests that ended. */
  requests(window: string): string;
  /** Those that the service failed; no series before the first. */
  failures(window: string): string;
  /** Requests whose time was measured against that bound: pods that are yet to get it are left out. */
  timed(ms: number, window: string): string;
  /** Those that took at most so many milliseconds: one of `bounds`. */
  timedWithin(ms: number, window: string): string;
  /** Of the histogram, in milliseconds, ascending. */
  readonly bounds: readonly number[];
}

export interface PodInput {
  readonly service: EffectiveService;
  readonly config: OperatorConfig;
  readonly facts: Pick<WorkloadFacts, "certificateRevision">;
  readonly token: IdentityToken;
}

/** What is added to a pod template. */
export interface PodParts {
  readonly annotations: Labels;
  /** In the order in which they start. */
  readonly initContainers: readonly PodPart[];
  readonly volumes: readonly PodPart[];
}

/** Nothing: the mesh asks nothing of a pod template, or its own injector does it. */
export const NO_PARTS: PodParts = { annotations: {}, initContainers: [], volumes: [] };

/** What of a pod shows whether it is in the mesh. */
export interface MeshPod {
  readonly ready: boolean;
  /** Names of containers and init containers. */
  readonly containers: readonly string[];
  /** Istio's node agent leads its traffic through the node's proxy. */
  readonly redirected: boolean;
}

/** Network policies see this port instead of the service's own, so only identity tells the ports behind it apart. */
export interface Tunnel {
  readonly port: number;
  /** Whether a call to a Service that has a waypoint goes to the waypoint. */
  readonly throughWaypoints: boolean;
}
