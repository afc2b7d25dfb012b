import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { KubeObject } from "../../src/crds/desired.ts";
import { ANNOTATIONS, LABELS } from "../../src/crds/meta.ts";
import type { ResourceType } from "../../src/kube/kinds.ts";
import { findKind, KINDS } from "../../src/kube/kinds.ts";
import { compareResourceVersions, isJsonObject, type LiveObject } from "../../src/kube/objects.ts";
import { desiredProjection, hashOf, ownedProjection } from "../../src/kube/owned-fields.ts";
import type { Transport } from "../../src/kube/transport.ts";
import { KubeError, type ApplyResult, type ChildRef, type Owner } from "../../src/reconcilers/ports.ts";
import { allChildren, deployment, networkPolicy, podMonitor, serviceAccount } from "../support/child-objects.ts";
import { sharedCluster, type SharedCluster } from "../support/cluster.ts";
import { startKubeRuntime, type KubeRuntime } from "../support/kube-runtime.ts";

/** Server-side apply by owned-field hashes, on a real API server: what is written, what is not, and whose it is. */

const NAMESPACE = "kube-apply";
const CONFIG_MAP: ResourceType = { group: "", version: "v1", kind: "ConfigMap", plural: "configmaps", namespaced: true };

/** Of what was requested, what changes something. */
const WRITES = /^(apply|create|patch|update|delete) /;

let cluster: SharedCluster;
let runtime: KubeRuntime;
let counter = 0;
let name: string;
let owner: Owner;

beforeAll(async () => {
  cluster = sharedCluster();
  await cluster.kubectl(["create", "namespace", NAMESPACE]);
  runtime = await startKubeRuntime(cluster.adminKubeconfig);
});

afterAll(async () => {
  await runtime.stop();
});

/** Each test has its own service name, owned by a ConfigMap: an owner must exist, or the garbage collector takes the children. */
beforeEach(async () => {
  name = `svc-${++counter}`;
  owner = await createOwner(name);
  runtime.requests();
});

async function createOwner(ownerName: string): Promise<Owner> {
  const live = await runtime.transport.create(
    { resource: CONFIG_MAP, namespace: NAMESPACE },
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: ownerName } },
  );
  return { apiVersion: "v1", kind: "ConfigMap", key: { namespace: NAMESPACE, name: ownerName }, uid: live.metadata.uid };
}

function refOf(object: KubeObject): ChildRef {
  return { apiVersion: object.apiVersion, kind: object.kind, namespace: NAMESPACE, name: object.metadata.name };
}

function resourceOf({ apiVersion, kind }: KubeObject): ResourceType {
  const found = findKind(apiVersion, kind);
  if (found === undefined) throw new Error(`${apiVersion} ${kind} is no kind of ours`);
  return found;
}

function read(resource: ResourceType, objectName = name): Promise<LiveObject> {
  return runtime.transport.get({ resource, namespace: NAMESPACE, name: objectName });
}

/** What somebody else does to an object; resolves when the watch has told us, whatever its controllers write meanwhile. */
async function meddle(object: KubeObject, args: readonly string[]): Promise<void> {
  await cluster.kubectl([...args, "-n", NAMESPACE]);
  const [left] = (await runtime.transport.list(resourceOf(object), { namespace: NAMESPACE })).items.filter(
    ({ metadata }) => metadata.name === name,
  );
  await runtime.until(refOf(object), (state) =>
    state === undefined || left === undefined
      ? state === undefined
      : compareResourceVersions(state.resourceVersion, left.metadata.resourceVersion) >= 0,
  );
  runtime.requests();
}

function patchArgs(object: KubeObject, patch: unknown): readonly string[] {
  return ["patch", object.kind, name, "--type=json", "--field-manager=somebody", "-p", JSON.stringify(patch)];
}

/** Its controllers may come between at each attempt of an apply: a pass would come back, and so does this. */
async function appliedAtLast(object: KubeObject): Promise<ApplyResult> {
  for (;;) {
    try {
      return await runtime.children.apply(owner, object);
    } catch (error) {
      if (!(error instanceof KubeError && error.class === "conflict")) throw error;
    }
  }
}

