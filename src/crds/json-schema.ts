import { z } from "zod";

/** A zod schema as JSON Schema, in the two dialects that are published: the CRD's structural one and the editors'. */

/** The part of JSON Schema that `z.toJSONSchema` writes for our schemas, with what `.meta()` adds. */
export interface JsonSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly required?: readonly string[];
  readonly description?: string;
  readonly pattern?: string;
  readonly patternErrorMessage?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly "x-kubernetes-validations"?: readonly object[];
  readonly "x-kubernetes-list-type"?: string;
  readonly [keyword: string]: unknown;
}

/** Keywords that are copied as they are, in the order they are printed in. Any other must be handled, or the conversion throws. */
const COPIED = [
  "description",
  "type",
  "nullable",
  "default",
  "enum",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "maxProperties",
  "required",
  "x-kubernetes-list-type",
  "x-kubernetes-list-map-keys",
] as const;

const HANDLED: ReadonlySet<string> = new Set([
  ...COPIED,
  "properties",
  "items",
  "additionalProperties",
  "pattern",
  "patternErrorMessage",
  "format",
  "minimum",
  "maximum",
  "x-kubernetes-validations",
  // A structural schema has no say over the keys of a map; the editors' schema does.
  "propertyNames",
]);

/**
 * The schema as an `openAPIV3Schema` of a CRD: structural (no references, nothing refused for being unknown: the API server prunes),
 * a grammar with words of its own as a CEL rule, every list with its type. Throws where a property has no description.
 */
export function structuralSchema(schema: z.ZodType): JsonSchema {
  return structural(asJsonSchema(schema, "openapi-3.0"), "");
}

/** The schema for editors: draft 7, strict about unknown fields, accepting whatever the CRD's accepts. */
export function editorSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...bare } = asJsonSchema(schema, "draft-7");
  return forEditors(bare);
}

function asJsonSchema(schema: z.ZodType, target: "openapi-3.0" | "draft-7"): JsonSchema {
  const converted = z.toJSONSchema(schema, { target, io: "input", reused: "inline", cycles: "throw", unrepresentable: "throw" });
  if (!isJsonSchema(converted)) throw new Error("zod made something else than a schema object");
  return converted;
}

function isJsonSchema(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function structural(schema: JsonSchema, path: string): JsonSchema {
  const unknown = Object.keys(schema).find((keyword) => !HANDLED.has(keyword));
  if (unknown !== undefined) throw new Error(`${path || "the root"}: the CRD converter does not know the keyword ${unknown}`);

  const copied = Object.fromEntries(COPIED.filter((keyword) => schema[keyword] !== undefined).map((keyword) => [keyword, schema[keyword]]));
  const { items, additionalProperties } = schema;
  const validations = [...grammarRule(schema), ...(schema["x-kubernetes-validations"] ?? [])];
  return {
    ...copied,
    ...format(schema),
    ...numberBounds(schema),
    ...(items ? { "x-kubernetes-list-type": schema["x-kubernetes-list-type"] ?? "atomic", items: structural(items, `${path}[]`) } : {}),
    ...(schema.properties ? { properties: structuralProperties(schema.properties, path) } : {}),
    ...(typeof additionalProperties === "object" ? { additionalProperties: structural(additionalProperties, `${path}{}`) } : {}),
    ...(validations.length > 0 ? { "x-kubernetes-validations": validations } : {}),
  };
}

function structuralProperties(properties: Readonly<Record<string, JsonSchema>>, path: string): Record<string, JsonSchema> {
  const converted: Record<string, JsonSchema> = {};
  for (const [name, property] of Object.entries(properties)) {
    const where = path === "" ? name : `${path}.${name}`;
    if (property.description === undefined) throw new Error(`${where} has no description, so kubectl explain would show nothing`);
    converted[name] = structural(property, where);
  }
  return converted;
}

/** A pattern with words for its failure, as the CEL rule that says them; one without is left to `format`, or refused. */
function grammarRule({ pattern, patternErrorMessage }: JsonSchema): readonly object[] {
  if (pattern === undefined || patternErrorMessage === undefined) return [];
  return [{ rule: `self.matches(r'${pattern.replaceAll("\\/", "/")}')`, message: patternErrorMessage }];
}

/** The API server reads `date-time` by itself; zod's pattern for it is more than RE2 takes. */
function format({ pattern, patternErrorMessage, format: name }: JsonSchema): { format?: string } {
  if (pattern !== undefined && patternErrorMessage === undefined && name !== "date-time") {
    throw new Error(`the pattern ${pattern} has no patternErrorMessage: build the field with text()`);
  }
  return name === undefined ? {} : { format: name };
}

/** Zod bounds every integer by what JavaScript can count to; that is no bound of ours. */
function numberBounds({ minimum, maximum }: JsonSchema): { minimum?: number; maximum?: number } {
  return {
    ...(minimum === undefined || minimum === Number.MIN_SAFE_INTEGER ? {} : { minimum }),
    ...(maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? {} : { maximum }),
  };
}

function forEditors(schema: JsonSchema): JsonSchema {
  const { minimum: _, maximum: __, properties, items, additionalProperties, ...rest } = schema;
  const plain = Object.entries(rest).filter(([keyword]) => !keyword.startsWith("x-kubernetes-"));
  return {
    ...Object.fromEntries(plain),
    ...numberBounds(schema),
    ...(schema["x-kubernetes-list-type"] === "set" ? { uniqueItems: true } : {}),
    ...(properties ? { properties: mapValues(properties, forEditors) } : {}),
    ...(items ? { items: forEditors(items) } : {}),
    ...(additionalProperties === undefined
      ? {}
      : { additionalProperties: typeof additionalProperties === "object" ? forEditors(additionalProperties) : additionalProperties }),
    ...unionForEditors(schema),
  };
}

function unionForEditors({ anyOf }: JsonSchema): { anyOf?: readonly JsonSchema[] } {
  return Array.isArray(anyOf) ? { anyOf: anyOf.map((member: JsonSchema) => forEditors(member)) } : {};
}

function mapValues(record: Readonly<Record<string, JsonSchema>>, change: (value: JsonSchema) => JsonSchema): Record<string, JsonSchema> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
