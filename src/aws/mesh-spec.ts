import { canonicalJson } from "../crds/canonical.ts";
import type { Difference } from "../crds/desired.ts";

/** Holds a spec as App Mesh answers it against the one that was sent. What means the same is the same, however it is said: a difference that an update cannot end would be written for ever. */

/** Every field that differs, from `spec` down. */
export function specDifferences(desired: object, observed: object): readonly Difference[] {
  return differ("spec", normalised(desired), normalised(observed));
}

/** No list in a mesh object has an order; what is empty or undefined is as if it were left out; a duration is what it lasts. */
function normalised(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items: unknown[] = value;
    return items.map(normalised).toSorted((a, b) => (canonicalJson(a) < canonicalJson(b) ? -1 : 1));
  }
  if (!isRecord(value)) return value;
  const members = Object.entries(value);
  if (members.length === 2 && typeof value["value"] === "number" && typeof value["unit"] === "string")
    return `${value["unit"] === "s" ? value["value"] * 1000 : value["value"]}ms`;
  return Object.fromEntries(
    members.map(([key, member]) => [key, normalised(member)] as const).filter(([key, member]) => !isDefault(key, member)),
  );
}

/** Of a match: what it asks for is not turned round. */
function isDefault(key: string, member: unknown): boolean {
  if (member === undefined || member === null || (key === "invert" && member === false)) return true;
  return typeof member === "object" && Object.keys(member).length === 0;
}

function differ(field: string, desired: unknown, observed: unknown): Difference[] {
  if (canonicalJson(desired) === canonicalJson(observed)) return [];
  if (isRecord(desired) && isRecord(observed)) {
    const keys = new Set([...Object.keys(desired), ...Object.keys(observed)]);
    return [...keys].toSorted().flatMap((key) => differ(`${field}.${key}`, desired[key], observed[key]));
  }
  if (Array.isArray(desired) && Array.isArray(observed) && desired.length === 1 && observed.length === 1)
    return differ(field, desired[0], observed[0]);
  return [{ field, observed: words(observed, "another"), desired: words(desired, "the spec's") }];
}

function words(value: unknown, otherwise: string): string {
  if (value === undefined) return "none";
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : otherwise;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
