import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { CHART } from "./helm.ts";

/** What the chart's Grafana dashboards ask of Prometheus. */

const panel = z.object({
  type: z.string(),
  title: z.string(),
  description: z.string().optional(),
  targets: z.array(z.object({ expr: z.string(), refId: z.string() })).optional(),
});

const dashboard = z.object({
  uid: z.string(),
  title: z.string(),
  panels: z.array(panel),
  templating: z.object({ list: z.array(z.object({ name: z.string(), query: z.unknown() })) }),
});

export interface ChartDashboard extends z.output<typeof dashboard> {
  readonly file: string;
}

export const DASHBOARDS = join(CHART, "dashboards");

export function chartDashboards(): readonly ChartDashboard[] {
  return readdirSync(DASHBOARDS)
    .toSorted()
    .map((file) => ({ file, ...dashboard.parse(JSON.parse(readFileSync(join(DASHBOARDS, file), "utf8"))) }));
}

/** Each query with the panel that makes it, as PromQL: Grafana's own durations are filled in, and its other variables stand in strings. */
export function queriesOf({
  panels,
}: ChartDashboard): readonly { readonly panel: string; readonly written: string; readonly promQl: string }[] {
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      panel: title,
      written: expr,
      promQl: expr.replaceAll("$__rate_interval", "5m").replaceAll(/\$\{(\w+)\}/g, "$1"),
    })),
  );
}
