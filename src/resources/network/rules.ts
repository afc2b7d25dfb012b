import type { ServiceState } from "../../crds/desired.ts";
import { isStrict } from "../agreement.ts";
import type { EffectiveService } from "../../crds/effective.ts";
import { LABELS, type ObjectKey } from "../../crds/meta.ts";

/** The pieces of a NetworkPolicy. */

type Selector = { readonly matchLabels: Readonly<Record<string, string>> };

/** Pods of a namespace, or addresses. Never empty: an empty list of peers means everybody. */
export type Peer =
  | { readonly namespaceSelector: Selector; readonly podSelector?: Selector }
  | { readonly ipBlock: { readonly cidr: string; readonly except?: readonly string[] } };

export interface PolicyPort {
  readonly protocol: "TCP" | "UDP";
  /** A number, or the name of a container port. */
  readonly port: number | string;
}

/** One rule, of either direction. */
export interface NetworkRule {
  readonly peers: readonly Peer[];
  readonly ports: readonly PolicyPort[];
}

export interface NetworkRules {
  readonly ingress: readonly NetworkRule[];
  readonly egress: readonly NetworkRule[];
}

export function tcp(port: number | string): PolicyPort {
  return { protocol: "TCP", port };
}

/** Every pod of a namespace. The label is set by the API server, so nobody can take another's. */
export function namespacePeer(namespace: string): { readonly namespaceSelector: Selector } {
  return { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } } };
}

/** Pods of another PlatformService; under strict isolation only while they are of this one's tier. */
export function servicePeer(service: EffectiveService, other: ObjectKey): Peer {
  const tier = isStrict(service) ? { [LABELS.tier]: service.spec.tier } : {};
  return { ...namespacePeer(other.namespace), podSelector: { matchLabels: { [LABELS.service]: other.name, ...tier } } };
}

/** Pods of a waypoint: Istio labels them with the name of their Gateway. */
export function waypointPeer({ namespace, name }: ObjectKey): Peer {
  return { ...namespacePeer(namespace), podSelector: { matchLabels: { "gateway.networking.k8s.io/gateway-name": name } } };
}

/** Pods behind a Service of the cluster. */
export function selectedPeer(namespace: string, { selector }: ServiceState): Peer {
  return { ...namespacePeer(namespace), podSelector: { matchLabels: selector } };
}

export function addressPeer(cidr: string): Peer {
  return { ipBlock: { cidr } };
}
