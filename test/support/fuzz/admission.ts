import { celData, celRule, type CelData, type Keeps } from "./cel.ts";
import { below, SERVICE_SCHEMA, type CrdSchema } from "./crd-schema.ts";

/**
 * What the API server makes of an object by its CRD, in memory: defaults, every bound, list keys and CEL rules. The test on a real one holds this against it. What was
 * found of a block or a list is remembered with it, since nothing here changes one: of an object that differs in one place only that is looked at again.
 */

/** One thing that is wrong: where, as `spec.routes[0].name`, and what. */
export interface Fault {
  readonly field: string;
  readonly message: string;
  /** Where it is in the object. */
  readonly steps: Steps;
}

export interface Admitted {
  /** Empty: it is stored. */
  readonly faults: readonly Fault[];
  /** As it would be stored, defaults filled in. */
  readonly object: unknown;
}

/** As a create of it with strict field validation would be answered. */
export function admit(object: unknown): Admitted {
  const stored = withDefaults(decoded(object), SERVICE_SCHEMA);
  return { faults: faultsOf(stored, SERVICE_SCHEMA, ""), object: stored };
}

/** What a value breaks of a schema that is at `path`. */
export function faultsOf(value: unknown, schema: CrdSchema, path: string): readonly Fault[] {
  const shape = shapeFlaws(value, schema);
  // The API server asks no rule about what has not the shape that the rule is written for.
  const flaws = shape.length > 0 ? shape : ruleFlaws(value, schema);
  return flaws.map(({ steps, message }) => ({ field: steps.reduce<string>(below, path), message, steps }));
}

type Steps = readonly (string | number)[];
/** What is wrong below a place. */
type Flaws = readonly { readonly steps: Steps; readonly message: string }[];

const NONE: Flaws = [];

function flaw(message: string, ...steps: Steps): Flaws {
  return [{ steps, message }];
}

function under(step: string | number, flaws: Flaws): Flaws {
  return flaws.length === 0 ? NONE : flaws.map(({ steps, message }) => ({ steps: [step, ...steps], message }));
}

