import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** Carries bytes to a server, TLS and HTTP/2 as they are, and can make its connections half-open: alive, and silent for ever. */
export interface TcpRelay {
  /** As the server's, with the relay's port. */
  readonly url: string;
  /** From now on nothing passes on the connections that are open, in either direction; new ones are carried. Returns how many. */
  freeze(): number;
  close(): Promise<void>;
}

/** Starts a relay to the host and port of a URL. */
export async function startTcpRelay(target: string): Promise<TcpRelay> {
  const { hostname, port, protocol } = new URL(target);
  const open = new Set<readonly [Socket, Socket]>();
  const server = createServer((client) => {
    const upstream = connect({ host: hostname, port: Number(port) });
    const pair = [client, upstream] as const;
    open.add(pair);
    client.pipe(upstream);
    upstream.pipe(client);
    for (const [socket, other] of [pair, pair.toReversed()]) {
      socket?.on("error", () => other?.destroy());
      socket?.on("close", () => {
        open.delete(pair);
        other?.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the relay has no port");
  return {
    url: `${protocol}//127.0.0.1:${String(address.port)}`,
    freeze() {
      for (const [client, upstream] of open) {
        client.unpipe(upstream).pause();
        upstream.unpipe(client).pause();
      }
      return open.size;
    },
    async close() {
      for (const [client] of open) client.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
