import { REMOVED, type Changes } from "./json-path.ts";
import {
  cidrs,
  cpus,
  durations,
  hosts,
  labels,
  memories,
  namespaces,
  objectNames,
  proxyPorts,
  regularExpressions,
  urlPaths,
  values,
  type Refusal,
} from "./schema-cases.ts";

/** What FULL_SERVICE must not be changed to, and what it may. */

/** Without a port, and without what would be refused for that alone. */
const PORTLESS: Changes = { "spec.port": REMOVED, "spec.routes": REMOVED, "spec.callers": REMOVED, "spec.resilience": REMOVED };
const OWN_QUERIES = { bad: "increase(orders_failed_total[window])", total: "increase(orders_total[window])" };
function slo(changes: object): Changes {
  return { "spec.slos": [{ name: "availability", objective: "99.95", indicator: "availability", ...changes }] };
}
const TCP: Changes = { "spec.protocol": "tcp", "spec.routes": REMOVED };
/** With a workload that its squad brings. */
const BROUGHT: Changes = {
  "spec.container": REMOVED,
  "spec.scaling": REMOVED,
  "spec.image.tag": REMOVED,
  "spec.workloadRef": { apiVersion: "apps/v1", kind: "Deployment", name: "legacy" },
};
const ROUTE = "spec.routes[0]";
const EXISTING_ROLE = "arn:aws:iam::111122223333:role/terraform/matching";
const STATEMENT = "spec.aws.policy.statements[0]";

const TRIES_FIT =
  "the tries of a route must fit into its timeout, (retries.attempts + 1) x retries.perTryTimeout <= timeout: raise timeout, or lower attempts or perTryTimeout";
const LAST_ROUTE =
  "a route without match takes everything, so routes after it are never reached: move it to the end of routes, and write only one";
const ROUTES_NEED_HTTP =
  "routes are for protocol http, http2 and grpc: remove routes, or change spec.protocol; a tcp service has no match, timeout or retries";
const REQUESTS_NEED_HTTP =
  "resilience.retryBudgetPercent, connectionPool.maxPendingRequests and connectionPool.maxRequests count requests, which protocol tcp has not: remove them, or change spec.protocol";
const EJECTION =
  "outlierDetection.baseEjectionTime must be at least outlierDetection.interval: a pod comes back only when pods are judged; raise it or shorten interval";
const METRICS_APART =
  "container.metrics.port must differ from spec.port: the metrics port is open in plain text to the monitoring namespace; serve metrics on another port, as 9090";

