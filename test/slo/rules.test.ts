import { describe, expect, test } from "vitest";
import { keyString } from "../../src/crds/meta.ts";
import type { EffectiveService } from "../../src/crds/effective.ts";
import type { Slo } from "../../src/crds/service/slos.ts";
import { meshOf } from "../../src/resources/mesh/choose.ts";
import { BURN_RATES, errorBudget, fewestRequests, periodDays } from "../../src/resources/slo/burn-rates.ts";
import { buildRuleGroups, type RuleGroup } from "../../src/resources/slo/rules.ts";
import { testConfig, testService } from "../support/effective-services.ts";
import { sampleServices } from "../support/oracles/every-service.ts";
import { checkRules, recording, testRules, type Series } from "../support/slo/promtool.ts";

/** What the rules of the samples' SLOs do in Prometheus, by its own test runner: what it should be is worked out here by hand, not by the builders. */

const HOUR = 60;
const DAY = 24 * HOUR;
const config = testConfig();

interface Subject {
  readonly service: EffectiveService;
  readonly slo: Slo;
  readonly groups: readonly RuleGroup[];
}

const SUBJECTS: readonly Subject[] = sampleServices().flatMap(({ metadata: { name, namespace }, spec }) => {
  const service = testService({ name, namespace, spec, config });
  const metrics = meshOf(service).requestMetrics(service, config);
  return service.slos.map((slo) => ({
    service,
    slo,
    groups: buildRuleGroups(service, metrics, config).filter(({ name: group }) =>
      group.startsWith(`${keyString(service.key)}/${slo.name}`),
    ),
  }));
});

interface Traffic {
  readonly minutes: number;
  readonly perMinute: number;
  /** Share of bad requests. */
  readonly bad: number;
}

/** The service's requests as Istio's sidecar counts them. */
function traffic({ service: { key, spec }, slo }: Subject, segments: readonly Traffic[]): readonly Series[] {
  const own = `reporter="destination",destination_service_namespace="${key.namespace}",destination_service_name="${key.name}"`;
  const all = segments.map(({ minutes, perMinute }) => ({ minutes, perMinute }));
  const good = segments.map(({ minutes, perMinute, bad }) => ({ minutes, perMinute: perMinute * (1 - bad) }));
  const bad = segments.map((one) => ({ minutes: one.minutes, perMinute: one.perMinute * one.bad }));
  if (slo.indicator === "availability" && spec.protocol === "grpc") {
    return [
      { name: `istio_requests_total{${own},response_code="200",grpc_response_status="0"}`, segments: good },
      { name: `istio_requests_total{${own},response_code="200",grpc_response_status="14"}`, segments: bad },
    ];
  }
  if (slo.indicator === "availability") {
    return [
      { name: `istio_requests_total{${own},response_code="200"}`, segments: good },
      { name: `istio_requests_total{${own},response_code="503"}`, segments: bad },
    ];
  }
  const ms = slo.threshold === "1500ms" ? 1500 : 250;
  return [
    { name: `istio_request_duration_milliseconds_count{${own},response_code="200"}`, segments: all },
    { name: `istio_request_duration_milliseconds_bucket{${own},response_code="200",le="${ms}"}`, segments: good },
    { name: `istio_request_duration_milliseconds_bucket{${own},response_code="200",le="+Inf"}`, segments: all },
  ];
}

const BUSY = 6_000;

function firing(alert: string, severity: string): string {
  return `count(ALERTS{alertname="${alert}",severity="${severity}",alertstate="firing"})`;
}
const PAGE = firing("SLOErrorBudgetBurn", "page");
const TICKET = firing("SLOErrorBudgetBurn", "ticket");

/** Minutes of that many times the budget, after none, until the share of the budget is spent by which one of the alerts of the severity is due. */
function due(severity: "page" | "ticket", { slo }: Subject, times: number): number {
  const spent = BURN_RATES.filter((rate) => rate.severity === severity).map(({ percent, long }) => {
    // No rate is below the budget itself.
    const minutes = Math.max((percent / 100) * periodDays(slo) * DAY, long) / times;
    return minutes <= long ? minutes : Number.POSITIVE_INFINITY;
  });
  return Math.min(...spent);
}

