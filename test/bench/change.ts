import { isReady } from "../../src/cli/service-watch.ts";
import { keyString, type ObjectKey } from "../../src/crds/meta.ts";
import type { PlatformService } from "../../src/crds/platform-service.ts";
import { KINDS } from "../../src/kube/kinds.ts";
import type { Made } from "./cold.ts";
import { costSince, isWatch, mark, total, untilQuiet } from "./meter.ts";
import type { Stage } from "./stage.ts";
import type { Row } from "./table.ts";

/** A tier is edited with many services on it, and squads change their own meanwhile. */

const TIER = "tier-2";
/** Changes of squads' own, one after another, from the moment of the tier's on. */
const OWN_CHANGES = 10;
const PATIENCE_MS = 300_000;

/** Of the tier, outside the pod template: how many pods there are, and the PodDisruptionBudget. */
const OUTSIDE = { availability: { minReplicas: 3, maxUnavailable: 2 } };
/** In it: paced by the budget of rollouts. */
const INSIDE = { availability: { terminationGracePeriod: "45s" } };

export function changeOutside(made: Pick<Made, "stage" | "operator" | "fleet">): Promise<readonly Row[]> {
  return change(made, { where: "outside the pod template", spec: OUTSIDE, isOver: () => true });
}

/** Where pods come to life. */
export function changeInside(made: Pick<Made, "stage" | "operator" | "fleet">): Promise<readonly Row[]> {
  return change(made, { where: "in the pod template", spec: INSIDE, isOver: isReady });
}

async function change(
  { stage, operator, fleet }: Pick<Made, "stage" | "operator" | "fleet">,
  { where, spec, isOver }: { readonly where: string; readonly spec: object; readonly isOver: (service: PlatformService) => boolean },
): Promise<readonly Row[]> {
  const onTier = fleet.services.filter(({ tier }) => tier === TIER);
  const others = fleet.services.filter(({ tier }) => tier !== TIER).slice(0, OWN_CHANGES);
  const start = await mark(stage, operator);
  const { metadata: tier } = await stage.transport.mergePatch({ resource: KINDS.PlatformTier, namespace: "", name: TIER }, { spec });
  const own: number[] = [];
  for (const { metadata } of others) own.push(await ownChange(stage, metadata));
  const has = (service: PlatformService): boolean => (service.status?.inputs?.tier?.generation ?? 0) >= (tier.generation ?? Infinity);
  const all = (): boolean => stage.watch.list().every((one) => one.spec.tier !== TIER || (has(one) && isOver(one)));
  await stage.watch.until("every service of the tier has it", all, PATIENCE_MS);
  const quiet = await untilQuiet(operator);
  const cost = await costSince(stage, operator, start);
  const of = `change of a tier ${where}, ${String(fleet.services.length)}`;
  const each = (value: number): number => value / onTier.length;
  return [
    { of, what: "services on it", value: onTier.length, unit: "" },
    { of, what: "until all had it", value: (quiet - start.time) / 1000, unit: "s" },
    { of, what: "requests to the API server a service", value: each(total(cost.requests, (what) => !isWatch(what))), unit: "" },
    { of, what: "passes a service", value: each(cost.passes), unit: "" },
    { of, what: "AWS calls a service", value: each(total(cost.awsCalls)), unit: "" },
    { of, what: "a squad's own change meanwhile, the slowest", value: Math.max(...own) / 1000, unit: "s", atMost: 2 },
  ];
}

/** Milliseconds until the service's status was of its changed spec. */
async function ownChange({ transport, watch }: Stage, key: ObjectKey): Promise<number> {
  const start = performance.now();
  const spec = { container: { env: [{ name: "LOG_LEVEL", value: "debug" }] } };
  const { metadata } = await transport.mergePatch({ resource: KINDS.PlatformService, ...key }, { spec });
  const served = (): boolean => (watch.get(key)?.status?.observedGeneration ?? 0) >= (metadata.generation ?? Infinity);
  await watch.until(`${keyString(key)} is of its changed spec`, served, PATIENCE_MS);
  return performance.now() - start;
}