describe("an apply's projection equals what was sent", () => {
  test.each(allChildren(NAMESPACE, "kind").map((object) => [object.kind, object] as const))("%s", async (_kind, template) => {
    const object: KubeObject = { ...template, metadata: { ...template.metadata, name } };

    expect(await runtime.children.apply(owner, object)).toMatchObject({ state: "created" });

    const stored = runtime.state(refOf(object));
    const sent = { ...object.metadata, ownerReferences: [ownerReference()] };
    expect(stored?.ownedHash).toBe(hashOf(desiredProjection({ ...object, metadata: sent })));
    expect(stored?.foreignPaths).toEqual([]);

    runtime.requests();
    expect(await runtime.children.apply(owner, object)).toEqual({ state: "unchanged", uid: stored?.uid });
    expect(runtime.requests(), "a second apply sends nothing").toEqual([]);
  });

  function ownerReference(): unknown {
    return { apiVersion: "v1", kind: "ConfigMap", name: owner.key.name, uid: owner.uid, controller: true, blockOwnerDeletion: true };
  }
});

describe("drift shows in the projection and is repaired", () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ["a changed value", [{ op: "replace", path: "/spec/policyTypes", value: ["Ingress"] }]],
    ["a removed field", [{ op: "remove", path: "/spec/egress" }]],
    ["a replaced atomic list", [{ op: "replace", path: "/spec/ingress", value: [{}] }]],
    ["a removed ownerReference", [{ op: "remove", path: "/metadata/ownerReferences" }]],
    ["a removed label", [{ op: "remove", path: `/metadata/labels/${LABELS.name.replace("/", "~1")}` }]],
    ["the label that the watch selects on", [{ op: "remove", path: `/metadata/labels/${LABELS.managedBy.replace("/", "~1")}` }]],
  ];
  test.each(cases)("%s", async (_what, patch) => {
    const object = networkPolicy(NAMESPACE, name);
    await runtime.children.apply(owner, object);
    const before = runtime.state(refOf(object));

    await meddle(object, patchArgs(object, patch));

    expect(runtime.state(refOf(object))?.ownedHash).not.toBe(before?.ownedHash);
    expect(await runtime.children.apply(owner, object)).toMatchObject({ state: "repaired" });
    expect(runtime.state(refOf(object))?.ownedHash).toBe(before?.ownedHash);
    runtime.requests();
    expect(await runtime.children.apply(owner, object)).toMatchObject({ state: "unchanged" });
    expect(runtime.requests()).toEqual([]);
  });

  test("a changed wish is an update, and a child that somebody deleted is put back", async () => {
    const object = networkPolicy(NAMESPACE, name);
    await runtime.children.apply(owner, object);
    const changed = { ...object, spec: { ...(isJsonObject(object.spec) ? object.spec : {}), policyTypes: ["Ingress"] } };
    expect(await runtime.children.apply(owner, changed)).toMatchObject({ state: "updated" });

    await meddle(object, ["delete", "networkpolicy", name]);
    expect(await runtime.children.apply(owner, changed)).toMatchObject({ state: "repaired" });
  });

  test("after a restart an unchanged child costs no request", async () => {
    const object = deployment(NAMESPACE, name);
    await runtime.children.apply(owner, object);
    const restarted = await startKubeRuntime(cluster.adminKubeconfig);
    expect(await restarted.children.apply(owner, object)).toMatchObject({ state: "unchanged" });
    expect(restarted.requests()).toEqual([]);
    await restarted.stop();
  });
});

