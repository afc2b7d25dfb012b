import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { PrometheusConfig } from "../../../src/crds/prometheus-config.ts";
import { createPrometheus } from "../../../src/prometheus/client.ts";
import type { RequestSigner, UnsignedRequest } from "../../../src/reconcilers/ports.ts";
import { addressOf } from "../../support/scripted-server.ts";
import { CERTIFICATES } from "../../support/test-certificates.ts";

/** What is sent to a real server, and what is made of each of its answers: a failure is a value. */

const QUERY = '{__name__=~"a|b",c=".+/.+"}';
const SERIES = { metric: { __name__: "up", c: "d" }, value: [1_790_000_000.123, "0.25"] };
const GOOD = { status: "success", data: { resultType: "vector", result: [SERIES] } };

const servers: Server[] = [];
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "prometheus-client-"));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return addressOf(server.address()).port;
}

interface Seen {
  readonly request: IncomingMessage;
  readonly body: string;
}

/** A server that gives this answer, and what it was asked. */
async function serverOf(status: number, answer: unknown): Promise<{ readonly url: string; readonly seen: Seen[] }> {
  const seen: Seen[] = [];
  const port = await listening(createServer(answering(status, answer, seen)));
  return { url: `http://127.0.0.1:${port}`, seen };
}

function answering(status: number, answer: unknown, seen: Seen[] = []): RequestListener {
  const reply: Listener = async (request, response) => {
    seen.push({ request, body: await text(request) });
    response.writeHead(status, { "content-type": "application/json" }).end(typeof answer === "string" ? answer : JSON.stringify(answer));
  };
  return (request, response) => void reply(request, response);
}

type Listener = (...args: Parameters<RequestListener>) => Promise<void>;

function settings(url: string, more: Partial<PrometheusConfig> = {}): PrometheusConfig {
  return { url, interval: "2m", timeout: "5s", authorization: { mode: "None" }, caFile: null, ...more };
}

function ask(config: PrometheusConfig, sign: RequestSigner = unasked, signal = new AbortController().signal) {
  return createPrometheus(config, { version: "1.2.3", sign }).query(QUERY, signal);
}

async function unasked(): Promise<never> {
  throw new Error("nothing is to be signed");
}

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe("a query", () => {
  test("is posted as a form below the URL, and its samples are numbers with labels", async () => {
    const { url, seen } = await serverOf(200, GOOD);
    expect(await ask(settings(`${url}/workspaces/ws-1/`))).toEqual({
      state: "answered",
      samples: [{ labels: SERIES.metric, value: 0.25 }],
      whole: true,
    });
    const [asked] = seen;
    expect(asked?.request).toMatchObject({ method: "POST", url: "/workspaces/ws-1/api/v1/query" });
    expect(asked?.request.headers).toMatchObject({
      "content-type": "application/x-www-form-urlencoded",
      "user-agent": "platform-operator/1.2.3",
    });
    expect(asked?.request.headers.authorization).toBeUndefined();
    expect(new URLSearchParams(asked?.body).get("query")).toBe(QUERY);
  });

  test("takes what is no number for none, and a warning for gaps", async () => {
    const result = [{ ...SERIES, value: [1, "NaN"] }];
    const { url } = await serverOf(200, { ...GOOD, data: { resultType: "vector", result }, warnings: ["a store does not answer"] });
    expect(await ask(settings(url))).toEqual({ state: "answered", samples: [{ labels: SERIES.metric, value: Number.NaN }], whole: false });
  });

  test("carries the token that the file has by then", async () => {
    const port = await listening(createTlsServer(CERTIFICATES.good, answering(200, GOOD)));
    const asked: (string | undefined)[] = [];
    servers.at(-1)?.on("request", (request: IncomingMessage) => void asked.push(request.headers.authorization));
    const bearerTokenFile = file("token", "first\n");
    const config = settings(`https://127.0.0.1:${port}`, {
      authorization: { mode: "BearerToken", bearerTokenFile },
      caFile: file("ca.crt", CERTIFICATES.good.cert),
    });
    await ask(config);
    file("token", "second\n");
    await ask(config);
    expect(asked).toEqual(["Bearer first", "Bearer second"]);
  });

  test("is signed as it is sent", async () => {
    const { url, seen } = await serverOf(200, GOOD);
    const signed: UnsignedRequest[] = [];
    const answer = await ask(settings(url, { authorization: { mode: "SigV4" } }), async (request) => {
      signed.push(request);
      return { ...request.headers, authorization: "AWS4-HMAC-SHA256 signature" };
    });
    expect(answer.state).toBe("answered");
    const [asked] = seen;
    expect(asked?.request.headers.authorization).toBe("AWS4-HMAC-SHA256 signature");
    expect(signed).toMatchObject([{ method: "POST", body: asked?.body, headers: { host: asked?.request.headers.host } }]);
    expect(signed[0]?.url.pathname).toBe(asked?.request.url);
  });
});

