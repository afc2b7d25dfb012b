import { REMOVED, type Changes } from "../../support/json-path.ts";
import { AGREEMENT_LEAVES } from "./agreement-leaves.ts";
import { SLO_LEAVES } from "./slo-leaves.ts";
import { at, CHILDREN, CONTAINER, DEPLOYMENT, policy, type LeafRow } from "./leaf-row.ts";

/** Each leaf of a PlatformService's spec, and what exactly changes when it does, from FULL_SERVICE. A leaf with listed values has a row for each. */

const IMAGE = `${DEPLOYMENT}: ${CONTAINER}.image`;
const LABEL = "metadata.labels";
const TCP_ONLY: Changes = {
  routes: REMOVED,
  "resilience.retryBudgetPercent": REMOVED,
  "resilience.connectionPool.maxPendingRequests": REMOVED,
  "resilience.connectionPool.maxRequests": REMOVED,
};

function container(...paths: readonly string[]): readonly string[] {
  return at([DEPLOYMENT], ...paths.map((path) => `${CONTAINER}.${path}`));
}
function autoscaler(path: string): readonly string[] {
  return at(["HorizontalPodAutoscaler matching"], `spec.${path}`);
}
function statement(...paths: readonly string[]): readonly string[] {
  return at(["Role"], ...paths.map((path) => `inlinePolicy.Statement[0].${path}`));
}
function route(index: number, ...paths: readonly string[]): readonly string[] {
  return at(["VirtualService matching"], ...paths.map((path) => `spec.http[${index}].${path}`));
}
/** The first route has two matches: the prefix itself, and what is below it. */
function bothMatches(...paths: readonly string[]): readonly string[] {
  return [0, 1].flatMap((index) => route(0, ...paths.map((path) => `match[${index}].${path}`)));
}
function limits(path: string): readonly string[] {
  return at(["DestinationRule matching"], `spec.trafficPolicy.${path}`);
}
/** Trust, ServiceAccount and the token in the pod template. */
const OTHER_BINDING: readonly string[] = [
  ...at(
    ["Role"],
    ...["Action", "Principal.Federated", "Principal.Service"].map((path) => `trustPolicy.Statement[0].${path}`),
    ...[
      "aws:RequestTag/eks-cluster-arn",
      "aws:RequestTag/kubernetes-namespace",
      "aws:RequestTag/kubernetes-service-account",
      "oidc.eks.eu-west-1.amazonaws.com/id/DEMO:aud",
      "oidc.eks.eu-west-1.amazonaws.com/id/DEMO:sub",
    ].map((key) => `trustPolicy.Statement[0].Condition.StringEquals["${key}"]`),
  ),
  ...at(
    ["ServiceAccount matching"],
    ...["eks.amazonaws.com/role-arn", "eks.amazonaws.com/sts-regional-endpoints", "platform-operator.dev/bound-by"].map(
      (key) => `metadata.annotations["${key}"]`,
    ),
  ),
  ...at(
    [DEPLOYMENT],
    ...["platform-operator.dev/identity", "traffic.sidecar.istio.io/excludeOutboundIPRanges"].map(
      (key) => `spec.template.metadata.annotations["${key}"]`,
    ),
    ...["name", "projected.sources[0].serviceAccountToken.audience", "projected.sources[0].serviceAccountToken.path"].map(
      (path) => `spec.template.spec.volumes[2].${path}`,
    ),
  ),
  ...container(
    ...[3, 4].flatMap((index) => [`env[${index}].name`, `env[${index}].value`]),
    ...["mountPath", "name"].map((path) => `volumeMounts[2].${path}`),
  ),
];
const GENERAL: readonly LeafRow[] = [
  {
    leaf: "owner",
    change: { owner: "other-squad" },
    becomes: [
      ...at(CHILDREN, `${LABEL}["platform-operator.dev/owner"]`),
      ...at([DEPLOYMENT], `spec.template.${LABEL}["platform-operator.dev/owner"]`),
      ...at(["Role", "Repository"], 'tags["platform-operator.dev/owner"]'),
    ],
  },
  {
    // Of another name and otherwise the same; what is in a tier has a table of its own.
    leaf: "tier",
    change: { tier: "tier-9" },
    becomes: [
      ...at(CHILDREN, `${LABEL}["platform-operator.dev/tier"]`),
      ...at([DEPLOYMENT], `spec.template.${LABEL}["platform-operator.dev/tier"]`),
    ],
  },
  // Nothing of what is wanted changes: only that it is not written.
  { leaf: "suspend", change: { suspend: true }, becomes: ["Suspended: "] },
  {
    leaf: "port",
    change: { port: 8090 },
    becomes: [
      ...container("ports[0].containerPort"),
      ...at(["Service matching"], "spec.ports[0].port", "spec.ports[0].targetPort"),
      ...policy("callers", "ingress[0].ports[0].port"),
      ...at(["AuthorizationPolicy matching"], "spec.rules[0].to[0].operation.ports[0]"),
      ...[0, 1, 2, 3].flatMap((index) => route(index, "route[0].destination.port.number")),
    ],
  },
  ...["http", "http2", "grpc"].map((protocol): LeafRow => ({
    leaf: "protocol",
    given: { protocol: protocol === "http" ? "grpc" : "http" },
    change: { protocol },
    becomes: [...container("ports[0].name"), ...at(["Service matching"], "spec.ports[0].name", "spec.ports[0].appProtocol")],
  })),
  {
    leaf: "protocol",
    given: TCP_ONLY,
    change: { protocol: "tcp" },
    becomes: [
      ...container("ports[0].name"),
      ...at(["Service matching"], "spec.ports[0].name", "spec.ports[0].appProtocol"),
      ...at(["VirtualService matching"], "spec.http", "spec.tcp"),
    ],
  },
];