describe("creation", () => {
  test.each(allChildren(NAMESPACE, "kind").map((object) => [object.kind, object] as const))(
    "a foreign %s that appears in the moment before our apply survives, untouched",
    async (_kind, template) => {
      const object: KubeObject = { ...template, metadata: { ...template.metadata, name } };
      const theirs = { ...object, metadata: { name, namespace: NAMESPACE, labels: { app: "theirs" } } };
      const made = Promise.withResolvers<LiveObject>();
      const foreign = preceded(async ({ resource }) => {
        await cluster.kubectl(["create", "-f", "-", "--field-manager=somebody"], { input: JSON.stringify(theirs) });
        made.resolve(await read(resource));
      });
      const result = await runtime.childrenOver(foreign).apply(owner, object);
      expect(result).toEqual({ state: "foreign", holder: "an object that no controller owns", free: true });
      const { uid, labels } = (await made.promise).metadata;
      const found = await read(resourceOf(object));
      expect(found.metadata).toMatchObject({ uid, labels });
      expect(found.metadata.ownerReferences).toBeUndefined();
      expect(ownedProjection(found)).toBeUndefined();
    },
  );

  test("costs one request where nothing is there", async () => {
    expect(await runtime.children.apply(owner, networkPolicy(NAMESPACE, name))).toMatchObject({ state: "created" });
    expect(runtime.requests()).toEqual(["apply networkpolicies.networking.k8s.io"]);
  });

  test.each(allChildren(NAMESPACE, "kind").map((object) => [object.kind, object] as const))(
    "a %s whose apply is carried out twice, as by a proxy that tries again, is ours and left whole",
    async (_kind, template) => {
      const object: KubeObject = { ...template, metadata: { ...template.metadata, name } };
      const twice = preceded((...call) => runtime.transport.apply(...call));
      expect(await runtime.childrenOver(twice).apply(owner, object)).toMatchObject({ state: "unchanged" });
      expect(await runtime.children.apply(owner, object)).toMatchObject({ state: "unchanged" });
    },
  );

  test("what a former leader's last apply made a moment ago is the next one's, though it wants it otherwise", async () => {
    const wanted = networkPolicy(NAMESPACE, name);
    const older = { podSelector: {}, policyTypes: ["Ingress"] };
    const late = preceded((target, sent, options) => runtime.transport.apply(target, { ...sent, spec: older }, options));
    expect(await runtime.childrenOver(late).apply(owner, wanted)).toMatchObject({ state: "updated" });
    expect(await runtime.children.apply(owner, wanted)).toMatchObject({ state: "unchanged" });
  });

  test("what was there and went before we could look fails the pass, which comes again", async () => {
    const gone = preceded(async () => {
      await cluster.kubectl(["create", "serviceaccount", name, "-n", NAMESPACE]);
    });
    const blind: Transport = {
      ...gone,
      get: (target) =>
        Promise.reject(new KubeError({ class: "notFound", status: 404, operation: `GET ${target.name}`, message: "not found" })),
    };
    const applied = runtime.childrenOver(blind).apply(owner, serviceAccount(NAMESPACE, name));
    await expect(applied).rejects.toMatchObject({ class: "unexpected", status: 409 });
  });

  test("a child of a dead owner waits for the garbage collector", async () => {
    const object = serviceAccount(NAMESPACE, name);
    await runtime.children.apply(owner, object);
    const reborn = { ...owner, uid: "00000000-0000-0000-0000-000000000000" };
    expect(await runtime.children.apply(reborn, object)).toEqual({ state: "waitingForGarbageCollection" });
    expect(runtime.children.get(reborn, refOf(object))).toBeUndefined();
  });

  test("a kind that the API server does not serve is said to be missing, without a request", async () => {
    const result = await runtime.children.apply(owner, podMonitor(NAMESPACE, name));
    expect(result).toEqual({ state: "apiMissing", api: "PodMonitor (monitoring.coreos.com/v1)" });
    expect(runtime.requests()).toEqual([]);
    expect(await runtime.children.remove(owner, refOf(podMonitor(NAMESPACE, name)))).toBe("gone");
  });

  /** A transport before the first apply of which something else happens. */
  function preceded(first: (...call: Parameters<Transport["apply"]>) => Promise<unknown>): Transport {
    let happened = false;
    return {
      ...forwarding(runtime.transport),
      apply: async (...call) => {
        if (!happened) {
          happened = true;
          await first(...call);
        }
        return runtime.transport.apply(...call);
      },
    };
  }
});

