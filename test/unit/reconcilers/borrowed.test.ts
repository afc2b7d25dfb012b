import { beforeEach, describe, expect, test } from "vitest";
import { Borrowed } from "../../../src/reconcilers/borrowed.ts";

interface Thing {
  readonly trust: string;
  readonly boundary: string | null;
  /** The bulk read does not tell it. */
  readonly owner: string | undefined;
}

const A = { namespace: "n", name: "a" };
const B = { namespace: "n", name: "b" };

let world: Map<string, Thing>;
let reads: string[];
let borrowed: Borrowed<Thing>;

beforeEach(() => {
  world = new Map([["role", { trust: "x", boundary: "y", owner: "z" }]]);
  reads = [];
  borrowed = new Borrowed<Thing>({
    async read(name) {
      reads.push(name);
      return world.get(name);
    },
  });
});

function inBulk(): ReadonlyMap<string, Thing> {
  return new Map([...world].map(([name, thing]) => [name, { ...thing, owner: undefined }]));
}

test("what was read is not read again, for each service by itself", async () => {
  for (const user of [A, A, B]) expect(await borrowed.read(user, "role")).toEqual(world.get("role"));
  expect(reads).toEqual(["role", "role"]);
  expect([...borrowed.names()]).toEqual(["role"]);
});

test("what is not there is asked for every time, and forgets what was used before", async () => {
  await borrowed.read(A, "role");
  expect(await borrowed.read(A, "other")).toBeUndefined();
  await borrowed.read(A, "other");
  expect(reads).toEqual(["role", "other", "other"]);
  expect(borrowed.size).toBe(0);
});

describe("the sweep", () => {
  beforeEach(async () => {
    for (const user of [A, B]) await borrowed.read(user, "role");
  });

  test("leaves what is as it was, in all that the bulk read tells", () => {
    expect(borrowed.sweep(inBulk())).toEqual([]);
    expect(borrowed.size).toBe(2);
  });

  test.each<[string, () => void]>([
    ["changed", () => world.set("role", { trust: "changed", boundary: "y", owner: "z" })],
    ["lost something", () => world.set("role", { trust: "x", boundary: null, owner: "z" })],
    ["is gone", () => world.delete("role")],
  ])("forgets what %s, and tells whose it was", async (_, change) => {
    change();
    expect(borrowed.sweep(inBulk())).toEqual([A, B]);
    expect(borrowed.size).toBe(0);
    await borrowed.read(A, "role");
    expect(reads).toHaveLength(3);
  });

  test("has the longest unread forgotten in its turn", () => {
    expect([borrowed.forgetOldest(), borrowed.forgetOldest(), borrowed.forgetOldest()]).toEqual([A, B, undefined]);
  });
});
