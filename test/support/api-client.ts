import { KubeConfig } from "@kubernetes/client-node";
import { Agent, request } from "undici";
import { z } from "zod";
import type { SharedClusterInfo } from "./cluster.ts";

/** Plain requests to the API server as admin, with what kubectl hides: the warnings, and the causes of a refusal. */

const status = z.object({
  message: z.string().default(""),
  details: z
    .object({
      causes: z.array(z.object({ field: z.string().default(""), reason: z.string().default(""), message: z.string() })).default([]),
    })
    .default({ causes: [] }),
});

export interface ApiAnswer {
  readonly code: number;
  /** Texts of the Warning headers. */
  readonly warnings: readonly string[];
  /** The object, or the Status. */
  readonly body: unknown;
  /** Of a Status: what is wrong, field by field. */
  readonly causes: readonly { readonly field: string; readonly reason: string; readonly message: string }[];
}

export interface ApiClient {
  send(method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<ApiAnswer>;
  close(): Promise<void>;
}

export function apiClient(cluster: SharedClusterInfo): ApiClient {
  const config = new KubeConfig();
  config.loadFromFile(cluster.adminKubeconfig);
  const ca = Buffer.from(config.getCurrentCluster()?.caData ?? "", "base64").toString();
  const dispatcher = new Agent({ connect: { ca } });
  const headers = { authorization: `Bearer ${config.getCurrentUser()?.token ?? ""}`, "content-type": "application/json" };
  return {
    async send(method, path, body) {
      const answer = await request(`${cluster.url}${path}`, {
        method,
        headers,
        dispatcher,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const content: unknown = await answer.body.json();
      const { details } = answer.statusCode < 400 ? { details: { causes: [] } } : status.parse(content);
      return { code: answer.statusCode, warnings: warningsOf(answer.headers["warning"]), body: content, causes: details.causes };
    },
    close: () => dispatcher.close(),
  };
}

/** Each is `299 - "text"`. */
function warningsOf(header: string | readonly string[] | undefined): readonly string[] {
  const lines = header === undefined ? [] : [header].flat();
  return lines.flatMap((line) => [...line.matchAll(/299 [^"]* "((?:[^"\\]|\\.)*)"/g)].map(([, words = ""]) => words));
}