describe("additions", () => {
  test("a container and hostNetwork that somebody added are removed; a rollout restart is left alone", async () => {
    const object = deployment(NAMESPACE, name);
    await runtime.children.apply(owner, object);
    await meddle(object, ["rollout", "restart", `deployment/${name}`]);
    expect(runtime.state(refOf(object))?.foreignPaths).toEqual([]);
    expect(await runtime.children.apply(owner, object)).toMatchObject({ state: "unchanged" });

    const miner = { name: "a-miner", image: "example.com/miner:1" };
    await meddle(
      object,
      patchArgs(object, [
        { op: "add", path: "/spec/template/spec/containers/0", value: miner },
        { op: "add", path: "/spec/template/spec/hostNetwork", value: true },
        { op: "add", path: "/spec/template/spec/containers/1/env/-", value: { name: "EXTRA", value: "1" } },
      ]),
    );
    expect(runtime.state(refOf(object))?.foreignPaths).toEqual([
      "/spec/template/spec/containers/0",
      "/spec/template/spec/containers/1/env/1",
      "/spec/template/spec/hostNetwork",
    ]);

    expect(await appliedAtLast(object)).toMatchObject({ state: "repaired" });

    const live = await read(KINDS.Deployment);
    const template = JSON.stringify(live.spec);
    expect(template).not.toContain("a-miner");
    expect(template).not.toContain("EXTRA");
    expect(template).not.toContain("hostNetwork");
    expect(template).toContain("kubectl.kubernetes.io/restartedAt");
    runtime.requests();
    expect(await runtime.children.apply(owner, object)).toMatchObject({ state: "unchanged" });
    expect(runtime.requests()).toEqual([]);
  });

  test("an identity annotation on a ServiceAccount is removed, any other is left", async () => {
    const object = serviceAccount(NAMESPACE, name);
    await runtime.children.apply(owner, object);
    await meddle(object, ["annotate", "serviceaccount", name, "eks.amazonaws.com/audience=evil", "example.com/note=hello"]);

    expect(await appliedAtLast(object)).toMatchObject({ state: "repaired" });
    const { annotations } = (await read(KINDS.ServiceAccount)).metadata;
    expect(annotations).toEqual({ ...object.metadata.annotations, "example.com/note": "hello" });
  });

  test("what somebody writes between an apply and the removal is repaired as well, and not taken for admission's", async () => {
    const object = serviceAccount(NAMESPACE, name);
    await runtime.children.apply(owner, object);
    await meddle(object, ["annotate", "serviceaccount", name, "eks.amazonaws.com/audience=evil"]);
    const wish = { ...object, metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, wish: "ours" } } };
    let meddled = false;
    const contested: Transport = {
      ...forwarding(runtime.transport),
      async jsonPatch(...args) {
        if (!meddled) await cluster.kubectl(["annotate", "--overwrite", "serviceaccount", name, "wish=theirs", "-n", NAMESPACE]);
        meddled = true;
        return runtime.transport.jsonPatch(...args);
      },
    };

    expect(await runtime.childrenOver(contested).apply(owner, wish)).toMatchObject({ state: "updated" });

    expect(meddled).toBe(true);
    expect((await read(KINDS.ServiceAccount)).metadata.annotations).toEqual(wish.metadata.annotations);
  });

  test("a field inside an empty object of ours is removed", async () => {
    const object = deployment(NAMESPACE, name);
    await runtime.children.apply(owner, object);
    await meddle(object, patchArgs(object, [{ op: "add", path: "/spec/template/spec/volumes/0/emptyDir/medium", value: "Memory" }]));
    expect(await appliedAtLast(object)).toMatchObject({ state: "repaired" });
    expect(JSON.stringify((await read(KINDS.Deployment)).spec)).not.toContain("Memory");
  });
});

