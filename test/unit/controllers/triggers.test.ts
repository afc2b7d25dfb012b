import { beforeEach, describe, expect, test } from "vitest";
import { wireTriggers } from "../../../src/controllers/triggers.ts";
import { keyString, LABELS, type ObjectKey } from "../../../src/crds/meta.ts";
import type { LiveObject } from "../../../src/kube/objects.ts";
import { liveChild, watchedWorld, type WatchedWorld } from "../../support/watched-world.ts";

/** Which services a change is looked at for. */

let it: WatchedWorld;

beforeEach(() => {
  it = watchedWorld();
  it.service("n", "web", { tier: "tier-1" });
});

/** As an object of the service `web` has it. */
const owned = {
  ownerReferences: [
    { apiVersion: "platform-operator.dev/v1alpha1", kind: "PlatformService", name: "web", uid: "uid-of-n-web", controller: true },
  ],
};

/** By key, how soon each is to be looked at, of what happens from now on. */
function lookingAt(): Map<string, string[]> {
  const urgencies = new Map<string, string[]>();
  const services = (key: ObjectKey, urgency: string): void => {
    urgencies.set(keyString(key), [...(urgencies.get(keyString(key)) ?? []), urgency]);
  };
  const nobody = (): undefined => undefined;
  wireTriggers(it.sources, { services, tiers: nobody }, nobody);
  return urgencies;
}

/** Keys that `happens` adds, sorted. */
function lookedAt(happens: () => void): readonly string[] {
  const urgencies = lookingAt();
  happens();
  return [...urgencies.keys()].toSorted();
}

