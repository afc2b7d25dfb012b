import {
  DeleteRouteCommand,
  DescribeRouteCommand,
  DescribeVirtualNodeCommand,
  DescribeVirtualServiceCommand,
  ListRoutesCommand,
  ListTagsForResourceCommand,
  NotFoundException,
  UpdateVirtualNodeCommand,
  type VirtualNodeData,
} from "@aws-sdk/client-app-mesh";
import { GetRolePolicyCommand } from "@aws-sdk/client-iam";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { INLINE_POLICY_NAME } from "../../src/crds/aws-names.ts";
import { ANNOTATIONS, type ObjectKey } from "../../src/crds/meta.ts";
import { virtualNodeArn, virtualNodeName } from "../../src/resources/app-mesh/names.ts";
import { roleName } from "../../src/resources/iam/role.ts";
import { failToIssue, issue } from "../support/certificate.ts";
import { operatorWrites, provokePass } from "../support/operator-writes.ts";
import { PATIENCE_MS, sharedPlatform, type Platform } from "../support/platform.ts";
import { messageOf, podsOf, verdict, type Listed, type Pod } from "../support/service-view.ts";

/** Services in AWS App Mesh, by a label of their namespace: what is in AWS, what their pods are, what keeps them from starting, and the way there and back. */

const NAMESPACE = "appmesh";
const MESH = "platform";
/** The kubelet has no certificate, so the application answers it on a port of its own. */
const PROBES = { container: { probes: { readiness: { path: "/ready", port: 8081 } } } };

let platform: Platform;

beforeAll(async () => {
  platform = sharedPlatform();
  await platform.namespace(NAMESPACE, { mesh: "appmesh" });
});

afterAll(async () => {
  await platform.close();
});

async function nodeOf(service: ObjectKey): Promise<VirtualNodeData | undefined> {
  const read = new DescribeVirtualNodeCommand({ meshName: MESH, virtualNodeName: virtualNodeName(service, platform.config) });
  return (await orAbsent(platform.appMesh.send(read)))?.virtualNode;
}

async function virtualServiceOf({ namespace, name }: ObjectKey) {
  const read = new DescribeVirtualServiceCommand({ meshName: MESH, virtualServiceName: `${name}.${namespace}.svc.cluster.local` });
  return (await orAbsent(platform.appMesh.send(read)))?.virtualService;
}

async function routeNamesOf(service: ObjectKey): Promise<readonly (string | undefined)[] | undefined> {
  const list = new ListRoutesCommand({ meshName: MESH, virtualRouterName: virtualNodeName(service, platform.config) });
  return (await orAbsent(platform.appMesh.send(list)))?.routes?.map(({ routeName }) => routeName).toSorted();
}

async function orAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof NotFoundException) return undefined;
    throw error;
  }
}

interface MeshPod extends Pod {
  readonly spec: Pod["spec"] & { readonly initContainers?: readonly { readonly name: string }[] };
}

/** Names of everything that starts in a pod of the service, pod by pod; of those that are not on their way out. */
async function containersOf(service: ObjectKey): Promise<readonly (readonly string[])[]> {
  const names = new Map(
    (await meshPods(service)).map(({ metadata, spec }) => [metadata.name, [...(spec.initContainers ?? []), ...spec.containers]]),
  );
  return (await podsOf(platform, service)).map(({ metadata }) => (names.get(metadata.name) ?? []).map(({ name }) => name));
}

async function meshPods({ namespace, name }: ObjectKey): Promise<readonly MeshPod[]> {
  const selector = `platform-operator.dev/service=${name}`;
  const { items }: { readonly items: readonly MeshPod[] } = JSON.parse(
    await platform.kubectl(["get", "pods", "-n", namespace, "-l", selector, "-o", "json"]),
  );
  return items;
}

function certificateOf({ namespace, name }: ObjectKey): ObjectKey {
  return { namespace, name: `${name}-mesh-tls` };
}

/** Without events, which are written when there is time. */
async function writes({ namespace, name }: ObjectKey): Promise<readonly string[]> {
  const { kubernetes, aws } = await operatorWrites(platform, namespace, name);
  return [...kubernetes.filter((write) => !write.includes(" events ")), ...aws];
}

