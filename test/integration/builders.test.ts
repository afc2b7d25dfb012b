import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { applyCrds } from "../../controlplane/kubectl.ts";
import { type ControlPlane, startControlPlane } from "../../controlplane/start.ts";
import { thirdPartyCrds } from "../../controlplane/third-party.ts";
import type { KubeObject } from "../../src/crds/desired.ts";
import type { EffectiveService } from "../../src/crds/effective.ts";
import { FIELD_MANAGER } from "../../src/crds/meta.ts";
import { isLiveObject } from "../../src/kube/objects.ts";
import { desiredProjection, ownedProjection } from "../../src/kube/owned-fields.ts";
import { podTemplateOf } from "../../src/resources/deployment.ts";
import { meshOf } from "../../src/resources/mesh/choose.ts";
import { allChildren } from "../support/children.ts";
import { shippedTier, testConfig, testService } from "../support/effective-services.ts";
import { FULL_SERVICE } from "../support/full-objects.ts";

/**
 * What drift detection stands on: what a builder makes comes back from the API server, on the fields that are ours, exactly as it
 * was sent. A control plane of its own, because the shared one lacks PodMonitors on purpose.
 */

const NAMESPACE = "dispatch";
const RESTRICTED = ["enforce", "warn"].map((mode) => `pod-security.kubernetes.io/${mode}=restricted`);
const PRIORITY_CLASSES = join(import.meta.dirname, "..", "..", "config", "tiers", "00-priority-classes.yaml");

let plane: ControlPlane;

beforeAll(async () => {
  plane = await startControlPlane();
  await applyCrds(plane.kubectl, await thirdPartyCrds(["istio", "gatewayApi", "prometheusOperator"], process.env));
  await plane.kubectl(["apply", "-f", PRIORITY_CLASSES]);
  await plane.kubectl(["create", "namespace", NAMESPACE]);
  await plane.kubectl(["label", "namespace", NAMESPACE, ...RESTRICTED]);
});
afterAll(() => plane.stop());

const written = z.object({ spec: z.record(z.string(), z.unknown()) });
const podTemplate = z.object({ metadata: z.record(z.string(), z.unknown()), spec: z.unknown() });
const FULL_SPEC = written.parse(FULL_SERVICE).spec;
const isolated = shippedTier("pci", {
  network: {
    isolation: "Strict",
    allowedEgress: [
      { name: "cards", host: "api.cards.example.com", port: 443 },
      { name: "hsm", cidr: "198.51.100.0/24", port: 8443 },
      { name: "hsm6", cidr: "2001:db8::/32", port: 8443 },
    ],
  },
});
const permissive = shippedTier("tier-2", { network: { mtls: "Permissive" } });
const NO_MESH = testConfig({ mesh: { default: "None" } });
const AMBIENT = testConfig({ mesh: { istio: { dataPlane: "Ambient" } } });
const SHARED_WAYPOINT = testConfig({
  mesh: { istio: { dataPlane: "Ambient", waypoint: { name: "shared", namespace: "istio-waypoints" } } },
});
const NODE_LOCAL_DNS = testConfig({ network: { dns: { nodeLocal: "169.254.20.10" } } });

interface Case {
  readonly title: string;
  readonly service: EffectiveService;
  readonly config?: ReturnType<typeof testConfig>;
}

