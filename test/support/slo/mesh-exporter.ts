import { once } from "node:events";
import { createServer } from "node:http";
import type { ObjectKey } from "../../../src/crds/meta.ts";
import { addressOf } from "../scripted-server.ts";

/** Counts requests as the sidecars of a service's pods do, in place of a mesh: so many more at each scrape. */
export interface MeshExporter {
  /** `host:port` of its /metrics. */
  readonly address: string;
  /** From now on, at each scrape; a series is there once it has counted. */
  count(requests: { readonly good: number; readonly bad: number }): void;
  close(): Promise<void>;
}

/** Istio's standard labels (istio.io, Istio Standard Metrics), as far as they are the same for all requests here. */
function labelsOf({ namespace, name }: ObjectKey): string {
  return Object.entries({
    reporter: "destination",
    source_workload: "storefront",
    source_workload_namespace: "storefront",
    source_principal: "spiffe://cluster.local/ns/storefront/sa/storefront",
    destination_principal: `spiffe://cluster.local/ns/${namespace}/sa/${name}`,
    destination_workload: name,
    destination_workload_namespace: namespace,
    destination_service: `${name}.${namespace}.svc.cluster.local`,
    destination_service_name: name,
    destination_service_namespace: namespace,
    request_protocol: "http",
    connection_security_policy: "mutual_tls",
  })
    .map(([label, value]) => `${label}="${value}"`)
    .join(",");
}

/** `boundMs`: a bound of its histogram, within which every request is answered. */
export async function startMeshExporter(service: ObjectKey, boundMs: number): Promise<MeshExporter> {
  const labels = labelsOf(service);
  let more: { readonly good: number; readonly bad: number } | undefined;
  const counted = { good: 0, bad: 0 };
  const series = (code: string, value: number): readonly string[] => {
    const own = `${labels},response_code="${code}"`;
    return [
      `istio_requests_total{${own}} ${value}`,
      ...[String(boundMs), "+Inf"].map((le) => `istio_request_duration_milliseconds_bucket{${own},le="${le}"} ${value}`),
      `istio_request_duration_milliseconds_count{${own}} ${value}`,
      `istio_request_duration_milliseconds_sum{${own}} ${value}`,
    ];
  };
  const server = createServer((_, response) => {
    counted.good += more?.good ?? 0;
    counted.bad += more?.bad ?? 0;
    const lines = more === undefined ? [] : [...series("200", counted.good), ...(counted.bad === 0 ? [] : series("503", counted.bad))];
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(lines.map((line) => `${line}\n`).join(""));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${addressOf(server.address()).port}`,
    count: (requests) => void (more = requests),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
