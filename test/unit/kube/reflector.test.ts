import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { KINDS } from "../../../src/kube/kinds.ts";
import type { LiveObject } from "../../../src/kube/objects.ts";
import { Reflector, SILENCE_MS } from "../../../src/kube/reflector.ts";
import { Store, type Change } from "../../../src/kube/store.ts";
import { createTransport, type Transport } from "../../../src/kube/transport.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { silentLog } from "../../support/kube-runtime.ts";
import { startScriptedServer, type Exchange, type ScriptedServer } from "../../support/scripted-server.ts";

/** The reflector against a server that speaks the watch protocol on real sockets, well and badly. */

interface Kept {
  readonly name: string;
  readonly version: string;
}

let server: ScriptedServer;
let clock: FakeClock;
let transport: Transport;
let store: Store<Kept>;
let reflector: Reflector<Kept>;
let stopping: AbortController;
let running: Promise<void>;
let changes: { readonly type: string; readonly name: string }[];
let listeners: ((change: Change<Kept>) => void)[];
let chance: number;

beforeEach(async () => {
  server = await startScriptedServer();
  clock = new FakeClock();
  chance = 0;
  transport = createTransport(server.kubeConfig, { version: "1.2.3", clock });
  store = new Store({ reduce: (object) => ({ name: object.metadata.name, version: object.metadata.resourceVersion }) });
  changes = [];
  listeners = [];
  store.subscribe((change) => {
    changes.push({ type: change.type, name: change.key.name });
    for (const listener of listeners.splice(0)) listener(change);
  });
  reflector = new Reflector({ transport, resource: KINDS.ServiceAccount, store, clock, random: () => chance, log: silentLog });
  stopping = new AbortController();
  running = reflector.run(stopping.signal);
});

afterEach(async () => {
  stopping.abort();
  await running;
  await transport.close();
  await server.close();
});

function account(name: string, resourceVersion: string): LiveObject {
  return { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace: "a", uid: `uid-${name}`, resourceVersion } };
}

function bookmark(resourceVersion: string, initialEventsEnd: boolean): unknown {
  const annotations = initialEventsEnd ? { annotations: { "k8s.io/initial-events-end": "true" } } : {};
  return { kind: "ServiceAccount", apiVersion: "v1", metadata: { resourceVersion, ...annotations } };
}

function names(): readonly string[] {
  return store.list().map(({ name, version }) => `${name}@${version}`);
}

/** Resolves at the next change that the store tells. */
function nextChange(): Promise<Change<Kept>> {
  return new Promise((resolve) => listeners.push(resolve));
}

function state(wanted: string): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (reflector.state() === wanted) resolve();
    };
    reflector.onState(look);
    look();
  });
}

/** Serves the first WatchList with the given objects. */
async function synced(...objects: readonly LiveObject[]): Promise<Exchange> {
  const watch = await server.next();
  watch.begin();
  for (const object of objects) watch.frame("ADDED", object);
  watch.frame("BOOKMARK", bookmark("10", true));
  await state("synced");
  return watch;
}

