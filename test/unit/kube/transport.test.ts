import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createSecureServer } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { paceOf } from "../../../src/aws/token-bucket.ts";
import { NotServedError } from "../../../src/kube/errors.ts";
import { KINDS } from "../../../src/kube/kinds.ts";
import type { LiveObject } from "../../../src/kube/objects.ts";
import { createTransport, type Transport } from "../../../src/kube/transport.ts";
import { KubeError } from "../../../src/reconcilers/ports.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { Gate } from "../../support/gate.ts";
import { CERTIFICATES } from "../../support/test-certificates.ts";
import { addressOf, startScriptedServer, type ScriptedServer } from "../../support/scripted-server.ts";

let server: ScriptedServer;
let clock: FakeClock;
let transport: Transport;
let observed: string[];

const OBJECT: LiveObject = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "settlement", namespace: "payments", uid: "u", resourceVersion: "7" },
};
const TARGET = { resource: KINDS.Deployment, namespace: "payments", name: "settlement" } as const;

beforeEach(async () => {
  server = await startScriptedServer();
  clock = new FakeClock();
  observed = [];
  const observer = {
    request: (verb: string, resource: string, code: number): void => void observed.push(`${verb} ${resource} ${code}`),
  };
  transport = createTransport(server.kubeConfig, { version: "1.2.3", clock, observer, connections: 2 });
});

afterEach(async () => {
  await transport.close();
  await server.close();
});

test("each request waits for its turn, and its time begins after that", async () => {
  const turn = Promise.withResolvers<void>();
  const paced = createTransport(server.kubeConfig, { version: "1.2.3", clock, pace: () => turn.promise });
  const answer = paced.get(TARGET);
  const request = server.next();
  clock.advance(60_000);
  expect(await Promise.race([request.then(() => "sent"), new Promise((resolve) => void setImmediate(() => resolve("waits")))])).toBe(
    "waits",
  );
  turn.resolve();
  (await request).reply(200, OBJECT);
  expect(await answer).toEqual(OBJECT);
  await paced.close();
});

test("where kubernetes.limit is 2/s, of five requests at once two go in the first second, and one each half a second after it", async () => {
  const paced = createTransport(server.kubeConfig, { version: "1.2.3", clock, pace: paceOf("2/s", clock) });
  const answers = Promise.all(Array.from({ length: 5 }, () => paced.get(TARGET)));
  const gone: number[] = [];
  for (let taken = 0; taken < 5; taken++) {
    const next = server.next();
    if (taken > 1) clock.advance(500);
    (await next).reply(200, OBJECT);
    gone.push(clock.monotonic());
  }
  await answers;
  const [first = 0] = gone;
  expect(gone.map((at) => at - first)).toEqual([0, 0, 500, 1_000, 1_500]);
  await paced.close();
});

/** What the promise was rejected with; fails when it was not, or not with a KubeError. */
async function kubeError(promise: Promise<unknown>): Promise<KubeError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof KubeError)) throw new Error("not rejected with a KubeError", { cause: error });
  return error;
}

