import { beforeEach, describe, expect, test } from "vitest";
import type { Condition } from "../../../src/crds/conditions.ts";
import { SERVICE_FINALIZER } from "../../../src/crds/meta.ts";
import { platformServiceSpec, type PlatformServiceStatus } from "../../../src/crds/platform-service.ts";
import { AwsError, type ExternalRemoval } from "../../../src/reconcilers/ports.ts";
import type { Outcome } from "../../../src/reconcilers/step.ts";
import { servicePass, type ServicePass } from "../../support/service-pass.ts";
import { podState } from "../../support/workload-states.ts";

/** Passes over a service that is being deleted: what people are told of it, and when. */

const DELETED_AT = "2026-11-25T12:00:00Z";
const METADATA = {
  namespace: "dispatch",
  name: "matching",
  uid: "service-uid",
  resourceVersion: "1",
  generation: 1,
  deletionTimestamp: DELETED_AT,
  finalizers: [SERVICE_FINALIZER],
};
const SPEC = platformServiceSpec.parse({ owner: "dispatch-squad", tier: "tier-3", image: {} });

test("a service that an earlier pass has let go, of which the watch has not told yet, is gone and no failure", async () => {
  const it = servicePass({ deployment: () => undefined }, undefined, undefined, { stored: { metadata: METADATA, spec: SPEC } });
  it.vanished();
  expect(await it.pass()).toEqual({ state: "settled" });
  expect(it.calls()).toContain("finalizers");
});

describe("what a deletion waits for is told", () => {
  const UNDER_WAY: ExternalRemoval = { state: "deleting" };
  const HELD: ExternalRemoval = { state: "blocked", reason: "HeldUp", message: "something uses it" };
  const UNREACHABLE = new AwsError({ class: "unreachable", code: "ENOTFOUND", operation: "test:Delete", message: "no answer" });
  const WAITS_FOR_AWS = "False Deleting: service-account: waits for PodIdentityAssociation dispatch/matching to be gone";
  const HELD_UP = "HeldUp: being deleted; service-account: something uses it";

  let it: ServicePass;
  let pods: ReturnType<typeof podState>[];
  let passed: { readonly before: readonly Condition[]; readonly after: readonly Condition[] }[];
  let whole: PlatformServiceStatus;

  beforeEach(async () => {
    pods = [];
    passed = [];
    it = servicePass({ pods: () => pods }, undefined, undefined, { passed: (_, before, after) => void passed.push({ before, after }) });
    it.allDesired();
    await it.pass();
    passed = [];
    whole = it.status();
    // As the API server does it: what is deleted is of another generation.
    it.change({ generation: 2, deletionTimestamp: DELETED_AT });
  });

  function passAfter(seconds: number): Promise<Outcome> {
    it.at(Date.parse(DELETED_AT) + 1000 * seconds);
    return it.pass();
  }

  test("never, where it is through within ten seconds", async () => {
    it.removal(UNDER_WAY);
    await passAfter(0);
    await passAfter(9.999);
    expect(it.status()).toBe(whole);
    it.removal({ state: "gone" });
    expect(await passAfter(9.999)).toEqual({ state: "settled" });
    expect(it.status()).toBe(whole);
  });

  test("when it has waited for ten seconds, by a pass that comes then whenever the next were due", async () => {
    pods = [podState()];
    expect(await passAfter(0)).toMatchObject({ state: "recheck", afterMs: 10_000 });
    expect(await passAfter(4)).toMatchObject({ state: "recheck", afterMs: 6_000 });
    expect(it.status()).toBe(whole);
    expect(await passAfter(10)).toMatchObject({ state: "recheck", afterMs: 30_000 });
    expect(it.condition("Ready")).toMatch(/^False Deleting: workload: waits for its pods to be gone/);
    expect(it.condition("Reconciling")).toMatch(/^True Deleting: /);
  });

  test("and is looked at again no later than its step asks for", async () => {
    it.removal(UNDER_WAY);
    expect(await passAfter(0)).toMatchObject({ state: "recheck", afterMs: 3_000 });
    expect(await passAfter(9)).toMatchObject({ state: "recheck", afterMs: 1_000 });
    expect(await passAfter(10)).toMatchObject({ state: "recheck", afterMs: 3_000 });
  });

  test("as it is by then, where it waits for something else", async () => {
    pods = [podState()];
    await passAfter(10);
    pods = [];
    it.removal(UNDER_WAY);
    await passAfter(11);
    expect(it.condition("Ready")).toBe(WAITS_FOR_AWS);
  });

  test("at once, where a person must act or something fails", async () => {
    it.removal(HELD);
    await passAfter(0);
    expect([it.condition("Ready"), it.condition("Stalled")]).toEqual([`False ${HELD_UP}`, `True ${HELD_UP}`]);
    it.removal(UNREACHABLE);
    expect(await passAfter(1)).toMatchObject({ state: "retry", because: "AWSUnreachable" });
    expect(it.condition("Ready")).toMatch(/^False AWSUnreachable: being deleted; service-account: test:Delete: /);
  });

  test.each([
    ["a failure", UNREACHABLE],
    ["what a person had to do", HELD],
  ])("at once, where it has told of %s, which is over", async (_, before) => {
    it.removal(before);
    await passAfter(0);
    it.removal(UNDER_WAY);
    expect(await passAfter(1)).toMatchObject({ state: "recheck", afterMs: 3_000 });
    expect(it.condition("Ready")).toBe(WAITS_FOR_AWS);
    expect(it.condition("Stalled")).toBeUndefined();
  });

  test("at once also where its spec was changed since, as to let go of what held it", async () => {
    it.removal(HELD);
    await passAfter(0);
    it.change({ generation: 3 });
    it.removal(UNDER_WAY);
    await passAfter(1);
    expect(it.condition("Ready")).toBe(WAITS_FOR_AWS);
  });

  test("of one that had no pass before, too", async () => {
    pods = [podState()];
    it = servicePass({ pods: () => pods }, undefined, undefined, { stored: { metadata: METADATA, spec: SPEC } });
    await passAfter(9);
    expect(it.status()).toEqual({});
    await passAfter(10);
    expect(it.condition("Ready")).toMatch(/^False Deleting: /);
  });

  test("by metrics at once, since it is not Ready, and by events when the status tells it", async () => {
    it.removal(UNDER_WAY);
    await passAfter(0);
    await passAfter(10);
    expect(passed.map(({ before, after }) => [verdict(before), verdict(after)])).toEqual([
      ["False Deleting", "False Deleting"],
      ["True Ready", "False Deleting"],
    ]);
  });

  function verdict(conditions: readonly Condition[]): string {
    const ready = conditions.find(({ type }) => type === "Ready");
    return `${ready?.status ?? "?"} ${ready?.reason ?? "?"}`;
  }
});
