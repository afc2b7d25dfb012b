import { beforeEach, describe, expect, test } from "vitest";
import { LABELS, MANAGED_BY } from "../../../src/crds/meta.ts";
import { createChildren } from "../../../src/kube/apply.ts";
import { childSource, type ChildSource } from "../../../src/kube/child-stores.ts";
import { systemClock } from "../../../src/kube/clock.ts";
import { KINDS } from "../../../src/kube/kinds.ts";
import type { Owner } from "../../../src/reconcilers/ports.ts";
import { silentLog } from "../../support/kube-runtime.ts";
import { UNASKED_TRANSPORT } from "../../support/unasked-transport.ts";
import { liveChild } from "../../support/watched-world.ts";

/** What says of itself that it is a service's child. */

const OWNER: Owner = {
  apiVersion: "platform-operator.dev/v1alpha1",
  kind: "PlatformService",
  key: { namespace: "n", name: "web" },
  uid: "u",
};
const ownerReferences = [{ apiVersion: OWNER.apiVersion, kind: OWNER.kind, name: "web", uid: OWNER.uid, controller: true }];
const labels = { [LABELS.managedBy]: MANAGED_BY, [LABELS.service]: "web" };
const ACCOUNT = { apiVersion: "v1", kind: "ServiceAccount" };

let source: ChildSource<undefined>;
beforeEach(() => {
  const runtime = { transport: UNASKED_TRANSPORT, clock: systemClock, random: () => 0, log: silentLog };
  source = childSource({ ...runtime, resource: KINDS.ServiceAccount, scope: "ours", facts: () => undefined });
});

test("an object of another namespace is none, though its ownerReference has the service's own uid", () => {
  source.store.put(liveChild(ACCOUNT, "elsewhere", "web", { labels, ownerReferences }));
  source.store.put(liveChild(ACCOUNT, "n", "web", { labels, ownerReferences }));
  const owned = createChildren({ transport: UNASKED_TRANSPORT, sources: [source] }).owned(OWNER, [ACCOUNT]);
  expect(owned.map(({ ref }) => ref.namespace)).toEqual(["n"]);
});

describe("a child that nobody owns any more", () => {
  const applied = {
    manager: "platform-operator",
    operation: "Apply",
    apiVersion: "v1",
    fieldsV1: { "f:automountServiceAccountToken": {} },
  };
  const released = (metadata: object): boolean => {
    source.store.put(liveChild(ACCOUNT, "n", "web", metadata));
    return createChildren({ transport: UNASKED_TRANSPORT, sources: [source] }).released(OWNER, { ...ACCOUNT, ...OWNER.key });
  };

  test("tells that the service was deleted without its children", () => {
    expect(released({ labels, managedFields: [applied] })).toBe(true);
  });

  test("does not, where we have never applied it: labels are anybody's to write, and what the service has in AWS would be left behind", () => {
    expect(released({ labels })).toBe(false);
    expect(released({ labels, managedFields: [{ ...applied, manager: "kubectl" }] })).toBe(false);
  });
});
