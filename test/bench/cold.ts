import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { OperatorProcess } from "../../src/cli/operator-process.ts";
import type { PlatformService } from "../../src/crds/platform-service.ts";
import { fleetOf, type Fleet } from "./fleet.ts";
import { apiServerCpuSeconds, costSince, isWatch, mark, total, untilQuiet, type Cost } from "./meter.ts";
import { planOf, type Job } from "./plan.ts";
import { Stage } from "./stage.ts";
import type { Row } from "./table.ts";

/** From nothing to everything written, without the controllers that would follow it, so that the workload's own cost hides nothing. */

/** A stage with a fleet that the operator has made. */
export interface Made {
  readonly stage: Stage;
  readonly operator: OperatorProcess;
  readonly fleet: Fleet;
  /** From the first creation until every service was written. */
  readonly seconds: number;
  readonly cost: Cost;
}

/** Longer than a machine that can be worked on takes for one service. */
const PATIENCE_MS_A_SERVICE = 1_000;
const LEAST_PATIENCE_MS = 60_000;

export async function cold(services: number, sweepInterval: string): Promise<Made> {
  const stage = await Stage.start({ controllers: false, sweepInterval });
  try {
    const fleet = fleetOf(services);
    await stage.createNamespaces(fleet);
    const operator = await stage.startOperator();
    const start = await mark(stage, operator);
    const [seconds] = await Promise.all([writtenAfter(stage, fleet, start.time), stage.createServices(fleet)]);
    await untilQuiet(operator);
    return { stage, operator, fleet, seconds, cost: await costSince(stage, operator, start) };
  } catch (error) {
    await stage.stop();
    throw error;
  }
}

/** Seconds after `start` at which the last service was written. */
export async function writtenAfter({ watch }: Stage, { services }: Fleet, start: number): Promise<number> {
  const written = new Set<string>();
  let last = start;
  const look = (service: PlatformService | undefined): void => {
    if (service === undefined || written.has(service.metadata.uid) || !isWritten(service)) return;
    written.add(service.metadata.uid);
    last = performance.now();
  };
  const unsubscribe = watch.subscribe((_, after) => look(after));
  const patience = Math.max(LEAST_PATIENCE_MS, services.length * PATIENCE_MS_A_SERVICE);
  await watch.until("every service is written", () => written.size === services.length, patience);
  unsubscribe();
  return (last - start) / 1000;
}

/** Whatever does not depend on pods holds. */
const OF_PODS: ReadonlySet<string> = new Set(["WorkloadReady", "Ready", "Reconciling"]);

function isWritten({ metadata, status }: PlatformService): boolean {
  const conditions = (status?.conditions ?? []).filter(({ type }) => !OF_PODS.has(type));
  return (
    conditions.length > 0 &&
    status?.observedGeneration === metadata.generation &&
    status?.conditions?.some(({ type }) => type === "WorkloadReady") === true &&
    conditions.every((condition) => condition.status === "True")
  );
}

export interface Floor {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly apiServerCpuSeconds: number;
}

/** The same objects on a stage of their own, by somebody who knows them beforehand, while the same client creates the same services. */
export async function floorOf(fleet: Fleet, plan: readonly Job[]): Promise<Floor> {
  const stage = await Stage.start({ controllers: false, sweepInterval: "1h" });
  try {
    await stage.createNamespaces(fleet);
    const planFile = join(stage.plane.dir, "plan.json");
    await writeFile(planFile, JSON.stringify(plan));
    const args = [join(import.meta.dirname, "floor.ts"), planFile, stage.plane.adminKubeconfig, stage.configFile, stage.awsUrl];
    const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    const exited = once(child, "exit");
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    await lines.next();
    const start = performance.now();
    const apiServer = apiServerCpuSeconds(stage);
    child.stdin.write("go\n");
    const [{ value }] = await Promise.all([lines.next(), stage.createServices(fleet)]);
    const seconds = (performance.now() - start) / 1000;
    const apiServerCpu = apiServerCpuSeconds(stage) - apiServer;
    const [code] = await exited;
    if (code !== 0) throw new Error(`the floor ended with ${String(code)}`);
    return { seconds, cpuSeconds: Number(value), apiServerCpuSeconds: apiServerCpu };
  } finally {
    await stage.stop();
  }
}

const STATUS = "patch platformservices/status";
const FINALIZER = "patch platformservices";

/** The figures of a creation, and of its floor. */
export async function coldRows({ stage, fleet, seconds, cost }: Made): Promise<readonly Row[]> {
  const plan = await planOf(stage);
  const floor = await floorOf(fleet, plan);
  const count = fleet.services.length;
  const of = `cold, ${String(count)}`;
  const objects = plan.reduce((sum, { kube }) => sum + kube.length, 0);
  const creations = plan.reduce((sum, { aws }) => sum + aws.length, 0);
  const requests = total(cost.requests, (what) => !isWatch(what));
  const finalizers = cost.requests[FINALIZER] ?? 0;
  const aws = total(cost.awsCalls);
  const each = (value: number): number => value / count;
  return [
    { of, what: "everything written", value: seconds, unit: "s" },
    { of, what: "the floor: the same objects by a bare client", value: floor.seconds, unit: "s" },
    { of, what: "ratio to the floor", value: seconds / floor.seconds, unit: "", atMost: 1.3 },
    { of, what: "CPU", value: cost.cpuSeconds, unit: "s" },
    { of, what: "CPU of the floor", value: floor.cpuSeconds, unit: "s" },
    { of, what: "CPU of the API server meanwhile", value: cost.apiServerCpuSeconds, unit: "s" },
    { of, what: "the same under the floor", value: floor.apiServerCpuSeconds, unit: "s" },
    { of, what: "Kubernetes objects a service", value: each(objects), unit: "" },
    { of, what: "requests to the API server a service", value: each(requests), unit: "" },
    {
      of,
      what: "of them beyond objects, status and finalizer",
      value: each(requests - objects - finalizers) - 1,
      unit: "",
      atMost: 2,
      counted: true,
    },
    { of, what: "status writes a service", value: each(cost.requests[STATUS] ?? 0), unit: "", atMost: 2, counted: true },
    { of, what: "finalizer writes a service", value: each(finalizers), unit: "" },
    { of, what: "AWS creations a service", value: each(creations), unit: "" },
    { of, what: "AWS calls a service", value: each(aws), unit: "" },
    { of, what: "of them beyond creations", value: each(aws - creations), unit: "", atMost: 2, counted: true },
    { of, what: "passes a service", value: each(cost.passes), unit: "" },
    { of, what: "bytes read and written a service", value: each(cost.bytes) / 1024, unit: "KiB" },
    { of, what: "event loop, p99", value: cost.eventLoopP99Ms, unit: "ms" },
    { of, what: "memory, most", value: cost.peakMemory, unit: "MiB", atMost: 150 + (30 * count) / 1000 },
    { of, what: "memory, afterwards", value: cost.memory, unit: "MiB" },
    ...eachOf(`${of}, requests a service`, cost.requests, count),
    ...eachOf(`${of}, AWS calls a service`, cost.awsCalls, count),
  ];
}

/** A row for each kind of request, the most frequent first. */
export function eachOf(of: string, counts: Readonly<Record<string, number>>, services: number): readonly Row[] {
  return Object.entries(counts)
    .toSorted(([a, m], [b, n]) => n - m || a.localeCompare(b))
    .map(([what, times]) => ({ of, what, value: times / services, unit: "" }));
}
