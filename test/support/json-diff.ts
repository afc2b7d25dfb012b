import { canonicalJson } from "../../src/crds/canonical.ts";

/** Where two values differ, as `spec.ports[0].port`; a list whose length changed, and a member that came or went, as a whole. Sorted. */
export function changedPaths(before: unknown, after: unknown): readonly string[] {
  return [...differences(before, after, "")].toSorted();
}

function* differences(before: unknown, after: unknown, path: string): Generator<string> {
  if (canonicalJson(before) === canonicalJson(after)) return;
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    for (const [index, item] of before.entries()) yield* differences(item, after[index], `${path}[${index}]`);
  } else if (isBlock(before) && isBlock(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    for (const name of names) yield* differences(before[name], after[name], below(path, name));
  } else {
    yield path;
  }
}

function below(path: string, name: string): string {
  if (!/^[A-Za-z_$][\w$]*$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === "" ? name : `${path}.${name}`;
}

function isBlock(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
