import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { applyCrds } from "../../../controlplane/kubectl.ts";
import { type NodePoolSpec, GENERAL_POOL, PAYMENTS_POOL, ZONES } from "../../../controlplane/nodes.ts";
import { freePorts } from "../../../controlplane/ports.ts";
import { startProcess, type ManagedProcess } from "../../../controlplane/process.ts";
import type { ControlPlane } from "../../../controlplane/start.ts";
import { thirdPartyCrds } from "../../../controlplane/third-party.ts";

/** The real Karpenter, whose provider makes Node objects that kwok then keeps Ready. */

/** Of no tier, and before all others to Karpenter: what a pod gets that does not say where it belongs. */
const STRAY_POOL: NodePoolSpec & { readonly weight: number } = { ...GENERAL_POOL, name: "stray", weight: 100 };

const NODE_CLASS = { group: "karpenter.kwok.sh", kind: "KWOKNodeClass", name: "default" };

export interface Karpenter {
  readonly process: ManagedProcess<"karpenter">;
  readonly metricsUrl: string;
}

export async function startKarpenter(plane: ControlPlane, program: string): Promise<Karpenter> {
  await applyCrds(plane.kubectl, await thirdPartyCrds(["karpenterKwok"], process.env));
  const nodeClass = { apiVersion: "karpenter.kwok.sh/v1alpha1", kind: NODE_CLASS.kind, metadata: { name: NODE_CLASS.name } };
  const objects = [nodeClass, ...[GENERAL_POOL, PAYMENTS_POOL].map((pool) => nodePool(pool)), nodePool(STRAY_POOL, STRAY_POOL.weight)];
  await plane.kubectl(["apply", "-f", "-"], { input: JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }) });

  const instanceTypes = join(plane.dir, "instance-types.json");
  await writeFile(instanceTypes, JSON.stringify(["amd64", "arm64"].map(instanceType)));
  const [metrics = 0, health = 0] = await freePorts(2);
  const karpenter = await startProcess({
    program: "karpenter",
    executable: program,
    dir: plane.dir,
    args: [],
    env: {
      ...process.env,
      KUBECONFIG: plane.adminKubeconfig,
      SYSTEM_NAMESPACE: "kube-system",
      DISABLE_LEADER_ELECTION: "true",
      METRICS_PORT: String(metrics),
      HEALTH_PROBE_PORT: String(health),
      INSTANCE_TYPES_FILE_PATH: instanceTypes,
    },
  });
  return { process: karpenter, metricsUrl: `http://127.0.0.1:${String(metrics)}/metrics` };
}

function nodePool({ name, zones, architectures, capacityTypes, taints = [] }: NodePoolSpec, weight?: number): object {
  const requirement = (key: string, values: readonly string[]): object => ({ key, operator: "In", values });
  return {
    apiVersion: "karpenter.sh/v1",
    kind: "NodePool",
    metadata: { name },
    spec: {
      ...(weight !== undefined && { weight }),
      disruption: { consolidationPolicy: "WhenEmpty", consolidateAfter: "Never" },
      template: {
        spec: {
          nodeClassRef: NODE_CLASS,
          expireAfter: "Never",
          requirements: [
            requirement("topology.kubernetes.io/zone", zones),
            requirement("kubernetes.io/arch", architectures),
            requirement("karpenter.sh/capacity-type", capacityTypes),
          ],
          taints,
        },
      },
    },
  };
}

/** In every zone; what a tier may not have is the cheaper: spot, and of two architectures arm64. */
function instanceType(architecture: string): object {
  const price = architecture === "arm64" ? 0.1 : 0.2;
  const offering = (zone: string, capacityType: string): object => ({
    Price: capacityType === "spot" ? price / 2 : price,
    Available: true,
    Requirements: [
      { key: "topology.kubernetes.io/zone", operator: "In", values: [zone] },
      { key: "karpenter.sh/capacity-type", operator: "In", values: [capacityType] },
    ],
  });
  return {
    name: `m.xlarge-${architecture}`,
    architecture,
    operatingSystems: ["linux"],
    resources: { cpu: "4", memory: "16Gi", pods: "20", "ephemeral-storage": "20Gi" },
    offerings: ZONES.flatMap((zone) => ["spot", "on-demand"].map((capacityType) => offering(zone, capacityType))),
  };
}
