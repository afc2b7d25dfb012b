import type { Neighbour } from "../crds/desired.ts";
import { selectorMatches } from "../crds/effective.ts";
import { keyString } from "../crds/meta.ts";
import type { PlatformService } from "../crds/platform-service.ts";
import { findKind, resourceName } from "../kube/kinds.ts";
import type { World } from "../reconcilers/ports.ts";
import { reflectors, type Sources } from "./sources.ts";

/** The world as the watches have seen it; every answer comes from memory. */
export function createWorld(sources: Sources): World {
  const { services, tiers, namespaces, nodePools, pods, deployments, autoscalers, kubernetesServices, policies } = sources;
  const byResource = new Map(reflectors(sources).map((r) => [resourceName(r.resource), r]));
  return {
    namespaceLabels: (namespace) => namespaces.store.get({ namespace: "", name: namespace }),
    deployment: (key) => deployments.store.get(key)?.facts,
    pods: (key) => pods.store.byIndex("service", keyString(key)),
    autoscalerReplicas: (key) => autoscalers.store.get(key)?.facts.desiredReplicas,
    nodePools: () => (nodePools.reflector.state() === "missing" ? undefined : new Map(nodePools.store.list().map((p) => [p.name, p]))),
    serves(apiVersion, kind) {
      const resource = findKind(apiVersion, kind);
      return resource !== undefined && byResource.get(resourceName(resource))?.state() === "synced";
    },
    neighbour(key) {
      const service = services.store.get(key);
      return service && service.metadata.deletionTimestamp === undefined ? neighbourOf(service) : undefined;
    },
    servicesOfTier: (tier) => services.store.byIndex("tier", tier).length,
    tier: (name) => tiers.store.get({ namespace: "", name }),
    kubernetesService: (key) => kubernetesServices.store.get(key)?.facts,
    foreignPolicies(namespace, podLabels) {
      return policies.store
        .list()
        .filter((p) => p.state.ref.namespace === namespace && p.state.controller?.kind !== "PlatformService" && p.service === undefined)
        .filter((p) => p.facts.opens && selectorMatches(p.facts.podSelector, podLabels))
        .map((p) => p.state.ref.name);
    },
  };
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
