import { beforeEach, describe, expect, test } from "vitest";
import { missingGrants } from "../../../src/reconcilers/platform-service/dependencies.ts";
import { shippedTier, testConfig, testService } from "../../support/effective-services.ts";
import { liveChild, watchedWorld, type WatchedWorld } from "../../support/watched-world.ts";

const CONFIG = testConfig();

let it: WatchedWorld;
beforeEach(() => {
  it = watchedWorld();
  it.tier("tier-2", {});
  it.tier("pci", { matchLabels: { "kubernetes.io/metadata.name": "payments" } }, { isolation: "Strict" });
  for (const namespace of ["dispatch", "payments"]) it.namespace(namespace);
});

const DEPENDS = { dependencies: { services: [{ name: "settlement", namespace: "payments" }] } };
const GRANTED = { callers: { services: [{ name: "matching", namespace: "dispatch" }] }, port: 8080 };

function missing(tier = "tier-2"): readonly string[] {
  const service = testService({ spec: DEPENDS, tier: shippedTier(tier) });
  return missingGrants(service, it.world, CONFIG).map(({ reason, message }) => `${reason}: ${message}`);
}

describe("a dependency", () => {
  test("that does not exist", () => {
    expect(missing()).toEqual([
      "NotFound: PlatformService payments/settlement does not exist: create it, or remove it from spec.dependencies.services",
    ]);
  });

  test("that has not granted it names the line and whose file it belongs in", () => {
    it.service("payments", "settlement", { tier: "tier-2", port: 8080 });
    expect(missing()).toEqual([
      "NotGranted: payments/settlement does not let this service call: its file needs { name: matching, namespace: dispatch } in spec.callers.services",
    ]);
  });

  test("that has granted it", () => {
    it.service("payments", "settlement", { tier: "tier-2", ...GRANTED });
    expect(missing()).toEqual([]);
  });

  test("of an isolated tier cannot be called from another, whatever it grants", () => {
    it.service("payments", "settlement", { tier: "pci", ...GRANTED });
    expect(missing()).toEqual([
      "OutsideTier: payments/settlement is of tier pci, which is isolated: only services of that tier can call it; remove it from spec.dependencies.services",
    ]);
  });

  test("of another tier cannot be called from an isolated one", () => {
    it.service("payments", "settlement", { tier: "tier-2", ...GRANTED });
    expect(missing("pci")).toEqual([
      "OutsideTier: payments/settlement is of tier tier-2, and tier pci is isolated: its services call only each other; remove it from spec.dependencies.services",
    ]);
  });

  test("that names an isolated tier without being allowed in it is of no tier", () => {
    it.service("dispatch", "pretender", { tier: "pci", ...GRANTED });
    const service = testService({ spec: { dependencies: { services: [{ name: "pretender" }] } }, tier: shippedTier("pci") });
    expect(missingGrants(service, it.world, CONFIG)).toMatchObject([{ reason: "OutsideTier" }]);
  });
});

describe("a Service that is named as any other, and leads to the pods of a PlatformService,", () => {
  const kubernetesServices = [{ name: "alias", namespace: "payments", port: 80 }];
  const through = (): readonly string[] =>
    missingGrants(testService({ spec: { dependencies: { kubernetesServices } } }), it.world, CONFIG).map(
      ({ reason, message }) => `${reason}: ${message}`,
    );

  beforeEach(() => {
    const spec = { selector: { "platform-operator.dev/service": "settlement" }, ports: [{ port: 80, targetPort: 8080 }] };
    it.sources.kubernetesServices.store.upsert(liveChild({ apiVersion: "v1", kind: "Service", spec }, "payments", "alias"));
  });

  test("is no way past its callers", () => {
    it.service("payments", "settlement", { tier: "tier-2", port: 8080 });
    expect(through()).toEqual([
      "NotGranted: payments/settlement does not let this service call: its file needs { name: matching, namespace: dispatch } in spec.callers.services",
    ]);
  });

  test("nor into an isolated tier", () => {
    it.service("payments", "settlement", { tier: "pci", ...GRANTED });
    expect(through()).toEqual([
      "OutsideTier: payments/settlement is of tier pci, which is isolated: only services of that tier can call it; remove it from spec.dependencies.kubernetesServices",
    ]);
  });

  test("may be called by whom that has granted it", () => {
    it.service("payments", "settlement", { tier: "tier-2", ...GRANTED });
    expect(through()).toEqual([]);
  });

  test("is as any other where there is no such PlatformService", () => {
    expect(through()).toEqual([]);
  });
});
