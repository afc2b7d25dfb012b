import { IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { setTimeout } from "node:timers/promises";
import { adminClient } from "../../src/cli/environment.ts";
import { rolePath } from "../../src/crds/aws-names.ts";
import { keyString, LABELS, type ObjectKey } from "../../src/crds/meta.ts";
import { KINDS } from "../../src/kube/kinds.ts";
import type { Transport } from "../../src/kube/transport.ts";
import { eachOf, type Made } from "./cold.ts";
import { follow, type Following } from "./follow.ts";
import { costSince, mark, total, untilQuiet } from "./meter.ts";
import { inParallel } from "./parallel.ts";
import type { Row } from "./table.ts";

/** Somebody changes what is the operator's. */

const FOREIGN = "somebody-else";
/** So many are edited one after the other. */
const ALONE = 50;

/** As many Services of Kubernetes are edited at once, then some one after the other; how long each stays so after its edit was answered. */
export async function childDrift({ stage, operator, fleet }: Made, edits: number): Promise<readonly Row[]> {
  const vandal = await Vandal.of(stage.transport);
  const keys = fleet.services.slice(0, edits).map(({ metadata }) => metadata);
  const start = await mark(stage, operator);
  await inParallel(keys, (key) => vandal.edit(key));
  const editing = performance.now() - start.time;
  const atOnce = await Promise.all(keys.map((key) => vandal.untilRepaired(key)));
  await untilQuiet(operator);
  const cost = await costSince(stage, operator, start);
  const alone: number[] = [];
  for (const key of keys.slice(0, ALONE)) {
    await vandal.edit(key);
    alone.push(await vandal.untilRepaired(key));
  }
  await vandal.stop();
  const of = `drift of ${String(edits)} children, ${String(fleet.services.length)}`;
  return [
    { of, what: "repaired, p50", value: quantile(atOnce, 0.5), unit: "ms" },
    { of, what: "repaired, p99", value: quantile(atOnce, 0.99), unit: "ms", atMost: 250 },
    { of, what: "until the last edit was answered", value: editing, unit: "ms" },
    { of, what: "passes a repair", value: cost.passes / edits, unit: "" },
    { of, what: "CPU a repair", value: (1000 * cost.cpuSeconds) / edits, unit: "ms" },
    ...eachOf(`${of}, requests a repair`, cost.requests, edits),
    { of: `drift of a child, ${String(fleet.services.length)}`, what: "repaired, p50", value: quantile(alone, 0.5), unit: "ms" },
    { of: `drift of a child, ${String(fleet.services.length)}`, what: "repaired, p99", value: quantile(alone, 0.99), unit: "ms" },
  ];
}

/** Edits Services of Kubernetes, and sees when each is repaired. */
class Vandal {
  readonly #transport: Transport;
  readonly #following: Following;
  readonly #editedAt = new Map<string, number>();
  readonly #repairedAt = new Map<string, PromiseWithResolvers<number>>();
  readonly #seen = new Set<string>();

  private constructor(transport: Transport) {
    this.#transport = transport;
    this.#following = follow(transport, KINDS.Service, ({ metadata: { namespace = "", name, labels = {} } }) => {
      const place = keyString({ namespace, name });
      if (labels[LABELS.owner] === FOREIGN) this.#seen.add(place);
      else if (this.#seen.delete(place)) this.#repairedAt.get(place)?.resolve(performance.now());
    });
  }

  static async of(transport: Transport): Promise<Vandal> {
    const vandal = new Vandal(transport);
    await vandal.#following.synced;
    return vandal;
  }

  async edit(key: ObjectKey): Promise<void> {
    this.#repairedAt.set(keyString(key), Promise.withResolvers());
    await this.#transport.mergePatch({ resource: KINDS.Service, ...key }, { metadata: { labels: { [LABELS.owner]: FOREIGN } } });
    this.#editedAt.set(keyString(key), performance.now());
  }

  /** Milliseconds from the edit's answer on; the watch may tell of the repair before that. */
  async untilRepaired(key: ObjectKey): Promise<number> {
    const repairedAt = (await this.#repairedAt.get(keyString(key))?.promise) ?? 0;
    return Math.max(0, repairedAt - (this.#editedAt.get(keyString(key)) ?? 0));
  }

  stop(): Promise<void> {
    return this.#following.stop();
  }
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