describe("a service in App Mesh", () => {
  const WEB = { namespace: NAMESPACE, name: "web" };
  const SPEC = {
    ...PROBES,
    routes: [
      { name: "match", match: { path: { prefix: "/v1" } }, timeout: "20s", retries: { attempts: 1, perTryTimeout: "5s" } },
      { name: "rest", timeout: "2s" },
    ],
    resilience: {
      outlierDetection: { consecutiveErrors: 5, interval: "500ms", baseEjectionTime: "30s", maxEjectionPercent: 50 },
      connectionPool: { maxConnections: 100, maxPendingRequests: 10 },
    },
    callers: { services: [{ name: "shop" }, { name: "elsewhere", namespace: "default" }] },
    dependencies: { services: [{ name: "parcels" }] },
  };

  test("does not start before its certificate is there, and says why", async () => {
    await platform.applyService(WEB, SPEC);
    await platform.push(WEB);
    const waiting = await platform.untilCondition(WEB, "MeshSecurityReady", "Unknown", "WaitingForCertificate");
    expect(messageOf(waiting, "MeshSecurityReady")).toContain("see that cert-manager runs and that ClusterIssuer mesh-ca is ready");
    await failToIssue(platform.kubectl, certificateOf(WEB), "the issuer denied it");
    const refused = await platform.untilCondition(WEB, "MeshSecurityReady", "False", "CertificateNotReady");
    expect(messageOf(refused, "MeshSecurityReady")).toContain("Failed: the issuer denied it");
    await platform.untilCondition(WEB, "WorkloadReady", "Unknown", "WaitingForPrerequisites");
    expect(await platform.get(NAMESPACE, "deployment/web")).toBeUndefined();
    expect(await nodeOf(WEB)).toBeUndefined();
    await issue(platform.kubectl, certificateOf(WEB));
    await platform.untilReady(WEB);
  });

  test("is in AWS as written, ours by its tags: mutual TLS for those who may call, and what it may call", async () => {
    const tls = {
      certificate: {
        file: { certificateChain: "/etc/platform-operator/mesh-tls/tls.crt", privateKey: "/etc/platform-operator/mesh-tls/tls.key" },
      },
      validation: { trust: { file: { certificateChain: "/etc/platform-operator/mesh-tls/ca.crt" } } },
    };
    const identities = (...names: readonly string[]) => ({
      subjectAlternativeNames: { match: { exact: names.map((name) => `spiffe://cluster.local/ns/${name}`) } },
    });
    const node = await nodeOf(WEB);
    expect(node?.spec).toMatchObject({
      listeners: [
        {
          portMapping: { port: 8080, protocol: "http" },
          tls: { ...tls, mode: "STRICT", validation: { ...tls.validation, ...identities("appmesh/sa/shop", "default/sa/elsewhere") } },
        },
      ],
      backends: [
        {
          virtualService: {
            virtualServiceName: "parcels.appmesh.svc.cluster.local",
            clientPolicy: { tls: { ...tls, enforce: true, validation: { ...tls.validation, ...identities("appmesh/sa/parcels") } } },
          },
        },
      ],
    });
    const { tags } = await platform.appMesh.send(new ListTagsForResourceCommand({ resourceArn: node?.metadata?.arn }));
    expect(tags).toEqual(expect.arrayContaining([{ key: "platform-operator.dev/namespace", value: NAMESPACE }]));
    expect(node?.metadata?.arn).toBe(virtualNodeArn(WEB, platform.config));
  });

  test("listens as long as its longest route may take, takes so many connections at once, and lets a pod that fails rest", async () => {
    expect((await nodeOf(WEB))?.spec?.listeners).toMatchObject([
      {
        timeout: { http: { perRequest: { value: 20, unit: "s" } } },
        connectionPool: { http: { maxConnections: 100, maxPendingRequests: 10 } },
        outlierDetection: {
          maxServerErrors: 5,
          interval: { value: 500, unit: "ms" },
          baseEjectionDuration: { value: 30, unit: "s" },
          maxEjectionPercent: 50,
        },
      },
    ]);
  });

  test("is found by its host, with its routes, and a timeout above what App Mesh has on its own", async () => {
    const router = virtualNodeName(WEB, platform.config);
    expect((await virtualServiceOf(WEB))?.spec).toEqual({ provider: { virtualRouter: { virtualRouterName: router } } });
    expect(await routeNamesOf(WEB)).toEqual(["match_below", "match_itself", "rest"]);
    const read = new DescribeRouteCommand({ meshName: MESH, virtualRouterName: router, routeName: "match_below" });
    expect((await platform.appMesh.send(read)).route?.spec?.httpRoute).toMatchObject({
      match: { prefix: "/v1/" },
      timeout: { perRequest: { value: 20, unit: "s" } },
      retryPolicy: { maxRetries: 1, perRetryTimeout: { value: 5, unit: "s" } },
    });
  });

  test("has Envoy in its pods, by its own right and no other, and says that they are not restricted", async () => {
    const service = await platform.untilReady(WEB);
    expect(await containersOf(WEB)).toEqual([["proxyinit", "envoy", "app"]]);
    const { PolicyDocument } = await platform.iam.send(
      new GetRolePolicyCommand({ RoleName: roleName(WEB, platform.config), PolicyName: INLINE_POLICY_NAME }),
    );
    expect(JSON.parse(decodeURIComponent(PolicyDocument ?? ""))).toMatchObject({
      Statement: [{ Effect: "Allow", Action: "appmesh:StreamAggregatedResources", Resource: virtualNodeArn(WEB, platform.config) }],
    });
    expect(service.status?.mesh).toEqual({ provider: "AppMesh", host: "web.appmesh.svc.cluster.local" });
    expect(verdict(service, "MeshSecurityReady")).toBe("True CallersInOtherMesh");
    expect(messageOf(service, "MeshSecurityReady")).toContain("default/elsewhere, named in spec.callers, is not in the same mesh");
    expect(messageOf(service, "MeshSecurityReady")).toContain("they are not restricted");
    expect((service.status?.resources ?? []).flatMap(({ group, kind }) => (group === "appmesh.aws" ? [kind] : []))).toEqual([
      "Route",
      "Route",
      "Route",
      "VirtualNode",
      "VirtualRouter",
      "VirtualService",
    ]);
    expect(await platform.get(NAMESPACE, "peerauthentication/web")).toBeUndefined();
  });

  test("may be cut short for a caller that has no port, which is told so", async () => {
    const worker = { namespace: NAMESPACE, name: "caller" };
    await platform.applyService(worker, { ...PROBES, port: undefined, dependencies: { services: [{ name: "web" }, { name: "parcels" }] } });
    await platform.push(worker);
    await platform.untilCondition(worker, "MeshSecurityReady", "Unknown", "WaitingForCertificate");
    await issue(platform.kubectl, certificateOf(worker));
    const told = await platform.untilCondition(worker, "TrafficReady", "True", "CallsCutShort");
    expect(messageOf(told, "TrafficReady")).toContain("App Mesh may end calls to appmesh/web after its own 15 s");
    expect((await nodeOf(worker))?.spec?.listeners).toEqual([]);
    await platform.kubectl(["delete", "psvc", worker.name, "-n", NAMESPACE, "--timeout=60s"]);
  });

  test("is left alone by a pass that has nothing to do", async () => {
    const before = await writes(WEB);
    await provokePass(platform, WEB);
    expect(await writes(WEB)).toEqual(before);
  });

  test("is put back in AWS when somebody changes it, or takes something away", async () => {
    const written = (await nodeOf(WEB))?.spec;
    const name = virtualNodeName(WEB, platform.config);
    await platform.appMesh.send(
      new UpdateVirtualNodeCommand({ meshName: MESH, virtualNodeName: name, spec: { ...written, backends: [] } }),
    );
    await platform.appMesh.send(new DeleteRouteCommand({ meshName: MESH, virtualRouterName: name, routeName: "rest" }));
    await expect.poll(async () => (await nodeOf(WEB))?.spec, { timeout: PATIENCE_MS }).toEqual(written);
    await expect.poll(() => routeNamesOf(WEB), { timeout: PATIENCE_MS }).toEqual(["match_below", "match_itself", "rest"]);
    await platform.untilReady(WEB);
  });

  test("has new pods when its certificate is another, since Envoy reads the file once", async () => {
    await issue(platform.kubectl, certificateOf(WEB), 2);
    const revisions = async () => (await podsOf(platform, WEB)).map(({ metadata }) => metadata.annotations?.[ANNOTATIONS.meshCertificate]);
    await expect.poll(revisions, { timeout: PATIENCE_MS }).toEqual(["2"]);
    await platform.untilReady(WEB);
  });

  test("goes whole when it is deleted: its workload first, then whoever leads to it, then itself", async () => {
    const before = (await writes(WEB)).length;
    await platform.kubectl(["delete", "psvc", "web", "-n", NAMESPACE, "--timeout=60s"]);
    expect([await nodeOf(WEB), await virtualServiceOf(WEB), await routeNamesOf(WEB)]).toEqual([undefined, undefined, undefined]);
    const { kubernetes, aws } = await operatorWrites(platform, NAMESPACE, "web");
    expect([...kubernetes, ...aws].length).toBeGreaterThan(before);
    const deleted = aws.filter((operation) => operation.includes(":Delete"));
    expect([...new Set(deleted.slice(deleted.lastIndexOf("appmesh:DeleteVirtualService")))].slice(0, 4)).toEqual([
      "appmesh:DeleteVirtualService",
      "appmesh:DeleteRoute",
      "appmesh:DeleteVirtualRouter",
      "appmesh:DeleteVirtualNode",
    ]);
  });
});

