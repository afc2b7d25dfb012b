/**
 * Reads the schemas that the AWS SDK clients export (`CreateRole$`, `Role$`, `NoSuchEntityException$`) into plain shapes. Their form is
 * not documented by AWS, so the clients' versions are pinned: a structure is `[3, namespace, name, traits, members, types, required]`
 * with the required members first, an operation `[9, …, input, output]`, an error `[-3, …]`.
 */

import { isRecord } from "../values.ts";

/** A shape of a request or an answer. */
export type Shape =
  | { readonly kind: "structure"; readonly name: string; readonly union: boolean; readonly members: ReadonlyMap<string, Member> }
  | { readonly kind: "list"; readonly member: () => Shape }
  | { readonly kind: "map"; readonly value: () => Shape }
  | { readonly kind: "string" | "number" | "boolean" | "timestamp" | "blob" };

export interface Member {
  readonly shape: () => Shape;
  readonly required: boolean;
  /** Where REST has it; a member without is one of the body's. */
  readonly at?: { readonly in: "path" | "payload" } | { readonly in: "query"; readonly name: string } | undefined;
}

/** An operation of a service; REST ones have a method and a path such as `/meshes/{meshName}`, whose parameters are members of the input. */
export interface OperationSchema {
  readonly input: Shape;
  readonly output: Shape;
  readonly http?: { readonly method: string; readonly path: string } | undefined;
}

/** An error class of a service: the code on the wire and the HTTP status. */
export interface ErrorShape {
  readonly code: string;
  readonly status: number;
}

/** What one client knows of its service. */
export interface ServiceSchema {
  readonly operations: ReadonlyMap<string, OperationSchema>;
  /** By the class's name in the model, as `NoSuchEntityException`. */
  readonly errors: ReadonlyMap<string, ErrorShape>;
}

const STRUCTURE = 3;
const UNION = 4;
const OPERATION = 9;
const ERROR = -3;
const LIST_OF = 64;
const MAP_OF = 128;
const TIMESTAMPS: ReadonlySet<number> = new Set([4, 5, 6, 7]);
const NUMBERS: ReadonlySet<number> = new Set([1, 17, 19]);
const BLOBS: ReadonlySet<number> = new Set([21, 42]);

/** Bits of a member's traits. */
const HTTP_LABEL = 1;
const HTTP_PAYLOAD = 16;

const UNIT: Shape = { kind: "structure", name: "Unit", union: false, members: new Map() };

function simple(code: number): Shape {
  if (code >= MAP_OF) return { kind: "map", value: () => simple(code - MAP_OF) };
  if (code >= LIST_OF) return { kind: "list", member: () => simple(code - LIST_OF) };
  if (code === 0) return { kind: "string" };
  if (code === 2) return { kind: "boolean" };
  if (NUMBERS.has(code)) return { kind: "number" };
  if (TIMESTAMPS.has(code)) return { kind: "timestamp" };
  if (BLOBS.has(code)) return { kind: "blob" };
  throw new Error(`schema code ${code} is not one the emulator knows`);
}

function isUnknownArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function isThunk(value: unknown): value is () => unknown {
  return typeof value === "function";
}

function text(value: unknown): string {
  if (typeof value !== "string") throw new Error(`expected a name in a schema, found ${typeof value}`);
  return value;
}

/** Where a member with traits is: `[reference, bits]` or `[reference, {httpQuery: "limit"}]`. */
function placeOf(reference: unknown): Member["at"] {
  const traits = isUnknownArray(reference) && reference.length === 2 ? reference[1] : undefined;
  if (isRecord(traits) && typeof traits["httpQuery"] === "string") return { in: "query", name: traits["httpQuery"] };
  if (typeof traits !== "number") return undefined;
  if ((traits & HTTP_LABEL) !== 0) return { in: "path" };
  return (traits & HTTP_PAYLOAD) === 0 ? undefined : { in: "payload" };
}

function httpOf(traits: unknown): OperationSchema["http"] {
  const http = isRecord(traits) ? traits["http"] : undefined;
  return isUnknownArray(http) ? { method: text(http[0]), path: text(http[1]) } : undefined;
}

function structure(schema: readonly unknown[]): Shape {
  const [kind, , name, , names, types, required] = schema;
  const list = isUnknownArray(names) ? names : [];
  const refs = isUnknownArray(types) ? types : [];
  const count = typeof required === "number" ? required : 0;
  const members = new Map(
    list.map((member, index) => {
      const reference = refs[index];
      return [text(member), { shape: () => toShape(reference), required: index < count, at: placeOf(reference) }] as const;
    }),
  );
  return { kind: "structure", name: text(name), union: kind === UNION, members };
}

/** A reference of a schema: a number, a schema, a function that returns one, or one with traits. */
function toShape(reference: unknown): Shape {
  if (typeof reference === "number") return simple(reference);
  if (reference === "unit") return UNIT;
  if (isThunk(reference)) return toShape(reference());
  if (!isUnknownArray(reference)) throw new Error("a schema of an unknown form");
  const [kind, , , , inner, value] = reference;
  if (kind === STRUCTURE || kind === UNION || kind === ERROR) return structure(reference);
  if (kind === 1 && typeof reference[1] === "string") return { kind: "list", member: () => toShape(inner) };
  if (kind === 2 && typeof reference[1] === "string") return { kind: "map", value: () => toShape(value) };
  if (kind === 0 && typeof reference[1] === "string") return toShape(inner);
  return toShape(kind); // [reference, traits]
}

function errorShape(schema: readonly unknown[]): ErrorShape {
  const { awsQueryError, httpError, error } = isRecord(schema[3]) ? schema[3] : {};
  const [code, status] = isUnknownArray(awsQueryError) ? awsQueryError : [schema[2], httpError];
  const fallback = error === "server" ? 500 : 400;
  return { code: text(code), status: typeof status === "number" ? status : fallback };
}

/** Collects the operations and errors among the exports of an SDK client. */
export function readServiceSchema(client: Readonly<Record<string, unknown>>): ServiceSchema {
  const operations = new Map<string, OperationSchema>();
  const errors = new Map<string, ErrorShape>();
  for (const [key, value] of Object.entries(client)) {
    if (!key.endsWith("$") || !isUnknownArray(value)) continue;
    if (value[0] === OPERATION)
      operations.set(text(value[2]), { input: toShape(value[4]), output: toShape(value[5]), http: httpOf(value[3]) });
    if (value[0] === ERROR) errors.set(text(value[2]), errorShape(value));
  }
  return { operations, errors };
}
