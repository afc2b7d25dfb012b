import { expressionsFrom, type SourceFile } from "./source-text.ts";

/** Every reason that a condition can have, but for those that are a pod's own words, and the files that give it. */

const REASON = /"([A-Z][A-Za-z]+)"/g;

/** Reason to the paths of the files that name it; sorted. */
export function reasonsOf(sources: readonly SourceFile[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, Set<string>>();
  for (const { path, text } of sources) {
    for (const reason of reasonsIn(text)) found.set(reason, (found.get(reason) ?? new Set()).add(path));
  }
  return new Map([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([reason, paths]) => [reason, [...paths]]));
}

function reasonsIn(text: string): readonly string[] {
  const constants = new Map([...text.matchAll(/const (\w+) = ("[A-Z][A-Za-z]+");/g)].map(([, name = "", literal = ""]) => [name, literal]));
  const spelled = (expression: string): string => expression.replaceAll(/\b[A-Z_]+\b/g, (name) => constants.get(name) ?? name);
  return [...members(text), ...argumentsOf(text)].flatMap((expression) =>
    [...branches(spelled(expression)).matchAll(REASON)].map(([, reason = ""]) => reason),
  );
}

/** Values of `reason:`, in an object. */
function members(text: string): readonly string[] {
  return [...text.matchAll(/\breason: (?!string)/g)].map(({ 0: found, index }) => expressionsFrom(text, index + found.length)[0] ?? "");
}

/** What is passed as the parameter `reason` to functions that the same file declares. */
function argumentsOf(text: string): readonly string[] {
  const declared = [...text.matchAll(/(?:function (\w+)|const (\w+) = )\(([^)]*\breason: string[^)]*)\)/g)];
  return declared.flatMap(({ 1: declaration, 2: constant, 3: parameters = "", index: at }) => {
    const name = declaration ?? constant ?? "";
    const position = parameters.split(",").findIndex((one) => one.trim().startsWith("reason: string"));
    return [...text.matchAll(new RegExp(`\\b${name}\\(`, "g"))]
      .filter(({ index }) => index < at || index > at + `function ${name}(`.length)
      .map(({ 0: found, index }) => expressionsFrom(text, index + found.length)[position] ?? "");
  });
}

/** Of `a ? b : c`, b and c: what is compared in a is no reason. */
function branches(expression: string): string {
  return /^[^?]*[^?]\?(?![.?])([^]*)$/.exec(expression)?.[1] ?? expression;
}