test("a namespace that enforces a Pod Security Standard is told so, and nothing starts there or is made in App Mesh", async () => {
  const service = { namespace: "appmesh-secured", name: "web" };
  await platform.namespace(service.namespace, { mesh: "appmesh", "pod-security.kubernetes.io/enforce": "baseline" });
  await platform.applyService(service, PROBES);
  await platform.push(service);
  const blocked = await platform.untilCondition(service, "Ready", "False", "PodSecurity");
  expect(messageOf(blocked, "MeshSecurityReady")).toContain("enforces the Pod Security Standard baseline");
  expect(verdict(blocked, "MeshSecurityReady")).toBe("False PodSecurity");
  expect(await platform.get(service.namespace, "deployment/web")).toBeUndefined();
  expect(await nodeOf(service)).toBeUndefined();
});

test("what App Mesh cannot do is refused with the field", async () => {
  const service = { namespace: NAMESPACE, name: "asking" };
  await platform.applyService(service, { resilience: { retryBudgetPercent: 20 } });
  const refused = await platform.untilCondition(service, "SpecValid", "False", "RetryBudgetNotInAppMesh");
  expect(messageOf(refused, "SpecValid")).toContain(
    "spec.container.probes.readiness: tier tier-3 asks every caller of port 8080 for a certificate",
  );
});

