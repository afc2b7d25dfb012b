import { describe, expect, test } from "vitest";
import { compareResourceVersions, type LiveObject } from "../../../src/kube/objects.ts";
import { Store } from "../../../src/kube/store.ts";

interface Kept {
  readonly version: string;
  readonly owner: string;
}

function object(name: string, resourceVersion: string, owner = "x"): LiveObject {
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "a", uid: name, resourceVersion, labels: { owner } } };
}

function newStore(): { store: Store<Kept, "owner">; told: string[] } {
  const store = new Store<Kept, "owner">({
    reduce: ({ metadata }) => ({ version: metadata.resourceVersion, owner: metadata.labels?.owner ?? "" }),
    indexes: { owner: ({ owner }) => [owner] },
  });
  const told: string[] = [];
  store.subscribe(({ type, key, ours, old, new: now }) =>
    told.push(`${type} ${key.name} ${old?.version ?? "-"} ${now?.version ?? "-"}${ours ? ", ours" : ""}`),
  );
  return { store, told };
}

function commit(store: Store<Kept, "owner">, resourceVersion: string, ...objects: readonly LiveObject[]): void {
  const snapshot = store.begin();
  for (const each of objects) snapshot.add(each);
  snapshot.commit(resourceVersion);
}

const key = (name: string): { namespace: string; name: string } => ({ namespace: "a", name });

test("resourceVersions are compared as numbers of any length", () => {
  const ordered = ["", "0", "9", "10", "99", "100", "9007199254740993", "9007199254740994"];
  expect(ordered.toReversed().toSorted(compareResourceVersions)).toEqual(ordered);
});

describe("what the watch says", () => {
  test("changes are told with what was and what is", () => {
    const { store, told } = newStore();
    commit(store, "5", object("p", "3"), object("q", "4"));
    store.upsert(object("p", "6"));
    store.remove(object("q", "7"));
    store.upsert(object("p", "6"));
    expect(told).toEqual(["added p - 3", "added q - 4", "modified p 3 6", "deleted q 4 -"]);
  });

  test("a new snapshot tells only what differs", () => {
    const { store, told } = newStore();
    commit(store, "5", object("p", "3"), object("q", "4"), object("r", "5"));
    told.length = 0;
    commit(store, "9", object("q", "4"), object("r", "8"), object("s", "9"));
    expect(told).toEqual(["deleted p 3 -", "modified r 5 8", "added s - 9"]);
  });

  test("indexes follow every change", () => {
    const { store } = newStore();
    commit(store, "5", object("p", "3", "x"), object("q", "4", "x"));
    store.upsert(object("q", "6", "y"));
    expect(store.byIndex("owner", "x")).toEqual([{ version: "3", owner: "x" }]);
    expect(store.byIndex("owner", "y")).toEqual([{ version: "6", owner: "y" }]);
    store.remove(object("q", "7"));
    expect(store.byIndex("owner", "y")).toEqual([]);
  });

  test("every listener hears of every change though one throws", () => {
    const { store } = newStore();
    const heard: string[] = [];
    store.subscribe(() => {
      throw new Error("a bug");
    });
    store.subscribe(({ key: { name } }) => heard.push(name));
    expect(() => commit(store, "5", object("p", "3"), object("q", "4"))).toThrow("a listener of a store failed");
    expect(heard).toEqual(["p", "q"]);
    expect(store.size).toBe(2);
  });
});

