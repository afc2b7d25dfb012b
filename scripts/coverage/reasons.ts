import { posix } from "node:path";
import { expressionsFrom, type SourceFile } from "./source-text.ts";

/** Every reason that a condition can have, but for those that are a pod's own words, and the files that give it. */

const REASON = /"([A-Z][A-Za-z]+)"/g;

/** Reason to the paths of the files that name it; sorted. */
export function reasonsOf(sources: readonly SourceFile[]): ReadonlyMap<string, readonly string[]> {
  const helpers = new Map(sources.map(({ path, text }) => [path, helpersIn(text)]));
  const found = new Map<string, Set<string>>();
  for (const source of sources) {
    for (const reason of reasonsIn(source, helpers)) found.set(reason, (found.get(reason) ?? new Set()).add(source.path));
  }
  return new Map([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([reason, paths]) => [reason, [...paths]]));
}

/** A function that is given a reason. */
interface Helper {
  readonly name: string;
  /** Of its parameter `reason`. */
  readonly position: number;
}

function reasonsIn({ path, text }: SourceFile, helpers: ReadonlyMap<string, readonly Helper[]>): readonly string[] {
  const constants = new Map([...text.matchAll(/const (\w+) = ("[A-Z][A-Za-z]+");/g)].map(([, name = "", literal = ""]) => [name, literal]));
  const spelled = (expression: string): string => expression.replaceAll(/\b[A-Z_]+\b/g, (name) => constants.get(name) ?? name);
  const imported = importsOf(text).flatMap(({ from, names }) =>
    (helpers.get(posix.join(posix.dirname(path), from)) ?? []).filter(({ name }) => names.includes(name)),
  );
  return [...members(text), ...argumentsOf(text, [...(helpers.get(path) ?? []), ...imported])].flatMap((expression) =>
    [...branches(spelled(expression)).matchAll(REASON)].map(([, reason = ""]) => reason),
  );
}

/** Values of `reason:`, in an object. */
function members(text: string): readonly string[] {
  return [...text.matchAll(/\breason: (?!string)/g)].map(({ 0: found, index }) => expressionsFrom(text, index + found.length)[0] ?? "");
}

/** Functions that the file declares with a parameter `reason`. */
function helpersIn(text: string): readonly Helper[] {
  return [...text.matchAll(/(?:function (\w+)|const (\w+) = )\(([^)]*\breason: string[^)]*)\)/g)].map(
    ([, declaration, constant, parameters = ""]) => ({
      name: declaration ?? constant ?? "",
      position: parameters.split(",").findIndex((one) => one.trim().startsWith("reason: string")),
    }),
  );
}

function importsOf(text: string): readonly { readonly from: string; readonly names: readonly string[] }[] {
  return [...text.matchAll(/^import \{([^}]*)\} from "(\.[^"]*)";$/gm)].map(([, names = "", from = ""]) => ({
    from,
    names: names.split(",").map((name) => name.trim()),
  }));
}

/** What is passed as their reason to the helpers. */
function argumentsOf(text: string, helpers: readonly Helper[]): readonly string[] {
  return helpers.flatMap(({ name, position }) =>
    [...text.matchAll(new RegExp(`(?<!function )\\b${name}\\(`, "g"))].map(
      ({ 0: found, index }) => expressionsFrom(text, index + found.length)[position] ?? "",
    ),
  );
}

/** Of `a ? b : c`, b and c: what is compared in a is no reason. */
function branches(expression: string): string {
  return /^[^?]*[^?]\?(?![.?])([^]*)$/.exec(expression)?.[1] ?? expression;
}
