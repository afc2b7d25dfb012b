import type { Neighbour, ServiceState } from "../crds/desired.ts";
import { longestTimeoutMs, selectorMatches } from "../crds/effective.ts";
import { suspensionOf } from "../crds/requests.ts";
import { ANNOTATIONS, keyOf, keyString, type ObjectKey } from "../crds/meta.ts";
import type { PlatformService } from "../crds/platform-service.ts";
import type { Child, ChildSource } from "../kube/child-stores.ts";
import { apiVersionOf, findKind } from "../kube/kinds.ts";
import type { BroughtState, ChildState, DeploymentState, World, WorkloadState } from "../reconcilers/ports.ts";
import { waypointChoice, type ServiceFacts } from "./facts.ts";
import { broughtSources, reflectors, type Sources } from "./sources.ts";

/** The world as the watches have seen it; every answer comes from memory. `now`: milliseconds of the wall clock. `isOwn`: whose rollouts are paced together; default: all. */
export function createWorld(sources: Sources, now: () => number, isOwn: (key: ObjectKey) => boolean = () => true): World {
  const { services, tiers, namespaces, nodePools, gateways, pods, deployments, autoscalers, certificates } = sources;
  const { kubernetesServices, policies, budgets } = sources;
  const byResource = new Map(reflectors(sources).map((reflector) => [reflector.resource, reflector]));
  const ownDeployment = (key: ObjectKey): Child<DeploymentState> | undefined => {
    const deployment = deployments.store.get(key);
    return deployment !== undefined && childOf(deployment) === key.name ? deployment : undefined;
  };
  const held = (key: ObjectKey): readonly Child<WorkloadState>[] =>
    broughtSources(sources).flatMap(({ store }) => store.byIndex("holder", keyString(key)));
  const workloads = (key: ObjectKey): readonly Child<WorkloadState>[] => {
    const own = ownDeployment(key);
    return own === undefined ? held(key) : [own, ...held(key)];
  };
  /** One that is paused goes on when a person says so, which may be never. */
  const isPaced = (key: ObjectKey): boolean =>
    workloads(key).some(
      ({ state, facts }) => state.annotations[ANNOTATIONS.pacedRollout] === "true" && !facts.rolledOut && facts.progress.state !== "paused",
    );
  /** Naming a tier does not make a service one of it: otherwise any would be, to the isolated ones. */
  const isOfItsTier = ({ spec, metadata }: PlatformService): boolean => {
    const allowed = tiers.store.get({ namespace: "", name: spec.tier })?.spec.allowedNamespaces;
    const labels = namespaces.store.get({ namespace: "", name: metadata.namespace });
    return allowed !== undefined && labels !== undefined && selectorMatches(allowed, labels);
  };
  const foreign = <Facts>({ store }: ChildSource<Facts>, namespace: string): readonly Child<Facts>[] =>
    store.byIndex("namespace", namespace).filter(({ state }) => !isOurs(sources, state));
  const ownOfTier = (tier: string): readonly PlatformService[] =>
    services.store.byIndex("tier", tier).filter((service) => isOwn(keyOf(service)));
  return {
    namespaceLabels: (namespace) => namespaces.store.get({ namespace: "", name: namespace }),
    deployment: (key) => ownDeployment(key)?.facts,
    workload({ apiVersion, kind, ...key }): BroughtState | undefined {
      const source = broughtSources(sources).find(({ resource }) => resource.kind === kind && apiVersionOf(resource) === apiVersion);
      const child = source?.store.get(key);
      if (!child) return undefined;
      const { annotations, deleting } = child.state;
      return { ...child.facts, managedBy: annotations[ANNOTATIONS.managedBy], childOf: childOf(child), deleting };
    },
    templates: (key) => workloads(key).map(({ facts }) => facts),
    pods: (key) => pods.store.byIndex("service", keyString(key)),
    autoscalerReplicas: (key) => autoscalers.store.get(key)?.facts.desiredReplicas,
    nodePools: () => (nodePools.reflector.state() === "missing" ? undefined : new Map(nodePools.store.list().map((p) => [p.name, p]))),
    serves(apiVersion, kind) {
      const resource = findKind(apiVersion, kind);
      return resource !== undefined && byResource.get(resource)?.state() === "synced";
    },
    neighbour(key) {
      const service = services.store.get(key);
      if (!service || service.metadata.deletionTimestamp !== undefined) return undefined;
      return isOfItsTier(service) ? neighbourOf(service) : { ...neighbourOf(service), tierName: undefined };
    },
    servicesOfTier: (tier) => ownOfTier(tier).length,
    // A rollout that nobody may go on with, or undo, must not hold up the others of its tier.
    pacedRollouts(tier) {
      const writable = ownOfTier(tier).filter((service) => suspensionOf(service, now()) === undefined);
      return writable.map(keyOf).filter(isPaced);
    },
    tier: (name) => tiers.store.get({ namespace: "", name }),
    gateway: (key) => gateways.store.get(key),
    certificate: (key) => certificates.store.get(key)?.facts,
    kubernetesService(key): ServiceState | undefined {
      const facts = kubernetesServices.store.get(key)?.facts;
      if (!facts) return undefined;
      const { useWaypoint: _useWaypoint, ...state } = facts;
      const waypoint = waypointBefore(sources, key.namespace, facts);
      return waypoint === undefined ? state : { ...state, waypoint };
    },
    foreignPolicies(namespace, podLabels) {
      return foreign(policies, namespace)
        .filter((p) => p.facts.opens && selectorMatches(p.facts.podSelector, podLabels))
        .map((p) => p.state.ref.name);
    },
    foreignBudgets(namespace, podLabels) {
      return foreign(budgets, namespace)
        .filter(({ facts: { podSelector } }) => podSelector !== undefined && selectorMatches(podSelector, podLabels))
        .map(({ state }) => state.ref.name);
    },
  };
}

