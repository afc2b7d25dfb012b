import { describe, expect, test } from "vitest";
import { buildAutoscaler } from "../../../src/resources/autoscaler.ts";
import { buildDisruptionBudget } from "../../../src/resources/disruption-budget.ts";
import { buildPodMonitor } from "../../../src/resources/pod-monitor.ts";
import { buildServiceAccount } from "../../../src/resources/service-account.ts";
import { buildService } from "../../../src/resources/service.ts";
import { ROLE_ARN } from "../../support/children.ts";
import { shippedTier, testConfig, testService } from "../../support/effective-services.ts";

const SELECTOR = { "app.kubernetes.io/name": "matching", "platform-operator.dev/service": "matching" };
const METADATA = {
  name: "matching",
  namespace: "dispatch",
  labels: {
    "app.kubernetes.io/name": "matching",
    "app.kubernetes.io/managed-by": "platform-operator",
    "platform-operator.dev/service": "matching",
    "platform-operator.dev/owner": "dispatch-squad",
    "platform-operator.dev/tier": "tier-2",
  },
};
const QUIET = { "argocd.argoproj.io/ignore-resource-updates": "true" };

test("the ServiceAccount names the role, and mounts no token of the API server", () => {
  expect(buildServiceAccount(testService(), ROLE_ARN)).toEqual({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { ...METADATA, annotations: { "eks.amazonaws.com/role-arn": ROLE_ARN, "eks.amazonaws.com/sts-regional-endpoints": "true" } },
    automountServiceAccountToken: false,
  });
});

test("the disruption budget is the tier's, and lets go of pods that are not well", () => {
  const tier = shippedTier("tier-2", { availability: { minReplicas: 5, maxUnavailable: 2 } });
  expect(buildDisruptionBudget(testService({ tier }))).toEqual({
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { ...METADATA, annotations: QUIET },
    spec: { maxUnavailable: 2, selector: { matchLabels: SELECTOR }, unhealthyPodEvictionPolicy: "AlwaysAllow" },
  });
});

describe("the autoscaler", () => {
  test("measures the CPU of the app container alone", () => {
    expect(buildAutoscaler(testService({ spec: { scaling: { minReplicas: 3, maxReplicas: 30, cpuPercent: 65 } } }))).toEqual({
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata: { ...METADATA, annotations: QUIET },
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "matching" },
        minReplicas: 3,
        maxReplicas: 30,
        metrics: [
          {
            type: "ContainerResource",
            containerResource: { container: "app", name: "cpu", target: { type: "Utilization", averageUtilization: 65 } },
          },
        ],
        behavior: { scaleDown: { stabilizationWindowSeconds: 300 } },
      },
    });
  });

  test("is absent where there is nothing to scale", () => {
    expect(buildAutoscaler(testService({ spec: { scaling: { minReplicas: 2, maxReplicas: 2 } } }))).toBeUndefined();
  });
});

describe("the Service", () => {
  test.for([
    ["http", "http"],
    ["http2", "kubernetes.io/h2c"],
    ["grpc", "grpc"],
    ["tcp", "tcp"],
  ] as const)("of protocol %s says %s, with one numeric port", ([protocol, appProtocol]) => {
    expect(buildService(testService({ spec: { port: 8080, protocol } }), testConfig())).toEqual({
      apiVersion: "v1",
      kind: "Service",
      metadata: METADATA,
      spec: {
        type: "ClusterIP",
        selector: SELECTOR,
        ports: [{ name: protocol, port: 8080, targetPort: 8080, protocol: "TCP", appProtocol }],
      },
    });
  });

  test("is absent without a port", () => {
    expect(buildService(testService(), testConfig())).toBeUndefined();
  });
});

describe("the PodMonitor", () => {
  test("scrapes the metrics port on the written path", () => {
    expect(buildPodMonitor(testService({ spec: { container: { metrics: { port: 9090, path: "/stats" } } } }))).toEqual({
      apiVersion: "monitoring.coreos.com/v1",
      kind: "PodMonitor",
      metadata: METADATA,
      spec: { selector: { matchLabels: SELECTOR }, podMetricsEndpoints: [{ port: "metrics", path: "/stats" }] },
    });
  });

  test("is absent without metrics", () => {
    expect(buildPodMonitor(testService({ spec: { port: 8080 } }))).toBeUndefined();
  });
});
