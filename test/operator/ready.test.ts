import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { STEP_CONDITIONS } from "../../src/crds/conditions.ts";
import type { PlatformService } from "../../src/crds/platform-service.ts";
import { operatorWrites, provokePass } from "../support/operator-writes.ts";
import { sharedPlatform, type Platform } from "../support/platform.ts";
import { eventsOf, messageOf, podsOf, recordRevisions, verdict, verdicts, type Listed } from "../support/service-view.ts";

/** The life of a service up to Ready, and what is said on the way. */

const NAMESPACE = "ready";
const WEB = { namespace: NAMESPACE, name: "web" };
const REGISTRY = `111122223333.dkr.ecr.eu-west-1.amazonaws.com/${NAMESPACE}`;
const TABLE = { sid: "Table", actions: ["dynamodb:GetItem"], resources: ["arn:aws:dynamodb:eu-west-1:111122223333:table/parcels"] };

/** Namespaces may be in the ambient data plane, so pods are met there too. */
const TUNNEL = { protocol: "TCP", port: 15008 };

let platform: Platform;
let revisions: readonly PlatformService[];
let ready: PlatformService;
let digest: string;

beforeAll(async () => {
  platform = sharedPlatform();
  await platform.namespace(NAMESPACE);
  revisions = recordRevisions(platform, WEB);
  await platform.applyService(WEB, { aws: { policy: { statements: [TABLE] } } });
  digest = await platform.push(WEB);
  ready = await platform.untilReady(WEB);
});

afterAll(async () => {
  await platform.close();
});

/** Type, reason and note of the service's own events. */
async function saidOf(name: string): Promise<readonly string[]> {
  return (await eventsOf(platform, { namespace: NAMESPACE, name }))
    .filter(({ regarding }) => regarding.kind === "PlatformService")
    .map((e) => `${e.type} ${e.reason} ${e.note}`)
    .toSorted();
}

