import { IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { setTimeout } from "node:timers/promises";
import { adminClient } from "../../src/cli/environment.ts";
import { rolePath } from "../../src/crds/aws-names.ts";
import { LABELS } from "../../src/crds/meta.ts";
import { KINDS } from "../../src/kube/kinds.ts";
import type { Made } from "./cold.ts";
import { costSince, mark, total } from "./meter.ts";
import { inParallel } from "./parallel.ts";
import type { Stage } from "./stage.ts";
import type { Row } from "./table.ts";

/** Somebody changes what is the operator's. */

const FOREIGN = "somebody-else";

/** As many Services of Kubernetes are edited at once; how long each stays so. */
export async function childDrift({ stage, fleet }: Made, edits: number): Promise<readonly Row[]> {
  const edited = fleet.services.slice(0, edits);
  const editedAt = new Map<string, number>();
  const took: number[] = [];
  const ending = new AbortController();
  const repaired = followLabels(stage, ending.signal, (place, owner) => {
    const since = editedAt.get(place);
    if (since === undefined || owner === FOREIGN) return false;
    editedAt.delete(place);
    took.push(performance.now() - since);
    return took.length === edited.length;
  });
  const resource = KINDS.Service;
  await inParallel(edited, async ({ metadata: { namespace, name } }) => {
    await stage.transport.mergePatch({ resource, namespace, name }, { metadata: { labels: { [LABELS.owner]: FOREIGN } } });
    editedAt.set(`${namespace}/${name}`, performance.now());
  });
  await repaired;
  ending.abort();
  const of = `drift of ${String(edits)} children, ${String(fleet.services.length)}`;
  return [
    { of, what: "repaired, p50", value: quantile(took, 0.5), unit: "ms" },
    { of, what: "repaired, p99", value: quantile(took, 0.99), unit: "ms", atMost: 250 },
  ];
}

/** Calls `seen` with each change of a Service's owner label until it says that it has seen enough. */
async function followLabels(stage: Stage, signal: AbortSignal, seen: (place: string, owner: string | undefined) => boolean): Promise<void> {
  const options = { sendInitialEvents: false, timeoutSeconds: 600, signal };
  for await (const frame of stage.transport.watch(KINDS.Service, options)) {
    if (frame.type !== "MODIFIED") continue;
    const { namespace = "", name, labels = {} } = frame.object.metadata;
    if (seen(`${namespace}/${name}`, labels[LABELS.owner])) return;
  }
}

/** Of values in any order; 0 of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

const REPAIR_POLL_MS = 500;
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
  while (await left()) await setTimeout(REPAIR_POLL_MS);
  const cost = await costSince(stage, operator, start);
  const of = `drift of ${String(roles.length)} roles, ${String(fleet.services.length)}`;
  return [
    { of, what: "until all were repaired, the wait for the sweep included", value: cost.seconds, unit: "s" },
    { of, what: "AWS calls a changed role", value: total(cost.awsCalls) / roles.length, unit: "" },
  ];
}
