import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { CHART } from "./helm.ts";

const alertingRule = z.strictObject({
  alert: z.string(),
  expr: z.string(),
  for: z.string(),
  keep_firing_for: z.string().optional(),
  labels: z.strictObject({ severity: z.enum(["page", "ticket"]) }),
  annotations: z.strictObject({ summary: z.string(), description: z.string() }),
});

const file = z.strictObject({ groups: z.array(z.strictObject({ name: z.string(), interval: z.string(), rules: z.array(alertingRule) })) });

export type ChartAlerts = z.output<typeof file>["groups"];

/** The operator's own alerts, as the chart has them. */
export function chartAlerts(): ChartAlerts {
  return file.parse(parse(readFileSync(join(CHART, "files/alerts.yaml"), "utf8"))).groups;
}
