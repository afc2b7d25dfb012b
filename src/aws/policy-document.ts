import { z } from "zod";
import { canonicalJson } from "../crds/canonical.ts";
import type { PolicyDocument } from "../crds/desired.ts";

/** Policy documents as AWS gives them back, and when two of them mean the same. */

const texts = z.union([z.string(), z.array(z.string())]);

/** The shape that we write: a document with anything else in it (NotAction, a Principal of "*") is not one of ours. */
const ours = z.strictObject({
  Version: z.string(),
  Id: z.never().optional(),
  Statement: z.array(
    z.strictObject({
      Sid: z.string().exactOptional(),
      Effect: z.enum(["Allow", "Deny"]),
      Principal: z.record(z.string(), texts).exactOptional(),
      Action: texts,
      Resource: texts.exactOptional(),
      Condition: z.record(z.string(), z.record(z.string(), texts)).exactOptional(),
    }),
  ),
});

/** Stands for a document that we would never write; equal to no desired one, since those have statements. */
const NOT_OURS: PolicyDocument = { Version: "", Statement: [] };

/** Reads a document, URL-encoded as AWS sends it or plain as emulators may. What has not our shape reads as an empty document. */
export function parsePolicyDocument(text: string | undefined): PolicyDocument {
  const parsed = ours.safeParse(readDocument(text));
  return parsed.success ? { Version: parsed.data.Version, Statement: parsed.data.Statement } : NOT_OURS;
}

/** A document's JSON, from either form, its one statement as a list of one; undefined: no JSON. */
export function readDocument(text: string | undefined): unknown {
  return withStatementList(json(text ?? ""));
}

/** Whether both say the same: order, repetition and "a string or a list of one" mean nothing. */
export function samePolicyDocument(a: PolicyDocument, b: PolicyDocument): boolean {
  return canonicalDocument(a) === canonicalDocument(b);
}

function canonicalDocument(document: PolicyDocument): string {
  const statements = document.Statement.map(({ Action, Resource, Principal, Condition, ...rest }) =>
    canonicalJson({
      ...rest,
      Action: set(Action),
      Resource: Resource && set(Resource),
      Principal: Principal && sets(Principal),
      Condition: Condition && Object.fromEntries(Object.entries(Condition).map(([operator, keys]) => [operator, sets(keys)])),
    }),
  );
  return canonicalJson({ Version: document.Version, Statement: statements.toSorted() });
}

function sets(values: Readonly<Record<string, string | readonly string[]>>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, set(value)]));
}

function set(value: string | readonly string[]): string[] {
  return [...new Set([value].flat())].toSorted();
}

function withStatementList(document: unknown): unknown {
  if (typeof document !== "object" || document === null || !("Statement" in document)) return document;
  return { ...document, Statement: [document.Statement].flat() };
}

/** Undefined: no JSON. */
function json(text: string): unknown {
  try {
    return JSON.parse(text.trimStart().startsWith("{") ? text : decodeURIComponent(text));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof URIError) return undefined;
    throw error;
  }
}
