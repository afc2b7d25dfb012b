import { REMOVED, type Changes } from "../../support/json-path.ts";
import { at, DEPLOYMENT, policy, type LeafRow } from "./leaf-row.ts";
import { OWN_SLO, SLOS } from "./slo-leaves.ts";

/**
 * Each leaf of the configuration, and what exactly changes of FULL_SERVICE in TIER when it does. Where `becomes` has no path, as `Role`, anything
 * of that object does.
 */

export interface ConfigRow extends LeafRow {
  /** What the service must have written otherwise. */
  readonly givenService?: Changes;
  readonly givenTier?: Changes;
}

const IDENTITY = at(
  [DEPLOYMENT],
  'spec.template.metadata.annotations["platform-operator.dev/identity"]',
  "spec.template.spec.containers[0].env[3].value",
);
const ROLE_ARN = 'ServiceAccount matching: metadata.annotations["eks.amazonaws.com/role-arn"]';
const IMAGE = `${DEPLOYMENT}: spec.template.spec.containers[0].image`;
const CLUSTER_TAG = 'tags["platform-operator.dev/cluster"]';
const NAMESPACE = 'namespaceSelector.matchLabels["kubernetes.io/metadata.name"]';
const WORKSPACE = "arn:aws:aps:eu-west-1:111122223333:workspace/ws-1";
/** What the service is refused for. */
const VERDICT = ["Verdict"];
const REVISION = 'spec.template.metadata.labels["istio.io/rev"]';
const ISTIO = [
  "- AuthorizationPolicy matching",
  "- DestinationRule matching",
  "- NetworkPolicy matching-mesh",
  "- PeerAuthentication matching",
  "- ServiceEntry matching.api.cards.example.com",
  "- ServiceEntry matching.api.carrier.example.com",
  "- ServiceEntry matching.aws",
  "- ServiceEntry matching.cidr-10-40-0-0-16",
  "- ServiceEntry matching.cidr-198-51-100-0-24",
  "- Sidecar matching",
  "- VirtualService matching",
  DEPLOYMENT,
];
const AMBIENT = [
  "+ AuthorizationPolicy matching.waypoint",
  "+ HTTPRoute matching",
  ...ISTIO.filter((one) => /ServiceEntry|Sidecar|VirtualService/.test(one)),
  "AuthorizationPolicy matching",
  DEPLOYMENT,
  "NetworkPolicy matching-callers",
  "NetworkPolicy matching-dependencies",
  "NetworkPolicy matching-mesh",
  "NetworkPolicy matching-scrape",
  "Service matching",
  ...VERDICT,
];
const IN_AMBIENT: Changes = { "mesh.istio.dataPlane": "Ambient" };
const IN_APP_MESH: Changes = { "mesh.default": "AppMesh", "mesh.appMesh.certificates": { issuer: { name: "mesh-ca" } } };
const ENVOY_NODE = "spec.template.spec.initContainers[1].env[0].value";
const ROLE_OF_TERRAFORM = "arn:aws:iam::111122223333:role/terraform/matching";
const ROLE_OF_ANOTHER_ACCOUNT = "arn:aws:iam::444455556666:role/reports";
const BOUNDARY = "arn:aws:iam::111122223333:policy/other-boundary";
const PLATFORM: Changes = {
  "network.platformIngress": [
    { name: "edge", namespace: "edge", labels: { app: "gateway" } },
    { name: "checks", cidr: "10.60.0.0/16", ports: [8080] },
  ],
  "network.platformEgress": [
    { name: "telemetry", namespace: "observability", labels: { app: "collector" }, ports: [4317] },
    { name: "licences", cidr: "10.70.0.0/16", ports: [27000] },
  ],
};
const TENANT = { tenant: "yes" };
const selects = (block: string, operator: string): Changes => ({
  [`${block}.namespaceSelector`]: { matchExpressions: [{ key: "tenant", operator, ...(operator.endsWith("In") && { values: ["yes"] }) }] },
});

