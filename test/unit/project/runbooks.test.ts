import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "../../../src/cli/keys.ts";
import { sidecarRequestMetrics } from "../../../src/resources/mesh/request-metrics.ts";
import { buildRuleGroups } from "../../../src/resources/slo/rules.ts";
import { chartAlerts } from "../../support/chart-alerts.ts";
import { testConfig, testService } from "../../support/effective-services.ts";
import { metricsIn } from "../../support/promql.ts";
import { toldMetrics } from "../../support/told-metrics.ts";

/** Each alert has a page, and each page an alert. */

const RUNBOOKS = join(ROOT, "docs/runbooks");
const INDEX = readFileSync(join(RUNBOOKS, "README.md"), "utf8");
const PAGES = readdirSync(RUNBOOKS).filter((file) => file !== "README.md");
const TOLD = await toldMetrics();
const PARTS = ["**What users feel.**", "## Look", "## Do", "## Ask others"];

/** Name to severities: of the operator, and of a service's SLOs. */
function alerts(): ReadonlyMap<string, ReadonlySet<string>> {
  const config = testConfig();
  const service = testService({
    spec: { slos: [{ name: "availability", objective: "99.9", window: "30d", indicator: "availability" }] },
    config,
  });
  const ofSlos = buildRuleGroups(service, sidecarRequestMetrics(service, config), config).flatMap(({ rules }) =>
    rules.flatMap((rule) => ("alert" in rule ? [rule] : [])),
  );
  const found = new Map<string, Set<string>>();
  for (const { alert, labels } of [...chartAlerts().flatMap(({ rules }) => rules), ...ofSlos]) {
    found.set(alert, (found.get(alert) ?? new Set()).add(labels["severity"] ?? "none"));
  }
  return found;
}

test("each alert has a page, and each page an alert", () => {
  expect(PAGES.toSorted()).toEqual([...alerts().keys()].map((alert) => `${alert}.md`).toSorted());
});

describe.each(PAGES)("%s", (file) => {
  const alert = file.replace(/\.md$/, "");
  const text = readFileSync(join(RUNBOOKS, file), "utf8");

  test("says what it means, what users feel, where to look, what to do and whom to ask", () => {
    expect(text.startsWith(`# ${alert}\n`)).toBe(true);
    expect(PARTS.filter((part) => !text.includes(part))).toEqual([]);
  });

  test("asks Prometheus, a query a line, for what is told", () => {
    const queries = [...text.matchAll(/```promql\n([^`]+)```/g)].flatMap((block) => (block[1] ?? "").trim().split("\n"));
    expect(queries.flatMap(metricsIn).filter((metric) => !TOLD.has(metric))).toEqual([]);
  });

  test("says the alert's severity, as the index does", () => {
    const severities = [...(alerts().get(alert) ?? [])];
    expect(text.split("\n")[2]).toMatch(new RegExp(`^${severities.join(" or ")}[ ,.]`, "i"));
    expect(INDEX).toContain(`| [${alert}](${file}) | ${severities.join(" or ")} |`);
  });
});

test.each(["README.md", ...PAGES])("the links of %s lead somewhere", (file) => {
  const text = readFileSync(join(RUNBOOKS, file), "utf8");
  const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map((match) => match[1] ?? "").filter((link) => !/^https?:/.test(link));
  expect(links.filter((link) => !existsSync(join(dirname(join(RUNBOOKS, file)), link.split("#")[0] ?? "")))).toEqual([]);
});
