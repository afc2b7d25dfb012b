import { describe, expect, test } from "vitest";
import type { Difference, Identified } from "../../../src/crds/desired.ts";
import { Converger, type FirstCall } from "../../../src/reconcilers/converge.ts";
import { hashOf } from "../../../src/reconcilers/hash.ts";
import {
  AwsError,
  type AwsErrorClass,
  type ExternalRemoval,
  type ExternalResource,
  type Observation,
} from "../../../src/reconcilers/ports.ts";

interface Thing extends Identified {
  readonly colour: string;
  readonly shape: string;
}

interface Seen {
  readonly colour: string;
  readonly shape: string;
  /** Default: the first. */
  readonly made?: string;
}

const OWNER = { namespace: "dispatch", name: "matching" };
const WISH: Thing = { name: "thing", owner: OWNER, colour: "red", shape: "round" };

const seenAs = (wish: Thing, made = "first"): string => hashOf([hashOf(wish), made]);

/** An account in memory: `shape` cannot be changed once it is there. */
class Account implements ExternalResource<Thing, Seen> {
  readonly group = "test.aws";
  readonly kind = "Thing";
  readonly things = new Map<string, Seen & { foreign?: boolean }>();
  readonly calls: string[] = [];
  hidden = 0;
  /** Why nothing can be made, whatever is there. */
  barred: AwsErrorClass | undefined;

  async observe({ name }: Identified): Promise<Observation<Seen>> {
    this.calls.push("observe");
    const found = this.things.get(name);
    if (!found || this.hidden-- > 0) return { state: "absent" };
    return found.foreign === true ? { state: "foreign", owner: "Terraform" } : { state: "present", observed: found };
  }

  differences(desired: Thing, observed: Seen): Difference[] {
    return (["colour", "shape"] as const).flatMap((field) =>
      desired[field] === observed[field] ? [] : [{ field, observed: observed[field], desired: desired[field] }],
    );
  }

  revision({ made = "first" }: Seen): string {
    return made;
  }

  async create({ name, colour, shape }: Thing): Promise<Seen> {
    this.calls.push("create");
    if (this.barred !== undefined) throw new AwsError({ class: this.barred, code: "Barred", operation: "test:Create", message: "barred" });
    if (this.things.has(name))
      throw new AwsError({ class: "exists", code: "EntityAlreadyExists", operation: "test:Create", message: "exists" });
    this.things.set(name, { colour, shape });
    return { colour, shape };
  }

  async update({ name, colour }: Thing, observed: Seen): Promise<Seen> {
    this.calls.push("update");
    const changed = { ...observed, colour };
    this.things.set(name, changed);
    return changed;
  }

  async delete({ name }: Identified): Promise<ExternalRemoval> {
    this.calls.push("delete");
    if (this.things.get(name)?.shape === "held") return { state: "blocked", reason: "Held", message: "it is held" };
    this.things.delete(name);
    return { state: "gone" };
  }
}

describe("what is no longer wished for", () => {
  test("is deleted once, and AWS is asked no more; a new wish makes it again, and its end deletes it again", async () => {
    const account = new Account();
    const converger = new Converger(account);
    await converger.converge(WISH);
    for (const _ of [1, 2]) expect(await converger.retire(WISH)).toEqual({ state: "gone" });
    expect(account.things.size + converger.size).toBe(0);
    await converger.converge(WISH);
    await converger.retire(WISH);
    expect(account.calls).toEqual(["observe", "create", "delete", "observe", "create", "delete"]);
  });

  test("is asked for again while it cannot be deleted, and when its service is gone", async () => {
    const account = new Account();
    const converger = new Converger(account);
    account.things.set("thing", { colour: "red", shape: "held" });
    expect(await converger.retire(WISH)).toMatchObject({ state: "blocked" });
    account.things.clear();
    await converger.retire(WISH);
    converger.forgetOwnedBy(OWNER);
    await converger.retire(WISH);
    expect(account.calls).toEqual(["delete", "delete", "delete"]);
  });
});

test("what is remembered goes with the service that it was for", async () => {
  const account = new Account();
  const converger = new Converger(account);
  await converger.converge(WISH);
  converger.forgetOwnedBy({ namespace: "dispatch", name: "another" });
  expect(await converger.converge(WISH)).toMatchObject({ unasked: "remembered" });
  converger.forgetOwnedBy(OWNER);
  account.things.delete("thing");
  account.calls.length = 0;
  expect(await converger.converge(WISH)).toMatchObject({ state: "asDesired" });
  expect(account.calls).toEqual(["observe", "create"]);
});