describe("from Istio to App Mesh and back", () => {
  const MOVING = { namespace: "appmesh-moving", name: "web" };
  const HOLD = "example.com/hold";

  /** A pod that is on its way out stays, as one that answers its last requests does. */
  async function hold(finalizers: readonly string[], names: readonly string[]): Promise<void> {
    const patch = JSON.stringify({ metadata: { finalizers } });
    for (const name of names) await platform.kubectl(["patch", "pod", name, "-n", MOVING.namespace, "--type=merge", "-p", patch]);
  }

  async function label(mesh: "mesh=appmesh" | "mesh-"): Promise<void> {
    await platform.kubectl(["label", "namespace", MOVING.namespace, mesh]);
  }

  const inIstio = async () => (await platform.get(MOVING.namespace, "peerauthentication/web")) !== undefined;
  const note = async () =>
    (await platform.get<Listed>(MOVING.namespace, "serviceaccount/web"))?.metadata.annotations?.[ANNOTATIONS.appMesh];

  beforeAll(async () => {
    await platform.namespace(MOVING.namespace);
    await platform.ready(MOVING, PROBES);
  });

  test("App Mesh's side is there before pods move, and Istio's stays for as long as a pod is in it", async () => {
    const before = (await meshPods(MOVING)).map(({ metadata }) => metadata.name);
    await hold([HOLD], before);
    await label("mesh=appmesh");
    await platform.untilCondition(MOVING, "MeshSecurityReady", "Unknown", "WaitingForCertificate");
    expect(await containersOf(MOVING)).toEqual([["istio-proxy", "app"]]);
    expect(await inIstio()).toBe(true);
    await issue(platform.kubectl, certificateOf(MOVING));
    const moving = await platform.untilCondition(MOVING, "TrafficReady", "Unknown", "ChangingMesh");
    expect(messageOf(moving, "TrafficReady")).toContain("pods of mesh Istio are being replaced by pods of AppMesh");
    await expect.poll(() => containersOf(MOVING), { timeout: PATIENCE_MS }).toEqual([["proxyinit", "envoy", "app"]]);
    await provokePass(platform, MOVING);
    expect(await inIstio()).toBe(true);
    await hold([], before);
    const moved = await platform.untilReady(MOVING);
    expect(moved.status?.mesh?.provider).toBe("AppMesh");
    expect(await platform.get(MOVING.namespace, "service/web-mesh")).toBeDefined();
    await expect.poll(inIstio, { timeout: PATIENCE_MS }).toBe(false);
    expect(await note()).toBe("true");
  });

  test("on the way back App Mesh's side stays for as long as a pod is in it, and then nothing of it is left", async () => {
    const before = (await meshPods(MOVING)).map(({ metadata }) => metadata.name);
    await hold([HOLD], before);
    await label("mesh-");
    await platform.untilCondition(MOVING, "TrafficReady", "Unknown", "ChangingMesh");
    await expect.poll(() => containersOf(MOVING), { timeout: PATIENCE_MS }).toEqual([["istio-proxy", "app"]]);
    await provokePass(platform, MOVING);
    expect(await nodeOf(MOVING)).toBeDefined();
    expect(await virtualServiceOf(MOVING)).toBeDefined();
    await hold([], before);
    await platform.untilReady(MOVING);
    await expect
      .poll(async () => [await nodeOf(MOVING), await virtualServiceOf(MOVING), await note()], { timeout: PATIENCE_MS })
      .toEqual([undefined, undefined, undefined]);
    expect(await inIstio()).toBe(true);
    expect(await platform.get(MOVING.namespace, "certificates.cert-manager.io/web-mesh-tls")).toBeUndefined();
    expect(await platform.get(MOVING.namespace, "service/web-mesh")).toBeUndefined();
  });
});
