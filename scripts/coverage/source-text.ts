import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** TypeScript read as text: enough to find a literal in an argument, as oxfmt lays the code out. */

export interface SourceFile {
  /** From the project's root. */
  readonly path: string;
  readonly text: string;
}

/** Every .ts file below the folder, sorted by path. */
export function sourcesIn(root: string, folder: string): readonly SourceFile[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .toSorted()
    .map((file) => ({ path: join(folder, file), text: readFileSync(join(root, folder, file), "utf8") }));
}

/** The expressions between commas from `start`, which is behind an opening bracket, to the bracket that closes it. */
export function expressionsFrom(text: string, start: number): readonly string[] {
  const found: string[] = [];
  let depth = 0;
  let from = start;
  for (let at = start; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === '"' || char === "`" || char === "'") at = endOfString(text, at);
    else if ("([{".includes(char)) depth++;
    else if (")]}".includes(char)) {
      if (depth === 0) return [...found, text.slice(from, at)];
      depth--;
    } else if (char === "," && depth === 0) {
      found.push(text.slice(from, at));
      from = at + 1;
    }
  }
  return found;
}

/** Index of the quote that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  const quote = text.charAt(start);
  let at = start + 1;
  while (at < text.length && text.charAt(at) !== quote) at += text.charAt(at) === "\\" ? 2 : 1;
  return at;
}
