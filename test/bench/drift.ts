import { IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { setTimeout } from "node:timers/promises";
import { adminClient } from "../../src/cli/environment.ts";
import { rolePath } from "../../src/crds/aws-names.ts";
import { keyString, LABELS } from "../../src/crds/meta.ts";
import { KINDS } from "../../src/kube/kinds.ts";
import { eachOf, type Made } from "./cold.ts";
import { follow } from "./follow.ts";
import { costSince, mark, total, untilQuiet } from "./meter.ts";
import { inParallel } from "./parallel.ts";
import type { Row } from "./table.ts";

/** Somebody changes what is the operator's. */

const FOREIGN = "somebody-else";

/** As many Services of Kubernetes are edited at once; how long each stays so after its edit was answered. */
export async function childDrift({ stage, operator, fleet }: Made, edits: number): Promise<readonly Row[]> {
  const { transport } = stage;
  const edited = fleet.services.slice(0, edits).map(({ metadata }) => metadata);
  const places = new Set(edited.map(keyString));
  const drifted = new Set<string>();
  const repairedAt = new Map<string, number>();
  const all = Promise.withResolvers<void>();
  const following = follow(transport, KINDS.Service, ({ metadata: { namespace = "", name, labels = {} } }) => {
    const place = keyString({ namespace, name });
    if (!places.has(place)) return;
    if (labels[LABELS.owner] === FOREIGN) drifted.add(place);
    else if (drifted.has(place)) repairedAt.set(place, performance.now());
    if (repairedAt.size === edited.length) all.resolve();
  });
  await following.synced;
  const editedAt = new Map<string, number>();
  const start = await mark(stage, operator);
  await inParallel(edited, async (key) => {
    await transport.mergePatch({ resource: KINDS.Service, ...key }, { metadata: { labels: { [LABELS.owner]: FOREIGN } } });
    editedAt.set(keyString(key), performance.now());
  });
  const edited99 = quantile([...editedAt.values()], 0.99) - start.time;
  await all.promise;
  await following.stop();
  await untilQuiet(operator);
  const cost = await costSince(stage, operator, start);
  // The watch may tell of a repair before the answer to the edit is read.
  const took = edited.map(keyString).map((place) => Math.max(0, (repairedAt.get(place) ?? 0) - (editedAt.get(place) ?? 0)));
  const of = `drift of ${String(edits)} children, ${String(fleet.services.length)}`;
  return [
    { of, what: "repaired, p50", value: quantile(took, 0.5), unit: "ms" },
    { of, what: "repaired, p99", value: quantile(took, 0.99), unit: "ms", atMost: 250 },
    { of, what: "the edits themselves, from the first one's begin to the answer to 99 of 100", value: edited99, unit: "ms" },
    { of, what: "CPU a repair", value: (1000 * cost.cpuSeconds) / edits, unit: "ms" },
    ...eachOf(`${of}, requests a repair`, cost.requests, edits),
  ];
}

/** Of values in any order; 0 of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

const REPAIR_POLL_MS = 500;
const PATIENCE_MS = 900_000;
const ANYTHING = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "*" }] });

/** Every role gets rights behind the operator's back; the next sweep finds all of it. */
export async function awsDrift({ stage, operator, fleet }: Made): Promise<readonly Row[]> {
  const iam = new IAMClient(adminClient(stage.config, stage.awsUrl));
  const roles = (await stage.aws.state()).roles.map(([, role]) => role).filter(({ path }) => path === rolePath(stage.config));
  await inParallel(roles, async ({ roleName: RoleName }) => {
    await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: FOREIGN, PolicyDocument: ANYTHING }));
  });
  iam.destroy();
  const start = await mark(stage, operator);
  const left = async (): Promise<boolean> =>
    (await stage.aws.state()).roles.some(([, { inlinePolicies }]) => inlinePolicies[FOREIGN] !== undefined);
  for (const deadline = start.time + PATIENCE_MS; await left(); await setTimeout(REPAIR_POLL_MS))
    if (performance.now() > deadline) throw new Error(`the account's drift is not repaired after ${String(PATIENCE_MS / 1000)} s`);
  const cost = await costSince(stage, operator, start);
  const of = `drift of ${String(roles.length)} roles, ${String(fleet.services.length)}`;
  return [
    { of, what: "until all were repaired, the wait for the sweep included", value: cost.seconds, unit: "s" },
    { of, what: "AWS calls a changed role", value: total(cost.awsCalls) / roles.length, unit: "" },
  ];
}