const IMAGES: readonly LeafRow[] = [
  { leaf: "image.repository", change: { "image.repository": "default/other" }, becomes: ["Repository: name", "Image: repository", IMAGE] },
  {
    leaf: "image.repositoryMode",
    given: { "image.deletionPolicy": "Retain", "image.retain": REMOVED },
    change: { "image.repositoryMode": "Existing" },
    becomes: ["- Repository"],
  },
  {
    leaf: "image.repositoryMode",
    given: { "image.deletionPolicy": "Retain", "image.retain": REMOVED, "image.repositoryMode": "Existing" },
    change: { "image.repositoryMode": "Own" },
    becomes: ["+ Repository"],
  },
  { leaf: "image.tag", change: { "image.tag": "2.8.0" }, becomes: ["Image: tag", IMAGE] },
  {
    leaf: "image.digest",
    given: { "image.tag": REMOVED, "image.digest": `sha256:${"a".repeat(64)}` },
    change: { "image.digest": `sha256:${"b".repeat(64)}` },
    becomes: ["Image: digest", IMAGE],
  },
  {
    leaf: "image.retain.taggedImages",
    change: { "image.retain.taggedImages": 51 },
    becomes: ["Repository: lifecyclePolicy.rules[1].selection.countNumber"],
  },
  {
    leaf: "image.retain.untaggedDays",
    change: { "image.retain.untaggedDays": 8 },
    becomes: ["Repository: lifecyclePolicy.rules[2].selection.countNumber"],
  },
];

const PROBES: readonly LeafRow[] = ["readiness", "liveness", "startup"].flatMap((probe): LeafRow[] => {
  const row = (field: string, value: string | number, path = field): LeafRow => ({
    leaf: `container.probes.${probe}.${field}`,
    change: { [`container.probes.${probe}.${field}`]: value },
    becomes: container(`${probe}Probe.${path}`),
  });
  return [
    row("path", "/other", "httpGet.path"),
    row("port", 8082, "httpGet.port"),
    row("periodSeconds", 6),
    row("timeoutSeconds", 4),
    row("failureThreshold", 9),
  ];
});

