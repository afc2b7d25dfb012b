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
      .describe(
        "What makes a request a good one. availability: the service did not fail it (no 5xx; of grpc no UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE or DATA_LOSS). latency: it was answered within threshold.",
      ),
    threshold: duration("slos threshold")
      .optional()
      .describe(
        "Longest time of a good request, as 250ms; for latency alone. It must be a bound of the mesh's histogram: the refusal of another names them.",
      ),
  })
  .meta(
    rules({
      rule: "has(self.threshold) == (self.indicator == 'latency')",
      message: "slos threshold must be written for indicator latency, and for no other: write for example 250ms, or remove it",
      fieldPath: ".threshold",
    }),
  );

export type Slo = z.output<typeof slo>;
