import { describe, expect, test } from "vitest";
import { buildDiscoveryService } from "../../../../src/resources/app-mesh/discovery-service.ts";
import { buildDeployment, podTemplateOf } from "../../../../src/resources/deployment.ts";
import { buildRole } from "../../../../src/resources/iam/role.ts";
import { selectorLabels } from "../../../../src/resources/labels.ts";
import { callerIdentities, tlsMode } from "../../../../src/resources/mesh/app-mesh-tls.ts";
import { appMesh } from "../../../../src/resources/mesh/app-mesh.ts";
import { meshOf } from "../../../../src/resources/mesh/choose.ts";
import { istioSidecar } from "../../../../src/resources/mesh/istio-sidecar.ts";
import { buildNetworkPolicies } from "../../../../src/resources/network-policy.ts";
import { appMeshConfig, ENVOY_IMAGE, PROXY_INIT_IMAGE } from "../../../support/app-mesh-config.ts";
import { allChildren, networkFacts, WORKLOAD_FACTS } from "../../../support/children.ts";
import { type ServiceInput, shippedTier, testConfig, testService } from "../../../support/effective-services.ts";

const CONFIG = appMeshConfig();
const PLAIN = appMeshConfig({ appMesh: { certificates: null } });
const NODE = "mesh/platform/virtualNode/demo_dispatch_matching";
const IRSA_ALONE = { identity: { permissionsBoundaryArn: "arn:aws:iam::111122223333:policy/platform-boundary" } };

function templateOf(input: ServiceInput = {}, certificateRevision?: number) {
  const { config = CONFIG } = input;
  return podTemplateOf(buildDeployment(testService({ config, ...input }), { ...WORKLOAD_FACTS, certificateRevision }, config));
}

