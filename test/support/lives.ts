import { expect, vi } from "vitest";
import { ADMIN_KEY } from "../../src/cli/keys.ts";
import { pushImage } from "../../src/cli/image.ts";
import { condition, isReady } from "../../src/cli/service-watch.ts";
import { keyString, type ObjectKey } from "../../src/crds/meta.ts";
import type { PlatformService } from "../../src/crds/platform-service.ts";
import { isWrite, signatureOf } from "./api-call.ts";
import type { FaultBench } from "./fault-bench.ts";
import { serviceOf } from "./platform.ts";
import { readWorld, type World } from "./world-state.ts";

/** The lives of services, many at once, each in a namespace of its own: created, pushed, Ready, changed, Ready, looked at again, deleted, gone. */

/** Every life's service has this name; faults and states are told apart by namespace. */
export const SERVICE = "api";
const TAG = "1.0.0";
/** Of a phase, in which the operator may be killed twenty times on a machine that is busy with two other files. */
const PATIENCE_MS = 900_000;

/** The spec that a service is born with, and the one that it is changed to. */
interface Life {
  /** Of its namespace. */
  readonly labels: Readonly<Record<string, string>>;
  readonly born: object;
  readonly changed: object;
}

/** One of every child in Istio: a way out (ServiceEntry, Sidecar), metrics (PodMonitor), routes, callers, rights in AWS. */
const BORN = {
  image: { tag: TAG, deletionPolicy: "DeleteWithImages" },
  container: { metrics: { port: 9090 } },
  aws: {
    policy: {
      statements: [{ sid: "Read", actions: ["dynamodb:GetItem"], resources: ["arn:aws:dynamodb:eu-west-1:111122223333:table/orders"] }],
    },
  },
  routes: [{ name: "all", timeout: "2s" }],
  resilience: { retryBudgetPercent: 20 },
  callers: { services: [{ name: "shop" }] },
  dependencies: { hosts: [{ host: "api.carrier.example.com", port: 443 }] },
};

/** Changes the role, the repository, the pods and the traffic, takes one child away and brings another. */
const CHANGED = {
  ...BORN,
  image: { ...BORN.image, retain: { untaggedDays: 3 } },
  container: { env: [{ name: "LOG_LEVEL", value: "debug" }] },
  aws: {
    maxSessionDuration: "2h",
    policy: {
      statements: [{ sid: "Read", actions: ["dynamodb:Query"], resources: ["arn:aws:dynamodb:eu-west-1:111122223333:table/orders"] }],
    },
  },
  routes: [{ name: "all", timeout: "1s" }],
  resilience: { retryBudgetPercent: 30 },
  callers: { services: [{ name: "shop" }, { name: "store" }] },
  dependencies: { cidrs: [{ cidr: "10.40.0.0/16", port: 5432 }] },
};

const MESH_BORN = {
  tier: "legacy",
  image: BORN.image,
  container: { probes: { readiness: { path: "/ready", port: 8081 } } },
  aws: { identity: "PodIdentity", policy: BORN.aws.policy },
  routes: [
    { name: "read", match: { path: { prefix: "/v1" }, methods: ["GET"] }, timeout: "20s" },
    { name: "rest", timeout: "2s" },
  ],
};

/** Changes the node, a route and the role; takes one route away and brings another. */
const MESH_CHANGED = {
  ...MESH_BORN,
  aws: { identity: "PodIdentity", policy: CHANGED.aws.policy },
  routes: [
    { name: "write", match: { path: { prefix: "/v1" }, methods: ["POST"] }, timeout: "10s" },
    { name: "rest", timeout: "1s" },
  ],
  resilience: { connectionPool: { maxConnections: 64, maxPendingRequests: 16 } },
};

/** Nothing but its SLO, for what that has in Amazon Managed Service for Prometheus. */
const RULES_BORN = {
  image: BORN.image,
  slos: [{ name: "availability", objective: "99.9", indicator: "availability" }],
};

const RULES_CHANGED = { ...RULES_BORN, slos: [{ ...RULES_BORN.slos[0], objective: "99.5" }] };

/** By what the names of their namespaces begin with: in Istio with IRSA; in App Mesh with EKS Pod Identity; with SLOs. */
const LIVES = {
  life: { labels: {}, born: BORN, changed: CHANGED },
  mesh: { labels: { mesh: "appmesh" }, born: MESH_BORN, changed: MESH_CHANGED },
  rules: { labels: {}, born: RULES_BORN, changed: RULES_CHANGED },
} as const satisfies Record<string, Life>;

export type LifeKind = keyof typeof LIVES;

/** Which kind of life the namespace is for: its name begins with it. */
export function lifeKindOf(namespace: string): LifeKind {
  if (namespace.startsWith("mesh-")) return "mesh";
  return namespace.startsWith("rules-") ? "rules" : "life";
}

function lifeOf(namespace: string): Life {
  return LIVES[lifeKindOf(namespace)];
}

