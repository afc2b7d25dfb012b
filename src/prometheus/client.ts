import { readFile } from "node:fs/promises";
import { getCACertificates } from "node:tls";
import { Client, errors } from "undici";
import { z } from "zod";
import { durationMs } from "../crds/effective.ts";
import { FIELD_MANAGER } from "../crds/meta.ts";
import type { PrometheusConfig } from "../crds/prometheus-config.ts";
import type { Prometheus, PrometheusAnswer, PrometheusFailure, RequestSigner } from "../reconcilers/ports.ts";

export interface PrometheusOptions {
  /** Of the operator, for the user agent. */
  readonly version: string;
  /** For mode SigV4. */
  readonly sign: RequestSigner;
}

/** Three series of an SLO are about a kilobyte. */
const LARGEST_ANSWER_BYTES = 32 * 1024 * 1024;
/** Of what a server says of itself, in characters. */
const LONGEST_MESSAGE = 300;

const vector = z.object({
  status: z.literal("success"),
  data: z.object({
    resultType: z.literal("vector"),
    result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) })),
  }),
  warnings: z.array(z.string()).optional(),
});
const refusal = z.object({ status: z.literal("error"), error: z.string() });

/** Each query has a connection of its own: one every few minutes finds none worth keeping, and tokens and certificates are read as they are by then. */
export function createPrometheus(settings: PrometheusConfig, options: PrometheusOptions): Prometheus {
  return {
    async query(expression, signal) {
      try {
        return await ask(settings, options, expression, signal);
      } catch (error) {
        if (error instanceof NotAsked) return failed("Unauthorized", error.message);
        if (error instanceof errors.ResponseExceededMaxSizeError)
          return failed("BadAnswer", `the answer is larger than ${LARGEST_ANSWER_BYTES} bytes`);
        return failed("Unreachable", describe(error));
      }
    },
  };
}

/** What has to be shown, or the authorities to trust, cannot be had: nothing was sent. */
class NotAsked extends Error {
  override readonly name = "NotAsked";
}

async function ask(settings: PrometheusConfig, options: PrometheusOptions, query: string, signal: AbortSignal): Promise<PrometheusAnswer> {
  const { url: base, caFile, timeout } = settings;
  const url = new URL(`${base.replace(/\/+$/, "")}/api/v1/query`);
  const body = new URLSearchParams({ query }).toString();
  const headers = await authorized(settings, options, url, body);
  const trusted = caFile === null ? {} : { ca: [...getCACertificates("default"), await read(caFile)] };
  const timeoutMs = durationMs(timeout);
  const client = new Client(url.origin, {
    connect: { ...trusted, timeout: timeoutMs },
    allowH2: false,
    maxResponseSize: LARGEST_ANSWER_BYTES,
  });
  try {
    const response = await client.request({
      method: "POST",
      path: url.pathname,
      headers,
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    return answerOf(response.statusCode, await response.body.text());
  } finally {
    await client.destroy();
  }
}

async function authorized(
  { authorization: { mode, bearerTokenFile } }: PrometheusConfig,
  { version, sign }: PrometheusOptions,
  url: URL,
  body: string,
): Promise<Readonly<Record<string, string>>> {
  const headers = {
    host: url.host,
    "content-type": "application/x-www-form-urlencoded",
    accept: "application/json",
    "user-agent": `${FIELD_MANAGER}/${version}`,
  };
  if (mode === "SigV4") {
    try {
      return await sign({ method: "POST", url, headers, body });
    } catch (error) {
      throw new NotAsked(`no AWS credentials to sign with: ${describe(error)}`);
    }
  }
  return bearerTokenFile === undefined ? headers : { ...headers, authorization: `Bearer ${(await read(bearerTokenFile)).trim()}` };
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new NotAsked(`cannot read ${file}: ${describe(error)}`);
  }
}

function answerOf(status: number, text: string): PrometheusAnswer {
  const body = parseJson(text);
  if (status === 200) {
    const parsed = vector.safeParse(body);
    if (!parsed.success) return failed("BadAnswer", "the answer is not that of an instant query of Prometheus");
    const { data, warnings = [] } = parsed.data;
    const samples = data.result.map(({ metric, value: [, value] }) => ({ labels: metric, value: Number(value) }));
    return { state: "answered", samples, whole: warnings.length === 0 };
  }
  const said = refusal.safeParse(body);
  return failed(
    status === 401 || status === 403 ? "Unauthorized" : "Refused",
    said.success ? `${status}: ${said.data.error}` : String(status),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function failed(reason: PrometheusFailure, message: string): PrometheusAnswer {
  return { state: "failed", reason, message: message.slice(0, LONGEST_MESSAGE).toWellFormed() };
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
