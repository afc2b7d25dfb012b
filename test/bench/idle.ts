import { setTimeout } from "node:timers/promises";
import { eachOf, type Made } from "./cold.ts";
import { costSince, isWatch, isWrite, mark, noWrites, total } from "./meter.ts";
import type { Row } from "./table.ts";

/** Nothing happens. */

/** One call of each sweep. */
const ONCE_A_SWEEP = "ecr:GetRegistryScanningConfiguration";

export async function idle({ stage, operator, fleet }: Made, seconds: number): Promise<readonly Row[]> {
  const start = await mark(stage, operator);
  await setTimeout(seconds * 1000);
  const cost = await costSince(stage, operator, start);
  const count = fleet.services.length;
  const of = `idle ${String(seconds)} s, ${String(count)}`;
  const sweeps = cost.awsCalls[ONCE_A_SWEEP] ?? 0;
  const listings = cost.awsCalls["appmesh:ListRoutes"] ?? 0;
  if (sweeps === 0) throw new Error(`no sweep of AWS in ${String(seconds)} s: let it be idle for longer`);
  const aSweep = (calls: number): number => calls / sweeps;
  return [
    ...noWrites(of, cost),
    {
      of,
      what: "reads of the API server beyond watches",
      value: total(cost.requests, (what) => !isWrite(what) && !isWatch(what)),
      unit: "",
      atMost: 0,
      counted: true,
    },
    { of, what: "sweeps of AWS", value: sweeps, unit: "" },
    {
      of,
      what: "AWS calls a sweep and thousand services, beside App Mesh's routes",
      value: aSweep(total(cost.awsCalls) - listings) / Math.max(1, count / 1000),
      unit: "",
      atMost: 30,
      counted: true,
    },
    { of, what: "calls a sweep that list routes: App Mesh tells those of one router at a time", value: aSweep(listings), unit: "" },
    { of, what: "CPU", value: cost.cpuSeconds, unit: "s" },
    { of, what: "memory", value: cost.memory, unit: "MiB" },
    ...eachOf(`${of}, AWS calls a sweep`, cost.awsCalls, sweeps),
  ];
}
