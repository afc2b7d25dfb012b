import * as fc from "fast-check";
import type { Json } from "../json-path.ts";
import { admit, faultsOf, type Fault } from "./admission.ts";
import { blockOf, type CrdSchema } from "./crd-schema.ts";
import { Dictionary, specOf, WHOLE_SERVICES } from "./dictionary.ts";
import { LABELS, NASTY_NUMBERS, NASTY_TEXTS } from "./nasty.ts";

/**
 * PlatformServices that nobody would write. All is derived from the CRD's own schema, so that a new field is fuzzed as soon as it is there; what people have
 * written (dictionary.ts) gets them past the grammars, and a repair past the rest, or few would come to the operator at all.
 */

/** grown: from the schema alone. bent: one that people wrote, changed in a few places. broken: the same, and not mended. */
export type Origin = "grown" | "bent" | "broken";

export interface FuzzInput {
  readonly origin: Origin;
  readonly labels: Json;
  readonly annotations: Json;
  readonly name: string;
  readonly spec: Json;
}

const SPEC = blockOf("spec");
const DICTIONARY = new Dictionary(SPEC);

/** The PlatformService of an input. */
export function fuzzService({ name, spec, annotations, labels }: FuzzInput, namespace: string): Json {
  return {
    apiVersion: "platform-operator.dev/v1alpha1",
    kind: "PlatformService",
    metadata: { name, namespace, labels, annotations },
    spec,
  };
}

// ---------------------------------------------------------------- values

/** Each is made once: fast-check looks at a grammar for long. */
const MADE = new Map<string, fc.Arbitrary<Json>>();

function once(id: string, make: () => fc.Arbitrary<Json>): fc.Arbitrary<Json> {
  const made = MADE.get(id) ?? make();
  MADE.set(id, made);
  return made;
}

/** A value for a place of the schema: with `nasty` 0 most are within its bounds, and with more so many are not. */
function valueFor(schema: CrdSchema, place: string, nasty: number): fc.Arbitrary<Json> {
  return once(`${place} ${String(nasty)}`, () => {
    const written = DICTIONARY.of(place);
    const isScalar = schema.properties === undefined && schema.items === undefined;
    return fc.oneof(
      ...(written.length > 0 ? [{ weight: isScalar ? 6 : 1, arbitrary: fc.constantFrom(...written) }] : []),
      { weight: 4, arbitrary: grownFor(schema, place, nasty) },
      ...(nasty > 0 ? [{ weight: nasty, arbitrary: wrongFor(schema) }] : []),
    );
  });
}

function grownFor(schema: CrdSchema, place: string, nasty: number): fc.Arbitrary<Json> {
  switch (schema.type) {
    case "object":
      return blockFor(schema, place, nasty);
    case "array":
      return listFor(schema, place, nasty);
    case "string":
      return once(`text ${JSON.stringify(schema)}`, () => textFor(schema));
    case "integer":
      return numberFor(schema);
    case "boolean":
    case undefined:
      return fc.boolean();
    default:
      return schema.type satisfies never;
  }
}

function blockFor({ properties = {}, required = [] }: CrdSchema, place: string, nasty: number): fc.Arbitrary<Json> {
  const members = Object.entries(properties).map(([name, property]) => {
    const value = valueFor(property, place === "" ? name : `${place}.${name}`, nasty);
    return required.includes(name)
      ? value.map((one): readonly (readonly [string, Json])[] => [[name, one]])
      : fc
          .option(value, { freq: 1, nil: undefined, depthSize: "max" })
          .map((one): readonly (readonly [string, Json])[] => (one === undefined ? [] : [[name, one]]));
  });
  return fc.tuple(...members).map((given) => Object.fromEntries(given.flat()));
}

function listFor({ items = {}, minItems = 0, maxItems = 8 }: CrdSchema, place: string, nasty: number): fc.Arbitrary<Json> {
  const item = valueFor(items, `${place}[]`, nasty);
  const few = fc.array(item, { minLength: minItems, maxLength: Math.min(maxItems, Math.max(minItems, 4)) });
  return few.map((list): Json => list);
}

