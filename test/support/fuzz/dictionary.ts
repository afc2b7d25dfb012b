import { readdirSync, readFileSync } from "node:fs";
import { parse, parseAllDocuments } from "yaml";
import { z } from "zod";
import { FULL_SERVICE, MINIMAL_SERVICE } from "../full-objects.ts";
import { withChanges, type Json } from "../json-path.ts";
import { SERVICE_ACCEPTED, SERVICE_REFUSALS } from "../service-cases.ts";
import type { CrdSchema } from "./crd-schema.ts";

/** What people and tests have written of PlatformServices: whole ones to begin with, and the values of each of their fields. */

const json: z.ZodType<Json> = z.json();
const object = z.record(z.string(), z.unknown());

function folder(path: string): URL {
  return new URL(`../../../${path}/`, import.meta.url);
}

function samples(): readonly Json[] {
  const at = folder("config/samples");
  return readdirSync(at)
    .toSorted()
    .flatMap((name) => parseAllDocuments(readFileSync(new URL(name, at), "utf8")).map((document) => object.parse(document.toJS())))
    .filter(({ kind }) => kind === "PlatformService")
    .map((service) => json.parse(service));
}

const corpus = z.array(z.object({ statements: z.array(json) }));

/** Statements of the policies that are known to pass, or not to. */
function policies(): readonly Json[] {
  return ["policies-that-pass", "policies-that-are-refused"].flatMap((name) =>
    corpus.parse(parse(readFileSync(new URL(`${name}.yaml`, folder("test/corpus")), "utf8"))).map(({ statements }) => statements),
  );
}

/** Whole PlatformServices that the API server takes. */
export const WHOLE_SERVICES: readonly Json[] = [
  MINIMAL_SERVICE,
  ...samples(),
  ...Object.values(SERVICE_ACCEPTED).map((changes) => plain(withChanges(FULL_SERVICE, changes))),
];

/** Whole ones that it does not. */
const REFUSED_SERVICES: readonly Json[] = SERVICE_REFUSALS.flatMap(({ examples }) =>
  examples.map((changes) => plain(withChanges(FULL_SERVICE, changes))),
);

/** Without members that are undefined, which a change may leave. */
function plain(value: Json): Json {
  return JSON.parse(JSON.stringify(value));
}

/** Most values of one field. */
const MOST = 48;

/** By place, as `routes[].match`, what has been written there. */
export class Dictionary {
  readonly #taken = new Map<string, Map<string, Json>>();
  readonly #all = new Map<string, Map<string, Json>>();

  constructor(schema: CrdSchema) {
    const specs = [...WHOLE_SERVICES.map(specOf), ...policies().map((statements): Json => ({ aws: { policy: { statements } } }))];
    for (const spec of specs) note(this.#taken, spec, schema, "");
    for (const spec of [...specs, ...REFUSED_SERVICES.map(specOf)]) note(this.#all, spec, schema, "");
  }

  /** By the API server. */
  taken(place: string): readonly Json[] {
    return [...(this.#taken.get(place)?.values() ?? [])];
  }

  /** Taken or refused. */
  of(place: string): readonly Json[] {
    return [...(this.#all.get(place)?.values() ?? [])];
  }
}

function note(into: Map<string, Map<string, Json>>, value: Json, schema: CrdSchema, place: string): void {
  const known = into.get(place) ?? new Map<string, Json>();
  into.set(place, known);
  if (known.size < MOST) known.set(JSON.stringify(value), value);
  if (Array.isArray(value)) for (const item of value) note(into, item, schema.items ?? {}, `${place}[]`);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return;
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const one = Object.entries(value).find(([key]) => key === name)?.[1];
    if (one !== undefined) note(into, one, property, place === "" ? name : `${place}.${name}`);
  }
}

export function specOf(service: Json): Json {
  return json.parse(object.parse(service)["spec"]);
}
