/** AWS JSON 1.1 (ECR): the operation is in x-amz-target, dates are epoch seconds. https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html */
import { badRequest, type AwsFault } from "../errors.ts";
import type { Shape } from "../models/schema.ts";
import { isRecord } from "../values.ts";

/** The request of a JSON body: members the model does not know are dropped, as AWS does. Throws AwsFault SerializationException. */
export function parseJsonInput(shape: Shape, body: string): unknown {
  let parsed: unknown;
  try {
    parsed = body === "" ? {} : JSON.parse(body);
  } catch (error) {
    if (error instanceof SyntaxError) throw badRequest("SerializationException", "The request body is not JSON");
    throw error;
  }
  return read(shape, parsed, "the request");
}

function wrongType(path: string, kind: string): AwsFault {
  return badRequest("SerializationException", `${path} is not a ${kind}`);
}

function read(shape: Shape, value: unknown, path: string): unknown {
  if (value === null || value === undefined) return undefined;
  switch (shape.kind) {
    case "structure": {
      if (!isRecord(value)) throw wrongType(path, "structure");
      const members = [...shape.members].flatMap(([name, member]) => {
        const item = read(member.shape(), value[name], name);
        return item === undefined ? [] : [[name, item] as const];
      });
      return Object.fromEntries(members);
    }
    case "list":
      if (!Array.isArray(value)) throw wrongType(path, "list");
      return value.map((item: unknown, index) => read(shape.member(), item, `${path}[${index}]`));
    case "map":
      if (!isRecord(value)) throw wrongType(path, "map");
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, read(shape.value(), item, `${path}.${key}`)]));
    case "timestamp":
      if (typeof value !== "number") throw wrongType(path, "timestamp");
      return new Date(value * 1000);
    case "blob":
      if (typeof value !== "string") throw wrongType(path, "blob");
      return Buffer.from(value, "base64");
    case "string":
    case "number":
    case "boolean":
      break;
  }
  if (typeof value !== shape.kind) throw wrongType(path, shape.kind);
  return value;
}

function write(shape: Shape, value: unknown): unknown {
  if (value === undefined) return undefined;
  switch (shape.kind) {
    case "structure": {
      const given = isRecord(value) ? value : {};
      return Object.fromEntries([...shape.members].map(([name, member]) => [name, write(member.shape(), given[name])]));
    }
    case "list":
      return Array.isArray(value) ? value.map((item) => write(shape.member(), item)) : [];
    case "map":
      return Object.fromEntries(Object.entries(value ?? {}).map(([key, item]) => [key, write(shape.value(), item)]));
    case "timestamp":
      return value instanceof Date ? value.getTime() / 1000 : undefined;
    case "blob":
      return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : undefined;
    case "string":
    case "number":
    case "boolean":
      break;
  }
  return value;
}

/** The JSON of an answer. */
export function serialiseJsonOutput(shape: Shape, output: unknown): string {
  return JSON.stringify(write(shape, output ?? {}));
}

/** The JSON of an error; the SDK reads the class from `__type`. */
export function serialiseJsonError(fault: AwsFault): string {
  return JSON.stringify({ __type: fault.code, message: fault.message });
}
