import type { SourceFile } from "./source-text.ts";

/** Which tests hold a condition or a reason: by the titles of their blocks, as text without its comments. */

export interface TestBlock {
  /** Of the file, from the project's root. */
  readonly path: string;
  /** Undefined for what stands before the first test, as a table, and behind the last. */
  readonly title: string | undefined;
  readonly text: string;
  /** Whether reasons are read in it: then a word by itself, as in a row of a table, may be one. */
  readonly readsReasons: boolean;
}

const START = /^([ \t]*)test(?:\.each|\.for)?[(<]/gm;
const TITLE = /^\s*test\(\s*(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`)|\]\)\(\s*"((?:[^"\\]|\\.)*)"|\)\(\s*(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`)/;

/** Every test of the files, each with what stands between it and the one before, and what stands around them. */
export function testBlocks(files: readonly SourceFile[]): readonly TestBlock[] {
  return files
    .filter(({ path }) => path.endsWith(".test.ts"))
    .flatMap(({ path, text: written }) => {
      const text = withoutComments(written);
      const tests = testsIn(text);
      const ends = tests.map(({ end }) => end);
      const head = text.slice(0, tests[0]?.start);
      return [
        { path, title: undefined, text: head + text.slice(ends.at(-1) ?? text.length), readsReasons: readsReasons(path, text) },
        ...tests.map(({ start, end }, i) => {
          const block = text.slice(ends[i - 1] ?? start, end);
          // Helpers that read them stand before the first test.
          return { path, title: titleOf(text.slice(start, end)), text: block, readsReasons: readsReasons(path, head + block) };
        }),
      ];
    });
}

/** From `test` to the line that closes it, which is as far to the right. */
function testsIn(text: string): readonly { readonly start: number; readonly end: number }[] {
  return [...text.matchAll(START)].map(({ 1: indent = "", index: start }) => {
    const rest = text.slice(start);
    const last = new RegExp(`^${indent}\\S.*\\);$`, "m").exec(rest);
    return { start, end: last ? start + last.index + last[0].length : text.length };
  });
}

/** As oxfmt lays them out: on lines of their own, or behind code and a space. */
function withoutComments(text: string): string {
  return text.replaceAll(/^\s*(?:\/\/|\/\*|\*).*$/gm, "").replaceAll(/ \/\/ .*$/gm, "");
}

function titleOf(block: string): string | undefined {
  return TITLE.exec(block)
    ?.slice(1)
    .find((group) => group !== undefined)
    ?.replaceAll(/\\(.)/g, "$1");
}

/** Where a word alone is the API server's or AWS's. */
const OTHERS_WORDS = ["test/unit/kube/", "test/unit/aws/", "test/unit/emulator/"];

function readsReasons(path: string, text: string): boolean {
  return /\breason\b/.test(text) && !OTHERS_WORDS.some((start) => path.startsWith(start));
}

/** Whether the block names the type of a condition: in quotes by itself, or as the member that has its verdict. */
export function namesCondition({ text }: TestBlock, type: string): boolean {
  return new RegExp(`"${type}"|\\b${type}: ["'\`{]`).test(text);
}

/** Where reasons are the cluster's, or made up to see what becomes of any: no code of ours gave them. */
const SAMPLES = [
  "test/unit/controllers/facts.test.ts",
  "test/unit/controllers/listener.test.ts",
  "test/unit/reconcilers/conditions.test.ts",
];
const STATE = "(?:True|False|Unknown|ready|skipped|progressing|blocked|suspended|failed)";
const TYPE = "(?:[A-Z]\\w+(?:Ready|Valid|Resolved|Granted)|Ready|Reconciling|Stalled)";

/** Whether the block holds a condition to the reason, in one of the ways in which tests write that. */
export function saysReason({ path, text, readsReasons: reads }: TestBlock, reason: string): boolean {
  // Few blocks have it, and a pattern for each of them costs.
  if (!text.includes(reason) || SAMPLES.includes(path)) return false;
  const forms = [
    `\\breason: "${reason}"`,
    // "False X: …", of a condition or a report.
    `["'\`^]${STATE} ${reason}\\b`,
    // "X spec.field" or "X: …", of a violation.
    `["'\`^]${reason}(?:: | spec\\.)`,
    // untilCondition(key, "TypeReady", "False", "X").
    `"(?:${STATE}|${TYPE})",\\s+"${reason}"`,
    ...(reads ? [`(?<!code: )"${reason}"`] : []),
  ];
  return new RegExp(forms.join("|")).test(text);
}
