import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { KubeConfig } from "@kubernetes/client-node";

/** An API server whose every answer the test writes itself, on a real socket. */

export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  /** Of the client's end: equal for exchanges on one connection. */
  readonly clientPort: number;
  reply(status: number, body: unknown, headers?: Readonly<Record<string, string>>): void;
  /** Begins a watch. */
  begin(): void;
  /** One frame of a watch. */
  frame(type: string, object: unknown): void;
  /** Bytes as they are. */
  write(bytes: string | Uint8Array): Promise<void>;
  /** Ends the answer as it should be. */
  end(): void;
  /** Cuts the connection. */
  cut(): void;
  /** Resolves when the client has gone away. */
  readonly closed: Promise<void>;
}

export interface ScriptedServer {
  readonly url: string;
  readonly kubeConfig: KubeConfig;
  /** The next request that no one has taken yet, now or when it comes. */
  next(): Promise<Exchange>;
  close(): Promise<void>;
}

export async function startScriptedServer(): Promise<ScriptedServer> {
  const arrived: Exchange[] = [];
  const takers: ((exchange: Exchange) => void)[] = [];
  const server = createServer((request, response) => {
    void arrive(request, response);
  });
  async function arrive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = await exchangeOf(request, response);
    const taker = takers.shift();
    if (taker) taker(exchange);
    else arrived.push(exchange);
  }
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${addressOf(server.address()).port}`;
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromClusterAndUser({ name: "scripted", server: url, skipTLSVerify: false }, { name: "tester", token: "secret" });
  return {
    url,
    kubeConfig,
    next() {
      const exchange = arrived.shift();
      return exchange ? Promise.resolve(exchange) : new Promise((resolve) => takers.push(resolve));
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function exchangeOf(request: IncomingMessage, response: ServerResponse): Promise<Exchange> {
  const url = new URL(request.url ?? "/", "http://server");
  const closed = once(response, "close").then(() => undefined);
  return {
    method: request.method ?? "",
    path: url.pathname,
    query: url.searchParams,
    headers: request.headers,
    body: await text(request),
    clientPort: request.socket.remotePort ?? 0,
    closed,
    reply(status, body, headers = {}) {
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    },
    begin() {
      response.writeHead(200, { "content-type": "application/json" });
      response.flushHeaders();
    },
    frame(type, object) {
      response.write(`${JSON.stringify({ type, object })}\n`);
    },
    write: (bytes) =>
      new Promise((resolve, reject) => {
        response.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
    end: () => void response.end(),
    cut: () => void request.socket.destroy(),
  };
}

/** Of a server that listens on TCP. */
export function addressOf(address: AddressInfo | string | null): AddressInfo {
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address;
}