/** The grammars of our rules are anchored patterns in `self.matches(…)`. */
function grammarsOf(schema: CrdSchema): readonly RegExp[] {
  return (schema["x-kubernetes-validations"] ?? []).flatMap(({ rule }) => {
    const [, grammar] = /^self\.matches\(r?'(\^[^']*\$)'\)$/.exec(rule) ?? [];
    return grammar === undefined ? [] : [new RegExp(grammar)];
  });
}

function textFor(schema: CrdSchema): fc.Arbitrary<Json> {
  const { enum: values, minLength = 0, maxLength = 32 } = schema;
  if (values !== undefined) return fc.constantFrom(...values);
  const [grammar] = grammarsOf(schema);
  const length = { minLength, maxLength: Math.min(maxLength, 40) };
  const usual = grammar === undefined ? fc.string(length) : fc.stringMatching(grammar, { size: "xsmall" });
  const boundary = [minLength, maxLength].map((many) => "a".repeat(many));
  // What the rules of the field itself let through is what the operator has to cope with.
  const taken = [...NASTY_TEXTS, ...boundary, ...LABELS].filter((text) => faultsOf(text, schema, "").length === 0);
  return fc.oneof({ weight: 6, arbitrary: usual }, ...(taken.length > 0 ? [{ weight: 5, arbitrary: fc.constantFrom(...taken) }] : []), {
    weight: 1,
    arbitrary: fc.constantFrom(...NASTY_TEXTS, ...boundary, ...LABELS),
  });
}

function numberFor({ minimum = 0, maximum = 1000 }: CrdSchema): fc.Arbitrary<Json> {
  const inside = NASTY_NUMBERS.filter((n) => Number.isInteger(n) && n >= minimum && n <= maximum);
  return fc.oneof(fc.integer({ min: minimum, max: maximum }), fc.constantFrom(minimum, maximum, ...inside));
}

const ANYTHING: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json[]>(null, true, false, [], {}, [[]], [null], { a: { b: { c: [] } } }, "", 0),
  fc.constantFrom(...NASTY_TEXTS),
  fc.constantFrom(...NASTY_NUMBERS),
  fc.jsonValue({ maxDepth: 2 }).map((value): Json => JSON.parse(JSON.stringify(value))),
);

/** Out of bounds, or of another kind. */
function wrongFor({ minimum, maximum, minLength, maxLength, enum: values }: CrdSchema): fc.Arbitrary<Json> {
  const beyond: Json[] = [
    ...(minimum === undefined ? [] : [minimum - 1]),
    ...(maximum === undefined ? [] : [maximum + 1]),
    ...(minLength === undefined || minLength === 0 ? [] : ["a".repeat(minLength - 1)]),
    ...(maxLength === undefined ? [] : ["a".repeat(maxLength + 1), "😀".repeat(maxLength)]),
    ...(values ?? []).map((value) => value.toUpperCase()),
  ];
  return beyond.length > 0 ? fc.oneof(ANYTHING, fc.constantFrom(...beyond)) : ANYTHING;
}

// ---------------------------------------------------------------- changes of a whole

/** Every place of the schema, as `routes[].match`. */
function* placesOf(schema: CrdSchema, place: string): Generator<readonly [place: string, schema: CrdSchema]> {
  if (place !== "") yield [place, schema];
  if (schema.items) yield* placesOf(schema.items, `${place}[]`);
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    yield* placesOf(property, place === "" ? name : `${place}.${name}`);
}

const PLACES = [...placesOf(SPEC, "")];

type Change =
  | { readonly what: "set"; readonly place: string; readonly picks: readonly number[]; readonly value: Json }
  | { readonly what: "remove" | "repeat" | "swell"; readonly place: string; readonly picks: readonly number[] }
  | { readonly what: "add"; readonly place: string; readonly picks: readonly number[]; readonly key: string; readonly value: Json };

const picks = fc.array(fc.nat(7), { minLength: 4, maxLength: 4 });
const UNKNOWN_KEYS = ["__proto__", "constructor", "prototype", "toString", "", "spec", "x-kubernetes-preserve-unknown-fields", "$ref", "é"];