/** Leaves that are one field of the container. */
const CONTAINER_FIELDS: readonly LeafRow[] = (
  [
    ["command[]", "command[0]", "/bin/other", "command[0]"],
    ["args[]", "args[0]", "--other", "args[0]"],
    ["env[].name", "env[0].name", "OTHER", "env[0].name"],
    ["env[].value", "env[0].value", "debug", "env[0].value"],
    ["env[].valueFrom.secret", "env[1].valueFrom.secret", "other", "env[1].valueFrom.secretKeyRef.name"],
    ["env[].valueFrom.configMap", "env[2].valueFrom.configMap", "other", "env[2].valueFrom.configMapKeyRef.name"],
    ["env[].valueFrom.key", "env[1].valueFrom.key", "other", "env[1].valueFrom.secretKeyRef.key"],
    ["env[].valueFrom.key", "env[2].valueFrom.key", "other", "env[2].valueFrom.configMapKeyRef.key"],
    ["envFrom[].configMap", "envFrom[0].configMap", "other", "envFrom[0].configMapRef.name"],
    ["envFrom[].secret", "envFrom[1].secret", "other", "envFrom[1].secretRef.name"],
    ["runAsUser", "runAsUser", 10002, "securityContext.runAsUser"],
    ["resources.requests.cpu", "resources.requests.cpu", "300m", "resources.requests.cpu"],
    ["resources.requests.memory", "resources.requests.memory", "300Mi", "resources.requests.memory"],
    ["resources.limits.cpu", "resources.limits.cpu", "3", "resources.limits.cpu"],
    ["resources.limits.memory", "resources.limits.memory", "600Mi", "resources.limits.memory"],
  ] as const
).map(([leaf, field, value, path]) => ({
  leaf: `container.${leaf}`,
  change: { [`container.${field}`]: value },
  becomes: container(path),
}));

const PODS: readonly LeafRow[] = [
  {
    leaf: "container.metrics.port",
    change: { "container.metrics.port": 9091 },
    becomes: [
      ...container("ports[1].containerPort"),
      ...policy("scrape", "ingress[0].ports[0].port"),
      ...at(["PeerAuthentication matching"], 'spec.portLevelMtls["9090"]', 'spec.portLevelMtls["9091"]'),
      ...at(["AuthorizationPolicy matching"], "spec.rules[1].to[0].operation.ports[0]"),
    ],
  },
  {
    leaf: "container.metrics.path",
    change: { "container.metrics.path": "/other" },
    becomes: at(["PodMonitor matching"], "spec.podMetricsEndpoints[0].path"),
  },
  {
    leaf: "container.writablePaths[]",
    change: { "container.writablePaths[0]": "/srv" },
    becomes: [...container("volumeMounts[0].mountPath", "volumeMounts[0].name"), `${DEPLOYMENT}: spec.template.spec.volumes[0].name`],
  },
  { leaf: "scaling.minReplicas", change: { "scaling.minReplicas": 4 }, becomes: autoscaler("minReplicas") },
  { leaf: "scaling.maxReplicas", change: { "scaling.maxReplicas": 31 }, becomes: autoscaler("maxReplicas") },
  {
    leaf: "scaling.cpuPercent",
    change: { "scaling.cpuPercent": 66 },
    becomes: autoscaler("metrics[0].containerResource.target.averageUtilization"),
  },
];

