import { createServer, type Server } from "node:http";
import type { Metrics } from "./metrics.ts";

/** What the probes ask. */
export interface Health {
  /** The process works: its watches say something and its workers move. */
  live(): boolean;
  /** It has seen the world once and may act. */
  ready(): boolean;
}

export interface TelemetryServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves /metrics, /healthz and /readyz. `address` is `host:port`; port 0 takes a free one. */
export async function serveTelemetry(
  address: string,
  metrics: Pick<Metrics, "text" | "contentType">,
  health: Health,
): Promise<TelemetryServer> {
  const server = createServer((request, response) => {
    switch (request.url?.split("?")[0]) {
      case "/metrics":
        metrics.text().then(
          (text) => response.writeHead(200, { "content-type": metrics.contentType }).end(text),
          (error: unknown) => response.writeHead(500).end(String(error)),
        );
        return;
      case "/healthz":
        answer(response, health.live());
        return;
      case "/readyz":
        answer(response, health.ready());
        return;
      case undefined:
      default:
        response.writeHead(404).end("not found\n");
    }
  });
  const separator = address.lastIndexOf(":");
  const host = address.slice(0, separator);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: host === "" ? "0.0.0.0" : host, port: Number(address.slice(separator + 1)) }, resolve);
  });
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  return { url: `http://${host === "" ? "127.0.0.1" : host}:${String(port)}`, close: () => close(server) };
}

function answer(response: { writeHead(code: number): { end(text: string): unknown } }, good: boolean): void {
  response.writeHead(good ? 200 : 503).end(good ? "ok\n" : "not yet\n");
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.closeAllConnections();
    server.close(() => resolve());
  });
}
