import { canonicalJson } from "../crds/canonical.ts";
import { isJsonObject } from "./objects.ts";

/** Reading of `fieldsV1`, the API server's record of which manager owns which field (structured-merge-diff's path elements). */

/**
 * A set of owned paths as a tree. Keys: `f:` a field, `k:` a list item by its key fields, `v:` an item of a set,
 * `i:` an item by index, `.` the node itself. An empty tree is a leaf: the whole value is owned.
 */
export type FieldsV1 = Readonly<Record<string, unknown>>;

/** One step down a live value: which part of it a key of the tree names. */
export interface Step {
  readonly key: string;
  /** Field name or index; what a JSON pointer is made of. */
  readonly segment: string | number;
  readonly value: unknown;
  readonly fields: FieldsV1;
}

/** The parts of a live value that the tree names and that exist, without `.`; list items in live order. */
export function stepsInto(live: unknown, fields: FieldsV1): readonly Step[] {
  const steps: Step[] = [];
  for (const [key, below] of Object.entries(fields)) {
    if (key === ".") continue;
    const segment = locate(live, key);
    if (segment === undefined) continue;
    steps.push({ key, segment, value: at(live, segment), fields: isJsonObject(below) ? below : {} });
  }
  if (Array.isArray(live)) steps.sort((a, b) => Number(a.segment) - Number(b.segment));
  return steps;
}

/** Whether the tree owns this node as a whole: nothing is told of what is below. */
export function isLeaf(fields: FieldsV1): boolean {
  return Object.keys(fields).length === 0;
}

function locate(live: unknown, key: string): string | number | undefined {
  const rest = key.slice(2);
  if (key.startsWith("f:")) return isJsonObject(live) && Object.hasOwn(live, rest) ? rest : undefined;
  if (!Array.isArray(live)) return undefined;
  const items: readonly unknown[] = live;
  const found = items.findIndex(matcher(key));
  return found < 0 ? undefined : found;
}

function matcher(key: string): (item: unknown, index: number) => boolean {
  const named: unknown = JSON.parse(key.slice(2));
  switch (key.slice(0, 2)) {
    case "k:": {
      const keys = isJsonObject(named) ? Object.entries(named) : [];
      return (item) => isJsonObject(item) && keys.every(([name, value]) => canonicalJson(item[name]) === canonicalJson(value));
    }
    case "v:":
      return (item) => canonicalJson(item) === canonicalJson(named);
    case "i:":
      return (_item, index) => index === named;
    default:
      throw new Error(`fieldsV1 has a key of an unknown kind: ${key}`);
  }
}

function at(live: unknown, segment: string | number): unknown {
  if (Array.isArray(live)) {
    const items: readonly unknown[] = live;
    return items[Number(segment)];
  }
  return isJsonObject(live) ? live[segment] : undefined;
}

/** `/spec/template/spec/containers/1`, with RFC 6901's escapes. */
export function jsonPointer(segments: readonly (string | number)[]): string {
  return segments.map((segment) => `/${String(segment).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