function changeAt([place, schema]: readonly [string, CrdSchema], nasty: number): fc.Arbitrary<Change> {
  const at = { place: fc.constant(place), picks };
  const set = fc.record({ what: fc.constant("set" as const), ...at, value: valueFor(schema, place, nasty) });
  const remove = fc.record({ what: fc.constantFrom("remove" as const, "repeat" as const), ...at });
  const swell = schema.type === "array" ? [{ weight: 1, arbitrary: fc.record({ what: fc.constant("swell" as const), ...at }) }] : [];
  const add =
    nasty > 0 && schema.type === "object"
      ? [
          {
            weight: 2,
            arbitrary: fc.record({ what: fc.constant("add" as const), ...at, key: fc.constantFrom(...UNKNOWN_KEYS), value: ANYTHING }),
          },
        ]
      : [];
  return fc.oneof({ weight: 6, arbitrary: set }, { weight: 2, arbitrary: remove }, ...swell, ...add);
}

function changes(nasty: number): fc.Arbitrary<readonly Change[]> {
  return fc.array(fc.oneof(...PLACES.map((one) => changeAt(one, nasty))), { minLength: 1, maxLength: 5 });
}

/** Steps to one value of a place: of each list on the way the item that a pick names. */
function stepsTo(root: Json, place: string, [...left]: readonly number[]): readonly (string | number)[] {
  const steps: (string | number)[] = [];
  let value: Json | undefined = root;
  for (const step of place.split(/\.|(?=\[\])/)) {
    const next: string | number = step === "[]" ? (left.shift() ?? 0) % (isList(value) ? value.length + 1 : 1) : step;
    steps.push(next);
    value = memberOf(value, next);
  }
  return steps;
}

