/** AWS JSON 1.1 (ECR): the operation is in x-amz-target, dates are epoch seconds. https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html */
import { AwsFault, badRequest } from "../errors.ts";
import type { Shape } from "../models/schema.ts";
import { isRecord } from "../values.ts";
import type { Protocol } from "./protocol.ts";

/** The code that JSON services use for what all of them can answer. */
export const JSON_CODES: Readonly<Record<string, string>> = {
  AccessDenied: "AccessDeniedException",
  ExpiredToken: "ExpiredTokenException",
  InvalidClientTokenId: "UnrecognizedClientException",
  MissingAuthenticationToken: "MissingAuthenticationTokenException",
  Throttling: "ThrottlingException",
};

/** AWS JSON 1.1 of the service whose operations are `target.Operation` in x-amz-target. */
export function jsonProtocol(target: string): Protocol {
  const nameOf = (header: unknown): readonly string[] => (typeof header === "string" ? header.split(".", 2) : []);
  return {
    contentType: "application/x-amz-json-1.1",
    claims: ({ headers }) => nameOf(headers["x-amz-target"])[0] === target,
    operation({ headers }, { operations }) {
      const [prefix, name = ""] = nameOf(headers["x-amz-target"]);
      if (prefix === target && operations.has(name)) return name;
      throw badRequest("UnknownOperationException", `there is no operation ${String(headers["x-amz-target"])}`);
    },
    read: ({ body }, operation, { operations }) => parseJsonInput(operations.get(operation)?.input, body),
    write: (_, shape, output) => JSON.stringify(writeJson(shape, output ?? {})),
    // The SDK reads the class from __type
    writeError: (fault) => ({ body: JSON.stringify({ __type: fault.code, message: fault.message }), headers: {} }),
    onWire(fault) {
      const code = JSON_CODES[fault.code];
      return code === undefined ? fault : new AwsFault(code, 400, fault.message);
    },
    invalid([{ path, constraint, pattern }]) {
      const rule = pattern === undefined ? constraint : `must satisfy regular expression '${pattern}'`;
      return badRequest("InvalidParameterException", `Invalid parameter at '${path}' failed to satisfy constraint: '${rule}'`);
    },
    text: ({ body }) => body,
  };
}

/** A JSON text as a value. Throws AwsFault SerializationException for what is none. */
export function parseJson(body: string): unknown {
  try {
    return body === "" ? {} : JSON.parse(body);
  } catch (error) {
    if (error instanceof SyntaxError) throw badRequest("SerializationException", "The request body is not JSON");
    throw error;
  }
}

/** The request of a JSON body: members the model does not know are dropped, as AWS does. Throws AwsFault SerializationException. */
function parseJsonInput(shape: Shape | undefined, body: string): unknown {
  const parsed = parseJson(body);
  return shape === undefined ? {} : readJson(shape, parsed, "the request");
}

function wrongType(path: string, kind: string): AwsFault {
  return badRequest("SerializationException", `${path} is not a ${kind}`);
}

/** A parsed JSON value as the shape has it. Throws AwsFault SerializationException. */
export function readJson(shape: Shape, value: unknown, path: string): unknown {
  if (value === null || value === undefined) return undefined;
  switch (shape.kind) {
    case "structure": {
      if (!isRecord(value)) throw wrongType(path, "structure");
      const members = [...shape.members].flatMap(([name, member]) => {
        const item = readJson(member.shape(), value[name], name);
        return item === undefined ? [] : [[name, item] as const];
      });
      return Object.fromEntries(members);
    }
    case "list":
      if (!Array.isArray(value)) throw wrongType(path, "list");
      return value.map((item: unknown, index) => readJson(shape.member(), item, `${path}[${index}]`));
    case "map":
      if (!isRecord(value)) throw wrongType(path, "map");
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, readJson(shape.value(), item, `${path}.${key}`)]));
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

/** A value of the shape as JSON has it: dates are epoch seconds, blobs base64. */
export function writeJson(shape: Shape, value: unknown): unknown {
  if (value === undefined) return undefined;
  switch (shape.kind) {
    case "structure": {
      const given = isRecord(value) ? value : {};
      return Object.fromEntries([...shape.members].map(([name, member]) => [name, writeJson(member.shape(), given[name])]));
    }
    case "list":
      return Array.isArray(value) ? value.map((item) => writeJson(shape.member(), item)) : [];
    case "map":
      return Object.fromEntries(Object.entries(value ?? {}).map(([key, item]) => [key, writeJson(shape.value(), item)]));
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
