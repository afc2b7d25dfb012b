/** Small edits of plain JSON by path, as `spec.routes[0].timeout`. */

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Given as a new value, the field is taken out. */
export const REMOVED = Symbol("removed");

export type Changes = Readonly<Record<string, Json | typeof REMOVED>>;

/** A copy of `object` with each path set to its value; blocks on the way are made. */
export function withChanges(object: Json, changes: Changes): Json {
  return Object.entries(changes).reduce((changed, [path, value]) => set(changed, steps(path), value), object);
}

/** What is at `path`; undefined where there is nothing. */
export function valueAt(object: Json, path: string): Json | undefined {
  return steps(path).reduce<Json | undefined>((value, step) => member(value, step), object);
}

function steps(path: string): readonly (string | number)[] {
  return [...path.matchAll(/([^.[\]]+)/g)].map(([step]) => (/^[0-9]+$/.test(step) ? Number(step) : step));
}

function member(value: Json | undefined, step: string | number): Json | undefined {
  if (isList(value)) return typeof step === "number" ? value[step] : undefined;
  return isBlock(value) ? value[step] : undefined;
}

function set(value: Json | undefined, [step, ...rest]: readonly (string | number)[], wanted: Json | typeof REMOVED): Json {
  if (step === undefined) throw new Error("a path has at least one step");
  const inner = rest.length > 0 ? set(member(value, step), rest, wanted) : wanted;
  if (typeof step === "number") {
    const list = isList(value) ? [...value] : [];
    list.splice(step, 1, ...(inner === REMOVED ? [] : [inner]));
    return list;
  }
  const { [step]: _, ...others } = isBlock(value) ? value : {};
  return inner === REMOVED ? others : { ...others, [step]: inner };
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

function isBlock(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