/** The waypoint that stands before a Service of that namespace, by its own labels or the namespace's. */
export function waypointBefore(
  { namespaces }: Pick<Sources, "namespaces">,
  namespace: string,
  { useWaypoint }: ServiceFacts,
): ObjectKey | undefined {
  const choice = useWaypoint ?? waypointChoice(namespaces.store.get({ namespace: "", name: namespace }) ?? {}, namespace);
  return choice === "none" ? undefined : choice;
}

/** Controlled by a PlatformService that is there: what says so of itself otherwise, by a label or a made-up owner, is someone else's. */
export function isOurs({ services }: Pick<Sources, "services">, { ref, controller }: ChildState): boolean {
  if (controller?.kind !== "PlatformService") return false;
  return services.store.get({ namespace: ref.namespace, name: controller.name })?.metadata.uid === controller.uid;
}

/** The service whose own child it is, or was until its ownerReference was taken off. */
function childOf({ state: { controller, ownedHash }, service }: Child<unknown>): string | undefined {
  if (controller !== undefined) return controller.kind === "PlatformService" ? controller.name : undefined;
  return ownedHash === undefined ? undefined : service;
}

/** What of a service matters to those that name it. */
export function neighbourOf(service: PlatformService): Neighbour {
  const { namespace } = service.metadata;
  const { callers, tier, port, protocol } = service.spec;
  return {
    key: { namespace, name: service.metadata.name },
    tierName: tier,
    port,
    protocol,
    longestTimeoutMs: longestTimeoutMs(service.spec),
    callers: [
      ...(callers?.services ?? []).map((c) => ({ kind: "service" as const, namespace: c.namespace || namespace, name: c.name })),
      ...(callers?.serviceAccounts ?? []).map((c) => ({
        kind: "serviceAccount" as const,
        namespace: c.namespace || namespace,
        name: c.name,
      })),
    ],
  };
}
