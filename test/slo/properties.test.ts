import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { EffectiveService } from "../../src/crds/effective.ts";
import { meshOf } from "../../src/resources/mesh/choose.ts";
import { queryProblem, writtenQuery } from "../../src/resources/slo/query.ts";
import { buildRuleGroups, type RuleGroup } from "../../src/resources/slo/rules.ts";
import { testConfig, testService } from "../support/effective-services.ts";
import { checkRules, recording, testRules, type Series } from "../support/slo/promtool.ts";

/** What holds of the rules of every SLO, asked of Prometheus' own promtool. Drawn at random, each time the same. */

const SEED = 20_261_126;
const config = testConfig();
const WINDOWS = ["7d", "28d", "30d", "90d"] as const;

/** Of each window some objectives, from the lowest of which every alert can fire. */
const LOWEST: Readonly<Record<(typeof WINDOWS)[number], number>> = { "7d": 900_000, "28d": 926_000, "30d": 931_000, "90d": 977_000 };
const SLOS = WINDOWS.flatMap((window) =>
  fc
    .sample(fc.integer({ min: LOWEST[window], max: 999_999 }), { numRuns: 4, seed: SEED })
    .map((units, i) => ({ name: `slo-${window}-${i}`, objective: String(units / 10_000), window, indicator: "availability" as const })),
);

const ONE_OF_EACH = WINDOWS.flatMap((window) => SLOS.find((slo) => slo.window === window) ?? []);
const PERIOD = [
  "slo:sli_bad:increase5m",
  "slo:sli_total:increase5m",
  "slo:period_burn_rate:ratio",
  "slo:error_budget:ratio",
  "slo:period_error_budget_remaining:ratio",
];

function groupsOf(service: EffectiveService): readonly RuleGroup[] {
  return buildRuleGroups(service, meshOf(service).requestMetrics(service, config), config);
}

/** The same, but one by each way to count. */
function byEachIndicator(name: string): readonly object[] {
  const counted = (metric: string): string => `increase(${metric}{app="${name}"}[window])`;
  const ways = [
    { indicator: "availability" },
    { indicator: "latency", threshold: "250ms" },
    { queries: { good: counted("orders_done_total"), total: counted("orders_total") } },
    { queries: { bad: counted("orders_failed_total"), total: counted("orders_total") } },
  ];
  return ONE_OF_EACH.map((slo, i) => ({ name: slo.name, objective: slo.objective, window: slo.window, ...ways[i % ways.length] }));
}

interface Segment {
  readonly minutes: number;
  readonly perMinute: number;
  /** Share of bad ones. */
  readonly bad: number;
}

/** What each of those ways counts of the same requests. */
function countersOf(name: string, life: readonly Segment[]): readonly Series[] {
  const mesh = `reporter="destination",destination_service_namespace="dispatch",destination_service_name="${name}"`;
  const own = `namespace="dispatch",app="${name}"`;
  const counter = (series: string, of: (segment: Segment) => number): Series => ({
    name: series,
    segments: life.map((segment) => ({ minutes: segment.minutes, perMinute: segment.perMinute * of(segment) })),
  });
  const good = ({ bad }: Segment): number => 1 - bad;
  const bad = (segment: Segment): number => segment.bad;
  const all = (): number => 1;
  return [
    counter(`istio_requests_total{${mesh},response_code="200"}`, good),
    counter(`istio_requests_total{${mesh},response_code="503"}`, bad),
    counter(`istio_request_duration_milliseconds_bucket{${mesh},le="250"}`, good),
    counter(`istio_request_duration_milliseconds_bucket{${mesh},le="+Inf"}`, all),
    counter(`istio_request_duration_milliseconds_count{${mesh}}`, all),
    counter(`orders_total{${own}}`, all),
    counter(`orders_done_total{${own}}`, good),
    counter(`orders_failed_total{${own}}`, bad),
  ];
}

/** In as many services as eight SLOs each need. */
function withSlos(name: string): readonly RuleGroup[] {
  return [0, 8].flatMap((first) => groupsOf(testService({ name, spec: { port: 8080, slos: SLOS.slice(first, first + 8) } })));
}

test("Prometheus takes them, whatever the objective and window", async () => {
  expect(await checkRules(withSlos("web"))).toBe("");
});

const segment = fc.record({
  minutes: fc.integer({ min: 5, max: 90 }),
  perMinute: fc.integer({ min: 0, max: 3_000 }),
  bad: fc.double({ min: 0, max: 0.2, noNaN: true }),
  worse: fc.double({ min: 0, max: 0.5, noNaN: true }),
});

const MINUTES = 6 * 60;

