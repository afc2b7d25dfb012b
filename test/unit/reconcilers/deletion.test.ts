import { beforeEach, describe, expect, test } from "vitest";
import { SERVICE_FINALIZER } from "../../../src/crds/meta.ts";
import { platformServiceSpec } from "../../../src/crds/platform-service.ts";
import { servicePass, type ServicePass } from "../../support/service-pass.ts";

/** Passes over a service that is being deleted. */

const DELETED_AT = "2026-11-25T12:00:00Z";
/** As the API server counts the deletion. */
const METADATA = {
  namespace: "dispatch",
  name: "matching",
  uid: "service-uid",
  resourceVersion: "1",
  generation: 2,
  deletionTimestamp: DELETED_AT,
  finalizers: [SERVICE_FINALIZER],
};

let it: ServicePass;
beforeEach(() => {
  const spec = platformServiceSpec.parse({ owner: "dispatch-squad", tier: "tier-3", image: {} });
  it = servicePass({ deployment: () => undefined }, undefined, undefined, { stored: { metadata: METADATA, spec } });
  after(0.5);
});

function after(seconds: number): void {
  it.at(Date.parse(DELETED_AT) + seconds * 1000);
}

test("a service that an earlier pass has let go, of which the watch has not told yet, is gone and no failure", async () => {
  it.vanished();
  expect(await it.pass()).toEqual({ state: "settled" });
  expect(it.calls()).toContain("finalizers");
});

describe("what it waits for", () => {
  test("is told after ten seconds, and from then on as it changes", async () => {
    it.going("Deployment");
    expect(await it.pass()).toMatchObject({ state: "recheck", because: "deleting: workload" });
    expect(it.status()).toEqual({});

    after(9);
    expect(await it.pass()).toMatchObject({ state: "recheck", afterMs: 1000 });
    expect(it.status()).toEqual({});

    after(10);
    await it.pass();
    expect(it.condition("Ready")).toMatch(/^False Deleting: workload: /);
    expect(it.condition("Reconciling")).toMatch(/^True Deleting: workload: /);

    it.going("ServiceAccount");
    await it.pass();
    expect(it.condition("Ready")).toMatch(/^False Deleting: service-account: /);
  });

  test("is not told of what is over before that", async () => {
    it.going("Deployment");
    await it.pass();
    it.going(undefined);
    expect(await it.pass()).toEqual({ state: "settled" });
    expect(it.status()).toEqual({});
  });

  test("is told at once where it is a failure, and so is that it goes on", async () => {
    it.unreachable(true);
    await it.pass();
    expect(it.condition("Ready")).toMatch(/^False AWSUnreachable: being deleted; service-account: /);
    it.unreachable(false);
    it.going("ServiceAccount");
    await it.pass();
    expect(it.condition("Ready")).toMatch(/^False Deleting: service-account: /);
  });
});