describe("an answer", () => {
  test.each<[string, number, unknown, object]>([
    ["401", 401, "no", { reason: "Unauthorized", message: "401" }],
    ["403 with a reason", 403, { status: "error", error: "not yours" }, { reason: "Unauthorized", message: "403: not yours" }],
    [
      "422",
      422,
      { status: "error", errorType: "execution", error: "too many samples" },
      { reason: "Refused", message: "422: too many samples" },
    ],
    ["503", 503, "busy", { reason: "Refused", message: "503" }],
    ["a redirection", 302, "", { reason: "Refused", message: "302" }],
    ["a page", 200, "<html>", { reason: "BadAnswer" }],
    ["another kind of value", 200, { status: "success", data: { resultType: "matrix", result: [] } }, { reason: "BadAnswer" }],
    [
      "a sample without a value",
      200,
      { status: "success", data: { resultType: "vector", result: [{ metric: {} }] } },
      { reason: "BadAnswer" },
    ],
  ])("of %s is no answer", async (_, status, body, failure) => {
    const { url } = await serverOf(status, body);
    expect(await ask(settings(url))).toMatchObject({ state: "failed", ...failure });
  });

  test("that has no end is cut off", async () => {
    const piece = Buffer.alloc(8 * 1024 * 1024, "x");
    let sent = 0;
    const port = await listening(
      createServer((_, response) => {
        const more = (): void => {
          sent += piece.length;
          if (!response.destroyed) response.write(piece, more);
        };
        more();
      }),
    );
    expect(await ask(settings(`http://127.0.0.1:${port}`))).toMatchObject({ state: "failed", reason: "BadAnswer" });
    expect(sent).toBeLessThan(512 * 1024 * 1024);
  });

  test("that does not come in time is not waited for, nor after the operator is told to end", async () => {
    const port = await listening(createServer(() => undefined));
    const url = `http://127.0.0.1:${port}`;
    expect(await ask(settings(url, { timeout: "100ms" }))).toMatchObject({ state: "failed", reason: "Unreachable" });
    const ending = new AbortController();
    const asked = ask(settings(url), unasked, ending.signal);
    await once(servers.at(-1) ?? createServer(), "request");
    ending.abort();
    expect(await asked).toMatchObject({ state: "failed", reason: "Unreachable" });
  });
});

describe("nothing is asked", () => {
  test("of a server that is not there", async () => {
    const { url } = await serverOf(200, GOOD);
    for (const server of servers.splice(0)) await new Promise((closed) => server.close(closed));
    expect(await ask(settings(url))).toMatchObject({
      state: "failed",
      reason: "Unreachable",
      message: expect.stringContaining("ECONNREFUSED"),
    });
  });

  test("of one whose certificate nobody vouches for", async () => {
    const seen: Seen[] = [];
    const port = await listening(createTlsServer(CERTIFICATES.good, answering(200, GOOD, seen)));
    const url = `https://127.0.0.1:${port}`;
    expect(await ask(settings(url))).toMatchObject({ state: "failed", reason: "Unreachable" });
    const caFile = file("other.crt", CERTIFICATES.other.cert);
    expect(await ask(settings(url, { caFile }))).toMatchObject({ state: "failed", reason: "Unreachable" });
    expect(seen).toEqual([]);
  });

  test("without what has to be shown", async () => {
    const { url, seen } = await serverOf(200, GOOD);
    const bearerTokenFile = join(folder, "nowhere");
    expect(await ask(settings(url, { authorization: { mode: "BearerToken", bearerTokenFile } }))).toMatchObject({
      state: "failed",
      reason: "Unauthorized",
      message: expect.stringContaining("cannot read"),
    });
    expect(await ask(settings(url, { authorization: { mode: "SigV4" } }))).toEqual({
      state: "failed",
      reason: "Unauthorized",
      message: "no AWS credentials to sign with: nothing is to be signed",
    });
    expect(seen).toEqual([]);
  });
});
