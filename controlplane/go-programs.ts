/** Programs of a Go module, built once into the user's cache and kept. */
import { join } from "node:path";

import { buildOnce, type BuildOptions, cacheDir, isExecutable } from "./build.ts";
import { type Env, requireGo } from "./go.ts";
import { buildHash, compile } from "./go-build.ts";

export interface GoPrograms {
  /** Before the hash in the name of their folder. */
  readonly name: string;
  /** As people call them, with a plural verb. */
  readonly title: string;
  /** The module. */
  readonly dir: string;
  /** Of `dir`: go.mod, go.sum, and sources of ours. */
  readonly files: readonly string[];
  /** Import paths, by the name that Go gives the program. */
  readonly packages: Readonly<Record<string, string>>;
  /** Beside those that every build has. */
  readonly flags: readonly string[];
  /** Beside Go. */
  readonly waysOn: readonly string[];
}

/** The folder that holds them, built first where this version of them never was; throws GoError with the ways on where that cannot be. */
export async function ensurePrograms(programs: GoPrograms, { env, progress }: BuildOptions): Promise<string> {
  const { title, dir: cwd } = programs;
  const dir = await programsFolder(programs, env);
  if (await holdsPrograms(programs, dir)) return dir;
  await requireGo(`Building ${title}`, env, programs.waysOn);
  progress.write(`${title} are built from Go modules once, which takes minutes, and then kept.\n`);
  const [packages, flags] = [Object.values(programs.packages), flagsOf(programs)];
  const [provides = ""] = Object.keys(programs.packages);
  await buildOnce({ env, progress, dir, title: `building ${title}`, provides }, (building, report) =>
    compile({ cwd, packages, flags, output: `${building}/`, env, pidFile: join(building, "go.pid"), report }),
  );
  return dir;
}

/** Where this version of them is, or will be. */
export async function programsFolder(programs: GoPrograms, env: Env): Promise<string> {
  const { name, dir, files, packages } = programs;
  const options = [flagsOf(programs), packages];
  return join(cacheDir(env), `${name}-${await buildHash({ dir, files, options })}`);
}

/** Whether all of them are in the folder. */
export async function holdsPrograms({ packages }: GoPrograms, dir: string): Promise<boolean> {
  const found = await Promise.all(Object.keys(packages).map((program) => isExecutable(join(dir, program))));
  return !found.includes(false);
}

function flagsOf({ flags }: GoPrograms): readonly string[] {
  return ["-trimpath", "-buildvcs=false", ...flags, "-ldflags=-s -w"];
}
