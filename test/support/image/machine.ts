import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** What building and running the operator's image needs of a machine. */

const PROGRAMS = ["docker", "dockerd", "mmdebstrap", "unshare"];

/** Why this machine cannot build and run the image, and what to do about it; undefined where it can. Looks, and starts nothing. */
export function whyNoImage({ uid = process.getuid?.(), path = process.env.PATH ?? "" } = {}): string | undefined {
  const missing = PROGRAMS.filter((program) => !path.split(delimiter).some((folder) => isExecutable(join(folder, program))));
  if (missing.length > 0) return `there is no ${missing.join(", no ")} on this machine: as root, apt-get install docker.io mmdebstrap`;
  if (uid !== 0) return "a daemon of its own needs root: run it as root";
  const { status, stderr } = spawnSync("unshare", ["--mount", "--pid", "--fork", "true"], { encoding: "utf8", env: { PATH: path } });
  return status === 0
    ? undefined
    : `root may make no namespaces here (${stderr.trim()}): run it on a machine, or in a container, that lets it`;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
