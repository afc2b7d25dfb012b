import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import type { ConditionStatus } from "../crds/conditions.ts";
import type { ObjectKey } from "../crds/meta.ts";
import { ServiceSeries, type ServiceInfo } from "./service-series.ts";

/**
 * Every metric, declared once with its cardinality. controller-runtime's and client-go's names where they have one, so that existing
 * dashboards work. No reason, message, ARN or digest is ever a label.
 */

const DURATION_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const READY_BUCKETS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800];

/** AWS's codes for "too many calls" (aws.md, Errors). */
const THROTTLED: ReadonlySet<string> = new Set([
  "Throttling",
  "ThrottlingException",
  "TooManyRequestsException",
  "RequestLimitExceeded",
  "429",
]);

/** Every state of an SLO, so that each is a series from the first. */
const SLO_STATES = ["Healthy", "Low", "Exhausted", "NoTraffic", "NoSamples", "RuleNotLoaded", "Unknown"];

export type ReconcileResult = "success" | "requeue_after" | "error";

export interface Metrics {
  /** What a scrape is answered: everything, in Prometheus' text format. */
  text(): Promise<string>;
  readonly contentType: string;
  reconciled(controller: string, result: ReconcileResult, seconds: number): void;
  kubeRequest(verb: string, resource: string, code: number, seconds: number): void;
  awsRequest(service: string, operation: string, code: string, seconds: number): void;
  driftCorrected(kind: string): void;
  eventDropped(): void;
  /** Whether the registry's own rules are about every repository under the prefix. */
  registryCovers(prefix: string, rules: { readonly scanning: boolean; readonly replication: boolean }): void;
  /** Number of AWS objects of a kind that carry this cluster's tags and that no service wants, but for those that are kept on purpose. */
  orphans(kind: string, count: number): void;
  /** Drops the series of what is counted of the whole cluster: another process has them now. */
  forgetCluster(): void;
  /** Whether the Prometheus that is asked for error budgets answered, and when (seconds of the wall clock). */
  prometheusAsked(url: string, answered: boolean, at: number): void;
  /** Number of SLOs by state. */
  slos(counts: ReadonlyMap<string, number>): void;
  /** Sets the series of a service; replaces what its labels were before. */
  service(key: ObjectKey, info: ServiceInfo, conditions: readonly { readonly type: string; readonly status: ConditionStatus }[]): void;
  lastReconcile(key: ObjectKey, seconds: number): void;
  readyAfter(tier: string, seconds: number): void;
  /** How long the longest pass of a queue runs, all that run together, and how long the key waits that has waited longest, in seconds. */
  queueAges(name: string, read: { longestRunningSeconds(): number; unfinishedSeconds(): number; oldestSeconds(): number }): void;
  /** Removes every series of a service. */
  forget(key: ObjectKey): void;
  /** As `forget`, of every service that it holds of and that has a series. */
  forgetWhere(isSo: (key: ObjectKey) => boolean): void;
  /** Undefined: there is nothing to tell, and no series. */
  watchAge(resource: string, read: () => number | undefined): void;
  queue(name: string): {
    depth(priority: string, depth: number): void;
    add(): void;
    queueDuration(seconds: number): void;
    workDuration(seconds: number): void;
    retry(): void;
  };
  activeWorkers(controller: string, count: number): void;
  /** Whether this process holds the lease of that name. */
  leads(lease: string, holds: boolean): void;
}

