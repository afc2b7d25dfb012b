import { deepStrictEqual } from "node:assert";
import type { Environment } from "../environment.ts";
import type { Monitoring } from "../monitoring.ts";
import type { ServiceWatch } from "../service-watch.ts";

/** What the demo asserts: each claim is read back by clients that are not the operator's. */

export interface DemoContext {
  readonly environment: Environment;
  readonly monitoring: Monitoring;
  readonly watch: ServiceWatch;
  /** Says a line of a claim's own progress, as a time measured. */
  readonly say: (line: string) => void;
}

/** Throws when it does not hold. */
export interface Claim {
  readonly title: string;
  readonly check: (context: DemoContext) => Promise<void>;
}

/** Equal, or an error that shows both. */
export function same(actual: unknown, expected: unknown, what: string): void {
  try {
    deepStrictEqual(actual, expected);
  } catch (error) {
    throw new Error(`${what}: ${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`, { cause: error });
  }
}

export function holds(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

const POLL_MS = 50;

/** Asks again until `probe` no longer throws; resolves to the seconds that it took. Throws the last error after `timeoutMs`. */
export async function eventually(probe: () => Promise<void>, timeoutMs: number): Promise<number> {
  const started = performance.now();
  for (;;) {
    try {
      await probe();
      return (performance.now() - started) / 1000;
    } catch (error) {
      if (performance.now() - started > timeoutMs) throw error;
      await new Promise((resolve) => void setTimeout(resolve, POLL_MS));
    }
  }
}

/** JSON of one object, or of a list, as kubectl prints it. */
export async function get<T>({ environment }: DemoContext, ...args: readonly string[]): Promise<T> {
  return JSON.parse(await environment.plane.kubectl(["get", ...args, "-o", "json"]));
}

/** Whether kubectl finds nothing by this name. */
export async function isAbsent({ environment }: DemoContext, ...args: readonly string[]): Promise<boolean> {
  return (await environment.plane.kubectl(["get", ...args, "--ignore-not-found", "-o", "name"])).trim() === "";
}
