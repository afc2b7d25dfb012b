import { describe, expect, test } from "vitest";
import { platformServiceStatus } from "../../../src/crds/platform-service.ts";
import { deletionStatus } from "../../../src/reconcilers/platform-service/status.ts";
import { shippedTier, testService } from "../../support/effective-services.ts";
import { servicePass } from "../../support/service-pass.ts";

/** The status of a service as the API server has to take it, whatever a squad writes. */

/** As many as the schema takes, with names as long as it takes. */
function references(count: number): readonly { readonly name: string; readonly namespace: string }[] {
  return Array.from({ length: count }, (_, i) => ({ name: `n${String(i).padStart(62, "0")}`, namespace: "s".repeat(63) }));
}

function numbered<Item>(count: number, item: (number: number) => Item): readonly Item[] {
  return Array.from({ length: count }, (_, i) => item(i));
}

describe("is one that the schema takes", () => {
  test("of a service whose two hundred dependencies nobody has granted: some are named, the others counted", async () => {
    const it = servicePass();
    it.change({ spec: { dependencies: { services: references(200) } } });
    await it.pass();
    expect(platformServiceStatus.safeParse(it.status()).error).toBeUndefined();
    const said = it.condition("DependenciesGranted") ?? "";
    expect(said).toMatch(/^False NotFound: PlatformService s{63}\/n0{62} does not exist: create it/);
    const named = said.match(/remove it from spec.dependencies.services;/g)?.length ?? 0;
    expect(named).toBeGreaterThan(10);
    expect(said.endsWith(`; and ${200 - named} more`)).toBe(true);
  });

  test("of one that is refused for all that it may write wrong at once", async () => {
    const it = servicePass();
    const statements = numbered(50, (i) => ({ sid: `S${i}`, actions: ["dynamodb:*"], resources: ["*"] }));
    it.change({ spec: { owner: "stranger", aws: { policy: { statements } } } });
    await it.pass();
    expect(platformServiceStatus.safeParse(it.status()).error).toBeUndefined();
    for (const type of ["SpecValid", "Ready", "Stalled"]) expect(it.condition(type)).toMatch(/; and \d+ more$/);
  });

  test("of one that has a host, a range and an opening of its tier's for each that the schemas take", async () => {
    const port = 443;
    const allowedEgress = numbered(50, (i) => ({ name: `e${i}`, host: `h${i}.tier.example.com`, port }));
    const tier = shippedTier("tier-3", { network: { mtls: "Strict", isolation: "Standard", allowedEgress } });
    const it = servicePass({ tier: () => tier });
    const hosts = numbered(50, (i) => ({ host: `h${i}.example.com`, port }));
    const cidrs = numbered(50, (i) => ({ cidr: `100.64.${i}.0/24`, port }));
    it.change({ spec: { dependencies: { hosts, cidrs } } });
    await it.pass();
    expect(it.status().resources?.filter(({ kind }) => kind === "ServiceEntry")).toHaveLength(150);
    expect(platformServiceStatus.safeParse(it.status()).error).toBeUndefined();
  });

  test("of one that is paused for as long as one can write, west of Greenwich", async () => {
    const it = servicePass();
    it.change({ annotations: { "platform-operator.dev/paused-until": "9999-12-31T23:59:59-05:00" } });
    await it.pass();
    expect(it.status().pausedUntil).toBe("9999-12-31T23:59:59Z");
    expect(platformServiceStatus.safeParse(it.status()).error).toBeUndefined();
  });

  test.each([
    ["of many architectures", ["amd64", ...numbered(16, (i) => `a${i}`)]],
    ["of one that its pusher has named at length", ["amd64", "x".repeat(33)]],
    ["of one whose name is no text", ["amd64", "\ud800"]],
  ])("of one whose image is %s: the status leaves them out", async (_, architectures) => {
    const it = servicePass();
    it.allDesired();
    it.pushed(["amd64", "arm64"]);
    await it.pass();
    expect(it.status().image?.architectures).toEqual(["amd64", "arm64"]);
    it.pushed(architectures);
    it.change({ annotations: { "platform-operator.dev/reconcile-at": "1" } });
    await it.pass();
    expect(it.condition("ImageResolved")).toMatch(/^True /);
    expect(it.status().image).not.toHaveProperty("architectures", expect.anything());
    expect(platformServiceStatus.safeParse(it.status()).error).toBeUndefined();
  });

  test("of one that is being deleted, whatever its deletion waits for", () => {
    const { spec } = testService();
    const metadata = { namespace: "dispatch", name: "matching", uid: "uid", resourceVersion: "1", generation: 2 };
    const stored = { apiVersion: "platform-operator.dev/v1alpha1", kind: "PlatformService" as const, metadata, spec };
    const status = deletionStatus(stored, { reason: "Deleting", message: "waits ".repeat(10_000), stalled: false }, 0);
    expect(platformServiceStatus.safeParse(status).error).toBeUndefined();
    expect(status.conditions?.map(({ message }) => message.slice(-6))).toEqual(["waits…", "waits…"]);
  });
});

describe("inputs", () => {
  test("are those that a refusal was judged by: neither an older tier nor an older configuration", async () => {
    const it = servicePass();
    await it.pass();
    it.change({ spec: { tier: "pci" } });
    await it.pass();
    expect(it.condition("SpecValid")).toMatch(/^False TierNotAllowed/);
    expect(it.status().inputs).toEqual({ tier: { name: "pci", uid: "uid-of-pci", generation: 1 }, configHash: "config" });
  });

  test("have no tier where there is none of that name", async () => {
    const it = servicePass({ tier: (name) => (name === "tier-3" ? shippedTier(name) : undefined) });
    await it.pass();
    it.change({ spec: { tier: "tier-9" } });
    await it.pass();
    expect(it.condition("SpecValid")).toMatch(/^False UnknownTier/);
    expect(it.status().inputs).toEqual({ configHash: "config" });
  });
});
