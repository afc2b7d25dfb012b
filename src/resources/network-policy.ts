import { canonicalJson } from "../crds/canonical.ts";
import type { KubeObject, Violation } from "../crds/desired.ts";
import type { EffectiveService } from "../crds/effective.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import { callersOf } from "./agreement.ts";
import { childObject } from "./child-object.ts";
import type { NetworkFacts } from "./facts.ts";
import { selectorLabels } from "./labels.ts";
import { meshOf } from "./mesh/choose.ts";
import type { Mesh, Tunnel } from "./mesh/mesh.ts";
import { agentEgress, awsEgress } from "./network/aws.ts";
import { dependencyEgress } from "./network/dependencies.ts";
import { platformRules } from "./network/platform.ts";
import {
  addressPeer,
  namespacePeer,
  servicePeer,
  tcp,
  type NetworkRule,
  type NetworkRules,
  type Peer,
  type PolicyPort,
} from "./network/rules.ts";

/** Network policies add up, so the first closes everything and each of the others opens one concern. */

const DNS_PORT = 53;
/** Most combinations of port and protocol that the VPC CNI takes for one peer (EKS user guide, network policy considerations). */
const MAX_PORTS_PER_PEER = 24;

export interface NetworkPolicies {
  readonly objects: readonly KubeObject[];
  /** Why these policies are not, or cannot be, what the service needs; empty: they are. */
  readonly problems: readonly Violation[];
}

/** The service's NetworkPolicies: one for each concern that it has, and default deny both ways. */
export function buildNetworkPolicies(service: EffectiveService, facts: NetworkFacts, config: OperatorConfig): NetworkPolicies {
  const { openings, problems, tooManyPorts } = openingsOf(service, facts, config);
  return {
    objects: [defaultDeny(service), ...openings.map(({ concern, ...rules }) => opening(service, concern, rules))],
    problems: [...problems, ...tooManyPorts],
  };
}

/** More ports of one peer than a policy can open, by what the service itself says: what others of the cluster are does not count. */
export function portProblems(service: EffectiveService, config: OperatorConfig): readonly Violation[] {
  const nobody = { neighbour: () => undefined, kubernetesService: () => undefined };
  return openingsOf(service, nobody, config).tooManyPorts;
}

interface Openings {
  readonly openings: readonly (Partial<NetworkRules> & { readonly concern: string })[];
  /** Of the ways to AWS. */
  readonly problems: readonly Violation[];
  readonly tooManyPorts: readonly Violation[];
}

/** What is opened, concern by concern. */
function openingsOf(service: EffectiveService, facts: NetworkFacts, config: OperatorConfig): Openings {
  const { identityModes = [service.identity], meshes = [meshOf(service)] } = facts;
  const proxies = { identityModes, meshes };
  const aws = awsEgress(service, config, proxies);
  const tunnel = meshes.map((mesh) => mesh.tunnel(config)).find((one) => one !== undefined);
  const platform = platformRules(service, { config, tunnel });
  const concerns: Openings["openings"] = [
    { concern: "callers", ingress: callerIngress(service, facts, tunnel) },
    { concern: "dependencies", egress: dependencyEgress(service, facts, { config, tunnel }) },
    { concern: "dns", egress: dnsEgress(config) },
    { concern: "mesh", ...meshRules(service, config, { ...facts, meshes }) },
    { concern: "scrape", ingress: scrapeIngress(service, config, tunnel) },
    { concern: "aws", egress: aws.rules },
    { concern: "pod-identity", egress: agentEgress(service, proxies) },
    { concern: "platform", ...platform },
  ];
  const openings = concerns.filter(({ ingress = [], egress = [] }) => ingress.length + egress.length > 0);
  return { openings, problems: aws.problems, tooManyPorts: overCounted(openings, platform) };
}

function defaultDeny(service: EffectiveService): KubeObject {
  return policy(service, "default-deny", { policyTypes: ["Ingress", "Egress"] });
}

function opening(service: EffectiveService, concern: string, { ingress = [], egress = [] }: Partial<NetworkRules>): KubeObject {
  return policy(service, concern, {
    policyTypes: [...(ingress.length > 0 ? ["Ingress"] : []), ...(egress.length > 0 ? ["Egress"] : [])],
    ...(ingress.length > 0 && { ingress: ingress.map(({ peers, ports }) => ({ from: peers, ports })) }),
    ...(egress.length > 0 && { egress: egress.map(({ peers, ports }) => ({ to: peers, ports })) }),
  });
}

