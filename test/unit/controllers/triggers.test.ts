import { beforeEach, describe, expect, test } from "vitest";
import { wireTriggers } from "../../../src/controllers/triggers.ts";
import { keyString, LABELS } from "../../../src/crds/meta.ts";
import { liveChild, watchedWorld, type WatchedWorld } from "../../support/watched-world.ts";

/** Which services a change is looked at for. */

let it: WatchedWorld;

beforeEach(() => {
  it = watchedWorld();
  it.service("n", "web", { tier: "tier-1" });
});

/** Keys that what happens from now on adds to the queue, sorted. */
function lookedAt(happens: () => void): readonly string[] {
  const keys = new Set<string>();
  const nobody = (): undefined => undefined;
  wireTriggers(it.sources, { services: (key) => void keys.add(keyString(key)), tiers: nobody }, nobody);
  happens();
  return [...keys].toSorted();
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
