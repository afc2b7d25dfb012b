import { afterAll, describe, expect, inject, test } from "vitest";
import { z } from "zod";
import { PATIENCE_MS, sharedPlatform } from "../../support/platform.ts";

/** Where Karpenter puts the pods of the services that the operator made: there is no node but those that it makes for them. */

const platform = sharedPlatform();
afterAll(() => platform.close());

const BOTH = ["amd64", "arm64"];

interface Place {
  readonly pool: string;
  readonly capacityTypes: readonly string[];
  readonly architectures: readonly string[];
  /** At least. */
  readonly zones: number;
  readonly pods: number;
}

const ON_DEMAND = ["on-demand"];
const ANY_CAPACITY = ["on-demand", "spot"];

/** What each service's tier says, and for `outgoing` its image. The tiers of three zones say so by `minZones` (ZONED_TIERS). */
const PLACES: Readonly<Record<string, Place>> = {
  "dispatch/matching": { pool: "general", capacityTypes: ON_DEMAND, architectures: BOTH, zones: 3, pods: 3 },
  "checkout/checkout": { pool: "general", capacityTypes: ON_DEMAND, architectures: BOTH, zones: 3, pods: 3 },
  "tracking/tracking": { pool: "general", capacityTypes: ANY_CAPACITY, architectures: BOTH, zones: 1, pods: 2 },
  "pricing/pricing": { pool: "general", capacityTypes: ANY_CAPACITY, architectures: BOTH, zones: 1, pods: 2 },
  "booking/booking": { pool: "general", capacityTypes: ANY_CAPACITY, architectures: BOTH, zones: 1, pods: 1 },
  "hub/outgoing": { pool: "general", capacityTypes: ANY_CAPACITY, architectures: ["amd64"], zones: 1, pods: 2 },
  "payments/ledger": { pool: "payments", capacityTypes: ON_DEMAND, architectures: BOTH, zones: 3, pods: 3 },
  "payments/settlement": { pool: "payments", capacityTypes: ON_DEMAND, architectures: BOTH, zones: 3, pods: 3 },
};

const list = z.object({ items: z.array(z.unknown()) });
const pod = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({ nodeName: z.string().optional() }),
  status: z.object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).optional() }),
});
const node = z.object({ metadata: z.object({ name: z.string(), labels: z.record(z.string(), z.string()) }) });

async function all<T>(kind: z.ZodType<T>, ...args: readonly string[]): Promise<readonly T[]> {
  const { items } = list.parse(JSON.parse(await platform.kubectl(["get", ...args, "-o", "json"])));
  return items.map((item) => kind.parse(item));
}

function podsOf(service: string): Promise<readonly z.output<typeof pod>[]> {
  const [namespace = "", name = ""] = service.split("/");
  return all(pod, "pods", "-n", namespace, "-l", `platform-operator.dev/service=${name}`);
}

function isReady({ status }: z.output<typeof pod>): boolean {
  return status.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true;
}

/** The labels of the node of each pod. */
async function nodesOf(service: string): Promise<readonly Readonly<Record<string, string>>[]> {
  const nodes = new Map((await all(node, "nodes")).map(({ metadata }) => [metadata.name, metadata.labels]));
  return (await podsOf(service)).map(({ spec }) => nodes.get(spec.nodeName ?? "") ?? {});
}

describe("the pods of", () => {
  test.each(Object.entries(PLACES))("%s are where its tier says", async (service, place) => {
    const nodes = await nodesOf(service);
    expect(nodes).toHaveLength(place.pods);
    for (const labels of nodes) {
      expect(labels["karpenter.sh/nodepool"]).toBe(place.pool);
      expect(place.capacityTypes).toContain(labels["karpenter.sh/capacity-type"]);
      expect(place.architectures).toContain(labels["kubernetes.io/arch"]);
    }
    expect(new Set(nodes.map((labels) => labels["topology.kubernetes.io/zone"])).size).toBeGreaterThanOrEqual(place.zones);
  });

  test("nobody, without a word about nodes, would be on spot and arm64 of a pool that no tier names: what Karpenter prefers", async () => {
    const namespace = await platform.namespace("strays");
    const there = (await all(node, "nodes")).map(({ metadata }) => metadata.name);
    // One of them may be empty since a rollout, and would do for it.
    await platform.kubectl(["taint", "nodes", ...there, "taken=:NoSchedule"]);
    const container = { name: "app", image: "example.com/app:1" };
    await platform.apply({ apiVersion: "v1", kind: "Pod", metadata: { name: "stray", namespace }, spec: { containers: [container] } });
    await platform.kubectl(["wait", "pod/stray", "-n", namespace, "--for=condition=Ready", `--timeout=${String(PATIENCE_MS / 1000)}s`]);
    await platform.kubectl(["taint", "nodes", ...there, "taken:NoSchedule-"]);
    const [stray] = await all(pod, "pods", "-n", namespace);
    const [found] = (await all(node, "nodes")).filter(({ metadata }) => metadata.name === stray?.spec.nodeName);
    expect(found?.metadata.labels).toMatchObject({
      "karpenter.sh/nodepool": "stray",
      "karpenter.sh/capacity-type": "spot",
      "kubernetes.io/arch": "arm64",
    });
  });
});

describe("a drain", () => {
  const SERVICE = "payments/settlement";
  async function limitPayments(cpu: string | null): Promise<void> {
    await platform.kubectl(["patch", "nodepool", "payments", "--type=merge", "-p", JSON.stringify({ spec: { limits: { cpu } } })]);
  }

  test("of all its nodes at once is held at one pod of a service until that one is back", async () => {
    const before = (await podsOf(SERVICE)).map(({ spec }) => spec.nodeName ?? "");
    // As where AWS has no capacity to give: nothing replaces the nodes that go.
    await limitPayments("1");
    await platform.kubectl(["delete", "nodeclaims", "-l", "karpenter.sh/nodepool=payments", "--wait=false"]);

    // Karpenter asked for more evictions, and the API server refused them.
    await expect
      .poll(async () => (await fetch(inject("karpenterMetrics"))).text(), { timeout: PATIENCE_MS, interval: 500 })
      .toMatch(/^karpenter_pods_eviction_requests_total\{code="429"\}/m);
    await expect.poll(async () => (await podsOf(SERVICE)).filter(isReady).length, { timeout: PATIENCE_MS, interval: 500 }).toBe(2);

    await limitPayments(null);
    await expect
      .poll(async () => (await podsOf(SERVICE)).filter((one) => isReady(one) && !before.includes(one.spec.nodeName ?? "")).length, {
        timeout: 2 * PATIENCE_MS,
        interval: 500,
      })
      .toBe(3);
  });
});
