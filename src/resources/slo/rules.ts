import { keyString } from "../../crds/meta.ts";
import type { EffectiveService } from "../../crds/effective.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import type { Slo } from "../../crds/service/slos.ts";
import type { RequestMetrics } from "../mesh/mesh.ts";
import { labelMatchers } from "../promql.ts";
import {
  BURN_RATES,
  errorBudget,
  errorThreshold,
  fewestRequests,
  minutesToPage,
  objectiveRatio,
  periodDays,
  promDuration,
  type BurnRate,
} from "./burn-rates.ts";
import { BAD, INFO, REMAINING, TOTAL } from "./series.ts";
import { indicatorOf, queryScope, type Indicator } from "./indicator.ts";

/** Prometheus rules of a service's SLOs. Series and labels are named as Sloth's (sloth.dev), so that its dashboards and routes work with them. */

export interface RuleGroup {
  readonly name: string;
  /** How often its rules are evaluated. */
  readonly interval: string;
  readonly rules: readonly Rule[];
}

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
  readonly labels: Labels;
}

export interface AlertingRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Labels;
  readonly annotations: Labels;
}

export type Rule = RecordingRule | AlertingRule;
type Labels = Readonly<Record<string, string>>;

/** Counts over five minutes, of which longer windows are summed: an average of ratios would weigh a quiet hour as a busy one. */
const COUNTED = 5;
/** Minutes: each request is in five of the counts. */
const EVERY = 1;
/** Minutes; what sums over days need not be newer, and a missed evaluation is still no gap. */
const SLOW_EVERY = 2;
/** Minutes. The fastest page is counted from the mesh's own series: sums of the counts lag by half of their five minutes. */
const LONGEST_RAW = 60;
/** Minutes. */
const LONGEST_FAST = 6 * 60;
/** Minutes: some missed scrapes are no outage. */
const LEAST_PATIENCE = 2;
/** Requests that are to be expected in the time before what is missing pages: that none came by chance is then once in a million such times. */
const NO_CHANCE = 14;

/** One SLO of one service, and what is the same in all of its rules. */
interface Subject {
  readonly service: EffectiveService;
  readonly slo: Slo;
  readonly labels: Labels;
  /** Selects its series, as `{sloth_id="…"}`. */
  readonly own: string;
  readonly config: OperatorConfig;
}

/** Two groups for each SLO, of fewer rules than the twenty that Mimir and Cortex take by default. Undefined indicators are refused before (limits.ts) and left out here. */
export function buildRuleGroups(
  service: EffectiveService,
  metrics: RequestMetrics | undefined,
  config: OperatorConfig,
): readonly RuleGroup[] {
  return service.slos.flatMap((slo) => {
    const indicator = indicatorOf(slo, metrics, queryScope(service, config));
    if (indicator === undefined) return [];
    const labels = {
      sloth_id: `${keyString(service.key)}/${slo.name}`,
      sloth_service: keyString(service.key),
      sloth_slo: slo.name,
      ...config.slos.seriesLabels,
    };
    const own = `{${labelMatchers(labels).join(",")}}`;
    const subject: Subject = { service, slo, labels, own, config };
    return [
      { name: labels.sloth_id, interval: promDuration(EVERY), rules: [...fastRules(subject, indicator), ...alerts(subject)] },
      { name: `${labels.sloth_id}/period`, interval: promDuration(SLOW_EVERY), rules: slowRules(subject) },
    ];
  });
}

/** Ascending. */
const WINDOWS: readonly number[] = [...new Set(BURN_RATES.flatMap(({ short, long }) => [short, long]))].toSorted((a, b) => a - b);

function fastRules(subject: Subject, indicator: Indicator): readonly Rule[] {
  const counted = promDuration(COUNTED);
  return [
    { record: BAD, expr: indicator.bad(counted), labels: subject.labels },
    { record: TOTAL, expr: indicator.total(counted), labels: subject.labels },
    ...WINDOWS.filter((minutes) => minutes <= LONGEST_FAST).map((minutes) => {
      const window = promDuration(minutes);
      return ratio(
        subject,
        window,
        minutes > LONGEST_RAW ? ofCounts(subject, window) : `${indicator.bad(window)} / (${indicator.total(window)} > 0)`,
      );
    }),
    burnRate(subject, "slo:current_burn_rate:ratio", counted),
  ];
}

