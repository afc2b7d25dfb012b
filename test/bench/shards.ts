import { setTimeout } from "node:timers/promises";
import type { OperatorProcess } from "../../src/cli/operator-process.ts";
import { writtenAfter } from "./cold.ts";
import { fleetOf } from "./fleet.ts";
import { cpuSeconds } from "./meter.ts";
import { Stage } from "./stage.ts";
import type { Row } from "./table.ts";

/** Several replicas: how long nobody leads between two, and what shards bring where replicas share two cores with everything else. */

const POLL_MS = 10;
const PATIENCE_MS = 900_000;

/** Of one shard and two replicas. */
export async function handOver(): Promise<readonly Row[]> {
  const stage = await Stage.start({ controllers: false, sweepInterval: "1h" });
  try {
    const [first, second] = [await stage.startOperator("first"), await stage.startOperator("second")];
    await untilLeads(first);
    const told = performance.now();
    const ended = first.stop();
    const afterEnd = (await untilLeads(second)) - told;
    await ended;
    const third = await stage.startOperator("third");
    const killed = performance.now();
    await second.kill();
    const afterDeath = (await untilLeads(third)) - killed;
    await third.stop();
    const of = "hand-over, two replicas";
    return [
      { of, what: "from SIGTERM until the other leads", value: afterEnd / 1000, unit: "s" },
      { of, what: "from SIGKILL until the other leads", value: afterDeath / 1000, unit: "s" },
    ];
  } finally {
    await stage.stop();
  }
}

/** As many replicas as shards, each a process. */
export async function throughput(services: number, shards: number): Promise<readonly Row[]> {
  const stage = await Stage.start({ controllers: false, sweepInterval: "1h" });
  try {
    const fleet = fleetOf(services);
    await stage.createNamespaces(fleet);
    const replicas: OperatorProcess[] = [];
    for (let index = 0; index < shards; index++)
      replicas.push(await stage.startOperator(`replica-${String(index)}`, [`--shards=${String(shards)}`]));
    await Promise.all(replicas.map((replica) => untilLeads(replica)));
    const cpu = total(replicas);
    const start = performance.now();
    const [seconds] = await Promise.all([writtenAfter(stage, fleet, start), stage.createServices(fleet)]);
    const used = total(replicas) - cpu;
    await Promise.all(replicas.map((replica) => replica.stop()));
    const of = `shards, ${String(services)}`;
    const what = `${String(shards)} of as many replicas`;
    return [
      { of, what: `${what}: services a second`, value: services / seconds, unit: "" },
      { of, what: `${what}: CPU of all replicas`, value: used, unit: "s" },
    ];
  } finally {
    await stage.stop();
  }
}

function total(replicas: readonly OperatorProcess[]): number {
  return replicas.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);
}

/** Resolves when it leads any shard, to when that was (performance.now). */
async function untilLeads({ telemetryUrl }: OperatorProcess): Promise<number> {
  for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline; await setTimeout(POLL_MS)) {
    const metrics = await (await fetch(`${telemetryUrl}/metrics`)).text();
    if (/^leader_election_master_status\{[^}]*\} 1$/m.test(metrics)) return performance.now();
  }
  throw new Error(`${telemetryUrl} does not lead after ${String(PATIENCE_MS / 1000)} s`);
}