const SERVICE_WHOLE: readonly Refusal[] = [
  {
    field: "",
    message:
      "metadata.name must be at most 63 lower-case letters, digits and -, beginning with a letter and ending with a letter or digit, since a Service is named by it: choose a name such as tracking",
    examples: ["1st", "a.b", "a".repeat(64)].map((name) => ({ "metadata.name": name })),
  },
  {
    field: "spec.port",
    message: "routes need spec.port: write the port that the container listens on, or remove routes",
    examples: [{ ...PORTLESS, "spec.routes": [{ name: "all" }] }],
  },
  {
    field: "spec.port",
    message: "callers need spec.port: write the port that they call, or remove callers",
    examples: [{ ...PORTLESS, "spec.callers": { services: [{ name: "dispatch" }] } }],
  },
  {
    field: "spec.port",
    message: "resilience needs spec.port: write the port that is protected, or remove resilience",
    examples: [{ ...PORTLESS, "spec.resilience": { retryBudgetPercent: 20 } }],
  },
  {
    field: "spec.port",
    message: "a probe without a port of its own needs spec.port: write spec.port, or a port in each of container.probes",
    examples: ["readiness", "liveness", "startup"].map((probe) => ({
      ...PORTLESS,
      [`spec.container.probes.${probe}`]: { path: "/ready" },
    })),
  },
  {
    field: "spec.port",
    message: "slos with an indicator need spec.port: write the port whose requests they are about, or queries of their own",
    examples: [{ ...PORTLESS, ...slo({}) }],
  },
  {
    field: "spec.slos[0].objective",
    message: 'slos objective must be a percentage from 90 to below 100 in quotes, with at most four decimals, as "99.95"',
    examples: ["100", "89.9", "99.", "99,9"].map((objective) => slo({ objective })),
  },
  {
    field: "spec.slos[0].threshold",
    message: "slos threshold must be written for indicator latency, and for no other: write for example 250ms, or remove it",
    examples: [slo({ threshold: "250ms" }), slo({ indicator: "latency" })],
  },
  {
    field: "spec.slos[0].indicator",
    message: "each of slos must have either indicator or queries: write for example indicator: availability, or remove one",
    examples: [slo({ queries: OWN_QUERIES }), slo({ indicator: undefined })],
  },
  {
    field: "spec.slos[0].queries",
    message: "slos queries must have either good or bad, beside total: the other is the difference",
    examples: [
      slo({ indicator: undefined, queries: { total: OWN_QUERIES.total } }),
      slo({ indicator: undefined, queries: { ...OWN_QUERIES, good: OWN_QUERIES.bad } }),
    ],
  },
  ...durations("spec.slos[0].threshold", "slos threshold").map((refusal) => ({
    ...refusal,
    examples: refusal.examples.map((change) => ({ ...slo({ indicator: "latency", threshold: "1s" }), ...change })),
  })),
  {
    ...labels("spec.slos[0].name", "slos name", "availability"),
    examples: ["Availability", "-a", "a_b"].map((name) => slo({ name })),
  },
  { field: "spec.container.metrics.port", message: METRICS_APART, examples: [{ "spec.container.metrics.port": 8080 }] },
  { field: "spec.routes", message: ROUTES_NEED_HTTP, examples: [{ ...TCP, "spec.resilience": REMOVED, "spec.routes": [{ name: "all" }] }] },
  {
    field: "spec.resilience",
    message: REQUESTS_NEED_HTTP,
    examples: [
      { ...TCP, "spec.resilience": { retryBudgetPercent: 20 } },
      { ...TCP, "spec.resilience": { connectionPool: { maxRequests: 8 } } },
      { ...TCP, "spec.resilience": { connectionPool: { maxPendingRequests: 8 } } },
    ],
  },
  ...["container", "scaling"].map((field) => ({
    field: `spec.${field}`,
    message: `${field} and workloadRef exclude each other: write it in the workload that workloadRef names and remove ${field}, or remove workloadRef for a workload of the platform's`,
    examples: [{ ...BROUGHT, [`spec.${field}`]: {} }],
  })),
  ...["tag", "digest"].map((field) => ({
    field: `spec.image.${field}`,
    message: `image.${field} and workloadRef exclude each other: the workload that workloadRef names says which image it runs; remove image.${field} (image: {} is enough), or workloadRef`,
    examples: [{ ...BROUGHT, "spec.image": field === "tag" ? { tag: "1.0.0" } : { digest: `sha256:${"0".repeat(64)}` } }],
  })),
  {
    field: "spec.workloadRef.apiVersion",
    message:
      "workloadRef.apiVersion must be apps/v1 for kind Deployment, and argoproj.io/v1alpha1 for kind Rollout: write the one that goes with kind",
    examples: [
      { ...BROUGHT, "spec.workloadRef.kind": "Rollout" },
      { ...BROUGHT, "spec.workloadRef.apiVersion": "argoproj.io/v1alpha1" },
    ],
  },
  {
    field: "spec.workloadRef.name",
    message: "workloadRef.name must be the name of a Kubernetes object: lower-case letters, digits, - and ., as matching-keys",
    examples: ["Legacy", "legacy_1", "-legacy"].map((name) => ({ ...BROUGHT, "spec.workloadRef.name": name })),
  },
  labels("spec.owner", "spec.owner", "tracking-squad"),
  labels("spec.tier", "spec.tier", "tier-2"),
  proxyPorts("spec.port", "spec.port"),
];

