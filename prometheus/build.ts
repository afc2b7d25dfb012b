/** Prometheus and its promtool: from PATH, or built once from its Go module. */
import { delimiter, join } from "node:path";

import type { BuildOptions } from "../controlplane/build.ts";
import { type Env, whyNoGo } from "../controlplane/go.ts";
import { ensurePrograms, type GoPrograms, holdsPrograms, programsFolder } from "../controlplane/go-programs.ts";

/** A module of its own, since the control plane and the oracles share next to nothing with it. */
const PROGRAMS: GoPrograms = {
  name: "prometheus",
  title: "Prometheus and promtool",
  dir: import.meta.dirname,
  files: ["go.mod", "go.sum"],
  packages: { prometheus: "github.com/prometheus/prometheus/cmd/prometheus", promtool: "github.com/prometheus/prometheus/cmd/promtool" },
  // Without service discovery, which is most of it and nothing to rules.
  flags: ["-tags=remove_all_sd"],
  waysOn: ["have prometheus and promtool in one folder of the PATH"],
};

/** The path of each program. */
export interface PrometheusPrograms {
  readonly prometheus: string;
  readonly promtool: string;
}

/** Built first where they are not there; throws with the ways on where they cannot be. */
export async function ensurePrometheus({ env, progress }: BuildOptions): Promise<PrometheusPrograms> {
  return programsIn((await find(env)) ?? (await ensurePrograms(PROGRAMS, { env, progress })));
}

/** Why this machine has no Prometheus, and what to do about it; undefined where it has, or can build one. Builds nothing. */
export async function whyNoPrometheus(env: Env = process.env): Promise<string | undefined> {
  if ((await find(env)) !== undefined) return undefined;
  const fault = await whyNoGo(env);
  return fault && `${fault}, and Prometheus is built by it: install Go 1.26 (https://go.dev/dl), or Prometheus with promtool`;
}

/** The folder of both, since they are of one version there. */
async function find(env: Env): Promise<string | undefined> {
  const onPath = (env["PATH"] ?? "").split(delimiter).filter((one) => one !== "");
  for (const dir of [await programsFolder(PROGRAMS, env), ...onPath]) if (await holdsPrograms(PROGRAMS, dir)) return dir;
  return undefined;
}

function programsIn(dir: string): PrometheusPrograms {
  return { prometheus: join(dir, "prometheus"), promtool: join(dir, "promtool") };
}
