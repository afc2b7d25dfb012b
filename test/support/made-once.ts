import { expect } from "vitest";
import type { FaultBench } from "./fault-bench.ts";
import { lifeKindOf } from "./lives.ts";
import { creationsSince } from "./own-action.ts";

const MADE = ["iam:CreateRole", "ecr:CreateRepository"];
const MADE_IN_APP_MESH = ["VirtualNode", "VirtualRouter", "Route", "VirtualService"].map((kind) => `appmesh:Create${kind}`);

/** Of lives: each object in AWS was made, and made once. An association's name is no part of the call's resource; EKS has one for each ServiceAccount. */
export async function expectMadeOnce(bench: FaultBench, namespaces: readonly string[]): Promise<void> {
  const counts = Object.entries(await made(bench, namespaces));
  expect(counts.filter(([, times]) => times !== 1)).toEqual([]);
  for (const namespace of namespaces) {
    const kinds = counts.filter(([call]) => call.includes(namespace)).map(([call]) => call.slice(0, call.indexOf(" ")));
    const expected = lifeKindOf(namespace) === "mesh" ? [...MADE, ...MADE_IN_APP_MESH] : MADE;
    expect([...new Set(kinds)].toSorted()).toEqual(expected.toSorted());
  }
}

/** What the services of the namespaces have in AWS, by the call that made it, with how often that was. */
async function made(bench: FaultBench, namespaces: readonly string[]): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (const { action, resource } of await creationsSince(bench.aws)) {
    if (!namespaces.some((one) => resource.includes(one))) continue;
    counts[`${action} ${resource}`] = (counts[`${action} ${resource}`] ?? 0) + 1;
  }
  return counts;
}