const WRITTEN = "aws.policy.statements[0]";
/** With a managed policy every endpoint of AWS is open, whatever the statements say. */
const NO_MANAGED: Changes = { "aws.managedPolicyArns": REMOVED };
const AWS: readonly LeafRow[] = [
  { leaf: "aws.policy.statements[].sid", change: { [`${WRITTEN}.sid`]: "Other" }, becomes: statement("Sid") },
  {
    leaf: "aws.policy.statements[].effect",
    given: { ...NO_MANAGED, [`${WRITTEN}.effect`]: "Deny" },
    change: { [`${WRITTEN}.effect`]: "Allow" },
    becomes: [
      ...statement("Effect"),
      "+ NetworkPolicy matching-aws",
      "+ ServiceEntry matching.aws",
      "Sidecar matching: spec.egress[0].hosts",
    ],
  },
  // With nothing allowed the pods have no way to AWS.
  {
    leaf: "aws.policy.statements[].effect",
    given: NO_MANAGED,
    change: { [`${WRITTEN}.effect`]: "Deny" },
    becomes: [
      ...statement("Effect"),
      "- NetworkPolicy matching-aws",
      "- ServiceEntry matching.aws",
      "Sidecar matching: spec.egress[0].hosts",
    ],
  },
  { leaf: "aws.policy.statements[].actions[]", change: { [`${WRITTEN}.actions[1]`]: "dynamodb:Query" }, becomes: statement("Action[1]") },
  // Another service of AWS is behind other addresses.
  {
    leaf: "aws.policy.statements[].actions[]",
    given: { ...NO_MANAGED, [`${WRITTEN}.resources[1]`]: "arn:aws:s3:::meridian-tracking/*" },
    change: { [`${WRITTEN}.actions[1]`]: "s3:GetObject" },
    becomes: [...statement("Action[1]"), ...policy("aws", "egress[0].to")],
  },
  {
    leaf: "aws.policy.statements[].resources[]",
    change: { [`${WRITTEN}.resources[0]`]: "arn:aws:dynamodb:eu-west-1:111122223333:table/other" },
    becomes: statement("Resource[0]"),
  },
  {
    leaf: "aws.policy.statements[].conditions[].operator",
    change: { [`${WRITTEN}.conditions[0].operator`]: "StringEquals" },
    becomes: statement('Condition["ForAllValues:StringEquals"]', "Condition.StringEquals"),
  },
  {
    leaf: "aws.policy.statements[].conditions[].key",
    change: { [`${WRITTEN}.conditions[0].key`]: "dynamodb:Attributes" },
    becomes: statement(
      'Condition["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"]',
      'Condition["ForAllValues:StringEquals"]["dynamodb:Attributes"]',
    ),
  },
  {
    leaf: "aws.policy.statements[].conditions[].values[]",
    change: { [`${WRITTEN}.conditions[0].values[0]`]: "y" },
    becomes: statement('Condition["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"][0]'),
  },
  {
    leaf: "aws.managedPolicyArns[]",
    change: { "aws.managedPolicyArns[0]": "arn:aws:iam::111122223333:policy/platform-metrics" },
    becomes: ["Role: managedPolicyArns[0]"],
  },
  { leaf: "aws.managedPolicyArns[]", change: NO_MANAGED, becomes: ["Role: managedPolicyArns", ...policy("aws", "egress[0].to")] },
  {
    leaf: "aws.existingRole",
    given: { "aws.policy": REMOVED, "aws.maxSessionDuration": REMOVED },
    change: { ...NO_MANAGED, "aws.existingRole": "arn:aws:iam::111122223333:role/terraform/matching" },
    becomes: [
      "- Role",
      ...at(["ServiceAccount matching"], 'metadata.annotations["eks.amazonaws.com/role-arn"]'),
      ...at([DEPLOYMENT], 'spec.template.metadata.annotations["platform-operator.dev/identity"]', `${CONTAINER}.env[3].value`),
    ],
  },
  {
    leaf: "aws.identity",
    given: { "aws.identity": "PodIdentity" },
    change: { "aws.identity": "IRSA" },
    becomes: ["- NetworkPolicy matching-pod-identity", ...OTHER_BINDING],
  },
  {
    leaf: "aws.identity",
    change: { "aws.identity": "PodIdentity" },
    becomes: ["+ NetworkPolicy matching-pod-identity", ...OTHER_BINDING],
  },
  { leaf: "aws.maxSessionDuration", change: { "aws.maxSessionDuration": "3h" }, becomes: ["Role: maxSessionDuration"] },
];

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];
const RETRY_ON = ["server-error", "gateway-error", "connect-failure", "reset", "refused-stream", "retriable-4xx"];
const ROUTES: readonly LeafRow[] = [
  { leaf: "routes[].name", change: { "routes[0].name": "other" }, becomes: route(0, "name") },
  {
    leaf: "routes[].match.path.prefix",
    change: { "routes[0].match.path.prefix": "/v2/match" },
    becomes: route(0, "match[0].uri.exact", "match[1].uri.prefix"),
  },
  { leaf: "routes[].match.path.exact", change: { "routes[1].match.path.exact": "/v2" }, becomes: route(1, "match[0].uri.exact") },
  { leaf: "routes[].match.path.regex", change: { "routes[2].match.path.regex": "/v3" }, becomes: route(2, "match[0].uri.regex") },
  ...METHODS.map((method): LeafRow => ({
    leaf: "routes[].match.methods[]",
    given: { "routes[0].match.methods[0]": method === "GET" ? "HEAD" : "GET" },
    change: { "routes[0].match.methods[0]": method },
    becomes: bothMatches("method.exact"),
  })),
  {
    leaf: "routes[].match.headers[].name",
    change: { "routes[0].match.headers[0].name": "x-other" },
    becomes: bothMatches('headers["x-canary"]', 'headers["x-other"]'),
  },
  {
    leaf: "routes[].match.headers[].exact",
    change: { "routes[0].match.headers[0].exact": "2" },
    becomes: bothMatches('headers["x-canary"].exact'),
  },
  {
    leaf: "routes[].match.headers[].prefix",
    change: { "routes[0].match.headers[1].prefix": "rider-" },
    becomes: bothMatches('headers["x-client"].prefix'),
  },
  {
    leaf: "routes[].match.headers[].regex",
    change: { "routes[0].match.headers[2].regex": "us-.*" },
    becomes: bothMatches('headers["x-region"].regex'),
  },
  { leaf: "routes[].timeout", change: { "routes[0].timeout": "300ms" }, becomes: route(0, "timeout") },
  { leaf: "routes[].retries.attempts", change: { "routes[0].retries.attempts": 1 }, becomes: route(0, "retries.attempts") },
  {
    leaf: "routes[].retries.perTryTimeout",
    change: { "routes[0].retries.perTryTimeout": "70ms" },
    becomes: route(0, "retries.perTryTimeout"),
  },
  ...RETRY_ON.map((cause): LeafRow => ({
    leaf: "routes[].retries.retryOn[]",
    given: { "routes[0].retries.retryOn": [cause === "reset" ? "server-error" : "reset"] },
    change: { "routes[0].retries.retryOn[0]": cause },
    becomes: route(0, "retries.retryOn"),
  })),
];