describe("a service becomes Ready", () => {
  test("every condition is there from the first pass, about the generation that the pass has seen", () => {
    const withConditions = revisions.filter((r) => r.status?.conditions !== undefined);
    expect(withConditions.length).toBeGreaterThan(1);
    for (const { status } of withConditions) {
      const types = status?.conditions?.map((c) => c.type) ?? [];
      expect(types).toEqual(expect.arrayContaining(["Ready", ...STEP_CONDITIONS]));
      expect(new Set(status?.conditions?.map((c) => c.observedGeneration))).toEqual(new Set([status?.observedGeneration]));
    }
  });

  test("before the first pass nothing looks current", () => {
    expect(revisions[0]?.status).toEqual({ observedGeneration: -1 });
  });

  test("Ready means every condition True, and neither Reconciling nor Stalled is left", () => {
    const { Ready, ...steps } = verdicts(ready);
    expect(Ready).toBe("True Ready");
    expect(steps).toEqual({
      SpecValid: "True Valid",
      IdentityReady: "True AsWritten",
      RepositoryReady: "True AsWritten",
      ImageResolved: "True AsWritten",
      ServiceAccountReady: "True AsWritten",
      NetworkPolicyReady: "True AsWritten",
      MeshSecurityReady: "True AsWritten",
      DisruptionBudgetReady: "True AsWritten",
      PlacementReady: "True AsWritten",
      WorkloadReady: "True Running",
      TrafficReady: "True AsWritten",
      SLOsReady: "True NoSLOs",
      DependenciesGranted: "True NoDependencies",
    });
  });

  test("the status says role, repository, image, mesh and what Ready is about", async () => {
    const tier = await platform.get<Listed>("default", "platformtier/tier-3");
    expect(ready.status).toMatchObject({
      observedGeneration: 1,
      role: { arn: `arn:aws:iam::111122223333:role/platform-operator/eu-west-1.demo/eu-west-1.demo.${NAMESPACE}.web` },
      repository: { arn: `arn:aws:ecr:eu-west-1:111122223333:repository/${NAMESPACE}/web`, uri: `${REGISTRY}/web` },
      image: { desired: `${REGISTRY}/web@${digest}`, running: `${REGISTRY}/web@${digest}`, architectures: ["amd64", "arm64"] },
      mesh: { provider: "Istio", host: `web.${NAMESPACE}.svc.cluster.local` },
      inputs: { tier: { name: "tier-3", uid: tier?.metadata.uid, generation: 1 }, configHash: expect.stringMatching(/^[0-9a-f]{16}$/) },
    });
  });

  test("the status lists everything that it owns, in AWS too", () => {
    expect(ready.status?.resources?.map((r) => `${r.group}/${r.kind} ${r.name} ${r.state}`)).toEqual([
      "/Service web Ready",
      "/ServiceAccount web Ready",
      "apps/Deployment web Ready",
      "autoscaling/HorizontalPodAutoscaler web Ready",
      `ecr.aws/Repository ${NAMESPACE}/web Ready`,
      `iam.aws/Role eu-west-1.demo.${NAMESPACE}.web Ready`,
      "networking.istio.io/ServiceEntry web.aws Ready",
      "networking.istio.io/Sidecar web Ready",
      "networking.istio.io/VirtualService web Ready",
      "networking.k8s.io/NetworkPolicy web-aws Ready",
      "networking.k8s.io/NetworkPolicy web-default-deny Ready",
      "networking.k8s.io/NetworkPolicy web-dns Ready",
      "networking.k8s.io/NetworkPolicy web-mesh Ready",
      "networking.k8s.io/NetworkPolicy web-platform Ready",
      "policy/PodDisruptionBudget web Ready",
      "security.istio.io/AuthorizationPolicy web Ready",
      "security.istio.io/PeerAuthentication web Ready",
    ]);
  });

  test("what the platform opens for every service is open, and known to its proxy", async () => {
    const of = (namespace: string) => ({ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } } });
    expect(await platform.get(NAMESPACE, "networkpolicy/web-platform")).toMatchObject({
      spec: {
        policyTypes: ["Ingress", "Egress"],
        ingress: [
          { from: [{ ...of("edge"), podSelector: { matchLabels: { app: "gateway" } } }], ports: [{ protocol: "TCP", port: 8080 }, TUNNEL] },
        ],
        egress: [{ to: [of("observability")], ports: [{ protocol: "TCP", port: 4317 }, TUNNEL] }],
      },
    });
    expect(await platform.get(NAMESPACE, "sidecar/web")).toMatchObject({
      spec: { egress: [{ hosts: expect.arrayContaining(["observability/*"]) }] },
    });
  });

  test("kubectl prints it in columns that read by themselves", async () => {
    const rows = async (...args: readonly string[]): Promise<readonly (readonly string[])[]> =>
      (await platform.kubectl(["get", "psvc", "web", "-n", NAMESPACE, ...args]))
        .trim()
        .split("\n")
        .map((line) => line.split(/ {2,}/));
    // The budget's column is empty without slos, and empty columns are not told from the space between two.
    const [header, values] = await rows();
    expect(header).toEqual(["NAME", "READY", "REASON", "TIER", "IMAGE", "BUDGET", "AGE"]);
    expect(values?.slice(0, 5)).toEqual(["web", "True", "Ready", "tier-3", "1.0.0"]);
    const [wideHeader, wide] = await rows("-o", "wide");
    expect(wideHeader?.slice(7)).toEqual(["OWNER", "ROLE", "MESH", "MESSAGE"]);
    expect(wide?.slice(6, 9)).toEqual(["test-squad", ready.status?.role?.arn, "Istio"]);
  });

  test("what was missing and what came of it are one event each", async () => {
    await expect
      .poll(() => saidOf("web"), { timeout: 10_000 })
      .toEqual([
        `Normal AsWritten ImageResolved: ${REGISTRY}/web@${digest}`,
        "Normal Ready Ready: Ready",
        `Warning ImageNotFound ImageResolved: ${REGISTRY}/web:1.0.0 does not exist: push it, or correct spec.image`,
      ]);
  });

  test("its metrics are there: each condition, its info, its last pass", async () => {
    const labels = `namespace="${NAMESPACE}",name="web"`;
    const conditions = ["Ready", ...STEP_CONDITIONS, "Reconciling"].map(async (type) => [
      type,
      await platform.metric(`platform_service_condition{${labels},type="${type}"}`),
    ]);
    expect(Object.fromEntries(await Promise.all(conditions))).toEqual(
      Object.fromEntries(["Ready", ...STEP_CONDITIONS].map((type) => [type, 1])),
    );
    expect(await platform.metric(`platform_service_info{${labels},owner="test-squad",tier="tier-3"}`)).toBe(1);
    expect(await platform.metric(`platform_service_last_reconcile_timestamp_seconds{${labels}}`)).toBeGreaterThan(1.7e9);
    expect(await platform.metric('platform_service_ready_seconds_count{tier="tier-3"}')).toBeGreaterThanOrEqual(1);
  });

  test("a second pass writes nothing: no object, no status, no event, no AWS call", async () => {
    const before = await operatorWrites(platform, NAMESPACE);
    expect(before.kubernetes).toContain("patch deployments web");
    expect(before.aws).toContain("iam:CreateRole");
    await provokePass(platform, WEB);
    await provokePass(platform, WEB);
    expect(await operatorWrites(platform, NAMESPACE)).toEqual(before);
  });
});

