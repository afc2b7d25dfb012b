import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { chartDashboards, DASHBOARDS, queriesOf } from "../support/dashboards.ts";
import { dashboardProblems } from "../support/grafana/schema.ts";
import { checkRules } from "../support/slo/promtool.ts";

/** The chart's dashboards, as Grafana and Prometheus take them. */

let problems: (dashboard: unknown) => string;

beforeAll(() => {
  problems = dashboardProblems();
}, 120_000);

describe.each(chartDashboards().map((dashboard) => [dashboard.title, dashboard] as const))("dashboard %s", (_, dashboard) => {
  const text = readFileSync(join(DASHBOARDS, dashboard.file), "utf8");

  test("is one, by a JSON schema of Grafana's own types", () => {
    expect(problems(JSON.parse(text))).toBe("");
  });

  test.each([
    ["an option of no panel", '"options": {', '"options": { "colourMode": "value",'],
    ["a unit under another name", '"unit":', '"units":'],
    ["a query under another name", '"expr":', '"query":'],
    ["a width that is no number", '"w": 12', '"w": "12"'],
    ["a variable of no kind", '"type": "datasource"', '"type": "source"'],
  ])("with %s is none", (_what, right, wrong) => {
    expect(text).toContain(right);
    expect(problems(JSON.parse(text.replace(right, wrong)))).not.toBe("");
  });

  test("asks in PromQL, as Prometheus takes it", async () => {
    const rules = queriesOf(dashboard).map(({ promQl }, index) => ({ record: `query:${index}`, expr: promQl, labels: {} }));
    expect(rules.length).toBeGreaterThan(10);
    expect(await checkRules([{ name: dashboard.uid, interval: "1m", rules }])).toBe("");
  });
});