const SERVICE_IMAGE: readonly Refusal[] = [
  {
    field: "spec.image.digest",
    message: "image.tag and image.digest exclude each other: keep the one that names the image to run and remove the other",
    examples: [{ "spec.image.digest": `sha256:${"0".repeat(64)}` }],
  },
  values(
    "spec.image.repository",
    "image.repository must be an ECR repository name: lower-case words joined by . _ __ or -, in parts separated by /, as dispatch/matching",
    ["Dispatch/matching", "dispatch//matching", "/matching", "dispatch/", "a..b", "a___b"],
  ),
  values("spec.image.tag", "image.tag must be an image tag: letters, digits, _ . and -, not beginning with . or -, as 1.4.2", [
    ".1",
    "-1",
    "a:b",
    "a b",
  ]),
  {
    field: "spec.image.tag",
    message:
      "image.tag must not begin with platform-operator.running-: the operator puts such tags on images that run; name a tag of your own, or the digest",
    examples: [{ "spec.image.tag": "platform-operator.running-1" }],
  },
  {
    field: "spec.image.digest",
    message: "image.digest must be sha256: and 64 hexadecimal digits in lower case, as docker push prints it",
    examples: [`sha256:${"A".repeat(64)}`, `sha512:${"a".repeat(64)}`].map((digest) => ({ "spec.image": { digest } })),
  },
];

const SERVICE_CONTAINER: readonly Refusal[] = [
  {
    field: "spec.container.env[0]",
    message: 'each env entry must have exactly one of value and valueFrom: remove one, or write value: "" for an empty variable',
    examples: [{ "spec.container.env[0].value": REMOVED }, { "spec.container.env[0].valueFrom": { secret: "keys", key: "key" } }],
  },
  values("spec.container.env[0].name", "env name must be letters, digits, - _ and ., not beginning with a digit, as LOG_LEVEL", [
    "1ST",
    "A=B",
    "A B",
  ]),
  {
    field: "spec.container.env[1].valueFrom",
    message: "valueFrom must name exactly one of secret and configMap: the one that holds the key",
    examples: [{ "spec.container.env[1].valueFrom.secret": REMOVED }, { "spec.container.env[1].valueFrom.configMap": "config" }],
  },
  objectNames("spec.container.env[1].valueFrom.secret", "valueFrom.secret"),
  objectNames("spec.container.env[2].valueFrom.configMap", "valueFrom.configMap"),
  values("spec.container.env[1].valueFrom.key", "valueFrom.key must be a key of a Secret or ConfigMap: letters, digits, - _ and .", [
    "a/b",
    "a b",
  ]),
  {
    field: "spec.container.envFrom[0]",
    message: "each envFrom entry must name exactly one of configMap and secret: write two entries for two sources",
    examples: [{ "spec.container.envFrom[0].secret": "keys" }, { "spec.container.envFrom[0].configMap": REMOVED }],
  },
  ...(
    [
      ["spec.container.env[0].name", "env name"],
      ["spec.container.env[1].valueFrom.key", "valueFrom.key"],
    ] as const
  ).map(([field, name]) =>
    values(field, `${name} must neither be . nor begin with .., which Kubernetes takes for a way out of a folder: choose another name`, [
      ".",
      "..",
      "..data",
    ]),
  ),
  objectNames("spec.container.envFrom[0].configMap", "envFrom configMap"),
  objectNames("spec.container.envFrom[1].secret", "envFrom secret"),
  {
    field: "spec.container.resources.requests.cpu",
    message: "resources.requests.cpu must not be above resources.limits.cpu: lower the request or raise the limit",
    examples: [{ "spec.container.resources.requests.cpu": "2001m" }],
  },
  {
    field: "spec.container.resources.requests.memory",
    message: "resources.requests.memory must not be above resources.limits.memory: lower the request or raise the limit",
    examples: [{ "spec.container.resources.requests.memory": "1Gi" }],
  },
  ...cpus("spec.container.resources.requests.cpu", "requests.cpu"),
  ...memories("spec.container.resources.requests.memory", "requests.memory"),
  ...cpus("spec.container.resources.limits.cpu", "limits.cpu"),
  ...memories("spec.container.resources.limits.memory", "limits.memory"),
  ...["readiness", "liveness", "startup"].flatMap((probe) => [
    urlPaths(`spec.container.probes.${probe}.path`, `probes.${probe}.path`),
    proxyPorts(`spec.container.probes.${probe}.port`, `probes.${probe}.port`),
  ]),
  proxyPorts("spec.container.metrics.port", "container.metrics.port"),
  urlPaths("spec.container.metrics.path", "container.metrics.path"),
  values(
    "spec.container.writablePaths[0]",
    "each of writablePaths must be an absolute path below /, without a trailing / or a space, as /tmp",
    ["//", "tmp", "/tmp/", "/t mp", "/a:b"],
  ),
  values("spec.container.writablePaths[0]", "writablePaths must not use . or .. in a path: write the path that is meant", [
    "/..",
    "/a/../etc",
    "/a/.",
  ]),
  values(
    "spec.container.writablePaths[0]",
    "writablePaths must not cover /proc, /sys, /dev or /var/run/secrets, which the node provides: choose a directory of your own, as /tmp",
    ["/proc", "/sys/fs", "/dev/shm", "/var/run/secrets"],
  ),
  {
    field: "spec.scaling.minReplicas",
    message: "scaling.minReplicas must not be above scaling.maxReplicas: lower minReplicas or raise maxReplicas",
    examples: [{ "spec.scaling.minReplicas": 31 }],
  },
];

