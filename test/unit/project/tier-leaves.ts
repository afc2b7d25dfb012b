import { REMOVED, type Changes, type Json } from "../../support/json-path.ts";
import { at, CONTAINER, DEPLOYMENT, policy, type LeafRow } from "./leaf-row.ts";

import { SLOS } from "./slo-leaves.ts";

/** Each leaf of a PlatformTier's spec, and what exactly changes of FULL_SERVICE in TIER when it does. */

export interface TierRow extends LeafRow {
  /** What the service must have written otherwise. */
  readonly givenService?: Changes;
}

/** Every field written; standard isolation, because FULL_SERVICE has ways out of its own. */
export const TIER: Json = {
  description: "Every field.",
  allowedNamespaces: {
    matchLabels: { tenant: "yes" },
    matchExpressions: [{ key: "kubernetes.io/metadata.name", operator: "In", values: ["default"] }],
  },
  availability: {
    minReplicas: 3,
    maxUnavailable: 1,
    zoneSpread: "Required",
    minZones: 2,
    priorityClassName: "platform-critical",
    preStopDelay: "15s",
    terminationGracePeriod: "1m",
  },
  placement: { nodePools: ["general"], capacityTypes: ["on-demand"], architectures: ["arm64"], dedicated: false },
  identity: { permissionsBoundaryArn: "arn:aws:iam::111122223333:policy/platform-boundary" },
  network: {
    mtls: "Strict",
    isolation: "Standard",
    allowedEgress: [
      { name: "card-network", cidr: "198.51.100.0/24", port: 5432 },
      { name: "cards", host: "api.cards.example.com", port: 443 },
    ],
  },
};

/** Refused, or no longer: nothing is built otherwise. */
const VERDICT = ["Verdict: "];

function required(expression: number): readonly string[] {
  const terms = "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]";
  return at([DEPLOYMENT], `spec.template.spec.${terms}.matchExpressions[${expression}].values[0]`);
}
function pod(...paths: readonly string[]): readonly string[] {
  return at([DEPLOYMENT], ...paths.map((path) => `spec.template.spec.${path}`));
}

const EXPRESSION = "allowedNamespaces.matchExpressions[0]";
const ALLOWED: readonly TierRow[] = [
  { leaf: "allowedNamespaces.matchLabels{}", change: { "allowedNamespaces.matchLabels.tenant": "no" }, becomes: VERDICT },
  { leaf: "allowedNamespaces.matchExpressions[].key", change: { [`${EXPRESSION}.key`]: "other" }, becomes: VERDICT },
  { leaf: "allowedNamespaces.matchExpressions[].values[]", change: { [`${EXPRESSION}.values[0]`]: "payments" }, becomes: VERDICT },
  ...[
    { from: "In", to: "NotIn", values: ["default"] },
    { from: "NotIn", to: "In", values: ["default"] },
    { from: "Exists", to: "DoesNotExist", values: REMOVED },
    { from: "DoesNotExist", to: "Exists", values: REMOVED },
  ].map(({ from, to, values }): TierRow => ({
    leaf: "allowedNamespaces.matchExpressions[].operator",
    given: { [`${EXPRESSION}.operator`]: from, [`${EXPRESSION}.values`]: typeof values === "symbol" ? REMOVED : values },
    change: { [`${EXPRESSION}.operator`]: to },
    becomes: VERDICT,
  })),
];

const SPREAD = "topologySpreadConstraints";
const AVAILABILITY: readonly TierRow[] = [
  {
    leaf: "availability.minReplicas",
    givenService: { scaling: REMOVED },
    change: { "availability.minReplicas": 4 },
    becomes: at(["HorizontalPodAutoscaler matching"], "spec.minReplicas", "spec.maxReplicas"),
  },
  {
    leaf: "availability.maxUnavailable",
    change: { "availability.maxUnavailable": 2 },
    becomes: [
      ...at(["PodDisruptionBudget matching"], "spec.maxUnavailable"),
      ...at([DEPLOYMENT], "spec.strategy.rollingUpdate.maxUnavailable"),
    ],
  },
  {
    leaf: "availability.zoneSpread",
    given: { "availability.minZones": REMOVED },
    change: { "availability.zoneSpread": "Preferred" },
    becomes: pod(`${SPREAD}[0].whenUnsatisfiable`),
  },
  {
    leaf: "availability.zoneSpread",
    given: { "availability.zoneSpread": "Preferred", "availability.minZones": REMOVED },
    change: { "availability.zoneSpread": "Required" },
    becomes: pod(`${SPREAD}[0].whenUnsatisfiable`),
  },
  {
    leaf: "availability.zoneSpread",
    given: { "availability.minZones": REMOVED },
    change: { "availability.zoneSpread": "None" },
    becomes: pod(SPREAD),
  },
  { leaf: "availability.minZones", change: { "availability.minZones": 3 }, becomes: pod(`${SPREAD}[0].minDomains`) },
  { leaf: "availability.priorityClassName", change: { "availability.priorityClassName": "other" }, becomes: pod("priorityClassName") },
  {
    leaf: "availability.preStopDelay",
    change: { "availability.preStopDelay": "20s" },
    becomes: at([DEPLOYMENT], `${CONTAINER}.lifecycle.preStop.sleep.seconds`),
  },
  {
    leaf: "availability.terminationGracePeriod",
    change: { "availability.terminationGracePeriod": "2m" },
    becomes: pod("terminationGracePeriodSeconds"),
  },
];