describe("what goes out", () => {
  test("an apply is server-side, strict, by our manager, as plain JSON", async () => {
    const applied = transport.apply(TARGET, { spec: { from: [{ unknown: true }] } }, { force: true });
    const exchange = await server.next();
    expect(exchange.method).toBe("PATCH");
    expect(exchange.path).toBe("/apis/apps/v1/namespaces/payments/deployments/settlement");
    expect(Object.fromEntries(exchange.query)).toEqual({ fieldManager: "platform-operator", fieldValidation: "Strict", force: "true" });
    expect(exchange.headers).toMatchObject({
      "content-type": "application/apply-patch+yaml",
      "user-agent": "platform-operator/1.2.3",
      authorization: "Bearer secret",
    });
    expect(JSON.parse(exchange.body)).toEqual({ spec: { from: [{ unknown: true }] } });
    exchange.reply(201, OBJECT);
    expect(await applied).toEqual({ created: true, object: OBJECT });
    expect(observed).toEqual(["apply deployments.apps 201"]);
  });

  test("an unforced apply does not say force", async () => {
    const applied = transport.apply(TARGET, {}, { force: false });
    const exchange = await server.next();
    expect(exchange.query.has("force")).toBe(false);
    exchange.reply(200, OBJECT);
    expect((await applied).created).toBe(false);
  });

  test("a delete carries the uid; a Status is gone, and so is what is not held; an object that is held is deleting", async () => {
    const gone = transport.delete(TARGET, { uid: "u", propagationPolicy: "Background" });
    const exchange = await server.next();
    expect(JSON.parse(exchange.body)).toMatchObject({ preconditions: { uid: "u" }, propagationPolicy: "Background" });
    exchange.reply(200, { kind: "Status", status: "Success" });
    expect(await gone).toBe("gone");
    const deleting = transport.delete(TARGET, { uid: "u", propagationPolicy: "Foreground" });
    (await server.next()).reply(200, { ...OBJECT, metadata: { ...OBJECT.metadata, deletionTimestamp: "2026-11-27T12:00:00Z" } });
    expect(await deleting).toBe("deleting");
    const returned = transport.delete(TARGET, { uid: "u", propagationPolicy: "Background" });
    (await server.next()).reply(200, OBJECT);
    expect(await returned).toBe("gone");
  });

  test("patches name their type and subresource", async () => {
    const merge = transport.mergePatch({ ...TARGET, subresource: "scale" }, { spec: { replicas: 3 } });
    const first = await server.next();
    expect([first.path.split("/").at(-1), first.headers["content-type"]]).toEqual(["scale", "application/merge-patch+json"]);
    first.reply(200, OBJECT);
    await merge;
    const json = transport.jsonPatch(TARGET, [{ op: "remove", path: "/spec/x" }]);
    const second = await server.next();
    expect(second.headers["content-type"]).toBe("application/json-patch+json");
    second.reply(200, OBJECT);
    await json;
    expect(observed).toEqual(["patch deployments.apps/scale 200", "patch deployments.apps 200"]);
  });

  test("the user agent tells replicas apart", async () => {
    const replica = createTransport(server.kubeConfig, { version: "1.2.3", identity: "pod-a_1", clock });
    const read = replica.get(TARGET);
    const exchange = await server.next();
    expect(exchange.headers["user-agent"]).toBe("platform-operator/1.2.3 (pod-a_1)");
    exchange.reply(200, OBJECT);
    await read;
    await replica.close();
  });

  test("a deletion leaves its connection for the next request", async () => {
    const single = createTransport(server.kubeConfig, { version: "1", clock, connections: 1 });
    const deleting = single.delete(TARGET, { uid: "u", propagationPolicy: "Background" });
    const first = await server.next();
    first.reply(200, { kind: "Status", status: "Success" });
    await deleting;
    const reading = single.get(TARGET);
    const second = await server.next();
    expect(second.clientPort).toBe(first.clientPort);
    second.reply(200, OBJECT);
    await reading;
    await single.close();
  });

  test("connections are bounded and kept", async () => {
    const reads = [1, 2, 3].map(() => transport.get(TARGET));
    const [a, b] = [await server.next(), await server.next()];
    expect(a.clientPort).not.toBe(b.clientPort);
    a.reply(200, OBJECT);
    const c = await server.next();
    expect(c.clientPort).toBe(a.clientPort);
    b.reply(200, OBJECT);
    c.reply(200, OBJECT);
    await Promise.all(reads);
  });
});