const SERVICE_AWS: readonly Refusal[] = [
  values(`${STATEMENT}.sid`, "sid must be letters and digits only, as ReadShipments", ["read-shipments", "a b"]),
  values(
    `${STATEMENT}.conditions[0].operator`,
    "condition operator must be an IAM condition operator, as StringEquals or ForAllValues:StringLike",
    ["String Equals", "a:b:c"],
  ),
  values(`${STATEMENT}.conditions[0].key`, "condition key must be an IAM condition key with its prefix, as dynamodb:LeadingKeys", [
    "LeadingKeys",
    ":x",
  ]),
  values(
    "spec.aws.managedPolicyArns[0]",
    "each of aws.managedPolicyArns must be the ARN of an IAM policy, as arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess",
    ["AWSXRayDaemonWriteAccess", "arn:aws:iam::111122223333:role/x", "arn:aws:iam::aws:policy/*", "arn:aws:iam::1:policy/x"],
  ),
  values("spec.aws.existingRole", "aws.existingRole must be the ARN of an IAM role, as arn:aws:iam::111122223333:role/terraform/tracking", [
    "tracking",
    "arn:aws:iam::111122223333:policy/x",
    "arn:aws:iam::111122223333:role/x*",
    "arn:aws:iam::aws:role/x",
  ]),
  ...["policy", "managedPolicyArns", "maxSessionDuration"].map((field) => ({
    field: `spec.aws.${field}`,
    message: `aws.existingRole and aws.${field} exclude each other: a role that exists is its owner's to change; remove aws.${field}, or aws.existingRole for a role of the service's own`,
    examples: [{ "spec.aws.existingRole": EXISTING_ROLE }],
  })),
  {
    field: "spec.aws.identity",
    message:
      "aws.identity PodIdentity and aws.existingRole exclude each other: what a role that others own admits is judged for IRSA alone; remove aws.identity, or aws.existingRole for a role of the service's own",
    examples: [{ "spec.aws": { existingRole: EXISTING_ROLE, identity: "PodIdentity" } }],
  },
  ...durations("spec.aws.maxSessionDuration", "aws.maxSessionDuration"),
  values("spec.aws.maxSessionDuration", "aws.maxSessionDuration must be between 1h and 12h, the range that IAM accepts for a role", [
    "59m",
    "12h1s",
    "13h",
  ]),
];