test("nothing but failures fires both alerts of each, by each indicator", async () => {
  const groups = groupsOf(testService({ name: "web", spec: { port: 8080, slos: byEachIndicator("web") } }));
  const firing = (severity: string): string => `count(ALERTS{alertname="SLOErrorBudgetBurn",severity="${severity}",alertstate="firing"})`;
  const expected = ["page", "ticket"].map((severity) => ({ at: MINUTES, expr: firing(severity), value: ONE_OF_EACH.length }));
  const series = countersOf("web", [{ minutes: MINUTES, perMinute: 60_000, bad: 1 }]);
  expect(await testRules(groups, { series, expect: expected })).toBe("");
});

test("more errors never leave more of the budget, by each indicator", async () => {
  const lives = fc.sample(fc.array(segment, { minLength: 4, maxLength: 8 }), { numRuns: 4, seed: SEED });
  for (const life of lives) {
    const series = (["better", "worse"] as const).flatMap((name) =>
      countersOf(
        name,
        life.map(({ minutes, perMinute, bad, worse }) => ({ minutes, perMinute, bad: bad + (name === "worse" ? worse : 0) })),
      ),
    );
    const minutes = life.reduce((sum, one) => sum + one.minutes, 0);
    const of = (record: string, name: string): string => `${record}{sloth_service="dispatch/${name}"}`;
    const left = (name: string): string => of("slo:period_error_budget_remaining:ratio", name);
    // In requests: a counter of a thousand millions is exact to a ten-millionth, of which the budget of 99.9999 % makes a million times as much.
    const more = `(${left("worse")} - on(sloth_slo) ${left("better")}) * on(sloth_slo) ${of("slo:error_budget:ratio", "better")}`;
    const groups = ["better", "worse"].flatMap((name) =>
      groupsOf(testService({ name, spec: { port: 8080, slos: byEachIndicator(name) } })),
    );
    const told = await testRules(recording(groups, ...PERIOD, ...WINDOWS.map((window) => `slo:sli_error:ratio_rate${window}`)), {
      series,
      expect: [0.25, 0.5, 0.75, 1].flatMap((part) => {
        const at = Math.floor(minutes * part);
        return [
          { at, expr: `count(${more} > 1e-9)`, value: undefined },
          { at, expr: `count(${more} <= 1e-9)`, value: ONE_OF_EACH.length },
        ];
      }),
    });
    expect(told).toBe("");
  }
});

/** PromQL from pieces, of which many make no sense together. */
const { query } = fc.letrec<{ query: string }>((tie) => ({
  query: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc
      .tuple(
        fc.constantFrom("increase", "increase", "sum_over_time", "count_over_time", "rate", "sum"),
        fc.constantFrom("orders_total", "orders_total", "a:b", "and", "sum", ""),
        fc.constantFrom(
          "",
          "{}",
          '{code="200"}',
          '{code=~"5..|x+"}',
          '{code=~"(a"}',
          '{code=~"[a-z]*?",}',
          '{code!="\\n"}',
          '{__name__="x"}',
        ),
        fc.constantFrom("[window]", "[window]", "[window]", "[window]", "[window] offset 5m", "[window:1m]", "[5m]", ""),
      )
      .map(([call, metric, labels, range]) => `${call}(${metric}${labels}${range})`),
    fc.constantFrom("1", "-1", "0.5", "1e3", "5m", "Inf", '"text"'),
    fc
      .tuple(tie("query"), fc.constantFrom("+", "-", "*", "/", "or", "and", "unless", ">", "==", "%", "^"), tie("query"))
      .map((parts) => parts.join(" ")),
    fc
      .tuple(
        tie("query"),
        fc.constantFrom("+", "or", "/"),
        fc.constantFrom("on (a)", "ignoring (a, b)", "on ()", "group_left"),
        tie("query"),
      )
      .map((parts) => parts.join(" ")),
    fc
      .tuple(fc.constantFrom("sum", "max by (a)", "count without (a)", "topk", "SUM", "abs", ""), tie("query"))
      .map(([call, of]) => `${call}(${of})`),
  ),
}));

test("Prometheus takes each query of a squad's own that is taken", async () => {
  const scope = { namespace: "dispatch" };
  const taken = fc.sample(query, { numRuns: 20_000, seed: SEED }).filter((one) => queryProblem(one, scope) === undefined);
  const distinct = [...new Set(taken)];
  expect(distinct.length).toBeGreaterThan(200);
  const rules = distinct.map((one, i) => ({ record: `query:${i}`, expr: writtenQuery(one, scope)("5m"), labels: {} }));
  expect(await checkRules([{ name: "queries", interval: "1m", rules }])).toBe("");
});
