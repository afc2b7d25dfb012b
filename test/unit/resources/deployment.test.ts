import { describe, expect, test } from "vitest";
import { sha256Hex } from "../../../src/crds/hash.ts";
import { buildDeployment, podTemplateOf, templateLabels } from "../../../src/resources/deployment.ts";
import { buildPlacement } from "../../../src/resources/placement.ts";
import { buildServiceAccount } from "../../../src/resources/service-account.ts";
import { IMAGE, ROLE_ARN, WORKLOAD_FACTS } from "../../support/children.ts";
import { type ServiceInput, shippedTier, testConfig, testService } from "../../support/effective-services.ts";

const CONFIG = testConfig({ identity: { permissionsBoundaryArn: "arn:aws:iam::111122223333:policy/platform-boundary" } });
/** Pod Identity is installed as well. */
const BOTH_MODES = testConfig();
const SELECTOR = { "app.kubernetes.io/name": "matching", "platform-operator.dev/service": "matching" };
const LABELS = {
  ...SELECTOR,
  "app.kubernetes.io/managed-by": "platform-operator",
  "platform-operator.dev/owner": "dispatch-squad",
  "platform-operator.dev/tier": "tier-1",
};
const HARDENING = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
};
const tmp = `writable-${sha256Hex("/tmp").slice(0, 12)}`;

function deploymentOf(input: ServiceInput = {}) {
  return buildDeployment(testService(input), WORKLOAD_FACTS, input.config ?? CONFIG);
}

test("a service with everything written is this Deployment", () => {
  const input = {
    spec: {
      tier: "tier-1",
      port: 8080,
      container: {
        command: ["/bin/matching"],
        args: ["--serve"],
        env: [
          { name: "LOG_LEVEL", value: "info" },
          { name: "EMPTY", value: "" },
          { name: "KEY", valueFrom: { secret: "matching-keys", key: "key" } },
          { name: "ZONE", valueFrom: { configMap: "matching-config", key: "zone" } },
        ],
        envFrom: [{ configMap: "matching-config" }, { secret: "matching-keys" }],
        runAsUser: 10001,
        resources: { requests: { cpu: "0.25", memory: "256Mi" }, limits: { memory: "1024Mi" } },
        probes: {
          readiness: { path: "/ready" },
          liveness: { path: "/live", port: 8081, periodSeconds: 5, timeoutSeconds: 2, failureThreshold: 4 },
          startup: { path: "/live", failureThreshold: 30 },
        },
        metrics: { port: 9090 },
        writablePaths: ["/tmp"],
      },
    },
  };
  expect(deploymentOf(input)).toEqual({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      name: "matching",
      namespace: "dispatch",
      labels: LABELS,
      annotations: { "argocd.argoproj.io/ignore-resource-updates": "true" },
    },
    spec: {
      selector: { matchLabels: SELECTOR },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1, maxSurge: "25%" } },
      revisionHistoryLimit: 3,
      progressDeadlineSeconds: 600,
      template: {
        metadata: {
          labels: { ...LABELS, "sidecar.istio.io/inject": "true", "istio.io/rev": "default" },
          annotations: {
            "proxy.istio.io/config": '{"holdApplicationUntilProxyStarts":true}',
            "platform-operator.dev/identity": sha256Hex(`IRSA ${ROLE_ARN}`).slice(0, 16),
          },
        },
        spec: {
          serviceAccountName: "matching",
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 60,
          priorityClassName: "platform-critical",
          securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
          ...buildPlacement(testService(input), WORKLOAD_FACTS),
          containers: [
            {
              name: "app",
              image: IMAGE,
              command: ["/bin/matching"],
              args: ["--serve"],
              env: [
                { name: "LOG_LEVEL", value: "info" },
                { name: "EMPTY" },
                { name: "KEY", valueFrom: { secretKeyRef: { name: "matching-keys", key: "key" } } },
                { name: "ZONE", valueFrom: { configMapKeyRef: { name: "matching-config", key: "zone" } } },
              ],
              envFrom: [{ configMapRef: { name: "matching-config" } }, { secretRef: { name: "matching-keys" } }],
              ports: [
                { name: "http", containerPort: 8080, protocol: "TCP" },
                { name: "metrics", containerPort: 9090, protocol: "TCP" },
              ],
              resources: { requests: { cpu: "250m", memory: "256Mi" }, limits: { memory: "1Gi" } },
              readinessProbe: { httpGet: { path: "/ready", port: 8080 } },
              livenessProbe: { httpGet: { path: "/live", port: 8081 }, periodSeconds: 5, timeoutSeconds: 2, failureThreshold: 4 },
              startupProbe: { httpGet: { path: "/live", port: 8080 }, failureThreshold: 30 },
              lifecycle: { preStop: { sleep: { seconds: 15 } } },
              securityContext: { ...HARDENING, runAsUser: 10001 },
              volumeMounts: [{ name: tmp, mountPath: "/tmp" }],
            },
          ],
          volumes: [{ name: tmp, emptyDir: {} }],
        },
      },
    },
  });
});

