import { isReady } from "../../src/cli/service-watch.ts";
import { changeInside } from "./change.ts";
import { fleetOf } from "./fleet.ts";
import { costSince, isWatch, mark, total, untilQuiet } from "./meter.ts";
import { remove } from "./remove.ts";
import { Stage } from "./stage.ts";
import type { Row } from "./table.ts";

/** From nothing to Ready and back to nothing, with the controllers that make pods. */

const PATIENCE_MS = 900_000;
/** Of 200 instances of kro and ACK's controllers with raised flags: what the three used, and asked of AWS for each (../shared/peers/README.md). */
const ACK = { cpuSeconds: 24, instances: 200, awsCalls: 41 };

export async function ready(services: number): Promise<readonly Row[]> {
  const stage = await Stage.start({ controllers: true, sweepInterval: "1h" });
  try {
    const fleet = fleetOf(services);
    await stage.createNamespaces(fleet);
    const operator = await stage.startOperator();
    const start = await mark(stage, operator);
    await stage.createServices(fleet);
    const all = (): boolean => stage.watch.list().filter(isReady).length === services;
    await stage.watch.until("every service is Ready", all, PATIENCE_MS);
    const seconds = (performance.now() - start.time) / 1000;
    await untilQuiet(operator);
    const cost = await costSince(stage, operator, start);
    const changed = await changeInside({ stage, operator, fleet });
    const removed = await remove({ stage, operator, fleet });
    await operator.stop();
    const of = `ready, ${String(services)}`;
    return [
      { of, what: "every service Ready", value: seconds, unit: "s" },
      { of, what: "CPU", value: cost.cpuSeconds, unit: "s", atMost: (ACK.cpuSeconds / ACK.instances) * (services / 3) },
      {
        of,
        what: "requests to the API server a service",
        value: total(cost.requests, (what) => !isWatch(what)) / services,
        unit: "",
      },
      { of, what: "status writes a service", value: (cost.requests["patch platformservices/status"] ?? 0) / services, unit: "" },
      { of, what: "passes a service", value: cost.passes / services, unit: "" },
      { of, what: "AWS calls a service", value: total(cost.awsCalls) / services, unit: "", atMost: ACK.awsCalls / 3 },
      { of, what: "memory, most", value: cost.peakMemory, unit: "MiB" },
      ...changed,
      ...removed,
    ];
  } finally {
    await stage.stop();
  }
}
