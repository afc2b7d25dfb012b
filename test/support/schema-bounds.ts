import type { JsonSchema } from "../../src/crds/json-schema.ts";
import { REMOVED, type Changes, type Json } from "./json-path.ts";

/** One value beyond a bound of a CRD's schema, and how the API server must refuse it. */
export interface BrokenBound {
  readonly field: string;
  /** The keyword that is broken, as maxLength. */
  readonly bound: string;
  /** Of the cause, as Kubernetes calls it. */
  readonly reason: "FieldValueNotSupported" | "FieldValueTooLong" | "FieldValueTooMany" | "FieldValueInvalid" | "FieldValueRequired";
  readonly changes: Changes;
}

/** Breaks every enum, length, count, range and required field of the schema once. `field` is where the schema sits in the object. */
export function brokenBounds(schema: JsonSchema, field: string): readonly BrokenBound[] {
  const { properties = {}, items, required = [] } = schema;
  return [
    ...ownBounds(schema, field),
    ...required.map((name) => broken(`${field}.${name}`, { bound: "required", reason: "FieldValueRequired", value: REMOVED })),
    ...Object.entries(properties).flatMap(([name, property]) => brokenBounds(property, `${field}.${name}`)),
    ...(items ? brokenBounds(items, `${field}[0]`) : []),
  ];
}

function ownBounds(schema: JsonSchema, field: string): readonly BrokenBound[] {
  const { enum: allowed, minLength, maxLength, minItems, maxItems, maxProperties, minimum, maximum, items } = schema;
  const bounds: BrokenBound[] = [];
  if (allowed !== undefined) bounds.push(broken(field, { bound: "enum", reason: "FieldValueNotSupported", value: "Bogus" }));
  if (typeof minLength === "number") {
    bounds.push(broken(field, { bound: "minLength", reason: "FieldValueInvalid", value: "a".repeat(minLength - 1) }));
  }
  if (typeof maxLength === "number") {
    bounds.push(broken(field, { bound: "maxLength", reason: "FieldValueTooLong", value: "a".repeat(maxLength + 1) }));
  }
  if (typeof minItems === "number") bounds.push(broken(field, { bound: "minItems", reason: "FieldValueInvalid", value: [] }));
  if (typeof maxItems === "number") {
    const item: Json = items?.type === "string" ? "a" : {};
    bounds.push(broken(field, { bound: "maxItems", reason: "FieldValueTooMany", value: Array.from({ length: maxItems + 1 }, () => item) }));
  }
  if (typeof maxProperties === "number") {
    const many = Object.fromEntries(Array.from({ length: maxProperties + 1 }, (_, index) => [`key-${index}`, "x"]));
    bounds.push(broken(field, { bound: "maxProperties", reason: "FieldValueTooMany", value: many }));
  }
  if (minimum !== undefined) bounds.push(broken(field, { bound: "minimum", reason: "FieldValueInvalid", value: minimum - 1 }));
  if (maximum !== undefined) bounds.push(broken(field, { bound: "maximum", reason: "FieldValueInvalid", value: maximum + 1 }));
  return bounds;
}

function broken(
  field: string,
  { bound, reason, value }: { bound: string; reason: BrokenBound["reason"]; value: Json | typeof REMOVED },
): BrokenBound {
  return { field, bound, reason, changes: { [field]: value } };
}
