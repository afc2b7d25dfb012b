import { describe, expect, test } from "vitest";
import type { OperatorConfig } from "../../src/crds/operator-config.ts";
import { virtualNodeName } from "../../src/resources/app-mesh/names.ts";
import { meshOf } from "../../src/resources/mesh/choose.ts";
import { buildRuleGroups } from "../../src/resources/slo/rules.ts";
import { appMeshConfig } from "../support/app-mesh-config.ts";
import { testConfig, testService } from "../support/effective-services.ts";
import { testRules, type Series } from "../support/slo/promtool.ts";

/** What each indicator counts of each mesh's series, and of a squad's own, by Prometheus' test runner; and nothing of what is beside them. */

const KEY = { namespace: "dispatch", name: "web" };
const SIDECAR = testConfig();
const AMBIENT = testConfig({ mesh: { istio: { dataPlane: "Ambient" } } });
const APP_MESH = appMeshConfig();
/** Requests a minute, of which a quarter are bad. */
const ALL = 6_000;
const MINUTES = 60;

interface Case {
  readonly config: OperatorConfig;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly good: readonly string[];
  readonly bad: readonly string[];
  /** Of every request. */
  readonly all?: readonly string[];
  /** What is none of it: as many again, each. */
  readonly beside?: readonly string[];
}

function counter(metric: string, labels: Readonly<Record<string, string>>): string {
  const selectors = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return `${metric}{${selectors.join(",")}}`;
}

const istio = (reporter: string, more: Readonly<Record<string, string>>): string =>
  counter("istio_requests_total", {
    reporter,
    destination_service_namespace: KEY.namespace,
    destination_service_name: KEY.name,
    ...more,
  });
const istioTime = (part: string, reporter: string, more: Readonly<Record<string, string>> = {}): string =>
  istio(reporter, more).replace("istio_requests_total", `istio_request_duration_milliseconds_${part}`);
const envoy = (metric: string, more: Readonly<Record<string, string>>): string =>
  counter(`envoy_http_downstream_${metric}`, {
    envoy_http_conn_manager_prefix: "ingress",
    appmesh_virtual_node: virtualNodeName(KEY, APP_MESH),
    ...more,
  });

const AVAILABILITY = { port: 8080, slos: [{ name: "answers", objective: "99", indicator: "availability" }] };
const GRPC = { ...AVAILABILITY, protocol: "grpc" };
const within = (threshold: string) => ({ port: 8080, slos: [{ name: "answers", objective: "99", indicator: "latency", threshold }] });
const own = (queries: object) => ({ slos: [{ name: "answers", objective: "99", queries }] });

/** A histogram of a sidecar whose bound is written so. */
function histogram(threshold: string, le: string): Case {
  return {
    config: SIDECAR,
    spec: within(threshold),
    good: [istioTime("bucket", "destination", { le })],
    bad: [],
    all: [istioTime("bucket", "destination", { le: "+Inf" }), istioTime("count", "destination")],
    beside: [istioTime("bucket", "destination", { le: "5" })],
  };
}

