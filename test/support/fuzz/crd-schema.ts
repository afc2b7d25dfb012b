import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";

/** The schema of PlatformService as the API server has it: read from the generated CustomResourceDefinition. */

export interface CelRule {
  readonly rule: string;
  readonly message: string;
  readonly fieldPath?: string | undefined;
}

export interface CrdSchema {
  readonly type?: "object" | "array" | "string" | "integer" | "boolean" | undefined;
  readonly properties?: Readonly<Record<string, CrdSchema>> | undefined;
  readonly items?: CrdSchema | undefined;
  readonly required?: readonly string[] | undefined;
  readonly enum?: readonly string[] | undefined;
  readonly default?: unknown;
  readonly format?: string | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly minLength?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly minItems?: number | undefined;
  readonly maxItems?: number | undefined;
  readonly "x-kubernetes-list-type"?: string | undefined;
  readonly "x-kubernetes-list-map-keys"?: readonly string[] | undefined;
  readonly "x-kubernetes-validations"?: readonly CelRule[] | undefined;
}

/** Strict: a keyword that this does not know would be neither fuzzed nor held. */
const schema: z.ZodType<CrdSchema> = z.lazy(() =>
  z.strictObject({
    description: z.string().optional(),
    type: z.enum(["object", "array", "string", "integer", "boolean"]).optional(),
    properties: z.record(z.string(), schema).optional(),
    items: schema.optional(),
    required: z.array(z.string()).optional(),
    enum: z.array(z.string()).optional(),
    default: z.unknown().optional(),
    format: z.string().optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    minLength: z.number().optional(),
    maxLength: z.number().optional(),
    minItems: z.number().optional(),
    maxItems: z.number().optional(),
    "x-kubernetes-list-type": z.string().optional(),
    "x-kubernetes-list-map-keys": z.array(z.string()).optional(),
    "x-kubernetes-validations": z.array(z.object({ rule: z.string(), message: z.string(), fieldPath: z.string().optional() })).optional(),
  }),
);

const definition = z.object({
  spec: z.object({ versions: z.tuple([z.object({ schema: z.object({ openAPIV3Schema: schema }) })]) }),
});

/** Of the whole object. */
export const SERVICE_SCHEMA: CrdSchema = definition.parse(
  parse(readFileSync(new URL("../../../config/crd/platform-operator.dev_platformservices.yaml", import.meta.url), "utf8")),
).spec.versions[0].schema.openAPIV3Schema;

/** Of one of its blocks. */
export function blockOf(name: "spec" | "status"): CrdSchema {
  const block = SERVICE_SCHEMA.properties?.[name];
  if (block === undefined) throw new Error(`PlatformService has no ${name}`);
  return block;
}

/** As the API server names a place: `spec.routes[0].name`. */
export function below(path: string, step: string | number): string {
  return typeof step === "number" ? `${path}[${String(step)}]` : path === "" ? step : `${path}.${step}`;
}