function slowRules(subject: Subject): readonly Rule[] {
  const { slo, labels, own } = subject;
  const long = WINDOWS.filter((minutes) => minutes > LONGEST_FAST).map(promDuration);
  return [
    ...[...long, slo.window].map((window) => ratio(subject, window, ofCounts(subject, window))),
    { record: "slo:objective:ratio", expr: `vector(${objectiveRatio(slo)})`, labels },
    { record: "slo:error_budget:ratio", expr: `vector(${errorBudget(slo)})`, labels },
    { record: "slo:time_period:days", expr: `vector(${periodDays(slo)})`, labels },
    burnRate(subject, "slo:period_burn_rate:ratio", slo.window),
    { record: REMAINING, expr: `1 - slo:period_burn_rate:ratio${own}`, labels },
    {
      record: INFO,
      expr: "vector(1)",
      labels: { ...labels, sloth_mode: "platform-operator", sloth_objective: slo.objective, sloth_spec: "platform-operator.dev/v1alpha1" },
    },
  ];
}

function ratio({ labels }: Subject, window: string, expr: string): Rule {
  return { record: errorRatio(window), expr, labels: { ...labels, sloth_window: window } };
}

function ofCounts({ own }: Subject, window: string): string {
  return `sum_over_time(${BAD}${own}[${window}]) / (sum_over_time(${TOTAL}${own}[${window}]) > 0)`;
}

function burnRate({ slo, labels, own }: Subject, record: string, window: string): Rule {
  return { record, expr: `${errorRatio(window)}${own} / ${errorBudget(slo)}`, labels };
}

function alerts(subject: Subject): readonly Rule[] {
  const { slo, own } = subject;
  const missing = `absent(${BAD}${own})`;
  const patience = Math.max(LEAST_PATIENCE, Math.ceil(minutesToPage(slo)));
  const busy = Math.ceil((NO_CHANCE * 60) / (patience + COUNTED));
  // In the hour before it went missing; where that is no longer in sight, as long as it is told.
  const wasBusy = `sum_over_time(${TOTAL}${own}[1h] offset ${promDuration(patience + 2 * COUNTED)}) * ${EVERY / COUNTED} >= ${busy}`;
  // Also after a gap of Prometheus itself.
  const isTold = `last_over_time(ALERTS{alertname="SLOMeasurementLost",alertstate="firing",${own.slice(1)}[1h])`;
  return [
    ...(["page", "ticket"] as const).map((severity) =>
      alert(subject, severity, {
        alert: "SLOErrorBudgetBurn",
        // Without the window it is the same alert, whichever of the rates is exceeded.
        expr: `max without(sloth_window) (\n${BURN_RATES.filter((rate) => rate.severity === severity)
          .map((rate) => tooFast(subject, rate))
          .join("\nor ignoring(sloth_window)\n")}\n)`,
        summary: `The error budget of ${slo.name} is spent too fast`,
      }),
    ),
    alert(subject, "page", {
      alert: "SLOMeasurementLost",
      expr: `${missing} and on() (${wasBusy} or ${isTold})`,
      for: promDuration(patience),
      summary: `${slo.name} was measured, and is no longer: the service may be down`,
    }),
    alert(subject, "ticket", {
      alert: "SLONotMeasured",
      expr: missing,
      for: "1d",
      summary: `Nothing measures ${slo.name}: nobody calls the service, or its mesh is not scraped`,
    }),
  ];
}

/** Both windows exceed the rate, and there are so many requests that it takes more than one to fail. */
function tooFast({ slo, own }: Subject, rate: BurnRate): string {
  const most = errorThreshold(slo, rate);
  const [short, long] = [promDuration(rate.short), promDuration(rate.long)];
  return [
    `(\n  ${errorRatio(short)}${own} > ${most}`,
    `  and ignoring(sloth_window) ${errorRatio(long)}${own} > ${most}`,
    `  and ignoring(sloth_window) sum_over_time(${TOTAL}${own}[${long}]) * ${EVERY / COUNTED} >= ${fewestRequests(slo, rate)}\n)`,
  ].join("\n");
}

interface AlertParts {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly summary: string;
}

function alert({ service, slo, labels, config }: Subject, severity: BurnRate["severity"], { summary, ...parts }: AlertParts): Rule {
  const { runbookUrl, dashboardUrl } = config.slos;
  const link = (template: string): string =>
    template
      .replaceAll("{namespace}", service.key.namespace)
      .replaceAll("{service}", service.key.name)
      .replaceAll("{slo}", slo.name)
      .replaceAll("{alert}", parts.alert);
  return {
    ...parts,
    labels: { ...labels, severity, sloth_severity: severity, owner: service.owner, tier: service.spec.tier },
    annotations: {
      title: `(${severity}) ${keyString(service.key)}: ${summary}`,
      summary,
      ...(runbookUrl !== null && { runbook_url: link(runbookUrl) }),
      ...(dashboardUrl !== null && { dashboard_url: link(dashboardUrl) }),
    },
  };
}

function errorRatio(window: string): string {
  return `slo:sli_error:ratio_rate${window}`;
}