describe.concurrent.each(SUBJECTS.map((subject) => [`${keyString(subject.service.key)}/${subject.slo.name}`, subject] as const))(
  "%s",
  (_, subject) => {
    const { slo, groups } = subject;
    const budget = errorBudget(slo);

    test("its rules are valid, in groups of at most twenty", async () => {
      expect(await checkRules(groups)).toBe("");
      expect(groups.map(({ rules }) => rules.length).filter((count) => count === 0 || count > 20)).toEqual([]);
    });

    test("twenty times the budget pages within the time that theory gives, and not before", async () => {
      // Of 95 % that is all requests.
      const times = Math.min(20, 1 / budget);
      const minutes = Math.ceil(due("page", subject, times));
      const quiet = 6 * HOUR;
      const series = traffic(subject, [
        { minutes: quiet, perMinute: BUSY, bad: 0 },
        { minutes: minutes + 10, perMinute: BUSY, bad: times * budget },
      ]);
      expect(
        await testRules(groups, {
          series,
          expect: [
            { at: quiet + minutes - 3, expr: PAGE, value: undefined },
            { at: quiet + minutes + 3, expr: PAGE, value: 1 },
          ],
        }),
      ).toBe("");
    });

    test("a slow burn makes a ticket, and no page", async () => {
      // Between what makes a ticket in 1 day and what pages in 6 hours.
      const times = (Math.max(1, 0.1 * periodDays(slo)) + 0.2 * periodDays(slo)) / 2;
      const minutes = Math.ceil(due("ticket", subject, times));
      const series = traffic(subject, [
        { minutes: 3 * DAY, perMinute: BUSY, bad: 0 },
        { minutes: minutes + HOUR, perMinute: BUSY, bad: times * budget },
      ]);
      expect(
        await testRules(groups, {
          series,
          // Less than the five minutes for which a sample holds.
          every: 4,
          expect: [
            { at: 3 * DAY + minutes - 15, expr: TICKET, value: undefined },
            { at: 3 * DAY + minutes + 15, expr: TICKET, value: 1 },
            { at: 3 * DAY + minutes + 15, expr: PAGE, value: undefined },
          ],
        }),
      ).toBe("");
    });

    test("what keeps the objective, if only just, is told nobody", async () => {
      const series = traffic(subject, [{ minutes: 4 * DAY, perMinute: BUSY, bad: 0.9 * budget }]);
      const told = [1, 2, 3, 4].flatMap((day) => [PAGE, TICKET].map((expr) => ({ at: day * DAY, expr, value: undefined })));
      expect(await testRules(groups, { series, every: 4, expect: told })).toBe("");
    });

    test("one error at low traffic does neither, though it is more than the rate", async () => {
      const [fastest] = BURN_RATES;
      const perHour = Math.max(1, fewestRequests(slo, fastest ?? { severity: "page", percent: 2, long: 60, short: 5 }) - 1);
      const perMinute = perHour / HOUR;
      const series = traffic(subject, [
        { minutes: 6 * HOUR, perMinute, bad: 0 },
        { minutes: 1, perMinute: Math.max(1, perMinute), bad: 1 / Math.max(1, perMinute) },
        { minutes: HOUR, perMinute, bad: 0 },
      ]);
      const told = [1, 5, 10, 30, 59].flatMap((after) => [PAGE, TICKET].map((expr) => ({ at: 6 * HOUR + after, expr, value: undefined })));
      expect(await testRules(groups, { series, expect: told })).toBe("");
    });

    test("what nothing measures is said: at once where many requests were counted before, in a day elsewhere; no traffic is not absence", async () => {
      const lost = firing("SLOMeasurementLost", "page");
      const never = firing("SLONotMeasured", "ticket");
      expect(
        await testRules(groups, {
          series: [],
          every: 5,
          expect: [
            { at: DAY - 10, expr: never, value: undefined },
            { at: DAY + 10, expr: never, value: 1 },
            { at: DAY + 10, expr: lost, value: undefined },
          ],
        }),
      ).toBe("");
      const minutes = 3 * HOUR;
      const fastest = Math.max(2, Math.ceil(due("page", subject, 1 / budget)));
      expect(
        await testRules(groups, {
          series: traffic(subject, [{ minutes, perMinute: BUSY, bad: 0 }]),
          expect: [
            { at: minutes, expr: lost, value: undefined },
            // The last counts are five minutes old when they end.
            { at: minutes + 5 + fastest + 2, expr: lost, value: 1 },
            { at: minutes + 8 * HOUR, expr: lost, value: 1 },
            { at: minutes + 8 * HOUR, expr: never, value: undefined },
          ],
        }),
      ).toBe("");
      expect(
        await testRules(groups, {
          series: traffic(subject, [{ minutes, perMinute: 0.1, bad: 0 }]),
          expect: [{ at: minutes + 2 * HOUR, expr: lost, value: undefined }],
        }),
      ).toBe("");
      expect(
        await testRules(groups, {
          series: traffic(subject, [{ minutes, perMinute: 0, bad: 0 }]),
          expect: [lost, never, PAGE, TICKET].map((expr) => ({ at: minutes, expr, value: undefined })),
        }),
      ).toBe("");
    });

    test("uneven traffic leaves the budget that counting leaves, which the average of ratios does not", async () => {
      const days = periodDays(slo);
      const quiet = { minutes: ((days - 1) * DAY) / 2, perMinute: 60, bad: 0 };
      const busy = { minutes: HOUR, perMinute: 6_000, bad: 0.1 };
      const rest = { minutes: days * DAY - quiet.minutes - HOUR, perMinute: 60, bad: 0 };
      // Of the hour at 100 a second a tenth; all the rest at 1 a second are good.
      const ratio = (HOUR * 6_000 * 0.1) / (HOUR * 6_000 + (days * DAY - HOUR) * 60);
      const average = 0.1 / (days * 24);
      const own = `{sloth_slo="${slo.name}"}`;
      const near = (expr: string, value: number): string => `abs(sum(${expr}) - ${value}) < bool 1e-6`;
      // The traffic changes at quarters of an hour, so what is counted at each of them is all there is to count.
      const period = recording(
        groups,
        "slo:sli_bad:increase5m",
        "slo:sli_total:increase5m",
        "slo:sli_error:ratio_rate5m",
        `slo:sli_error:ratio_rate${slo.window}`,
        "slo:period_burn_rate:ratio",
        "slo:period_error_budget_remaining:ratio",
      );
      expect(
        await testRules(period, {
          series: traffic(subject, [quiet, busy, rest]),
          every: 15,
          expect: [
            { at: days * DAY, expr: near(`slo:sli_error:ratio_rate${slo.window}${own}`, ratio), value: 1 },
            { at: days * DAY, expr: near(`slo:period_error_budget_remaining:ratio${own}`, 1 - ratio / budget), value: 1 },
            { at: days * DAY, expr: near(`avg_over_time(slo:sli_error:ratio_rate5m${own}[${slo.window}])`, average), value: 1 },
          ],
        }),
      ).toBe("");
      expect(ratio / average).toBeGreaterThan(5);
    });
  },
);