describe("a pod in App Mesh", () => {
  test("has Envoy as AWS's injector makes it, a native sidecar after what leads the traffic through it", () => {
    const config = { ...PLAIN, ...testConfig(IRSA_ALONE), mesh: PLAIN.mesh };
    expect(templateOf({ config, spec: { port: 8080, container: { metrics: { port: 9090 } } } })).toHaveProperty("spec.initContainers", [
      {
        name: "proxyinit",
        image: PROXY_INIT_IMAGE,
        env: [
          { name: "APPMESH_START_ENABLED", value: "1" },
          { name: "APPMESH_IGNORE_UID", value: "1337" },
          { name: "APPMESH_ENVOY_INGRESS_PORT", value: "15000" },
          { name: "APPMESH_ENVOY_EGRESS_PORT", value: "15001" },
          { name: "APPMESH_APP_PORTS", value: "8080" },
          { name: "APPMESH_EGRESS_IGNORED_IP", value: "169.254.169.254,169.254.170.23" },
          { name: "APPMESH_EGRESS_IGNORED_PORTS", value: "22" },
          { name: "APPMESH_ENABLE_IPV6", value: "1" },
        ],
        resources: { requests: { cpu: "10m", memory: "32Mi" } },
        securityContext: { runAsUser: 0, runAsNonRoot: false, allowPrivilegeEscalation: false, capabilities: { add: ["NET_ADMIN"] } },
      },
      {
        name: "envoy",
        image: ENVOY_IMAGE,
        restartPolicy: "Always",
        env: [
          { name: "APPMESH_RESOURCE_ARN", value: NODE },
          { name: "AWS_REGION", value: "eu-west-1" },
          { name: "ENVOY_ADMIN_ACCESS_PORT", value: "9901" },
          { name: "APPNET_AGENT_ADMIN_MODE", value: "uds" },
          { name: "APPNET_AGENT_ADMIN_UDS_PATH", value: "/tmp/agent.sock" },
          { name: "LISTENER_DRAIN_WAIT_TIME_S", value: "1" },
        ],
        ports: [{ name: "stats", containerPort: 9901, protocol: "TCP" }],
        resources: { requests: { cpu: "100m", memory: "128Mi" } },
        startupProbe: {
          exec: { command: ["sh", "-c", "curl -s http://localhost:9901/server_info | grep state | grep -q LIVE"] },
          periodSeconds: 1,
          failureThreshold: 180,
        },
        readinessProbe: { exec: { command: ["sh", "-c", "curl -s http://localhost:9901/server_info | grep state | grep -q LIVE"] } },
        securityContext: { runAsUser: 1337, runAsNonRoot: true, allowPrivilegeEscalation: false },
      },
    ]);
  });

  test("is left alone by every injector, whatever the namespace's labels ask for", () => {
    expect(templateOf()).toMatchObject({
      metadata: {
        labels: { "sidecar.istio.io/inject": "false", "istio.io/dataplane-mode": "none" },
        annotations: { "appmesh.k8s.aws/sidecarInjectorWebhook": "disabled" },
      },
    });
  });

  test("is what callers there find, and no pod of before; on the way out every pod is, for who is still led there", () => {
    const discovery = (mesh: "AppMesh" | "Istio") =>
      buildDiscoveryService(testService({ config: appMeshConfig({ default: mesh }), spec: { port: 8080 } }));
    const own = selectorLabels(testService());
    const selected = { ...own, "sidecar.istio.io/inject": "false", "istio.io/dataplane-mode": "none" };
    expect(discovery("AppMesh")).toHaveProperty("spec.selector", selected);
    expect(templateOf()).toMatchObject({ metadata: { labels: selected } });
    expect(discovery("Istio")).toHaveProperty("spec.selector", own);
  });

  test("without a port has none that Envoy takes requests for", () => {
    expect(JSON.stringify(templateOf())).not.toContain("APPMESH_APP_PORTS");
  });

  test("gives Envoy the certificate's files, and is another pod once the certificate is another", () => {
    const template = templateOf({ spec: { port: 8080 } }, 1);
    expect(template).toMatchObject({
      metadata: { annotations: { "platform-operator.dev/mesh-certificate": "1" } },
      spec: {
        initContainers: [
          {},
          { volumeMounts: expect.arrayContaining([{ name: "mesh-tls", mountPath: "/etc/platform-operator/mesh-tls", readOnly: true }]) },
        ],
      },
    });
    expect(template).toHaveProperty(
      "spec.volumes",
      expect.arrayContaining([{ name: "mesh-tls", secret: { secretName: "matching-mesh-tls" } }]),
    );
    expect(templateOf({ spec: { port: 8080 } }, 2)).not.toEqual(template);
    expect(template).not.toHaveProperty(
      "spec.containers.0.volumeMounts",
      expect.arrayContaining([expect.objectContaining({ name: "mesh-tls" })]),
    );
  });

  test.each([
    ["IRSA", "AWS_WEB_IDENTITY_TOKEN_FILE", "aws-iam-token"],
    ["PodIdentity", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "eks-pod-identity-token"],
  ])("gives Envoy the role by %s, as the application has it, each variable once", (identity, variable, volume) => {
    const template = templateOf({ spec: { aws: { identity } } });
    expect(template).toMatchObject({ metadata: { annotations: { "eks.amazonaws.com/skip-containers": "app,envoy,proxyinit" } } });
    expect(template).toHaveProperty("spec.initContainers.1.env", expect.arrayContaining([expect.objectContaining({ name: variable })]));
    expect(template).toHaveProperty("spec.initContainers.1.volumeMounts.0.name", volume);
    const names = JSON.stringify(template).match(/"name":"AWS_REGION"/g);
    expect(names).toHaveLength(2);
  });

  test("is told apart from one that is not", () => {
    const pod = { ready: true, redirected: false };
    expect(appMesh.has({ ...pod, containers: ["proxyinit", "envoy", "app"] })).toBe(true);
    expect(appMesh.notInMesh({ ...pod, containers: ["app", "istio-proxy"] })).toContain("has no envoy sidecar");
  });
});

describe("the certificate", () => {
  test("names the service to both ends of a connection, and App Mesh's own check of the host", () => {
    const service = testService({ config: CONFIG, spec: { port: 8080 } });
    expect(meshOf(service).security(service, CONFIG, networkFacts())).toMatchObject([
      {
        apiVersion: "cert-manager.io/v1",
        kind: "Certificate",
        metadata: { name: "matching-mesh-tls", namespace: "dispatch" },
        spec: {
          secretName: "matching-mesh-tls",
          dnsNames: expect.arrayContaining(["matching.dispatch.svc.cluster.local"]),
          uris: ["spiffe://cluster.local/ns/dispatch/sa/matching"],
          usages: ["digital signature", "key encipherment", "server auth", "client auth"],
          privateKey: { rotationPolicy: "Always" },
          issuerRef: { name: "mesh-ca", kind: "ClusterIssuer", group: "cert-manager.io" },
        },
      },
    ]);
  });

  test("is none where the mesh has no issuer, and there is no TLS then", () => {
    const service = testService({ config: PLAIN, tier: shippedTier("tier-1") });
    expect(meshOf(service).security(service, PLAIN, networkFacts())).toEqual([]);
    expect(tlsMode(service, PLAIN)).toBeUndefined();
  });

  test("is asked for by the tier's mtls", () => {
    const network = (mtls: string) => testService({ config: CONFIG, tier: shippedTier("tier-2", { network: { mtls } }) });
    expect(tlsMode(network("Strict"), CONFIG)).toBe("STRICT");
    expect(tlsMode(network("Permissive"), CONFIG)).toBe("PERMISSIVE");
  });

  test("says who may call; where nobody may, the service alone", () => {
    const callers = { services: [{ name: "booking", namespace: "booking" }], serviceAccounts: [{ name: "probe", namespace: "ops" }] };
    const service = testService({ config: CONFIG, spec: { port: 8080, callers } });
    expect(callerIdentities(service, CONFIG, networkFacts())).toEqual([
      "spiffe://cluster.local/ns/booking/sa/booking",
      "spiffe://cluster.local/ns/ops/sa/probe",
    ]);
    expect(callerIdentities(testService({ config: CONFIG }), CONFIG, networkFacts())).toEqual([
      "spiffe://cluster.local/ns/dispatch/sa/matching",
    ]);
  });
});

