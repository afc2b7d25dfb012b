import { describe, expect, test } from "vitest";
import { chartAlerts } from "../support/chart-alerts.ts";
import { checkRules, testRules, type Series } from "../support/slo/promtool.ts";

/** When the operator's own alerts fire, by Prometheus' test runner, over series as the operator tells them. */

const GROUPS = chartAlerts();
const BUILD: Series = { name: 'platform_operator_build_info{version="1.2.3",pod="a"}', values: "1x600" };

/** Minutes at which an alert is asked for: it fires at `fires`, and nothing does at `quiet`. */
interface Case {
  readonly when: string;
  readonly series: readonly Series[];
  readonly fires?: readonly number[];
  readonly quiet?: readonly number[];
  /** Of the alert that fires, as `name="platformservice"`. */
  readonly labels?: string;
}

function gauge(name: string, values: string): Series {
  return { name, values };
}

function counter(name: string, ...segments: readonly [minutes: number, perMinute: number][]): Series {
  return { name, segments: segments.map(([minutes, perMinute]) => ({ minutes, perMinute })) };
}

/** Of one service, as its leader tells it: its conditions by their values. */
function service(conditions: Readonly<Record<string, string>>, pod = "a"): readonly Series[] {
  return [
    gauge(`platform_service_info{namespace="dispatch",name="matching",owner="dispatch-squad",tier="tier-1",pod="${pod}"}`, "1x600"),
    ...Object.entries(conditions).map(([type, values]) =>
      gauge(`platform_service_condition{namespace="dispatch",name="matching",type="${type}",pod="${pod}"}`, values),
    ),
  ];
}

/** Of a service whose leader is another one from the 150th minute on, which tells of it some minutes later. */
function movedService(type: string, value: string): readonly Series[] {
  const of = `namespace="dispatch",name="matching"`;
  return [
    gauge(`platform_service_info{${of},owner="dispatch-squad",tier="tier-1",pod="a"}`, "1x150 stale"),
    gauge(`platform_service_condition{${of},type="${type}",pod="a"}`, `${value}x150 stale`),
    gauge(`platform_service_info{${of},owner="dispatch-squad",tier="tier-1",pod="b"}`, "_x156 1x200"),
    gauge(`platform_service_condition{${of},type="${type}",pod="b"}`, `_x156 ${value}x200`),
  ];
}

const OWNED = 'namespace="dispatch",name="matching",owner="dispatch-squad",tier="tier-1"';

