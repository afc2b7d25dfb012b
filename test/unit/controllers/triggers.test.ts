import { beforeEach, describe, expect, test } from "vitest";
import { wireTriggers } from "../../../src/controllers/triggers.ts";
import { LABELS } from "../../../src/crds/meta.ts";
import { systemClock } from "../../../src/kube/clock.ts";
import { WorkQueue } from "../../../src/kube/workqueue.ts";
import { RolloutBudget } from "../../../src/reconcilers/rollout-budget.ts";
import { liveChild, watchedWorld, type WatchedWorld } from "../../support/watched-world.ts";

/** Which services a change is looked at for. */

let it: WatchedWorld;

beforeEach(() => {
  it = watchedWorld();
  it.service("n", "web", { tier: "tier-1" });
});

/** Keys that what happens from now on adds to the queue, sorted. */
async function lookedAt(happens: () => void): Promise<readonly string[]> {
  const queue = new WorkQueue({ clock: systemClock });
  wireTriggers(it.sources, { services: queue, tiers: new WorkQueue({ clock: systemClock }) }, new RolloutBudget(1));
  happens();
  const keys: string[] = [];
  while (queue.depth() > 0) keys.push((await queue.get())?.key ?? "");
  return keys.toSorted();
}

describe("a NetworkPolicy", () => {
  const POLICY = { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", spec: { podSelector: {}, ingress: [{}] } };
  const appears = (apiVersion: string, name: string, uid: string) => (): void =>
    it.sources.policies.store.upsert(
      liveChild(POLICY, "n", "open", { ownerReferences: [{ apiVersion, kind: "PlatformService", name, uid, controller: true }] }),
    );

  beforeEach(() => it.service("n", "bystander", { tier: "tier-1" }));

  test("of a service is looked at for that alone", async () => {
    expect(await lookedAt(appears("platform-operator.dev/v1alpha1", "web", "uid-of-n-web"))).toEqual(["n/web"]);
  });

  test.each([
    ["a service that is not there", "platform-operator.dev/v1alpha1", "ghost", "made-up"],
    ["a service of another uid", "platform-operator.dev/v1alpha1", "web", "made-up"],
    ["a PlatformService of another group", "example.com/v1", "ghost", "made-up"],
  ])("that says that it is of %s may open the pods of any", async (_, apiVersion, name, uid) => {
    expect(await lookedAt(appears(apiVersion, name, uid))).toEqual(expect.arrayContaining(["n/bystander", "n/web"]));
  });
});

describe("whom a service lets call", () => {
  const grants = (): void =>
    it.service("n", "web", { tier: "tier-1", callers: { services: [{ name: "shop", namespace: "m" }] } }, { generation: 2 });

  test("is looked at by those that name the service, and those that name a Service which leads to its pods", async () => {
    it.service("m", "shop", { tier: "tier-1", dependencies: { services: [{ name: "web", namespace: "n" }] } });
    it.service("m", "smuggler", { tier: "tier-1", dependencies: { kubernetesServices: [{ name: "alias", namespace: "n", port: 80 }] } });
    it.service("m", "other", { tier: "tier-1", dependencies: { kubernetesServices: [{ name: "redis", namespace: "n", port: 80 }] } });
    const service = (name: string, selector: object): void =>
      it.sources.kubernetesServices.store.upsert(
        liveChild({ apiVersion: "v1", kind: "Service", spec: { selector, ports: [] } }, "n", name),
      );
    service("alias", { [LABELS.service]: "web" });
    service("redis", { app: "redis" });
    expect(await lookedAt(grants)).toEqual(["m/shop", "m/smuggler", "n/web"]);
  });
});
