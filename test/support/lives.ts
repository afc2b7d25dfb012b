import { expect, vi } from "vitest";
import { REPEATED } from "../../emulator/idempotency.ts";
import { ADMIN_KEY } from "../../src/cli/keys.ts";
import { condition, isReady } from "../../src/cli/service-watch.ts";
import { AWS_TAGS, type ObjectKey } from "../../src/crds/meta.ts";
import type { PlatformService } from "../../src/crds/platform-service.ts";
import { isWrite, signatureOf } from "./api-call.ts";
import { push } from "./bench-services.ts";
import type { FaultBench } from "./fault-bench.ts";
import { serviceOf } from "./platform.ts";
import { LEGACY_TIERS, LIVES, NEXT_TAG, TAG, type LifeKind } from "./life-specs.ts";
import { creationsSince } from "./own-action.ts";
import { madeAgain, readWorld, type World } from "./world-state.ts";

/** The lives of services, many at once, each in a namespace of its own: created, pushed, Ready, changed, Ready, looked at again, deleted, gone. */

/** Every life's service has this name; faults and states are told apart by namespace. */
export const SERVICE = "api";
/** Of a phase, in which the operator may be killed twenty times on a machine that is busy with two other files. */
const PATIENCE_MS = 900_000;
/** As the action log has a condition key: in small letters. */
const NAMESPACE_TAG = `aws:requesttag/${AWS_TAGS.namespace.toLowerCase()}`;
/** Longer than anything that the operator puts off after its last pass. */
const QUIET_MS = 3_000;

/** Which kind of life the namespace is for: its name begins with it. */
export function lifeKindOf(namespace: string): LifeKind {
  return namespace.startsWith("mesh-") ? "mesh" : "life";
}

function lifeOf(namespace: string): (typeof LIVES)[LifeKind] {
  return LIVES[lifeKindOf(namespace)];
}

/** `seenAgain`: twice, though nothing has changed, the second time by a process that has just started. */
export type Phase = "born" | "changed" | "retiered" | "seenAgain" | "deleted";

export interface LivesResult {
  /** What each namespace held when Ready, when Ready with every field changed, when Ready in its other tier, and after the end. */
  readonly born: World;
  readonly changed: World;
  readonly retiered: World;
  readonly left: World;
  /** What of each namespace was taken away and made again between two of its ages. */
  readonly madeAgain: ReadonlyMap<string, readonly string[]>;
  /** How often what each namespace had in AWS was made, by the call. */
  readonly creations: ReadonlyMap<string, Readonly<Record<string, number>>>;
  /** What the operator wrote though nothing had changed. */
  readonly idleWrites: readonly string[];
}

/** Lives a life in each namespace, side by side; `enter` is awaited before each phase. Rejects when one life does not get on. */
export async function live(
  bench: FaultBench,
  namespaces: readonly string[],
  enter: (phase: Phase) => void | Promise<void> = () => undefined,
): Promise<LivesResult> {
  const keys = namespaces.map((namespace): ObjectKey => ({ namespace, name: SERVICE }));
  const start = await bench.aws.lastSequence();
  await enter("born");
  await beBorn(bench, keys);
  const born = await readWorld(bench, namespaces);
  await enter("changed");
  await become(bench, keys, (life) => life.changed);
  const changed = await readWorld(bench, namespaces);
  await enter("retiered");
  await become(bench, keys, (life) => ({ ...life.changed, ...life.retiered }));
  const retiered = await readWorld(bench, namespaces);
  await untilQuiet(bench);
  await enter("seenAgain");
  const idleWrites = await lookAgain(bench, keys);
  await enter("deleted");
  await die(bench, keys);
  const { world: left } = await readWorld(bench, namespaces);
  const again = (namespace: string): readonly string[] => [
    ...madeAgain(born, changed, namespace).map((name) => `when changed: ${name}`),
    ...madeAgain(changed, retiered, namespace).map((name) => `when retiered: ${name}`),
  ];
  return {
    born: born.world,
    changed: changed.world,
    retiered: retiered.world,
    left,
    madeAgain: new Map(namespaces.map((namespace) => [namespace, again(namespace)])),
    creations: await countCreations(bench, start, namespaces),
    idleWrites,
  };
}

async function beBorn(bench: FaultBench, keys: readonly ObjectKey[]): Promise<void> {
  await bench.apply(
    ...LEGACY_TIERS,
    ...keys.map(({ namespace: name }) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels: lifeOf(name).labels } })),
  );
  await bench.apply(...keys.map((key) => serviceOf(key, lifeOf(key.namespace).born)));
  await Promise.all(keys.map((key) => push(bench, key, { tags: [TAG, NEXT_TAG], patienceMs: PATIENCE_MS })));
  await untilAll(bench, keys, "Ready", (key) => isWhole(bench.watch.get(key)));
}

