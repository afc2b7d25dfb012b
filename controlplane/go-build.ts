/** Compiling Go programs, with a progress that a person can follow, and what tells one build from another. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { type Env, runGo } from "./go.ts";

export interface GoBuild {
  /** Of the module. */
  readonly cwd: string;
  readonly packages: readonly string[];
  readonly flags: readonly string[];
  /** A file; or a folder, with a slash at its end, for programs that are named after their packages. */
  readonly output: string;
  readonly env: Env;
  /** Holds go's pid while it runs, for a reaper. */
  readonly pidFile: string;
  readonly report: (what: string) => void;
}

/** Downloads what is missing, then compiles and links; throws GoError. */
export async function compile({ cwd, packages, flags, output, env, pidFile, report }: GoBuild): Promise<void> {
  let downloads = 0;
  const listed = await runGo({
    args: ["list", "-deps", ...packages],
    cwd,
    env,
    pidFile,
    onLine: (line) => {
      if (!line.startsWith("go: downloading")) return;
      downloads += 1;
      report(`${downloads} modules downloaded, ${line.slice("go: downloading ".length)}`);
    },
  });
  const total = listed.trim().split("\n").length;

  let compiled = 0;
  report(`compiling up to ${total} packages`);
  await runGo({
    args: ["build", "-v", ...flags, "-o", output, ...packages],
    cwd,
    env,
    pidFile,
    onLine: (line) => {
      compiled += 1;
      report(`${compiled} of up to ${total} packages, ${line}`);
    },
  });
}

export interface GoSources {
  readonly dir: string;
  /** Of `dir`: those of ours, go.mod and go.sum, which pins the others'. */
  readonly files: readonly string[];
  /** What else makes another program of them. */
  readonly options: readonly unknown[];
}

/** Of this machine's build: 16 hexadecimal digits. */
export async function buildHash({ dir, files, options }: GoSources): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([process.platform, process.arch, ...options]));
  for (const file of files) hash.update(await readFile(join(dir, file))).update("\0");
  return hash.digest("hex").slice(0, 16);
}
