import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";

/** The leaves of a kind's spec, read from the generated CustomResourceDefinition: what a person can write. */
export interface Leaf {
  /** As `routes[].match.path.prefix`; `{}` is any key of a map. */
  readonly path: string;
  /** Every value, where they are listed. */
  readonly values: readonly string[] | undefined;
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>> | undefined;
  readonly items?: Schema | undefined;
  readonly additionalProperties?: Schema | undefined;
  readonly enum?: readonly string[] | undefined;
  /** A block that may be null is that block or null. */
  readonly anyOf?: readonly Schema[] | undefined;
}

const schema: z.ZodType<Schema> = z.lazy(() =>
  z.object({
    properties: z.record(z.string(), schema).optional(),
    items: schema.optional(),
    additionalProperties: z.union([schema, z.literal(false).transform(() => undefined)]).optional(),
    enum: z.array(z.string()).optional(),
    anyOf: z.array(schema).optional(),
  }),
);

const definition = z.object({
  spec: z.object({
    versions: z.tuple([z.object({ schema: z.object({ openAPIV3Schema: z.object({ properties: z.object({ spec: schema }) }) }) })]),
  }),
});

/** `plural`: as platformservices. */
export function leavesOf(plural: "platformservices" | "platformtiers"): readonly Leaf[] {
  const file = new URL(`../../config/crd/platform-operator.dev_${plural}.yaml`, import.meta.url);
  const [{ schema: version }] = definition.parse(parse(readFileSync(file, "utf8"))).spec.versions;
  return [...leavesBelow(version.openAPIV3Schema.properties.spec, "")];
}

/** The leaves of the operator's configuration file. */
export function configLeaves(): readonly Leaf[] {
  const file = new URL("../../config/schema/operator-config.schema.json", import.meta.url);
  return [...leavesBelow(schema.parse(JSON.parse(readFileSync(file, "utf8"))), "")];
}

function* leavesBelow({ properties, items, additionalProperties, enum: values, anyOf = [] }: Schema, path: string): Generator<Leaf> {
  const block = anyOf.find((one) => one.properties !== undefined);
  if (block) {
    yield* leavesBelow(block, path);
  } else if (properties) {
    for (const [name, property] of Object.entries(properties)) yield* leavesBelow(property, path === "" ? name : `${path}.${name}`);
  } else if (items) {
    yield* leavesBelow(items, `${path}[]`);
  } else if (additionalProperties) {
    yield* leavesBelow(additionalProperties, `${path}{}`);
  } else {
    yield { path, values };
  }
}
