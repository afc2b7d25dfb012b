import type { KubeObject } from "../../src/crds/desired.ts";
import { LABELS, MANAGED_BY } from "../../src/crds/meta.ts";

/** One small object of each child kind, in the canonical values that a builder emits. */

function meta(namespace: string, service: string): KubeObject["metadata"] {
  return {
    name: service,
    namespace,
    labels: { [LABELS.name]: service, [LABELS.managedBy]: MANAGED_BY, [LABELS.service]: service },
  };
}

export function serviceAccount(namespace: string, service: string): KubeObject {
  const base = meta(namespace, service);
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { ...base, annotations: { "eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/settlement" } },
    automountServiceAccountToken: false,
  };
}

export function networkPolicy(namespace: string, service: string): KubeObject {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: meta(namespace, service),
    spec: {
      podSelector: { matchLabels: { [LABELS.service]: service } },
      policyTypes: ["Ingress", "Egress"],
      ingress: [{ from: [{ podSelector: { matchLabels: { app: "caller" } } }], ports: [{ port: 8080, protocol: "TCP" }] }],
      egress: [{ to: [{ ipBlock: { cidr: "10.0.0.0/8" } }], ports: [{ port: 443, protocol: "TCP" }] }],
    },
  };
}

export function deployment(namespace: string, service: string): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: meta(namespace, service),
    spec: {
      selector: { matchLabels: { [LABELS.service]: service } },
      template: {
        metadata: { labels: { [LABELS.service]: service }, annotations: { "platform-operator.dev/identity": "a" } },
        spec: {
          serviceAccountName: service,
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
          containers: [
            {
              name: "app",
              image: `111122223333.dkr.ecr.eu-west-1.amazonaws.com/app@sha256:${"a".repeat(64)}`,
              env: [{ name: "MODE", value: "live" }],
              ports: [{ name: "http", containerPort: 8080, protocol: "TCP" }],
              resources: { requests: { cpu: "100m", memory: "128Mi" } },
              securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
              volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
            },
          ],
          volumes: [{ name: "tmp", emptyDir: {} }],
        },
      },
    },
  };
}

/** One of each kind that the shared control plane serves. */
export function allChildren(namespace: string, service: string): readonly KubeObject[] {
  const metadata = meta(namespace, service);
  const selector = { matchLabels: { [LABELS.service]: service } };
  const host = `${service}.${namespace}.svc.cluster.local`;
  return [
    serviceAccount(namespace, service),
    networkPolicy(namespace, service),
    deployment(namespace, service),
    {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: {
        type: "ClusterIP",
        selector: { [LABELS.service]: service },
        ports: [{ name: "http", port: 8080, targetPort: 8080, protocol: "TCP", appProtocol: "http" }],
      },
    },
    {
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata,
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: service },
        minReplicas: 2,
        maxReplicas: 5,
        metrics: [
          {
            type: "ContainerResource",
            containerResource: { name: "cpu", container: "app", target: { type: "Utilization", averageUtilization: 70 } },
          },
        ],
      },
    },
    {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata,
      spec: { maxUnavailable: 1, selector, unhealthyPodEvictionPolicy: "AlwaysAllow" },
    },
    {
      apiVersion: "security.istio.io/v1",
      kind: "PeerAuthentication",
      metadata,
      spec: { selector, mtls: { mode: "STRICT" }, portLevelMtls: { "9090": { mode: "PERMISSIVE" } } },
    },
    {
      apiVersion: "security.istio.io/v1",
      kind: "AuthorizationPolicy",
      metadata,
      spec: { selector, action: "ALLOW", rules: [{ from: [{ source: { principals: ["cluster.local/ns/a/sa/b"] } }] }] },
    },
    {
      apiVersion: "networking.istio.io/v1",
      kind: "VirtualService",
      metadata,
      spec: { hosts: [host], http: [{ timeout: "250ms", route: [{ destination: { host } }] }] },
    },
    {
      apiVersion: "networking.istio.io/v1",
      kind: "DestinationRule",
      metadata,
      spec: { host, trafficPolicy: { connectionPool: { tcp: { maxConnections: 100 } } } },
    },
    {
      apiVersion: "networking.istio.io/v1",
      kind: "ServiceEntry",
      metadata,
      spec: {
        hosts: ["api.example.com"],
        exportTo: ["."],
        location: "MESH_EXTERNAL",
        resolution: "DNS",
        ports: [{ number: 443, name: "tls", protocol: "TLS" }],
      },
    },
    {
      apiVersion: "networking.istio.io/v1",
      kind: "Sidecar",
      metadata,
      spec: { workloadSelector: { labels: { [LABELS.service]: service } }, outboundTrafficPolicy: { mode: "REGISTRY_ONLY" } },
    },
  ];
}

export function podMonitor(namespace: string, service: string): KubeObject {
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PodMonitor",
    metadata: meta(namespace, service),
    spec: { podMetricsEndpoints: [{ port: "metrics" }] },
  };
}