/** A pattern of a statement, which the rules refuse, and what lets it be. */
const WAIVED_TABLE = "arn:aws:dynamodb:eu-west-1:111122223333:table/positions";
const PATTERN: Changes = { "aws.policy.statements": [{ sid: "Reads", actions: ["dynamodb:GetI*"], resources: [WAIVED_TABLE] }] };
const waiver = (change: object = {}): Changes => ({
  "policies.waivers": [
    {
      rule: "WildcardAction",
      namespaceSelector: { matchLabels: TENANT },
      actions: ["dynamodb:Get*"],
      resources: ["*"],
      reason: "reports",
      ...change,
    },
  ],
});
const WAIVERS: readonly ConfigRow[] = [
  { leaf: "rule", change: { rule: "WildcardResource" } },
  { leaf: "namespaceSelector.matchLabels{}", change: { "namespaceSelector.matchLabels.tenant": "no" } },
  { leaf: "actions[]", change: { "actions[0]": "dynamodb:Put*" } },
  { leaf: "resources[]", change: { "resources[0]": "arn:aws:s3:::*" } },
  { leaf: "namespaceSelector.matchExpressions[].key", change: { "namespaceSelector.matchExpressions[0].key": "team" }, selects: true },
  {
    leaf: "namespaceSelector.matchExpressions[].operator",
    change: { "namespaceSelector.matchExpressions[0].operator": "NotIn" },
    selects: true,
  },
  {
    leaf: "namespaceSelector.matchExpressions[].values[]",
    change: { "namespaceSelector.matchExpressions[0].values[0]": "no" },
    selects: true,
  },
].map(({ leaf, change, selects: bySelector = false }) => ({
  leaf: `policies.waivers[].${leaf}`,
  givenService: PATTERN,
  given: { ...waiver(), ...(bySelector && selects("policies.waivers[0]", "In")) },
  change: Object.fromEntries(Object.entries(change).map(([path, value]) => [`policies.waivers[0].${path}`, value])),
  becomes: [...VERDICT, "- Waived"],
}));

