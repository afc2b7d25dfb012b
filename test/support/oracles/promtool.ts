import { delimiter, join } from "node:path";
import { buildOnce, type BuildOptions, cacheDir, isExecutable } from "../../../controlplane/build.ts";
import { type Env, requireGo, whyNoGo } from "../../../controlplane/go.ts";
import { buildHash, compile } from "../../../controlplane/go-build.ts";

/** Prometheus' own promtool, from PATH, or built once from its Go module. Apart from the other programs, since it is built in a fraction of their time. */

const MODULE = join(import.meta.dirname, "../../oracles/promtool");
const PACKAGE = "github.com/prometheus/prometheus/cmd/promtool";
/** Without service discovery, which is most of it and nothing to rules. */
const FLAGS = ["-trimpath", "-buildvcs=false", "-tags=remove_all_sd", "-ldflags=-s -w"];

/** The path of promtool; throws with the ways on where it is not there and cannot be built. */
export async function ensurePromtool({ env, progress }: BuildOptions): Promise<string> {
  const found = await onPath(env);
  if (found !== undefined) return found;
  const dir = await folder(env);
  const built = join(dir, "promtool");
  if (await isExecutable(built)) return built;
  await requireGo("Building promtool", env);
  progress.write("promtool is built from Prometheus' Go module once, which takes minutes, and then kept.\n");
  await buildOnce({ env, progress, dir, title: "building promtool", provides: "promtool" }, (building, report) =>
    compile({
      cwd: MODULE,
      packages: [PACKAGE],
      flags: FLAGS,
      output: `${building}/`,
      env,
      pidFile: join(building, "go.pid"),
      report,
    }),
  );
  return built;
}

/** Why this machine has no promtool, and what to do about it; undefined where it has, or can build one. Builds nothing. */
export async function whyNoPromtool(env: Env = process.env): Promise<string | undefined> {
  if ((await onPath(env)) !== undefined || (await isExecutable(join(await folder(env), "promtool")))) return undefined;
  const fault = await whyNoGo(env);
  return fault && `${fault}, and promtool is built by it: install Go 1.26 (https://go.dev/dl), or Prometheus`;
}

async function onPath({ PATH = "" }: Env): Promise<string | undefined> {
  for (const folderOnPath of PATH.split(delimiter).filter((one) => one !== "")) {
    const path = join(folderOnPath, "promtool");
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

async function folder(env: Env): Promise<string> {
  return join(cacheDir(env), `promtool-${await buildHash({ dir: MODULE, files: ["go.mod", "go.sum"], options: [FLAGS, PACKAGE] })}`);
}
