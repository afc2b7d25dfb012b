import { expect, test } from "vitest";

import { API_VERSION, TIER_FINALIZER, type ObjectKey } from "../../../src/crds/meta.ts";
import { platformTierSpec, type PlatformTier, type PlatformTierStatus } from "../../../src/crds/platform-tier.ts";
import { reconcileTier } from "../../../src/reconcilers/platform-tier/reconcile.ts";
import { shippedTier, testConfig } from "../../support/effective-services.ts";
import { servicePass } from "../../support/service-pass.ts";

/** What a pass says in states of the world that are rare and short. */

test("before the labels of its namespace are seen, nothing is written and nothing is refused", async () => {
  const it = servicePass({ namespaceLabels: () => undefined });
  expect(await it.pass()).toMatchObject({ state: "recheck", afterMs: 1_000 });
  expect(it.condition("SpecValid")).toBe("Unknown WaitingForNamespace: waits for the labels of its namespace to be seen");
  expect(it.condition("Ready")).toMatch(/^Unknown WaitingForNamespace: /);
  for (const { type, status, reason, message } of it.status().conditions ?? []) {
    if (type === "SpecValid" || type === "Ready" || type === "Reconciling") continue;
    expect(`${type}: ${status} ${reason}: ${message}`).toBe(
      `${type}: Unknown WaitingForNamespace: not looked at: the labels of its namespace are not seen yet, what runs stays as it is`,
    );
  }
  expect(it.calls()).toEqual([]);
});

test("children of an earlier service of the name are waited for, not taken over", async () => {
  const it = servicePass();
  it.holds.children = "stuck";
  expect(await it.pass()).toMatchObject({ state: "recheck" });
  expect(it.condition("DisruptionBudgetReady")).toBe(
    "Unknown WaitingForGarbageCollection: PodDisruptionBudget matching of an earlier service of this name is being deleted: delete it, or see what its metadata.finalizers wait for, if it stays",
  );
  expect(it.calls().filter((call) => call.startsWith("apply"))).toEqual([]);
  it.holds.children = "nothing";
  await it.pass();
  expect(it.condition("DisruptionBudgetReady")).toMatch(/^True/);
});

test("what was taken over is told, though the status of that pass could not be written", async () => {
  const it = servicePass();
  it.holds.children = "desired";
  it.theirs.set("ServiceAccount", "asks");
  it.outdated(true);
  await expect(it.pass()).rejects.toThrow("moved on");
  expect(it.told).toEqual(["ServiceAccount matching"]);
  it.outdated(false);
  await it.pass();
  expect(it.told).toEqual(["ServiceAccount matching"]);
});

test("a role that stays other than as written, whatever is written, is said with what differs, and tried again", async () => {
  const it = servicePass();
  it.holds.Role = "stuck";
  expect(await it.pass()).toMatchObject({ state: "retry" });
  expect(it.condition("IdentityReady")).toMatch(
    /^False NotAsWritten: IAM role \S+ still differs after an update: tags is theirs, should be ours$/,
  );
  expect(it.calls()).toContain("update Role");
});

test("a caller that an isolated tier leaves out is named, and the rest is as written", async () => {
  const isolated = shippedTier("pci");
  const tier = { ...isolated, spec: { ...isolated.spec, allowedNamespaces: {} } };
  const it = servicePass({ tier: () => tier });
  it.change({ spec: { tier: "pci", callers: { services: [{ name: "web", namespace: "shop" }] } } });
  await it.pass();
  expect(it.condition("MeshSecurityReady")).toBe(
    "True CallersLeftOut: tier pci is isolated: shop/web, named in spec.callers.services, is no service of it",
  );
});

test("a service in no mesh says so where it would be held, has nothing of one, and is told that nobody holds it to a name", async () => {
  const it = servicePass({}, undefined, testConfig({ mesh: { default: "None" } }));
  const none = "True NoMesh: this namespace is in no mesh, by the operator's configuration";
  await it.pass();
  expect([it.condition("MeshSecurityReady"), it.condition("TrafficReady")]).toEqual([none, none]);
  expect(it.calls().filter((call) => / (PeerAuthentication|AuthorizationPolicy|VirtualService|Sidecar|Certificate) /.test(call))).toEqual(
    [],
  );

  it.change({ spec: { dependencies: { hosts: [{ host: "api.carrier.example.com", port: 443 }] } } });
  await it.pass();
  expect(it.condition("TrafficReady")).toBe(`${none}; of a dependency on a host the port is enforced, the name is not`);
  expect(it.calls().filter((call) => call.includes("ServiceEntry"))).toEqual([]);
});

test.each([
  [[], { services: 0, status: "False", reason: "NotNamed", message: "no service names this tier" }],
  [[{ namespace: "shop", name: "web" }], { services: 1, status: "True", reason: "NamedByServices", message: "named by shop/web" }],
])("a tier says who names it: %j", async (keys: readonly ObjectKey[], { services, status, reason, message }) => {
  const stored: PlatformTier = {
    apiVersion: API_VERSION,
    kind: "PlatformTier",
    metadata: { name: "tier-1", uid: "uid", resourceVersion: "1", generation: 3, finalizers: [TIER_FINALIZER] },
    spec: platformTierSpec.parse(shippedTier("tier-1").spec),
  };
  const written: PlatformTierStatus[] = [];
  const writer = {
    setFinalizers: async () => "written" as const,
    writeStatus: async (_: PlatformTier, said: PlatformTierStatus) => void written.push(said),
  };
  await reconcileTier({ writer, read: () => stored, services: () => keys, now: () => 0 }, "tier-1");
  expect(written).toMatchObject([{ observedGeneration: 3, services, conditions: [{ type: "InUse", status, reason, message }] }]);
});
