/** Starts the control plane that the integration tests share. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

import { applyCrds } from "../../controlplane/kubectl.ts";
import { addNodePools, addNodes, GENERAL_POOL, nodesOf, PAYMENTS_POOL } from "../../controlplane/nodes.ts";
import { type ControlPlane, startControlPlane } from "../../controlplane/start.ts";
import { thirdPartyCrds } from "../../controlplane/third-party.ts";

const OWN_CRDS = join(import.meta.dirname, "..", "..", "config", "crd");
const POOLS = [GENERAL_POOL, PAYMENTS_POOL];

/** Resolves to the teardown. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const plane = await startControlPlane({ audit: true, log: (line) => process.stderr.write(`${line}\n`) });
  try {
    await furnish(plane);
    project.provide("cluster", {
      url: plane.url,
      dir: plane.dir,
      binDir: plane.binDir,
      caFile: plane.caFile,
      adminKubeconfig: plane.adminKubeconfig,
      auditLogFile: plane.auditLogFile ?? "",
    });
  } catch (error) {
    await plane.stop();
    throw error;
  }
  return () => plane.stop();
}

async function furnish(plane: ControlPlane): Promise<void> {
  const crds = await Promise.all([thirdPartyCrds(["istio", "karpenter"], process.env), ownCrds()]);
  await applyCrds(plane.kubectl, crds.flat());
  await addNodePools(plane, POOLS);
  await addNodes(plane, POOLS.flatMap(nodesOf));
}

async function ownCrds(): Promise<string[]> {
  const files = await readdir(OWN_CRDS);
  return files.filter((file) => file.endsWith(".yaml")).map((file) => join(OWN_CRDS, file));
}
