import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EventRecorder, microTime } from "../../../src/kube/events.ts";
import { canonicalJson } from "../../../src/crds/canonical.ts";
import { KINDS } from "../../../src/kube/kinds.ts";
import { isJsonObject, type JsonObject } from "../../../src/kube/objects.ts";
import { createTransport, type Transport } from "../../../src/kube/transport.ts";
import { mergeDifference, writeFinalizers, writeStatus } from "../../../src/kube/writes.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { silentLog } from "../../support/kube-runtime.ts";
import { startScriptedServer, type ScriptedServer } from "../../support/scripted-server.ts";
import { SlowEvents } from "../../support/slow-events.ts";

let server: ScriptedServer;
let clock: FakeClock;
let transport: Transport;

beforeEach(async () => {
  server = await startScriptedServer();
  clock = new FakeClock();
  transport = createTransport(server.kubeConfig, { version: "1", clock });
});

afterEach(async () => {
  await transport.close();
  await server.close();
});

const SERVICE = {
  apiVersion: "platform-operator.dev/v1alpha1",
  kind: "PlatformService",
  metadata: { name: "settlement", namespace: "payments", uid: "u-1", resourceVersion: "7" },
};

const ABSENT = { kind: "Status", reason: "NotFound", code: 404, details: { name: "settlement" } };

describe("status and finalizers", () => {
  test("a status is a merge patch of what differs, with uid and resourceVersion", async () => {
    const before = { ...SERVICE, status: { role: { arn: "a" }, mesh: { provider: "Istio", host: "h" }, list: [1] } };
    const written = writeStatus(transport, KINDS.PlatformService, before, { mesh: { provider: "Istio" }, list: [1, 2] });
    const exchange = await server.next();
    expect([exchange.method, exchange.path]).toEqual([
      "PATCH",
      "/apis/platform-operator.dev/v1alpha1/namespaces/payments/platformservices/settlement/status",
    ]);
    expect(JSON.parse(exchange.body)).toEqual({
      metadata: { uid: "u-1", resourceVersion: "7" },
      status: { role: null, mesh: { host: null }, list: [1, 2] },
    });
    exchange.reply(200, SERVICE);
    expect(await written).toEqual(SERVICE);
  });

  test("an equal status sends nothing", async () => {
    const before = { ...SERVICE, status: { a: 1, b: undefined } };
    expect(await writeStatus(transport, KINDS.PlatformService, before, { a: 1 })).toBeUndefined();
  });

  test("finalizers of what is being deleted, and is gone, are nobody's any more", async () => {
    const deleting = { ...SERVICE, metadata: { ...SERVICE.metadata, deletionTimestamp: "2026-11-26T12:00:00Z" } };
    const written = writeFinalizers(transport, KINDS.PlatformService, deleting, []);
    (await server.next()).reply(404, ABSENT);
    expect(await written).toBeUndefined();
  });

  test("finalizers of what is gone otherwise are an error", async () => {
    const written = writeFinalizers(transport, KINDS.PlatformService, SERVICE, ["x"]);
    (await server.next()).reply(404, ABSENT);
    await expect(written).rejects.toMatchObject({ class: "notFound" });
  });

  test("finalizers carry the resourceVersion", async () => {
    const written = writeFinalizers(transport, KINDS.PlatformService, SERVICE, ["x"]);
    const exchange = await server.next();
    expect(JSON.parse(exchange.body)).toEqual({ metadata: { uid: "u-1", resourceVersion: "7", finalizers: ["x"] } });
    exchange.reply(200, SERVICE);
    await written;
  });

  test("the difference, merged, gives what was wanted", () => {
    const json = fc.dictionary(
      fc.constantFrom("a", "b", "c"),
      fc.oneof(fc.integer(), fc.array(fc.integer()), fc.dictionary(fc.constantFrom("x", "y"), fc.integer())),
    );
    fc.assert(
      fc.property(json, json, (from, to) => {
        expect(canonicalJson(merged(from, mergeDifference(from, to) ?? {}))).toBe(canonicalJson(to));
      }),
    );
  });

  /** RFC 7396. */
  function merged(target: JsonObject, patch: JsonObject): JsonObject {
    const result: Record<string, unknown> = { ...target };
    for (const [key, value] of Object.entries(patch)) {
      if (value === null) delete result[key];
      else result[key] = isJsonObject(value) ? merged(isJsonObject(target[key]) ? target[key] : {}, value) : value;
    }
    return result;
  }
});

