import { expect, test } from "vitest";
import { createListener } from "../../../src/controllers/listener.ts";
import type { Condition } from "../../../src/crds/conditions.ts";
import type { PlatformService } from "../../../src/crds/platform-service.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";

const STORED: PlatformService = {
  apiVersion: "platform-operator.dev/v1alpha1",
  kind: "PlatformService",
  metadata: { namespace: "n", name: "s", uid: "u", resourceVersion: "1", generation: 1 },
  spec: { owner: "squad", tier: "tier-3", image: { deletionPolicy: "Retain" }, protocol: "http" },
};

function condition(type: string, status: Condition["status"], reason = "AsWritten", message = ""): Condition {
  return { type, status, reason, message, lastTransitionTime: "2026-11-23T00:00:00Z", observedGeneration: 1 };
}

function listen() {
  const told: string[] = [];
  let now = 0;
  const metrics = createMetrics({ version: "0", perService: "Full" });
  const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const listener = createListener({
    metrics,
    log,
    now: () => now,
    forget: () => undefined,
    events: { record: (_, { type, reason, note }) => void told.push(`${type} ${reason}: ${note}`) },
  });
  return { listener, told, metrics, at: (ms: number) => void (now = ms) };
}

const NOTHING = { corrections: [], adopted: [], leftBehind: [] };

test("a first pass tells what is wrong, not the dozen things that are right", () => {
  const { listener, told } = listen();
  listener.passed(
    STORED,
    [],
    [condition("Ready", "False", "NoImage"), condition("IdentityReady", "True"), condition("ImageResolved", "False", "NoImage", "push")],
  );
  expect(told).toEqual(["Warning NoImage: ImageResolved: push"]);
});

test("then what recovered, and Ready, once", () => {
  const { listener, told } = listen();
  const bad = [condition("Ready", "False", "NoImage"), condition("ImageResolved", "False", "NoImage", "push")];
  const good = [condition("Ready", "True", "Ready"), condition("ImageResolved", "True", "AsWritten", "uri@sha256:1")];
  listener.passed(STORED, bad, bad);
  listener.passed(STORED, bad, good);
  listener.passed(STORED, good, good);
  expect(told).toEqual(["Normal Ready: Ready: Ready", "Normal AsWritten: ImageResolved: uri@sha256:1"]);
});

test("another reason for the same False is told", () => {
  const { listener, told } = listen();
  listener.passed(
    STORED,
    [condition("IdentityReady", "False", "Throttled")],
    [condition("IdentityReady", "False", "AccessDenied", "grant it")],
  );
  expect(told).toEqual(["Warning AccessDenied: IdentityReady: grant it"]);
});

test("drift that was put back is told, and what was taken over", () => {
  const { listener, told } = listen();
  listener.acted(STORED, { ...NOTHING, corrections: [{ kind: "Service", name: "s", what: "Service s" }], adopted: ["Service old"] });
  expect(told).toEqual([
    "Normal DriftCorrected: put back what someone else changed: Service s",
    "Normal Adopted: taken over, as its annotation platform-operator.dev/adopt-by asked: Service old",
  ]);
});

test("the time from a change to Ready is observed once, for what this process saw change", async () => {
  const { listener, metrics, at } = listen();
  const ready = [condition("Ready", "True", "Ready")];
  const count = async (): Promise<string | undefined> =>
    (await metrics.text()).split("\n").find((l) => l.startsWith("platform_service_ready_seconds_sum"));
  listener.passed(STORED, [], ready);
  expect(await count()).toBeUndefined();
  listener.changed({ namespace: "n", name: "s" });
  at(4000);
  listener.passed(STORED, [], ready);
  listener.passed(STORED, ready, ready);
  expect(await count()).toBe('platform_service_ready_seconds_sum{tier="tier-3"} 4');
});

test("that it is suspended, that the cause changed, and that it goes on again, once each", () => {
  const { listener, told } = listen();
  const ready = condition("Ready", "True", "Suspended");
  const bySpec = [ready, condition("Suspended", "True", "SpecSuspend", "spec.suspend is true")];
  const byPause = [ready, condition("Suspended", "True", "PausedUntil", "until noon")];
  listener.passed(STORED, [ready], bySpec);
  listener.passed(STORED, bySpec, bySpec);
  listener.passed(STORED, bySpec, byPause);
  listener.passed(STORED, byPause, [ready]);
  expect(told).toEqual(["Normal Suspended: spec.suspend is true", "Normal Suspended: until noon", "Normal Resumed: it is written again"]);
});

test("what is left behind in AWS is named, whether the service lives on or is gone", () => {
  const { listener, told } = listen();
  const left = [{ group: "appmesh.aws", kind: "VirtualNode", name: "demo_n_s", state: "Retained" as const }];
  listener.acted(STORED, { ...NOTHING, leftBehind: left });
  listener.deleted(STORED, left);
  expect(told).toEqual([
    "Warning LeftBehind: left behind in AWS, on purpose: VirtualNode demo_n_s",
    "Normal Deleted: kept, on purpose: VirtualNode demo_n_s; everything else is gone",
  ]);
});
