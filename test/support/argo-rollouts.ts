import { vi } from "vitest";
import type { Kubectl } from "../../controlplane/kubectl.ts";
import { thirdPartyCrds } from "../../controlplane/third-party.ts";
import type { ObjectKey } from "../../src/crds/meta.ts";

/** Argo Rollouts as far as its API goes: no controller runs, so a test says what that would. */

/** Resolves when the API server serves Rollouts. `kubectl wait` fails on this CRD until it has conditions. */
export async function installRollouts(kubectl: Kubectl): Promise<void> {
  const [file = ""] = await thirdPartyCrds(["argoRollouts"], process.env);
  await kubectl(["apply", "--server-side", "-f", file]);
  await vi.waitFor(() => kubectl(["get", "rollouts.argoproj.io", "-A"]), { timeout: 30_000, interval: 100 });
}

/** As many as any tier of the tests has at least. */
const READY_REPLICAS = 3;

/** What the controller would say of the Rollout's newest generation. */
export async function reportPhase(kubectl: Kubectl, { namespace, name }: ObjectKey, phase: string, message = ""): Promise<void> {
  const generation = await kubectl(["get", "rollout", name, "-n", namespace, "-o", "jsonpath={.metadata.generation}"]);
  const status = { observedGeneration: generation, phase, message, readyReplicas: phase === "Healthy" ? READY_REPLICAS : 0 };
  await kubectl(["patch", "rollout", name, "-n", namespace, "--subresource=status", "--type=merge", "-p", JSON.stringify({ status })]);
}
