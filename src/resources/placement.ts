import type { NodePoolState, Violation } from "../crds/desired.ts";
import type { EffectiveService } from "../crds/effective.ts";
import type { NodePools } from "./facts.ts";
import { deploymentSelector, selectorLabels } from "./labels.ts";
import { compareText } from "./order.ts";

/** Where pods may run. NodePools are read, never written. */

/** Node labels of Karpenter (karpenter.sh/v1) and of Kubernetes. */
const NODE_POOL = "karpenter.sh/nodepool";
const CAPACITY_TYPE = "karpenter.sh/capacity-type";
const ARCHITECTURE = "kubernetes.io/arch";
const ZONE = "topology.kubernetes.io/zone";

export interface Toleration {
  readonly key: string;
  readonly operator: "Equal" | "Exists";
  readonly value?: string;
  readonly effect: string;
}

export interface Placement {
  readonly affinity: Readonly<Record<string, unknown>>;
  /** Absent: none. */
  readonly tolerations?: readonly Toleration[];
  readonly topologySpreadConstraints: readonly Readonly<Record<string, unknown>>[];
}

/** What to place: the architectures of the image, and the pools as they are. */
export interface PlacementFacts {
  readonly architectures: readonly string[];
  readonly nodePools: NodePools;
  /** The label that tells pods of one rollout from those of another; default: a Deployment's. */
  readonly hashLabel?: string;
}

/** The scheduling fields of a pod. Total: what cannot be satisfied is `placementProblems`' to say. */
export function buildPlacement(service: EffectiveService, facts: PlacementFacts): Placement {
  const tolerations = tolerationsOf(service, facts.nodePools);
  return {
    affinity: nodeAffinity(service, facts.architectures),
    ...(tolerations.length > 0 && { tolerations }),
    topologySpreadConstraints: spread(service, facts.hashLabel ?? "pod-template-hash"),
  };
}

function nodeAffinity(service: EffectiveService, architectures: readonly string[]): Placement["affinity"] {
  const { nodePools, capacityTypes } = service.tier.spec.placement;
  const common = commonArchitectures(service, architectures);
  const required = [
    { key: NODE_POOL, operator: "In", values: nodePools },
    { key: CAPACITY_TYPE, operator: "In", values: capacityTypes },
    // An empty set is not valid; without a common architecture the image step stops the workload anyway.
    { key: ARCHITECTURE, operator: "In", values: common.length > 0 ? common : service.tier.spec.placement.architectures },
  ];
  return { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: required }] } } };
}

/** The tier's set cut by the image's. */
function commonArchitectures(service: EffectiveService, architectures: readonly string[]): readonly string[] {
  return service.tier.spec.placement.architectures.filter((architecture) => architectures.includes(architecture));
}

/** Only what keeps others off a dedicated tier's pools; a wildcard would also tolerate cordons and nodes being disrupted. */
function tolerationsOf(service: EffectiveService, nodePools: NodePools): readonly Toleration[] {
  const { dedicated, nodePools: names } = service.tier.spec.placement;
  if (!dedicated) return [];
  const byText = new Map<string, Toleration>();
  for (const { key, value, effect } of names.flatMap((name) => repelling(nodePools.get(name)))) {
    byText.set(
      `${key}=${value ?? ""}:${effect}`,
      value === undefined ? { key, operator: "Exists", effect } : { key, operator: "Equal", value, effect },
    );
  }
  return [...byText].toSorted(([a], [b]) => compareText(a, b)).map(([, toleration]) => toleration);
}

/** Taints that keep pods off. */
function repelling(pool: NodePoolState | undefined): NodePoolState["taints"] {
  return pool?.taints.filter(({ effect }) => effect === "NoSchedule" || effect === "NoExecute") ?? [];
}