describe("what asks for it is adopted, whoever is recorded as the owner of its defaults", () => {
  test.each(allChildren(NAMESPACE, "kind").map((object) => [object.kind, object] as const))("%s", async (_kind, template) => {
    const object: KubeObject = { ...template, metadata: { ...template.metadata, name } };
    const theirs = { ...object, metadata: { name, namespace: NAMESPACE, annotations: { [ANNOTATIONS.adoptBy]: name } } };
    await cluster.kubectl(["create", "-f", "-", "--field-manager=somebody"], { input: JSON.stringify(theirs) });

    expect(await runtime.children.apply(owner, object, "later")).toEqual({ state: "asks" });
    expect(ownedProjection(await read(resourceOf(object)))).toBeUndefined();
    expect(await runtime.children.apply(owner, object)).toMatchObject({ state: "adopted" });

    expect(runtime.state(refOf(object))?.foreignPaths).toEqual([]);
    runtime.requests();
    expect(await runtime.children.apply(owner, object)).toMatchObject({ state: "unchanged" });
    expect(runtime.requests(), "a second apply sends nothing").toEqual([]);
  });

  test("a default that somebody makes his own is nobody's after one repair, and not removed at every pass", async () => {
    const whole = networkPolicy(NAMESPACE, name);
    const { policyTypes, ...spec } = isJsonObject(whole.spec) ? whole.spec : {};
    const object = { ...whole, spec };
    await runtime.children.apply(owner, object);
    const { apiVersion, kind } = object;
    const theirs = { apiVersion, kind, metadata: { name, namespace: NAMESPACE }, spec: { policyTypes } };
    await runtime.transport.apply({ resource: KINDS.NetworkPolicy, namespace: NAMESPACE, name }, theirs, {
      force: false,
      manager: "somebody",
    });
    await runtime.until(refOf(object), (state) => state?.foreignPaths.includes("/spec/policyTypes") === true);

    expect(await runtime.children.apply(owner, object)).toMatchObject({ state: "repaired" });
    runtime.requests();
    expect(await runtime.children.apply(owner, object)).toMatchObject({ state: "unchanged" });
    expect(runtime.requests()).toEqual([]);
    expect(await read(KINDS.NetworkPolicy)).toMatchObject({ spec: { policyTypes } });
  });
});

describe("a look says what an apply would find, and writes nothing", () => {
  test("absent, as desired, different, and added to", async () => {
    const object = deployment(NAMESPACE, name);
    expect(await runtime.children.look(owner, object)).toEqual({ state: "withheld", found: "absent" });
    expect(runtime.requests()).toEqual(["get deployments.apps"]);

    await runtime.children.apply(owner, object);
    runtime.requests();
    expect(await runtime.children.look(owner, object)).toMatchObject({ state: "unchanged" });
    const changed = { ...object, metadata: { ...object.metadata, annotations: { changed: "1" } } };
    expect(await runtime.children.look(owner, changed)).toEqual({ state: "withheld", found: "different" });
    expect(runtime.requests()).toEqual([]);

    const container = { name: "miner", image: "example.com/miner:1" };
    await meddle(object, patchArgs(object, [{ op: "add", path: "/spec/template/spec/containers/-", value: container }]));
    expect(await runtime.children.look(owner, object)).toEqual({ state: "withheld", found: "different" });
    expect(runtime.requests()).toEqual([]);
    expect(await runtime.children.apply(owner, object)).toMatchObject({ state: "repaired" });
  });

  test("ours though its label was taken off, and not ours at all", async () => {
    const object = networkPolicy(NAMESPACE, name);
    await runtime.children.apply(owner, object);
    await meddle(object, patchArgs(object, [{ op: "remove", path: `/metadata/labels/${LABELS.managedBy.replace("/", "~1")}` }]));
    expect(await runtime.children.look(owner, object)).toEqual({ state: "withheld", found: "different" });
    expect(await runtime.children.look(await createOwner(`${name}-other`), object)).toMatchObject({ state: "foreign" });
    expect(runtime.requests().filter((request) => WRITES.test(request))).toEqual(["create configmaps"]);
  });
});