function memberOf(value: Json | undefined, step: string | number): Json | undefined {
  if (isList(value)) return typeof step === "number" ? value[step] : undefined;
  return isBlock(value) && Object.hasOwn(value, step) ? value[step] : undefined;
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

function isBlock(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !isList(value);
}

/** Blocks and lists on the way are made. */
function setAt(root: Json, steps: readonly (string | number)[], value: Json): Json {
  const [step, ...rest] = steps;
  if (step === undefined) return value;
  const inner = setAt(memberOf(root, step) ?? null, rest, value);
  if (typeof step === "number") {
    const list = isList(root) ? [...root] : [];
    list[Math.min(step, list.length)] = inner;
    return list;
  }
  const others = typeof root === "object" && root !== null && !isList(root) ? root : {};
  return Object.fromEntries([...Object.entries(others).filter(([key]) => key !== step), [step, inner]]);
}

function removeAt(root: Json, steps: readonly (string | number)[]): Json {
  const [step, ...rest] = steps;
  if (step === undefined || memberOf(root, step) === undefined) return root;
  if (rest.length > 0) return setAt(root, [step], removeAt(memberOf(root, step) ?? null, rest));
  if (isList(root)) return root.filter((_, index) => index !== step);
  return typeof root === "object" && root !== null ? Object.fromEntries(Object.entries(root).filter(([key]) => key !== step)) : root;
}

function valueAt(root: Json, steps: readonly (string | number)[]): Json | undefined {
  return steps.reduce<Json | undefined>((value, step) => memberOf(value, step), root);
}

/** So many of an item, each with another name where it has one. */
function swollen(list: Json, most: number): Json {
  const [first] = isList(list) ? list : [];
  if (first === undefined) return list;
  const key = ["name", "sid", "port"].find((one) => memberOf(first, one) !== undefined);
  return Array.from({ length: most }, (_, index): Json => {
    if (typeof first === "string") return `${first}${String(index)}`;
    if (key === undefined) return first;
    const called = memberOf(first, key);
    return setAt(first, [key], typeof called === "string" ? `${called.slice(0, 40)}${String(index)}` : index + 1);
  });
}

const SCHEMAS: ReadonlyMap<string, CrdSchema> = new Map(PLACES);

function changed(root: Json, change: Change): Json {
  const steps = stepsTo(root, change.place, change.picks);
  switch (change.what) {
    case "set":
      return setAt(root, steps, change.value);
    case "remove":
      return removeAt(root, steps);
    case "repeat": {
      const index = steps.findLastIndex((step) => typeof step === "number");
      const list = index < 0 ? undefined : valueAt(root, steps.slice(0, index));
      const item = index < 0 ? undefined : valueAt(root, steps.slice(0, index + 1));
      return isList(list) && item !== undefined ? setAt(root, steps.slice(0, index), [...list, item]) : removeAt(root, steps);
    }
    case "swell": {
      const list = valueAt(root, steps);
      const most = SCHEMAS.get(change.place)?.maxItems ?? 0;
      return list === undefined ? root : setAt(root, steps, swollen(list, most + ((change.picks[3] ?? 0) % 3) - 1));
    }
    case "add": {
      const block = valueAt(root, steps);
      if (typeof block !== "object" || block === null || isList(block)) return root;
      return setAt(root, [...steps, change.key], change.value);
    }
    default:
      return change satisfies never;
  }
}

// ---------------------------------------------------------------- repair

const MOST_REPAIRS = 12;

/** Changes what the API server would refuse until it does not: for what people wrote there, then away with it. */
function repaired(spec: Json): Json {
  let current = spec;
  const tried = new Map<string, number>();
  for (let round = 0; round < MOST_REPAIRS; round++) {
    const { faults } = admit(fuzzService({ origin: "bent", name: "matching", labels: {}, annotations: {}, spec: current }, "default"));
    if (faults.length === 0) break;
    const seen = new Set<string>();
    // The last of a list first, so that the places of the others stay.
    for (const fault of faults.toReversed()) {
      if (seen.size === seen.add(fault.field).size) continue;
      const times = tried.get(fault.field) ?? 0;
      tried.set(fault.field, times + 1);
      current = mended(current, fault, times);
    }
  }
  return current;
}

function mended(spec: Json, { steps: [, ...steps] }: Fault, times: number): Json {
  const place = steps.reduce<string>((path, step) => (typeof step === "number" ? `${path}[]` : path === "" ? step : `${path}.${step}`), "");
  const taken = DICTIONARY.taken(place);
  const isThere = valueAt(spec, steps) !== undefined;
  const one = taken[(times * 7 + place.length) % Math.max(taken.length, 1)];
  if (one !== undefined && (times < 2 || !isThere)) return setAt(spec, steps, one);
  return removeAt(spec, isThere ? steps : steps.slice(0, -1));
}

// ---------------------------------------------------------------- inputs

/** Of tests that were written for another namespace. */
function inNamespace(spec: Json, namespace: string): Json {
  const repository = valueAt(spec, ["image", "repository"]);
  return typeof repository === "string" && repository.startsWith("default/")
    ? setAt(spec, ["image", "repository"], repository.replace("default/", `${namespace}/`))
    : spec;
}

const TIMES = [
  "2099-01-01T00:00:00Z",
  "2020-01-01T00:00:00Z",
  "tomorrow",
  "",
  "9999-12-31T23:59:59-23:59",
  "2026-13-01T00:00:00Z",
  "\u0000",
  "a".repeat(300),
];

const annotations: fc.Arbitrary<Json> = fc.oneof(
  { weight: 12, arbitrary: fc.constant<Json>({}) },
  {
    weight: 1,
    arbitrary: fc.dictionary(
      fc.constantFrom(
        "platform-operator.dev/paused-until",
        "platform-operator.dev/reconcile-at",
        "platform-operator.dev/abandon",
        "platform-operator.dev/adopt-by",
        "platform-operator.dev/managed-by",
        "constructor",
      ),
      fc.constantFrom(...TIMES, ...NASTY_TEXTS),
      { maxKeys: 2 },
    ),
  },
);

const labels: fc.Arbitrary<Json> = fc.oneof(
  { weight: 12, arbitrary: fc.constant<Json>({}) },
  {
    weight: 1,
    arbitrary: fc.dictionary(
      fc.constantFrom("platform-operator.dev/service", "platform-operator.dev/tier", "app.kubernetes.io/managed-by", "constructor"),
      fc.constantFrom("x", "", "a".repeat(63), "platform-operator"),
      { maxKeys: 2 },
    ),
  },
);

/** What samples are, and the cases that change every field are not. */
function isSmall(service: Json): boolean {
  return JSON.stringify(service).length < 1500;
}

export interface FuzzOptions {
  readonly namespace: string;
  /** What the operator refuses of a service that the API server takes: the fields, as `spec.routes[slow].timeout`. */
  readonly refused: (service: unknown) => readonly string[];
}

const MOST_COAXINGS = 6;

/** Takes out what the operator refuses, until it does not: what is left comes as far as one can. */
function coaxed(spec: Json, { namespace, refused }: FuzzOptions): Json {
  let current = spec;
  for (let round = 0; round < MOST_COAXINGS; round++) {
    const { faults, object } = admit(
      fuzzService({ origin: "bent", name: "matching", labels: {}, annotations: {}, spec: current }, namespace),
    );
    const fields = faults.length > 0 ? [] : refused(object);
    if (fields.length === 0) break;
    for (const field of fields) current = field === "spec.tier" ? setAt(current, ["tier"], "tier-3") : withoutField(current, field);
  }
  return current;
}

/** An item of a list is called by its name, or by its sid. */
function withoutField(root: Json, field: string): Json {
  let value: Json | undefined = root;
  const steps: (string | number)[] = [];
  for (const [, name, item] of field.replace(/^spec\./, "").matchAll(/([^.[\]]+)|\[([^\]]*)\]/g)) {
    const list: Json | undefined = value;
    const step: string | number =
      item === undefined
        ? String(name)
        : Math.max(isList(list) ? list.findIndex((one) => [memberOf(one, "name"), memberOf(one, "sid")].includes(item)) : 0, 0);
    steps.push(step);
    value = memberOf(value, step);
  }
  return removeAt(root, value === undefined ? steps.slice(0, -1) : steps);
}

