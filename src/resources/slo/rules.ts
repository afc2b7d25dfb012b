import { keyString } from "../../crds/meta.ts";
import type { EffectiveService } from "../../crds/effective.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import type { Slo } from "../../crds/service/slos.ts";
import type { RequestMetrics } from "../mesh/mesh.ts";
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
import { indicatorOf, type Indicator } from "./indicator.ts";

/** Prometheus rules of a service's SLOs. Series and labels are named as Sloth's (sloth.dev), so that its dashboards and routes work with them. */

export interface RuleGroup {
  readonly name: string;
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
const BAD = "slo:sli_bad:increase5m";
const TOTAL = "slo:sli_total:increase5m";
/** Minutes. A window that decides a page is counted from the mesh's own series: sums of the counts lag by up to five minutes. */
const LONGEST_RAW = 6 * 60;
/** Minutes: some missed scrapes are no outage. */
const LEAST_PATIENCE = 2;

/** One SLO of one service, and what is the same in all of its rules. */
interface Subject {
  readonly service: EffectiveService;
  readonly slo: Slo;
  readonly labels: Labels;
  /** Selects its series, as `{sloth_id="…"}`. */
  readonly own: string;
  readonly config: OperatorConfig;
}

/** Three groups for each SLO, each below the twenty rules that Mimir and Cortex take by default. */
export function buildRuleGroups(service: EffectiveService, metrics: RequestMetrics, config: OperatorConfig): readonly RuleGroup[] {
  return (service.spec.slos ?? []).flatMap((slo) => {
    const labels = {
      sloth_id: `${keyString(service.key)}/${slo.name}`,
      sloth_service: keyString(service.key),
      sloth_slo: slo.name,
    };
    const own = `{${Object.entries(labels)
      .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      .join(",")}}`;
    const subject: Subject = { service, slo, labels, own, config };
    return [
      { name: `sloth-slo-sli-recordings-${labels.sloth_id}`, rules: indicatorRules(subject, indicatorOf(slo, metrics)) },
      { name: `sloth-slo-meta-recordings-${labels.sloth_id}`, rules: metadataRules(subject) },
      { name: `sloth-slo-alerts-${labels.sloth_id}`, rules: alerts(subject) },
    ];
  });
}

function indicatorRules({ slo, labels, own }: Subject, indicator: Indicator): readonly Rule[] {
  const ratio = (window: string, expr: string): Rule => ({
    record: errorRatio(window),
    expr,
    labels: { ...labels, sloth_window: window },
  });
  const counted = promDuration(COUNTED);
  const windows = [...new Set(BURN_RATES.flatMap(({ short, long }) => [short, long]))].toSorted((a, b) => a - b);
  const ofCounts = (window: string): string => `sum_over_time(${BAD}${own}[${window}]) / (sum_over_time(${TOTAL}${own}[${window}]) > 0)`;
  return [
    { record: BAD, expr: indicator.bad(counted), labels },
    { record: TOTAL, expr: indicator.total(counted), labels },
    ...windows.map((minutes) => {
      const window = promDuration(minutes);
      return ratio(window, minutes > LONGEST_RAW ? ofCounts(window) : `${indicator.bad(window)} / (${indicator.total(window)} > 0)`);
    }),
    ratio(slo.window, ofCounts(slo.window)),
  ];
}

function metadataRules({ slo, labels, own }: Subject): readonly Rule[] {
  const burn = (window: string): string =>
    `${errorRatio(window)}${own} / on(sloth_id, sloth_slo, sloth_service) group_left() slo:error_budget:ratio${own}`;
  return [
    { record: "slo:objective:ratio", expr: `vector(${objectiveRatio(slo)})`, labels },
    { record: "slo:error_budget:ratio", expr: `vector(${errorBudget(slo)})`, labels },
    { record: "slo:time_period:days", expr: `vector(${periodDays(slo)})`, labels },
    { record: "slo:current_burn_rate:ratio", expr: burn(promDuration(COUNTED)), labels },
    { record: "slo:period_burn_rate:ratio", expr: burn(slo.window), labels },
    { record: "slo:period_error_budget_remaining:ratio", expr: `1 - slo:period_burn_rate:ratio${own}`, labels },
    {
      record: "sloth_slo_info",
      expr: "vector(1)",
      labels: { ...labels, sloth_mode: "platform-operator", sloth_objective: slo.objective, sloth_spec: "platform-operator.dev/v1alpha1" },
    },
  ];
}

function alerts(subject: Subject): readonly Rule[] {
  const { slo, own } = subject;
  const missing = `absent(${BAD}${own})`;
  const seenOfLate = `count_over_time(${TOTAL}${own}[1d]) > 0`;
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
      expr: `${missing} and on() (${seenOfLate})`,
      for: promDuration(Math.max(LEAST_PATIENCE, Math.ceil(minutesToPage(slo)))),
      summary: `${slo.name} was measured, and is no longer: the service may be down`,
    }),
    alert(subject, "ticket", {
      alert: "SLONeverMeasured",
      expr: `${missing} unless on() (${seenOfLate})`,
      for: "1h",
      summary: `Nothing measures ${slo.name}: nobody calls the service, or its mesh is not scraped`,
    }),
  ];
}

/** Both windows exceed the rate, and there are so many requests that it takes more than one to fail. */
function tooFast({ slo, own }: Subject, rate: BurnRate): string {
  const most = errorThreshold(slo, rate);
  const [short, long] = [promDuration(rate.short), promDuration(rate.long)];
  const requests = `${rate.long / COUNTED} * avg_over_time(${TOTAL}${own}[${long}])`;
  return [
    `(\n  ${errorRatio(short)}${own} > ${most}`,
    `  and ignoring(sloth_window) ${errorRatio(long)}${own} > ${most}`,
    `  and ignoring(sloth_window) ${requests} >= ${fewestRequests(slo, rate)}\n)`,
  ].join("\n");
}

interface AlertParts {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly summary: string;
}

function alert({ service, slo, config }: Subject, severity: BurnRate["severity"], { summary, ...parts }: AlertParts): Rule {
  const { runbookUrl, dashboardUrl } = config.slos;
  const link = (template: string): string =>
    template
      .replaceAll("{namespace}", service.key.namespace)
      .replaceAll("{service}", service.key.name)
      .replaceAll("{slo}", slo.name)
      .replaceAll("{alert}", parts.alert);
  return {
    ...parts,
    labels: { severity, sloth_severity: severity, owner: service.owner, tier: service.spec.tier },
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
