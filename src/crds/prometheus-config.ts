import { z } from "zod";
import { durationMs } from "./effective.ts";
import { DURATION } from "./fields.ts";

/** `slos.prometheus` of the configuration: whom to ask for the error budgets, and how. */

const period = (example: string) => z.string().max(32).regex(DURATION, `must be a duration such as ${example}`);
/** Undefined where it is none, which is said of the field itself. */
const msOf = (text: string): number | undefined => (DURATION.test(text) ? durationMs(text) : undefined);
const file = (example: string) => z.string().max(1024).regex(/^\//, `must be the absolute path of a file, as ${example}`);

/** Shorter, it would ask more often than rules are evaluated. */
const SHORTEST_INTERVAL_MS = 10_000;

/** The workspace of Amazon Managed Service for Prometheus by its URL; undefined: it is of none. */
export function workspaceOfUrl(url: string): { readonly region: string; readonly id: string } | undefined {
  const match = /^https:\/\/(?:[a-z0-9-]+\.)*aps-workspaces\.([a-z0-9-]+)\.[^/]+\/workspaces\/(ws-[0-9A-Za-z-]+)\/?$/.exec(url);
  const [, region, id] = match ?? [];
  return region === undefined || id === undefined ? undefined : { region, id };
}

const authorization = z
  .strictObject({
    mode: z
      .enum(["None", "BearerToken", "SigV4"])
      .default("None")
      .describe(
        "None; BearerToken: the token in bearerTokenFile; SigV4: the operator's AWS credentials, for a workspace of Amazon Managed Service for Prometheus (needs aps:QueryMetrics).",
      ),
    bearerTokenFile: file("/var/run/secrets/kubernetes.io/serviceaccount/token")
      .optional()
      .describe("File in the operator's pod that holds the token, for mode BearerToken. It is read at each query, so it may be replaced."),
  })
  .refine(({ mode, bearerTokenFile }) => (mode === "BearerToken") === (bearerTokenFile !== undefined), {
    path: ["bearerTokenFile"],
    error: "write bearerTokenFile with mode BearerToken, and with no other",
  });

export const prometheus = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .max(1024)
      .regex(/^[^?#@]+$/, "must have no ?, # or @: the operator adds /api/v1/query, and how it shows who it is stands in authorization")
      .describe("Its URL, before /api/v1/query, as http://prometheus-operated.monitoring.svc:9090."),
    interval: period("2m").default("2m").describe("How often it is asked, in one query for all services; at least 10s."),
    timeout: period("10s").default("10s").describe("How long an answer is waited for; at most interval."),
    authorization: authorization.prefault({}).describe("How the operator shows who it is."),
    caFile: file("/etc/prometheus-ca/ca.crt")
      .nullable()
      .default(null)
      .describe(
        "File in the operator's pod with certificates of authorities that are trusted beside the public ones. It is read at each query.",
      ),
  })
  .refine(({ interval }) => (msOf(interval) ?? SHORTEST_INTERVAL_MS) >= SHORTEST_INTERVAL_MS, {
    path: ["interval"],
    error: "interval must be at least 10s",
  })
  .refine(({ interval, timeout }) => (msOf(timeout) ?? 1) > 0 && (msOf(timeout) ?? 1) <= (msOf(interval) ?? Number.POSITIVE_INFINITY), {
    path: ["timeout"],
    error: "timeout must be longer than zero and at most interval: a query has to end before the next one",
  })
  .refine(({ url, authorization: { mode } }) => mode !== "BearerToken" || url.startsWith("https:"), {
    path: ["url"],
    error: "url must be https with mode BearerToken, so that nobody on the way reads the token",
  })
  .refine(({ url, authorization: { mode } }) => mode !== "SigV4" || workspaceOfUrl(url) !== undefined, {
    path: ["url"],
    error: "url must be that of a workspace with mode SigV4, as https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-0123",
  });

export type PrometheusConfig = z.output<typeof prometheus>;