describe("reading everything", () => {
  test("a streamed list fills the store at its final bookmark, and goes on as a watch", async () => {
    const watch = await server.next();
    expect(watch.path).toBe("/api/v1/serviceaccounts");
    expect(Object.fromEntries(watch.query)).toEqual({
      watch: "true",
      allowWatchBookmarks: "true",
      sendInitialEvents: "true",
      resourceVersionMatch: "NotOlderThan",
      timeoutSeconds: "300",
    });
    expect(reflector.lastEventAgeSeconds()).toBeUndefined();
    watch.begin();
    watch.frame("ADDED", account("a", "3"));
    watch.frame("BOOKMARK", bookmark("5", false));
    watch.frame("ADDED", account("b", "7"));
    watch.frame("BOOKMARK", bookmark("10", true));
    await state("synced");
    expect(names()).toEqual(["a@3", "b@7"]);

    const added = nextChange();
    watch.frame("ADDED", account("c", "11"));
    await added;
    const deleted = nextChange();
    watch.frame("DELETED", account("a", "12"));
    await deleted;
    expect(names()).toEqual(["b@7", "c@11"]);
    clock.advance(4_000);
    expect(reflector.lastEventAgeSeconds()).toBe(4);
  });

  test("a server that refuses streamed lists is listed in pages", async () => {
    const refused = await server.next();
    refused.reply(422, { kind: "Status", code: 422, message: "sendInitialEvents is forbidden" });
    const first = await server.next();
    expect(first.query.get("watch")).toBeNull();
    expect(first.query.get("limit")).toBe("500");
    const { apiVersion: _a, kind: _k, ...bare } = account("a", "3");
    first.reply(200, { metadata: { resourceVersion: "10", continue: "more" }, items: [bare] });
    const second = await server.next();
    expect(second.query.get("continue")).toBe("more");
    second.reply(200, { metadata: { resourceVersion: "10" }, items: [account("b", "4")] });
    await state("synced");
    expect(names()).toEqual(["a@3", "b@4"]);
    const watch = await server.next();
    expect(watch.query.get("resourceVersion")).toBe("10");
    expect(watch.query.get("sendInitialEvents")).toBeNull();
  });

  test("a page whose revision expired is read again as a whole", async () => {
    (await server.next()).reply(400, { kind: "Status", code: 400, message: "no" });
    (await server.next()).reply(200, { metadata: { resourceVersion: "10", continue: "more" }, items: [account("a", "3")] });
    (await server.next()).reply(410, { kind: "Status", code: 410, reason: "Expired", message: "too old" });
    const whole = await server.next();
    expect(whole.query.get("limit")).toBeNull();
    whole.reply(200, { metadata: { resourceVersion: "12" }, items: [account("b", "4")] });
    await state("synced");
    expect(names()).toEqual(["b@4"]);
  });

  test("a stream that ends again and again before its list does is given up for a list", async () => {
    for (let attempt = 0; attempt < 2; attempt++) {
      const watch = await server.next();
      expect(watch.query.get("sendInitialEvents")).toBe("true");
      watch.begin();
      watch.frame("ADDED", account("a", "3"));
      watch.end();
    }
    const list = await server.next();
    expect(list.query.get("watch")).toBeNull();
    expect(reflector.hasSynced()).toBe(false);
  });
});

describe("going on after an interruption", () => {
  test("a watch that the server ends is resumed from the last bookmark", async () => {
    const watch = await synced(account("a", "3"));
    watch.frame("BOOKMARK", bookmark("20", false));
    clock.advance(60_000);
    watch.end();
    const next = await server.next();
    expect(next.query.get("resourceVersion")).toBe("20");
  });

  test("a cut socket is resumed from the last frame, half a frame is not taken", async () => {
    const watch = await synced();
    const added = nextChange();
    watch.frame("ADDED", account("a", "21"));
    await watch.write('{"type":"ADDED","object":{"metadata":');
    await added;
    watch.cut();
    const next = await server.next();
    expect(next.query.get("resourceVersion")).toBe("21");
    expect(names()).toEqual(["a@21"]);
  });

  test("frames cut anywhere, inside a character too, are put together", async () => {
    const watch = await synced();
    const object = { ...account("a", "22"), note: "Zürich – 東京" };
    const added = nextChange();
    for (const byte of Buffer.from(`${JSON.stringify({ type: "ADDED", object })}\n`)) await watch.write(Buffer.from([byte]));
    await added;
    expect(names()).toEqual(["a@22"]);
  });

  test("a half-open socket is given up for a new connection after two and a half minutes of silence", async () => {
    const watch = await synced(account("a", "3"));
    clock.advance(SILENCE_MS - 1);
    expect(reflector.lastEventAgeSeconds()).toBeCloseTo((SILENCE_MS - 1) / 1000);
    clock.advance(1);
    const next = await server.next();
    expect(next.clientPort).not.toBe(watch.clientPort);
    expect(next.query.get("resourceVersion")).toBe("10");
    await watch.closed;
  });

  test("410 as an ERROR frame leads to a new list; what is gone meanwhile is told as deleted", async () => {
    const watch = await synced(account("a", "3"), account("b", "4"));
    changes.length = 0;
    watch.frame("ERROR", { kind: "Status", code: 410, reason: "Expired", message: "too old resource version" });
    const next = await server.next();
    expect(next.query.get("sendInitialEvents")).toBe("true");
    expect(reflector.state()).toBe("synced");
    next.begin();
    next.frame("ADDED", account("b", "4"));
    next.frame("ADDED", account("c", "30"));
    const told = nextChange();
    next.frame("BOOKMARK", bookmark("31", true));
    await told;
    expect(changes).toEqual([
      { type: "deleted", name: "a" },
      { type: "added", name: "c" },
    ]);
  });

  test("410 as the answer itself, and a revision that the server has not reached, lead to a new list", async () => {
    for (const code of [410, 504]) {
      const watch = code === 410 ? await synced() : await server.next();
      watch.cut();
      const resumed = await server.next();
      resumed.reply(code, { kind: "Status", code, message: "no" });
      const again = await server.next();
      expect([code, again.query.get("sendInitialEvents")]).toEqual([code, "true"]);
      again.begin();
      again.frame("BOOKMARK", bookmark("40", true));
      again.end();
    }
  });

  test.each([
    ["prose", "<html>bad gateway</html>\n"],
    ["a frame of an unknown type", '{"type":"SURPRISE","object":{}}\n'],
    ["an object without metadata", '{"type":"ADDED","object":{"kind":"ServiceAccount"}}\n'],
    ["a bookmark without a revision", '{"type":"BOOKMARK","object":{}}\n'],
  ])("garbage (%s) leads to a new list", async (_what, garbage) => {
    const watch = await synced(account("a", "3"));
    await watch.write(garbage);
    const next = await server.next();
    expect(next.query.get("sendInitialEvents")).toBe("true");
    expect(names()).toEqual(["a@3"]);
  });

  test("a listener that throws does not end the watch", async () => {
    const watch = await synced();
    store.subscribe(() => {
      throw new Error("a bug in a handler");
    });
    const first = nextChange();
    watch.frame("ADDED", account("a", "21"));
    await first;
    const second = nextChange();
    watch.frame("ADDED", account("b", "22"));
    await second;
    expect(names()).toEqual(["a@21", "b@22"]);
  });
});

