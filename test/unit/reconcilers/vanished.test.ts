import { expect, test } from "vitest";
import { SERVICE_FINALIZER } from "../../../src/crds/meta.ts";
import { platformServiceSpec } from "../../../src/crds/platform-service.ts";
import { servicePass } from "../../support/service-pass.ts";

const METADATA = {
  namespace: "dispatch",
  name: "matching",
  uid: "service-uid",
  resourceVersion: "1",
  generation: 1,
  deletionTimestamp: "2026-11-25T12:00:00Z",
  finalizers: [SERVICE_FINALIZER],
};

test("a service that an earlier pass has let go, of which the watch has not told yet, is gone and no failure", async () => {
  const spec = platformServiceSpec.parse({ owner: "dispatch-squad", tier: "tier-3", image: {} });
  const it = servicePass({ deployment: () => undefined }, undefined, undefined, { stored: { metadata: METADATA, spec } });
  it.vanished();
  expect(await it.pass()).toEqual({ state: "settled" });
  expect(it.calls()).toContain("finalizers");
});
