import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { ensureHelm } from "../../controlplane/helm.ts";
import { ROOT } from "../../src/cli/keys.ts";

/** The real Helm, with its own folders and no repositories. */

export const CHART = join(ROOT, "charts/platform-operator");
export const CRDS_CHART = join(ROOT, "charts/platform-operator-crds");
export const NAMESPACE = "platform-system";

/** Resolves to what it printed, both streams; throws, with that, when it fails. */
export type Helm = (...args: readonly string[]) => Promise<string>;

/** Helm in a folder of its own, which is the caller's to remove; without a kubeconfig it reaches no cluster. */
export async function helmIn(dir: string, kubeconfig = join(dir, "no-cluster")): Promise<Helm> {
  const program = await ensureHelm({ env: process.env, progress: process.stderr });
  const env = {
    ...process.env,
    KUBECONFIG: kubeconfig,
    HELM_CACHE_HOME: join(dir, "helm-cache"),
    HELM_CONFIG_HOME: join(dir, "helm-config"),
    HELM_DATA_HOME: join(dir, "helm-data"),
  };
  return async (...args) => {
    const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    // lint says on stdout what is wrong.
    if (child.exitCode !== 0) throw new Error(`helm ${args.join(" ")}: ${stdout}${stderr}`);
    return `${stdout}${stderr}`;
  };
}

export function helmFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "helm-test-"));
}

/** `-f` for a file of values. */
export function valuesFile(name: "least" | "full" | "upgrade"): string {
  return join(import.meta.dirname, "chart-values", `${name}.yaml`);
}
