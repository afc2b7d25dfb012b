import { z } from "zod";
import { keyString, type ObjectKey } from "../../../src/crds/meta.ts";
import type { Json } from "../json-path.ts";

/** What both fuzz tests say and are told. */

/** FUZZ_SEED=… fuzzes others. */
export function fuzzSeed(): number {
  return Number(process.env.FUZZ_SEED ?? "20261126");
}

/** `what` with a line for each of what was counted, the most frequent first. */
export function tableOf(what: string, tally: ReadonlyMap<string, number>): string {
  const rows = [...tally].toSorted(([, a], [, b]) => b - a);
  return [what, ...rows.map(([name, number]) => `  ${String(number).padStart(6)}  ${name}`)].join("\n");
}

const MOST_PODS = 2;
const scaled = z.looseObject({ scaling: z.looseObject({ minReplicas: z.int().min(1).max(1000) }) });

/** A node of the test's has no room for thousands: what is more says nothing more. */
export function withFewPods(spec: Json): Json {
  const { data } = scaled.safeParse(spec);
  if (data === undefined || data.scaling.minReplicas <= MOST_PODS) return spec;
  return z.json().parse({ ...data, scaling: { ...data.scaling, minReplicas: MOST_PODS } });
}

const imaged = z.looseObject({ image: z.looseObject({ repository: z.string() }) });

/** Many are made of one that people wrote, and would all have its repository. */
export function withRepositoryOfItsOwn(spec: Json, key: ObjectKey): Json {
  const { data } = imaged.safeParse(spec);
  if (data?.image.repository !== `${key.namespace}/matching`) return spec;
  return z.json().parse({ ...data, image: { ...data.image, repository: keyString(key) } });
}
