import type { EffectiveService } from "../crds/effective.ts";
import { keyString, type ObjectKey } from "../crds/meta.ts";
import type { NetworkFacts } from "./facts.ts";
import { compareText } from "./order.ts";

/** `spec.callers` and `spec.dependencies` as every policy reads them: namespaces filled in, in order, and cut to what the tier's isolation lets through. */

export interface Callers {
  readonly services: readonly ObjectKey[];
  readonly serviceAccounts: readonly ObjectKey[];
}

export interface Dependencies {
  readonly services: readonly ObjectKey[];
  readonly kubernetesServices: readonly (ObjectKey & { readonly port: number })[];
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly cidrs: readonly { readonly cidr: string; readonly port: number }[];
}

/** Strict isolation: callers and dependencies only within the tier, and no way out of the cluster but the tier's. */
export function isStrict(service: EffectiveService): boolean {
  return service.tier.spec.network.isolation === "Strict";
}

/** Who may call; nobody without a port. Under strict isolation only PlatformServices that are of the tier now. */
export function callersOf(service: EffectiveService, facts: NetworkFacts): Callers {
  const { port, callers } = service.spec;
  if (port === undefined || callers === undefined) return { services: [], serviceAccounts: [] };
  return {
    services: keys(service, callers.services ?? []).filter(
      (key) => !isStrict(service) || facts.neighbour(key)?.tierName === service.spec.tier,
    ),
    serviceAccounts: isStrict(service) ? [] : keys(service, callers.serviceAccounts ?? []),
  };
}

/** Callers that the file names and an isolated tier leaves out: no service of that name is of the tier now. */
export function callersLeftOut(service: EffectiveService, facts: NetworkFacts): readonly ObjectKey[] {
  const admitted = new Set(callersOf(service, facts).services.map(keyString));
  return keys(service, service.spec.callers?.services ?? []).filter((key) => !admitted.has(keyString(key)));
}

/**
 * What may be called: what the squad writes, and what the tier opens to all of its services. Under strict isolation only
 * PlatformServices and the tier's own.
 */
export function dependenciesOf(service: EffectiveService): Dependencies {
  const { services = [], kubernetesServices = [], hosts = [], cidrs = [] } = service.spec.dependencies ?? {};
  const written = isStrict(service) ? { kubernetesServices: [], hosts: [], cidrs: [] } : { kubernetesServices, hosts, cidrs };
  const tiers = service.tier.spec.network.allowedEgress ?? [];
  return {
    services: keys(service, services),
    kubernetesServices: keys(service, written.kubernetesServices),
    hosts: distinct(
      [...written.hosts, ...tiers.flatMap(({ host, port }) => (host === undefined ? [] : [{ host, port }]))],
      ({ host, port }) => [host, port],
    ),
    cidrs: distinct(
      [...written.cidrs, ...tiers.flatMap(({ cidr, port }) => (cidr === undefined ? [] : [{ cidr, port }]))],
      ({ cidr, port }) => [cidr, port],
    ),
  };
}

/** Each once, in order of its text, then of its port. */
function distinct<Item>(items: readonly Item[], keyOf: (item: Item) => readonly [string, number]): readonly Item[] {
  const byKey = new Map(items.map((item) => [keyOf(item).join(" "), item]));
  return [...byKey.values()].toSorted((a, b) => {
    const [textA, portA] = keyOf(a);
    const [textB, portB] = keyOf(b);
    return compareText(textA, textB) || portA - portB;
  });
}

/** An empty namespace means the service's own; what that makes equal is one. */
function keys<Item extends ObjectKey & { readonly port?: number }>(service: EffectiveService, items: readonly Item[]): readonly Item[] {
  const resolved = items.map((item) => ({ ...item, namespace: item.namespace || service.key.namespace }));
  return distinct(resolved, (item) => [keyString(item), item.port ?? 0]);
}
