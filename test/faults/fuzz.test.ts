import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { condition, isReady } from "../../src/cli/service-watch.ts";
import { keyString, type ObjectKey } from "../../src/crds/meta.ts";
import type { PlatformService } from "../../src/crds/platform-service.ts";
import { serviceOf } from "../support/platform.ts";
import { admit } from "../support/fuzz/admission.ts";
import { eachOf, FuzzCluster, type Child } from "../support/fuzz/cluster.ts";
import { endingOf, isEnd, LEGITIMATE, NAMES_FIELD, wordProblems, type Ending } from "../support/fuzz/ending.ts";
import { fuzzInputs, fuzzService, type FuzzInput } from "../support/fuzz/inputs.ts";
import { NAMESPACES, refusedFields } from "../support/fuzz/memory-platform.ts";
import { fuzzSeed, tableOf, withFewPods, withRepositoryOfItsOwn } from "../support/fuzz/report.ts";
import { tally } from "../support/tally.ts";

/**
 * Five hundred PlatformServices that nobody would write, on a real API server with the operator beside it: each is refused by the API server, reported in SpecValid,
 * becomes Ready, or says what outside its spec it waits for; nothing is made of one that is refused, nobody else is disturbed, and when they are deleted nothing is left.
 */

const INPUTS = Number(process.env.FUZZ_CLUSTER_INPUTS ?? "500");
const SEED = fuzzSeed();
/** Two minutes are enough on a machine that does nothing else. */
const PATIENCE_MS = 900_000;
const BYSTANDERS: readonly ObjectKey[] = [
  { namespace: "bystanders", name: "bystander" },
  { namespace: "in-sidecars", name: "bystander" },
];

interface Case {
  readonly key: ObjectKey;
  readonly input: FuzzInput;
}

let cluster: FuzzCluster;
let cases: readonly Case[];
let before: readonly Child[];
let awsBefore: ReadonlyMap<string, ReadonlyMap<string, unknown>>;
const unready: string[] = [];
/** By service what the API server said; those that it took. */
const refusals = new Map<string, string>();
const stored = new Map<string, Case>();

beforeAll(async () => {
  cluster = await FuzzCluster.start(["bystanders"]);
  await cluster.apply(...BYSTANDERS.map((key) => serviceOf(key)));
  await settled(BYSTANDERS.map(keyString));
  before = (await cluster.children()).filter(isBystanders);
  awsBefore = await cluster.awsObjects();
  cluster.watch.subscribe((_, service) => {
    if (service && isBystander(service.metadata) && !isReady(service)) unready.push(condition(service, "Ready")?.message ?? "no Ready");
  });
  cases = sampled();
});

afterAll(async () => {
  await cluster.stop();
});