describe("others' rights", () => {
  test("an autoscaler is not fought: replicas set through scale stay", async () => {
    const object = deployment(NAMESPACE, name);
    await runtime.children.apply(owner, object);
    await runtime.children.scale(owner, refOf(object), 3);
    runtime.requests();
    await runtime.children.scale(owner, refOf(object), 3);
    expect(runtime.requests(), "an equal scale sends nothing").toEqual([]);

    await meddle(object, ["scale", "deployment", name, "--replicas=4"]);
    expect(await runtime.children.apply(owner, object)).toMatchObject({ state: "unchanged" });
    const changed = { ...object, metadata: { ...object.metadata, annotations: { changed: "1" } } };
    expect(await runtime.children.apply(owner, changed)).toMatchObject({ state: "updated" });
    expect((await read(KINDS.Deployment)).spec).toMatchObject({ replicas: 4 });
  });

  test("a mutating admission policy makes no loop", async () => {
    const policy = `mutate-${NAMESPACE}`;
    await cluster.kubectl(["apply", "-f", "-"], { input: mutatingPolicy(policy) });
    const object = { ...serviceAccount(NAMESPACE, name), metadata: { ...serviceAccount(NAMESPACE, name).metadata } };
    try {
      await untilPolicy("acts");
      const first = await runtime.children.apply(owner, object);
      expect(first).toMatchObject({ state: "mutatedByAdmission", paths: ["automountServiceAccountToken"] });
      runtime.requests();
      expect(await runtime.children.apply(owner, object)).toEqual(first);
      expect(runtime.requests(), "not sent again").toEqual([]);

      const changed = { ...object, metadata: { ...object.metadata, annotations: { changed: "1" } } };
      expect(await runtime.children.apply(owner, changed)).toMatchObject({ state: "mutatedByAdmission" });
      expect(runtime.requests()).toEqual(["apply serviceaccounts"]);
    } finally {
      await cluster.kubectl(["delete", "mutatingadmissionpolicybinding,mutatingadmissionpolicy", policy]);
      await untilPolicy("is gone");
    }
  });

  /** Policies act a moment after they are stored, and a moment after they are gone: asked by creations that store nothing. */
  async function untilPolicy(state: "acts" | "is gone"): Promise<void> {
    for (;;) {
      const args = ["create", "-f", "-", "--dry-run=server", "-o", "json", "-n", NAMESPACE];
      const answer = await cluster.kubectl(args, { input: JSON.stringify(serviceAccount(NAMESPACE, `${name}-try`)) });
      if (answer.includes('"automountServiceAccountToken": true') === (state === "acts")) return;
    }
  }

  function mutatingPolicy(policy: string): string {
    return `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: ${policy}}
spec:
  failurePolicy: Fail
  reinvocationPolicy: IfNeeded
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ${NAMESPACE}}}
    resourceRules:
    - {apiGroups: [""], apiVersions: ["v1"], operations: [CREATE, UPDATE], resources: [serviceaccounts]}
  mutations:
  - patchType: ApplyConfiguration
    applyConfiguration: {expression: "Object{automountServiceAccountToken: true}"}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: ${policy}}
spec: {policyName: ${policy}}
`;
  }
});

