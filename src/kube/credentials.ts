import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { RequestOptions } from "node:https";
import { KubeConfig } from "@kubernetes/client-node";
import { KubeError } from "../reconcilers/ports.ts";
import type { Clock } from "./clock.ts";
import { trimMessage } from "./errors.ts";

/** How long what was read of token, certificate and CA files counts as current. */
const FRESH_MS = 10_000;

export interface TlsFiles {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly rejectUnauthorized?: boolean;
  readonly servername?: string;
}

export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsFiles;
  /** Changes when `tls` does: connections made with another are not used for new requests. */
  readonly tlsId: string;
}

/** Reads what KubeConfig knows of the current user and cluster again and again: files are replaced, tokens and certificates expire. */
export class CredentialSource {
  readonly #config: KubeConfig;
  readonly #clock: Clock;
  #pending: Promise<Credentials> | undefined;
  #readAt = -Infinity;

  constructor(config: KubeConfig, clock: Clock) {
    this.#config = withoutTlsDemand(config);
    this.#clock = clock;
  }

  /** At most ten seconds old. Throws KubeError `denied` when they cannot be had. */
  current(): Promise<Credentials> {
    const now = this.#clock.monotonic();
    if (this.#pending === undefined || now - this.#readAt >= FRESH_MS) {
      this.#readAt = now;
      const reading = this.#read();
      this.#pending = reading;
      reading.catch(() => this.expire());
    }
    return this.#pending;
  }

  /** Forgets what was read; call it after a 401. */
  expire(): void {
    this.#pending = undefined;
  }

  async #read(): Promise<Credentials> {
    try {
      const headers: Record<string, string> = {};
      const options: RequestOptions = { headers };
      await this.#config.applyToHTTPSOptions(options);
      if (typeof options.auth === "string") headers.Authorization = `Basic ${Buffer.from(options.auth).toString("base64")}`;
      // KubeConfig re-reads the token file of a pod itself, but only once a minute; this one is as fresh as the rest.
      const tokenFile = tokenFileOf(this.#config);
      if (tokenFile !== undefined) headers.Authorization = `Bearer ${readFileSync(tokenFile, "utf8").trim()}`;
      const tls = tlsOf(options);
      return { headers, tls, tlsId: fingerprint(tls) };
    } catch (cause) {
      const message = trimMessage(`cannot get credentials for the API server: ${cause instanceof Error ? cause.message : String(cause)}`);
      throw new KubeError({ class: "denied", status: 0, operation: "credentials", message, cause });
    }
  }
}

/** KubeConfig refuses http:// unless TLS verification is off, which means nothing there; local proxies and `kubectl proxy` speak it. */
function withoutTlsDemand(config: KubeConfig): KubeConfig {
  const cluster = config.getCurrentCluster();
  const user = config.getCurrentUser();
  if (cluster === null || user === null || !cluster.server.startsWith("http:")) return config;
  const copy = new KubeConfig();
  copy.loadFromClusterAndUser({ ...cluster, skipTLSVerify: true }, user);
  return copy;
}

function tokenFileOf(config: KubeConfig): string | undefined {
  const provider: unknown = config.getCurrentUser()?.authProvider;
  if (typeof provider !== "object" || provider === null || !("config" in provider)) return undefined;
  const settings: unknown = provider.config;
  if (typeof settings !== "object" || settings === null || !("tokenFile" in settings)) return undefined;
  return typeof settings.tokenFile === "string" ? settings.tokenFile : undefined;
}

function tlsOf(options: RequestOptions): TlsFiles {
  const text = (value: unknown): string | Buffer | undefined => (typeof value === "string" || Buffer.isBuffer(value) ? value : undefined);
  const ca = text(options.ca);
  const cert = text(options.cert);
  const key = text(options.key);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(options.rejectUnauthorized === undefined ? {} : { rejectUnauthorized: options.rejectUnauthorized }),
    ...(options.servername === undefined ? {} : { servername: options.servername }),
  };
}

function fingerprint(tls: TlsFiles): string {
  const hash = createHash("sha256");
  for (const [name, value] of Object.entries(tls))
    hash
      .update(`${name}:`)
      .update(typeof value === "boolean" ? String(value) : value)
      .update(";");
  return hash.digest("hex");
}
