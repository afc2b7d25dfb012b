import type { NodePoolState } from "../crds/desired.ts";
import { LABELS, type ObjectKey } from "../crds/meta.ts";
import type { PlatformService } from "../crds/platform-service.ts";
import type { PlatformTier } from "../crds/platform-tier.ts";
import { childSource, type ChildSource } from "../kube/child-stores.ts";
import type { Clock } from "../kube/clock.ts";
import { KINDS, type ResourceType } from "../kube/kinds.ts";
import type { Log } from "../kube/log.ts";
import type { LiveObject } from "../kube/objects.ts";
import { Reflector } from "../kube/reflector.ts";
import { Store } from "../kube/store.ts";
import type { Transport } from "../kube/transport.ts";
import type { CertificateState, DeploymentState, GatewayState, PodState, WorkloadState } from "../reconcilers/ports.ts";
import {
  autoscalerFacts,
  budgetFacts,
  certificateFacts,
  definitionFacts,
  deploymentFacts,
  gatewayFacts,
  nodePoolFacts,
  podFacts,
  policyFacts,
  rolloutFacts,
  serviceFacts,
  type BudgetFacts,
  type DefinitionFacts,
  type PolicyFacts,
  type ServiceFacts,
} from "./facts.ts";
import { SharedTexts } from "./shared-texts.ts";

/** Every watch that the operator keeps, and what is kept of each object. */

export interface Runtime {
  readonly transport: Transport;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  /** See ReflectorOptions. */
  readonly silenceMs?: number;
}

export interface Source<T, Index extends string> {
  readonly store: Store<T, Index>;
  readonly reflector: Reflector<T>;
}

export interface Pod extends PodState {
  readonly key: ObjectKey;
  readonly service: string;
}

export interface Sources {
  readonly services: Source<PlatformService, "tier" | "namespace" | "mentions">;
  readonly tiers: Source<PlatformTier, never>;
  readonly namespaces: Source<Readonly<Record<string, string>>, never>;
  readonly nodePools: Source<NodePoolState, never>;
  readonly definitions: Source<DefinitionFacts, never>;
  readonly gateways: Source<GatewayState, never>;
  readonly pods: Source<Pod, "service">;
  readonly deployments: ChildSource<DeploymentState>;
  readonly rollouts: ChildSource<WorkloadState>;
  readonly autoscalers: ChildSource<{ readonly desiredReplicas: number }>;
  readonly certificates: ChildSource<CertificateState>;
  readonly kubernetesServices: ChildSource<ServiceFacts>;
  readonly policies: ChildSource<PolicyFacts>;
  readonly budgets: ChildSource<BudgetFacts>;
  /** Children of which nothing but their state is kept. */
  readonly plain: readonly ChildSource<undefined>[];
}

const PLAIN_KINDS: readonly ResourceType[] = [
  KINDS.ServiceAccount,
  KINDS.PeerAuthentication,
  KINDS.AuthorizationPolicy,
  KINDS.VirtualService,
  KINDS.DestinationRule,
  KINDS.ServiceEntry,
  KINDS.Sidecar,
  KINDS.HTTPRoute,
  KINDS.PodMonitor,
  KINDS.PrometheusRule,
  KINDS.ConfigMap,
];

