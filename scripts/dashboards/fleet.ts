import { RowBuilder, type Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { SERVICE_UID } from "./service.ts";
import { badFrom, BUDGET_LEFT, CLUSTER, dashboard, named, stat, table, timeline, timeseries } from "./panels.ts";

/** Every service at a glance, and whether the operator keeps up. For the platform team. */

const ALL = `{${CLUSTER}}`;
/** The operator's own, of metrics that every controller has by the same name. */
const OPERATOR = `and on (cluster, job, instance) platform_operator_build_info${ALL}`;
const CONTROLLER = `{${CLUSTER},controller=~"platformservice|platformtier"}`;
const QUEUE = `{${CLUSTER},name=~"platformservice|platformtier"}`;

function condition(type: string): string {
  return `max by (cluster, namespace, name) (platform_service_condition{${CLUSTER},type="${type}"})`;
}

/** How many, and 0 where none. */
function count(query: string): string {
  return `count(${query}) or vector(0)`;
}

function rate(by: string, metric: string, selector = ALL): string {
  return `sum by (${by}) (rate(${metric}${selector}[$__rate_interval]))`;
}

function p95(by: string, histogram: string, selector = ALL): string {
  return `histogram_quantile(0.95, sum by (${by}, le) (rate(${histogram}_bucket${selector}[$__rate_interval])))`;
}

export function fleetDashboard(): Dashboard {
  return dashboard("platform-operator-fleet", "Platform / Fleet", "Every PlatformService at a glance, and whether the operator keeps up.")
    .withRow(new RowBuilder("Services"))
    .withPanel(
      stat(
        { title: "Services", description: "As many as the operator has looked at since it leads.", width: 4 },
        { "": count(`max by (cluster, namespace, name) (platform_service_info${ALL})`) },
      ),
    )
    .withPanel(stat({ title: "Ready", description: "As their files say.", width: 4 }, { "": count(`${condition("Ready")} == 1`) }))
    .withPanel(
      stat(
        { title: "Not ready", description: "Something is wrong with each.", width: 4, thresholds: badFrom(1) },
        { "": count(`${condition("Ready")} == 0`) },
      ),
    )
    .withPanel(
      stat({ title: "Under way", description: "Not known yet, as in a rollout.", width: 4 }, { "": count(`${condition("Ready")} == -1`) }),
    )
    .withPanel(
      stat(
        { title: "Stalled", description: "Each waits for a person.", width: 4, thresholds: badFrom(1) },
        { "": count(`${condition("Stalled")} == 1`) },
      ),
    )
    .withPanel(
      stat({ title: "Suspended", description: "Nothing is written for them.", width: 4 }, { "": count(`${condition("Suspended")} == 1`) }),
    )
    .withPanel(
      table(
        {
          title: "Not ready",
          description: "Why is in kubectl get psvc -A -o wide.",
          width: 12,
          mappings: named({ "0": ["False", "red"], "-1": ["Unknown", "yellow"] }),
        },
        `(${condition("Ready")} < 1) * on (cluster, namespace, name) group_left (owner, tier) max by (cluster, namespace, name, owner, tier) (platform_service_info${ALL})`,
        { labels: ["cluster", "namespace", "name", "owner", "tier"], value: "Ready" },
      ).overrideByName("name", [serviceLink("${__data.fields.namespace}", "${__value.raw}")]),
    )
    .withPanel(
      table(
        { title: "Alerts that fire", description: "Of the operator, and of SLOs. docs/runbooks has a page for each.", width: 12 },
        `ALERTS{${CLUSTER},alertstate="firing",alertname=~"Platform.+|SLO.+"}`,
        { labels: ["alertname", "severity", "owner", "sloth_id", "namespace", "name"], value: "Firing" },
      ),
    )
    .withPanel(
      timeseries(
        { title: "Time to Ready, 95th percentile", description: "From a change of the spec, by tier.", width: 12, unit: "s" },
        { "{{tier}}": p95("tier", "platform_service_ready_seconds") },
      ),
    )
    .withPanel(
      timeseries(
        {
          title: "Drift put back",
          description: "Changes by others that the operator took back, by kind. Steady: someone fights it.",
          width: 12,
        },
        { "{{kind}}": `sum by (kind) (increase(platform_service_drift_corrected_total${ALL}[$__rate_interval]))` },
      ),
    )
    .withRow(new RowBuilder("SLOs"))
    .withPanel(
      table(
        {
          title: "Least error budget left",
          description: "The worst of the fleet first. Below 0 the promise is broken.",
          width: 16,
          unit: "percentunit",
          thresholds: BUDGET_LEFT,
        },
        `sort(bottomk(50, slo:period_error_budget_remaining:ratio${ALL}))`,
        { labels: ["cluster", "sloth_service", "sloth_slo"], value: "Budget left" },
      ),
    )
    .withPanel(
      timeseries(
        {
          title: "SLOs by what is known of them",
          description: "As the operator reads it in Prometheus. Steady RuleNotLoaded or NoSamples: no alert of theirs fires.",
          width: 8,
        },
        { "{{state}}": `sum by (state) (platform_slos${ALL})` },
      ),
    )
    .withRow(new RowBuilder("The operator's work"))
    .withPanel(
      timeline(
        {
          title: "Leaders",
          description: "Of each shard one works at a time.",
          width: 12,
          mappings: named({ "1": ["leads", "green"], "0": ["stands by", "blue"] }),
        },
        { "{{name}} {{instance}}": `leader_election_master_status{${CLUSTER},name=~"platform-operator(-shard-[0-9]+)?"}` },
      ),
    )
    .withPanel(
      table(
        { title: "Versions", description: "More than one for long: a rollout that does not end.", width: 12 },
        `count by (cluster, version) (platform_operator_build_info${ALL})`,
        { labels: ["cluster", "version"], value: "Replicas" },
      ),
    )
    .withPanel(
      timeseries(
        { title: "Keys that wait", description: "high: a change; low: a look again.", width: 8 },
        { "{{name}} {{priority}}": `sum by (name, priority) (workqueue_depth${QUEUE})` },
      ),
    )
    .withPanel(
      timeseries(
        {
          title: "Oldest",
          description: "Of the key that waits longest and of the pass that runs longest. Ten minutes are an alert.",
          width: 8,
          unit: "s",
          thresholds: badFrom(600),
        },
        {
          "waits in {{name}}": `max by (name) (platform_queue_oldest_age_seconds${QUEUE})`,
          "runs in {{name}}": `max by (name) (workqueue_longest_running_processor_seconds${QUEUE})`,
        },
      ),
    )
    .withPanel(
      timeseries(
        {
          title: "Wait for a worker, 95th percentile",
          description: "More than seconds: more workers, or fewer changes at a time.",
          width: 8,
          unit: "s",
        },
        { "{{name}}": p95("name", "workqueue_queue_duration_seconds", QUEUE) },
      ),
    )
    .withPanel(
      timeseries(
        { title: "Passes", description: "By result. requeue_after: it is waited for something.", width: 8, unit: "ops" },
        { "{{controller}} {{result}}": rate("controller, result", "controller_runtime_reconcile_total", CONTROLLER) },
      ),
    )
    .withPanel(
      timeseries(
        { title: "Duration of a pass", description: "Half of them, and 95 %, are faster.", width: 8, unit: "s" },
        {
          "{{controller}} p95": p95("controller", "controller_runtime_reconcile_time_seconds", CONTROLLER),
          "{{controller}} mean": `${rate("controller", "controller_runtime_reconcile_time_seconds_sum", CONTROLLER)} / ${rate("controller", "controller_runtime_reconcile_time_seconds_count", CONTROLLER)}`,
        },
      ),
    )
    .withPanel(
      timeseries(
        { title: "Passes that fail", description: "Each is tried again, ever more seldom.", width: 8, unit: "ops" },
        {
          "{{controller}} fail": rate("controller", "controller_runtime_reconcile_errors_total", CONTROLLER),
          "{{name}} again": rate("name", "workqueue_retries_total", QUEUE),
        },
      ),
    )
    .withPanel(
      timeseries(
        { title: "Workers in a pass", description: "As many as there are, for long: more workers would help.", width: 8 },
        { "{{controller}}": `sum by (controller) (controller_runtime_active_workers${CONTROLLER})` },
      ),
    )
    .withPanel(
      timeseries(
        { title: "Memory", description: "By replica.", width: 8, unit: "bytes" },
        { "{{instance}}": `process_resident_memory_bytes${ALL} ${OPERATOR}` },
      ),
    )
    .withPanel(
      timeseries(
        { title: "CPU, and the event loop's lag", description: "A lag of a second delays the lease's renewal.", width: 8 },
        {
          "{{instance}} cores": `rate(process_cpu_seconds_total${ALL}[$__rate_interval]) ${OPERATOR}`,
          "{{instance}} lag in s": `nodejs_eventloop_lag_p99_seconds${ALL} ${OPERATOR}`,
        },
      ),
    )
    .withRow(new RowBuilder("AWS"))
    .withPanel(
      timeseries(
        { title: "Calls", description: "By AWS's service; the SDK's own retries are among them.", width: 8, unit: "reqps" },
        { "{{service}}": rate("service", "platform_aws_requests_total") },
      ),
    )
    .withPanel(
      timeseries(
        {
          title: "Answers that are no success",
          description: "Some are asked for, as NoSuchEntityException of what is not there yet.",
          width: 8,
          unit: "reqps",
        },
        {
          "{{service}} {{code}}": rate("service, code", "platform_aws_requests_total", `{${CLUSTER},code!="OK"}`),
          "{{service}} throttled": rate("service", "platform_aws_throttled_total"),
        },
      ),
    )
    .withPanel(
      timeseries(
        { title: "Duration of a call, 95th percentile", description: "By AWS's service.", width: 8, unit: "s" },
        { "{{service}}": p95("service", "platform_aws_request_duration_seconds") },
      ),
    )
    .withPanel(
      timeline(
        {
          title: "The ECR registry",
          description: "Whether it scans, and replicates, every repository under the prefix.",
          width: 24,
          mappings: named({ "1": ["yes", "green"], "0": ["no", "red"] }),
        },
        {
          "scans {{prefix}}": `min by (prefix) (platform_registry_scanning${ALL})`,
          "replicates {{prefix}}": `min by (prefix) (platform_registry_replication${ALL})`,
        },
      ).height(5),
    )
    .withPanel(
      timeseries(
        {
          title: "Objects that no service wants",
          description:
            "They carry this cluster's tags, and nobody kept them on purpose. An hour of any is an alert; platform-operator audit names them.",
          width: 24,
        },
        { "{{kind}}": `max by (kind) (platform_aws_orphans${ALL})` },
      ).height(5),
    )
    .withRow(new RowBuilder("The API server"))
    .withPanel(
      timeseries(
        {
          title: "Since a watch said something",
          description: "Bookmarks come about once a minute. Ten minutes are an alert.",
          width: 8,
          unit: "s",
          thresholds: badFrom(600),
        },
        { "{{resource}}": `max by (resource) (platform_watch_last_event_age_seconds${ALL})` },
      ),
    )
    .withPanel(
      timeseries(
        {
          title: "Requests",
          description: "By method and status; 0 is no answer. An idle fleet makes next to none.",
          width: 8,
          unit: "reqps",
        },
        { "{{method}} {{code}}": `sum by (method, code) (rate(rest_client_requests_total${ALL}[$__rate_interval]) ${OPERATOR})` },
      ),
    )
    .withPanel(
      timeseries(
        { title: "Duration of a request, 95th percentile", description: "By verb.", width: 8, unit: "s" },
        {
          "{{verb}}": `histogram_quantile(0.95, sum by (verb, le) (rate(rest_client_request_duration_seconds_bucket${ALL}[$__rate_interval]) ${OPERATOR}))`,
        },
      ),
    )
    .withPanel(
      timeseries(
        { title: "Events that could not be written", description: "What people would have read in kubectl describe.", width: 24 },
        { dropped: `sum(increase(platform_events_dropped_total${ALL}[$__rate_interval]))` },
      ).height(5),
    )
    .build();
}

/** To the service's own dashboard, of the same cluster and time. */
function serviceLink(namespace: string, service: string) {
  return {
    id: "links",
    value: [
      {
        title: "its dashboard",
        url: `/d/${SERVICE_UID}?\${datasource:queryparam}&\${cluster:queryparam}&var-namespace=${namespace}&var-service=${service}&\${__url_time_range}`,
      },
    ],
  };
}
