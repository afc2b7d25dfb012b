import { describe, expect, test } from "vitest";
import { foreignPaths, removalPatch } from "../../../src/kube/foreign-fields.ts";
import type { LiveObject, ManagedFieldsEntry } from "../../../src/kube/objects.ts";
import { desiredProjection, differingPaths, hashOf, ownedProjection } from "../../../src/kube/owned-fields.ts";

/** Owned and foreign fields, on objects as API servers write them. */

type Fields = Readonly<Record<string, unknown>>;

const ours = (fieldsV1: Fields): ManagedFieldsEntry => ({ manager: "platform-operator", operation: "Apply", fieldsV1 });
const theirs = (fieldsV1: Fields, manager = "kubectl-edit"): ManagedFieldsEntry => ({ manager, operation: "Update", fieldsV1 });

function live(kind: string, rest: Fields, managedFields: readonly ManagedFieldsEntry[], metadata: Fields = {}): LiveObject {
  return { apiVersion: "v1", kind, ...rest, metadata: { name: "n", uid: "u", resourceVersion: "7", ...metadata, managedFields } };
}

describe("projection onto our own fields", () => {
  const cases: readonly (readonly [string, Fields, Fields, unknown])[] = [
    ["fields of others are left out", { a: 1, b: 2 }, { "f:a": {} }, { a: 1 }],
    ["a leaf is the whole value", { a: { x: [1, { y: 2 }] } }, { "f:a": {} }, { a: { x: [1, { y: 2 }] } }],
    ["what is gone is left out", { a: {} }, { "f:a": { "f:x": {} }, "f:b": {} }, { a: {} }],
    [
      "list items are found by their keys, in live order",
      {
        list: [
          { name: "theirs", v: 0 },
          { name: "b", v: 1, w: 2 },
          { name: "a", v: 3 },
        ],
      },
      { "f:list": { 'k:{"name":"a"}': { ".": {}, "f:name": {}, "f:v": {} }, 'k:{"name":"b"}': { ".": {}, "f:name": {} } } },
      { list: [{ name: "b" }, { name: "a", v: 3 }] },
    ],
    [
      "keys of several fields",
      {
        ports: [
          { port: 80, protocol: "UDP" },
          { port: 80, protocol: "TCP", name: "http" },
        ],
      },
      { "f:ports": { 'k:{"port":80,"protocol":"TCP"}': { ".": {}, "f:name": {}, "f:port": {} } } },
      { ports: [{ port: 80, name: "http" }] },
    ],
    ["items of a set", { set: ["x", "y", "z"] }, { "f:set": { 'v:"z"': {}, 'v:"x"': {} } }, { set: ["x", "z"] }],
    ["items by index", { list: ["x", "y"] }, { "f:list": { "i:1": {} } }, { list: ["y"] }],
    ["a map that only exists", { a: {} }, { "f:a": { ".": {} } }, { a: {} }],
  ];
  test.each(cases)("%s", (_what, rest, fields, expected) => {
    expect(ownedProjection(live("Thing", rest, [theirs({ "f:z": {} }), ours(fields)]))).toEqual(expected);
  });

  test("only our server-side apply of the main resource counts", () => {
    const others: readonly ManagedFieldsEntry[] = [
      { manager: "platform-operator", operation: "Update", fieldsV1: { "f:a": {} } },
      { manager: "platform-operator", operation: "Apply", subresource: "status", fieldsV1: { "f:a": {} } },
      { manager: "argocd", operation: "Apply", fieldsV1: { "f:a": {} } },
    ];
    expect(ownedProjection(live("Thing", { a: 1 }, others))).toBeUndefined();
  });
});

describe("what is desired, in the same form", () => {
  test("identity is dropped, owned metadata stays", () => {
    const metadata = { name: "n", namespace: "a", uid: "u", labels: { a: "b" } };
    expect(desiredProjection({ apiVersion: "v1", kind: "Thing", metadata, spec: { x: 1 } })).toEqual({
      metadata: { labels: { a: "b" } },
      spec: { x: 1 },
    });
    expect(desiredProjection({ apiVersion: "v1", kind: "Thing", metadata: { name: "n" } })).toEqual({});
  });

  test("the hash does not depend on the order of keys, nor on what is undefined", () => {
    expect(hashOf({ a: 1, b: { c: [1, 2], d: undefined } })).toBe(hashOf({ b: { c: [1, 2] }, a: 1 }));
    expect(hashOf({ a: [1, 2] })).not.toBe(hashOf({ a: [2, 1] }));
  });

  test("differences are named by their paths, at most ten", () => {
    const desired = { spec: { a: [{ image: "x" }, { image: "y" }], b: [1], gone: true } };
    expect(differingPaths(desired, { spec: { a: [{ image: "x" }, { image: "z" }], b: [1, 2] } })).toEqual([
      "spec.a[1].image",
      "spec.b",
      "spec.gone",
    ]);
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`k${index}`, index]));
    expect(differingPaths(many, {})).toHaveLength(10);
  });
});

