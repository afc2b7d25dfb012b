import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../src/cli/keys.ts";

/** Releases as they were, by commit. */
export const EARLIER = {
  /** The first that made a service Ready; installed by kubectl, as it had no chart. */
  first: "1892a6d",
  /** The first with charts. */
  firstCharts: "5da2cd3",
} as const;

/** Why the history of this clone does not hold them, and what to do about it; undefined where it does. */
export function whyNoHistory(): string | undefined {
  const { error } = git("--version");
  if (error) return `git does not run here (${error.message}): install it`;
  const missing = Object.values(EARLIER).filter((commit) => git("cat-file", "-e", `${commit}^{commit}`).status !== 0);
  return missing.length === 0
    ? undefined
    : `this clone has no commit ${missing.join(", ")}: git fetch --unshallow, or clone the repository whole`;
}

/** The files of a commit in a new folder in `dir`, to run on today's dependencies; its path. */
export function extractRelease(dir: string, commit: string): string {
  const root = join(dir, commit);
  mkdirSync(root);
  const { status, stdout, stderr } = git("archive", "--format=tar", commit);
  if (status !== 0) throw new Error(`git archive ${commit}: ${stderr.toString()}`);
  const tar = spawnSync("tar", ["-x", "-C", root], { input: stdout });
  if (tar.status !== 0) throw new Error(`tar: ${tar.stderr.toString()}`);
  symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"));
  return root;
}

function git(...args: readonly string[]) {
  return spawnSync("git", args, { cwd: ROOT, maxBuffer: 1 << 28 });
}
