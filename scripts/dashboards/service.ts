import { RowBuilder, type Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { BURN_RATES, promDuration, type BurnRate } from "../../src/resources/slo/burn-rates.ts";
import {
  ALL,
  badFrom,
  BUDGET_LEFT,
  CLUSTER,
  dashboard,
  named,
  stat,
  table,
  timeline,
  timeseries,
  variable,
  type Queries,
} from "./panels.ts";

/** How one service keeps its promises, and what the operator says of it. For its squad. */

export const SERVICE_UID = "platform-operator-service";

const SLO = `{${CLUSTER},sloth_service="$namespace/$service",sloth_slo=~"$slo"}`;
const ITSELF = `${CLUSTER},namespace="$namespace",name="$service"`;
/** By a sidecar, or by a waypoint; its requests are counted by one of them. */
const ISTIO = `{${CLUSTER},reporter=~"destination|waypoint",destination_service_namespace="$namespace",destination_service_name="$service"}`;
const APP_MESH = `{${CLUSTER},envoy_http_conn_manager_prefix="ingress",appmesh_virtual_node=~".+_\${namespace}_\${service}"}`;

export function serviceDashboard(): Dashboard {
  return dashboard(
    SERVICE_UID,
    "Platform / Service",
    "One PlatformService: its error budgets, its requests, its alerts, and its conditions.",
  )
    .withVariable(variable("namespace", "Namespace", `label_values(platform_service_info{${CLUSTER}}, namespace)`))
    .withVariable(variable("service", "Service", `label_values(platform_service_info{${CLUSTER},namespace="$namespace"}, name)`))
    .withVariable(
      variable("slo", "SLO", `label_values(sloth_slo_info{${CLUSTER},sloth_service="$namespace/$service"}, sloth_slo)`)
        .includeAll(true)
        .multi(true)
        .current(ALL),
    )
    .withRow(new RowBuilder("Promises"))
    .withPanel(
      stat(
        {
          title: "Error budget left",
          description: "Of the whole period. At 0 as many requests have failed as the objective allows.",
          width: 12,
          unit: "percentunit",
          thresholds: BUDGET_LEFT,
        },
        { "{{sloth_slo}}": `slo:period_error_budget_remaining:ratio${SLO}` },
      ),
    )
    .withPanel(
      stat(
        { title: "Objective", description: "Share of requests that must be good.", width: 6, unit: "percentunit" },
        {
          "{{sloth_slo}}": `slo:objective:ratio${SLO}`,
        },
      ).decimals(4),
    )
    .withPanel(
      stat(
        {
          title: "Burn rate, 5 minutes",
          description: "1 spends the budget in just the period.",
          width: 6,
          thresholds: badFrom(1),
        },
        { "{{sloth_slo}}": `slo:current_burn_rate:ratio${SLO}` },
      ).decimals(2),
    )
    .withPanel(
      timeseries(
        {
          title: "Error budget left",
          description: "It comes back as failures grow older than the period.",
          width: 24,
          unit: "percentunit",
          thresholds: BUDGET_LEFT,
        },
        { "{{sloth_slo}}": `slo:period_error_budget_remaining:ratio${SLO}` },
      ),
    )
    .withPanel(burnRates("page"))
    .withPanel(burnRates("ticket"))
    .withRow(new RowBuilder("Requests"))
    .withPanel(
      timeseries(
        {
          title: "Requests that count",
          description: "By SLO, as its rules record them. None: nobody calls, or nothing measures.",
          width: 8,
          unit: "reqps",
        },
        { "{{sloth_slo}}": `slo:sli_total:increase5m${SLO} / 300` },
      ),
    )
    .withPanel(
      timeseries(
        {
          title: "Bad requests",
          description: "Share that failed, or took too long, by SLO, over 5 minutes.",
          width: 8,
          unit: "percentunit",
        },
        { "{{sloth_slo}}": `slo:sli_error:ratio_rate5m${SLO}`, "{{sloth_slo}} may": `slo:error_budget:ratio${SLO}` },
      ),
    )
    .withPanel(
      timeseries(
        {
          title: "Requests by status",
          description: "As the mesh counts them at the service. gRPC's own status is in grpc_response_status.",
          width: 8,
          unit: "reqps",
        },
        {
          "{{response_code}} {{grpc_response_status}}": `sum by (response_code, grpc_response_status) (rate(istio_requests_total${ISTIO}[$__rate_interval]))`,
          "{{envoy_response_code_class}}xx": `sum by (envoy_response_code_class) (rate(envoy_http_downstream_rq_xx${APP_MESH}[$__rate_interval]))`,
        },
      ),
    )
    .withPanel(
      timeseries(
        {
          title: "Latency",
          description: "As the mesh measures it at the service, between two bounds of its histogram at best.",
          width: 24,
          unit: "ms",
        },
        Object.fromEntries([0.5, 0.95, 0.99].flatMap((quantile) => Object.entries(latency(quantile)))),
      ),
    )
    .withRow(new RowBuilder("What is said of it"))
    .withPanel(
      table(
        {
          title: "Alerts that fire",
          description: "Of its SLOs, and of the operator about it. docs/runbooks has a page for each.",
          width: 12,
        },
        `ALERTS{${CLUSTER},alertstate="firing",sloth_service="$namespace/$service"} or ALERTS{${ITSELF},alertstate="firing",alertname=~"PlatformService.+"}`,
        { labels: ["alertname", "severity", "sloth_slo"], value: "Firing" },
      ),
    )
    .withPanel(
      table(
        { title: "Whose it is", description: "Owner and tier, as its PlatformService says.", width: 6 },
        `max by (owner, tier) (platform_service_info{${ITSELF}})`,
        {
          labels: ["owner", "tier"],
          value: "There",
        },
      ),
    )
    .withPanel(
      stat(
        {
          title: "Since the operator's last look",
          description: "It looks at every service at least once an hour.",
          width: 6,
          unit: "s",
          thresholds: badFrom(7200),
        },
        { "": `time() - max(platform_service_last_reconcile_timestamp_seconds{${ITSELF}})` },
      ).height(8),
    )
    .withPanel(
      timeline(
        {
          title: "Conditions",
          description: "Their words are in kubectl get psvc -o wide.",
          width: 24,
          mappings: named({ "1": ["True", "green"], "0": ["False", "red"], "-1": ["Unknown", "yellow"] }),
        },
        { "{{type}}": `max by (type) (platform_service_condition{${ITSELF}})` },
      ),
    )
    .build();
}

/** One panel an SLO: both windows of each rate that makes such an alert, and the rate above which both have to be. */
function burnRates(severity: BurnRate["severity"]) {
  const rates = BURN_RATES.filter((rate) => rate.severity === severity);
  const windows = rates.flatMap(({ short, long }) => [short, long]).toSorted((a, b) => a - b);
  const burnt = (window: string): string =>
    `slo:sli_error:ratio_rate${window}${SLO} / on (cluster, sloth_id) group_left () slo:error_budget:ratio${SLO}`;
  const queries: Queries = {
    ...Object.fromEntries(windows.map(promDuration).map((window) => [window, burnt(window)])),
    ...Object.fromEntries(
      rates.map(({ percent, long, short }) => [
        `limit of ${promDuration(short)} and ${promDuration(long)}`,
        `slo:time_period:days${SLO} * 24 * 60 * ${percent} / 100 / ${long}`,
      ]),
    ),
  };
  return timeseries(
    {
      title: `Burn rate of $slo: ${severity}`,
      description: `A ${severity} is made while both windows of a rate are above its limit, and enough requests are made to tell.`,
      width: 12,
    },
    queries,
  )
    .repeat("slo")
    .repeatDirection("h")
    .overrideByRegexp("limit.*", [
      { id: "custom.lineStyle", value: { fill: "dash", dash: [8, 8] } },
      { id: "custom.fillOpacity", value: 0 },
    ]);
}

function latency(quantile: number): Queries {
  const of = (series: string): string => `histogram_quantile(${quantile}, sum by (le) (rate(${series}[$__rate_interval])))`;
  return {
    [`p${quantile * 100}`]: of(`istio_request_duration_milliseconds_bucket${ISTIO}`),
    [`p${quantile * 100} (App Mesh)`]: of(`envoy_http_downstream_rq_time_bucket${APP_MESH}`),
  };
}