export function createSources(runtime: Runtime): Sources {
  const source = <T, Index extends string>(
    resource: ResourceType,
    options: {
      reduce: (object: LiveObject) => T;
      indexes?: Record<Index, (value: T, key: ObjectKey) => readonly string[]>;
      labelSelector?: string;
    },
  ): Source<T, Index> => {
    const { labelSelector, ...storeOptions } = options;
    const store = new Store<T, Index>(storeOptions);
    const reflector = new Reflector<T>({ ...runtime, resource, store, ...(labelSelector === undefined ? {} : { labelSelector }) });
    return { store, reflector };
  };
  const child = <Facts>(resource: ResourceType, scope: "ours" | "all", facts: (object: LiveObject) => Facts): ChildSource<Facts> =>
    childSource({ ...runtime, resource, scope, facts });

  const texts = new SharedTexts();
  return {
    services: source(KINDS.PlatformService, {
      reduce: (object) => texts.of(withoutManagedFields<PlatformService>(object)),
      indexes: {
        tier: (s) => [s.spec.tier],
        namespace: (_, key) => [key.namespace],
        mentions: (s, key) => mentions(s, key.namespace),
      },
    }),
    tiers: source(KINDS.PlatformTier, { reduce: (object) => withoutManagedFields<PlatformTier>(object) }),
    namespaces: source(KINDS.Namespace, { reduce: (object) => object.metadata.labels ?? {} }),
    nodePools: source(KINDS.NodePool, { reduce: nodePoolFacts }),
    definitions: source(KINDS.CustomResourceDefinition, { reduce: definitionFacts }),
    gateways: source(KINDS.Gateway, { reduce: gatewayFacts }),
    pods: source(KINDS.Pod, {
      labelSelector: LABELS.service,
      reduce: (object) => ({
        ...podFacts(object),
        key: { namespace: object.metadata.namespace ?? "", name: object.metadata.name },
        service: object.metadata.labels?.[LABELS.service] ?? "",
      }),
      indexes: { service: (pod) => [`${pod.key.namespace}/${pod.service}`] },
    }),
    // A squad may bring any of them, and says so on the object itself.
    deployments: child(KINDS.Deployment, "all", deploymentFacts),
    rollouts: child(KINDS.Rollout, "all", rolloutFacts),
    autoscalers: child(KINDS.HorizontalPodAutoscaler, "ours", autoscalerFacts),
    certificates: child(KINDS.Certificate, "ours", certificateFacts),
    kubernetesServices: child(KINDS.Service, "all", serviceFacts),
    policies: child(KINDS.NetworkPolicy, "all", policyFacts),
    budgets: child(KINDS.PodDisruptionBudget, "all", budgetFacts),
    plain: PLAIN_KINDS.map((kind) => child(kind, "ours", () => undefined)),
  };
}

/** The whole object, as our own CRD's schema admitted it; who manages which field of it is of no use here. */
export function withoutManagedFields<T extends PlatformService | PlatformTier>(object: LiveObject): T {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata } as unknown as T;
}

/** Other objects that a pass over this service looks at: `service ns/name`, `kubernetes ns/name`, and `Deployment ns/name` or `Rollout ns/name`. */
function mentions(service: PlatformService, namespace: string): string[] {
  const { callers, dependencies, workloadRef } = service.spec;
  const named = [...(callers?.services ?? []), ...(dependencies?.services ?? [])].map(
    (r) => `service ${r.namespace || namespace}/${r.name}`,
  );
  const kubernetes = (dependencies?.kubernetesServices ?? []).map((r) => `kubernetes ${r.namespace || namespace}/${r.name}`);
  const brought = workloadRef === undefined ? [] : [`${workloadRef.kind} ${namespace}/${workloadRef.name}`];
  return [...new Set([...named, ...kubernetes, ...brought])];
}

/** All children's sources, as the writer of children wants them. */
export function childSources(sources: Sources): readonly ChildSource<unknown>[] {
  const { deployments, autoscalers, certificates, kubernetesServices, policies, budgets, plain } = sources;
  return [deployments, autoscalers, certificates, kubernetesServices, policies, budgets, ...plain];
}

/** Sources of what a squad may bring. */
export function broughtSources({ deployments, rollouts }: Sources): readonly [ChildSource<DeploymentState>, ChildSource<WorkloadState>] {
  return [deployments, rollouts];
}

/** Every reflector, by the name that metrics and logs use. */
export function reflectors(sources: Sources): readonly Reflector<unknown>[] {
  const { services, tiers, namespaces, nodePools, definitions, gateways, pods, rollouts } = sources;
  return [services, tiers, namespaces, nodePools, definitions, gateways, pods, rollouts, ...childSources(sources)].map(
    (s) => s.reflector as Reflector<unknown>,
  );
}