describe("two leaders, of which one does not know yet that it is none", () => {
  const kinds = [["Deployment", deployment] as const, ["ServiceAccount", serviceAccount] as const];
  test.each(kinds)("an apply of a %s that comes late does not go over a newer one", async (_kind, build) => {
    const object = build(NAMESPACE, name);
    await runtime.children.apply(owner, object);
    const wish = (label: string): KubeObject => ({
      ...object,
      metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, wish: label } },
    });
    const late = await onTheWire(wish("old"));
    expect(await appliedAtLast(wish("new"))).toMatchObject({ state: "updated" });
    await expect(late()).rejects.toMatchObject({ class: "conflict" });
    expect(runtime.state(refOf(object))?.ownedHash).toBe(hashOf(desiredProjection(owned(wish("new")))));
  });

  test("what its controllers wrote meanwhile is read, and the apply is made of that", async () => {
    const object = deployment(NAMESPACE, name);
    await runtime.children.apply(owner, object);
    const stale = runtime.state(refOf(object))?.resourceVersion;
    const raced = racing(runtime.transport, () =>
      cluster.kubectl(["annotate", "deployment", name, "-n", NAMESPACE, "example.com/note=hello"]),
    );
    const changed = { ...object, metadata: { ...object.metadata, annotations: { changed: "1" } } };
    runtime.requests();
    expect(await runtime.childrenOver(raced).apply(owner, changed)).toMatchObject({ state: "updated" });
    // Its controller may come between once more.
    expect(runtime.requests().join()).toMatch(/^apply deployments\.apps(,get deployments\.apps,apply deployments\.apps){1,2}$/);
    expect(runtime.state(refOf(object))?.resourceVersion).not.toBe(stale);
  });

  /** The request that an apply makes now, to be sent at another time. */
  async function onTheWire(object: KubeObject): Promise<() => Promise<unknown>> {
    let send: (() => Promise<unknown>) | undefined;
    const caught: Transport = {
      ...forwarding(runtime.transport),
      apply: (...args) => {
        send = () => runtime.transport.apply(...args);
        return Promise.reject(new KubeError({ class: "unreachable", status: 0, operation: "apply", message: "on the wire" }));
      },
    };
    await expect(runtime.childrenOver(caught).apply(owner, object)).rejects.toMatchObject({ message: "on the wire" });
    if (send === undefined) throw new Error("nothing was sent");
    return send;
  }

  /** Something happens right before the first apply. */
  function racing(transport: Transport, act: () => Promise<unknown>): Transport {
    let acted = false;
    return {
      ...forwarding(transport),
      async apply(...args) {
        if (!acted) await act();
        acted = true;
        return transport.apply(...args);
      },
    };
  }

  function owned(object: KubeObject): KubeObject {
    const reference = {
      apiVersion: "v1",
      kind: "ConfigMap",
      name: owner.key.name,
      uid: owner.uid,
      controller: true,
      blockOwnerDeletion: true,
    };
    return { ...object, metadata: { ...object.metadata, ownerReferences: [reference] } };
  }
});

describe("removal", () => {
  test("removes what is ours, leaves what is not, and says when nothing is left", async () => {
    const object = networkPolicy(NAMESPACE, name);
    await runtime.children.apply(owner, object);
    const stranger = await createOwner(`${name}-other`);
    expect(await runtime.children.remove(stranger, refOf(object))).toBe("foreign");
    expect(runtime.children.owned(owner, [refOf(object)]).map(({ ref }) => ref.kind)).toEqual(["NetworkPolicy"]);

    await runtime.children.remove(owner, refOf(object));
    await runtime.until(refOf(object), (state) => state === undefined);
    expect(await runtime.children.remove(owner, refOf(object))).toBe("gone");
    expect(await runtime.children.apply(owner, object)).toMatchObject({ state: "created" });
  });

  test("is known at once: nothing is deleted again while the watch has not told of it", async () => {
    const object = networkPolicy(NAMESPACE, name);
    await runtime.children.apply(owner, object);
    runtime.requests();
    const removal = runtime.children.remove(owner, refOf(object)).then((state) => [state, runtime.state(refOf(object))]);
    expect(await removal).toEqual(["gone", undefined]);
    expect(await runtime.children.remove(owner, refOf(object))).toBe("gone");
    expect(runtime.requests()).toEqual(["delete networkpolicies.networking.k8s.io"]);
  });
});

/** The same transport, of which a test may replace a method. */
function forwarding(transport: Transport): Transport {
  return {
    get: (...args) => transport.get(...args),
    list: (...args) => transport.list(...args),
    create: (...args) => transport.create(...args),
    apply: (...args) => transport.apply(...args),
    mergePatch: (...args) => transport.mergePatch(...args),
    jsonPatch: (...args) => transport.jsonPatch(...args),
    delete: (...args) => transport.delete(...args),
    watch: (...args) => transport.watch(...args),
    resetWatches: () => transport.resetWatches(),
    raw: (...args) => transport.raw(...args),
    close: () => transport.close(),
  };
}
