import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import { buffer } from "node:stream/consumers";
import type { Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import { describeApiCall, type ApiCall } from "./api-call.ts";

/** Between an operator and its API server: counts requests, lets chosen ones fail, and cuts or freezes watches. Plain HTTP on loopback, TLS behind. */

export type ApiFault =
  /** Answered so by the proxy; the API server never hears of it. */
  | { readonly kind: "status"; readonly code: 403 | 409 | 410 | 429 | 500 | 503 }
  /** The connection is cut before the request is forwarded. */
  | { readonly kind: "cut" }
  /** The request is carried out, then the connection is cut: the answer is lost. */
  | { readonly kind: "lost" }
  /** The request is carried out, and the connection cut in the middle of the answer; of a watch, in the middle of a frame. */
  | { readonly kind: "half" }
  /** Carried out twice, as by a proxy on the way that tries again: answered as the second time. */
  | { readonly kind: "twice" }
  /** Forwarded so many milliseconds late. */
  | { readonly kind: "slow"; readonly ms: number }
  /** Accepted, and never answered. */
  | { readonly kind: "hang" };

export interface ApiFaultRule {
  readonly match: (call: ApiCall) => boolean;
  /** Of the matching requests from now on, 1 is the first. */
  readonly position: number;
  /** How many in a row; default 1. */
  readonly times?: number;
  readonly fault: ApiFault;
}

/** A rule in force. */
export interface ActiveApiFault {
  /** How often it befell a request so far. */
  readonly applied: number;
}

export interface ApiProxy {
  /** For a kubeconfig. */
  readonly url: string;
  /** Requests in the order they came; watches included. */
  readonly calls: readonly ApiCall[];
  inject(rule: ApiFaultRule): ActiveApiFault;
  clearFaults(): void;
  /** Calls `listener` at each request, before anything becomes of it; returns the way to stop. */
  onCall(listener: (call: ApiCall) => void): () => void;
  /** Cuts the connection of every open watch that matches. */
  cutWatches(match?: (call: ApiCall) => boolean): number;
  /** Says 410 Gone in an ERROR frame on every open watch that matches, and ends it. */
  expireWatches(match?: (call: ApiCall) => boolean): number;
  /** From now on nothing more is said on the watches that are open; they stay open. */
  freezeWatches(match?: (call: ApiCall) => boolean): number;
  /** How often the API server itself said 410, as an answer or in a watch. */
  readonly expiredByServer: number;
  close(): Promise<void>;
}

interface Rule {
  readonly rule: ApiFaultRule;
  matched: number;
  applied: number;
}

interface OpenWatch {
  readonly call: ApiCall;
  readonly upstream: IncomingMessage;
  readonly response: ServerResponse;
}

const ANY = (): boolean => true;
const EXPIRED = { kind: "Status", apiVersion: "v1", status: "Failure", reason: "Expired", code: 410, message: "too old resource version" };
const REASONS = {
  403: "Forbidden",
  409: "Conflict",
  410: "Expired",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
} as const;
/** Of a 429, as the API server's own priority and fairness says it. */
const RETRY_AFTER_SECONDS = "1";
/** Longer than clients keep idle connections, so that only faults close them. */
const KEEP_ALIVE_MS = 120_000;

/** Starts a proxy in front of the API server at `url`, whose certificate `caFile` vouches for. */
export async function startApiProxy({ url, caFile }: { readonly url: string; readonly caFile: string }): Promise<ApiProxy> {
  const agent = new Agent({ keepAlive: true, ca: readFileSync(caFile) });
  const proxy = new FaultProxy(url, agent);
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 }, (request, response) => {
    proxy.serve(request, response).catch(() => request.socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy's server has no port");
  return Object.assign(proxy, {
    url: `http://127.0.0.1:${String(address.port)}`,
    async close(): Promise<void> {
      agent.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  });
}

class FaultProxy {
  readonly calls: ApiCall[] = [];
  expiredByServer = 0;
  readonly #upstream: string;
  readonly #agent: Agent;
  readonly #listeners = new Set<(call: ApiCall) => void>();
  readonly #watches = new Set<OpenWatch>();
  #rules: Rule[] = [];

  constructor(upstream: string, agent: Agent) {
    this.#upstream = upstream;
    this.#agent = agent;
  }

  inject(rule: ApiFaultRule): ActiveApiFault {
    const active = { rule, matched: 0, applied: 0 };
    this.#rules.push(active);
    return active;
  }

  clearFaults(): void {
    this.#rules = [];
  }

  onCall(listener: (call: ApiCall) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  cutWatches(match: (call: ApiCall) => boolean = ANY): number {
    return this.#eachWatch(match, ({ response }) => response.socket?.destroy());
  }

  expireWatches(match: (call: ApiCall) => boolean = ANY): number {
    return this.#eachWatch(match, ({ response }) => response.end(`${JSON.stringify({ type: "ERROR", object: EXPIRED })}\n`));
  }

  freezeWatches(match: (call: ApiCall) => boolean = ANY): number {
    return this.#eachWatch(match, ({ upstream, response }) => upstream.unpipe(response));
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const call = describeApiCall(request.method ?? "GET", request.url ?? "/");
    this.calls.push(call);
    for (const listener of this.#listeners) listener(call);
    const fault = this.#befall(call);
    switch (fault?.kind) {
      case "status":
        refuse(response, fault.code);
        return;
      case "cut":
        request.socket.destroy();
        return;
      case "hang":
        return;
      case "slow":
        await setTimeout(fault.ms);
        await this.#forward({ request, response, body, call, end: "whole" });
        return;
      case "twice":
        // The second request of a watch would be another watch.
        if (call.verb !== "watch") await buffer(await this.#send(request, body));
        await this.#forward({ request, response, body, call, end: "whole" });
        return;
      case "lost":
      case "half":
        await this.#forward({ request, response, body, call, end: fault.kind });
        return;
      case undefined:
        await this.#forward({ request, response, body, call, end: "whole" });
        return;
      default:
        fault satisfies never;
    }
  }

  /** Every rule counts the call; the first whose turn it is decides, and any other's turn is the next call. */
  #befall(call: ApiCall): ApiFault | undefined {
    let fault: ApiFault | undefined;
    for (const rule of this.#rules) {
      const { match, position, times = 1 } = rule.rule;
      if (!match(call)) continue;
      rule.matched++;
      if (fault !== undefined || rule.matched < position || rule.applied >= times) continue;
      rule.applied++;
      fault = rule.rule.fault;
    }
    return fault;
  }

  async #forward({ request, response, body, call, end }: Forwarding): Promise<void> {
    const upstream = await this.#send(request, body);
    if (upstream.statusCode === 410) this.expiredByServer++;
    if (end === "lost") {
      // A watch that is accepted and cut before its first frame; anything else is carried out to its end.
      if (call.verb !== "watch") await buffer(upstream);
      cut(upstream, request.socket);
      return;
    }
    response.writeHead(upstream.statusCode ?? 502, upstream.headers);
    if (end === "half") {
      const said = call.verb === "watch" ? await firstChunk(upstream) : await buffer(upstream);
      response.write(said.subarray(0, said.length / 2), () => cut(upstream, request.socket));
      return;
    }
    if (call.verb === "watch" && upstream.statusCode === 200) this.#follow({ call, upstream, response });
    else upstream.pipe(response);
    upstream.once("error", () => request.socket.destroy());
  }

  #follow(watch: OpenWatch): void {
    const { upstream, response } = watch;
    this.#watches.add(watch);
    response.flushHeaders();
    upstream.on("data", (chunk: Buffer) => {
      if (chunk.includes('"type":"ERROR"') && chunk.includes('"code":410')) this.expiredByServer++;
    });
    upstream.pipe(response);
    response.once("close", () => {
      this.#watches.delete(watch);
      upstream.destroy();
    });
  }

  #eachWatch(match: (call: ApiCall) => boolean, act: (watch: OpenWatch) => void): number {
    const chosen = [...this.#watches].filter(({ call }) => match(call));
    chosen.forEach(act);
    return chosen.length;
  }

  #send(request: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
    const { host: _, ...headers } = request.headers;
    return new Promise((resolve, reject) => {
      const sent = httpsRequest(this.#upstream + (request.url ?? "/"), { method: request.method, headers, agent: this.#agent });
      sent.once("response", resolve).once("error", reject).end(body);
    });
  }
}

interface Forwarding {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
  readonly call: ApiCall;
  /** What becomes of the answer. */
  readonly end: "whole" | "half" | "lost";
}

/** Of a body that may never end. */
async function firstChunk(body: IncomingMessage): Promise<Buffer> {
  for await (const chunk of body) return chunk;
  return Buffer.alloc(0);
}

function cut(upstream: IncomingMessage, socket: Socket): void {
  upstream.destroy();
  socket.destroy();
}

function refuse(response: ServerResponse, code: keyof typeof REASONS): void {
  const status = {
    kind: "Status",
    apiVersion: "v1",
    status: "Failure",
    reason: REASONS[code],
    code,
    message: "refused by the test's proxy",
  };
  const retryAfter = code === 429 ? { "retry-after": RETRY_AFTER_SECONDS } : {};
  response.writeHead(code, { "content-type": "application/json", ...retryAfter }).end(JSON.stringify(status));
}