const CASES: readonly Case[] = [
  { title: "with every field written", service: testService({ name: "full", spec: FULL_SPEC }) },
  { title: "with the least written", service: testService({ name: "least" }) },
  {
    title: "of an isolated, dedicated tier",
    service: testService({ name: "isolated", spec: { ...FULL_SPEC, tier: "pci" }, tier: isolated }),
  },
  { title: "in no mesh", service: testService({ name: "meshless", spec: FULL_SPEC, config: NO_MESH }), config: NO_MESH },
  { title: "with DNS cached on the node", service: testService({ name: "cached", config: NODE_LOCAL_DNS }), config: NODE_LOCAL_DNS },
  {
    title: "in the ambient data plane, with every field written",
    service: testService({ name: "ambient", spec: FULL_SPEC, config: AMBIENT }),
    config: AMBIENT,
  },
  { title: "in the ambient data plane, with the least written", service: testService({ name: "quiet", config: AMBIENT }), config: AMBIENT },
  {
    title: "of a waypoint in another namespace, with every kind of match",
    service: testService({
      name: "matched",
      config: SHARED_WAYPOINT,
      spec: {
        port: 8080,
        protocol: "grpc",
        callers: { services: [{ name: "a" }] },
        routes: [
          { name: "exact", match: { path: { exact: "/v1/match" }, methods: ["POST", "PUT"], headers: [{ name: "x-a", exact: "1" }] } },
          {
            name: "prefix",
            match: {
              path: { prefix: "/v1" },
              headers: [
                { name: "x-b", prefix: "a.b" },
                { name: "x-a", regex: "c+" },
              ],
            },
          },
          { name: "regex", match: { path: { regex: "/v[12]/.*" } }, timeout: "1m30s" },
          { name: "tries", timeout: "1s", retries: { attempts: 2, perTryTimeout: "250ms", retryOn: ["server-error", "retriable-4xx"] } },
        ],
      },
    }),
    config: SHARED_WAYPOINT,
  },
  {
    title: "of tcp, while its namespace moves into the mesh",
    service: testService({
      name: "moving",
      tier: permissive,
      spec: { port: 5432, protocol: "tcp", callers: { services: [{ name: "a" }] }, resilience: { connectionPool: { maxConnections: 5 } } },
    }),
  },
  {
    title: "with values that are not canonical",
    service: testService({
      name: "odd",
      spec: {
        tier: "tier-3",
        port: 80,
        protocol: "http2",
        container: {
          env: [
            { name: "Z", value: "" },
            { name: "A", value: "$(Z)" },
          ],
          resources: { requests: { cpu: "0.250", memory: "0.5Gi" }, limits: { cpu: "1000m", memory: "12.34Gi" } },
          writablePaths: ["/tmp/a", "/tmp", "/A_b.c"],
        },
      },
    }),
  },
];

/** Applies as the operator does; a warning of the API server is an error. */
async function apply(objects: readonly KubeObject[]): Promise<readonly unknown[]> {
  const args = ["apply", "--server-side", "--force-conflicts", "--warnings-as-errors", `--field-manager=${FIELD_MANAGER}`];
  const answer = await plane.kubectl([...args, "--show-managed-fields", "-o", "json", "-f", "-"], {
    input: JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }),
  });
  return z.object({ items: z.array(z.unknown()) }).parse(JSON.parse(answer)).items;
}

/** By kind and name, what is ours of each object, or is to be. */
function projections(objects: readonly KubeObject[], answers: readonly unknown[]) {
  const live = answers.filter(isLiveObject);
  return {
    desired: Object.fromEntries(objects.map((object) => [`${object.kind} ${object.metadata.name}`, desiredProjection(object)])),
    owned: Object.fromEntries(live.map((object) => [`${object.kind} ${object.metadata.name}`, ownedProjection(object)])),
  };
}

describe.each(CASES)("the children of a service $title", ({ service, config = testConfig() }) => {
  const children = allChildren(service, config);

  test("come back as they were sent, without a warning", async () => {
    const { desired, owned } = projections(children, await apply(children));
    expect(owned).toEqual(desired);
  });

  test("make pods that restricted Pod Security admits", async () => {
    const [template] = children
      .filter(({ kind }) => kind === "Deployment")
      .map((deployment) => podTemplate.parse(podTemplateOf(deployment)));
    const metadata = { ...template?.metadata, name: `${service.key.name}-pod`, namespace: NAMESPACE };
    const input = JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata, spec: template?.spec });
    await expect(plane.kubectl(["create", "--dry-run=server", "-f", "-"], { input })).resolves.toContain("created (server dry run)");
  });

  test("are of the kinds that the mesh says it needs", () => {
    const ofMesh = children
      .filter(({ apiVersion }) => apiVersion.includes("istio.io") || apiVersion.includes("gateway."))
      .map(({ apiVersion, kind }) => `${apiVersion} ${kind}`);
    const declared = meshOf(service).apis.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`);
    expect(declared).toEqual(expect.arrayContaining([...new Set(ofMesh)]));
  });
});

test("environment variables keep the order in which they are written, also when it changes", async () => {
  const inOrder = (names: readonly string[]) =>
    testService({ name: "ordered", spec: { container: { env: names.map((name) => ({ name, value: "1" })) } } });
  for (const names of [
    ["Z", "A", "B"],
    ["B", "Z", "A"],
    ["A", "C", "B", "Z"],
    ["Z", "B"],
  ]) {
    const children = allChildren(inOrder(names), testConfig());
    const { desired, owned } = projections(children, await apply(children));
    expect(owned).toEqual(desired);
  }
});
