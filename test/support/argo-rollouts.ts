import { vi } from "vitest";
import type { Kubectl } from "../../controlplane/kubectl.ts";
import { thirdPartyCrds, type ThirdPartyApi } from "../../controlplane/third-party.ts";
import type { ObjectKey } from "../../src/crds/meta.ts";

/** Argo Rollouts as far as its API goes: no controller runs, so a test says what that would. */

/** Resolves when the API server serves Rollouts. */
export async function installRollouts(kubectl: Kubectl): Promise<void> {
  await install(kubectl, "argoRollouts", "rollouts.argoproj.io");
}

/** Resolves when it serves Experiments. */
export async function installExperiments(kubectl: Kubectl): Promise<void> {
  await install(kubectl, "argoExperiments", "experiments.argoproj.io");
}

/** `kubectl wait` fails on these CRDs until they have conditions. */
async function install(kubectl: Kubectl, api: ThirdPartyApi, resource: string): Promise<void> {
  const [file = ""] = await thirdPartyCrds([api], process.env);
  await kubectl(["apply", "--server-side", "-f", file]);
  await vi.waitFor(() => kubectl(["get", resource, "-A"]), { timeout: 30_000, interval: 100 });
}

/** As many as any tier of the tests has at least. */
const READY_REPLICAS = 3;

/** What the controller would say of the Rollout's newest generation. */
export async function reportPhase(kubectl: Kubectl, { namespace, name }: ObjectKey, phase: string, message = ""): Promise<void> {
  const generation = await kubectl(["get", "rollout", name, "-n", namespace, "-o", "jsonpath={.metadata.generation}"]);
  const status = { observedGeneration: generation, phase, message, readyReplicas: phase === "Healthy" ? READY_REPLICAS : 0 };
  await kubectl(["patch", "rollout", name, "-n", namespace, "--subresource=status", "--type=merge", "-p", JSON.stringify({ status })]);
}