describe("write-through", () => {
  test("what an answer brought is there and told at once, and the watch's older frames do not undo it", () => {
    const { store, told } = newStore();
    commit(store, "5", object("p", "3"));
    told.length = 0;
    store.put(object("p", "8"));
    store.upsert(object("p", "6"));
    store.upsert(object("p", "8"));
    expect(store.get(key("p"))?.version).toBe("8");
    expect(told).toEqual(["modified p 3 8"]);
  });

  describe("while an object is written", () => {
    test.each([
      ["the answer is faster than the watch", ["wrote 8", "saw 8"], ["modified p 3 8, ours"]],
      ["the watch is faster than the answer", ["saw 8", "wrote 8"], ["modified p 3 8, ours"]],
      ["a later answer is older", ["wrote 8", "wrote 6"], ["modified p 3 8, ours"]],
      ["somebody was faster, and is written over", ["saw 7", "saw 8", "wrote 8"], ["modified p 3 7", "modified p 7 8"]],
      ["somebody writes over it", ["saw 8", "saw 9", "wrote 8"], ["modified p 3 8", "modified p 8 9"]],
      ["somebody writes, and the write fails", ["saw 7"], ["modified p 3 7"]],
      ["what a read brings is nobody's of ours", ["read 7"], ["modified p 3 7"]],
      ["a read after it brings another's", ["wrote 8", "read 9"], ["modified p 3 8", "modified p 8 9"]],
      ["it is deleted", ["wrote 8", "gone 9"], ["modified p 3 8", "deleted p 8 -"]],
      ["it is deleted before the answer is read", ["saw 8", "gone 9", "wrote 8"], ["modified p 3 8", "deleted p 8 -"]],
      ["we delete it", ["dropped 3"], ["deleted p 3 -, ours"]],
      ["we delete it, and the watch is faster", ["gone 9", "dropped 3"], ["deleted p 3 -, ours"]],
      ["we delete it, and somebody deletes another", ["saw 8", "gone 9", "dropped 3"], ["modified p 3 8", "deleted p 8 -"]],
      ["we would delete one, and somebody deletes another", ["gone 9", "dropped 2"], ["deleted p 3 -"]],
      ["somebody makes it again", ["dropped 3", "saw 12"], ["deleted p 3 -", "added p - 12"]],
      ["nothing becomes of it", ["saw 3"], []],
      ["a subresource of it is", ["saw 8", "unseen 8"], ["modified p 3 8, ours"]],
      ["a subresource of it is, and somebody was faster", ["saw 7", "unseen 8"], ["modified p 3 7"]],
    ])("%s: what became of it is told at the end", async (_, events, expected) => {
      const { store, told } = newStore();
      commit(store, "5", object("p", "3"));
      told.length = 0;
      await store.during(key("p"), async () => {
        for (const event of events) {
          const [what, version = ""] = event.split(" ");
          if (what === "saw") store.upsert(object("p", version));
          if (what === "wrote") store.wrote(object("p", version));
          if (what === "unseen") store.wroteUnseen(key("p"), version);
          if (what === "read") store.put(object("p", version));
          if (what === "gone") store.remove(object("p", version));
          if (what === "dropped") store.drop(key("p"), (kept) => kept.version === version);
          await Promise.resolve();
        }
        expect(told).toEqual([]);
      });
      expect(told).toEqual(expected);
      store.upsert(object("p", "20"));
      expect(told).toHaveLength(expected.length + 1);
    });

    test("what is made, and taken away before the answer is read, is told", async () => {
      const { store, told } = newStore();
      await store.during(key("p"), async () => {
        store.upsert(object("p", "8"));
        store.remove(object("p", "9"));
        store.wrote(object("p", "8"));
      });
      expect(told).toEqual(["added p - 8", "deleted p 8 -"]);
    });

    test("what throws is thrown, and what came meanwhile is told", async () => {
      const { store, told } = newStore();
      commit(store, "5", object("p", "3"));
      told.length = 0;
      const writing = store.during(key("p"), () => {
        store.upsert(object("p", "7"));
        return Promise.reject(new Error("refused"));
      });
      await expect(writing).rejects.toThrow("refused");
      expect(told).toEqual(["modified p 3 7"]);
    });

    test("it is told when the last of several writes is over, and other objects are told of meanwhile", async () => {
      const { store, told } = newStore();
      const first = Promise.withResolvers<void>();
      const second = Promise.withResolvers<void>();
      const writes = [first, second].map(({ promise }) => store.during(key("p"), () => promise));
      store.wrote(object("p", "8"));
      store.upsert(object("q", "9"));
      first.resolve();
      await writes[0];
      expect(told).toEqual(["added q - 9"]);
      store.wrote(object("p", "10"));
      second.resolve();
      await writes[1];
      expect(told).toEqual(["added q - 9", "added p - 8", "modified p 8 10"]);
    });
  });

  test.each<[string, readonly string[], readonly string[]]>([
    ["the watch tells of it alone", ["8"], ["modified p 3 8, ours"]],
    ["somebody writes before it, and after it", ["7", "8", "9"], ["modified p 3 7", "modified p 7 8, ours", "modified p 8 9"]],
    ["the watch has passed it", ["9", "10"], ["modified p 3 9", "modified p 9 10"]],
  ])("a revision of ours that the watch has yet to tell of is ours where %s", (_, versions, expected) => {
    const { store, told } = newStore();
    commit(store, "5", object("p", "3"));
    told.length = 0;
    store.wroteUnseen(key("p"), "8");
    for (const version of versions) store.upsert(object("p", version));
    expect(told).toEqual(expected);
  });

  test("a later write is not undone by an earlier one's answer", () => {
    const { store } = newStore();
    store.put(object("p", "9"));
    store.put(object("p", "8"));
    expect(store.get(key("p"))?.version).toBe("9");
  });

  test("an answer that comes after the watch has told of the deletion does not bring the object back", () => {
    const { store } = newStore();
    commit(store, "5");
    store.upsert(object("p", "6"));
    store.remove(object("p", "7"));
    store.put(object("p", "6"));
    expect(store.get(key("p"))).toBeUndefined();
  });

  test("an old object's deletion does not take a new one of its name", () => {
    const { store } = newStore();
    commit(store, "5", object("p", "3"));
    store.put(object("p", "9"));
    store.remove(object("p", "7"));
    expect(store.get(key("p"))?.version).toBe("9");
  });

  test("a snapshot keeps what was written after it was taken, and drops what was written before", () => {
    const { store } = newStore();
    store.put(object("p", "4"));
    store.put(object("q", "9"));
    commit(store, "6", object("q", "5"));
    expect(store.keys().map(({ name }) => name)).toEqual(["q"]);
    expect(store.get(key("q"))?.version).toBe("9");
  });

  test("a read beside a watch that lags brings what is newer and takes what is gone, and tells, since the watch will not", () => {
    const { store, told } = newStore();
    commit(store, "5", object("changed", "1"), object("gone", "2"), object("same", "3"));
    told.length = 0;
    store.catchUp([object("changed", "7"), object("same", "3"), object("new", "8")], "10");
    expect(store.list().map(({ version }) => version)).toEqual(["7", "3", "8"]);
    store.upsert(object("changed", "7"));
    store.remove(object("gone", "9"));
    expect(told).toEqual(["modified changed 1 7", "added new - 8", "deleted gone 2 -"]);
  });

  test("what was deleted is dropped and told once, though the watch has not said so; another of the name stays", () => {
    const { store, told } = newStore();
    commit(store, "5", object("p", "1"), object("q", "2"));
    told.length = 0;
    store.drop(key("p"), ({ version }) => version === "1");
    store.drop(key("q"), ({ version }) => version === "1");
    store.drop(key("nobody"), () => true);
    store.remove(object("p", "6"));
    expect(store.keys().map(({ name }) => name)).toEqual(["q"]);
    expect(told).toEqual(["deleted p 1 -"]);
  });

  test("a read beside a watch that is ahead of it undoes nothing", () => {
    const { store } = newStore();
    commit(store, "5", object("changed", "1"), object("gone", "2"));
    store.upsert(object("changed", "12"));
    store.remove(object("gone", "13"));
    store.upsert(object("new", "14"));
    store.catchUp([object("changed", "1"), object("gone", "2")], "10");
    expect(store.list().map(({ version }) => version)).toEqual(["12", "14"]);
  });

  test("what the selector of the watch leaves out is reduced and not kept: no watch would tell that it is gone", () => {
    const store = new Store({ reduce: ({ metadata }) => metadata.name, selects: ({ metadata }) => metadata.labels?.ours === "yes" });
    expect(store.put(object("p", "9"))).toBe("p");
    expect(store.size).toBe(0);
  });

  test("after a restored backup, revisions begin anew", () => {
    const { store } = newStore();
    commit(store, "1000", object("p", "900"));
    commit(store, "20", object("p", "10"));
    store.upsert(object("p", "21"));
    store.put(object("p", "22"));
    expect(store.get(key("p"))?.version).toBe("22");
  });
});
