import type { EffectiveService } from "../crds/effective.ts";
import { keyString, type ObjectKey } from "../crds/meta.ts";
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

/** Strict isolation: callers and dependencies only within the tier, and no way out but the tier's own. */
export function isStrict(service: EffectiveService): boolean {
  return service.tier.spec.network.isolation === "Strict";
}

/** Who may call; nobody without a port. Under strict isolation no caller that is no PlatformService. */
export function callersOf(service: EffectiveService): Callers {
  const { port, callers } = service.spec;
  if (port === undefined || callers === undefined) return { services: [], serviceAccounts: [] };
  return {
    services: keys(service, callers.services ?? []),
    serviceAccounts: isStrict(service) ? [] : keys(service, callers.serviceAccounts ?? []),
  };
}

/** What may be called. Under strict isolation the tier's `allowedEgress` takes the place of the squad's hosts and ranges. */
export function dependenciesOf(service: EffectiveService): Dependencies {
  const { services = [], kubernetesServices = [], hosts = [], cidrs = [] } = service.spec.dependencies ?? {};
  if (isStrict(service)) return { services: keys(service, services), kubernetesServices: [], ...allowedEgress(service) };
  return {
    services: keys(service, services),
    kubernetesServices: keys(service, kubernetesServices),
    hosts: hosts.map(({ host, port }) => ({ host, port })).toSorted((a, b) => compareText(a.host, b.host) || a.port - b.port),
    cidrs: cidrs.map(({ cidr, port }) => ({ cidr, port })).toSorted((a, b) => compareText(a.cidr, b.cidr) || a.port - b.port),
  };
}

function allowedEgress(service: EffectiveService): Pick<Dependencies, "hosts" | "cidrs"> {
  const allowed = (service.tier.spec.network.allowedEgress ?? []).toSorted((a, b) => compareText(a.name, b.name));
  return {
    hosts: allowed.flatMap(({ host, port }) => (host === undefined ? [] : [{ host, port }])),
    cidrs: allowed.flatMap(({ cidr, port }) => (cidr === undefined ? [] : [{ cidr, port }])),
  };
}

/** An empty namespace means the service's own; what that makes equal is one. */
function keys<Item extends ObjectKey>(service: EffectiveService, items: readonly Item[]): readonly Item[] {
  const resolved = items.map((item) => ({ ...item, namespace: item.namespace || service.key.namespace }));
  const byText = new Map(resolved.map((item) => [identity(item), item]));
  return [...byText.values()].toSorted((a, b) => compareText(identity(a), identity(b)));
}

function identity(item: ObjectKey & { readonly port?: number }): string {
  return `${keyString(item)}:${item.port ?? ""}`;
}