export function createMetrics(options: { readonly version: string; readonly perService: "Full" | "Aggregate" }): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  new Gauge({ name: "platform_operator_build_info", help: "Always 1; the version that runs.", labelNames: ["version"], registers }).set(
    { version: options.version },
    1,
  );

  // controller-runtime's. Cardinality: controllers x results.
  const reconcileTotal = new Counter({
    name: "controller_runtime_reconcile_total",
    help: "Passes by controller and result.",
    labelNames: ["controller", "result"],
    registers,
  });
  const reconcileErrors = new Counter({
    name: "controller_runtime_reconcile_errors_total",
    help: "Passes that are retried, by controller.",
    labelNames: ["controller"],
    registers,
  });
  const reconcileTime = new Histogram({
    name: "controller_runtime_reconcile_time_seconds",
    help: "Duration of a pass.",
    labelNames: ["controller"],
    buckets: DURATION_BUCKETS,
    registers,
  });
  const workers = new Gauge({
    name: "controller_runtime_active_workers",
    help: "Workers that are in a pass.",
    labelNames: ["controller"],
    registers,
  });
  // client-go's. Cardinality: 1 a shard. Summed over the replicas it is 1; 0 for longer than the lease's duration is nobody at work.
  const leader = new Gauge({
    name: "leader_election_master_status",
    help: "1 for the replica that works under the lease, 0 for one that stands by.",
    labelNames: ["name"],
    registers,
  });
  // client-go's. Cardinality: queues.
  const queues = new Map<string, Parameters<Metrics["queueAges"]>[1]>();
  new Gauge({
    name: "workqueue_longest_running_processor_seconds",
    help: "How long the longest pass runs by now.",
    labelNames: ["name", "controller"],
    registers,
    collect(): void {
      for (const [name, read] of queues) this.set({ name, controller: name }, read.longestRunningSeconds());
    },
  });
  new Gauge({
    name: "workqueue_unfinished_work_seconds",
    help: "How long all passes that run have run by now; a steady growth is a pass that hangs.",
    labelNames: ["name", "controller"],
    registers,
    collect(): void {
      for (const [name, read] of queues) this.set({ name, controller: name }, read.unfinishedSeconds());
    },
  });
  // Cardinality: queues. client-go has none: its workqueue_queue_duration_seconds is told only of keys that no longer wait.
  new Gauge({
    name: "platform_queue_oldest_age_seconds",
    help: "How long the key waits by now that has waited longest; 0 where none does.",
    labelNames: ["name"],
    registers,
    collect(): void {
      for (const [name, read] of queues) this.set({ name }, read.oldestSeconds());
    },
  });
  const depth = new Gauge({ name: "workqueue_depth", help: "Keys that wait.", labelNames: ["name", "controller", "priority"], registers });
  const adds = new Counter({ name: "workqueue_adds_total", help: "Keys added.", labelNames: ["name", "controller"], registers });
  const queued = new Histogram({
    name: "workqueue_queue_duration_seconds",
    help: "How long a key waits.",
    labelNames: ["name", "controller"],
    buckets: DURATION_BUCKETS,
    registers,
  });
  const worked = new Histogram({
    name: "workqueue_work_duration_seconds",
    help: "How long a key is worked on.",
    labelNames: ["name", "controller"],
    buckets: DURATION_BUCKETS,
    registers,
  });
  const retries = new Counter({
    name: "workqueue_retries_total",
    help: "Keys added with back-off.",
    labelNames: ["name", "controller"],
    registers,
  });
  // Cardinality: verbs x resources x codes.
  const kube = new Counter({
    name: "rest_client_requests_total",
    help: "Requests to the API server; code 0 is no answer.",
    labelNames: ["method", "resource", "code"],
    registers,
  });
  const kubeTime = new Histogram({
    name: "rest_client_request_duration_seconds",
    help: "Duration of requests to the API server.",
    labelNames: ["verb"],
    buckets: DURATION_BUCKETS,
    registers,
  });
  // Cardinality: kinds that are watched. None of a kind that the API server does not serve.
  const ages = new Map<string, () => number | undefined>();
  new Gauge({
    name: "platform_watch_last_event_age_seconds",
    help: "Seconds since a watch last said anything, bookmarks included.",
    labelNames: ["resource"],
    registers,
    collect(): void {
      for (const [resource, read] of ages) {
        const age = read();
        if (age === undefined) this.remove({ resource });
        else this.set({ resource }, age);
      }
    },
  });
  // Cardinality: services x operations x codes of AWS.
  const aws = new Counter({
    name: "platform_aws_requests_total",
    help: "Calls to AWS.",
    labelNames: ["service", "operation", "code"],
    registers,
  });
  const awsTime = new Histogram({
    name: "platform_aws_request_duration_seconds",
    help: "Duration of calls to AWS.",
    labelNames: ["service", "operation"],
    buckets: DURATION_BUCKETS,
    registers,
  });
  const awsThrottled = new Counter({
    name: "platform_aws_throttled_total",
    help: "Calls that AWS throttled.",
    labelNames: ["service"],
    registers,
  });
  // Cardinality: tiers.
  const ready = new Histogram({
    name: "platform_service_ready_seconds",
    help: "From a change of the spec to Ready.",
    labelNames: ["tier"],
    buckets: READY_BUCKETS,
    registers,
  });
  // Cardinality: kinds.
  const drift = new Counter({
    name: "platform_service_drift_corrected_total",
    help: "Changes by others that were put back.",
    labelNames: ["kind"],
    registers,
  });
  // Cardinality: 1 each. Absent before the first sweep. Alert: platform_registry_scanning == 0.
  const scanning = new Gauge({
    name: "platform_registry_scanning",
    help: "1 where the ECR registry scans every repository under the prefix, on push or all the time; 0 where not.",
    labelNames: ["prefix"],
    registers,
  });
  const replication = new Gauge({
    name: "platform_registry_replication",
    help: "1 where the ECR registry replicates every repository under the prefix; 0 where not.",
    labelNames: ["prefix"],
    registers,
  });
  // Cardinality: 1 each, and states of SLOs (7). Absent where none is asked. Alert: platform_prometheus_up == 0; platform_slos{state=~"RuleNotLoaded|NoSamples"} > 0.
  const prometheusUp = new Gauge({
    name: "platform_prometheus_up",
    help: "1 where the Prometheus that is asked for error budgets answered the last query in whole, 0 where not.",
    labelNames: ["url"],
    registers,
  });
  const prometheusAnswered = new Gauge({
    name: "platform_prometheus_last_answer_timestamp_seconds",
    help: "When it last answered.",
    labelNames: ["url"],
    registers,
  });
  const slos = new Gauge({
    name: "platform_slos",
    help: "SLOs by what is known of them: Healthy, Low, Exhausted; NoTraffic, NoSamples, RuleNotLoaded where nothing is measured; Unknown where no answer tells.",
    labelNames: ["state"],
    registers,
  });
  // Cardinality: kinds of AWS objects (seven). None of a kind that no service has.
  const orphans = new Gauge({
    name: "platform_aws_orphans",
    help: "AWS objects that carry this cluster's tags and that no service wants, but for those kept on purpose; as the last sweep saw it.",
    labelNames: ["kind"],
    registers,
  });
  const dropped = new Counter({
    name: "platform_events_dropped_total",
    help: "Kubernetes events that could not be written, or were lost: too many waited.",
    registers,
  });

  const services = options.perService === "Full" ? new ServiceSeries() : undefined;

  for (const controller of ["platformservice", "platformtier"]) {
    for (const result of ["success", "requeue_after", "error"]) reconcileTotal.inc({ controller, result }, 0);
    reconcileErrors.inc({ controller }, 0);
    workers.set({ controller }, 0);
  }

  return {
    text: async () => [await registry.metrics(), ...(services ? [services.text()] : [])].join("\n"),
    contentType: registry.contentType,
    forget: (key) => services?.forget(key),
    forgetWhere: (isSo) => services?.forgetWhere(isSo),
    reconciled(controller, result, seconds) {
      reconcileTotal.inc({ controller, result });
      if (result === "error") reconcileErrors.inc({ controller });
      reconcileTime.observe({ controller }, seconds);
    },
    kubeRequest(verb, resource, code, seconds) {
      kube.inc({ method: verb, resource, code: String(code) });
      kubeTime.observe({ verb }, seconds);
    },
    awsRequest(service, operation, code, seconds) {
      aws.inc({ service, operation, code });
      awsTime.observe({ service, operation }, seconds);
      if (THROTTLED.has(code)) awsThrottled.inc({ service });
    },
    driftCorrected: (kind) => drift.inc({ kind }),
    eventDropped: () => dropped.inc(),
    registryCovers(prefix, rules) {
      scanning.set({ prefix }, rules.scanning ? 1 : 0);
      replication.set({ prefix }, rules.replication ? 1 : 0);
    },
    orphans: (kind, count) => orphans.set({ kind }, count),
    forgetCluster() {
      for (const gauge of [orphans, scanning, replication]) gauge.reset();
    },
    prometheusAsked(url, answered, at) {
      prometheusUp.set({ url }, answered ? 1 : 0);
      if (answered) prometheusAnswered.set({ url }, at);
    },
    slos(counts) {
      for (const state of SLO_STATES) slos.set({ state }, counts.get(state) ?? 0);
    },
    service: (key, info, conditions) => services?.set(key, info, conditions),
    lastReconcile: (key, seconds) => services?.reconciled(key, seconds),
    readyAfter: (tier, seconds) => ready.observe({ tier }, seconds),
    watchAge: (resource, read) => void ages.set(resource, read),
    queue(name) {
      const labels = { name, controller: name };
      adds.inc(labels, 0);
      retries.inc(labels, 0);
      return {
        depth: (priority, value) => depth.set({ ...labels, priority }, value),
        add: () => adds.inc(labels),
        queueDuration: (seconds) => queued.observe(labels, seconds),
        workDuration: (seconds) => worked.observe(labels, seconds),
        retry: () => retries.inc(labels),
      };
    },
    queueAges: (name, read) => void queues.set(name, read),
    activeWorkers: (controller, count) => workers.set({ controller }, count),
    leads: (name, holds) => leader.set({ name }, holds ? 1 : 0),
  };
}
