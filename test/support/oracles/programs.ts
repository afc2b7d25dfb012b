import { join } from "node:path";
import type { BuildOptions } from "../../../controlplane/build.ts";
import { type Env, whyNoGo } from "../../../controlplane/go.ts";
import { ensurePrograms, type GoPrograms, holdsPrograms, programsFolder } from "../../../controlplane/go-programs.ts";

/**
 * Programs of others that are asked what our objects mean, built once from one Go module: what they share is compiled once, and its go.sum pins
 * it. Two are mains of ours, on their libraries.
 */

const PACKAGES = {
  istioctl: "istio.io/istio/istioctl/cmd/istioctl",
  "pilot-discovery": "istio.io/istio/pilot/cmd/pilot-discovery",
  /** Karpenter, on its provider for kwok; not kwok itself. */
  kwok: "sigs.k8s.io/karpenter/kwok",
  ads: "./ads",
  verdicts: "./verdicts",
} as const;

const PROGRAMS: GoPrograms = {
  name: "oracles",
  title: "istiod, istioctl, Karpenter and cyclonus",
  dir: join(import.meta.dirname, "../../oracles/programs"),
  files: ["go.mod", "go.sum", "ads/main.go", "verdicts/main.go"],
  packages: PACKAGES,
  flags: [],
  waysOn: [],
};

export type OracleName = keyof typeof PACKAGES;

/** The path of each program. */
export type Oracles = Readonly<Record<OracleName, string>>;

/** Built first where this version of them never was; throws with the ways on where that cannot be. */
export async function ensureOracles(options: BuildOptions): Promise<Oracles> {
  const dir = await ensurePrograms(PROGRAMS, options);
  const at = (name: OracleName): string => join(dir, name);
  return { istioctl: at("istioctl"), "pilot-discovery": at("pilot-discovery"), kwok: at("kwok"), ads: at("ads"), verdicts: at("verdicts") };
}

/** Why this machine cannot run what needs the programs, and what to do about it; undefined where it can. Builds nothing. */
export async function whyNoOracles(env: Env = process.env): Promise<string | undefined> {
  if (await holdsPrograms(PROGRAMS, await programsFolder(PROGRAMS, env))) return undefined;
  const fault = await whyNoGo(env);
  return fault && `${fault}, and ${PROGRAMS.title} are built by it: install Go 1.26 (https://go.dev/dl)`;
}
