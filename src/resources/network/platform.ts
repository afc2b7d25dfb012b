import type { EffectiveService } from "../../crds/effective.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import type { Way } from "./dependencies.ts";
import { addressPeer, namespacePeer, tcp, type NetworkRule, type NetworkRules } from "./rules.ts";

/** What the platform opens for every service, whatever its file and its tier say: the network alone. Who may call is the mesh's to say. */
export function platformRules({ spec: { port } }: EffectiveService, { config, tunnel }: Way): NetworkRules {
  const { platformIngress, platformEgress } = config.network;
  const tunnelPorts = tunnel ? [tunnel.port] : [];
  const own = port === undefined ? [] : [port];
  return {
    ingress: platformIngress.flatMap((entry) => ruleOf({ ...entry, ports: entry.ports ?? own }, tunnelPorts)),
    egress: platformEgress.flatMap((entry) => ruleOf(entry, tunnelPorts)),
  };
}

/** Namespaces that every service reaches, in order, and in the mesh has to know. */
export function platformNamespaces({ network }: OperatorConfig): readonly string[] {
  return network.platformEgress.flatMap(({ namespace }) => namespace ?? []);
}

/** Addresses that every service reaches, with each port by itself, as those of a service's own dependencies. */
export function platformAddresses({ network }: OperatorConfig): readonly { readonly cidr: string; readonly port: number }[] {
  return network.platformEgress.flatMap(({ cidr, ports }) => (cidr === undefined ? [] : ports.map((port) => ({ cidr, port }))));
}

type Entry = OperatorConfig["network"]["platformEgress"][number];

/** One rule, or none where there is no port. Pods may be in the mesh, so they are met by its tunnel too. */
function ruleOf({ namespace, cidr, labels, ports }: Entry, tunnelPorts: readonly number[]): readonly NetworkRule[] {
  if (ports.length === 0) return [];
  if (cidr !== undefined) return [{ peers: [addressPeer(cidr)], ports: ports.map(tcp) }];
  if (namespace === undefined) return [];
  const peer = { ...namespacePeer(namespace), ...(labels && { podSelector: { matchLabels: labels } }) };
  return [{ peers: [peer], ports: [...ports, ...tunnelPorts].map(tcp) }];
}
