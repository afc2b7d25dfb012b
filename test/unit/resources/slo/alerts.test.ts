import { expect, test } from "vitest";
import { meshOf } from "../../../../src/resources/mesh/choose.ts";
import { buildRuleGroups } from "../../../../src/resources/slo/rules.ts";
import { testConfig, testService } from "../../../support/effective-services.ts";
import { SLOS } from "../../project/slo-leaves.ts";

/** What people get with an alert of an SLO. */

function alertsOf(slos: object) {
  const config = testConfig({ slos });
  const service = testService({ spec: { port: 8080, ...SLOS }, config });
  const groups = buildRuleGroups(service, meshOf(service).requestMetrics(service, config), config);
  return groups.flatMap(({ rules }) => rules.flatMap((rule) => ("alert" in rule ? [rule] : [])));
}

test("owner, tier and both links are on each, with everything filled in", () => {
  const page = "{namespace}/{service}/{slo}/{alert}?again={alert}";
  const alerts = alertsOf({ runbookUrl: `https://runbooks.example.com/${page}`, dashboardUrl: `https://grafana.example.com/${page}` });
  const names = ["SLOErrorBudgetBurn", "SLOErrorBudgetBurn", "SLOMeasurementLost", "SLONotMeasured"];
  expect(alerts.map((rule) => rule.alert)).toEqual([...names, ...names]);
  for (const { alert, labels, annotations } of alerts) {
    expect(labels).toMatchObject({ owner: "dispatch-squad", tier: "tier-2" });
    const filled = `dispatch/matching/${labels["sloth_slo"] ?? ""}/${alert}?again=${alert}`;
    expect(annotations).toMatchObject({
      runbook_url: `https://runbooks.example.com/${filled}`,
      dashboard_url: `https://grafana.example.com/${filled}`,
    });
  }
});

test("where the platform has no such pages there is no link", () => {
  for (const { annotations } of alertsOf({})) expect(Object.keys(annotations ?? {}).toSorted()).toEqual(["summary", "title"]);
});
