/** What the services of test/support/lives.ts are from one phase of their lives to the next. */

export const TAG = "1.0.0";
export const NEXT_TAG = "1.1.0";

/** The spec that a service is born with, the one that it is changed to, and the tier that it has at last. */
interface Life {
  /** Of its namespace. */
  readonly labels: Readonly<Record<string, string>>;
  readonly born: object;
  readonly changed: object;
  readonly retiered: { readonly tier: string };
}

function probe(path: string, port: number, seconds: number): object {
  return { path, port, periodSeconds: seconds, timeoutSeconds: seconds - 1, failureThreshold: seconds };
}

/** In Istio: one of every child, and of the spec every field that leads to something without another service or another's object. */
const BORN = {
  image: { tag: TAG, retain: { taggedImages: 50, untaggedDays: 7 }, deletionPolicy: "Delete" },
  container: {
    command: ["/bin/api"],
    args: ["--serve"],
    env: [
      { name: "LOG_LEVEL", value: "info" },
      { name: "KEY", valueFrom: { secret: "api-keys", key: "key" } },
      { name: "ZONE", valueFrom: { configMap: "api-config", key: "zone" } },
    ],
    envFrom: [{ configMap: "api-config" }, { secret: "api-keys" }],
    runAsUser: 10001,
    resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { cpu: "1", memory: "64Mi" } },
    probes: { readiness: probe("/ready", 8081, 5), liveness: probe("/live", 8081, 6), startup: probe("/start", 8081, 7) },
    metrics: { port: 9090, path: "/metrics" },
    writablePaths: ["/tmp"],
  },
  scaling: { minReplicas: 1, maxReplicas: 3, cpuPercent: 65 },
  aws: {
    identity: "IRSA",
    policy: {
      statements: [
        {
          sid: "Read",
          actions: ["dynamodb:GetItem"],
          resources: ["arn:aws:dynamodb:eu-west-1:111122223333:table/orders"],
          conditions: [{ operator: "ForAllValues:StringEquals", key: "dynamodb:LeadingKeys", values: ["one"] }],
        },
        { sid: "Never", effect: "Deny", actions: ["s3:PutObject"], resources: ["arn:aws:s3:::orders/*"] },
      ],
    },
    managedPolicyArns: ["arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"],
    maxSessionDuration: "1h",
    deletionPolicy: "Retain",
  },
  routes: [
    {
      name: "match",
      match: {
        path: { prefix: "/v1" },
        methods: ["POST"],
        headers: [
          { name: "x-canary", exact: "1" },
          { name: "x-client", prefix: "driver-" },
          { name: "x-region", regex: "eu-(west|north)-[0-9]" },
        ],
      },
      timeout: "250ms",
      retries: { attempts: 2, perTryTimeout: "80ms", retryOn: ["server-error", "connect-failure"] },
    },
    { name: "exactly", match: { path: { exact: "/v1/exactly" } } },
    { name: "by-expression", match: { path: { regex: "/v[12]/.*" } } },
    { name: "rest", timeout: "2s" },
  ],
  resilience: {
    connectionPool: { maxConnections: 1024, maxPendingRequests: 256, maxRequests: 1024 },
    outlierDetection: { consecutiveErrors: 5, interval: "10s", baseEjectionTime: "30s", maxEjectionPercent: 50 },
    retryBudgetPercent: 20,
  },
  slos: [
    { name: "availability", objective: "99.9", window: "30d", indicator: "availability" },
    { name: "latency", objective: "99", indicator: "latency", threshold: "250ms" },
    {
      name: "orders",
      objective: "99",
      queries: { good: 'increase(orders_total{ok="1"}[window])', total: "increase(orders_total[window])" },
    },
  ],
  callers: { services: [{ name: "shop", namespace: "shops" }], serviceAccounts: [{ name: "probe", namespace: "ops" }] },
  dependencies: { hosts: [{ host: "api.carrier.example.com", port: 443 }], cidrs: [{ cidr: "10.40.0.0/16", port: 5432 }] },
};

