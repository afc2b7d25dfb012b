import { describe, expect, test } from "vitest";
import type { NodePoolState } from "../../../src/crds/desired.ts";
import { buildPlacement, placementProblems } from "../../../src/resources/placement.ts";
import { GENERAL_POOL, PAYMENTS_POOL } from "../../support/children.ts";
import { shippedTier, testService } from "../../support/effective-services.ts";

const BOTH = ["amd64", "arm64"];

function pools(...list: readonly NodePoolState[]): ReadonlyMap<string, NodePoolState> {
  return new Map(list.map((pool) => [pool.name, pool]));
}

describe("placement of a pod", () => {
  test("is required on the tier's pools, capacity and the architectures that tier and image share", () => {
    const placement = buildPlacement(testService({ spec: { tier: "tier-1" } }), {
      architectures: ["arm64"],
      nodePools: pools(GENERAL_POOL),
    });
    const labelSelector = { matchLabels: { "app.kubernetes.io/name": "matching", "platform-operator.dev/service": "matching" } };
    expect(placement).toEqual({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              {
                matchExpressions: [
                  { key: "karpenter.sh/nodepool", operator: "In", values: ["general"] },
                  { key: "karpenter.sh/capacity-type", operator: "In", values: ["on-demand"] },
                  { key: "kubernetes.io/arch", operator: "In", values: ["arm64"] },
                ],
              },
            ],
          },
        },
      },
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: "topology.kubernetes.io/zone",
          whenUnsatisfiable: "DoNotSchedule",
          labelSelector,
          matchLabelKeys: ["pod-template-hash"],
        },
        {
          maxSkew: 1,
          topologyKey: "kubernetes.io/hostname",
          whenUnsatisfiable: "ScheduleAnyway",
          labelSelector,
          matchLabelKeys: ["pod-template-hash"],
        },
      ],
    });
  });

  test.for([
    ["Required", ["DoNotSchedule", "ScheduleAnyway"]],
    ["Preferred", ["ScheduleAnyway", "ScheduleAnyway"]],
    ["None", ["ScheduleAnyway"]],
  ] as const)("spreads by the tier's zoneSpread %s", ([zoneSpread, expected]) => {
    const tier = shippedTier("tier-2", { availability: { zoneSpread } });
    const { topologySpreadConstraints } = buildPlacement(testService({ tier }), { architectures: BOTH, nodePools: pools(GENERAL_POOL) });
    expect(topologySpreadConstraints.map((constraint) => constraint["whenUnsatisfiable"])).toEqual(expected);
  });

  test("waits for as many zones as the tier wants at least", () => {
    const tier = shippedTier("tier-2", { availability: { zoneSpread: "Required", minZones: 3 } });
    const { topologySpreadConstraints } = buildPlacement(testService({ tier }), { architectures: BOTH, nodePools: pools(GENERAL_POOL) });
    expect(topologySpreadConstraints.map(({ topologyKey, minDomains }) => [topologyKey, minDomains])).toEqual([
      ["topology.kubernetes.io/zone", 3],
      ["kubernetes.io/hostname", undefined],
    ]);
  });

  test("tolerates, in a dedicated tier, exactly what keeps others off its pools", () => {
    const pool = {
      ...PAYMENTS_POOL,
      taints: [
        ...PAYMENTS_POOL.taints,
        { key: "pci", value: undefined, effect: "NoExecute" },
        { key: "soft", value: "1", effect: "PreferNoSchedule" },
      ],
    };
    const { tolerations } = buildPlacement(testService({ spec: { tier: "pci" } }), { architectures: BOTH, nodePools: pools(pool) });
    expect(tolerations).toEqual([
      { key: "pci", operator: "Exists", effect: "NoExecute" },
      { key: "platform-operator.dev/tier", operator: "Equal", value: "pci", effect: "NoSchedule" },
    ]);
  });

  test("tolerates nothing in a tier that is not dedicated, whatever its pools' taints", () => {
    const tier = shippedTier("tier-2", { placement: { nodePools: ["payments"], capacityTypes: ["on-demand"], architectures: ["amd64"] } });
    expect(buildPlacement(testService({ tier }), { architectures: BOTH, nodePools: pools(PAYMENTS_POOL) })).not.toHaveProperty(
      "tolerations",
    );
  });
});