describe("events", () => {
  const fields = { type: "Warning", reason: "NoImage", action: "Reconcile", note: "push the image" } as const;
  let failures: number;
  let recorder: EventRecorder;

  beforeEach(() => {
    failures = 0;
    recorder = new EventRecorder({ transport, clock, log: silentLog, instance: "operator-0", onFailure: () => failures++ });
  });

  test("an event is written to its object's namespace", async () => {
    recorder.record(SERVICE, fields);
    const exchange = await server.next();
    expect(exchange.path).toBe("/apis/events.k8s.io/v1/namespaces/payments/events");
    const event: unknown = JSON.parse(exchange.body);
    expect(event).toMatchObject({
      eventTime: "2026-01-01T00:00:00.000000Z",
      reportingController: "platform-operator",
      reportingInstance: "operator-0",
      reason: "NoImage",
      note: "push the image",
      type: "Warning",
      regarding: { kind: "PlatformService", namespace: "payments", name: "settlement", uid: "u-1", resourceVersion: "7" },
    });
    exchange.reply(201, { ...SERVICE, kind: "Event" });
    await recorder.flush();
  });

  test("the same again becomes a series of the one event", async () => {
    recorder.record(SERVICE, fields);
    (await server.next()).reply(409, { kind: "Status", code: 409, reason: "AlreadyExists", message: "exists" });
    (await server.next()).reply(200, { ...SERVICE, kind: "Event", series: { count: 4, lastObservedTime: "x" } });
    const patch = await server.next();
    expect(JSON.parse(patch.body)).toEqual({ series: { count: 5, lastObservedTime: "2026-01-01T00:00:00.000000Z" } });
    patch.reply(200, { ...SERVICE, kind: "Event" });
    await recorder.flush();
    expect(failures).toBe(0);
  });

  test("once more from the same process is one patch, of what it wrote last", async () => {
    recorder.record(SERVICE, fields);
    (await server.next()).reply(201, { ...SERVICE, kind: "Event" });
    await recorder.flush();
    for (const count of [2, 3]) {
      recorder.record(SERVICE, fields);
      const patch = await server.next();
      expect([patch.method, JSON.parse(patch.body)]).toEqual([
        "PATCH",
        { metadata: { resourceVersion: String(count + 5) }, series: { count, lastObservedTime: "2026-01-01T00:00:00.000000Z" } },
      ]);
      patch.reply(200, { ...SERVICE, kind: "Event", metadata: { ...SERVICE.metadata, resourceVersion: String(count + 6) } });
      await recorder.flush();
    }
  });

  test("what has expired since is made anew; what another process has written since is read first", async () => {
    recorder.record(SERVICE, fields);
    (await server.next()).reply(201, { ...SERVICE, kind: "Event" });
    await recorder.flush();
    recorder.record(SERVICE, fields);
    (await server.next()).reply(404, ABSENT);
    const creation = await server.next();
    expect(creation.method).toBe("POST");
    creation.reply(201, { ...SERVICE, kind: "Event" });
    await recorder.flush();
    recorder.record(SERVICE, fields);
    (await server.next()).reply(409, { kind: "Status", code: 409, message: "changed" });
    (await server.next()).reply(409, { kind: "Status", code: 409, reason: "AlreadyExists", message: "exists" });
    (await server.next()).reply(200, { ...SERVICE, kind: "Event", series: { count: 8, lastObservedTime: "x" } });
    const patch = await server.next();
    expect(JSON.parse(patch.body)).toMatchObject({ series: { count: 9 } });
    patch.reply(200, { ...SERVICE, kind: "Event" });
    await recorder.flush();
    expect(failures).toBe(0);
  });

  test("a tier's event lives in default, its name depends on what it says alone", async () => {
    const { namespace: _namespace, ...metadata } = SERVICE.metadata;
    const names: unknown[] = [];
    for (const note of ["a", "a", "b"]) {
      recorder.record({ ...SERVICE, kind: "PlatformTier", metadata }, { ...fields, note });
      const exchange = await server.next();
      expect(exchange.path).toContain("/namespaces/default/");
      const event: unknown = JSON.parse(exchange.body);
      const created = isJsonObject(event) && isJsonObject(event.metadata) ? event.metadata.name : undefined;
      names.push(exchange.method === "PATCH" ? exchange.path.split("/").at(-1) : created);
      exchange.reply(201, { ...SERVICE, kind: "Event" });
      await recorder.flush();
    }
    expect(names[0]).toMatch(/^settlement\.[0-9a-f]{16}$/);
    expect([names[1] === names[0], names[2] === names[0]]).toEqual([true, false]);
  });

  test("a failure is counted, not thrown; a note is at most 1024 bytes", async () => {
    recorder.record(SERVICE, { ...fields, note: "ü".repeat(2000) });
    const exchange = await server.next();
    const event: unknown = JSON.parse(exchange.body);
    const note = isJsonObject(event) && typeof event.note === "string" ? event.note : "";
    expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
    expect(note.endsWith("ü…")).toBe(true);
    exchange.reply(403, { kind: "Status", code: 403, message: "no" });
    await recorder.flush();
    expect(failures).toBe(1);
  });

  test("flush waits for what is on its way", async () => {
    await recorder.flush();
    recorder.record(SERVICE, fields);
    let flushed = false;
    const flush = recorder.flush().then(() => (flushed = true));
    const exchange = await server.next();
    expect(flushed).toBe(false);
    exchange.reply(201, { ...SERVICE, kind: "Event" });
    await flush;
  });

  test("the time is that of recording, not of writing", async () => {
    recorder.record(SERVICE, fields);
    recorder.record(SERVICE, fields);
    recorder.record(SERVICE, { ...fields, note: "another" });
    clock.advance(10_000);
    (await server.next()).reply(201, { ...SERVICE, kind: "Event" });
    const again = await server.next();
    expect(JSON.parse(again.body)).toMatchObject({ series: { count: 2, lastObservedTime: "2026-01-01T00:00:00.000000Z" } });
    again.reply(200, { ...SERVICE, kind: "Event" });
    const another = await server.next();
    expect(JSON.parse(another.body)).toMatchObject({ note: "another", eventTime: "2026-01-01T00:00:00.000000Z" });
    another.reply(201, { ...SERVICE, kind: "Event" });
    await recorder.flush();
  });

  test("times have six digits", () => {
    expect(microTime(Date.parse("2026-02-03T04:05:06.7Z"))).toBe("2026-02-03T04:05:06.700000Z");
  });
});