export const CONFIG_LEAVES: readonly ConfigRow[] = [
  {
    leaf: "policies.deniedActions[]",
    given: { "policies.deniedActions": ["sqs:*"] },
    change: { "policies.deniedActions[0]": "dynamodb:*" },
    becomes: VERDICT,
  },
  {
    leaf: "policies.allowedActions[]",
    given: { "policies.allowedActions": ["*"] },
    change: { "policies.allowedActions[0]": "sqs:*" },
    becomes: VERDICT,
  },
  ...WAIVERS,
  {
    leaf: "policies.waivers[].reason",
    givenService: PATTERN,
    given: waiver(),
    change: { "policies.waivers[0].reason": "reports, since 2026" },
    becomes: ["Waived"],
  },
  {
    leaf: "cluster.name",
    change: { "cluster.name": "other" },
    becomes: [...IDENTITY, ROLE_ARN, `Repository: ${CLUSTER_TAG}`, ...at(["Role"], "description", "name", "path", CLUSTER_TAG)],
  },
  {
    leaf: "cluster.region",
    change: { "cluster.region": "eu-central-1" },
    becomes: [DEPLOYMENT, "Repository", "Role", "ServiceAccount matching", "ServiceEntry matching.aws", "Sidecar matching"],
  },
  {
    leaf: "cluster.accountId",
    change: { "cluster.accountId": "444455556666" },
    becomes: [...IDENTITY, IMAGE, ROLE_ARN, "Role: trustPolicy.Statement[0].Principal.Federated", ...VERDICT],
  },
  {
    leaf: "cluster.oidcIssuer",
    change: { "cluster.oidcIssuer": "https://oidc.eks.eu-west-1.amazonaws.com/id/OTHER" },
    becomes: ["Role"],
  },
  {
    leaf: "identity.default",
    change: { "identity.default": "PodIdentity" },
    becomes: ["+ NetworkPolicy matching-pod-identity", DEPLOYMENT, "Role", "ServiceAccount matching"],
  },
  {
    leaf: "identity.default",
    given: { "identity.default": "PodIdentity" },
    change: { "identity.default": "IRSA" },
    becomes: ["- NetworkPolicy matching-pod-identity", DEPLOYMENT, "Role", "ServiceAccount matching"],
  },
  { leaf: "identity.modes[]", change: { "identity.modes": ["IRSA"] }, becomes: [DEPLOYMENT] },
  {
    leaf: "identity.permissionsBoundaryArn",
    givenTier: { identity: REMOVED },
    change: { "identity.permissionsBoundaryArn": BOUNDARY },
    becomes: ["Role: permissionsBoundaryArn"],
  },
  {
    leaf: "identity.allowedBoundaryArns[]",
    givenTier: { "identity.permissionsBoundaryArn": BOUNDARY },
    given: { "identity.allowedBoundaryArns[1]": BOUNDARY },
    change: { "identity.allowedBoundaryArns[1]": `${BOUNDARY}-2` },
    becomes: VERDICT,
  },
  { leaf: "identity.allowedManagedPolicyArns[]", change: { "identity.allowedManagedPolicyArns": [] }, becomes: VERDICT },
  {
    leaf: "identity.trustedAccounts[]",
    givenService: { "aws.policy.statements": [{ sid: "Theirs", actions: ["sts:AssumeRole"], resources: [ROLE_OF_ANOTHER_ACCOUNT] }] },
    given: { "tenancy[0].resourceArns": [ROLE_OF_ANOTHER_ACCOUNT], "identity.trustedAccounts": ["444455556666"] },
    change: { "identity.trustedAccounts[0]": "777788889999" },
    becomes: VERDICT,
  },
  {
    leaf: "tenancy[].namespaceSelector.matchLabels{}",
    given: { "tenancy[0].namespaceSelector": { matchLabels: TENANT } },
    change: { "tenancy[0].namespaceSelector.matchLabels.tenant": "no" },
    becomes: VERDICT,
  },
  {
    leaf: "tenancy[].namespaceSelector.matchExpressions[].key",
    given: selects("tenancy[0]", "In"),
    change: { "tenancy[0].namespaceSelector.matchExpressions[0].key": "team" },
    becomes: VERDICT,
  },
  {
    leaf: "tenancy[].namespaceSelector.matchExpressions[].operator",
    given: selects("tenancy[0]", "In"),
    change: { "tenancy[0].namespaceSelector.matchExpressions[0].operator": "NotIn" },
    becomes: VERDICT,
  },
  {
    leaf: "tenancy[].namespaceSelector.matchExpressions[].values[]",
    given: selects("tenancy[0]", "In"),
    change: { "tenancy[0].namespaceSelector.matchExpressions[0].values[0]": "no" },
    becomes: VERDICT,
  },
  { leaf: "tenancy[].owners[]", change: { "tenancy[0].owners[0]": "other-squad" }, becomes: VERDICT },
  { leaf: "tenancy[].resourceArns[]", change: { "tenancy[0].resourceArns": ["arn:aws:s3:::*"] }, becomes: VERDICT },
  {
    leaf: "tenancy[].existingRoleArns[]",
    givenService: { aws: { existingRole: ROLE_OF_TERRAFORM } },
    change: { "tenancy[0].existingRoleArns": [] },
    becomes: VERDICT,
  },
  {
    leaf: "tenancy[].existingRepositories[]",
    givenService: { "image.repositoryMode": "Existing" },
    change: { "tenancy[0].existingRepositories": [] },
    becomes: VERDICT,
  },
  {
    leaf: "registry.mode",
    givenService: { "image.repositoryMode": REMOVED },
    change: { "registry.mode": "Existing" },
    becomes: ["- Repository"],
  },
  {
    leaf: "registry.repositoryPrefix",
    change: { "registry.repositoryPrefix": "prod/" },
    becomes: [IMAGE, "Image: repository", "Repository: name"],
  },
  { leaf: "registry.encryption.type", change: { "registry.encryption.type": "KMS" }, becomes: ["Repository: encryption.type"] },
  {
    leaf: "registry.encryption.kmsKey",
    given: { "registry.encryption.type": "KMS" },
    change: { "registry.encryption.kmsKey": "arn:aws:kms:eu-west-1:111122223333:key/1" },
    becomes: ["Repository: encryption.kmsKey"],
  },
  { leaf: "mesh.default", change: { "mesh.default": "None" }, becomes: ISTIO },
  {
    leaf: "mesh.overrides[].namespaceSelector.matchLabels{}",
    given: { "mesh.overrides": [{ namespaceSelector: { matchLabels: { tenant: "no" } }, provider: "None" }] },
    change: { "mesh.overrides[0].namespaceSelector.matchLabels.tenant": "yes" },
    becomes: ISTIO,
  },
  ...(["key", "operator", "values[0]"] as const).map((member): ConfigRow => {
    const path = `mesh.overrides[0].namespaceSelector.matchExpressions[0].${member}`;
    const other = { key: "team", operator: "NotIn", "values[0]": "no" }[member];
    const right = { key: "tenant", operator: "In", "values[0]": "yes" }[member];
    return {
      leaf: `mesh.overrides[].namespaceSelector.matchExpressions[].${member.replace("[0]", "[]")}`,
      given: { "mesh.overrides": [{ provider: "None" }], ...selects("mesh.overrides[0]", "In"), [path]: other },
      change: { [path]: right },
      becomes: ISTIO,
    };
  }),
  {
    leaf: "mesh.overrides[].provider",
    given: { "mesh.overrides": [{ namespaceSelector: { matchLabels: TENANT }, provider: "Istio" }] },
    change: { "mesh.overrides[0].provider": "None" },
    becomes: ISTIO,
  },
  {
    leaf: "mesh.overrides[].dataPlane",
    given: { "mesh.overrides": [{ namespaceSelector: { matchLabels: TENANT }, provider: "Istio", dataPlane: "Sidecar" }] },
    change: { "mesh.overrides[0].dataPlane": "Ambient" },
    becomes: AMBIENT,
  },
  { leaf: "mesh.istio.dataPlane", change: IN_AMBIENT, becomes: AMBIENT },
  {
    leaf: "mesh.istio.waypoint.name",
    given: IN_AMBIENT,
    change: { "mesh.istio.waypoint.name": "other" },
    becomes: [
      "AuthorizationPolicy matching: spec.rules[0].from[0].source.principals[2]",
      ...policy("mesh", 'ingress[0].from[0].podSelector.matchLabels["gateway.networking.k8s.io/gateway-name"]'),
      'Service matching: metadata.labels["istio.io/use-waypoint"]',
    ],
  },
  {
    leaf: "mesh.istio.waypoint.namespace",
    given: IN_AMBIENT,
    change: { "mesh.istio.waypoint.namespace": "gateways" },
    becomes: [
      "AuthorizationPolicy matching: spec.rules[0].from[0].source.principals[2]",
      ...policy("mesh", `ingress[0].from[0].${NAMESPACE}`),
      'Service matching: metadata.labels["istio.io/use-waypoint-namespace"]',
    ],
  },
  { leaf: "mesh.istio.revision", change: { "mesh.istio.revision": "canary" }, becomes: at([DEPLOYMENT], REVISION) },
  {
    leaf: "mesh.istio.namespace",
    change: { "mesh.istio.namespace": "istio" },
    becomes: [...policy("mesh", `egress[0].to[0].${NAMESPACE}`), "Sidecar matching: spec.egress[0].hosts[6]"],
  },
  {
    leaf: "mesh.istio.trustDomain",
    change: { "mesh.istio.trustDomain": "example.org" },
    becomes: [0, 1, 2].map((i) => `AuthorizationPolicy matching: spec.rules[0].from[0].source.principals[${String(i)}]`),
  },
  {
    leaf: "mesh.appMesh.meshName",
    given: IN_APP_MESH,
    change: { "mesh.appMesh.meshName": "other" },
    becomes: [...at([DEPLOYMENT], ENVOY_NODE), "Role: inlinePolicy.Statement[0].Resource"],
  },
  {
    leaf: "mesh.appMesh.envoyImage",
    given: IN_APP_MESH,
    change: { "mesh.appMesh.envoyImage": "registry.example.com/envoy:v2" },
    becomes: at([DEPLOYMENT], "spec.template.spec.initContainers[1].image"),
  },
  {
    leaf: "mesh.appMesh.proxyInitImage",
    given: IN_APP_MESH,
    change: { "mesh.appMesh.proxyInitImage": "registry.example.com/init:v8" },
    becomes: at([DEPLOYMENT], "spec.template.spec.initContainers[0].image"),
  },
  ...(["name", "kind", "group"] as const).map((member): ConfigRow => ({
    leaf: `mesh.appMesh.certificates.issuer.${member}`,
    given: IN_APP_MESH,
    change: { [`mesh.appMesh.certificates.issuer.${member}`]: "Other" },
    becomes: [`Certificate matching-mesh-tls: spec.issuerRef.${member}`],
  })),
  {
    leaf: "mesh.appMesh.certificates.trustDomain",
    given: IN_APP_MESH,
    change: { "mesh.appMesh.certificates.trustDomain": "example.org" },
    becomes: ["Certificate matching-mesh-tls: spec.uris[0]", "VirtualNode"],
  },
  { leaf: "network.dns.namespace", change: { "network.dns.namespace": "dns" }, becomes: policy("dns", `egress[0].to[0].${NAMESPACE}`) },
  {
    leaf: "network.dns.labels{}",
    change: { "network.dns.labels": { app: "dns" } },
    becomes: policy("dns", "egress[0].to[0].podSelector.matchLabels.app", 'egress[0].to[0].podSelector.matchLabels["k8s-app"]'),
  },
  { leaf: "network.dns.nodeLocal", change: { "network.dns.nodeLocal": "169.254.20.10" }, becomes: policy("dns", "egress[0].to") },
  {
    leaf: "network.monitoringNamespace",
    change: { "network.monitoringNamespace": "observability" },
    becomes: [...policy("mesh", `ingress[0].from[0].${NAMESPACE}`), ...policy("scrape", `ingress[0].from[0].${NAMESPACE}`)],
  },
  ...[
    { service: "interface", cidr: "10.1.0.0/16" },
    { service: "s3", cidr: "52.219.0.0/17" },
    { service: "dynamodb", cidr: "52.95.0.0/23" },
  ].map(({ service, cidr }, i): ConfigRow => ({
    leaf: `network.awsEndpointCidrs.${service}[]`,
    change: { [`network.awsEndpointCidrs.${service}[0]`]: cidr },
    becomes: policy("aws", `egress[0].to[${String(i)}].ipBlock.cidr`),
  })),
  // They name entries for people.
  { leaf: "network.platformIngress[].name", given: PLATFORM, change: { "network.platformIngress[0].name": "other" }, becomes: [] },
  { leaf: "network.platformEgress[].name", given: PLATFORM, change: { "network.platformEgress[0].name": "other" }, becomes: [] },
  {
    leaf: "network.platformIngress[].namespace",
    given: PLATFORM,
    change: { "network.platformIngress[0].namespace": "gateways" },
    becomes: policy("platform", `ingress[0].from[0].${NAMESPACE}`),
  },
  {
    leaf: "network.platformIngress[].labels{}",
    given: PLATFORM,
    change: { "network.platformIngress[0].labels.app": "other" },
    becomes: policy("platform", "ingress[0].from[0].podSelector.matchLabels.app"),
  },
  {
    leaf: "network.platformIngress[].cidr",
    given: PLATFORM,
    change: { "network.platformIngress[1].cidr": "10.61.0.0/16" },
    becomes: policy("platform", "ingress[1].from[0].ipBlock.cidr"),
  },
  {
    leaf: "network.platformIngress[].ports[]",
    given: PLATFORM,
    change: { "network.platformIngress[0].ports": [9999] },
    becomes: policy("platform", "ingress[0].ports[0].port"),
  },
  {
    leaf: "network.platformEgress[].namespace",
    given: PLATFORM,
    change: { "network.platformEgress[0].namespace": "telemetry" },
    becomes: [...policy("platform", `egress[0].to[0].${NAMESPACE}`), "Sidecar matching"],
  },
  {
    leaf: "network.platformEgress[].labels{}",
    given: PLATFORM,
    change: { "network.platformEgress[0].labels.app": "other" },
    becomes: policy("platform", "egress[0].to[0].podSelector.matchLabels.app"),
  },
  {
    leaf: "network.platformEgress[].cidr",
    given: PLATFORM,
    change: { "network.platformEgress[1].cidr": "10.71.0.0/16" },
    becomes: [
      ...policy("platform", "egress[1].to[0].ipBlock.cidr"),
      "+ ServiceEntry matching.cidr-10-71-0-0-16",
      "- ServiceEntry matching.cidr-10-70-0-0-16",
      "Sidecar matching",
    ],
  },
  {
    leaf: "network.platformEgress[].ports[]",
    given: PLATFORM,
    change: { "network.platformEgress[1].ports[0]": 27001 },
    becomes: [...policy("platform", "egress[1].ports[0].port"), "ServiceEntry matching.cidr-10-70-0-0-16"],
  },
  {
    leaf: "network.privateCidrs[]",
    change: { "network.privateCidrs": ["10.0.0.0/8"] },
    becomes: policy("dependencies", "egress[0].to[0].ipBlock.except"),
  },
  {
    leaf: "network.clusterDomain",
    change: { "network.clusterDomain": "corp.local" },
    becomes: [
      "DestinationRule matching: spec.host",
      ...at(["Sidecar matching"], "spec.egress[0].hosts[5]", "spec.egress[0].hosts[7]"),
      "VirtualService matching: spec.hosts[0]",
      ...[0, 1, 2, 3].map((i) => `VirtualService matching: spec.http[${String(i)}].route[0].destination.host`),
    ],
  },
  {
    leaf: "slos.delivery",
    givenService: SLOS,
    change: { "slos.delivery": "ConfigMap" },
    becomes: ["+ ConfigMap matching-slos", "- PrometheusRule matching-slos"],
  },
  {
    leaf: "slos.delivery",
    givenService: SLOS,
    given: { "slos.workspaceArn": WORKSPACE },
    change: { "slos.delivery": "AmazonManagedPrometheus" },
    becomes: ["+ RuleGroupsNamespace", "- PrometheusRule matching-slos"],
  },
  {
    leaf: "slos.workspaceArn",
    givenService: SLOS,
    given: { "slos.delivery": "AmazonManagedPrometheus", "slos.workspaceArn": WORKSPACE },
    change: { "slos.workspaceArn": `${WORKSPACE}-other` },
    becomes: ["RuleGroupsNamespace: name"],
  },
  {
    leaf: "slos.ruleLabels{}",
    givenService: SLOS,
    given: { "slos.delivery": "ConfigMap" },
    change: { "slos.ruleLabels": { "rules.example.com/load": "yes" } },
    becomes: ['ConfigMap matching-slos: metadata.labels["rules.example.com/load"]'],
  },
  {
    leaf: "slos.ruleLabels{}",
    givenService: SLOS,
    change: { "slos.ruleLabels": { release: "prometheus" } },
    becomes: ["PrometheusRule matching-slos: metadata.labels.release"],
  },
  {
    leaf: "slos.seriesLabels{}",
    givenService: SLOS,
    change: { "slos.seriesLabels": { cluster: "prod-1" } },
    becomes: ["PrometheusRule matching-slos"],
  },
  {
    leaf: "slos.namespaceLabel",
    givenService: OWN_SLO,
    change: { "slos.namespaceLabel": "exported_namespace" },
    becomes: ["PrometheusRule matching-slos"],
  },
  ...["runbookUrl", "dashboardUrl"].map((field): ConfigRow => ({
    leaf: `slos.${field}`,
    givenService: SLOS,
    change: { [`slos.${field}`]: "https://example.com/{namespace}/{service}/{slo}/{alert}" },
    becomes: ["PrometheusRule matching-slos"],
  })),
];

