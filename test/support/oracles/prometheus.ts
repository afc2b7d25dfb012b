import { delimiter, join } from "node:path";
import { buildOnce, type BuildOptions, cacheDir, isExecutable } from "../../../controlplane/build.ts";
import { type Env, requireGo, whyNoGo } from "../../../controlplane/go.ts";
import { buildHash, compile } from "../../../controlplane/go-build.ts";

/** Prometheus and its promtool, from PATH, or built once from its Go module. Apart from the other programs, which share none of their modules with it. */

const MODULE = join(import.meta.dirname, "../../oracles/prometheus");
const PACKAGES = ["github.com/prometheus/prometheus/cmd/prometheus", "github.com/prometheus/prometheus/cmd/promtool"];
/** Without service discovery, which is most of it and nothing to rules. */
const FLAGS = ["-trimpath", "-buildvcs=false", "-tags=remove_all_sd", "-ldflags=-s -w"];

/** The path of each program. */
export interface PrometheusPrograms {
  readonly prometheus: string;
  readonly promtool: string;
}

/** Built first where they are not there; throws with the ways on where they cannot be. */
export async function ensurePrometheus({ env, progress }: BuildOptions): Promise<PrometheusPrograms> {
  const found = await find(env);
  if (found !== undefined) return found;
  const dir = await folder(env);
  await requireGo("Building Prometheus", env);
  progress.write("Prometheus and promtool are built from their Go module once, which takes minutes, and then kept.\n");
  await buildOnce({ env, progress, dir, title: "building Prometheus", provides: "promtool" }, (building, report) =>
    compile({
      cwd: MODULE,
      packages: PACKAGES,
      flags: FLAGS,
      output: `${building}/`,
      env,
      pidFile: join(building, "go.pid"),
      report,
    }),
  );
  return programsIn(dir);
}

/** Why this machine has no Prometheus, and what to do about it; undefined where it has, or can build one. Builds nothing. */
export async function whyNoPrometheus(env: Env = process.env): Promise<string | undefined> {
  if ((await find(env)) !== undefined) return undefined;
  const fault = await whyNoGo(env);
  return fault && `${fault}, and Prometheus is built by it: install Go 1.26 (https://go.dev/dl), or Prometheus with promtool`;
}

/** Both of one folder, since they are of one version there. */
async function find(env: Env): Promise<PrometheusPrograms | undefined> {
  const onPath = (env["PATH"] ?? "").split(delimiter).filter((one) => one !== "");
  for (const dir of [await folder(env), ...onPath]) {
    const programs = programsIn(dir);
    if ((await isExecutable(programs.prometheus)) && (await isExecutable(programs.promtool))) return programs;
  }
  return undefined;
}

function programsIn(dir: string): PrometheusPrograms {
  return { prometheus: join(dir, "prometheus"), promtool: join(dir, "promtool") };
}

async function folder(env: Env): Promise<string> {
  return join(cacheDir(env), `prometheus-${await buildHash({ dir: MODULE, files: ["go.mod", "go.sum"], options: [FLAGS, PACKAGES] })}`);
}
