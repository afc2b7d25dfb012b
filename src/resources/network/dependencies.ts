import type { ServiceState, Violation } from "../../crds/desired.ts";
import type { EffectiveService } from "../../crds/effective.ts";
import type { ObjectKey } from "../../crds/meta.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { dependenciesOf, isStrict } from "../agreement.ts";
import type { NetworkFacts } from "../facts.ts";
import type { Tunnel } from "../mesh/mesh.ts";
import { sortedUnique } from "../order.ts";
import { addressPeer, selectedPeer, servicePeer, tcp, waypointPeer, type NetworkRule, type Peer } from "./rules.ts";

/** The way to what the service depends on. */

/** Instance metadata and the like: never a dependency. */
const LINK_LOCAL = "169.254.0.0/16";
const EVERYWHERE = "0.0.0.0/0";

/** What the way out depends on beside the service and its neighbours. */
export interface Way {
  readonly config: OperatorConfig;
  /** Of the mesh that the service's pods are in; undefined: there is none. */
  readonly tunnel: Tunnel | undefined;
}

/** One rule a port. A dependency whose port is not known yet has none; DependenciesGranted says so. */
export function dependencyEgress(service: EffectiveService, facts: NetworkFacts, { config, tunnel }: Way): readonly NetworkRule[] {
  const { services, kubernetesServices, hosts, cidrs } = dependenciesOf(service);
  return rulesByPort([
    ...services.flatMap((key) => throughTunnel(toService(service, key, facts), facts.kubernetesService(key), tunnel)),
    ...kubernetesServices.flatMap((key) => throughTunnel(toKubernetesService(key, facts), facts.kubernetesService(key), tunnel)),
    ...hosts.map(({ port }) => ({ peer: outside(config), port })),
    ...cidrs.map(({ cidr, port }) => ({ peer: addressPeer(cidr), port })),
  ]);
}

/** Services of the cluster that are named and not there, or without that port; advisory, like an agreement that is missing. */
export function missingKubernetesServices(service: EffectiveService, facts: NetworkFacts): readonly Violation[] {
  return dependenciesOf(service).kubernetesServices.flatMap(({ namespace, name, port }) => {
    const state = facts.kubernetesService({ namespace, name });
    const field = `spec.dependencies.kubernetesServices[${namespace}/${name}:${port}]`;
    const remedy = "create it, or correct spec.dependencies.kubernetesServices";
    if (!state) return [{ field, reason: "NotFound", message: `Service ${namespace}/${name} does not exist: ${remedy}` }];
    if (Object.keys(state.selector).length === 0) {
      return [
        {
          field,
          reason: "NoSelector",
          message: `Service ${namespace}/${name} selects no pods, so no policy can open it: name its addresses in spec.dependencies.cidrs`,
        },
      ];
    }
    if (state.ports.some((one) => one.port === port)) return [];
    return [
      {
        field,
        reason: "NoSuchPort",
        message: `Service ${namespace}/${name} has no port ${port}, only ${state.ports.map((one) => one.port).join(", ") || "none"}: ${remedy}`,
      },
    ];
  });
}

interface Opening {
  readonly peer: Peer;
  readonly port: number | string;
}

function toService(service: EffectiveService, key: ObjectKey, facts: NetworkFacts): readonly Opening[] {
  const neighbour = facts.neighbour(key);
  if (neighbour?.port === undefined) return [];
  if (isStrict(service) && neighbour.tierName !== service.spec.tier) return [];
  return [{ peer: servicePeer(service, key), port: neighbour.port }];
}

/** To the pods, on the port that they listen on. A Service without a selector has pods that nobody can name: an empty selector would open the whole namespace. */
function toKubernetesService({ port, ...key }: ObjectKey & { readonly port: number }, facts: NetworkFacts): readonly Opening[] {
  const state = facts.kubernetesService(key);
  if (!state || Object.keys(state.selector).length === 0) return [];
  return state.ports
    .filter((one) => one.port === port)
    .map(({ targetPort }) => ({ peer: selectedPeer(key.namespace, state), port: targetPort }));
}

/** What is open to a Service's pods, and the mesh's tunnel to them and to the waypoint that stands before them. */
function throughTunnel(openings: readonly Opening[], state: ServiceState | undefined, tunnel: Tunnel | undefined): readonly Opening[] {
  if (tunnel === undefined || openings.length === 0) return openings;
  const waypoints = tunnel.throughWaypoints && state?.waypoint ? [waypointPeer(state.waypoint)] : [];
  return [...openings, ...[...openings.map(({ peer }) => peer), ...waypoints].map((peer) => ({ peer, port: tunnel.port }))];
}

/** A policy knows no names: the port opens to everywhere but private and link-local addresses. In a mesh the proxy enforces the name. */
function outside(config: OperatorConfig): Peer {
  const privateRanges = config.network.privateCidrs.filter((cidr) => !cidr.includes(":"));
  return { ipBlock: { cidr: EVERYWHERE, except: sortedUnique([...privateRanges, LINK_LOCAL]) } };
}

function rulesByPort(openings: readonly Opening[]): readonly NetworkRule[] {
  const ports = [...new Set(openings.map(({ port }) => port))].toSorted((a, b) => comparePorts(a, b));
  return ports.map((port) => ({
    peers: distinct(openings.filter((one) => one.port === port).map(({ peer }) => peer)),
    ports: [tcp(port)],
  }));
}

function comparePorts(a: number | string, b: number | string): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a) < String(b) ? -1 : 1;
}

/** Two hosts on one port are one opening. */
function distinct(peers: readonly Peer[]): readonly Peer[] {
  return [...new Map(peers.map((peer) => [JSON.stringify(peer), peer])).values()];
}