/** Every field of BORN is another. */
const CHANGED = {
  owner: "other-squad",
  image: { tag: NEXT_TAG, retain: { taggedImages: 40, untaggedDays: 3 }, deletionPolicy: "DeleteWithImages" },
  port: 8090,
  protocol: "http2",
  container: {
    command: ["/bin/other"],
    args: ["--other"],
    env: [
      { name: "LEVEL", value: "debug" },
      { name: "SECOND_KEY", valueFrom: { secret: "other-keys", key: "second" } },
      { name: "REGION", valueFrom: { configMap: "other-config", key: "region" } },
    ],
    envFrom: [{ configMap: "other-config" }, { secret: "other-keys" }],
    runAsUser: 10002,
    resources: { requests: { cpu: "11m", memory: "17Mi" }, limits: { cpu: "2", memory: "65Mi" } },
    probes: { readiness: probe("/r", 8082, 6), liveness: probe("/l", 8082, 7), startup: probe("/s", 8082, 8) },
    metrics: { port: 9091, path: "/m" },
    writablePaths: ["/var/cache/api"],
  },
  scaling: { minReplicas: 2, maxReplicas: 4, cpuPercent: 70 },
  aws: {
    identity: "PodIdentity",
    policy: {
      statements: [
        {
          sid: "Query",
          effect: "Deny",
          actions: ["dynamodb:Query"],
          resources: ["arn:aws:dynamodb:eu-west-1:111122223333:table/parcels"],
          conditions: [{ operator: "ForAnyValue:StringLike", key: "dynamodb:Attributes", values: ["two*"] }],
        },
        { sid: "Objects", effect: "Allow", actions: ["s3:GetObject"], resources: ["arn:aws:s3:::parcels/*"] },
      ],
    },
    managedPolicyArns: ["arn:aws:iam::111122223333:policy/platform-metrics"],
    maxSessionDuration: "2h",
    deletionPolicy: "Delete",
  },
  routes: [
    {
      name: "matched",
      match: {
        path: { prefix: "/v2" },
        methods: ["PUT"],
        headers: [
          { name: "x-ring", exact: "2" },
          { name: "x-caller", prefix: "rider-" },
          { name: "x-zone", regex: "eu-(west|north)-[0-9][a-c]" },
        ],
      },
      timeout: "300ms",
      retries: { attempts: 1, perTryTimeout: "90ms", retryOn: ["gateway-error", "reset"] },
    },
    { name: "exactly", match: { path: { exact: "/v2/exactly" } } },
    { name: "by-expression", match: { path: { regex: "/v[34]/.*" } } },
    { name: "rest", timeout: "1s" },
  ],
  resilience: {
    connectionPool: { maxConnections: 512, maxPendingRequests: 128, maxRequests: 512 },
    outlierDetection: { consecutiveErrors: 6, interval: "11s", baseEjectionTime: "31s", maxEjectionPercent: 40 },
    retryBudgetPercent: 30,
  },
  slos: [
    { name: "answers", objective: "99.5", window: "7d", indicator: "latency", threshold: "500ms" },
    { name: "reached", objective: "99.5", indicator: "availability" },
    {
      name: "parcels",
      objective: "98",
      queries: { bad: 'increase(parcels_total{ok="0"}[window])', total: "increase(parcels_total[window])" },
    },
  ],
  callers: { services: [{ name: "store", namespace: "stores" }], serviceAccounts: [{ name: "watch", namespace: "sre" }] },
  dependencies: { hosts: [{ host: "api.maps.example.com", port: 8443 }], cidrs: [{ cidr: "10.41.0.0/16", port: 5433 }] },
};

/** Of what the first has not, App Mesh and its sidecar. */
const MESH_BORN = {
  tier: "legacy",
  image: { tag: TAG, deletionPolicy: "DeleteWithImages" },
  container: { probes: { readiness: { path: "/ready", port: 8081 } } },
  aws: {
    identity: "PodIdentity",
    policy: {
      statements: [{ sid: "Read", actions: ["dynamodb:GetItem"], resources: ["arn:aws:dynamodb:eu-west-1:111122223333:table/orders"] }],
    },
  },
  routes: [
    { name: "read", match: { path: { prefix: "/v1" }, methods: ["GET"] }, timeout: "20s" },
    { name: "rest", timeout: "2s" },
  ],
};

/** Changes the node, a route and the role; takes one route away and brings another. */
const MESH_CHANGED = {
  ...MESH_BORN,
  aws: {
    identity: "PodIdentity",
    policy: {
      statements: [{ sid: "Read", actions: ["dynamodb:Query"], resources: ["arn:aws:dynamodb:eu-west-1:111122223333:table/orders"] }],
    },
  },
  routes: [
    { name: "write", match: { path: { prefix: "/v1" }, methods: ["POST"] }, timeout: "10s" },
    { name: "rest", timeout: "1s" },
  ],
  resilience: { connectionPool: { maxConnections: 64, maxPendingRequests: 16 } },
};

/** By what the names of their namespaces begin with: in Istio, and from IRSA to EKS Pod Identity; in App Mesh with EKS Pod Identity. */
export const LIVES = {
  life: { labels: {}, born: BORN, changed: CHANGED, retiered: { tier: "tier-2" } },
  mesh: { labels: { mesh: "appmesh" }, born: MESH_BORN, changed: MESH_CHANGED, retiered: { tier: "legacy-doubled" } },
} as const satisfies Record<string, Life>;

export type LifeKind = keyof typeof LIVES;

/** Tiers for App Mesh, where nobody issues certificates. */
export const LEGACY_TIERS: readonly object[] = [
  [MESH_BORN.tier, 1],
  [LIVES.mesh.retiered.tier, 2],
].map(([name, minReplicas]) => ({
  apiVersion: "platform-operator.dev/v1alpha1",
  kind: "PlatformTier",
  metadata: { name },
  spec: {
    allowedNamespaces: { matchLabels: LIVES.mesh.labels },
    availability: { minReplicas },
    placement: { nodePools: ["general"], capacityTypes: ["on-demand"], architectures: ["amd64"] },
    network: { mtls: "Permissive" },
  },
}));