/** `matchLabelKeys` counts the pods of one rollout only, so that old ones do not skew where the new ones go. */
function spread(service: EffectiveService, hashLabel: string): Placement["topologySpreadConstraints"] {
  const { zoneSpread, minZones } = service.tier.spec.availability;
  // Of its own Deployment the template must not change because other pods come and go.
  const matchLabels = service.spec.workloadRef === undefined ? deploymentSelector(service) : selectorLabels(service);
  const over = (topologyKey: string, whenUnsatisfiable: "DoNotSchedule" | "ScheduleAnyway") => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable,
    labelSelector: { matchLabels },
    matchLabelKeys: [hashLabel],
  });
  const hosts = over("kubernetes.io/hostname", "ScheduleAnyway");
  if (zoneSpread === "None") return [hosts];
  if (zoneSpread === "Preferred") return [over(ZONE, "ScheduleAnyway"), hosts];
  return [{ ...over(ZONE, "DoNotSchedule"), ...(minZones !== undefined && { minDomains: minZones }) }, hosts];
}

/** Every reason why pods of this service could not be placed; empty: they can. */
export function placementProblems(service: EffectiveService, architectures: readonly string[], nodePools: NodePools): readonly Violation[] {
  const { placement } = service.tier.spec;
  const common = commonArchitectures(service, architectures);
  if (common.length === 0) {
    return [
      problem(
        "NoArchitecture",
        `the image is for ${architectures.join(", ") || "no architecture"} and tier ${service.spec.tier} runs ${placement.architectures.join(", ")}: build the image for one of these`,
      ),
    ];
  }
  return [
    ...placement.nodePools.flatMap((name) => poolProblems(service, { name, pool: nodePools.get(name), architectures: common })),
    ...zoneProblems(service, nodePools),
  ];
}

/** A pool that names no zones has those of its subnets, which are not ours to read. */
function zoneProblems(service: EffectiveService, nodePools: NodePools): readonly Violation[] {
  const { placement, availability } = service.tier.spec;
  const { minZones = 1 } = availability;
  const zones = new Set<string>();
  for (const name of placement.nodePools) {
    const allowed = nodePools.get(name)?.requirements[ZONE];
    if (allowed === undefined) return [];
    for (const zone of allowed) zones.add(zone);
  }
  if (zones.size >= minZones) return [];
  return [
    problem(
      "PoolCannotSatisfy",
      `${minZones} zones are needed and the pools of tier ${service.spec.tier} (${placement.nodePools.join(", ")}) make nodes in ${[...zones].toSorted(compareText).join(", ") || "none"}: change the pools' requirements, or availability.minZones of the tier`,
    ),
  ];
}

function poolProblems(
  service: EffectiveService,
  { name, pool, architectures }: { name: string; pool: NodePoolState | undefined; architectures: readonly string[] },
): readonly Violation[] {
  const tier = service.spec.tier;
  const { dedicated, capacityTypes } = service.tier.spec.placement;
  if (!pool)
    return [
      problem(
        "NodePoolMissing",
        `NodePool ${name}, which tier ${tier} names, does not exist: create it, or change the tier's placement.nodePools`,
      ),
    ];
  const found: Violation[] = [];
  const taints = repelling(pool);
  if (dedicated && !taints.some(({ effect }) => effect === "NoSchedule")) {
    found.push(
      problem(
        "PoolNotTainted",
        `NodePool ${name} has no NoSchedule taint, so pods of others may run on it, and tier ${tier} is dedicated: add a taint to the pool's template`,
      ),
    );
  }
  if (!dedicated && taints.length > 0) {
    found.push(
      problem(
        "PoolTainted",
        `NodePool ${name} is tainted (${taints.map((t) => t.key).join(", ")}) and pods of tier ${tier} do not tolerate it: remove the taint, or make the tier dedicated`,
      ),
    );
  }
  for (const { key, wanted, field } of [
    { key: CAPACITY_TYPE, wanted: capacityTypes, field: "capacityTypes" },
    { key: ARCHITECTURE, wanted: architectures, field: "architectures" },
  ]) {
    const allowed = pool.requirements[key];
    if (allowed === undefined || wanted.some((value) => allowed.includes(value))) continue;
    found.push(
      problem(
        "PoolCannotSatisfy",
        `NodePool ${name} makes nodes with ${key} ${allowed.join(", ") || "of no value"} and ${wanted.join(", ")} is needed: change the pool's requirements, or placement.${field} of tier ${tier}`,
      ),
    );
  }
  return found;
}

function problem(reason: string, message: string): Violation {
  return { field: "spec.tier", reason, message };
}
