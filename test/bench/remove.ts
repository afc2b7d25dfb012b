import { KINDS } from "../../src/kube/kinds.ts";
import { eachOf, type Made } from "./cold.ts";
import { costSince, isWatch, mark, total, untilQuiet } from "./meter.ts";
import type { Row } from "./table.ts";

/** Every service is deleted, where pods come to life and go. */

const PATIENCE_MS = 900_000;
/** Of an instance of kro and ACK's controllers, which keep a role and a repository as well (../shared/peers/README.md). */
const AWS_CALLS_OF_ACK = 12;

export async function remove({ stage, operator, fleet }: Pick<Made, "stage" | "operator" | "fleet">): Promise<readonly Row[]> {
  const count = fleet.services.length;
  const start = await mark(stage, operator);
  await stage.removeAll(KINDS.PlatformService);
  await stage.watch.until("every service is gone", () => stage.watch.list().length === 0, PATIENCE_MS);
  const seconds = (performance.now() - start.time) / 1000;
  await untilQuiet(operator);
  const cost = await costSince(stage, operator, start);
  const of = `deletion, ${String(count)}`;
  return [
    { of, what: "every service gone", value: seconds, unit: "s" },
    { of, what: "CPU", value: cost.cpuSeconds, unit: "s" },
    { of, what: "requests to the API server a service", value: total(cost.requests, (what) => !isWatch(what)) / count, unit: "" },
    { of, what: "passes a service", value: cost.passes / count, unit: "" },
    { of, what: "AWS calls a service", value: total(cost.awsCalls) / count, unit: "", atMost: AWS_CALLS_OF_ACK / 3 },
    ...eachOf(`${of}, requests a service`, cost.requests, count),
    ...eachOf(`${of}, AWS calls a service`, cost.awsCalls, count),
  ];
}