describe("errors", () => {
  const cases: readonly (readonly [number, string, string])[] = [
    [400, "BadRequest", "invalid"],
    [403, "Forbidden", "denied"],
    [404, "NotFound", "notFound"],
    [409, "Conflict", "conflict"],
    [409, "AlreadyExists", "alreadyExists"],
    [410, "Expired", "expired"],
    [422, "Invalid", "invalid"],
    [429, "TooManyRequests", "throttled"],
    [500, "InternalError", "server"],
    [503, "ServiceUnavailable", "server"],
    [302, "", "unexpected"],
  ];
  test.each(cases)("%i %s is %s", async (code, reason, kind) => {
    const answer = kubeError(transport.get(TARGET));
    const details = { name: "settlement", kind: "deployments" };
    (await server.next()).reply(code, { kind: "Status", code, reason, message: "said so", details });
    const error = await answer;
    expect(error).toMatchObject({ class: kind, status: code, message: "said so", operation: "GET deployments/apps payments/settlement" });
    expect(error).not.toBeInstanceOf(NotServedError);
  });

  test("a path that nothing serves is told from an object that is absent", async () => {
    const answer = kubeError(transport.get(TARGET));
    (await server.next()).reply(404, "404 page not found\n");
    expect(await answer).toBeInstanceOf(NotServedError);
  });

  test.each([
    ["the header in seconds", { "retry-after": "7" }, {}, 7_000],
    ["the header as a date", { "retry-after": "Thu, 01 Jan 2026 00:00:09 GMT" }, {}, 9_000],
    ["the Status", {}, { retryAfterSeconds: 3 }, 3_000],
    ["nothing", {}, {}, undefined],
  ])("Retry-After from %s", async (_from, headers, details, expected) => {
    const answer = kubeError(transport.get(TARGET));
    (await server.next()).reply(429, { kind: "Status", message: "slow down", details }, headers);
    expect((await answer).retryAfterMs).toBe(expected);
  });

  test("long messages and messages of many lines are trimmed", async () => {
    const answer = kubeError(transport.get(TARGET));
    (await server.next()).reply(500, { kind: "Status", message: `first\n  second ${"x".repeat(1000)}` });
    const { message } = await answer;
    expect(message.startsWith("first second xxx")).toBe(true);
    expect(message).toHaveLength(512);
  });

  test("a cut connection, a refused one and silence are unreachable", async () => {
    const cut = kubeError(transport.get(TARGET));
    (await server.next()).cut();
    expect(await cut).toMatchObject({ class: "unreachable", status: 0 });

    const silent = kubeError(transport.get(TARGET));
    await server.next();
    clock.advance(30_000);
    expect(await silent).toMatchObject({ class: "unreachable", message: "no answer within 30 s" });

    const config = new KubeConfig();
    config.loadFromClusterAndUser({ name: "none", server: "http://127.0.0.1:1", skipTLSVerify: false }, { name: "u" });
    const nowhere = createTransport(config, { version: "1", clock });
    expect(await kubeError(nowhere.get(TARGET))).toMatchObject({ class: "unreachable", message: "connect ECONNREFUSED 127.0.0.1:1" });
    await nowhere.close();
    expect(observed).toEqual(["get deployments.apps 0", "get deployments.apps 0"]);
  });

  test("an answer that is no object is unexpected", async () => {
    const answer = kubeError(transport.get(TARGET));
    (await server.next()).reply(200, "<html>hello</html>");
    expect(await answer).toMatchObject({ class: "unexpected" });
  });
});

describe("behind a fence", () => {
  let gate: Gate;
  let fenced: Transport;

  beforeEach(() => {
    gate = new Gate();
    fenced = createTransport(server.kubeConfig, { version: "1", clock, fence: gate, connections: 1 });
  });
  afterEach(() => fenced.close());

  const writes: readonly (readonly [string, (transport: Transport) => Promise<unknown>])[] = [
    ["create", (t) => t.create({ resource: KINDS.Event, namespace: "payments" }, {})],
    ["apply", (t) => t.apply(TARGET, {}, { force: true })],
    ["merge patch", (t) => t.mergePatch(TARGET, {})],
    ["JSON patch", (t) => t.jsonPatch(TARGET, [])],
    ["delete", (t) => t.delete(TARGET, { uid: "u", propagationPolicy: "Background" })],
  ];

  test.each(writes)("no %s is sent where it is closed; a read is", async (_, write) => {
    gate.closed = true;
    expect(await kubeError(write(fenced))).toMatchObject({ class: "unreachable", status: 0, message: "not sent: the gate is closed" });
    const read = fenced.get(TARGET);
    const exchange = await server.next();
    expect(exchange.method).toBe("GET");
    exchange.reply(200, OBJECT);
    await read;
    expect(gate.asked).toBe(1);
  });

  test("a write that waited for a connection is asked for when one is free, not when it was made", async () => {
    const before = fenced.get(TARGET);
    const exchange = await server.next();
    const write = kubeError(fenced.mergePatch(TARGET, {}));
    gate.closed = true;
    exchange.reply(200, OBJECT);
    await before;
    expect(await write).toMatchObject({ message: "not sent: the gate is closed" });
    const after = fenced.get(TARGET);
    const next = await server.next();
    expect([next.method, next.clientPort]).toEqual(["GET", exchange.clientPort]);
    next.reply(200, OBJECT);
    await after;
  });

  test("a write that is on its way when it falls is cut off; a read is not", async () => {
    const read = fenced.get(TARGET);
    const reading = await server.next();
    reading.reply(200, OBJECT);
    await read;
    const write = kubeError(fenced.mergePatch(TARGET, {}));
    const writing = await server.next();
    gate.fall();
    expect(await write).toMatchObject({ class: "unreachable", message: "cut off: the gate fell" });
    await writing.closed;
    const last = fenced.get(TARGET);
    (await server.next()).reply(200, OBJECT);
    expect(await last).toEqual(OBJECT);
  });
});

