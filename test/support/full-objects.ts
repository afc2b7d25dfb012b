import type { Json } from "./json-path.ts";

/** One PlatformService and one PlatformTier with every field written, and the least of each; all of them valid. */

export const MINIMAL_SERVICE: Json = {
  apiVersion: "platform-operator.dev/v1alpha1",
  kind: "PlatformService",
  metadata: { name: "tracking", namespace: "default" },
  spec: { owner: "tracking-squad", tier: "tier-2", image: {} },
};

export const FULL_SERVICE: Json = {
  apiVersion: "platform-operator.dev/v1alpha1",
  kind: "PlatformService",
  metadata: { name: "matching", namespace: "default" },
  spec: {
    owner: "dispatch-squad",
    tier: "tier-1",
    suspend: false,
    image: {
      repository: "default/matching",
      repositoryMode: "Own",
      tag: "2.7.0",
      retain: { taggedImages: 50, untaggedDays: 7 },
      deletionPolicy: "Delete",
    },
    port: 8080,
    protocol: "http",
    container: {
      command: ["/bin/matching"],
      args: ["--serve"],
      env: [
        { name: "LOG_LEVEL", value: "info" },
        { name: "KEY", valueFrom: { secret: "matching-keys", key: "key" } },
        { name: "ZONE", valueFrom: { configMap: "matching-config", key: "zone" } },
      ],
      envFrom: [{ configMap: "matching-config" }, { secret: "matching-keys" }],
      runAsUser: 10001,
      resources: { requests: { cpu: "250m", memory: "256Mi" }, limits: { cpu: "2", memory: "512Mi" } },
      probes: {
        readiness: { path: "/ready", port: 8081, periodSeconds: 5, timeoutSeconds: 2, failureThreshold: 3 },
        liveness: { path: "/live", port: 8081, periodSeconds: 5, timeoutSeconds: 2, failureThreshold: 3 },
        startup: { path: "/live", port: 8081, periodSeconds: 5, timeoutSeconds: 2, failureThreshold: 30 },
      },
      metrics: { port: 9090, path: "/metrics" },
      writablePaths: ["/tmp", "/var/cache/matching"],
    },
    scaling: { minReplicas: 3, maxReplicas: 30, cpuPercent: 65 },
    aws: {
      policy: {
        statements: [
          {
            sid: "Tables",
            effect: "Allow",
            actions: ["dynamodb:GetItem", "dynamodb:PutItem"],
            resources: ["arn:aws:dynamodb:eu-west-1:111122223333:table/shipments"],
            conditions: [{ operator: "ForAllValues:StringEquals", key: "dynamodb:LeadingKeys", values: ["x"] }],
          },
        ],
      },
      managedPolicyArns: ["arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"],
      maxSessionDuration: "2h30m",
      deletionPolicy: "Retain",
    },
    routes: [
      {
        name: "match",
        match: {
          path: { prefix: "/v1/match" },
          methods: ["POST"],
          headers: [
            { name: "x-canary", exact: "1" },
            { name: "x-client", prefix: "driver-" },
            { name: "x-region", regex: "eu-(west|north)-[0-9]" },
          ],
        },
        timeout: "250ms",
        retries: { attempts: 2, perTryTimeout: "80ms", retryOn: ["server-error", "connect-failure", "reset"] },
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
    callers: {
      services: [{ name: "dispatch" }, { name: "booking", namespace: "booking" }],
      serviceAccounts: [{ name: "probe", namespace: "ops" }],
    },
    dependencies: {
      services: [{ name: "pricing", namespace: "pricing" }],
      kubernetesServices: [{ name: "redis", namespace: "cache", port: 6379 }],
      hosts: [{ host: "api.carrier.example.com", port: 443 }],
      cidrs: [{ cidr: "10.40.0.0/16", port: 5432 }],
    },
  },
};

export const MINIMAL_TIER: Json = {
  apiVersion: "platform-operator.dev/v1alpha1",
  kind: "PlatformTier",
  metadata: { name: "least" },
  spec: {
    availability: {},
    placement: { nodePools: ["general"], capacityTypes: ["on-demand"], architectures: ["arm64"] },
    network: {},
  },
};

export const FULL_TIER: Json = {
  apiVersion: "platform-operator.dev/v1alpha1",
  kind: "PlatformTier",
  metadata: { name: "everything" },
  spec: {
    description: "Every field.",
    allowedNamespaces: {
      matchLabels: { "platform.example.com/tenant": "yes" },
      matchExpressions: [
        { key: "kubernetes.io/metadata.name", operator: "In", values: ["payments"] },
        { key: "retired", operator: "DoesNotExist" },
      ],
    },
    availability: {
      minReplicas: 3,
      maxUnavailable: 1,
      zoneSpread: "Required",
      minZones: 3,
      priorityClassName: "platform-critical",
      preStopDelay: "15s",
      terminationGracePeriod: "1m",
    },
    placement: { nodePools: ["payments"], capacityTypes: ["on-demand", "reserved"], architectures: ["arm64", "amd64"], dedicated: true },
    identity: { permissionsBoundaryArn: "arn:aws:iam::111122223333:policy/platform-boundary-pci" },
    network: {
      mtls: "Strict",
      isolation: "Strict",
      allowedEgress: [
        { name: "card-network", cidr: "198.51.100.0/24", port: 443 },
        { name: "cards", host: "api.cards.example.com", port: 443 },
      ],
    },
  },
};
