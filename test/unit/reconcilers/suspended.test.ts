import { beforeEach, describe, expect, test } from "vitest";
import { servicePass, type ServicePass } from "../../support/service-pass.ts";

/** Passes over a service that is suspended, paused, or asked to be looked at afresh. */

const NOON = Date.parse("2026-11-25T12:00:00Z");
const BY_SPEC = "spec.suspend is true, so nothing is written: set it to false to resume";
const PAUSED_UNTIL = "platform-operator.dev/paused-until";
const RECONCILE_AT = "platform-operator.dev/reconcile-at";

let it: ServicePass;
beforeEach(() => {
  it = servicePass();
});

/** What of the calls writes. */
function writes(calls: readonly string[]): readonly string[] {
  return calls.filter((call) => !call.startsWith("observe") && !call.startsWith("resolve"));
}

describe("suspended", () => {
  test("a new service gets its finalizer and nothing else, and says what is not there", async () => {
    it.change({ spec: { suspend: true }, finalizers: [] });
    await it.pass();
    expect(it.calls()).toEqual(["finalizers"]);
    await it.pass();
    expect(writes(it.calls())).toEqual([]);
    expect(it.condition("Ready")).toMatch(
      /^False Suspended: IdentityReady: Suspended: not written while suspended: Role .* is not there; /,
    );
    expect(it.condition("Ready")?.endsWith(BY_SPEC)).toBe(true);
    expect(it.condition("NetworkPolicyReady")).toMatch(
      /^False Suspended: not written while suspended: NetworkPolicy matching-\w.* is not there; NetworkPolicy/,
    );
    expect(it.condition("ImageResolved")).toBe("Unknown WaitingForRepository: waits for the ECR repository");
    expect(it.condition("WorkloadReady")).toBe(
      "False Suspended: not written while suspended: HorizontalPodAutoscaler matching is not there; Service matching is not there",
    );
    expect(it.condition("Reconciling")).toBeUndefined();
    expect(it.condition("Stalled")).toBeUndefined();
    expect(it.status().resources).toEqual([]);
  });

  test("what is as desired is Ready, and no other than it was", async () => {
    it.allDesired();
    it.change({ spec: { suspend: true } });
    expect(await it.pass()).toEqual({ state: "settled" });
    expect(it.condition("Ready")).toBe(`True Suspended: ${BY_SPEC}`);
    expect(it.condition("Suspended")).toBe(`True SpecSuspend: ${BY_SPEC}`);
    expect(writes(it.calls())).toEqual([]);
  });

  test("an image that is not kept from expiring is named, and kept once resumed", async () => {
    it.allDesired();
    it.holds.images = "nothing";
    it.change({ spec: { suspend: true } });
    await it.pass();
    await it.pass();
    expect(it.condition("ImageResolved")).toMatch(
      /^False Suspended: not written while suspended: image dispatch\/matching@sha256:1+ is not kept from expiring$/,
    );
    expect(writes(it.calls())).toEqual([]);

    it.change({ spec: { suspend: false } });
    await it.pass();
    expect(writes(it.calls())).toEqual(["keep image"]);
    expect(it.condition("ImageResolved")).toMatch(/^True/);
  });

  test("drift is named to the last object, in AWS by its fields, and read once; resumed, it is put back in one pass", async () => {
    for (const what of ["Role", "Repository", "children"] as const) it.holds[what] = "drift";
    it.change({ spec: { suspend: true } });
    await it.pass();
    const said = it.status();
    expect(it.condition("IdentityReady")).toMatch(
      /^False Suspended: not written while suspended: Role \S+ differs: tags is theirs, should be ours$/,
    );
    expect(it.condition("WorkloadReady")).toMatch(/Deployment matching differs/);
    expect(writes(it.calls())).toEqual([]);
    await it.pass();
    expect(it.calls()).toEqual([]);
    expect(it.status()).toEqual(said);

    it.change({ spec: { suspend: false } });
    await it.pass();
    const put = it.calls();
    expect(put).toEqual(
      expect.arrayContaining(["update Role", "update Repository", "apply Deployment matching", "apply Sidecar matching"]),
    );
    expect(it.condition("Ready")).toBe("True Ready: ");
    expect(it.condition("Suspended")).toBeUndefined();
  });

  test("and a spec that is refused is said to be so", async () => {
    it.change({ spec: { suspend: true, aws: { policy: { statements: [{ sid: "All", actions: ["*"], resources: ["*"] }] } } } });
    await it.pass();
    expect(it.condition("SpecValid")).toMatch(/^False /);
    expect(it.condition("Suspended")).toBe(`True SpecSuspend: ${BY_SPEC}`);
    expect(it.calls()).toEqual([]);
  });
});

