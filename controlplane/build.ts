/** The control plane's programs: built once into the user's cache, or taken from KUBEBUILDER_ASSETS. */
import { constants } from "node:fs";
import { access, mkdir, mkdtemp, rename, symlink } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

import { type Env, GoError, requireGo } from "./go.ts";
import { buildHash, compile } from "./go-build.ts";
import { type ProgressStream, startProgress } from "./progress.ts";
import { startReaper } from "./reaper.ts";

const KUBERNETES_VERSION = "v1.36.3";
const MODULE_DIR = import.meta.dirname;
const BINARY = "controlplane";
const MODULE_FILES = ["main.go", "go.mod", "go.sum"];
const BUILD_FLAGS = ["-trimpath", "-buildvcs=false", `-ldflags=${linkerFlags()}`];

/** Beside Go. */
const WAYS_ON = [
  "set KUBEBUILDER_ASSETS to a folder that holds etcd, kube-apiserver and kubectl",
  "use a cluster that you have: --kubeconfig <file>, where the command offers it",
];

/** The names that the one binary answers to. */
export const PROGRAMS = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok", "kwok-stages"] as const;
export type Program = (typeof PROGRAMS)[number];

/** Without these there is no control plane; without the others there is one on which nothing runs. */
const INDISPENSABLE: readonly Program[] = ["etcd", "kube-apiserver", "kubectl"];

export interface Binaries {
  /** The folder that holds the programs, by name. */
  readonly dir: string;
  /** What the folder lacks; only ever programs that a control plane can start without. */
  readonly missing: readonly Program[];
}

export interface BuildOptions {
  readonly env: Env;
  /** Where the build shows its progress. */
  readonly progress: ProgressStream;
}

/** The folder with the programs, built first if this version of them never was; throws with the ways on where that cannot be. */
export async function ensureBinaries({ env, progress }: BuildOptions): Promise<Binaries> {
  const assets = env["KUBEBUILDER_ASSETS"];
  if (assets) return takeAssets(assets);

  const dir = join(cacheDir(env), await buildHash({ dir: MODULE_DIR, files: MODULE_FILES, options: [BUILD_FLAGS, PROGRAMS] }));
  if (!(await isExecutable(join(dir, BINARY)))) await build({ env, progress, dir });
  return { dir, missing: [] };
}

/** What the absence of programs means for those who start a control plane without them; undefined if nothing is missing. */
export function explainMissing({ dir, missing }: Binaries): string | undefined {
  if (missing.length === 0) return undefined;
  const effects = [
    missing.includes("kube-controller-manager") ? "no Deployment rolls out and nothing is garbage collected" : undefined,
    missing.includes("kube-scheduler") ? "no pod is given a node" : undefined,
    missing.includes("kwok") || missing.includes("kwok-stages") ? "no node turns Ready and no pod runs" : undefined,
  ].filter((effect) => effect !== undefined);
  return `${dir} (KUBEBUILDER_ASSETS) has no ${missing.join(", ")}: ${effects.join("; ")}. Unset KUBEBUILDER_ASSETS to build them all.`;
}

/** The user cache that all versions share. */
export function cacheDir(env: Env): string {
  return join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "platform-operator", "controlplane");
}

async function takeAssets(dir: string): Promise<Binaries> {
  const found = await Promise.all(PROGRAMS.map((program) => isExecutable(join(dir, program))));
  const missing = PROGRAMS.filter((_, index) => found[index] !== true);
  const needed = missing.filter((program) => INDISPENSABLE.includes(program));
  if (needed.length > 0) {
    throw new Error(
      `KUBEBUILDER_ASSETS is ${dir}, which has no ${needed.join(", ")}. Point it at a folder that does, or unset it to build them with Go.`,
    );
  }
  return { dir, missing };
}

async function build({ env, progress, dir }: BuildOptions & { readonly dir: string }): Promise<void> {
  await requireGo("Building the control plane", env, WAYS_ON);
  progress.write("The control plane is built from Go modules once, which takes 5 to 10 minutes on two cores, and then kept.\n");
  await buildOnce(
    { env, progress, dir, title: `building Kubernetes ${KUBERNETES_VERSION}`, provides: BINARY },
    async (building, report) => {
      const [output, pidFile] = [join(building, BINARY), join(building, "go.pid")];
      await compile({ cwd: MODULE_DIR, packages: ["."], flags: BUILD_FLAGS, output, env, pidFile, report });
      for (const program of PROGRAMS) await symlink(BINARY, join(building, program));
    },
  );
}

export interface CachedBuild extends BuildOptions {
  /** The folder of the user cache that the build ends in. */
  readonly dir: string;
  /** Of the progress. */
  readonly title: string;
  /** The executable that makes a build a whole one. */
  readonly provides: string;
}

/** Builds beside `dir` and renames: two builders at once both succeed, and no one ever sees half a build. */
export async function buildOnce({ env, progress, dir, title, provides }: CachedBuild, make: Make): Promise<void> {
  await mkdir(cacheDir(env), { recursive: true });
  const building = await mkdtemp(join(cacheDir(env), ".building-"));
  const reaper = startReaper(building);
  const shown = startProgress(progress, title);
  try {
    await make(building, (what) => shown.report(what));
    await publish(building, join(dir, provides));
    shown.finish(`built in ${dir}`);
  } catch (error) {
    shown.finish("failed");
    throw error;
  } finally {
    await reaper.release();
  }
}

/** Puts everything into the folder `building`. */
type Make = (building: string, report: (what: string) => void) => Promise<void>;

async function publish(built: string, program: string): Promise<void> {
  const dir = dirname(program);
  try {
    await rename(built, dir);
  } catch (error) {
    // Another builder was first: its build is of the same sources.
    if (!(await isExecutable(program))) throw new GoError(`cannot move the build to ${dir}`, { cause: error });
  }
}

/** Whether a file is there that can be run. */
export async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function linkerFlags(): string {
  const [major = "", minor = ""] = KUBERNETES_VERSION.slice(1).split(".");
  const variables = [`gitVersion=${KUBERNETES_VERSION}`, `gitMajor=${major}`, `gitMinor=${minor}`];
  return ["-s -w", ...variables.map((variable) => `-X k8s.io/component-base/version.${variable}`)].join(" ");
}