describe("many events", () => {
  const fields = { type: "Normal", reason: "DriftCorrected", action: "Reconcile" } as const;
  const over = new AbortController();
  let events: SlowEvents;
  let failures: number;
  let warnings: unknown[];
  let recorder: EventRecorder;

  beforeEach(() => {
    events = new SlowEvents();
    failures = 0;
    warnings = [];
    recorder = new EventRecorder({
      transport: events.transport,
      clock,
      log: { ...silentLog, warn: (said) => warnings.push(said) },
      instance: "operator-0",
      onFailure: () => failures++,
    });
  });

  function record(...notes: readonly string[]): void {
    for (const note of notes) recorder.record(SERVICE, { ...fields, note });
  }

  test("are written one at a time, in the order recorded, whatever becomes of each", async () => {
    events.refuse("b");
    record("a", "b", "c");
    expect(events.begun).toEqual(["a"]);
    events.answer();
    record("d");
    await recorder.flush();
    expect([events.begun, events.mostAtOnce, failures]).toEqual([["a", "b", "c", "d"], 1, 1]);
    record("e");
    await recorder.flush();
    expect(events.begun.at(-1)).toBe("e");
  });

  test("of more than a thousand that wait the last are lost: each is counted, and all are logged at once", async () => {
    const kept = ["under way", ...Array.from({ length: 1000 }, (_, place) => String(place))];
    record(...kept, "x", "y", "z");
    expect([failures, warnings]).toEqual([3, []]);
    events.answer();
    await recorder.flush();
    expect([events.begun, failures, warnings]).toEqual([kept, 3, [{ lost: 3 }]]);
    record("x");
    await recorder.flush();
    expect([events.begun.at(-1), failures, warnings.length]).toEqual(["x", 3, 1]);
  });

  test("at the end are waited for until they are written, and no longer", async () => {
    record("a", "b");
    const ended = recorder.end(5_000, over.signal);
    events.answer();
    await ended;
    expect([events.begun, failures, warnings, clock.timers()]).toEqual([["a", "b"], 0, [], []]);
  });

  test("at the end are lost when it takes too long", async () => {
    record("a", "b", "c");
    const ended = recorder.end(5_000, over.signal);
    clock.advance(5_000);
    await ended;
    expect([failures, warnings]).toEqual([2, [{ lost: 2 }]]);
    events.answer();
    await recorder.flush();
    expect([events.begun, failures]).toEqual([["a"], 2]);
  });

  test("are lost at once with the right to write them", async () => {
    record("a", "b");
    await recorder.end(5_000, AbortSignal.abort());
    expect([failures, warnings, clock.timers()]).toEqual([1, [{ lost: 1 }], []]);
  });
});