const SERVICE_TRAFFIC: readonly Refusal[] = [
  {
    field: "spec.routes",
    message: "routes must have names of their own: rename the second of each pair",
    examples: [{ [`${ROUTE}.name`]: "rest" }],
  },
  {
    field: "spec.routes",
    message: LAST_ROUTE,
    examples: [{ [`${ROUTE}.match`]: REMOVED }, { "spec.routes": [{ name: "a" }, { name: "b", match: { methods: ["GET"] } }] }],
  },
  {
    field: `${ROUTE}.retries.perTryTimeout`,
    message: TRIES_FIT,
    examples: [{ [`${ROUTE}.retries.perTryTimeout`]: "84ms" }, { [`${ROUTE}.retries.attempts`]: 3 }, { [`${ROUTE}.timeout`]: "239ms" }],
  },
  labels(`${ROUTE}.name`, "route name", "match"),
  {
    field: `${ROUTE}.match`,
    message: "match must have a path, methods or headers: leave match out for a route that takes everything",
    examples: [{ [`${ROUTE}.match`]: {} }],
  },
  {
    field: `${ROUTE}.match.path`,
    message: "match.path must have exactly one of prefix, exact and regex: keep the one that is meant",
    examples: [{ [`${ROUTE}.match.path`]: {} }, { [`${ROUTE}.match.path.exact`]: "/x" }, { [`${ROUTE}.match.path.regex`]: "/x" }],
  },
  urlPaths(`${ROUTE}.match.path.prefix`, "path.prefix"),
  urlPaths("spec.routes[1].match.path.exact", "path.exact"),
  regularExpressions("spec.routes[2].match.path.regex", "path.regex"),
  {
    field: `${ROUTE}.match.headers[0]`,
    message: "each of match.headers must have exactly one of exact, prefix and regex: keep the one that is meant",
    examples: [{ [`${ROUTE}.match.headers[0].exact`]: REMOVED }, { [`${ROUTE}.match.headers[0].prefix`]: "x" }],
  },
  values(`${ROUTE}.match.headers[0].name`, "header name must be in lower case, letters, digits, - and _, as x-canary", [
    "X-Canary",
    "x canary",
    ":path",
  ]),
  regularExpressions(`${ROUTE}.match.headers[2].regex`, "header regex"),
  ...durations(`${ROUTE}.timeout`, "route timeout"),
  {
    field: `${ROUTE}.retries.perTryTimeout`,
    message:
      "retries.perTryTimeout is required where retries.attempts is above 0: without it one slow try takes the whole timeout; write for example 80ms",
    examples: [{ [`${ROUTE}.retries.perTryTimeout`]: REMOVED }],
  },
  ...durations(`${ROUTE}.retries.perTryTimeout`, "retries.perTryTimeout"),
  {
    field: "spec.resilience.outlierDetection.baseEjectionTime",
    message: EJECTION,
    examples: [{ "spec.resilience.outlierDetection.baseEjectionTime": "9s" }],
  },
  ...durations("spec.resilience.outlierDetection.interval", "outlierDetection.interval"),
  ...durations("spec.resilience.outlierDetection.baseEjectionTime", "outlierDetection.baseEjectionTime"),
];

const SERVICE_AGREEMENT: readonly Refusal[] = [
  labels("spec.callers.services[0].name", "name", "pricing"),
  namespaces("spec.callers.services[1].namespace"),
  objectNames("spec.callers.serviceAccounts[0].name", "name"),
  namespaces("spec.callers.serviceAccounts[0].namespace"),
  labels("spec.dependencies.services[0].name", "name", "pricing"),
  namespaces("spec.dependencies.services[0].namespace"),
  labels("spec.dependencies.kubernetesServices[0].name", "name", "pricing"),
  namespaces("spec.dependencies.kubernetesServices[0].namespace"),
  hosts("spec.dependencies.hosts[0].host", "host"),
  ...cidrs("spec.dependencies.cidrs[0].cidr", "cidr"),
];

const SERVICE_EXISTING: readonly Refusal[] = [
  {
    field: "spec.image.deletionPolicy",
    message:
      "image.deletionPolicy must be Retain where image.repositoryMode is Existing, since the repository is its owner's to delete: remove deletionPolicy, or repositoryMode for a repository of the service's own",
    examples: ["Delete", "DeleteWithImages"].map((deletionPolicy) => ({
      "spec.image": { repository: "default/matching", repositoryMode: "Existing", deletionPolicy },
    })),
  },
  {
    field: "spec.image.retain",
    message:
      "image.retain and image.repositoryMode Existing exclude each other, since its owner says what a repository keeps: remove retain, or repositoryMode for a repository of the service's own",
    examples: [{ "spec.image": { repository: "default/matching", repositoryMode: "Existing", retain: { taggedImages: 5 } } }],
  },
];

/** Changes to FULL_SERVICE. */
export const SERVICE_REFUSALS: readonly Refusal[] = [
  ...SERVICE_WHOLE,
  ...SERVICE_IMAGE,
  ...SERVICE_EXISTING,
  ...SERVICE_CONTAINER,
  ...SERVICE_AWS,
  ...SERVICE_TRAFFIC,
  ...SERVICE_AGREEMENT,
];

