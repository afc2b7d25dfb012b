import { z } from "zod";
import { dnsLabel, duration, rules, text } from "../fields.ts";

/** `spec.slos`: what a squad promises of its service, and is told when the promise is at risk. */

/** At most four decimals, so that the error budget is a whole number of millionths. */
export const objective = (name: string): z.ZodString =>
  text({
    pattern: /^9[0-9](\.[0-9]{1,4})?$/,
    says: `${name} must be a percentage from 90 to below 100 in quotes, with at most four decimals, as "99.95"`,
    max: 7,
  });

/** PromQL that counts requests. Its grammar is a part of PromQL's own (src/resources/slo/query.ts), which CEL cannot say. */
const query = (what: string): z.ZodString => z.string().min(1).max(1024).describe(what);

const queries = z
  .strictObject({
    good: query("Counts the good ones of total. One of good and bad is written.").optional(),
    bad: query("Counts the bad ones of total. One of good and bad is written.").optional(),
    total: query("Counts all of them, as sum(increase(orders_total[window]))."),
  })
  .meta(
    rules({
      rule: "has(self.good) != has(self.bad)",
      message: "slos queries must have either good or bad, beside total: the other is the difference",
    }),
  );

export const slo = z
  .strictObject({
    name: dnsLabel("slos name", "availability").describe(
      "Name of the SLO, unique in the service, as availability. Alerts and dashboards show it.",
    ),
    objective: objective("slos objective").describe('Percentage of requests that must be good over the window, in quotes, as "99.95".'),
    window: z
      .enum(["7d", "28d", "30d", "90d"])
      .default("30d")
      .describe("Rolling time over which the objective holds, and for which the error budget is."),
    indicator: z
      .enum(["availability", "latency"])
      .optional()
      .describe(
        "What makes a request a good one, as the mesh counts it. availability: the service did not fail it (no 5xx; of grpc no UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE or DATA_LOSS). latency: it was answered within threshold. Absent: queries say it.",
      ),
    threshold: duration("slos threshold")
      .optional()
      .describe(
        "Longest time of a good request, as 250ms; for latency alone. It must be a bound of the mesh's histogram: the refusal of another names them.",
      ),
    queries: queries
      .optional()
      .describe(
        "PromQL of the squad's own, in place of an indicator. Each counts with increase(series[window]), where [window] stands as it is written: the rules ask for several windows. Only series of the service's own namespace are read.",
      ),
  })
  .meta(
    rules(
      {
        rule: "has(self.indicator) != has(self.queries)",
        message: "each of slos must have either indicator or queries: write for example indicator: availability, or remove one",
        fieldPath: ".indicator",
      },
      {
        rule: "has(self.threshold) == (has(self.indicator) && self.indicator == 'latency')",
        message: "slos threshold must be written for indicator latency, and for no other: write for example 250ms, or remove it",
        fieldPath: ".threshold",
      },
    ),
  );

export type Slo = z.output<typeof slo>;