describe("the role", () => {
  const arn = `arn:aws:appmesh:eu-west-1:111122223333:${NODE}`;
  const ofEnvoy = { Effect: "Allow", Action: "appmesh:StreamAggregatedResources", Resource: arn };
  const table = { sid: "Table", actions: ["dynamodb:GetItem"], resources: ["arn:aws:dynamodb:eu-west-1:111122223333:table/a"] };

  test("lets Envoy be the proxy of its own VirtualNode, beside what the squad wrote", () => {
    expect(buildRole(testService({ config: CONFIG }), CONFIG).inlinePolicy?.Statement).toEqual([ofEnvoy]);
    const service = testService({ config: CONFIG, spec: { aws: { policy: { statements: [table] } } } });
    expect(buildRole(service, CONFIG).inlinePolicy?.Statement).toMatchObject([ofEnvoy, { Sid: "Table" }]);
  });

  test("does so exactly while a pod is in App Mesh", () => {
    const istio = testService({ config: appMeshConfig({ default: "Istio" }) });
    expect(buildRole(istio, CONFIG).inlinePolicy).toBeUndefined();
    expect(buildRole(istio, CONFIG, { meshes: [istioSidecar, appMesh] }).inlinePolicy?.Statement).toEqual([ofEnvoy]);
  });
});

describe("the network", () => {
  const policies = (input: ServiceInput, meshes?: readonly (typeof appMesh)[]) =>
    buildNetworkPolicies(
      testService({ config: CONFIG, ...input }),
      { ...networkFacts(), ...(meshes && { meshes }) },
      input.config ?? CONFIG,
    );
  const specOf = (input: ServiceInput, name: string, meshes?: readonly (typeof appMesh)[]) =>
    policies(input, meshes).objects.find(({ metadata }) => metadata.name === name)?.["spec"];
  const monitoring = { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } };

  test("lets Envoy reach its management and be scraped, and nothing more", () => {
    expect(specOf({}, "matching-aws")).toMatchObject({
      egress: [{ to: [{ ipBlock: { cidr: "10.0.0.0/16" } }], ports: [{ protocol: "TCP", port: 443 }] }],
    });
    expect(specOf({}, "matching-mesh")).toMatchObject({
      policyTypes: ["Ingress"],
      ingress: [{ from: [monitoring], ports: [{ protocol: "TCP", port: 9901 }] }],
    });
    expect(specOf({ tier: shippedTier("pci") }, "matching-mesh")).toBeUndefined();
  });

  test("is not enough where nobody says where AWS is", () => {
    const config = testConfig({ mesh: CONFIG.mesh, network: {} });
    expect(policies({ config }).problems).toMatchObject([
      { reason: "NoEgressFor", message: expect.stringContaining("Envoy of App Mesh calls appmesh-envoy-management") },
      { reason: "NoEgressFor", message: expect.stringContaining("Envoy of App Mesh calls sts") },
    ]);
  });

  test("lets Envoy reach the node's agent, though the service itself uses nothing of AWS", () => {
    const spec = { aws: { identity: "PodIdentity" } };
    expect(specOf({ spec }, "matching-pod-identity")).toMatchObject({ egress: [{ ports: [{ protocol: "TCP", port: 80 }] }] });
  });

  test("has what two meshes need while pods are in both", () => {
    expect(specOf({}, "matching-mesh", [appMesh, istioSidecar])).toMatchObject({
      ingress: [{ ports: [{ port: 9901 }] }, { ports: [{ port: 15020 }, { port: 15090 }] }],
      egress: [{ ports: [{ port: 15012 }] }],
    });
  });
});

test("nothing of Istio's is made, and only kinds that the mesh names", () => {
  const kinds = allChildren(testService({ config: CONFIG, spec: { port: 8080 } }), CONFIG).map(({ apiVersion }) => apiVersion);
  expect(kinds.filter((api) => api.includes("istio.io"))).toEqual([]);
  expect(kinds).toContain("cert-manager.io/v1");
});