/** Changes to a stored FULL_SERVICE. */
export const SERVICE_UPDATE_REFUSALS: readonly Refusal[] = [
  {
    field: "spec.image.repository",
    message:
      "image.repository is immutable: put back its earlier value (or leave it out, if it was), or delete this PlatformService and apply it again with the new one",
    examples: [{ "spec.image.repository": "default/other" }, { "spec.image.repository": REMOVED }, { "spec.image": {} }],
  },
];

/** Changes to FULL_SERVICE that must be accepted: the edges of what the rules refuse. */
export const SERVICE_ACCEPTED: Readonly<Record<string, Changes>> = {
  "every field": {},
  "an SLO with its window left out": slo({}),
  "the least that may be promised": slo({ objective: "90", window: "7d" }),
  "the most": slo({ objective: "99.9999" }),
  "queries of the squad's own, without a port": { ...PORTLESS, ...slo({ indicator: undefined, queries: OWN_QUERIES }) },
  "tries that take all of the timeout": { [`${ROUTE}.timeout`]: "240ms" },
  "a route that says it has no retries": { [`${ROUTE}.retries`]: { attempts: 0 } },
  "retries without a timeout of the route": { [`${ROUTE}.timeout`]: REMOVED },
  "no route at all": { "spec.routes": [] },
  "a digest": { "spec.image": { digest: `sha256:${"a".repeat(64)}` } },
  "neither tag nor digest": { "spec.image": {} },
  "a Deployment that the squad brings": BROUGHT,
  "a Rollout that the squad brings": {
    ...BROUGHT,
    "spec.workloadRef": { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", name: "legacy" },
  },
  "a name of 63 characters": { "metadata.name": "a".repeat(63) },
  "a repository with every separator": { "spec.image.repository": "default/a.b_c__d--e/f" },
  "a worker without a port": { ...PORTLESS },
  "a worker without a port and without probes": { ...PORTLESS, "spec.container.probes": REMOVED },
  "tcp with a connection pool": {
    ...TCP,
    "spec.resilience.connectionPool": { maxConnections: 8 },
    "spec.resilience.retryBudgetPercent": REMOVED,
  },
  "an empty variable": { "spec.container.env[0].value": "" },
  "as much as the limit": { "spec.container.resources.requests": { cpu: "2000m", memory: "0.5Gi" } },
  "a limit alone": { "spec.container.resources.requests": REMOVED },
  "a role of an hour": { "spec.aws.maxSessionDuration": "1h" },
  "a role of twelve hours": { "spec.aws.maxSessionDuration": "12h" },
  "managed policies with a path": {
    "spec.aws.managedPolicyArns": [
      "arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy",
      "arn:aws-cn:iam::111122223333:policy/a/b=c",
    ],
  },
  "a repository that others own": {
    "spec.image": { repository: "shared/base", repositoryMode: "Existing", tag: "1", deletionPolicy: "Retain" },
  },
  "a role bound by Pod Identity": { "spec.aws.identity": "PodIdentity" },
  "a role that others own, by IRSA": { "spec.aws": { existingRole: EXISTING_ROLE, identity: "IRSA" } },
  "a role that others own": { "spec.aws": { existingRole: EXISTING_ROLE, deletionPolicy: "Retain" } },
  "no managed policy": { "spec.aws.managedPolicyArns": [] },
  "the longest durations": { "spec.routes[3].timeout": "99999h99999h99999h99999h" },
  "minimum and maximum alike": { "spec.scaling": { minReplicas: 3, maxReplicas: 3 } },
  "ejected for one interval": { "spec.resilience.outlierDetection.baseEjectionTime": "10s" },
  "ports beside the proxy's": { "spec.port": 14999, "spec.container.metrics.port": 15091 },
  "an IPv6 range": { "spec.dependencies.cidrs[0].cidr": "2001:db8::/64" },
  "one address": { "spec.dependencies.cidrs[0].cidr": "10.40.1.1/32" },
  "the same caller in two namespaces": { "spec.callers.services": [{ name: "a" }, { name: "a", namespace: "b" }] },
  "the same host on two ports": {
    "spec.dependencies.hosts": [
      { host: "a.example.com", port: 443 },
      { host: "a.example.com", port: 8443 },
    ],
  },
  "a policy that the operator, not the schema, must refuse": { [`${STATEMENT}.actions`]: ["*"], [`${STATEMENT}.resources`]: ["*"] },
};
