import { join } from "node:path";
import { buildOnce, type BuildOptions, cacheDir, isExecutable } from "../../../controlplane/build.ts";
import { type Env, requireGo, whyNoGo } from "../../../controlplane/go.ts";
import { buildHash, compile } from "../../../controlplane/go-build.ts";

/**
 * Programs of others that are asked what our objects mean, built once from one Go module: what they share is compiled once, and its go.sum pins
 * it. Two are mains of ours, on their libraries.
 */

const MODULE = join(import.meta.dirname, "../../oracles/programs");
const FILES = ["go.mod", "go.sum", "ads/main.go", "verdicts/main.go"];
const FLAGS = ["-trimpath", "-buildvcs=false", "-ldflags=-s -w"];

/** By the name that Go gives the program. */
const PACKAGES = {
  istioctl: "istio.io/istio/istioctl/cmd/istioctl",
  "pilot-discovery": "istio.io/istio/pilot/cmd/pilot-discovery",
  /** Karpenter, on its provider for kwok; not kwok itself. */
  kwok: "sigs.k8s.io/karpenter/kwok",
  ads: "./ads",
  verdicts: "./verdicts",
} as const;

export type OracleName = keyof typeof PACKAGES;

/** The path of each program. */
export type Oracles = Readonly<Record<OracleName, string>>;

/** Built first where this version of them never was; throws with the ways on where that cannot be. */
export async function ensureOracles({ env, progress }: BuildOptions): Promise<Oracles> {
  const dir = await folder(env);
  if (await isBuilt(dir)) return oraclesIn(dir);
  await requireGo("Building istiod, istioctl, Karpenter and cyclonus", env);
  progress.write("istiod, istioctl, Karpenter and cyclonus are built from Go modules once, which takes minutes, and then kept.\n");
  await buildOnce({ env, progress, dir, title: "building the oracles", provides: "istioctl" }, (building, report) =>
    compile({
      cwd: MODULE,
      packages: Object.values(PACKAGES),
      flags: FLAGS,
      output: `${building}/`,
      env,
      pidFile: join(building, "go.pid"),
      report,
    }),
  );
  return oraclesIn(dir);
}

/** Why this machine cannot run what needs the programs, and what to do about it; undefined where it can. Builds nothing. */
export async function whyNoOracles(env: Env = process.env): Promise<string | undefined> {
  if (await isBuilt(await folder(env))) return undefined;
  const fault = await whyNoGo(env);
  return fault && `${fault}, and istiod, istioctl, Karpenter and cyclonus are built by it: install Go 1.26 (https://go.dev/dl)`;
}

async function folder(env: Env): Promise<string> {
  return join(cacheDir(env), `oracles-${await buildHash({ dir: MODULE, files: FILES, options: [FLAGS, PACKAGES] })}`);
}

async function isBuilt(dir: string): Promise<boolean> {
  const found = await Promise.all(Object.values(oraclesIn(dir)).map(isExecutable));
  return !found.includes(false);
}

function oraclesIn(dir: string): Oracles {
  const at = (name: OracleName): string => join(dir, name);
  return { istioctl: at("istioctl"), "pilot-discovery": at("pilot-discovery"), kwok: at("kwok"), ads: at("ads"), verdicts: at("verdicts") };
}
