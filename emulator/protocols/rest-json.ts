/** AWS REST JSON (EKS, EKS Auth, App Mesh, Amazon Managed Service for Prometheus): method and path name the operation. https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html */
import { AwsFault, badRequest } from "../errors.ts";
import type { Member, OperationSchema, ServiceSchema, Shape } from "../models/schema.ts";
import { validationSentence } from "../models/validate.ts";
import { isRecord } from "../values.ts";
import { JSON_CODES, parseJson, readJson, writeJson } from "./json.ts";
import type { HttpRequest, Protocol } from "./protocol.ts";

/** What REST services name differently. */
export interface RestDialect {
  /** The class for a request that breaks the model. */
  readonly invalid: string;
  /** The class and status for too many calls. */
  readonly throttling: { readonly code: string; readonly status: number };
}

/** AWS REST JSON in one service's words. */
export function restJsonProtocol({ invalid, throttling }: RestDialect): Protocol {
  return {
    contentType: "application/json",
    claims: () => false,
    operation(request, schema) {
      for (const [name, { http }] of schema.operations) if (http !== undefined && parametersOf(http, request) !== undefined) return name;
      throw new AwsFault("UnknownOperationException", 404, `there is no operation for ${request.method} ${request.path}`);
    },
    read: readInput,
    write: (_, shape, output) => JSON.stringify(writeJson(payloadOf(shape), payloadValue(shape, output ?? {}))),
    // The SDK reads the class from the header
    writeError: ({ code, message }) => ({ body: JSON.stringify({ message }), headers: { "x-amzn-errortype": code } }),
    onWire(fault) {
      if (fault.code === "Throttling") return new AwsFault(throttling.code, throttling.status, fault.message);
      return new AwsFault(JSON_CODES[fault.code] ?? fault.code, fault.status, fault.message);
    },
    invalid: (violations) => badRequest(invalid, validationSentence(violations)),
    text: ({ method, path, query, body }) => `${method} ${decode(path)} ${query.toString()}\n${body}`,
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) throw badRequest("SerializationException", `${text} is not percent-encoded`);
    throw error;
  }
}

/** The path's parameters by member; undefined when method or path are not the operation's. */
function parametersOf(
  { method, path: template }: NonNullable<OperationSchema["http"]>,
  request: HttpRequest,
): ReadonlyMap<string, string> | undefined {
  const wanted = template.split("/");
  const given = request.path.split("/");
  if (method !== request.method || wanted.length !== given.length) return undefined;
  const parameters = new Map<string, string>();
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? "";
    const name = /^\{(.+)\}$/.exec(part)?.[1];
    if (name === undefined && part !== value) return undefined;
    if (name !== undefined && value === "") return undefined;
    if (name !== undefined) parameters.set(name, decode(value));
  }
  return parameters;
}

function readInput(request: HttpRequest, operation: string, { operations }: ServiceSchema): unknown {
  const schema = operations.get(operation);
  if (schema?.input.kind !== "structure" || schema.http === undefined) return {};
  const parameters = parametersOf(schema.http, request) ?? new Map<string, string>();
  const body = parseJson(request.body);
  const members = [...schema.input.members].flatMap(([name, member]) => {
    const value = readMember(member, name, { parameters, query: request.query, body });
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(members);
}

interface Sources {
  readonly parameters: ReadonlyMap<string, string>;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

function readMember({ at, shape }: Member, name: string, { parameters, query, body }: Sources): unknown {
  if (at === undefined) return readJson(shape(), isRecord(body) ? body[name] : undefined, name);
  if (at.in === "query") return query.has(at.name) ? readText(shape(), query.getAll(at.name), at.name) : undefined;
  return at.in === "path" ? parameters.get(name) : readJson(shape(), body, name);
}

/** A query parameter as its shape has it; a list is one that comes several times. */
function readText(shape: Shape, texts: readonly string[], name: string): unknown {
  const [text = ""] = texts;
  if (shape.kind === "list") return texts.map((item) => readText(shape.member(), [item], name));
  if (shape.kind === "boolean") return text === "true";
  if (shape.kind !== "number") return text;
  const number = Number(text);
  if (text === "" || !Number.isFinite(number)) throw badRequest("SerializationException", `${name} is not a number`);
  return number;
}

/** The one member of an output that is its whole body, as every single answer of App Mesh has. */
function payload(shape: Shape): readonly [string, Member] | undefined {
  return shape.kind === "structure" ? [...shape.members].find(([, { at }]) => at?.in === "payload") : undefined;
}

function payloadOf(shape: Shape): Shape {
  return payload(shape)?.[1].shape() ?? shape;
}

function payloadValue(shape: Shape, output: unknown): unknown {
  const [name] = payload(shape) ?? [];
  return name === undefined || !isRecord(output) ? output : output[name];
}