describe("paused", () => {
  test("until its time it is suspended and then looked at again; at its time it is written", async () => {
    it.change({ annotations: { [PAUSED_UNTIL]: "2026-11-25T13:00:00+00:30" } });
    expect(await it.pass()).toEqual({ state: "recheck", afterMs: 300_000, because: "WaitingForRepository" });
    it.at(NOON + 29 * 60_000 + 59_000);
    expect(await it.pass()).toEqual({ state: "recheck", afterMs: 1000, because: "PausedUntil" });
    expect(it.status().pausedUntil).toBe("2026-11-25T12:30:00Z");
    expect(it.condition("Suspended")).toMatch(/^True PausedUntil: nothing is written until 2026-11-25T12:30:00Z: /);
    expect(writes(it.calls())).toEqual([]);
    it.at(NOON + 30 * 60_000);
    await it.pass();
    expect(writes(it.calls())).toContain("create Role");
    expect(it.status().pausedUntil).toBeUndefined();
  });

  test("its end waits for nothing: neither where all is as desired nor for the back-off of what fails", async () => {
    it.allDesired();
    it.change({ annotations: { [PAUSED_UNTIL]: "9999-12-31T23:59:59Z" } });
    expect(await it.pass()).toEqual({ state: "recheck", afterMs: Date.parse("9999-12-31T23:59:59Z") - NOON, because: "PausedUntil" });
    it = servicePass();
    it.unreachable();
    it.change({ annotations: { [PAUSED_UNTIL]: "2026-11-25T12:00:10Z" } });
    expect(await it.pass()).toMatchObject({ state: "retry", atLatestMs: 10_000 });
  });

  test("by what is no time: nothing is written, what differs is named, and the spec is not valid", async () => {
    it.holds.Role = "drift";
    it.change({ annotations: { [PAUSED_UNTIL]: "tomorrow" } });
    await it.pass();
    expect(it.condition("SpecValid")).toBe(
      'False InvalidPausedUntil: metadata.annotations[platform-operator.dev/paused-until]: "tomorrow" is no RFC 3339 time: write one as 2026-11-26T18:00:00Z, or remove the annotation; until then nothing is written',
    );
    expect(it.condition("Ready")).toMatch(/^False InvalidPausedUntil: /);
    expect(it.condition("Stalled")).toMatch(/^True InvalidPausedUntil: /);
    expect(it.condition("IdentityReady")).toMatch(/tags is theirs, should be ours/);
    expect(writes(it.calls())).toEqual([]);
    it.change({ annotations: {} });
    await it.pass();
    expect(writes(it.calls())).toContain("update Role");
  });
});

describe("reconcile-at", () => {
  test("has AWS read afresh once for a value: role, repository and image; what a pass remembered is put back", async () => {
    it.allDesired();
    await it.pass();
    it.calls();
    it.holds.Role = "drift";
    await it.pass();
    expect(it.calls(), "a pass reads nothing that it remembers").toEqual([]);

    it.change({ annotations: { [RECONCILE_AT]: "1" } });
    await it.pass();
    expect(it.calls()).toEqual(["observe Role", "update Role", "observe Repository", "observe kept images", "resolve image"]);
    expect(it.status().lastHandledReconcileAt).toBe("1");
    await it.pass();
    expect(it.calls()).toEqual([]);

    it.change({ annotations: { [RECONCILE_AT]: "2" } });
    await it.pass();
    expect(it.calls()).toEqual(["observe Role", "observe Repository", "observe kept images", "resolve image"]);
    it.change({ annotations: {} });
    await it.pass();
    expect(it.status().lastHandledReconcileAt).toBe("2");
  });

  test("is handled by a pass, whatever that met", async () => {
    it.unreachable();
    it.change({ annotations: { [RECONCILE_AT]: "1" } });
    await it.pass();
    expect(it.condition("IdentityReady")).toMatch(/^False AWSUnreachable/);
    expect(it.status().lastHandledReconcileAt).toBe("1");
  });

  test("of a suspended service finds what nobody has seen yet, and writes nothing", async () => {
    it.allDesired();
    it.change({ spec: { suspend: true } });
    await it.pass();
    it.holds.Role = "drift";
    it.change({ annotations: { [RECONCILE_AT]: "1" } });
    it.calls();
    await it.pass();
    expect(it.calls()).toEqual(["observe Role", "observe Repository", "observe kept images", "resolve image"]);
    expect(it.condition("IdentityReady")).toMatch(/tags is theirs, should be ours/);
    expect(it.status().lastHandledReconcileAt).toBe("1");
  });
});
