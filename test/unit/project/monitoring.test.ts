import { describe, expect, test } from "vitest";
import { chartAlerts } from "../../support/chart-alerts.ts";
import { chartDashboards, queriesOf } from "../../support/dashboards.ts";
import { metricsIn } from "../../support/promql.ts";
import { operatorMetrics, toldMetrics } from "../../support/told-metrics.ts";

/** Dashboards and alerts read what is there: a metric that is renamed would leave them empty, and an empty panel or alert says that all is well. */

const KNOWN = await toldMetrics();

test("a name that nobody tells is found", () => {
  expect(metricsIn('sum by (a) (rate(up{b="c"}[5m])) / on (a) group_left () max_over_time(slo:x:ratio5m[1h] offset 1d)')).toEqual([
    "up",
    "slo:x:ratio5m",
  ]);
  expect(KNOWN.has("platform_service_conditions")).toBe(false);
});

test.each(chartAlerts().flatMap(({ rules }) => rules.map(({ alert, expr }) => [alert, expr] as const)))(
  "alert %s reads the operator's own metrics",
  async (_, expr) => {
    const own = await operatorMetrics();
    expect(metricsIn(expr).filter((name) => !own.includes(name))).toEqual([]);
  },
);

describe.each(chartDashboards().map((dashboard) => [dashboard.title, dashboard] as const))("dashboard %s", (_, dashboard) => {
  test.each(queriesOf(dashboard).map(({ panel, written, promQl }) => [panel, written, promQl] as const))(
    "%s reads what is told: %s",
    (_panel, _written, promQl) => {
      expect(metricsIn(promQl).filter((name) => !KNOWN.has(name))).toEqual([]);
    },
  );

  test("its variables are of what is told, and no panel has another", () => {
    const list = dashboard.templating.list;
    const queries = list.flatMap(({ query }) =>
      typeof query === "string" ? (/^label_values\((.+), [a-z_]+\)$/.exec(query)?.[1] ?? []) : [],
    );
    expect(queries).toHaveLength(list.length - 1);
    expect(queries.flatMap(metricsIn).filter((name) => !KNOWN.has(name))).toEqual([]);
    const used = [...queriesOf(dashboard).map(({ written }) => written), ...queries].flatMap((text) =>
      [...text.matchAll(/\$\{?(\w+)/g)].map((match) => match[1] ?? ""),
    );
    const declared = [...list.map(({ name }) => name), "__rate_interval"];
    expect([...new Set(used)].filter((name) => !declared.includes(name))).toEqual([]);
  });

  test("every query is of the clusters chosen, and every panel says what it shows", () => {
    for (const { promQl } of queriesOf(dashboard))
      expect(promQl.match(/\{[^}]*\}/g)?.filter((selector) => !selector.includes('cluster=~"$cluster"')) ?? []).toEqual([]);
    const silent = dashboard.panels.filter(({ type, description = "" }) => type !== "row" && description === "");
    expect(silent.map(({ title }) => title)).toEqual([]);
  });
});