describe("credentials", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "kube-credentials-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test("a token file is read again, at once after a 401", async () => {
    const tokenFile = join(folder, "token");
    await writeFile(tokenFile, "one\n");
    const inPod = createTransport(withUser({ authProvider: { name: "tokenFile", config: { tokenFile } } }), { version: "1", clock });
    const seen: (string | undefined)[] = [];
    const read = async (status: number): Promise<void> => {
      const exchange = await server.next();
      seen.push(exchange.headers.authorization);
      exchange.reply(status, status === 200 ? OBJECT : { kind: "Status", code: status, message: "who?" });
    };
    const first = inPod.get(TARGET);
    await read(200);
    await first;
    await writeFile(tokenFile, "two\n");
    const second = inPod.get(TARGET);
    await read(401);
    await read(200);
    await second;
    await writeFile(tokenFile, "three\n");
    clock.advance(10_000);
    const third = kubeError(inPod.get(TARGET));
    await read(401);
    await read(401);
    expect(await third).toMatchObject({ class: "denied", status: 401 });
    expect(seen).toEqual(["Bearer one", "Bearer one", "Bearer two", "Bearer three", "Bearer three"]);
    await inPod.close();
  });

  test("an exec plugin's token is used, and its failure says what it said", async () => {
    const credential = { apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status: { token: "from-plugin" } };
    const works = createTransport(withUser({ exec: { command: "echo", args: [JSON.stringify(credential)] } }), { version: "1", clock });
    const answer = works.get(TARGET);
    const exchange = await server.next();
    expect(exchange.headers.authorization).toBe("Bearer from-plugin");
    exchange.reply(200, OBJECT);
    await answer;
    await works.close();

    const fails = createTransport(withUser({ exec: { command: "sh", args: ["-c", "echo log in first >&2; exit 1"] } }), {
      version: "1",
      clock,
    });
    const error = await kubeError(fails.get(TARGET));
    expect(error).toMatchObject({ class: "denied", message: "cannot get credentials for the API server: log in first" });
    await fails.close();
  });

  test("a replaced CA file is used for new connections; watches share one h2 connection", async () => {
    const caFile = join(folder, "ca.pem");
    const { good, other } = CERTIFICATES;
    let sessions = 0;
    const tls = createSecureServer({ key: good.key, cert: good.cert, allowHTTP1: true });
    tls.on("session", (session) => {
      sessions++;
      session.on("error", () => undefined);
    });
    tls.on("request", (request, response) => {
      response.setHeader("content-type", "application/json");
      if (request.url.includes("watch=true")) response.write(`${JSON.stringify({ type: "ADDED", object: OBJECT })}\n`);
      else response.end(JSON.stringify(OBJECT));
    });
    await new Promise<void>((resolve) => tls.listen(0, "127.0.0.1", resolve));
    const { port } = addressOf(tls.address());
    await writeFile(caFile, other.cert);
    const config = new KubeConfig();
    config.loadFromClusterAndUser({ name: "tls", server: `https://127.0.0.1:${port}`, caFile, skipTLSVerify: false }, { name: "u" });
    const secure = createTransport(config, { version: "1", clock });
    expect(await kubeError(secure.get(TARGET))).toMatchObject({ class: "unreachable" });
    await writeFile(caFile, good.cert);
    clock.advance(10_000);
    expect(await secure.get(TARGET)).toEqual(OBJECT);

    const stop = new AbortController();
    const watches = [1, 2, 3].map(() =>
      secure.watch(KINDS.Deployment, { sendInitialEvents: false, timeoutSeconds: 300, signal: stop.signal })[Symbol.asyncIterator](),
    );
    for (const watch of watches) expect((await watch.next()).value).toEqual({ type: "ADDED", object: OBJECT });
    expect(sessions).toBe(1);

    await secure.resetWatches();
    expect(await kubeError(Promise.resolve(watches[0]?.next()))).toMatchObject({ class: "unreachable" });
    const again = secure.watch(KINDS.Deployment, { sendInitialEvents: false, timeoutSeconds: 300, signal: stop.signal });
    expect((await again[Symbol.asyncIterator]().next()).done).toBe(false);
    expect(sessions).toBe(2);
    stop.abort();
    await secure.close();
    tls.close();
  });

  function withUser(user: object): KubeConfig {
    const config = new KubeConfig();
    config.loadFromClusterAndUser({ name: "scripted", server: server.url, skipTLSVerify: false }, { name: "u", ...user });
    return config;
  }
});