describe("converge", () => {
  test("creates what is absent, and asks no more while the wish is the same", async () => {
    const account = new Account();
    const converger = new Converger(account);
    expect(await converger.converge(WISH)).toEqual({
      state: "asDesired",
      observed: { colour: "red", shape: "round" },
      corrected: [],
      seenAs: seenAs(WISH),
      unasked: undefined,
      created: true,
    });
    await converger.converge({ ...WISH });
    expect(account.calls).toEqual(["observe", "create"]);
  });

  test("changes what differs and says what it put back", async () => {
    const account = new Account();
    account.things.set("thing", { colour: "blue", shape: "round" });
    expect(await new Converger(account).converge(WISH)).toEqual({
      state: "asDesired",
      observed: { colour: "red", shape: "round" },
      seenAs: seenAs(WISH),
      unasked: undefined,
      created: false,
      corrected: [{ field: "colour", observed: "blue", desired: "red" }],
    });
  });

  test("never takes over what is foreign, and looks again each time", async () => {
    const account = new Account();
    account.things.set("thing", { colour: "blue", shape: "round", foreign: true });
    const converger = new Converger(account);
    expect(await converger.converge(WISH)).toEqual({ state: "foreign", owner: "Terraform" });
    await converger.converge(WISH);
    expect(account.calls).toEqual(["observe", "observe"]);
  });

  test("a creation whose answer was lost ends in `exists`: it observes again and goes on with what is its own", async () => {
    const account = new Account();
    account.things.set("thing", { colour: "red", shape: "round" });
    account.hidden = 1;
    expect(await new Converger(account).converge(WISH)).toMatchObject({ state: "asDesired" });
    expect(account.calls).toEqual(["observe", "create", "observe"]);
  });

  test("what cannot be changed stays reported and is not remembered as good", async () => {
    const account = new Account();
    account.things.set("thing", { colour: "red", shape: "square" });
    const converger = new Converger(account);
    expect(await converger.converge(WISH)).toMatchObject({ state: "stuck", differences: [{ field: "shape" }] });
    expect(converger.size).toBe(0);
  });

  test("a changed wish is read and written again", async () => {
    const account = new Account();
    const converger = new Converger(account);
    await converger.converge(WISH);
    await converger.converge({ ...WISH, colour: "green" });
    expect(account.things.get("thing")?.colour).toBe("green");
  });
});

describe("what its service has never had", () => {
  test("is made without a look", async () => {
    const account = new Account();
    expect(await new Converger(account).converge(WISH, "create")).toMatchObject({ state: "asDesired", created: true });
    expect(account.calls).toEqual(["create"]);
  });

  test("and is there, as after the loss of a cluster, is looked at and put right", async () => {
    const account = new Account();
    account.things.set("thing", { colour: "blue", shape: "round" });
    const corrected = [{ field: "colour", observed: "blue", desired: "red" }];
    expect(await new Converger(account).converge(WISH, "create")).toMatchObject({ state: "asDesired", corrected, created: false });
    expect(account.calls).toEqual(["create", "observe", "update"]);
  });

  test("and is somebody's stays theirs", async () => {
    const account = new Account();
    account.things.set("thing", { colour: "blue", shape: "round", foreign: true });
    expect(await new Converger(account).converge(WISH, "create")).toEqual({ state: "foreign", owner: "Terraform" });
    expect(account.things.get("thing")).toMatchObject({ colour: "blue" });
  });

  test.each(["denied", "overQuota", "invalid"] as const)(
    "is looked for where a creation is %s, which says nothing of what is there",
    async (barred) => {
      const account = new Account();
      account.barred = barred;
      account.things.set("thing", { colour: "red", shape: "round" });
      expect(await new Converger(account).converge(WISH, "create")).toMatchObject({ state: "asDesired", created: false });
      account.things.clear();
      await expect(new Converger(account).converge(WISH, "create")).rejects.toMatchObject({ class: barred });
    },
  );

  test("is not looked for where AWS does not answer", async () => {
    const account = new Account();
    account.barred = "unreachable";
    await expect(new Converger(account).converge(WISH, "create")).rejects.toMatchObject({ class: "unreachable" });
    expect(account.calls).toEqual(["create"]);
  });
});

describe("the sweep", () => {
  test("forgets what is gone, differs or was made again, and nothing else", async () => {
    const account = new Account();
    const converger = new Converger(account);
    for (const name of ["same", "changed", "made again", "gone"])
      await converger.converge({ ...WISH, name, owner: { namespace: "n", name } });
    const changed = converger.sweep(
      new Map([
        ["same", { colour: "red", shape: "round" }],
        ["changed", { colour: "pink", shape: "round" }],
        ["made again", { colour: "red", shape: "round", made: "second" }],
      ]),
    );
    expect(changed.map((k) => k.name)).toEqual(["changed", "made again", "gone"]);
    expect(converger.size).toBe(1);
  });

  test("round-robin forgets the longest unread first", async () => {
    const converger = new Converger(new Account());
    for (const name of ["first", "second"]) await converger.converge({ ...WISH, name, owner: { namespace: "n", name } });
    expect([converger.forgetOldest()?.name, converger.forgetOldest()?.name, converger.forgetOldest()]).toEqual([
      "first",
      "second",
      undefined,
    ]);
  });
});