describe("a service without an image", () => {
  const KEY = { namespace: NAMESPACE, name: "imageless" };

  test("has everything but its workload, and says where to push to", async () => {
    await platform.applyService(KEY, { image: {} });
    const service = await platform.untilCondition(KEY, "Ready", "False", "NoImage");

    expect(messageOf(service, "ImageResolved")).toBe(`push to ${REGISTRY}/imageless, then name a tag or a digest in spec.image`);
    const { Ready: _ready, ImageResolved, WorkloadReady, Reconciling: _reconciling, Stalled: _stalled, ...others } = verdicts(service);
    expect({ ImageResolved, WorkloadReady }).toEqual({
      ImageResolved: "False NoImage",
      WorkloadReady: "Unknown WaitingForPrerequisites",
    });
    expect(Object.values(others).filter((v) => !v.startsWith("True"))).toEqual([]);
    expect(await platform.get(NAMESPACE, "deployment/imageless")).toBeUndefined();
  });

  test("runs once a digest is named", async () => {
    const pushed = await platform.push(KEY, "0.1.0");
    await platform.applyService(KEY, { image: { digest: pushed } });
    const service = await platform.untilReady(KEY);
    expect(service.status?.image?.running).toBe(`${REGISTRY}/imageless@${pushed}`);
  });
});

describe("a tag that has not been pushed", () => {
  const KEY = { namespace: NAMESPACE, name: "next" };
  let seen: readonly PlatformService[];
  let first: PlatformService;

  beforeAll(async () => {
    seen = recordRevisions(platform, KEY);
    first = await platform.ready(KEY);
  });

  test("turns Ready False while the pods run on, untouched", async () => {
    const podsBefore = await podsOf(platform, KEY);
    const deploymentBefore = await platform.get<Listed>(NAMESPACE, "deployment/next");

    await platform.applyService(KEY, { image: { tag: "2.0.0" } });
    // Asked at once, before any pass: an answer about the generation before would be a lie.
    await expect(platform.kubectl(["wait", "--for=condition=Ready", "psvc/next", "-n", NAMESPACE, "--timeout=3s"])).rejects.toThrow(
      "timed out",
    );

    const service = await platform.untilCondition(KEY, "Ready", "False", "ImageNotFound");
    expect(messageOf(service, "Ready")).toContain(`${REGISTRY}/next:2.0.0 does not exist: push it, or correct spec.image`);
    expect(service.status?.image).toEqual({ running: first.status?.image?.running });
    expect((await podsOf(platform, KEY)).map((p) => p.metadata.uid)).toEqual(podsBefore.map((p) => p.metadata.uid));
    const deployment = await platform.get<Listed>(NAMESPACE, "deployment/next");
    expect(deployment?.metadata.generation).toBe(deploymentBefore?.metadata.generation);
  });

  test("becomes Ready by itself when it is pushed, on the new image alone", async () => {
    const pushed = await platform.push(KEY, "2.0.0");
    await platform.kubectl(["wait", "--for=condition=Ready", "psvc/next", "-n", NAMESPACE, "--timeout=60s"]);
    const service = await platform.untilReady(KEY);
    const image = `${REGISTRY}/next@${pushed}`;
    expect(service.status?.image).toEqual({ desired: image, running: image, architectures: ["amd64", "arm64"] });
    const images = (await podsOf(platform, KEY)).map((p) => p.spec.containers[0]?.image);
    expect(images).toEqual([`${REGISTRY}/next@${pushed}`]);
  });

  test("at no moment was Ready True for a generation whose image did not run", () => {
    const pushedSecond = seen.at(-1)?.status?.image?.running;
    const honest = seen
      .filter((r) => verdict(r, "Ready")?.startsWith("True"))
      .map((r) => ({ generation: r.status?.conditions?.[0]?.observedGeneration, running: r.status?.image?.running }));
    expect(new Set(honest.map((h) => JSON.stringify(h)))).toEqual(
      new Set([
        JSON.stringify({ generation: 1, running: first.status?.image?.running }),
        JSON.stringify({ generation: 2, running: pushedSecond }),
      ]),
    );
  });

  test("is one Warning", async () => {
    const events = await saidOf("next");
    expect(events.filter((e) => e.includes("2.0.0"))).toEqual([
      `Warning ImageNotFound ImageResolved: ${REGISTRY}/next:2.0.0 does not exist: push it, or correct spec.image`,
    ]);
  });
});

test("the metrics of a service go with it", async () => {
  const key = { namespace: NAMESPACE, name: "brief" };
  await platform.applyService(key, { image: {} });
  await platform.untilCondition(key, "Ready", "False", "NoImage");
  const series = `platform_service_condition{namespace="${NAMESPACE}",name="brief"`;
  await expect.poll(() => platform.metric(series)).toBeDefined();
  await platform.kubectl(["delete", "psvc", "brief", "-n", NAMESPACE]);
  await expect
    .poll(async () => (await (await fetch(`${platform.info.telemetryUrl}/metrics`)).text()).includes('name="brief"'), { timeout: 10_000 })
    .toBe(false);
});
