/** Nodes and NodePools of a control plane: objects that kwok keeps Ready, with the labels that Karpenter and EKS give theirs. */
import type { Kubectl } from "./kubectl.ts";

const REGION = "eu-west-1";
const CAPACITY = { cpu: "32", memory: "128Gi", pods: "250", "ephemeral-storage": "100Gi" };

export interface Taint {
  readonly key: string;
  readonly value: string;
  readonly effect: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
}

export type Architecture = "amd64" | "arm64";
export type CapacityType = "on-demand" | "spot";

export interface NodeSpec {
  readonly name: string;
  /** An availability zone of eu-west-1. */
  readonly zone: string;
  readonly arch: Architecture;
  readonly nodePool: string;
  readonly capacityType: CapacityType;
  readonly taints?: readonly Taint[];
}

/** A Karpenter NodePool, and what its nodes may be. */
export interface NodePoolSpec {
  readonly name: string;
  readonly zones: readonly string[];
  readonly architectures: readonly Architecture[];
  readonly capacityTypes: readonly CapacityType[];
  readonly taints?: readonly Taint[];
}

export const ZONES = ["eu-west-1a", "eu-west-1b", "eu-west-1c"] as const;

/** For everything that asks for nothing special. */
export const GENERAL_POOL: NodePoolSpec = {
  name: "general",
  zones: ZONES,
  architectures: ["amd64", "arm64"],
  capacityTypes: ["on-demand", "spot"],
};

/** For a dedicated tier: on-demand nodes that only pods with its toleration may use. */
export const PAYMENTS_POOL: NodePoolSpec = {
  name: "payments",
  zones: ZONES,
  architectures: ["amd64", "arm64"],
  capacityTypes: ["on-demand"],
  taints: [{ key: "dedicated", value: "payments", effect: "NoSchedule" }],
};

/** What needs nodes: a control plane, or anything else with its kubectl. */
export interface NodeTarget {
  readonly kubectl: Kubectl;
}

/** One node for each zone, architecture and capacity type of a pool. */
export function nodesOf({ name: nodePool, zones, architectures, capacityTypes, taints = [] }: NodePoolSpec): NodeSpec[] {
  return zones.flatMap((zone) =>
    architectures.flatMap((arch) =>
      capacityTypes.map((capacityType) => ({
        name: `${nodePool}-${zone}-${arch}-${capacityType}`,
        zone,
        arch,
        nodePool,
        capacityType,
        taints,
      })),
    ),
  );
}

/** Creates nodes and waits until they are Ready and take pods; needs kwok. */
export async function addNodes({ kubectl }: NodeTarget, nodes: readonly NodeSpec[]): Promise<void> {
  if (nodes.length === 0) return;
  await kubectl(["create", "-f", "-"], { input: listOf(nodes.map(nodeManifest)) });
  await kubectl(["wait", "--for=condition=Ready", "--timeout=60s", ...nodes.map(({ name }) => `node/${name}`)]);
}

/** Creates Karpenter NodePool objects, whose CRD must be served already; nothing provisions nodes for them. */
export async function addNodePools({ kubectl }: NodeTarget, pools: readonly NodePoolSpec[]): Promise<void> {
  await kubectl(["apply", "--server-side", "-f", "-"], { input: listOf(pools.map(nodePoolManifest)) });
}

function nodeManifest({ name, zone, arch, nodePool, capacityType, taints = [] }: NodeSpec): object {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      labels: {
        "kubernetes.io/arch": arch,
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/region": REGION,
        "topology.kubernetes.io/zone": zone,
        "karpenter.sh/nodepool": nodePool,
        "karpenter.sh/capacity-type": capacityType,
      },
    },
    spec: { taints },
    status: { allocatable: CAPACITY, capacity: CAPACITY },
  };
}

function nodePoolManifest({ name, zones, architectures, capacityTypes, taints = [] }: NodePoolSpec): object {
  return {
    apiVersion: "karpenter.sh/v1",
    kind: "NodePool",
    metadata: { name },
    spec: {
      template: {
        spec: {
          nodeClassRef: { group: "karpenter.k8s.aws", kind: "EC2NodeClass", name: "default" },
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

function requirement(key: string, values: readonly string[]): object {
  return { key, operator: "In", values };
}

function listOf(items: readonly object[]): string {
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}