/** Of blocks and lists, by the schema that they are held against. */
function remembered<R>(compute: (value: object, schema: CrdSchema) => R): (value: object, schema: CrdSchema) => R {
  const known = new WeakMap<CrdSchema, WeakMap<object, { readonly result: R }>>();
  return (value, schema) => {
    const ofSchema = known.get(schema) ?? new WeakMap<object, { readonly result: R }>();
    known.set(schema, ofSchema);
    const entry = ofSchema.get(value) ?? { result: compute(value, schema) };
    ofSchema.set(value, entry);
    return entry.result;
  };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isBlock(value: unknown): value is Readonly<Record<string, unknown>> {
  return isObject(value) && !Array.isArray(value);
}

/** Own members alone: a block may well have one called `constructor`. */
function member(block: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(block, name) ? block[name] : undefined;
}

/** Half a character is none in Go: it becomes U+FFFD. In JSON it is written as an escape, and nothing else of ours is. */
function decoded(value: unknown): unknown {
  const text = JSON.stringify(value) ?? "";
  return /\\ud[89a-f]/.test(text)
    ? JSON.parse(text.toWellFormed().replaceAll(/(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g, "$1\ufffd"))
    : value;
}

// ---------------------------------------------------------------- defaults

function withDefaults(value: unknown, schema: CrdSchema): unknown {
  return isObject(value) && !isScalar(schema) ? filled(value, schema) : value;
}

const filled = remembered((value, schema): object => {
  const { properties, items } = schema;
  if (Array.isArray(value)) return items === undefined ? value : value.map((item) => withDefaults(item, items));
  if (properties === undefined) return value;
  const members: [string, unknown][] = [];
  for (const [name, one] of Object.entries(value)) {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    // A null of a field that takes none is as if it were not written (apiextensions-apiserver, PruneNonNullableNullsWithoutDefaults); in a list it is a fault.
    if (one === undefined || (one === null && property !== undefined)) continue;
    members.push([name, property === undefined ? one : withDefaults(one, property)]);
  }
  for (const [name, standing] of defaultsOf(schema)) if (!members.some(([known]) => known === name)) members.push([name, standing]);
  return Object.fromEntries(members);
});

function isScalar({ properties, items }: CrdSchema): boolean {
  return properties === undefined && items === undefined;
}

function defaultsOf({ properties = {} }: CrdSchema): readonly (readonly [name: string, value: unknown])[] {
  return Object.entries(properties).flatMap(([name, property]) =>
    property.default === undefined ? [] : [[name, property.default] as const],
  );
}

// ---------------------------------------------------------------- shape

function shapeFlaws(value: unknown, schema: CrdSchema): Flaws {
  switch (schema.type) {
    case "object":
      return isBlock(value) ? blockFlaws(value, schema) : flaw("must be of type object");
    case "array":
      return Array.isArray(value) ? listFlaws(value, schema) : flaw("must be of type array");
    case "string":
      return typeof value === "string" ? textFlaws(value, schema) : flaw("must be of type string");
    case "integer":
      return typeof value === "number" && Number.isInteger(value) ? numberFlaws(value, schema) : flaw("must be of type integer");
    case "boolean":
      return typeof value === "boolean" ? NONE : flaw("must be of type boolean");
    case undefined:
      return NONE;
    default:
      return schema.type satisfies never;
  }
}

const blockFlaws = remembered((value, { properties, required = [] }): Flaws => {
  if (!isBlock(value)) return NONE;
  const missing = required.filter((name) => member(value, name) === undefined).flatMap((name) => flaw("Required value", name));
  if (properties === undefined) return missing;
  const unfit = Object.entries(value).flatMap(([name, one]) => {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    return property === undefined ? flaw("unknown field", name) : under(name, shapeFlaws(one, property));
  });
  return [...missing, ...unfit];
});

const listFlaws = remembered((value, schema): Flaws => {
  if (!Array.isArray(value)) return NONE;
  const { minItems = 0, maxItems = Infinity, items = {} } = schema;
  const count =
    value.length < minItems || value.length > maxItems ? flaw(`must have ${String(minItems)} to ${String(maxItems)} items`) : NONE;
  const flaws = [...count, ...value.flatMap((item, index) => under(index, shapeFlaws(item, items)))];
  return flaws.length > 0 ? flaws : repeated(value, schema);
});

function repeated(list: readonly unknown[], schema: CrdSchema): Flaws {
  const type = schema["x-kubernetes-list-type"];
  if (type === undefined || type === "atomic") return NONE;
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  const seen = new Set<string>();
  return list.flatMap((item, index) => {
    const id = JSON.stringify(type === "map" && isBlock(item) ? keys.map((key) => member(item, key)) : item);
    return seen.size === seen.add(id).size ? flaw("Duplicate value", index) : NONE;
  });
}

function textFlaws(value: string, { enum: values, minLength = 0, maxLength = Infinity, format }: CrdSchema): Flaws {
  if (values !== undefined && !values.includes(value)) return flaw(`supported values: ${values.join(", ")}`);
  // The API server counts code points.
  const { length } = Array.from(value);
  if (length < minLength) return flaw(`must have at least ${String(minLength)} characters`);
  if (length > maxLength) return flaw(`may not be longer than ${String(maxLength)}`);
  return format === "date-time" && Number.isNaN(Date.parse(value)) ? flaw("must be a date and time") : NONE;
}

function numberFlaws(value: number, { minimum = -Infinity, maximum = Infinity }: CrdSchema): Flaws {
  if (value < minimum) return flaw(`must be at least ${String(minimum)}`);
  return value > maximum ? flaw(`must be at most ${String(maximum)}`) : NONE;
}

// ---------------------------------------------------------------- rules

function ruleFlaws(value: unknown, schema: CrdSchema): Flaws {
  if (isObject(value)) return objectRuleFlaws(value, schema);
  // Rules of an update have nothing to say of a create.
  return (schema["x-kubernetes-validations"] ?? []).flatMap(({ rule, message }) => (keeps(rule, value) ? NONE : flaw(message)));
}

const objectRuleFlaws = remembered((value, schema): Flaws => {
  const { properties = {}, items = {} } = schema;
  const own = (schema["x-kubernetes-validations"] ?? []).flatMap(({ rule, message, fieldPath = "" }) =>
    keeps(rule, value) ? NONE : flaw(message, ...fieldPath.split(".").filter((step) => step !== "")),
  );
  const inner = Array.isArray(value)
    ? value.flatMap((item, index) => under(index, ruleFlaws(item, items)))
    : Object.entries(value).flatMap(([name, one]) => {
        const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
        return property === undefined ? NONE : under(name, ruleFlaws(one, property));
      });
  return [...own, ...inner];
});

const RULES = new Map<string, Keeps>();
const SCALARS = new Map<string, Map<unknown, boolean>>();
const MOST_SCALARS = 10_000;

function keeps(rule: string, value: unknown): boolean {
  if (rule.includes("oldSelf")) return true;
  const evaluate = RULES.get(rule) ?? celRule(rule);
  RULES.set(rule, evaluate);
  if (isObject(value)) return evaluate(dataOf(value));
  const known = SCALARS.get(rule) ?? new Map<unknown, boolean>();
  SCALARS.set(rule, known);
  const answer = known.get(value) ?? evaluate(celData(value));
  if (known.size < MOST_SCALARS) known.set(value, answer);
  return answer;
}

function dataOf(value: object): CelData {
  return celObject(value, SERVICE_SCHEMA);
}

const celObject = remembered((value): CelData =>
  Array.isArray(value)
    ? value.map((item) => (isObject(item) ? dataOf(item) : celData(item)))
    : new Map(Object.entries(value).map(([key, one]) => [key, isObject(one) ? dataOf(one) : celData(one)])),
);