const RESILIENCE: readonly LeafRow[] = (
  [
    ["connectionPool.maxConnections", 1, "connectionPool.tcp.maxConnections"],
    ["connectionPool.maxPendingRequests", 1, "connectionPool.http.http1MaxPendingRequests"],
    ["connectionPool.maxRequests", 1, "connectionPool.http.http2MaxRequests"],
    ["outlierDetection.consecutiveErrors", 6, "outlierDetection.consecutive5xxErrors"],
    ["outlierDetection.interval", "11s", "outlierDetection.interval"],
    ["outlierDetection.baseEjectionTime", "31s", "outlierDetection.baseEjectionTime"],
    ["outlierDetection.maxEjectionPercent", 51, "outlierDetection.maxEjectionPercent"],
    ["retryBudgetPercent", 21, "retryBudget.percent"],
  ] as const
).map(([field, value, path]) => ({
  leaf: `resilience.${field}`,
  change: { [`resilience.${field}`]: value },
  becomes: limits(path),
}));

/** Of a service whose squad brings its workload. */
const BROUGHT: Changes = {
  container: REMOVED,
  scaling: REMOVED,
  "image.tag": REMOVED,
  workloadRef: { apiVersion: "apps/v1", kind: "Deployment", name: "legacy" },
};
const LEGACY = "Deployment legacy";
const A_ROLLOUT: Changes = { ...BROUGHT, "workloadRef.kind": "Rollout" };
const WORKLOAD_REF: readonly LeafRow[] = [
  {
    leaf: "workloadRef.apiVersion",
    given: BROUGHT,
    change: { "workloadRef.apiVersion": "argoproj.io/v1alpha1" },
    becomes: [`${LEGACY}: apiVersion`],
  },
  {
    leaf: "workloadRef.apiVersion",
    given: { ...BROUGHT, "workloadRef.apiVersion": "argoproj.io/v1alpha1" },
    change: { "workloadRef.apiVersion": "apps/v1" },
    becomes: [`${LEGACY}: apiVersion`],
  },
  { leaf: "workloadRef.kind", given: BROUGHT, change: { "workloadRef.kind": "Rollout" }, becomes: [`- ${LEGACY}`, "+ Rollout legacy"] },
  {
    leaf: "workloadRef.kind",
    given: A_ROLLOUT,
    change: { "workloadRef.kind": "Deployment" },
    becomes: ["- Rollout legacy", `+ ${LEGACY}`],
  },
  { leaf: "workloadRef.name", given: BROUGHT, change: { "workloadRef.name": "other" }, becomes: [`- ${LEGACY}`, "+ Deployment other"] },
];

export const SERVICE_LEAVES: readonly LeafRow[] = [
  ...GENERAL,
  ...WORKLOAD_REF,
  ...IMAGES,
  ...CONTAINER_FIELDS,
  ...PROBES,
  ...PODS,
  ...AWS,
  ...ROUTES,
  ...RESILIENCE,
  ...AGREEMENT_LEAVES,
  ...SLO_LEAVES,
];
