import { at, policy, type LeafRow } from "./leaf-row.ts";

/** Callers and dependencies: each in the NetworkPolicy by pod, namespace, address and port, and in the mesh by identity and by name. */

const NAMESPACE = 'namespaceSelector.matchLabels["kubernetes.io/metadata.name"]';
const SERVICE = 'podSelector.matchLabels["platform-operator.dev/service"]';

function principal(index: number): readonly string[] {
  return at(["AuthorizationPolicy matching"], `spec.rules[0].from[0].source.principals[${index}]`);
}
/** What the proxy knows a way to, in order: AWS, the carrier, the range, redis, istiod, pricing. */
function known(index: number): readonly string[] {
  return at(["Sidecar matching"], `spec.egress[0].hosts[${index}]`);
}

export const AGREEMENT_LEAVES: readonly LeafRow[] = [
  {
    leaf: "callers.services[].name",
    change: { "callers.services[1].name": "other" },
    becomes: [...policy("callers", `ingress[0].from[0].${SERVICE}`), ...principal(0)],
  },
  {
    leaf: "callers.services[].namespace",
    change: { "callers.services[1].namespace": "bookings" },
    becomes: [...policy("callers", `ingress[0].from[0].${NAMESPACE}`), ...principal(0)],
  },
  // A NetworkPolicy cannot select by ServiceAccount.
  { leaf: "callers.serviceAccounts[].name", change: { "callers.serviceAccounts[0].name": "other" }, becomes: principal(2) },
  {
    leaf: "callers.serviceAccounts[].namespace",
    change: { "callers.serviceAccounts[0].namespace": "other" },
    becomes: [...policy("callers", `ingress[0].from[2].${NAMESPACE}`), ...principal(2)],
  },
  {
    leaf: "dependencies.services[].name",
    change: { "dependencies.services[0].name": "other" },
    becomes: [...policy("dependencies", `egress[3].to[0].${SERVICE}`), ...known(5)],
  },
  {
    leaf: "dependencies.services[].namespace",
    change: { "dependencies.services[0].namespace": "other" },
    becomes: [...policy("dependencies", `egress[3].to[0].${NAMESPACE}`), ...known(5)],
  },
  {
    leaf: "dependencies.kubernetesServices[].name",
    change: { "dependencies.kubernetesServices[0].name": "other" },
    becomes: [...policy("dependencies", "egress[2].to[0].podSelector.matchLabels.app"), ...known(3)],
  },
  {
    leaf: "dependencies.kubernetesServices[].namespace",
    change: { "dependencies.kubernetesServices[0].namespace": "caches" },
    becomes: [...policy("dependencies", `egress[2].to[0].${NAMESPACE}`), ...known(3)],
  },
  {
    leaf: "dependencies.kubernetesServices[].port",
    change: { "dependencies.kubernetesServices[0].port": 6380 },
    becomes: policy("dependencies", "egress[2].ports[0].port"),
  },
  {
    leaf: "dependencies.hosts[].host",
    change: { "dependencies.hosts[0].host": "api.other.example.com" },
    becomes: ["+ ServiceEntry matching.api.other.example.com", "- ServiceEntry matching.api.carrier.example.com", ...known(1)],
  },
  {
    leaf: "dependencies.hosts[].port",
    change: { "dependencies.hosts[0].port": 444 },
    becomes: [
      ...policy("dependencies", "egress[0].ports[0].port"),
      ...at(["ServiceEntry matching.api.carrier.example.com"], "spec.ports[0].name", "spec.ports[0].number"),
    ],
  },
  {
    leaf: "dependencies.cidrs[].cidr",
    change: { "dependencies.cidrs[0].cidr": "10.50.0.0/16" },
    becomes: [
      ...policy("dependencies", "egress[1].to[0].ipBlock.cidr"),
      "+ ServiceEntry matching.cidr-10-50-0-0-16",
      "- ServiceEntry matching.cidr-10-40-0-0-16",
      ...known(2),
    ],
  },
  {
    leaf: "dependencies.cidrs[].port",
    change: { "dependencies.cidrs[0].port": 5433 },
    becomes: [
      ...policy("dependencies", "egress[1].ports[0].port"),
      ...at(["ServiceEntry matching.cidr-10-40-0-0-16"], "spec.ports[0].name", "spec.ports[0].number"),
    ],
  },
];
