import { Pool, ProxyAgent, Socks5ProxyAgent, type Dispatcher } from "undici";
import { fenced } from "../http/fenced.ts";
import type { Fence } from "../reconcilers/ports.ts";
import type { TlsFiles } from "./credentials.ts";

export interface ConnectionOptions {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly proxyUrl: string | undefined;
  readonly connections: number;
  readonly timeoutMs: number;
  readonly fence: Fence | undefined;
}

/** client-go's: below the idle timeouts of load balancers (60 s on AWS). */
const TCP_KEEP_ALIVE_MS = 30_000;
/** An idle connection is closed by us before the API server does it (90 s), so that no request is sent into a closing one. */
const IDLE_MS = 30_000;

/** Connections made with one set of TLS files: a bounded h1 pool, and a pool for watches that multiplexes on h2 where the server speaks it. */
export class Connections {
  readonly tlsId: string;
  /** For what changes nothing. */
  readonly reads: Dispatcher;
  /** On the same connections, behind the fence. */
  readonly writes: Dispatcher;
  readonly #options: ConnectionOptions;
  readonly #tls: TlsFiles;
  #watches: Dispatcher;

  constructor(options: ConnectionOptions, tls: TlsFiles, tlsId: string) {
    this.tlsId = tlsId;
    this.#options = options;
    this.#tls = tls;
    this.reads = dispatcher(options, tls, {
      connections: options.connections,
      allowH2: false,
      headersTimeout: options.timeoutMs,
      bodyTimeout: options.timeoutMs,
    });
    this.writes = options.fence === undefined ? this.reads : this.reads.compose(fenced(options.fence));
    this.#watches = this.#watchDispatcher();
  }

  get watches(): Dispatcher {
    return this.#watches;
  }

  /** Gives up the connection that watches share: on h2 a half-open one would swallow each new watch as well. */
  async resetWatches(): Promise<void> {
    const old = this.#watches;
    this.#watches = this.#watchDispatcher();
    await old.destroy();
  }

  /** Lets what is in flight end. */
  async retire(): Promise<void> {
    await Promise.all([this.reads.close(), this.#watches.close()]);
  }

  async destroy(): Promise<void> {
    await Promise.all([this.reads.destroy(), this.#watches.destroy()]);
  }

  #watchDispatcher(): Dispatcher {
    // Unbounded: on h2 undici opens one connection for all, on h1 one for each watch. Silence is the reflector's to judge, so no body timeout.
    return dispatcher(this.#options, this.#tls, {
      connections: null,
      allowH2: true,
      headersTimeout: this.#options.timeoutMs,
      bodyTimeout: 0,
    });
  }
}

type PoolOptions = Omit<Pool.Options, "connect">;

function dispatcher(options: ConnectionOptions, tls: TlsFiles, pool: PoolOptions): Dispatcher {
  const settings: PoolOptions = { ...pool, pipelining: 1, keepAliveTimeout: IDLE_MS, connectTimeout: options.timeoutMs };
  const connect = { ...tls, keepAlive: true, keepAliveInitialDelay: TCP_KEEP_ALIVE_MS };
  if (options.proxyUrl === undefined) return new Pool(options.origin, { ...settings, connect });
  if (options.proxyUrl.startsWith("socks")) return new Socks5ProxyAgent(options.proxyUrl, { ...settings, requestTls: tls });
  return new ProxyAgent({ ...settings, uri: options.proxyUrl, requestTls: connect });
}