describe("additions by others", () => {
  const spec = {
    template: {
      metadata: { annotations: { "kubectl.kubernetes.io/restartedAt": "now", "example.com/x": "1" } },
      spec: {
        hostNetwork: true,
        containers: [
          { name: "miner", image: "m" },
          { name: "app", image: "a", env: [{ name: "OURS" }, { name: "THEIRS" }] },
          { name: "other", image: "o" },
        ],
      },
    },
    replicas: 3,
  };
  const own = ours({
    "f:spec": { "f:template": { "f:spec": { "f:containers": { 'k:{"name":"app"}': { ".": {}, "f:env": { 'k:{"name":"OURS"}': {} } } } } } },
  });
  const template = (fields: Fields): Fields => ({ "f:spec": { "f:template": fields } });
  const item = (name: string): Fields => ({ [`k:{"name":"${name}"}`]: { ".": {}, "f:name": {}, "f:image": {} } });

  const cases: readonly (readonly [string, ManagedFieldsEntry, readonly string[]])[] = [
    [
      "containers, as whole items",
      theirs(template({ "f:spec": { "f:containers": { ...item("other"), ...item("miner") } } })),
      ["/spec/template/spec/containers/0", "/spec/template/spec/containers/2"],
    ],
    ["a field", theirs(template({ "f:spec": { "f:hostNetwork": {} } })), ["/spec/template/spec/hostNetwork"]],
    [
      "an item within an item of ours",
      theirs(template({ "f:spec": { "f:containers": { 'k:{"name":"app"}': { "f:env": { 'k:{"name":"THEIRS"}': {} } } } } })),
      ["/spec/template/spec/containers/1/env/1"],
    ],
    [
      "an annotation beside a rollout restart, which stays",
      theirs(
        template({
          "f:metadata": { "f:annotations": { ".": {}, "f:kubectl.kubernetes.io/restartedAt": {}, "f:example.com/x": {} } },
        }),
      ),
      ["/spec/template/metadata/annotations/example.com~1x"],
    ],
    ["nothing outside the guarded prefix", theirs({ "f:spec": { "f:replicas": {} }, "f:metadata": { "f:labels": { "f:x": {} } } }), []],
    ["nothing by a subresource", { ...theirs(template({ "f:spec": { "f:hostNetwork": {} } })), subresource: "scale" }, []],
    ["nothing by Argo Rollouts", theirs(template({ "f:spec": { "f:hostNetwork": {} } }), "rollouts-controller"), []],
    ["nothing by ourselves, as admission records it", theirs(template({ "f:spec": { "f:hostNetwork": {} } }), "platform-operator"), []],
    ["nothing that is gone by now", theirs(template({ "f:spec": { "f:hostPID": {} } })), []],
    [
      "nothing that we own as well",
      theirs(template({ "f:spec": { "f:containers": { 'k:{"name":"app"}': { "f:env": { 'k:{"name":"OURS"}': {} } } } } })),
      [],
    ],
  ];
  test.each(cases)("%s", (_what, entry, expected) => {
    expect(foreignPaths(live("Deployment", { spec }, [own, entry]))).toEqual(expected);
  });

  test("identity annotations of a ServiceAccount, no others", () => {
    const annotations = { "eks.amazonaws.com/role-arn": "ours", "eks.amazonaws.com/audience": "x", "example.com/note": "y" };
    const own2 = ours({ "f:metadata": { "f:annotations": { "f:eks.amazonaws.com/role-arn": {} } } });
    const entry = theirs({ "f:metadata": { "f:annotations": { "f:eks.amazonaws.com/audience": {}, "f:example.com/note": {} } } });
    expect(foreignPaths(live("ServiceAccount", {}, [own2, entry], { annotations }))).toEqual([
      "/metadata/annotations/eks.amazonaws.com~1audience",
    ]);
  });

  test("two managers who own parts of one addition: the addition is removed once", () => {
    const entries = [
      theirs(template({ "f:spec": { "f:containers": item("miner") } })),
      theirs(template({ "f:spec": { "f:containers": { 'k:{"name":"miner"}': { "f:image": {} } } } }), "b"),
    ];
    expect(foreignPaths(live("Deployment", { spec }, [own, ...entries]))).toEqual(["/spec/template/spec/containers/0"]);
  });

  test("an object that we never applied has no additions", () => {
    expect(foreignPaths(live("Deployment", { spec }, [theirs(template({ "f:spec": { "f:hostNetwork": {} } }))]))).toEqual([]);
  });

  test("removals run backwards, after a test of the revision", () => {
    expect(removalPatch("7", ["/a/0", "/a/2", "/a/10"])).toEqual([
      { op: "test", path: "/metadata/resourceVersion", value: "7" },
      { op: "remove", path: "/a/10" },
      { op: "remove", path: "/a/2" },
      { op: "remove", path: "/a/0" },
    ]);
  });
});