test("each is refused by the API server with a field, or stored, as its schema and rules in memory say", async () => {
  const problems: string[] = [];
  await eachOf(cases, 12, async ({ key, input }) => {
    const service = fuzzService(input, key.namespace);
    const answer = await cluster.create(key.namespace, service);
    const { faults } = admit(service);
    const id = keyString(key);
    if (answer.code < 300) {
      stored.set(id, { key, input });
      if (faults.length > 0) problems.push(`${id} is stored, though in memory it breaks ${faults.map(({ field }) => field).join(", ")}`);
      return;
    }
    const said = messageOf(answer.body);
    refusals.set(id, said);
    if (![400, 422].includes(answer.code)) problems.push(`${id}: ${String(answer.code)} ${said}`);
    if (!/(spec|metadata)[.:[ ]|PlatformService in version|unknown field/.test(said))
      problems.push(`${id} is refused without a field: ${said}`);
    if (faults.length === 0 && !isOfMetadata(said)) problems.push(`${id} is refused, and in memory it is not: ${said}`);
  });
  expect(problems).toEqual([]);
  expect(refusals.size + stored.size).toBe(INPUTS);
});

test("each that is stored is reported in SpecValid, becomes Ready, or says what it waits for; nothing is made of one that is refused", async () => {
  const problems: string[] = [];
  await settled([...stored.keys()]);
  const children = await cluster.children();
  const aws = await cluster.awsObjects();
  const endings = [...stored].map(([id, { key, input }]) => ({
    id,
    input,
    service: cluster.watch.get(key),
    ending: ending(cluster.watch.get(key)),
  }));
  const counts = new Map<string, number>([["refused by the API server", refusals.size]]);
  for (const { id, service, ending: end } of endings) {
    count(counts, end);
    const conditions = service?.status?.conditions ?? [];
    problems.push(
      ...wordProblems(conditions, JSON.stringify(service?.spec) + JSON.stringify(service?.metadata)).map((one) => `${id}: ${one}`),
    );
    if (!isEnd(end))
      problems.push(`${id}: ${describe(end)}; ${condition(service, "Ready")?.message ?? ""}; ${JSON.stringify(service?.spec)}`);
    if (end.state !== "refused") continue;
    if (!NAMES_FIELD.test(end.message)) problems.push(`${id} is refused without a field: ${end.message}`);
    const made = children.filter(({ metadata }) => metadata.ownerReferences?.some(({ uid }) => uid === service?.metadata.uid));
    const ofAws = [...(aws.get(id)?.keys() ?? [])];
    if (made.length + ofAws.length > 0)
      problems.push(`${id} is refused, and has ${[...made.map(({ kind }) => kind), ...ofAws].join(", ")}`);
  }
  console.log(tableOf(`${String(INPUTS)} PlatformServices on a real API server, FUZZ_SEED=${String(SEED)}`, counts));
  tally({ what: "fuzzed PlatformServices on a real API server", tried: INPUTS, held: Math.max(0, INPUTS - problems.length) });
  expect(problems).toEqual([]);
  expect(endings.filter(({ ending: { state } }) => state === "ready").length).toBeGreaterThan(INPUTS / 8);
});

test("nobody else is disturbed: the same children, the same in AWS, Ready all the while", async () => {
  const after = (await cluster.children()).filter(isBystanders);
  expect(after.map(identity)).toEqual(before.map(identity));
  const aws = await cluster.awsObjects();
  for (const key of BYSTANDERS) expect(aws.get(keyString(key))).toEqual(awsBefore.get(keyString(key)));
  expect(unready).toEqual([]);
});

test("once they are deleted nothing is left of them but what their specs retain", async () => {
  await cluster.deleteAllBut(BYSTANDERS, PATIENCE_MS);
  const left = (await cluster.children())
    .filter((child) => !isBystanders(child))
    .map(({ kind, metadata }) => `${kind} ${keyString(metadata)}`);
  expect(left).toEqual([]);
  const aws = await cluster.awsObjects();
  const unexpected = [...aws]
    .filter(([id]) => !BYSTANDERS.map(keyString).includes(id))
    .flatMap(([id, objects]) => [...objects.keys()].filter((what) => !isRetained(what, stored.get(id))).map((what) => `${id}: ${what}`));
  expect(unexpected).toEqual([]);
});

test("the operator is the same process, and its log has no error", async () => {
  expect(() => process.kill(cluster.operatorPid, 0)).not.toThrow();
  expect(await cluster.errors()).toEqual([]);
});

/** The same seed gives the same services. */
function sampled(): readonly Case[] {
  const namespaces = Object.keys(NAMESPACES);
  const inputs = fc.oneof(
    ...namespaces.map((namespace, index) => ({
      weight: index === 0 ? 3 : 1,
      arbitrary: fuzzInputs({ namespace, refused: refusedFields }).map((input) => ({ namespace, input })),
    })),
  );
  return fc.sample(inputs, { numRuns: INPUTS, seed: SEED }).map(({ namespace, input }, index) => {
    const name = nameOf(input, index);
    return {
      key: { namespace, name },
      input: { ...input, name, spec: withRepositoryOfItsOwn(withFewPods(input.spec), { namespace, name }) },
    };
  });
}

/** No two have one name; one that nobody can have stays as it is. */
function nameOf({ name }: FuzzInput, index: number): string {
  return /^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(name) ? `${name.slice(0, 58).replace(/-+$/, "")}-${String(index)}` : name;
}

function messageOf(body: unknown): string {
  return typeof body === "object" && body !== null && "message" in body ? String(body.message) : "";
}

/** The schema has no say over names, labels and annotations. */
function isOfMetadata(said: string): boolean {
  return /metadata\.(name|labels|annotations|generateName)|name or generateName is required/.test(said);
}

function ending(service: PlatformService | undefined): Ending {
  return service?.status === undefined ? { state: "silent" } : endingOf(service.status, service.metadata.generation);
}

function describe(end: Ending): string {
  return end.state === "stated" ? end.reasons.join(", ") : end.state;
}

function count(counts: Map<string, number>, end: Ending): void {
  const what =
    end.state === "stated"
      ? `stated: ${end.reasons.find((reason) => reason in LEGITIMATE) ?? describe(end)}`
      : { ready: "Ready", refused: "reported in SpecValid", silent: "silent" }[end.state];
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

/** Gives them what they wait for, until all are at rest or patience is over. */
async function settled(ids: readonly string[]): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  const left = new Set(ids);
  const look = (): boolean => {
    for (const service of cluster.watch.list())
      if (isEnd(ending(service)) && !cluster.waits(service)) left.delete(keyString(service.metadata));
    return left.size === 0;
  };
  while (!look() && Date.now() < deadline) {
    await cluster.give(cluster.watch.list().filter(({ metadata }) => left.has(keyString(metadata))));
    await cluster.nextChange();
  }
}

function isBystander(key: ObjectKey): boolean {
  return BYSTANDERS.some((one) => keyString(one) === keyString(key));
}

function isBystanders({ metadata }: Child): boolean {
  return (metadata.ownerReferences ?? []).some(({ name }) => isBystander({ namespace: metadata.namespace, name }));
}

function identity({ kind, metadata: { name, uid, generation }, spec }: Child): unknown {
  return { kind, name, uid, generation, spec };
}

/** By the spec's own words. */
function isRetained(what: string, written: Case | undefined): boolean {
  const spec = JSON.stringify(written?.input.spec ?? null);
  if (what.startsWith("repositories ")) return !/"image":\{[^}]*"deletionPolicy":"Delete/.test(spec);
  return what.startsWith("roles ") && /"aws":\{.*"deletionPolicy":"Retain"/.test(spec);
}
