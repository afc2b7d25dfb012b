import { durationMs, type EffectiveService } from "../../crds/effective.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { virtualNodeName } from "../app-mesh/names.ts";
import { labelMatchers } from "../promql.ts";
import type { RequestMetrics } from "./mesh.ts";

/** How each mesh's proxies count requests, for SLOs. */

/** Of Envoy's histograms where nobody sets others, in milliseconds (istio.io/api 1.31.1, sidecar.istio.io/statsHistogramBuckets). */
const DEFAULT_BOUNDS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000,
];

/** Of gRPC's statuses, those that google.rpc.Code maps to HTTP's 5xx: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const GRPC_FAILURES = "2|4|12|13|14|15";

/** Whether an SLO of the service is measured by what its mesh counts, and not by queries of its squad alone. */
export function isMeasuredByMesh({ slos }: EffectiveService): boolean {
  return slos.some(({ indicator }) => indicator !== undefined);
}

function increase(metric: string, labels: readonly string[], window: string): string {
  return `increase(${metric}{${labels.join(",")}}[${window}])`;
}

/** Of a histogram in milliseconds. */
function timesOf(histogram: string, own: readonly string[]): Pick<RequestMetrics, "timed" | "timedWithin"> {
  const within = (ms: number, window: string): string => increase(`${histogram}_bucket`, [...own, upTo(ms)], window);
  return {
    timed: (ms, window) => `sum(${increase(`${histogram}_count`, own, window)} and ignoring(le) ${within(ms, window)})`,
    timedWithin: (ms, window) => `sum(${within(ms, window)})`,
  };
}

/** The bound as clients write it, 250, and as Prometheus 3 makes it of that: 250.0, or 1.8e+06 from a million on (its labels.FormatOpenMetricsFloat). */
function upTo(ms: number): string {
  if (!Number.isInteger(ms)) return `le="${ms}"`;
  if (ms < 1_000_000) return `le=~"${ms}(\\\\.0)?"`;
  const [mantissa = "", exponent = ""] = ms.toExponential().split("e+");
  return `le=~"${ms}|${mantissa.replace(".", "\\\\.")}e\\\\+${exponent.padStart(2, "0")}"`;
}

/** By the service's own sidecars, whose histograms have a bound for each threshold that its squad writes. */
export function sidecarRequestMetrics(service: EffectiveService, config: OperatorConfig): RequestMetrics {
  return istioRequestMetrics(service, config, { reporter: "destination", bounds: sidecarBounds(service) });
}

/** By its waypoint, which is the platform's. */
export function waypointRequestMetrics(service: EffectiveService, config: OperatorConfig): RequestMetrics {
  return istioRequestMetrics(service, config, { reporter: "waypoint", bounds: DEFAULT_BOUNDS });
}

function sidecarBounds(service: EffectiveService): readonly number[] {
  return [...new Set([...DEFAULT_BOUNDS, ...ownBounds(service)])].toSorted((a, b) => a - b);
}

/** What the sidecar is asked for beside its default bounds: nothing where the pod template is not ours. */
function ownBounds({ slos, spec: { workloadRef } }: EffectiveService): readonly number[] {
  if (workloadRef !== undefined) return [];
  return slos.flatMap(({ threshold }) => (threshold === undefined ? [] : [durationMs(threshold)]));
}

/** The pod's annotation that asks for bounds of the service's own; undefined: the default ones do. It holds for all of Istio's histograms, which its prefix matches. */
export function histogramBounds(service: EffectiveService): string | undefined {
  if (ownBounds(service).every((ms) => DEFAULT_BOUNDS.includes(ms))) return undefined;
  return JSON.stringify({ istiocustom: sidecarBounds(service) });
}

function istioRequestMetrics(
  { key, spec }: EffectiveService,
  config: OperatorConfig,
  { reporter, bounds }: { readonly reporter: "destination" | "waypoint"; readonly bounds: readonly number[] },
): RequestMetrics {
  const own = [
    `reporter="${reporter}"`,
    `destination_service_namespace="${key.namespace}"`,
    `destination_service_name="${key.name}"`,
    ...labelMatchers(config.slos.seriesLabels),
  ];
  const requests = (window: string, ...more: readonly string[]): string =>
    `sum(${increase("istio_requests_total", [...own, ...more], window)})`;
  return {
    protocols: ["http", "http2", "grpc"],
    bounds,
    requests,
    failures(window) {
      if (spec.protocol !== "grpc") return requests(window, 'response_code=~"5.."');
      const byGrpc = requests(window, `grpc_response_status=~"${GRPC_FAILURES}"`);
      const byHttpAlone = requests(window, `grpc_response_status!~"${GRPC_FAILURES}"`, 'response_code=~"5.."');
      // Either may not have happened yet.
      return `(${byGrpc} + ${byHttpAlone} or ${byGrpc} or ${byHttpAlone})`;
    },
    ...timesOf("istio_request_duration_milliseconds", own),
  };
}

/** Envoy counts what comes in on the listener; of gRPC it tells no status there. That it labels the VirtualNode is asked for in the pod template. */
export function appMeshRequestMetrics({ key }: EffectiveService, config: OperatorConfig): RequestMetrics {
  const own = [
    'envoy_http_conn_manager_prefix="ingress"',
    `appmesh_virtual_node="${virtualNodeName(key, config)}"`,
    ...labelMatchers(config.slos.seriesLabels),
  ];
  const requests = (window: string, ...more: readonly string[]): string =>
    `sum(${increase("envoy_http_downstream_rq_xx", [...own, ...more], window)})`;
  return {
    protocols: ["http", "http2"],
    bounds: DEFAULT_BOUNDS,
    requests,
    failures: (window) => requests(window, 'envoy_response_code_class="5"'),
    ...timesOf("envoy_http_downstream_rq_time", own),
  };
}