const CASES: Readonly<Record<string, readonly Case[]>> = {
  PlatformOperatorAbsent: [
    { when: "nothing is scraped", series: [], quiet: [14], fires: [16] },
    {
      when: "its pods go",
      series: [gauge('platform_operator_build_info{version="1.2.3",pod="a"}', "1x30 stale")],
      quiet: [30, 44],
      fires: [47],
    },
    {
      when: "one of its pods goes",
      series: [gauge('platform_operator_build_info{version="1.2.2",pod="b"}', "1x30 stale"), BUILD],
      quiet: [60, 120],
    },
  ],
  PlatformOperatorNoLeader: [
    {
      when: "every replica stands by",
      series: ["a", "b"].map((pod) => gauge(`leader_election_master_status{name="platform-operator",pod="${pod}"}`, "0x60")),
      quiet: [4],
      fires: [6],
    },
    {
      when: "one leads, and then the other",
      series: [
        gauge('leader_election_master_status{name="platform-operator",pod="a"}', "1x30 0x60"),
        gauge('leader_election_master_status{name="platform-operator",pod="b"}', "0x33 1x60"),
      ],
      quiet: [10, 30, 33, 60],
    },
    {
      when: "the lease is another controller's",
      series: [gauge('leader_election_master_status{name="cert-manager-controller",pod="a"}', "0x60")],
      quiet: [30, 60],
    },
    {
      when: "nobody has the lease of one shard of two",
      series: [
        gauge('leader_election_master_status{name="platform-operator",pod="a"}', "1x60"),
        gauge('leader_election_master_status{name="platform-operator-shard-1",pod="a"}', "0x60"),
      ],
      quiet: [4],
      fires: [6],
    },
    { when: "there is one operator without a lease", series: [], quiet: [60] },
  ],
  PlatformOperatorQueueStuck: [
    {
      when: "a key waits, and goes on to",
      series: [gauge('platform_queue_oldest_age_seconds{name="platformservice",pod="a"}', "0x30 0+60x60")],
      quiet: [30, 44],
      fires: [50],
      labels: 'name="platformservice"',
    },
    {
      when: "a pass hangs while others run",
      series: [
        gauge('platform_queue_oldest_age_seconds{name="platformservice",pod="a"}', "0x120"),
        gauge('workqueue_longest_running_processor_seconds{name="platformservice",controller="platformservice",pod="a"}', "0x30 0+60x60"),
      ],
      quiet: [30, 44],
      fires: [50],
      labels: 'name="platformservice"',
    },
    {
      when: "many keys wait, each for minutes",
      series: [
        gauge('platform_queue_oldest_age_seconds{name="platformservice",pod="a"}', "0+60x8 0+60x8 0+60x8 0+60x8 0+60x8"),
        gauge('workqueue_depth{name="platformservice",controller="platformservice",priority="low",pod="a"}', "2000x60"),
      ],
      quiet: [10, 20, 30, 40],
    },
    {
      when: "another controller's pass is long",
      series: [gauge('workqueue_longest_running_processor_seconds{name="certificates",controller="certificates"}', "0+60x60")],
      quiet: [30, 60],
    },
  ],
  PlatformOperatorWatchOld: [
    {
      when: "a watch says nothing",
      series: [gauge('platform_watch_last_event_age_seconds{resource="pods",pod="a"}', "30x30 0+60x60")],
      quiet: [30, 44],
      fires: [50],
      labels: 'resource="pods"',
    },
    {
      when: "nothing changes, and bookmarks come",
      series: [gauge('platform_watch_last_event_age_seconds{resource="pods",pod="a"}', "0 60 0 60 0 60 0 60 0 60 0 60 0 60 0 60 0 60")],
      quiet: [8, 17],
    },
    {
      when: "it is interrupted for some minutes",
      series: [gauge('platform_watch_last_event_age_seconds{resource="pods",pod="a"}', "0+60x12 0x60")],
      quiet: [12, 17, 30],
    },
  ],
  PlatformOperatorReconcileErrors: [
    {
      when: "a third of the passes fail",
      series: [
        counter('controller_runtime_reconcile_errors_total{controller="platformservice",pod="a"}', [30, 0], [90, 2]),
        counter('controller_runtime_reconcile_total{controller="platformservice",result="success",pod="a"}', [120, 4]),
        counter('controller_runtime_reconcile_total{controller="platformservice",result="error",pod="a"}', [30, 0], [90, 2]),
      ],
      quiet: [30, 60],
      fires: [75, 120],
      labels: 'controller="platformservice"',
    },
    {
      when: "one service of a quiet fleet fails, every five minutes",
      series: [
        counter('controller_runtime_reconcile_errors_total{controller="platformservice",pod="a"}', [240, 0.2]),
        counter('controller_runtime_reconcile_total{controller="platformservice",result="success",pod="a"}', [240, 0]),
        counter('controller_runtime_reconcile_total{controller="platformservice",result="error",pod="a"}', [240, 0.2]),
      ],
      quiet: [60, 120, 240],
    },
    {
      when: "few of very many passes fail",
      series: [
        counter('controller_runtime_reconcile_errors_total{controller="platformservice",pod="a"}', [240, 5]),
        counter('controller_runtime_reconcile_total{controller="platformservice",result="success",pod="a"}', [240, 100]),
        counter('controller_runtime_reconcile_total{controller="platformservice",result="error",pod="a"}', [240, 5]),
      ],
      quiet: [60, 120, 240],
    },
    {
      when: "another controller's fail",
      series: [
        counter('controller_runtime_reconcile_errors_total{controller="certificates"}', [240, 5]),
        counter('controller_runtime_reconcile_total{controller="certificates",result="error"}', [240, 5]),
      ],
      quiet: [60, 120, 240],
    },
  ],
  PlatformOperatorAWSThrottled: [
    {
      when: "a tenth of the calls to one service is throttled",
      series: [
        counter('platform_aws_throttled_total{service="iam",pod="a"}', [60, 0], [90, 6]),
        counter('platform_aws_requests_total{service="iam",operation="GetRole",code="OK",pod="a"}', [150, 54]),
        counter('platform_aws_requests_total{service="iam",operation="GetRole",code="Throttling",pod="a"}', [60, 0], [90, 6]),
        counter('platform_aws_requests_total{service="ecr",operation="DescribeRepositories",code="OK",pod="a"}', [150, 54]),
      ],
      quiet: [60, 90],
      fires: [120, 150],
      labels: 'service="iam"',
    },
    {
      when: "some calls of a start are",
      series: [
        counter('platform_aws_throttled_total{service="iam",pod="a"}', [10, 6], [140, 0]),
        counter('platform_aws_requests_total{service="iam",operation="GetRole",code="OK",pod="a"}', [150, 54]),
        counter('platform_aws_requests_total{service="iam",operation="GetRole",code="Throttling",pod="a"}', [10, 6], [140, 0]),
      ],
      quiet: [10, 30, 45, 90],
    },
  ],
  PlatformRegistryNotScanned: [
    {
      when: "it does not scan",
      series: [gauge('platform_registry_scanning{prefix="prod/",pod="a"}', "0x90")],
      quiet: [59],
      fires: [61],
      labels: 'prefix="prod/"',
    },
    { when: "it does", series: [gauge('platform_registry_scanning{prefix="prod/",pod="a"}', "1x90")], quiet: [90] },
    { when: "no sweep has told yet", series: [], quiet: [90] },
  ],
  PlatformAWSOrphans: [
    {
      when: "a service left something",
      series: [
        gauge('platform_aws_orphans{kind="Role",pod="a"}', "0x30 2x90"),
        gauge('platform_aws_orphans{kind="Repository",pod="a"}', "0x120"),
      ],
      quiet: [30, 89],
      fires: [92],
      labels: 'kind="Role"',
    },
    {
      when: "a service is on its way out",
      series: [gauge('platform_aws_orphans{kind="Role",pod="a"}', "0x30 1x40 0x60")],
      quiet: [60, 100],
    },
    { when: "no sweep has told yet", series: [], quiet: [90] },
  ],
  PlatformPrometheusAway: [
    {
      when: "it does not answer",
      series: [gauge('platform_prometheus_up{url="http://p:9090",pod="a"}', "1x30 0x60")],
      quiet: [30, 59],
      fires: [62],
    },
    {
      when: "it does not for a quarter of an hour",
      series: [gauge('platform_prometheus_up{url="http://p:9090",pod="a"}', "1x30 0x15 1x60")],
      quiet: [46, 90],
    },
    { when: "none is asked", series: [BUILD], quiet: [90] },
  ],
  PlatformServiceNotReady: [
    { when: "Ready is False", series: service({ Ready: "1x30 0x300" }), quiet: [30, 149], fires: [152], labels: OWNED },
    { when: "Ready is Unknown", series: service({ Ready: "1x30 -1x300" }), quiet: [30, 149], fires: [152], labels: OWNED },
    { when: "a rollout takes half an hour", series: service({ Ready: "1x30 -1x30 1x300" }), quiet: [60, 180, 300] },
    { when: "it is suspended", series: service({ Ready: "0x300", Suspended: "1x300" }), quiet: [150, 300] },
    { when: "another replica takes over while it fires", series: movedService("Ready", "0"), fires: [125, 153, 156, 160, 280] },
    { when: "it becomes ready", series: service({ Ready: "0x150 1x300" }), fires: [130], quiet: [170] },
  ],
  PlatformServiceStalled: [
    { when: "it is", series: service({ Ready: "0x90", Stalled: "_x9 1x80" }), quiet: [9, 38], fires: [42], labels: OWNED },
    {
      when: "it is for hours, and not ready either",
      series: service({ Ready: "0x300", Stalled: "1x300" }),
      fires: [42, 150, 300],
      labels: OWNED,
    },
    { when: "it is, and suspended", series: service({ Ready: "0x90", Stalled: "1x90", Suspended: "1x90" }), quiet: [60, 90] },
    { when: "it was for ten minutes", series: service({ Ready: "0x90", Stalled: "1x10 stale" }), quiet: [20, 60, 90] },
    { when: "it is not", series: service({ Ready: "-1x90" }), quiet: [60, 90] },
    { when: "another replica takes over while it fires", series: movedService("Stalled", "1"), fires: [125, 153, 156, 160, 190] },
  ],
  PlatformServiceSLOUnmeasured: [
    { when: "SLOsReady is False", series: service({ Ready: "1x120", SLOsReady: "0x120" }), quiet: [59], fires: [61], labels: OWNED },
    {
      when: "SLOsReady is Unknown, as where no Prometheus answers",
      series: service({ Ready: "1x120", SLOsReady: "-1x120" }),
      quiet: [120],
    },
    { when: "SLOsReady is True", series: service({ Ready: "1x120", SLOsReady: "1x120" }), quiet: [120] },
    { when: "it is suspended", series: service({ Ready: "0x120", SLOsReady: "0x120", Suspended: "1x120" }), quiet: [120] },
  ],
};

