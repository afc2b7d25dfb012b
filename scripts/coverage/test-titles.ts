import type { SourceFile } from "./source-text.ts";

/** Which tests name a word: by the titles of their blocks, as text. */

export interface TestBlock {
  /** Of the file, from the project's root. */
  readonly path: string;
  /** Undefined for what stands before the first test, as a table. */
  readonly title: string | undefined;
  readonly text: string;
}

const START = /^[ \t]*test(?:\.each|\.for)?\(/gm;
const TITLE = /^\s*test\(\s*(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`)|\]\)\(\s*"((?:[^"\\]|\\.)*)"|\)\(\s*(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`)/;

/** Every test of the files, and what stands before the first of each. */
export function testBlocks(files: readonly SourceFile[]): readonly TestBlock[] {
  return files
    .filter(({ path }) => path.endsWith(".test.ts"))
    .flatMap(({ path, text }) => {
      const starts = [...text.matchAll(START)].map(({ index }) => index);
      const blocks = starts.map((start, i) => text.slice(start, starts[i + 1]));
      return [
        { path, title: undefined, text: text.slice(0, starts[0]) },
        ...blocks.map((block) => ({ path, title: titleOf(block), text: block })),
      ];
    });
}

function titleOf(block: string): string | undefined {
  return TITLE.exec(block)
    ?.slice(1)
    .find((group) => group !== undefined)
    ?.replaceAll(/\\(.)/g, "$1");
}

/** Whether the block names the word, in a string or a pattern. */
export function names({ text }: TestBlock, word: string): boolean {
  return new RegExp(`["'\`/ :(]${word}\\b`).test(text);
}