describe("problems of placement", () => {
  interface Case {
    readonly name: string;
    readonly tier: string;
    readonly architectures?: readonly string[];
    readonly pools: readonly NodePoolState[];
    readonly reasons: readonly string[];
  }

  test.for<Case>([
    { name: "none, where the pool can do what is asked", tier: "tier-1", pools: [GENERAL_POOL], reasons: [] },
    { name: "none, for a dedicated tier on its tainted pool", tier: "pci", pools: [PAYMENTS_POOL], reasons: [] },
    {
      name: "none, where a pool requires nothing",
      tier: "tier-1",
      pools: [{ name: "general", requirements: {}, taints: [] }],
      reasons: [],
    },
    { name: "a pool that does not exist", tier: "tier-1", pools: [PAYMENTS_POOL], reasons: ["NodePoolMissing"] },
    {
      name: "an image for another architecture",
      tier: "tier-1",
      architectures: ["s390x"],
      pools: [GENERAL_POOL],
      reasons: ["NoArchitecture"],
    },
    { name: "an image without an architecture", tier: "tier-1", architectures: [], pools: [GENERAL_POOL], reasons: ["NoArchitecture"] },
    {
      name: "a dedicated tier's pool without a taint",
      tier: "pci",
      pools: [{ ...PAYMENTS_POOL, taints: [] }],
      reasons: ["PoolNotTainted"],
    },
    {
      name: "a dedicated tier's pool with a taint that keeps nobody off",
      tier: "pci",
      pools: [{ ...PAYMENTS_POOL, taints: [{ key: "a", value: undefined, effect: "PreferNoSchedule" }] }],
      reasons: ["PoolNotTainted"],
    },
    {
      name: "a tainted pool of a tier that is not dedicated",
      tier: "tier-1",
      pools: [{ ...GENERAL_POOL, taints: PAYMENTS_POOL.taints }],
      reasons: ["PoolTainted"],
    },
    {
      name: "a pool of another capacity type",
      tier: "tier-1",
      pools: [{ ...GENERAL_POOL, requirements: { "karpenter.sh/capacity-type": ["spot"] } }],
      reasons: ["PoolCannotSatisfy"],
    },
    {
      name: "a pool of an architecture that the image lacks",
      tier: "tier-1",
      architectures: ["arm64"],
      pools: [{ ...GENERAL_POOL, requirements: { "kubernetes.io/arch": ["amd64"] } }],
      reasons: ["PoolCannotSatisfy"],
    },
  ])("$name", ({ tier, architectures = BOTH, pools: list, reasons }) => {
    const problems = placementProblems(testService({ spec: { tier } }), architectures, pools(...list));
    expect(problems.map(({ reason }) => reason)).toEqual(reasons);
  });

  test.for<{ readonly name: string; readonly zones: readonly (readonly string[] | undefined)[]; readonly found: string | undefined }>([
    { name: "pools that have enough together", zones: [["a"], ["b"]], found: undefined },
    { name: "a pool that names none", zones: [["a"], undefined], found: undefined },
    { name: "pools of one and the same", zones: [["a"], ["a"]], found: "a" },
    { name: "pools of none", zones: [[], []], found: "none" },
  ])("where a tier needs two zones: $name", ({ zones, found }) => {
    const names = zones.map((_, index) => `pool-${index}`);
    const tier = shippedTier("tier-2", {
      availability: { zoneSpread: "Required", minZones: 2 },
      placement: { nodePools: names, capacityTypes: ["on-demand"], architectures: ["amd64"] },
    });
    const list = zones.map((values, index) => ({
      name: `pool-${index}`,
      requirements: values === undefined ? {} : { "topology.kubernetes.io/zone": values },
      taints: [],
    }));
    expect(placementProblems(testService({ tier }), BOTH, pools(...list)).map(({ reason, message }) => `${reason}: ${message}`)).toEqual(
      found === undefined
        ? []
        : [
            `PoolCannotSatisfy: 2 zones are needed and the pools of tier tier-2 (pool-0, pool-1) make nodes in ${found}: change the pools' requirements, or availability.minZones of the tier`,
          ],
    );
  });

  test("say what is wrong and what to do", () => {
    const [problem] = placementProblems(testService({ spec: { tier: "pci" } }), BOTH, pools(GENERAL_POOL));
    expect(problem).toEqual({
      field: "spec.tier",
      reason: "NodePoolMissing",
      message: "NodePool payments, which tier pci names, does not exist: create it, or change the tier's placement.nodePools",
    });
  });
});
