import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";

/** kubectl ended with another code than 0; the message is what it printed to stderr. */
export class KubectlError extends Error {
  override readonly name = "KubectlError";
}

/** Runs kubectl and resolves to its stdout; `input` is its stdin (for `-f -`); throws KubectlError. */
export type Kubectl = (args: readonly string[], options?: { readonly input?: string }) => Promise<string>;

/** The kubectl of `binDir` against the cluster of a kubeconfig, whose folder keeps its discovery cache too. */
export function kubectlFor(binDir: string, kubeconfig: string): Kubectl {
  return async (args, { input = "" } = {}) => {
    const env = { ...process.env, KUBECONFIG: kubeconfig, KUBECACHEDIR: join(dirname(kubeconfig), "kubectl-cache") };
    const child = spawn(join(binDir, "kubectl"), args, { env });
    // A kubectl that fails early closes its stdin: its exit code and stderr tell why, so the broken pipe need not.
    child.stdin.on("error", () => undefined).end(input);
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    if (child.exitCode !== 0) throw new KubectlError(`kubectl ${args.join(" ")}: ${stderr.trim()}`);
    return stdout;
  };
}

/** Applies CRD files and waits until the API server serves them. */
export async function applyCrds(kubectl: Kubectl, files: readonly string[]): Promise<void> {
  if (files.length === 0) return;
  const named = files.flatMap((file) => ["-f", file]);
  await kubectl(["apply", "--server-side", ...named]);
  await untilEstablished(kubectl, named);
}

const POLL_MS = 100;
const PATIENCE_MS = 60_000;

/** Of a definition that the API server has not looked at yet the conditions are null, and then kubectl does not wait: it ends with an error. */
async function untilEstablished(kubectl: Kubectl, named: readonly string[]): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; ; await setTimeout(POLL_MS)) {
    try {
      await kubectl(["wait", "--for=condition=Established", `--timeout=${String(PATIENCE_MS / 1000)}s`, ...named]);
      return;
    } catch (error) {
      const tooEarly = error instanceof KubectlError && error.message.includes("conditions accessor error");
      if (!tooEarly || Date.now() > deadline) throw error;
    }
  }
}