const PLACEMENT: readonly TierRow[] = [
  { leaf: "placement.nodePools[]", change: { "placement.nodePools[0]": "spare" }, becomes: required(0) },
  ...["spot", "on-demand", "reserved"].map((type): TierRow => ({
    leaf: "placement.capacityTypes[]",
    given: { "placement.capacityTypes[0]": type === "spot" ? "on-demand" : "spot" },
    change: { "placement.capacityTypes[0]": type },
    becomes: required(1),
  })),
  ...["arm64", "amd64"].map((architecture): TierRow => ({
    leaf: "placement.architectures[]",
    given: { "placement.architectures[0]": architecture === "arm64" ? "amd64" : "arm64" },
    change: { "placement.architectures[0]": architecture },
    becomes: required(2),
  })),
  // The pool is tainted: without the toleration it cannot be used, and that is refused.
  {
    leaf: "placement.dedicated",
    given: { "placement.nodePools[0]": "payments" },
    change: { "placement.dedicated": true },
    becomes: [...pod("tolerations"), ...VERDICT],
  },
];

const TIER_LABEL = 'podSelector.matchLabels["platform-operator.dev/tier"]';
const WITHIN_PLATFORM: Changes = {
  "callers.serviceAccounts": REMOVED,
  "dependencies.kubernetesServices": REMOVED,
  "dependencies.hosts": REMOVED,
  "dependencies.cidrs": REMOVED,
};
/** Callers and dependencies of the tier alone; Envoy's metrics ports closed. */
const ISOLATED: readonly string[] = [
  ...policy("callers", `ingress[0].from[0].${TIER_LABEL}`, `ingress[0].from[1].${TIER_LABEL}`),
  ...policy("dependencies", `egress[2].to[0].${TIER_LABEL}`),
  ...policy("mesh", "ingress", "policyTypes"),
];
const NETWORK: readonly TierRow[] = [
  ...["Strict", "Permissive"].map((mtls): TierRow => ({
    leaf: "network.mtls",
    given: { "network.mtls": mtls === "Strict" ? "Permissive" : "Strict" },
    change: { "network.mtls": mtls },
    becomes: [
      ...at(["PeerAuthentication matching"], "spec.mtls.mode", "spec.portLevelMtls"),
      // While it is permissive, a caller without an identity is let in; the NetworkPolicy still says which.
      ...at(["AuthorizationPolicy matching"], "spec.rules[0].from"),
    ],
  })),
  ...["Standard", "Strict"].map((isolation): TierRow => ({
    leaf: "network.isolation",
    givenService: WITHIN_PLATFORM,
    given: { "network.isolation": isolation === "Strict" ? "Standard" : "Strict" },
    change: { "network.isolation": isolation },
    becomes: ISOLATED,
  })),
  // A service that has a way out of its own choosing is refused.
  {
    leaf: "network.isolation",
    givenService: { ...WITHIN_PLATFORM, "dependencies.hosts": [{ host: "api.cards.example.com", port: 443 }] },
    change: { "network.isolation": "Strict" },
    becomes: [...ISOLATED, ...VERDICT],
  },
  // The list's key: it names the entry for people.
  { leaf: "network.allowedEgress[].name", change: { "network.allowedEgress[0].name": "other" }, becomes: [] },
  {
    leaf: "network.allowedEgress[].cidr",
    givenService: WITHIN_PLATFORM,
    change: { "network.allowedEgress[0].cidr": "198.51.101.0/24" },
    becomes: [
      ...policy("dependencies", "egress[1].to[0].ipBlock.cidr"),
      "+ ServiceEntry matching.cidr-198-51-101-0-24",
      "- ServiceEntry matching.cidr-198-51-100-0-24",
      ...at(["Sidecar matching"], "spec.egress[0].hosts[2]"),
    ],
  },
  {
    leaf: "network.allowedEgress[].host",
    givenService: WITHIN_PLATFORM,
    change: { "network.allowedEgress[1].host": "api.other.example.com" },
    becomes: [
      "+ ServiceEntry matching.api.other.example.com",
      "- ServiceEntry matching.api.cards.example.com",
      ...at(["Sidecar matching"], "spec.egress[0].hosts[1]"),
    ],
  },
  {
    leaf: "network.allowedEgress[].port",
    givenService: WITHIN_PLATFORM,
    change: { "network.allowedEgress[0].port": 5433 },
    becomes: [
      ...policy("dependencies", "egress[1].ports[0].port"),
      ...at(["ServiceEntry matching.cidr-198-51-100-0-24"], "spec.ports[0].name", "spec.ports[0].number"),
    ],
  },
];

export const TIER_LEAVES: readonly TierRow[] = [
  // A sentence for people, in a column of `kubectl get ptier -o wide`.
  { leaf: "description", change: { description: "Other." }, becomes: [] },
  ...ALLOWED,
  ...AVAILABILITY,
  { leaf: "slos.required", given: { slos: { required: false } }, change: { "slos.required": true }, becomes: VERDICT },
  {
    leaf: "slos.minimumObjective",
    given: { slos: { minimumObjective: "99.9" } },
    givenService: SLOS,
    change: { "slos.minimumObjective": "99.99" },
    becomes: VERDICT,
  },
  ...PLACEMENT,
  {
    leaf: "identity.permissionsBoundaryArn",
    change: { "identity.permissionsBoundaryArn": "arn:aws:iam::111122223333:policy/platform-boundary-pci" },
    becomes: ["Role: permissionsBoundaryArn"],
  },
  {
    leaf: "identity.deniedActions[]",
    given: { "identity.deniedActions": ["s3:*"] },
    change: { "identity.deniedActions[0]": "dynamodb:*" },
    becomes: VERDICT,
  },
  {
    leaf: "identity.allowedActions[]",
    given: { "identity.allowedActions": ["*"] },
    change: { "identity.allowedActions[0]": "s3:*" },
    becomes: VERDICT,
  },
  ...NETWORK,
];
