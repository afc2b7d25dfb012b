import type { OperatorProcess } from "../../src/cli/operator-process.ts";
import type { Made } from "./cold.ts";
import { costSince, isWrite, mark, noWrites, total, untilQuiet } from "./meter.ts";
import type { Row } from "./table.ts";

/** A new process over services that are as they should be: it looks at each and writes nothing. */

/** Ends the operator that is there; resolves to the new one and its figures. */
export async function restart({
  stage,
  operator,
  fleet,
}: Made): Promise<{ readonly operator: OperatorProcess; readonly rows: readonly Row[] }> {
  await operator.stop();
  const count = fleet.services.length;
  const start = await mark(stage);
  const successor = await stage.startOperator("successor");
  const quiet = await untilQuiet(successor, count);
  const cost = await costSince(stage, successor, start);
  const of = `restart, ${String(count)}`;
  return {
    operator: successor,
    rows: [
      {
        of,
        what: "until every service was looked at",
        value: (quiet - start.time) / 1000,
        unit: "s",
        ...(count >= 5000 && { atMost: 60 }),
      },
      ...noWrites(of, cost),
      {
        of,
        what: "reads of the API server, watches and lists included",
        value: total(cost.requests, (what) => !isWrite(what)),
        unit: "",
      },
      { of, what: "AWS calls a service", value: total(cost.awsCalls) / count, unit: "" },
      { of, what: "CPU", value: cost.cpuSeconds, unit: "s" },
      { of, what: "memory, most", value: cost.peakMemory, unit: "MiB", atMost: 150 + (30 * count) / 1000 },
    ],
  };
}