describe("a NetworkPolicy", () => {
  const POLICY = { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", spec: { podSelector: {}, ingress: [{}] } };
  const appears = (apiVersion: string, name: string, uid: string) => (): void =>
    it.sources.policies.store.upsert(
      liveChild(POLICY, "n", "open", { ownerReferences: [{ apiVersion, kind: "PlatformService", name, uid, controller: true }] }),
    );

  beforeEach(() => it.service("n", "bystander", { tier: "tier-1" }));

  test("of a service is looked at for that alone", () => {
    expect(lookedAt(appears("platform-operator.dev/v1alpha1", "web", "uid-of-n-web"))).toEqual(["n/web"]);
  });

  test.each([
    ["a service that is not there", "platform-operator.dev/v1alpha1", "ghost", "made-up"],
    ["a service of another uid", "platform-operator.dev/v1alpha1", "web", "made-up"],
    ["a PlatformService of another group", "example.com/v1", "ghost", "made-up"],
  ])("that says that it is of %s may open the pods of any", (_, apiVersion, name, uid) => {
    expect(lookedAt(appears(apiVersion, name, uid))).toEqual(expect.arrayContaining(["n/bystander", "n/web"]));
  });
});

describe("whom a service lets call", () => {
  const grants = (): void =>
    it.service("n", "web", { tier: "tier-1", callers: { services: [{ name: "shop", namespace: "m" }] } }, { generation: 2 });

  test("is looked at by those that name the service, and those that name a Service which leads to its pods", () => {
    it.service("m", "shop", { tier: "tier-1", dependencies: { services: [{ name: "web", namespace: "n" }] } });
    it.service("m", "smuggler", { tier: "tier-1", dependencies: { kubernetesServices: [{ name: "alias", namespace: "n", port: 80 }] } });
    it.service("m", "other", { tier: "tier-1", dependencies: { kubernetesServices: [{ name: "redis", namespace: "n", port: 80 }] } });
    const service = (name: string, selector: object): void =>
      it.sources.kubernetesServices.store.upsert(
        liveChild({ apiVersion: "v1", kind: "Service", spec: { selector, ports: [] } }, "n", name),
      );
    service("alias", { [LABELS.service]: "web" });
    service("redis", { app: "redis" });
    expect(lookedAt(grants)).toEqual(["m/shop", "m/smuggler", "n/web"]);
  });
});

describe("the Service of a PlatformService", () => {
  const service =
    (labels: Readonly<Record<string, string>> = {}) =>
    (): void =>
      it.sources.kubernetesServices.store.upsert(
        liveChild({ apiVersion: "v1", kind: "Service", spec: { selector: {}, ports: [{ port: 80 }] } }, "n", "web", { ...owned, labels }),
      );

  beforeEach(() => it.service("n", "caller", { tier: "tier-1", dependencies: { services: [{ name: "web", namespace: "n" }] } }));

  test("is of no account to its callers", () => {
    expect(lookedAt(service())).toEqual(["n/web"]);
  });

  test("is where a waypoint stands before it, by its own label or its namespace's", () => {
    expect(lookedAt(service({ "istio.io/use-waypoint": "way" }))).toEqual(["n/caller", "n/web"]);
    it.namespace("n", { "istio.io/use-waypoint": "way" });
    expect(lookedAt(service({ "istio.io/use-waypoint": "none" }))).toEqual(["n/caller", "n/web"]);
    expect(lookedAt(service())).toEqual(["n/caller", "n/web"]);
  });
});

describe("a child that a pass over its service writes", () => {
  const child = (resourceVersion: string, port: number): LiveObject => {
    const service = liveChild({ apiVersion: "v1", kind: "Service", spec: { selector: {}, ports: [{ port }] } }, "n", "web", owned);
    return { ...service, metadata: { ...service.metadata, resourceVersion } };
  };
  const KEY = { namespace: "n", name: "web" };

  beforeEach(() => {
    it.service("n", "caller", { tier: "tier-1", dependencies: { kubernetesServices: [{ name: "web", namespace: "n", port: 80 }] } });
    it.sources.kubernetesServices.store.upsert(child("1007", 1));
  });

  /** What is looked at because of what happens while it is written. */
  async function lookedAtBy(happens: (store: WatchedWorld["sources"]["kubernetesServices"]["store"]) => void): Promise<readonly string[]> {
    const { store } = it.sources.kubernetesServices;
    const urgencies = lookingAt();
    await store.during(KEY, async () => happens(store));
    return [...urgencies.keys()].toSorted();
  }

  test("calls for no other pass over it, but for one over who depends on what changed", async () => {
    const echo = await lookedAtBy((store) => {
      store.upsert(child("1008", 80));
      store.wrote(child("1008", 80));
    });
    expect(echo).toEqual(["n/caller"]);
  });

  test("calls for another when somebody puts back meanwhile what was repaired", async () => {
    const fight = await lookedAtBy((store) => {
      store.upsert(child("1008", 80));
      store.upsert(child("1009", 1));
      store.wrote(child("1008", 80));
    });
    expect(fight).toContain("n/web");
  });

  test("calls for another when somebody deletes it before the answer is read", async () => {
    const gone = await lookedAtBy((store) => {
      store.upsert(child("1008", 80));
      store.remove(child("1009", 80));
      store.wrote(child("1008", 80));
    });
    expect(gone).toContain("n/web");
  });
});

describe("what becomes of a child", () => {
  const deployment = (resourceVersion: string, { status = {}, owners = owned.ownerReferences } = {}): LiveObject => {
    const live = liveChild({ apiVersion: "apps/v1", kind: "Deployment", spec: { selector: {}, template: {} }, status }, "n", "web", owned);
    return { ...live, metadata: { ...live.metadata, resourceVersion, ownerReferences: owners } };
  };

  const COMPLETE = { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1, readyReplicas: 1 };

  test.each<[string, LiveObject, string | undefined]>([
    ["is looked at soon, with what else becomes of it", deployment("1008", { status: COMPLETE }), "soon"],
    ["is not looked at while it only comes closer", deployment("1008", { status: { readyReplicas: 1, updatedReplicas: 1 } }), undefined],
    ["is looked at at once where somebody wrote it", deployment("1008", { owners: [] }), "high"],
    ["is not looked at where nothing of it matters", deployment("1008"), undefined],
  ])("%s", (_, live, urgency) => {
    const { store } = it.sources.deployments;
    store.upsert(deployment("1007"));
    const urgencies = lookingAt();
    store.upsert(live);
    expect(urgencies.get("n/web") ?? []).toEqual(urgency === undefined ? [] : [urgency]);
  });

  test("is looked at at once where somebody deletes it, and soon where a pass did: steps before that one went by it", async () => {
    const { store } = it.sources.deployments;
    store.upsert(deployment("1007"));
    const urgencies = lookingAt();
    store.remove(deployment("1009"));
    expect(urgencies.get("n/web")).toEqual(["high"]);
    store.upsert(deployment("1010"));
    urgencies.clear();
    await store.during({ namespace: "n", name: "web" }, async () => {
      store.drop({ namespace: "n", name: "web" }, () => true);
    });
    expect(urgencies.get("n/web")).toEqual(["soon"]);
  });
});