describe("a process that begins, and has read all at once", () => {
  const NEVER = new Promise<never>(() => undefined);
  const AS_WISHED: Seen = { colour: "red", shape: "round" };
  const as = (wish: Thing, made?: string): FirstCall => ({ seenAs: seenAs(wish, made) });
  const SEEN = as(WISH);
  const ANOTHER = { ...WISH, name: "another" };
  const LATER = { ...WISH, name: "later" };
  const primed = (...objects: readonly (readonly [string, Seen])[]): { account: Account; converger: Converger<Thing, Seen> } => {
    const account = new Account();
    account.things.set("thing", AS_WISHED);
    const converger = new Converger(account);
    converger.prime(Promise.resolve(new Map(objects)), { late: NEVER, over: NEVER });
    return { account, converger };
  };

  test("asks nothing of what is as desired, and remembers it", async () => {
    const { account, converger } = primed(["thing", AS_WISHED]);
    expect(await converger.converge(WISH, SEEN)).toMatchObject({
      state: "asDesired",
      observed: AS_WISHED,
      seenAs: seenAs(WISH),
      corrected: [],
      unasked: "inBulk",
      created: false,
    });
    expect(await converger.converge(WISH)).toMatchObject({ unasked: "remembered" });
    expect(account.calls).toEqual([]);
    expect(converger.sweep(new Map([["thing", { ...AS_WISHED, colour: "blue" }]]))).toEqual([OWNER]);
  });

  test("reads what differs, or was not there, and writes by that alone", async () => {
    const { account, converger } = primed(["thing", { ...AS_WISHED, colour: "blue" }]);
    await converger.converge(WISH, SEEN);
    await converger.converge(ANOTHER, as(ANOTHER));
    expect(account.calls).toEqual(["observe", "observe", "create"]);
  });

  test("reads what may never have been as desired, since no bulk read tells all", async () => {
    const { account, converger } = primed(["thing", AS_WISHED]);
    await converger.converge(WISH, "read");
    converger.forget("thing");
    await converger.converge(WISH, SEEN);
    expect(account.calls).toEqual(["observe", "observe"]);
  });

  test("reads what was last seen as another wish had it, since no bulk read tells all", async () => {
    const { account, converger } = primed(["thing", AS_WISHED]);
    await converger.converge(WISH, as({ ...WISH, colour: "green" }));
    expect(account.calls).toEqual(["observe"]);
  });

  test("reads what was deleted and made again since it was seen, and says of which it tells from then on", async () => {
    const { account, converger } = primed(["thing", { ...AS_WISHED, made: "second" }]);
    account.things.set("thing", { ...AS_WISHED, made: "second" });
    expect(await converger.converge(WISH, SEEN)).toMatchObject({ unasked: undefined, seenAs: seenAs(WISH, "second") });
    expect(account.calls).toEqual(["observe"]);
    const next = primed(["thing", { ...AS_WISHED, made: "second" }]);
    expect(await next.converger.converge(WISH, as(WISH, "second"))).toMatchObject({ unasked: "inBulk", seenAs: seenAs(WISH, "second") });
  });

  test("looks at each once: a second look is at what is there then", async () => {
    const { account, converger } = primed(["thing", AS_WISHED]);
    await converger.converge(WISH, SEEN);
    await converger.converge({ ...WISH, colour: "green" }, SEEN);
    await converger.converge(WISH, SEEN);
    expect(account.calls).toEqual(["observe", "update", "observe", "update"]);
  });

  test.each<[string, (converger: Converger<Thing, Seen>) => unknown]>([
    ["after the first sweep", (converger) => converger.sweep(new Map())],
    ["of a service that asks to be read afresh", (converger) => converger.forgetOwnedBy(OWNER)],
    ["of what was read the longest ago", async (converger) => (await converger.converge(WISH, SEEN), converger.forgetOldest())],
    ["of what was forgotten", (converger) => converger.forget("thing")],
  ])("reads by itself %s", async (_, become) => {
    const { account, converger } = primed(["thing", AS_WISHED]);
    await become(converger);
    await converger.converge(WISH, SEEN);
    expect(account.calls).toEqual(["observe"]);
  });

  test("what was deleted since is made again", async () => {
    const { account, converger } = primed(["thing", AS_WISHED]);
    await converger.retire(WISH);
    expect(await converger.converge(WISH, SEEN)).toMatchObject({ created: true });
    expect(account.things.get("thing")).toEqual(AS_WISHED);
  });

  test("what a suspended service was seen to have is not what it is resumed by", async () => {
    const { account, converger } = primed(["thing", { ...AS_WISHED, colour: "blue" }]);
    account.things.set("thing", { ...AS_WISHED, colour: "green" });
    expect(await converger.look(WISH, SEEN)).toMatchObject({ state: "withheld", observed: { colour: "green" } });
    expect(await converger.converge(WISH, SEEN)).toMatchObject({ state: "asDesired", corrected: [{ field: "colour" }] });
  });

  test("a look at what is as desired asks nothing either", async () => {
    const { account, converger } = primed(["thing", AS_WISHED]);
    expect(await converger.look(WISH, SEEN)).toMatchObject({ state: "asDesired" });
    expect(account.calls).toEqual([]);
  });

  test("makes what was never there without waiting for it", async () => {
    const { converger } = primed();
    converger.prime(NEVER, { late: NEVER, over: NEVER });
    expect(await converger.converge({ ...WISH, name: "another" }, "create")).toMatchObject({ created: true });
  });

  test("does not wait for longer than it should, and uses what comes later", async () => {
    const { account, converger } = primed();
    const bulk = Promise.withResolvers<ReadonlyMap<string, Seen>>();
    converger.prime(bulk.promise, { late: Promise.resolve(), over: NEVER });
    account.things.set("later", AS_WISHED);
    await converger.converge(WISH, SEEN);
    bulk.resolve(new Map([["later", AS_WISHED]]));
    await bulk.promise;
    await converger.converge(LATER, as(LATER));
    expect(account.calls).toEqual(["observe"]);
  });

  test("reads by itself what it looks at after that is over", async () => {
    const account = new Account();
    account.things.set("thing", AS_WISHED);
    const converger = new Converger(account);
    const over = Promise.resolve();
    converger.prime(Promise.resolve(new Map([["thing", AS_WISHED]])), { late: NEVER, over });
    await new Promise(setImmediate);
    await converger.converge(WISH, SEEN);
    expect(account.calls).toEqual(["observe"]);
  });

  test("reads by itself what waited for it while a sweep read all", async () => {
    const { account, converger } = primed();
    const bulk = Promise.withResolvers<ReadonlyMap<string, Seen>>();
    converger.prime(bulk.promise, { late: NEVER, over: NEVER });
    const coming = converger.converge(WISH, SEEN);
    converger.sweep(new Map());
    bulk.resolve(new Map([["thing", AS_WISHED]]));
    expect(await coming).toMatchObject({ state: "asDesired", unasked: undefined });
    expect(account.calls).toEqual(["observe"]);
  });
});