/** PlatformServices, the most of which the API server takes. */
export function fuzzInputs(options: FuzzOptions): fc.Arbitrary<FuzzInput> {
  const { namespace } = options;
  const whole = fc
    .oneof(fc.constantFrom(...WHOLE_SERVICES.filter(isSmall)), fc.constantFrom(...WHOLE_SERVICES.filter((service) => !isSmall(service))))
    .map((service) => inNamespace(specOf(service), namespace));
  const bentBy = (list: fc.Arbitrary<readonly Change[]>): fc.Arbitrary<Json> =>
    fc.tuple(whole, list).map(([spec, all]) => all.reduce(changed, spec));
  const name = fc.oneof({ weight: 3, arbitrary: fc.constant("matching") }, { weight: 1, arbitrary: fc.constantFrom(...LABELS) });
  const ofOrigin = (origin: Origin, spec: fc.Arbitrary<Json>, names: fc.Arbitrary<string> = name): fc.Arbitrary<FuzzInput> =>
    fc.record({ origin: fc.constant(origin), name: names, labels, annotations, spec });
  const coaxing = (spec: fc.Arbitrary<Json>): fc.Arbitrary<Json> => spec.map((one) => repaired(coaxed(repaired(one), options)));
  const grown = blockFor(SPEC, "", 0);
  const bent = bentBy(changes(0));
  return fc.oneof(
    { weight: 2, arbitrary: ofOrigin("grown", coaxing(grown)) },
    { weight: 1, arbitrary: ofOrigin("grown", grown.map(repaired)) },
    { weight: 4, arbitrary: ofOrigin("bent", coaxing(bent)) },
    { weight: 3, arbitrary: ofOrigin("bent", bent.map(repaired)) },
    { weight: 1, arbitrary: ofOrigin("bent", bent) },
    { weight: 2, arbitrary: ofOrigin("broken", bentBy(changes(2)), fc.oneof(name, fc.constantFrom(...NASTY_TEXTS))) },
  );
}