const CASES: Readonly<Record<string, Case>> = {
  "a waypoint's requests": {
    config: AMBIENT,
    spec: AVAILABILITY,
    good: [istio("waypoint", { response_code: "200" })],
    bad: [istio("waypoint", { response_code: "503" })],
    beside: [istio("source", { response_code: "503" }), istio("waypoint", { response_code: "500" }).replace(KEY.name, "other")],
  },
  "a waypoint's times": {
    config: AMBIENT,
    spec: within("250ms"),
    good: [istioTime("bucket", "waypoint", { le: "250" })],
    bad: [],
    all: [istioTime("bucket", "waypoint", { le: "+Inf" }), istioTime("count", "waypoint")],
    beside: [istioTime("bucket", "destination", { le: "250" })],
  },
  "a sidecar's requests": {
    config: SIDECAR,
    spec: AVAILABILITY,
    good: [istio("destination", { response_code: "404" })],
    bad: [istio("destination", { response_code: "500" })],
    beside: [istio("source", { response_code: "500" })],
  },
  "a sidecar's times, as the proxy writes the bound": histogram("250ms", "250"),
  "as Prometheus 3 makes it of that": histogram("250ms", "250.0"),
  "of a minute's bound": histogram("1m", "60000.0"),
  "of half an hour's, as the proxy writes it": histogram("30m", "1800000"),
  "and as Prometheus 3 does": histogram("30m", "1.8e+06"),
  "gRPC's failures by its own status": {
    config: SIDECAR,
    spec: GRPC,
    good: [istio("destination", { response_code: "200", grpc_response_status: "0" })],
    bad: [istio("destination", { response_code: "200", grpc_response_status: "14" })],
  },
  "gRPC's that have no status, as the proxy's own": {
    config: SIDECAR,
    spec: GRPC,
    good: [
      istio("destination", { response_code: "200", grpc_response_status: "0" }),
      istio("destination", { response_code: "200", grpc_response_status: "5" }),
    ],
    bad: [istio("destination", { response_code: "503", grpc_response_status: "" })],
  },
  "gRPC's of both kinds, each once": {
    config: SIDECAR,
    spec: GRPC,
    good: [istio("destination", { response_code: "200", grpc_response_status: "0" })],
    bad: [
      istio("destination", { response_code: "503", grpc_response_status: "14" }),
      istio("destination", { response_code: "503", grpc_response_status: "" }),
    ],
  },
  "App Mesh's requests": {
    config: APP_MESH,
    spec: AVAILABILITY,
    good: [envoy("rq_xx", { envoy_response_code_class: "2" })],
    bad: [envoy("rq_xx", { envoy_response_code_class: "5" })],
    beside: [envoy("rq_xx", { envoy_http_conn_manager_prefix: "egress", envoy_response_code_class: "5" })],
  },
  "App Mesh's times": {
    config: APP_MESH,
    spec: within("250ms"),
    good: [envoy("rq_time_bucket", { le: "250" })],
    bad: [],
    all: [envoy("rq_time_bucket", { le: "+Inf" }), envoy("rq_time_count", {})],
    beside: [envoy("rq_time_bucket", { envoy_http_conn_manager_prefix: "egress", le: "250" })],
  },
  "what is good by a query of the squad's own": {
    config: SIDECAR,
    spec: own({ good: "increase(orders_done_total[window])", total: "increase(orders_total[window])" }),
    good: [counter("orders_done_total", { namespace: KEY.namespace })],
    bad: [],
    all: [counter("orders_total", { namespace: KEY.namespace })],
    beside: [counter("orders_total", { namespace: "elsewhere" }), counter("orders_done_total", { namespace: "elsewhere" })],
  },
  "what is bad by one": {
    config: SIDECAR,
    spec: own({ bad: "sum(increase(orders_failed_total[window]))", total: "sum(increase(orders_total[window]))" }),
    good: [],
    bad: [counter("orders_failed_total", { namespace: KEY.namespace })],
    all: [counter("orders_total", { namespace: KEY.namespace })],
    beside: [counter("orders_failed_total", { namespace: "elsewhere" })],
  },
};

function seriesOf({ good, bad, all = [], beside = [] }: Case): readonly Series[] {
  const rising = (names: readonly string[], perMinute: number): readonly Series[] =>
    names.map((name) => ({ name, segments: [{ minutes: MINUTES, perMinute: perMinute / names.length }] }));
  return [
    ...rising(good, ALL * 0.75),
    ...rising(bad, ALL * 0.25),
    ...all.flatMap((name) => rising([name], ALL)),
    ...beside.flatMap((name) => rising([name], ALL)),
  ];
}

describe.concurrent.each(Object.entries(CASES))("%s", (_, one) => {
  test("are counted, a quarter of them as bad, and that pages", async () => {
    const service = testService({ ...KEY, spec: one.spec, config: one.config });
    const groups = buildRuleGroups(service, meshOf(service).requestMetrics(service, one.config), one.config);
    const near = (series: string, value: number, by: number): string => `abs(sum(${series}) - ${value}) < bool ${by}`;
    expect(
      await testRules(groups, {
        series: seriesOf(one),
        expect: [
          { at: MINUTES, expr: near("slo:sli_total:increase5m", 5 * ALL, 1), value: 1 },
          { at: MINUTES, expr: near("slo:sli_error:ratio_rate5m", 0.25, 1e-6), value: 1 },
          { at: MINUTES, expr: near("slo:sli_error:ratio_rate1h", 0.25, 1e-6), value: 1 },
          { at: MINUTES, expr: 'count(ALERTS{alertname="SLOErrorBudgetBurn",severity="page",alertstate="firing"})', value: 1 },
        ],
      }),
    ).toBe("");
  });
});