/** Leaves that change how the operator works and nothing of what it makes, and the test that holds each. */
export const CONFIG_LEAVES_ELSEWHERE: Readonly<Record<string, string>> = {
  "rollout.maxConcurrent": "test/unit/reconcilers/rollout-budget.test.ts",
  "aws.endpoint": "test/unit/aws/clients.test.ts",
  "aws.sweepInterval": "test/unit/controllers/sweep.test.ts",
  "kubernetes.limit": "test/unit/kube/transport.test.ts",
  "aws.limits.iam": "test/unit/aws/clients.test.ts",
  "aws.limits.ecr": "test/unit/aws/clients.test.ts",
  "aws.limits.eks": "test/unit/aws/clients.test.ts",
  "aws.limits.appmesh": "test/unit/aws/clients.test.ts",
  "aws.limits.aps": "test/unit/aws/clients.test.ts",
  "slos.prometheus.url": "test/unit/prometheus/client.test.ts",
  "slos.prometheus.interval": "test/unit/controllers/slo-budgets.test.ts",
  "slos.prometheus.timeout": "test/unit/prometheus/client.test.ts",
  "slos.prometheus.authorization.mode": "test/unit/prometheus/client.test.ts",
  "slos.prometheus.authorization.bearerTokenFile": "test/unit/prometheus/client.test.ts",
  "slos.prometheus.caFile": "test/unit/prometheus/client.test.ts",
  "mesh.appMesh.retired": "test/unit/reconcilers/app-mesh.test.ts",
};
