import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { get } from "node:https";
import { setTimeout as delay } from "node:timers/promises";

const POLL_INTERVAL_MS = 100;
const REQUEST_TIMEOUT_MS = 5_000;

/** An API server as a probe needs it. */
export interface ApiEndpoint {
  readonly url: string;
  /** Need not exist yet: the API server writes it. */
  readonly caFile: string;
  readonly token: string;
}

/** Whether a GET of `path` answers 200; false also while nothing listens. */
export async function answersOk({ url, caFile, token }: ApiEndpoint, path: string): Promise<boolean> {
  try {
    const request = get(`${url}${path}`, {
      agent: false,
      ca: await readFile(caFile),
      headers: { authorization: `Bearer ${token}` },
      timeout: REQUEST_TIMEOUT_MS,
    });
    request.on("timeout", () => request.destroy(new Error("timeout")));
    const [response] = await once(request, "response");
    response.resume();
    return response.statusCode === 200;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

/** Resolves when `probe` is true; throws when the deadline passes or when `broken` resolves first, with its error. */
export async function waitUntil(options: {
  readonly what: string;
  readonly deadlineMs: number;
  readonly broken: Promise<Error>;
  readonly probe: () => Promise<boolean>;
}): Promise<void> {
  const polling = new AbortController();
  const poll = async (): Promise<"ready" | "late"> => {
    const startedAt = performance.now();
    while (!polling.signal.aborted && performance.now() - startedAt < options.deadlineMs) {
      if (await options.probe()) return "ready";
      await delay(POLL_INTERVAL_MS);
    }
    return "late";
  };
  const outcome = await Promise.race([poll(), options.broken]);
  polling.abort();
  if (outcome instanceof Error) throw outcome;
  if (outcome === "late") throw new Error(`${options.what} took longer than ${options.deadlineMs / 1_000} s`);
}
