/** Helm, built once from its Go module into the user's cache. */
import { join } from "node:path";

import { buildOnce, type BuildOptions, cacheDir, isExecutable } from "./build.ts";
import { requireGo } from "./go.ts";
import { compile } from "./go-build.ts";
import { downloadModule } from "./third-party.ts";

/** Its own go.sum, which the sum covers, pins what it is built with. */
const HELM = { module: "helm.sh/helm/v4", version: "v4.3.1", sum: "h1:UndCoLe9UPmNoL7IvWzaUXveL7T5t/ijoorEmgJdI9g=" } as const;
const PROGRAM = "helm";

/** The path of a Helm of the pinned version, built first if it never was; throws where it cannot be, with the ways on. */
export async function ensureHelm({ env, progress }: BuildOptions): Promise<string> {
  const dir = join(cacheDir(env), `${PROGRAM}-${HELM.version}`);
  const program = join(dir, PROGRAM);
  if (await isExecutable(program)) return program;
  await requireGo(`Building Helm ${HELM.version}`, env);
  const { title, provides } = { title: `building Helm ${HELM.version}`, provides: PROGRAM };
  await buildOnce({ env, progress, dir, title, provides }, async (building, report) => {
    const module = await downloadModule(HELM, env);
    if (module.sum !== HELM.sum) {
      throw new Error(
        `${HELM.module}@${HELM.version} has the sum ${module.sum}, not the pinned ${HELM.sum}: read it, then correct controlplane/helm.ts`,
      );
    }
    await compile({
      cwd: module.dir,
      packages: ["./cmd/helm"],
      flags: ["-trimpath", "-buildvcs=false", "-ldflags=-s -w"],
      output: join(building, PROGRAM),
      env,
      pidFile: join(building, "go.pid"),
      report,
    });
  });
  return program;
}