function policy(service: EffectiveService, concern: string, spec: Readonly<Record<string, unknown>>): KubeObject {
  return childObject(service, {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    name: `${service.key.name}-${concern}`,
    body: { spec: { podSelector: { matchLabels: selectorLabels(service) }, ...spec } },
  });
}

/** A policy cannot select by ServiceAccount: the whole namespace comes as far as the port, and the AuthorizationPolicy lets in the account alone. */
function callerIngress(service: EffectiveService, facts: NetworkFacts, tunnel: Tunnel | undefined): readonly NetworkRule[] {
  const { port } = service.spec;
  const { services, serviceAccounts } = callersOf(service, facts);
  const namespaces = [...new Set(serviceAccounts.map(({ namespace }) => namespace))];
  const peers: readonly Peer[] = [...services.map((key) => servicePeer(service, key)), ...namespaces.map(namespacePeer)];
  return port === undefined || peers.length === 0 ? [] : [{ peers, ports: withTunnel(port, tunnel) }];
}

function dnsEgress(config: OperatorConfig): readonly NetworkRule[] {
  const { namespace, labels, nodeLocal } = config.network.dns;
  const peers: readonly Peer[] = [
    { ...namespacePeer(namespace), podSelector: { matchLabels: labels } },
    ...(nodeLocal === null ? [] : [addressPeer(`${nodeLocal}/${nodeLocal.includes(":") ? 128 : 32}`)]),
  ];
  return [{ peers, ports: [{ protocol: "UDP", port: DNS_PORT }, tcp(DNS_PORT)] }];
}

function meshRules(
  service: EffectiveService,
  config: OperatorConfig,
  facts: NetworkFacts & { readonly meshes: readonly Mesh[] },
): NetworkRules {
  const rules = facts.meshes.map((mesh) => mesh.network(service, config, facts));
  return { ingress: rules.flatMap(({ ingress }) => ingress), egress: rules.flatMap(({ egress }) => egress) };
}

function scrapeIngress(service: EffectiveService, config: OperatorConfig, tunnel: Tunnel | undefined): readonly NetworkRule[] {
  const metrics = service.spec.container?.metrics;
  return metrics ? [{ peers: [namespacePeer(config.network.monitoringNamespace)], ports: withTunnel(metrics.port, tunnel) }] : [];
}

/** The port, and the mesh's tunnel by which it may also be reached; behind that the AuthorizationPolicy alone tells ports apart. */
function withTunnel(port: number, tunnel: Tunnel | undefined): readonly PolicyPort[] {
  return [tcp(port), ...(tunnel ? [tcp(tunnel.port)] : [])];
}

/** The CNI counts over all policies of a pod together, by peer and direction. */
function overCounted(rules: readonly Partial<NetworkRules>[], platform: NetworkRules): readonly Violation[] {
  const peersOf = (opened: readonly NetworkRule[]) => opened.flatMap(({ peers }) => peers.map((peer) => canonicalJson(peer)));
  const directions = [
    { field: "spec.callers", opened: rules.flatMap(({ ingress = [] }) => ingress), list: "platformIngress", ofPlatform: platform.ingress },
    { field: "spec.dependencies", opened: rules.flatMap(({ egress = [] }) => egress), list: "platformEgress", ofPlatform: platform.egress },
  ];
  return directions.flatMap(({ field, opened, list, ofPlatform }) =>
    overLimit(opened).map((peer) => tooMany(field, peer, peersOf(ofPlatform).includes(peer) ? list : undefined)),
  );
}

function overLimit(rules: readonly NetworkRule[]): readonly string[] {
  const ports = new Map<string, Set<string>>();
  for (const { peers, ports: opened } of rules) {
    for (const peer of peers) {
      const key = canonicalJson(peer);
      const known = ports.get(key) ?? new Set<string>();
      for (const { protocol, port } of opened) known.add(`${protocol}/${port}`);
      ports.set(key, known);
    }
  }
  return [...ports].filter(([, known]) => known.size > MAX_PORTS_PER_PEER).map(([peer]) => peer);
}

/** `list`: of the configuration, where it opens some of the ports. */
function tooMany(field: string, peer: string, list: string | undefined): Violation {
  const orLess = list === undefined ? "" : `, or ask the platform team to open fewer in network.${list} of the operator's configuration`;
  return {
    field,
    reason: "TooManyPorts",
    message: `more than ${MAX_PORTS_PER_PEER} ports are opened for ${peer}, and the VPC CNI takes no more for one peer: name fewer ports, or narrower address ranges${orLess}`,
  };
}