describe("when nothing answers", () => {
  test("it backs off with full jitter, up to 10 s, and Retry-After is the least", async () => {
    const watch = await synced();
    chance = 0.5;
    const pauses = (ms: number): boolean => ms !== SILENCE_MS;
    let pause = clock.scheduled(pauses);
    watch.cut();
    const delays: number[] = [];
    while (delays.length < 10) {
      delays.push(await pause);
      pause = clock.scheduled(pauses);
      clock.advance(delays.at(-1) ?? 0);
      (await server.next()).reply(500, { kind: "Status", code: 500, message: "broken" });
    }
    expect(delays).toEqual([125, 250, 500, 1000, 2000, 4000, 5000, 5000, 5000, 5000]);
    const last = await pause;
    pause = clock.scheduled(pauses);
    clock.advance(last);
    (await server.next()).reply(429, { kind: "Status", code: 429, message: "slow down" }, { "retry-after": "77" });
    expect(await pause).toBe(77_000);
  });

  test.each([
    ["at once where it was read a while ago", 31_000, 125],
    ["after the back-off where it was read just now", 1_000, 1000],
  ])("a revision that has expired after a row of failures is read anew %s", async (_what, age, expected) => {
    const watch = await synced();
    clock.advance(age);
    chance = 0.5;
    const pauses = (ms: number): boolean => ms !== SILENCE_MS;
    let pause = clock.scheduled(pauses);
    watch.cut();
    for (const code of [500, 500, 410]) {
      const delay = await pause;
      pause = clock.scheduled(pauses);
      clock.advance(delay);
      (await server.next()).reply(code, { kind: "Status", code, message: "no" });
    }
    expect(await pause).toBe(expected);
  });

  test("watches that end as soon as they begin make no hot loop", async () => {
    const first = await synced();
    chance = 0.5;
    first.end();
    const paused = clock.scheduled((ms) => ms < 30_000);
    const second = await server.next();
    second.begin();
    second.end();
    expect(await paused).toBe(125);
  });
});

describe("a kind that is not served", () => {
  test("is missing, counts as synced, and is asked for again at a nudge", async () => {
    (await server.next()).reply(404, "404 page not found\n");
    await state("missing");
    expect(reflector.hasSynced()).toBe(true);
    expect(clock.timers()).toEqual([30_000]);
    reflector.nudge();
    await synced(account("a", "3"));
    expect(names()).toEqual(["a@3"]);
  });

  test("that vanishes empties the store, has no age, and comes back by itself", async () => {
    const watch = await synced(account("a", "3"));
    watch.end();
    (await server.next()).reply(404, "404 page not found\n");
    await state("missing");
    expect(names()).toEqual([]);
    expect(changes.at(-1)).toEqual({ type: "deleted", name: "a" });
    expect(reflector.lastEventAgeSeconds()).toBeUndefined();
    clock.advance(30_000);
    await synced(account("a", "33"));
    expect(names()).toEqual(["a@33"]);
    expect(reflector.lastEventAgeSeconds()).toBe(0);
  });
});