describe("look", () => {
  const painted = (account: Account, colour: string): void => void account.things.set("thing", { colour, shape: "round" });

  test("says what is not there and what differs, and writes nothing", async () => {
    const account = new Account();
    const converger = new Converger(account);
    expect(await converger.look(WISH)).toEqual({ state: "withheld", observed: undefined, differences: [] });
    painted(account, "blue");
    expect(await converger.look({ ...WISH, shape: "square" })).toMatchObject({
      state: "withheld",
      observed: { colour: "blue" },
      differences: [{ field: "colour" }, { field: "shape" }],
    });
    expect(account.calls).toEqual(["observe", "observe"]);
  });

  test("reads what differs once for a sweep, which has it read again: somebody may have put it right", async () => {
    const account = new Account();
    const converger = new Converger(account);
    painted(account, "blue");
    for (let pass = 0; pass < 3; pass++) expect(await converger.look(WISH)).toMatchObject({ state: "withheld" });
    expect(account.calls).toEqual(["observe"]);
    expect(converger.sweep(new Map([["thing", { colour: "blue", shape: "round" }]]))).toEqual([OWNER]);
    painted(account, "red");
    expect(await converger.look(WISH)).toMatchObject({ state: "asDesired", unasked: undefined });
    expect(converger.sweep(new Map([["thing", { colour: "red", shape: "round" }]]))).toEqual([]);
    expect(await converger.look(WISH)).toMatchObject({ state: "asDesired", unasked: "remembered" });
    expect(account.calls).toEqual(["observe", "observe"]);
  });

  test("leaves to converge what it found: that reads afresh and writes", async () => {
    const account = new Account();
    const converger = new Converger(account);
    painted(account, "blue");
    await converger.look(WISH);
    expect(await converger.converge(WISH)).toMatchObject({ state: "asDesired", corrected: [{ field: "colour" }], unasked: undefined });
    expect(account.calls).toEqual(["observe", "observe", "update"]);
  });

  test("names the owner of what is not ours", async () => {
    const account = new Account();
    account.things.set("thing", { colour: "red", shape: "round", foreign: true });
    expect(await new Converger(account).look(WISH)).toEqual({ state: "foreign", owner: "Terraform" });
  });
});
