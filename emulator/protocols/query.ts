/** AWS Query: form-encoded requests, XML answers (IAM, STS). https://smithy.io/2.0/aws/protocols/aws-query-protocol.html */
import { badRequest, type AwsFault } from "../errors.ts";
import type { Shape } from "../models/schema.ts";
import { validationSentence } from "../models/validate.ts";
import { isRecord } from "../values.ts";
import type { Protocol } from "./protocol.ts";

/** AWS Query of the service with this XML namespace and API version. */
export function queryProtocol({ namespace, version }: { readonly namespace: string; readonly version: string }): Protocol {
  return {
    contentType: "text/xml",
    claims: ({ body }) => new URLSearchParams(body).get("Version") === version,
    operation({ body }, { operations }) {
      const name = new URLSearchParams(body).get("Action") ?? "";
      if (operations.has(name)) return name;
      throw badRequest("InvalidAction", `Could not find operation ${name} for version ${version}`);
    },
    read: ({ body }, operation, { operations }) => parseQueryInput(operations.get(operation)?.input, new URLSearchParams(body)),
    write: (answer, shape, output) => serialiseQueryOutput({ ...answer, namespace }, shape, output),
    writeError: (fault, requestId) => ({ body: serialiseQueryError(fault, namespace, requestId), headers: {} }),
    onWire: (fault) => fault,
    invalid: (violations) => badRequest("ValidationError", validationSentence(violations)),
    text: ({ body }) => body,
  };
}

/** The request of a form: `Tags.member.1.Key=…` becomes `{Tags: [{Key: …}]}`. Throws AwsFault MalformedInput for a value of the wrong type. */
function parseQueryInput(shape: Shape | undefined, form: URLSearchParams): unknown {
  if (shape === undefined) return {};
  const root = new FormNode();
  for (const [key, value] of form) root.put(key.split("."), value);
  return read(shape, root, "") ?? {};
}

class FormNode {
  value: string | undefined;
  readonly children = new Map<string, FormNode>();

  put(path: readonly string[], value: string): void {
    const [head, ...rest] = path;
    if (head === undefined) {
      this.value = value;
      return;
    }
    const child = this.children.get(head) ?? new FormNode();
    this.children.set(head, child);
    child.put(rest, value);
  }
}

function read(shape: Shape, node: FormNode, path: string): unknown {
  switch (shape.kind) {
    case "structure": {
      const members = [...shape.members].flatMap(([name, member]) => {
        const child = node.children.get(name);
        return child === undefined ? [] : [[name, read(member.shape(), child, name)] as const];
      });
      return Object.fromEntries(members);
    }
    case "list": {
      const items = node.children.get("member")?.children ?? new Map<string, FormNode>();
      return [...items]
        .toSorted(([a], [b]) => Number(a) - Number(b))
        .map(([index, item]) => read(shape.member(), item, `${path}.${index}`));
    }
    case "map": {
      const entries = [...(node.children.get("entry")?.children.values() ?? [])];
      return Object.fromEntries(
        entries.map((entry) => [
          entry.children.get("key")?.value ?? "",
          read(shape.value(), entry.children.get("value") ?? new FormNode(), path),
        ]),
      );
    }
    case "number": {
      const parsed = Number(node.value);
      if (node.value === undefined || node.value === "" || Number.isNaN(parsed))
        throw badRequest("MalformedInput", `${path} is not a number`);
      return parsed;
    }
    case "boolean":
      if (node.value !== "true" && node.value !== "false") throw badRequest("MalformedInput", `${path} is not true or false`);
      return node.value === "true";
    case "timestamp":
      return new Date(node.value ?? "");
    case "blob":
      return Buffer.from(node.value ?? "", "base64");
    case "string":
      break;
  }
  return node.value ?? "";
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
  "\r": "&#xD;",
  "\n": "&#xA;",
};

function escapeXml(text: string): string {
  return text.replaceAll(/[&<>"'\r\n]/g, (character) => ESCAPES[character] ?? character);
}

function write(shape: Shape, value: unknown): string {
  switch (shape.kind) {
    case "structure":
      return [...shape.members]
        .map(([name, member]) => {
          const given = isRecord(value) ? value[name] : undefined;
          return given === undefined ? "" : `<${name}>${write(member.shape(), given)}</${name}>`;
        })
        .join("");
    case "list":
      return Array.isArray(value) ? value.map((item) => `<member>${write(shape.member(), item)}</member>`).join("") : "";
    case "map":
      return Object.entries(value ?? {})
        .map(([key, item]) => `<entry><key>${escapeXml(key)}</key><value>${write(shape.value(), item)}</value></entry>`)
        .join("");
    case "timestamp":
      // Query services send seconds: 2026-01-31T12:00:00Z
      return value instanceof Date ? value.toISOString().replace(/\.\d{3}Z$/, "Z") : "";
    case "blob":
      return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : "";
    case "string":
    case "number":
    case "boolean":
      break;
  }
  return escapeXml(String(value));
}

interface QueryAnswer {
  readonly operation: string;
  readonly namespace: string;
  readonly requestId: string;
}

/** The XML of an answer; operations without an output have no Result element. */
function serialiseQueryOutput({ operation, namespace, requestId }: QueryAnswer, shape: Shape, output: unknown): string {
  const hasResult = shape.kind === "structure" && shape.name !== "Unit";
  const result = hasResult ? `<${operation}Result>${write(shape, output)}</${operation}Result>` : "";
  const metadata = `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`;
  return `<${operation}Response xmlns="${namespace}">${result}${metadata}</${operation}Response>`;
}

/** The XML of an error. */
export function serialiseQueryError(fault: AwsFault, namespace: string, requestId: string): string {
  const type = fault.status >= 500 ? "Receiver" : "Sender";
  const error = `<Error><Type>${type}</Type><Code>${escapeXml(fault.code)}</Code><Message>${escapeXml(fault.message)}</Message></Error>`;
  return `<ErrorResponse xmlns="${namespace}">${error}<RequestId>${requestId}</RequestId></ErrorResponse>`;
}