/** Changes each spec, and resolves when all are Ready with that. */
async function become(bench: FaultBench, keys: readonly ObjectKey[], specOf: (life: (typeof LIVES)[LifeKind]) => object): Promise<void> {
  const generation = (key: ObjectKey): number => bench.watch.get(key)?.metadata.generation ?? 0;
  const before = new Map(keys.map((key) => [key, generation(key)]));
  await bench.apply(...keys.map((key) => serviceOf(key, specOf(lifeOf(key.namespace)))));
  await untilAll(bench, keys, "Ready again", (key) => generation(key) !== before.get(key) && isWhole(bench.watch.get(key)));
}

/** Ready does not wait for the rules of SLOs, nor for a way to the role that is left when no pod needs it any more: the last of them may be seen to go later. */
function isWhole(service: PlatformService | undefined): boolean {
  const isLeaving = /stays until no pod needs it/.test(condition(service, "ServiceAccountReady")?.message ?? "");
  return isReady(service) && condition(service, "SLOsReady")?.status === "True" && !isLeaving;
}

/** Ready is not the end: how many services a tier has is written a moment later, and what a rollout leaves is taken away. Resolves when nothing has been written for a while. */
async function untilQuiet(bench: FaultBench): Promise<void> {
  const start = await placeOf(bench);
  let known = 0;
  let since = Date.now();
  await vi.waitFor(
    async () => {
      const writes = await writesSince(bench, start);
      if (writes.length > known) since = Date.now();
      known = writes.length;
      expect(Date.now() - since, `milliseconds since ${writes.at(-1) ?? "Ready"}`).toBeGreaterThan(QUIET_MS);
    },
    { timeout: PATIENCE_MS, interval: 200 },
  );
}

/** A pass over each service that sees nothing new, then another process that has seen nothing at all: the writes of both. */
async function lookAgain(bench: FaultBench, keys: readonly ObjectKey[]): Promise<string[]> {
  const start = await placeOf(bench);
  const passed = (since: number): Promise<void> =>
    vi.waitFor(async () => expect(await bench.passedSince(since, keys)).toBe(true), { timeout: PATIENCE_MS, interval: 200 });

  const touched = Date.now();
  await bench.plane.kubectl(["annotate", "--overwrite", "-f", "-", `test/touched=${String(touched)}`], { input: listOf(keys) });
  await passed(touched);
  const restarted = Date.now();
  await bench.restartOperator();
  await passed(restarted);

  return writesSince(bench, start);
}

/** In what the API server and AWS have been asked. */
interface Place {
  readonly call: number;
  readonly action: number;
}

async function placeOf(bench: FaultBench): Promise<Place> {
  return { call: bench.proxy.calls.length, action: await bench.aws.lastSequence() };
}

/** What the operator has written, first in the API server, then in AWS. */
async function writesSince(bench: FaultBench, { call, action }: Place): Promise<string[]> {
  const actions = await bench.aws.actions(action);
  return [
    ...bench.proxy.calls
      .slice(call)
      .filter((made) => isWrite(made) && made.resource !== "leases")
      .map((made) => `${made.namespace}: ${signatureOf(made)}`),
    ...actions.filter((a) => a.accessKeyId !== ADMIN_KEY && a.access === "write").map((a) => `${a.action} ${a.resource}`),
  ];
}

/** By namespace. A create that was answered with what an earlier one had made has made nothing. */
async function countCreations(bench: FaultBench, since: number, namespaces: readonly string[]): Promise<LivesResult["creations"]> {
  const creations = new Map<string, Record<string, number>>(namespaces.map((namespace) => [namespace, {}]));
  for (const { action, resource, keys } of await creationsSince(bench.aws, since)) {
    if (keys[REPEATED] !== undefined) continue;
    // An association's own name is no part of the resource.
    const namespace = namespaces.find((one) => resource.includes(one) || keys[NAMESPACE_TAG]?.includes(one));
    const counts = namespace === undefined ? undefined : creations.get(namespace);
    if (counts !== undefined) counts[action] = (counts[action] ?? 0) + 1;
  }
  return creations;
}

async function die(bench: FaultBench, keys: readonly ObjectKey[]): Promise<void> {
  await bench.plane.kubectl(["delete", "--wait=false", "-f", "-"], { input: listOf(keys) });
  await untilAll(bench, keys, "gone", (key) => bench.watch.get(key) === undefined);
}

function listOf(keys: readonly ObjectKey[]): string {
  return JSON.stringify({ apiVersion: "v1", kind: "List", items: keys.map((key) => serviceOf(key)) });
}

async function untilAll(
  bench: FaultBench,
  keys: readonly ObjectKey[],
  what: string,
  predicate: (key: ObjectKey) => boolean,
): Promise<void> {
  await bench.watch.until(`all ${String(keys.length)} services are ${what}`, () => keys.every(predicate), PATIENCE_MS);
}