test("they are valid", async () => {
  expect(await checkRules(GROUPS)).toBe("");
});

test("each has its cases: when it fires, and when it does not", () => {
  expect(Object.keys(CASES)).toEqual(GROUPS.flatMap(({ rules }) => rules.map(({ alert }) => alert)));
  for (const cases of Object.values(CASES)) {
    expect(cases.some(({ fires }) => fires !== undefined)).toBe(true);
    expect(cases.some(({ fires }) => fires === undefined)).toBe(true);
  }
});

describe.each(Object.entries(CASES))("%s", (alert, cases) => {
  test.each(cases.map((one) => [one.when, one] as const))("when %s", async (_, { series, fires = [], quiet = [], labels = "" }) => {
    const firing = `count(ALERTS{alertname="${alert}",alertstate="firing"${labels === "" ? "" : `,${labels}`}})`;
    expect(
      await testRules(GROUPS, {
        // But for this one the operator is there.
        series: alert === "PlatformOperatorAbsent" ? series : [...series, BUILD],
        expect: [
          ...fires.map((at) => ({ at, expr: firing, value: 1 })),
          // No other does, then or else.
          ...fires.map((at) => ({ at, expr: 'count(ALERTS{alertstate="firing"})', value: 1 })),
          ...quiet.map((at) => ({ at, expr: 'count(ALERTS{alertstate="firing"})', value: undefined })),
        ],
      }),
    ).toBe("");
  });
});
