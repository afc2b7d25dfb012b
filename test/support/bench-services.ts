import { expect, vi } from "vitest";
import { pushImage } from "../../src/cli/image.ts";
import { condition, isReady } from "../../src/cli/service-watch.ts";
import type { Condition } from "../../src/crds/conditions.ts";
import { keyString, type ObjectKey } from "../../src/crds/meta.ts";
import type { FaultBench } from "./fault-bench.ts";
import { repositoryOf, serviceOf } from "./platform.ts";

/** Single services on a bench: made, pushed, waited for. */

/** As long as the longest back-off and time-out that a healing may have to sit out, twice. */
export const HEALING_MS = 150_000;
const TAG = "1.0.0";

/** Creates it, in its namespace, and does not wait. */
export async function apply(bench: FaultBench, key: ObjectKey, spec: object = {}): Promise<void> {
  await bench.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: key.namespace } });
  await bench.apply(serviceOf(key, spec));
}

/** Pushes its image, by each of the tags, as soon as it has a repository. */
export async function push(
  bench: FaultBench,
  key: ObjectKey,
  { tags = [TAG], patienceMs = HEALING_MS }: { readonly tags?: readonly string[]; readonly patienceMs?: number } = {},
): Promise<void> {
  const repository = (): string | undefined => repositoryOf(bench.watch.get(key));
  await bench.watch.until(`${keyString(key)} has a repository`, () => repository() !== undefined, patienceMs);
  for (const tag of tags) await pushImage(bench.ecr, { repository: repository() ?? "", tag, architectures: ["amd64"] });
}

export async function untilReady(bench: FaultBench, key: ObjectKey, patienceMs = HEALING_MS): Promise<void> {
  await bench.watch.until(`${keyString(key)} is Ready`, () => isReady(bench.watch.get(key)), patienceMs);
}

/** Creates it, pushes its image and waits until it is Ready. */
export async function ready(bench: FaultBench, key: ObjectKey, spec: object = {}, patienceMs = HEALING_MS): Promise<void> {
  await apply(bench, key, spec);
  await push(bench, key, { patienceMs });
  await untilReady(bench, key, patienceMs);
}

/** Waits until a condition is False for the reason; resolves to its message. */
export async function untilFalse(bench: FaultBench, key: ObjectKey, type: string, reason: string): Promise<string> {
  const found = (): Condition | undefined => condition(bench.watch.get(key), type);
  const holds = (): boolean => found()?.status === "False" && found()?.reason === reason;
  await bench.watch.until(`${keyString(key)} has ${type}=False ${reason}`, holds, HEALING_MS);
  return found()?.message ?? "";
}

/** Deletes a child behind the operator's back, and waits until it is there again. */
export async function untilRepaired(bench: FaultBench, namespace: string, what: string): Promise<void> {
  await bench.plane.kubectl(["delete", what, "-n", namespace, "--wait=true"]);
  await untilThere(bench, namespace, what);
}

/** Resolves when the object is there; `what`: as kubectl names it. */
export async function untilThere(bench: FaultBench, namespace: string, what: string): Promise<void> {
  const find = (): Promise<string> => bench.plane.kubectl(["get", what, "-n", namespace, "-o", "name", "--ignore-not-found"]);
  await vi.waitFor(async () => expect(await find()).not.toBe(""), { timeout: HEALING_MS, interval: 200 });
}