/** A tier for App Mesh, where nobody issues certificates. */
const LEGACY_TIER = {
  apiVersion: "platform-operator.dev/v1alpha1",
  kind: "PlatformTier",
  metadata: { name: MESH_BORN.tier },
  spec: {
    allowedNamespaces: { matchLabels: LIVES.mesh.labels },
    availability: {},
    placement: { nodePools: ["general"], capacityTypes: ["on-demand"], architectures: ["amd64"] },
    network: { mtls: "Permissive" },
  },
};

/** `seenAgain`: twice, though nothing has changed, the second time by a process that has just started. */
export type Phase = "born" | "changed" | "seenAgain" | "deleted";

export interface LivesResult {
  /** What each namespace held when Ready for the first and for the second time, and after the end. */
  readonly born: World;
  readonly changed: World;
  readonly left: World;
  /** What the operator wrote though nothing had changed. */
  readonly idleWrites: readonly string[];
}

/** Lives a life in each namespace, side by side; `enter` is awaited before each phase. Rejects when one life does not get on. */
export async function live(
  bench: FaultBench,
  namespaces: readonly string[],
  enter: (phase: Phase) => void | Promise<void> = () => undefined,
): Promise<LivesResult> {
  const keys = namespaces.map((namespace): ObjectKey => ({ namespace, name: SERVICE }));
  await enter("born");
  await beBorn(bench, keys);
  const born = await readWorld(bench, namespaces);
  await enter("changed");
  await bench.apply(...keys.map((key) => serviceOf(key, lifeOf(key.namespace).changed)));
  await untilAll(bench, keys, "Ready again", (key) => bench.watch.get(key)?.metadata.generation !== 1 && isWhole(bench.watch.get(key)));
  const changed = await readWorld(bench, namespaces);
  await enter("seenAgain");
  const idleWrites = await lookAgain(bench, keys);
  await enter("deleted");
  await die(bench, keys);
  return { born, changed, left: await readWorld(bench, namespaces), idleWrites };
}

async function beBorn(bench: FaultBench, keys: readonly ObjectKey[]): Promise<void> {
  await bench.apply(
    LEGACY_TIER,
    ...keys.map(({ namespace: name }) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels: lifeOf(name).labels } })),
  );
  await bench.apply(...keys.map((key) => serviceOf(key, lifeOf(key.namespace).born)));
  await Promise.all(keys.map((key) => push(bench, key)));
  await untilAll(bench, keys, "Ready", (key) => isWhole(bench.watch.get(key)));
}

/** Ready does not wait for the rules of SLOs. */
function isWhole(service: PlatformService | undefined): boolean {
  return isReady(service) && condition(service, "SLOsReady")?.status === "True";
}

async function push(bench: FaultBench, key: ObjectKey): Promise<void> {
  await bench.watch.until(`${keyString(key)} has a repository`, () => bench.watch.get(key)?.status?.repository !== undefined, PATIENCE_MS);
  const uri = bench.watch.get(key)?.status?.repository?.uri ?? "";
  await pushImage(bench.ecr, { repository: uri.slice(uri.indexOf("/") + 1), tag: TAG, architectures: ["amd64"] });
}

/** A pass over each service that sees nothing new, then another process that has seen nothing at all: the writes of both. */
async function lookAgain(bench: FaultBench, keys: readonly ObjectKey[]): Promise<string[]> {
  const firstCall = bench.proxy.calls.length;
  const firstAction = (await bench.aws.actions()).at(-1)?.sequence ?? 0;
  const passed = (since: number): Promise<void> =>
    vi.waitFor(async () => expect(await bench.passedSince(since, keys)).toBe(true), { timeout: PATIENCE_MS, interval: 200 });

  const touched = Date.now();
  await bench.plane.kubectl(["annotate", "--overwrite", "-f", "-", `test/touched=${String(touched)}`], { input: listOf(keys) });
  await passed(touched);
  const restarted = Date.now();
  await bench.restartOperator();
  await passed(restarted);

  const actions = await bench.aws.actions(firstAction);
  return [
    ...bench.proxy.calls
      .slice(firstCall)
      .filter((call) => isWrite(call) && call.resource !== "leases")
      .map((call) => `${call.namespace}: ${signatureOf(call)}`),
    ...actions.filter((a) => a.accessKeyId !== ADMIN_KEY && a.access === "write").map((a) => `${a.action} ${a.resource}`),
  ];
}

async function die(bench: FaultBench, keys: readonly ObjectKey[]): Promise<void> {
  await bench.plane.kubectl(["delete", "--wait=false", "-f", "-"], { input: listOf(keys) });
  await untilAll(bench, keys, "gone", (key) => bench.watch.get(key) === undefined);
}

function listOf(keys: readonly ObjectKey[]): string {
  return JSON.stringify({ apiVersion: "v1", kind: "List", items: keys.map((key) => serviceOf(key)) });
}

async function untilAll(
  bench: FaultBench,
  keys: readonly ObjectKey[],
  what: string,
  predicate: (key: ObjectKey) => boolean,
): Promise<void> {
  await bench.watch.until(`all ${String(keys.length)} services are ${what}`, () => keys.every(predicate), PATIENCE_MS);
}