test("a queue worker with nothing written has no port and no probe, and the default requests", () => {
  expect(deploymentOf()).toHaveProperty("spec.template.spec.containers", [
    {
      name: "app",
      image: IMAGE,
      resources: { requests: { cpu: "100m", memory: "128Mi" } },
      lifecycle: { preStop: { sleep: { seconds: 10 } } },
      securityContext: HARDENING,
    },
  ]);
});

describe("where Pod Identity is installed as well", () => {
  const templateOf = (identity: string, spec: object = {}, mesh = "Istio") => {
    const config = testConfig({ mesh: { default: mesh } });
    return podTemplateOf(buildDeployment(testService({ spec: { ...spec, aws: { identity } }, config }), WORKLOAD_FACTS, config));
  };
  const token = (audience: string, path: string) => ({ serviceAccountToken: { audience, expirationSeconds: 86_400, path } });

  test("pods of IRSA carry its token themselves, whatever EKS's webhook would give them", () => {
    expect(templateOf("IRSA")).toMatchObject({
      metadata: { annotations: { "eks.amazonaws.com/skip-containers": "app" } },
      spec: {
        containers: [
          {
            env: [
              { name: "AWS_ROLE_ARN", value: ROLE_ARN },
              { name: "AWS_WEB_IDENTITY_TOKEN_FILE", value: "/var/run/secrets/eks.amazonaws.com/serviceaccount/token" },
              { name: "AWS_REGION", value: "eu-west-1" },
              { name: "AWS_DEFAULT_REGION", value: "eu-west-1" },
              { name: "AWS_STS_REGIONAL_ENDPOINTS", value: "regional" },
            ],
            volumeMounts: [{ name: "aws-iam-token", mountPath: "/var/run/secrets/eks.amazonaws.com/serviceaccount", readOnly: true }],
          },
        ],
        volumes: [{ name: "aws-iam-token", projected: { sources: [token("sts.amazonaws.com", "token")] } }],
      },
    });
  });

  test("pods of Pod Identity carry the agent's, and a sidecar lets them through to it", () => {
    expect(templateOf("PodIdentity")).toMatchObject({
      metadata: { annotations: { "traffic.sidecar.istio.io/excludeOutboundIPRanges": "169.254.170.23/32" } },
      spec: {
        containers: [
          {
            env: expect.arrayContaining([
              { name: "AWS_CONTAINER_CREDENTIALS_FULL_URI", value: "http://169.254.170.23/v1/credentials" },
              {
                name: "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                value: "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token",
              },
            ]),
          },
        ],
        volumes: [{ name: "eks-pod-identity-token", projected: { sources: [token("pods.eks.amazonaws.com", "eks-pod-identity-token")] } }],
      },
    });
    expect(JSON.stringify(templateOf("PodIdentity"))).not.toContain("AWS_ROLE_ARN");
    expect(JSON.stringify(templateOf("PodIdentity", {}, "None"))).not.toContain("excludeOutboundIPRanges");
  });

  test("a variable that the squad wrote is theirs", () => {
    const template = templateOf("IRSA", { container: { env: [{ name: "AWS_REGION", value: "us-east-1" }] } });
    expect(JSON.stringify(template).match(/"AWS_REGION","value":"[^"]*"/g)).toEqual(['"AWS_REGION","value":"us-east-1"']);
  });

  test("another way to the same role is another identity", () => {
    const hashes = ["IRSA", "PodIdentity"].map((mode) => JSON.stringify(templateOf(mode)).match(/dev\/identity":"([0-9a-f]+)"/)?.[1]);
    expect(new Set(hashes).size).toBe(2);
    const before = podTemplateOf(buildDeployment(testService(), WORKLOAD_FACTS, CONFIG));
    expect(JSON.stringify(before)).toContain(`"platform-operator.dev/identity":"${hashes[0] ?? ""}"`);
    expect(podTemplateOf(buildDeployment(testService(), WORKLOAD_FACTS, BOTH_MODES))).toEqual(templateOf("IRSA"));
  });
});

describe("the pod template", () => {
  test("is ready once its port is open, where no readiness probe is written", () => {
    const deployment = deploymentOf({ spec: { port: 8080, container: { probes: { liveness: { path: "/live" } } } } });
    expect(deployment).toHaveProperty("spec.template.spec.containers.0.readinessProbe", { tcpSocket: { port: 8080 } });
    expect(deployment).toHaveProperty("spec.template.spec.containers.0.livenessProbe", { httpGet: { path: "/live", port: 8080 } });
  });

  test("never names replicas, which are the autoscaler's", () => {
    expect(JSON.stringify(deploymentOf({ spec: { scaling: { minReplicas: 4, maxReplicas: 4 } } }))).not.toContain("replicas");
  });

  test("changes with the role, because pods get their identity when they are made", () => {
    const other = buildDeployment(testService(), { ...WORKLOAD_FACTS, roleArn: `${ROLE_ARN}-other` }, CONFIG);
    expect(podTemplateOf(other)).not.toEqual(podTemplateOf(deploymentOf()));
  });

  test("has nothing of Istio where there is no mesh", () => {
    const config = testConfig({ mesh: { default: "None" } });
    expect(JSON.stringify(deploymentOf({ config }))).not.toContain("istio");
  });

  test("carries the revision that the configuration names", () => {
    const config = testConfig({ mesh: { istio: { revision: "1-31" } } });
    expect(templateLabels(testService({ config }), config)).toMatchObject({
      "istio.io/rev": "1-31",
      "platform-operator.dev/service": "matching",
    });
  });

  test.for([
    { preStopDelay: "0s", terminationGracePeriod: "30s", sleep: undefined, grace: 30 },
    { preStopDelay: "1500ms", terminationGracePeriod: "1m30s", sleep: '"sleep":{"seconds":2}', grace: 90 },
    { preStopDelay: "45s", terminationGracePeriod: "30s", sleep: '"sleep":{"seconds":30}', grace: 30 },
  ])("sleeps $preStopDelay of $terminationGracePeriod before it stops", ({ preStopDelay, terminationGracePeriod, sleep, grace }) => {
    const tier = shippedTier("tier-2", { availability: { preStopDelay, terminationGracePeriod } });
    const template = podTemplateOf(deploymentOf({ tier }));
    expect(template).toHaveProperty("spec.terminationGracePeriodSeconds", grace);
    expect(JSON.stringify(template).match(/"sleep":\{"seconds":[0-9]+\}/)?.[0]).toBe(sleep);
    expect(template).not.toHaveProperty("spec.priorityClassName");
  });
});

test.for([
  { minReplicas: 1, maxUnavailable: 1, expected: 0 },
  { minReplicas: 3, maxUnavailable: 1, expected: 1 },
  { minReplicas: 5, maxUnavailable: 2, expected: 2 },
])("a rollout of $minReplicas pods takes $expected away at a time, never all", ({ minReplicas, maxUnavailable, expected }) => {
  const tier = shippedTier("tier-2", { availability: { minReplicas, maxUnavailable } });
  expect(deploymentOf({ tier })["spec"]).toMatchObject({ strategy: { rollingUpdate: { maxUnavailable: expected } } });
});

test("only a Deployment has a pod template", () => {
  expect(() => podTemplateOf(buildServiceAccount(testService(), ROLE_ARN))).toThrow("ServiceAccount matching has no pod template");
});
