import { appMeshRequestMetrics, sidecarRequestMetrics } from "../../src/resources/mesh/request-metrics.ts";
import { buildRuleGroups } from "../../src/resources/slo/rules.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { testConfig, testService } from "./effective-services.ts";
import { metricsIn } from "./promql.ts";

const CONFIG = testConfig();
const SERVICE = testService({
  spec: {
    protocol: "http",
    port: 8080,
    slos: [
      { name: "availability", objective: "99.9", window: "30d", indicator: "availability" },
      { name: "latency", objective: "99", window: "30d", indicator: "latency", threshold: "250ms" },
    ],
  },
  config: CONFIG,
});
const MESHES = [sidecarRequestMetrics(SERVICE, CONFIG), appMeshRequestMetrics(SERVICE, CONFIG)];

/** Of /metrics, by the names that a query uses. */
export async function operatorMetrics(): Promise<readonly string[]> {
  const text = await createMetrics({ version: "1.2.3", perService: "Full" }).text();
  return [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = "", type]) =>
    type === "histogram" ? ["bucket", "sum", "count"].map((part) => `${name}_${part}`) : [name],
  );
}

/** What the rules of SLOs record. */
function recorded(): readonly string[] {
  return MESHES.flatMap((mesh) => buildRuleGroups(SERVICE, mesh, CONFIG)).flatMap(({ rules }) =>
    rules.flatMap((rule) => ("record" in rule ? [rule.record] : [])),
  );
}

/** What the rules of SLOs read of a mesh's proxies. */
function ofMeshes(): readonly string[] {
  return MESHES.flatMap((mesh) =>
    [mesh.requests("5m"), mesh.failures("5m"), mesh.timed(250, "5m"), mesh.timedWithin(250, "5m")].flatMap(metricsIn),
  );
}

/** Every metric that a person may be shown: the operator's, recorded ones, those of both meshes, and Prometheus' own of its alerts. */
export async function toldMetrics(): Promise<ReadonlySet<string>> {
  return new Set([...(await operatorMetrics()), ...recorded(), ...ofMeshes(), "ALERTS"]);
}
