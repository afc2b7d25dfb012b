import { describe, expect, test } from "vitest";
import { createMetrics, type Metrics } from "../../../src/telemetry/metrics.ts";

const KEY = { namespace: "dispatch", name: "matching" };
const INFO = { owner: "dispatch-squad", tier: "tier-1" };

async function series(metrics: Metrics, of: string): Promise<string[]> {
  return (await metrics.text()).split("\n").filter((line) => line.includes(of) && !line.startsWith("#"));
}

function metricsOf(perService: "Full" | "Aggregate" = "Full"): Metrics {
  return createMetrics({ version: "1.2.3", perService });
}

describe("the metrics of a service", () => {
  test("say each condition as 1, 0 or -1, and who owns it", async () => {
    const metrics = metricsOf();
    metrics.service(KEY, INFO, [
      { type: "Ready", status: "False" },
      { type: "IdentityReady", status: "True" },
      { type: "WorkloadReady", status: "Unknown" },
    ]);
    expect(await series(metrics, 'name="matching"')).toEqual([
      'platform_service_condition{namespace="dispatch",name="matching",type="Ready"} 0',
      'platform_service_condition{namespace="dispatch",name="matching",type="IdentityReady"} 1',
      'platform_service_condition{namespace="dispatch",name="matching",type="WorkloadReady"} -1',
      'platform_service_info{namespace="dispatch",name="matching",owner="dispatch-squad",tier="tier-1"} 1',
    ]);
  });

  test("are escaped as Prometheus reads them, each family once, whatever else is told", async () => {
    const metrics = metricsOf();
    metrics.service(KEY, { owner: 'a "b"\\c\nd', tier: "tier-1" }, [{ type: "Ready", status: "True" }]);
    metrics.lastReconcile(KEY, 1_764_000_000.25);
    expect(await series(metrics, "platform_service_info")).toEqual([
      'platform_service_info{namespace="dispatch",name="matching",owner="a \\"b\\"\\\\c\\nd",tier="tier-1"} 1',
    ]);
    expect(await series(metrics, "platform_service_last")).toEqual([
      'platform_service_last_reconcile_timestamp_seconds{namespace="dispatch",name="matching"} 1764000000.25',
    ]);
    const text = await metrics.text();
    const families = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    expect(families).toEqual([...new Set(families)]);
    expect(text.endsWith("\n")).toBe(true);
  });

  test("leave nothing of a condition, an owner or a tier that is no more", async () => {
    const metrics = metricsOf();
    metrics.service(KEY, INFO, [{ type: "Stalled", status: "True" }]);
    metrics.service(KEY, { ...INFO, tier: "tier-2" }, [{ type: "Ready", status: "True" }]);
    expect(await series(metrics, 'name="matching"')).toEqual([
      'platform_service_condition{namespace="dispatch",name="matching",type="Ready"} 1',
      'platform_service_info{namespace="dispatch",name="matching",owner="dispatch-squad",tier="tier-2"} 1',
    ]);
  });

  test("are all removed when it goes, and stay so when a late pass ends", async () => {
    const metrics = metricsOf();
    metrics.service(KEY, INFO, [{ type: "Ready", status: "True" }]);
    metrics.lastReconcile(KEY, 100);
    metrics.forget(KEY);
    metrics.lastReconcile(KEY, 101);
    expect(await series(metrics, 'name="matching"')).toEqual([]);
  });

  test("are not there for a fleet that wants only aggregates", async () => {
    const metrics = metricsOf("Aggregate");
    metrics.service(KEY, INFO, [{ type: "Ready", status: "True" }]);
    metrics.lastReconcile(KEY, 100);
    expect(await series(metrics, 'name="matching"')).toEqual([]);
  });
});

describe("counters", () => {
  test("of passes start at 0, so that a rate over them is right from the first", async () => {
    expect(await series(metricsOf(), "controller_runtime_reconcile_total")).toHaveLength(6);
  });

  test("count a throttled call to AWS as such", async () => {
    const metrics = metricsOf();
    metrics.awsRequest("iam", "CreateRole", "Throttling", 0.1);
    metrics.awsRequest("iam", "CreateRole", "OK", 0.1);
    expect(await series(metrics, "platform_aws_throttled_total")).toEqual(['platform_aws_throttled_total{service="iam"} 1']);
    expect(await series(metrics, "platform_aws_requests_total")).toEqual([
      'platform_aws_requests_total{service="iam",operation="CreateRole",code="Throttling"} 1',
      'platform_aws_requests_total{service="iam",operation="CreateRole",code="OK"} 1',
    ]);
  });
});

test("the age of a watch is asked for when metrics are read, and absent before its first word", async () => {
  const metrics = metricsOf();
  let age: number | undefined;
  metrics.watchAge("pods", () => age);
  expect(await series(metrics, "platform_watch_last_event_age_seconds")).toEqual([]);
  age = 12;
  expect(await series(metrics, "platform_watch_last_event_age_seconds")).toEqual([
    'platform_watch_last_event_age_seconds{resource="pods"} 12',
  ]);
});

test("the age of a watch is gone when its kind is no longer served", async () => {
  const metrics = metricsOf();
  let age: number | undefined = 12;
  metrics.watchAge("podmonitors.monitoring.coreos.com", () => age);
  expect(await series(metrics, "platform_watch_last_event_age_seconds")).toHaveLength(1);
  age = undefined;
  expect(await series(metrics, "platform_watch_last_event_age_seconds")).toEqual([]);
});

test("what runs and what waits in a queue is asked for when metrics are read", async () => {
  const metrics = metricsOf();
  metrics.queueAges("platformservice", { longestRunningSeconds: () => 3, unfinishedSeconds: () => 5, oldestSeconds: () => 7 });
  expect(await series(metrics, "_seconds{name=")).toEqual([
    'workqueue_longest_running_processor_seconds{name="platformservice",controller="platformservice"} 3',
    'workqueue_unfinished_work_seconds{name="platformservice",controller="platformservice"} 5',
    'platform_queue_oldest_age_seconds{name="platformservice"} 7',
  ]);
});

test("what is counted of the whole cluster is no longer said when another process has it, until this one counts again", async () => {
  const metrics = metricsOf();
  metrics.orphans("Role", 2);
  metrics.registryCovers("", { scanning: true, replication: false });
  metrics.forgetCluster();
  for (const name of ["platform_aws_orphans", "platform_registry_scanning", "platform_registry_replication"])
    expect(await series(metrics, name)).toEqual([]);
  metrics.orphans("Role", 1);
  expect(await series(metrics, "platform_aws_orphans")).toEqual(['platform_aws_orphans{kind="Role"} 1']);
});

test("the replica that leads says 1, one that stands by says 0, one without a lease says nothing", async () => {
  const metrics = metricsOf();
  expect(await series(metrics, "leader_election_master_status")).toEqual([]);
  metrics.leads("platform-operator", false);
  expect(await series(metrics, "leader_election_master_status")).toEqual(['leader_election_master_status{name="platform-operator"} 0']);
  metrics.leads("platform-operator", true);
  expect(await series(metrics, "leader_election_master_status")).toEqual(['leader_election_master_status{name="platform-operator"} 1']);
});
