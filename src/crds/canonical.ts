/** JSON with the keys of each object in one order and without undefined members: equal values give equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(inOrder(value)) ?? "null";
}

/** A copy that JSON.stringify writes in that order: by code units, but for keys that are numbers, which come first in any object. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (!isRecord(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value).toSorted()) {
    // Assigned, it would be the copy's prototype.
    if (key === "__proto__") Object.defineProperty(copy, key, { value: inOrder(value[key]), enumerable: true });
    else copy[key] = inOrder(value[key]);
  }
  return copy;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
