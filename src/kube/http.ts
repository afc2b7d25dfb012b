import type { KubeConfig } from "@kubernetes/client-node";
import type { Dispatcher } from "undici";
import { FIELD_MANAGER } from "../crds/meta.ts";
import { KubeError } from "../reconcilers/ports.ts";
import type { Clock } from "./clock.ts";
import { Connections } from "./connections.ts";
import { CredentialSource, type Credentials } from "./credentials.ts";
import { errorOfAnswer, errorOfFailure } from "./errors.ts";
import { parseJson } from "./frames.ts";
import type { TransportOptions } from "./transport.ts";

/** One HTTP request: the method and path as they go out, and the words that logs and metrics use for it. */
export interface Call {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** With its query. */
  readonly path: string;
  /** get, list, create, apply, patch, delete, watch. */
  readonly verb: string;
  /** `deployments.apps/scale`. */
  readonly resource: string;
  /** `PATCH deployments/apps payments/settlement`. */
  readonly operation: string;
  readonly body?: { readonly contentType: string; readonly json: unknown };
  readonly signal?: AbortSignal | undefined;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const CONNECTIONS = 16;
const TIMEOUT_MS = 30_000;

/** Sends calls as the KubeConfig's user; an answer that is not 2xx, and no answer, is thrown as KubeError. */
export class Http {
  readonly #origin: string;
  readonly #basePath: string;
  readonly #proxyUrl: string | undefined;
  readonly #credentials: CredentialSource;
  readonly #clock: Clock;
  readonly #options: TransportOptions;
  readonly #timeoutMs: number;
  readonly #userAgent: string;
  #connections: Connections | undefined;

  constructor(config: KubeConfig, options: TransportOptions) {
    const cluster = config.getCurrentCluster();
    if (cluster === null) throw new Error(`the kubeconfig has no cluster for its current context "${config.getCurrentContext()}"`);
    const server = new URL(cluster.server);
    this.#origin = server.origin;
    this.#basePath = server.pathname.replace(/\/$/, "");
    this.#proxyUrl = cluster.proxyUrl;
    this.#credentials = new CredentialSource(config, options.clock);
    this.#clock = options.clock;
    this.#options = options;
    this.#timeoutMs = options.requestTimeoutMs ?? TIMEOUT_MS;
    this.#userAgent = `${FIELD_MANAGER}/${options.version}${options.identity === undefined ? "" : ` (${options.identity})`}`;
  }

  /** The whole answer. */
  async send(call: Call): Promise<Answer> {
    const writes = call.method !== "GET";
    await this.#options.pace?.();
    return this.#observed(call, async () => {
      const cut = new AbortController();
      const timer = this.#clock.after(this.#timeoutMs, () => cut.abort(new Error(`no answer within ${this.#timeoutMs / 1000} s`)));
      try {
        const signal = call.signal === undefined ? cut.signal : AbortSignal.any([cut.signal, call.signal]);
        const response = await this.#dispatch(call, signal, (connections) => (writes ? connections.writes : connections.reads));
        return { status: response.statusCode, body: parseJson(await response.body.text()) };
      } finally {
        timer.cancel();
      }
    });
  }

  /** The body as it comes, once the answer has begun. */
  async stream(call: Call, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    return this.#observed(call, async () => {
      const response = await this.#dispatch(call, signal, (connections) => connections.watches);
      return { status: response.statusCode, body: response.body };
    }).then((answer) => answer.body);
  }

  async resetWatches(): Promise<void> {
    await this.#connections?.resetWatches();
  }

  async close(): Promise<void> {
    await this.#connections?.destroy();
  }

  /** An answer of 2xx; a 401 is tried once more with credentials read anew. */
  async #dispatch(call: Call, signal: AbortSignal, choose: (connections: Connections) => Dispatcher): Promise<Dispatcher.ResponseData> {
    for (let attempt = 1; ; attempt++) {
      const credentials = await this.#credentials.current();
      const response = await choose(this.#connectionsFor(credentials)).request({
        origin: this.#origin,
        path: this.#basePath + call.path,
        method: call.method,
        headers: this.#headers(call, credentials),
        body: call.body === undefined ? null : JSON.stringify(call.body.json),
        // Otherwise undici ends the connection after each DELETE, whose body it does not expect: a handshake for each.
        reset: false,
        signal,
      });
      if (response.statusCode >= 200 && response.statusCode < 300) return response;
      const text = await response.body.text();
      if (response.statusCode === 401) this.#credentials.expire();
      if (response.statusCode === 401 && attempt === 1) continue;
      const retryAfter = response.headers["retry-after"];
      throw errorOfAnswer(
        call.operation,
        response.statusCode,
        parseJson(text),
        typeof retryAfter === "string" ? retryAfter : undefined,
        this.#clock.now(),
      );
    }
  }

  #headers(call: Call, credentials: Credentials): Record<string, string> {
    return {
      ...credentials.headers,
      "user-agent": this.#userAgent,
      accept: "application/json",
      ...(call.body === undefined ? {} : { "content-type": call.body.contentType }),
    };
  }

  #connectionsFor(credentials: Credentials): Connections {
    const current = this.#connections;
    if (current?.tlsId === credentials.tlsId) return current;
    const next = new Connections(
      {
        origin: this.#origin,
        proxyUrl: this.#proxyUrl,
        connections: this.#options.connections ?? CONNECTIONS,
        timeoutMs: this.#timeoutMs,
        fence: this.#options.fence,
      },
      credentials.tls,
      credentials.tlsId,
    );
    this.#connections = next;
    // What is in flight on the old certificates ends by itself; a watch does within ten minutes.
    current?.retire().catch((error: unknown) => this.#options.onConnectionError?.(error));
    return next;
  }

  async #observed<A extends { readonly status: number }>(call: Call, run: () => Promise<A>): Promise<A> {
    const start = this.#clock.monotonic();
    const seconds = (): number => (this.#clock.monotonic() - start) / 1000;
    try {
      const answer = await run();
      this.#options.observer?.request(call.verb, call.resource, answer.status, seconds());
      return answer;
    } catch (cause) {
      const error = errorOfFailure(call.operation, cause);
      this.#options.observer?.request(call.verb, call.resource, error instanceof KubeError ? error.status : 0, seconds());
      throw error;
    }
  }
}
