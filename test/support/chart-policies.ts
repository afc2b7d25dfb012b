import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parse } from "yaml";
import { KubectlError, type Kubectl } from "../../controlplane/kubectl.ts";
import type { ControlPlane } from "../../controlplane/start.ts";
import { CHART, helmFolder, helmIn, NAMESPACE, valuesFile } from "./helm.ts";

/** What a namespace bears in which the chart's admission policies hold, and the operator may write. */
export const MANAGED: Readonly<Record<string, string>> = { "platform-operator.dev/managed": "true" };

const OPERATOR = `system:serviceaccount:${NAMESPACE}:platform-operator`;
const PATIENCE_MS = 30_000;
const POLL_MS = 200;

/** Installs the admission policies that the chart renders from a file of configuration, which refuse, and let administrators of the cluster by; resolves once they hold. */
export async function installPolicies({ kubectl }: Pick<ControlPlane, "kubectl">, configFile: string): Promise<void> {
  const dir = await helmFolder();
  try {
    const values = join(dir, "values.json");
    // As it is written: what the chart's templates read has no place for a default of null.
    const config: unknown = parse(await readFile(configFile, "utf8"));
    await writeFile(values, JSON.stringify({ config, policies: { validationActions: ["Deny"], platformGroups: ["system:masters"] } }));
    const helm = await helmIn(dir);
    const only = ["network", "operator", "ownership", "services"].flatMap((name) => ["-s", `templates/policies/${name}.yaml`]);
    const input = await helm("template", "platform-operator", CHART, "-n", NAMESPACE, "-f", valuesFile("least"), "-f", values, ...only);
    await kubectl(["apply", "-f", "-"], { input });
  } finally {
    await rm(dir, { recursive: true });
  }
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await isRefused(kubectl))) {
    if (Date.now() > deadline) throw new Error("the admission policies do not hold");
    await setTimeout(POLL_MS);
  }
}

/** A policy holds about a second after it is created. */
async function isRefused(kubectl: Kubectl): Promise<boolean> {
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "policies-hold", namespace: "kube-system" } };
  try {
    await kubectl(["apply", "--server-side", "--dry-run=server", `--as=${OPERATOR}`, "-f", "-"], { input: JSON.stringify(account) });
  } catch (error) {
    if (error instanceof KubectlError && error.message.includes("writes nowhere else")) return true;
    throw error;
  }
  return false;
}
