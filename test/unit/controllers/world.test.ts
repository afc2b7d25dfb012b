import { beforeEach, describe, expect, test } from "vitest";
import { ANNOTATIONS } from "../../../src/crds/meta.ts";
import { liveChild, watchedWorld, type WatchedWorld } from "../../support/watched-world.ts";

let it: WatchedWorld;
beforeEach(() => {
  it = watchedWorld();
});

describe("the tier of another service", () => {
  const PAYMENTS = { matchLabels: { "kubernetes.io/metadata.name": "payments" } };
  const tierOf = (namespace: string) => it.world.neighbour({ namespace, name: "one" })?.tierName;

  beforeEach(() => {
    it.tier("pci", PAYMENTS);
    for (const namespace of ["payments", "tracking"]) {
      it.namespace(namespace);
      it.service(namespace, "one", { tier: "pci" });
    }
  });

  test("is the one it names, where that allows its namespace", () => {
    expect(tierOf("payments")).toBe("pci");
  });

  test("is none where the tier keeps its namespace out: a name alone lets nobody in", () => {
    expect(it.world.neighbour({ namespace: "tracking", name: "one" })).toMatchObject({ tierName: undefined });
  });

  test("is none where there is no such tier", () => {
    it.service("payments", "two", { tier: "gone" });
    expect(it.world.neighbour({ namespace: "payments", name: "two" })).toMatchObject({ tierName: undefined });
  });
});

describe("policies of others that open our pods", () => {
  const POLICY = { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", spec: { podSelector: {}, ingress: [{}] } };
  const LABELLED = { "platform-operator.dev/service": "one", "app.kubernetes.io/managed-by": "platform-operator" };
  const controller = (uid: string) => [
    { apiVersion: "platform-operator.dev/v1alpha1", kind: "PlatformService", name: "one", uid, controller: true },
  ];
  const seen = () => it.world.foreignPolicies("n", {});

  beforeEach(() => it.service("n", "one", { tier: "tier-1" }));

  test("one that a service of ours controls is not among them", () => {
    it.sources.policies.store.upsert(
      liveChild(POLICY, "n", "one-callers", { labels: LABELLED, ownerReferences: controller("uid-of-n-one") }),
    );
    expect(seen()).toEqual([]);
  });

  test.each([
    ["has no labels", {}],
    ["carries our labels", { labels: LABELLED }],
    ["names a service of ours that is not there", { labels: LABELLED, ownerReferences: controller("made-up") }],
  ])("one that %s is", (_, metadata) => {
    it.sources.policies.store.upsert(liveChild(POLICY, "n", "open", metadata));
    expect(seen()).toEqual(["open"]);
  });
});

test("budgets of others over our pods are those that select them: an empty selector is everybody, none is nobody", () => {
  const budget = (name: string, spec: object, metadata: object = {}): void =>
    it.sources.budgets.store.upsert(liveChild({ apiVersion: "policy/v1", kind: "PodDisruptionBudget", spec }, "n", name, metadata));
  it.service("n", "one", { tier: "tier-1" });
  const ours = {
    apiVersion: "platform-operator.dev/v1alpha1",
    kind: "PlatformService",
    name: "one",
    uid: "uid-of-n-one",
    controller: true,
  };
  budget("one", { selector: { matchLabels: { app: "legacy" } } }, { ownerReferences: [ours] });
  budget("legacy", { selector: { matchLabels: { app: "legacy" } } });
  budget("everybody", { selector: {} });
  budget("another", { selector: { matchLabels: { app: "other" } } });
  budget("nobody", {});
  expect(it.world.foreignBudgets("n", { app: "legacy" }).toSorted()).toEqual(["everybody", "legacy"]);
  expect(it.world.foreignBudgets("other", { app: "legacy" })).toEqual([]);
});

describe("rollouts that are paced", () => {
  const roll = (
    name: string,
    { paced = "true", generation = 2, observedGeneration = 2, reason = "ReplicaSetUpdated", spec = {}, paused = false } = {},
  ) => {
    it.service("n", name, { tier: "tier-1", ...spec });
    const status = { observedGeneration, conditions: [{ type: "Progressing", status: "True", reason }] };
    const metadata = {
      generation,
      annotations: { [ANNOTATIONS.pacedRollout]: paced },
      ownerReferences: [{ kind: "PlatformService", name, controller: true }],
    };
    it.sources.deployments.store.upsert(
      liveChild({ apiVersion: "apps/v1", kind: "Deployment", spec: { paused }, status }, "n", name, metadata),
    );
  };

  test("are those that changed from outside and are not rolled out yet", () => {
    roll("rolling");
    roll("just-written", { observedGeneration: 1, reason: "NewReplicaSetAvailable" });
    roll("done", { reason: "NewReplicaSetAvailable" });
    roll("by-the-squad", { paced: "" });
    it.service("n", "never-written", { tier: "tier-1" });
    expect(it.world.pacedRollouts("tier-1").map(({ name }) => name)).toEqual(["rolling", "just-written"]);
    expect(it.world.pacedRollouts("tier-2")).toEqual([]);
  });

  test("are not those that somebody has paused: nobody knows for how long", () => {
    roll("paused", { paused: true });
    roll("rolling");
    expect(it.world.pacedRollouts("tier-1").map(({ name }) => name)).toEqual(["rolling"]);
  });

  test("are not those of suspended services: nobody would go on with them", () => {
    roll("suspended", { spec: { suspend: true } });
    roll("rolling");
    expect(it.world.pacedRollouts("tier-1").map(({ name }) => name)).toEqual(["rolling"]);
  });
});

describe("the waypoint of a Service", () => {
  const waypointOf = (labels: object, ofNamespace: Readonly<Record<string, string>> = {}) => {
    it.namespace("n", ofNamespace);
    it.sources.kubernetesServices.store.upsert(liveChild({ apiVersion: "v1", kind: "Service", spec: {} }, "n", "one", { labels }));
    return it.world.kubernetesService({ namespace: "n", name: "one" })?.waypoint;
  };
  const OWN = { "istio.io/use-waypoint": "own" };
  const NAMESPACES = { "istio.io/use-waypoint": "shared", "istio.io/use-waypoint-namespace": "waypoints" };

  test("is its own label's, else its namespace's, else none", () => {
    expect(waypointOf(OWN, NAMESPACES)).toEqual({ namespace: "n", name: "own" });
    expect(waypointOf({}, NAMESPACES)).toEqual({ namespace: "waypoints", name: "shared" });
    expect(waypointOf({})).toBeUndefined();
  });

  test("is none where the Service says so, whatever its namespace says", () => {
    expect(waypointOf({ "istio.io/use-waypoint": "none" }, NAMESPACES)).toBeUndefined();
  });
});
