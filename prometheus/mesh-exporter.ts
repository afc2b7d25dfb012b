/** Counts requests as the sidecars of services' pods do, in place of a mesh: so many more at each scrape. */
import { once } from "node:events";
import { createServer } from "node:http";

import { freePorts } from "../controlplane/ports.ts";

export interface MeshExporter {
  /** `host:port` of its /metrics. */
  readonly address: string;
  /** From now on, at each scrape; a series is there once it has counted. */
  count(service: MeshService, requests: Requests): void;
  close(): Promise<void>;
}

export interface MeshService {
  readonly namespace: string;
  readonly name: string;
  /** Of its histogram, in milliseconds: every request is answered within each of them. */
  readonly boundsMs: readonly number[];
}

export interface Requests {
  readonly good: number;
  /** Answered with 503. */
  readonly bad: number;
}

interface Counted {
  readonly service: MeshService;
  readonly sum: Requests;
  readonly more: Requests;
}

export async function startMeshExporter(): Promise<MeshExporter> {
  const counted = new Map<string, Counted>();
  const server = createServer((_, response) => {
    for (const [id, { service, sum, more }] of counted)
      counted.set(id, { service, more, sum: { good: sum.good + more.good, bad: sum.bad + more.bad } });
    const text = textOf([...counted.values()]);
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(text);
  });
  const [port = 0] = await freePorts(1);
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${String(port)}`,
    count(service, more) {
      const id = `${service.namespace}/${service.name}`;
      counted.set(id, { service, more, sum: counted.get(id)?.sum ?? { good: 0, bad: 0 } });
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** As Envoy tells them: of a histogram Prometheus writes bounds in a way of its own, as 250.0, and knows one by the line before it. */
function textOf(counted: readonly Counted[]): string {
  const series = counted.flatMap(({ service, sum }) =>
    [["200", sum.good] as const, ["503", sum.bad] as const]
      .filter(([code, value]) => code === "200" || value > 0)
      .map(([code, value]) => ({ own: `${labelsOf(service)},response_code="${code}"`, value, boundsMs: service.boundsMs })),
  );
  const time = "istio_request_duration_milliseconds";
  const lines = [
    "# TYPE istio_requests_total counter",
    ...series.map(({ own, value }) => `istio_requests_total{${own}} ${value}`),
    `# TYPE ${time} histogram`,
    ...series.flatMap(({ own, value, boundsMs }) => [
      ...[...boundsMs, "+Inf"].map((le) => `${time}_bucket{${own},le="${le}"} ${value}`),
      `${time}_count{${own}} ${value}`,
      `${time}_sum{${own}} ${value}`,
    ]),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

/** Istio's standard labels (istio.io, Istio Standard Metrics), as far as they are the same for all requests here. */
function labelsOf({ namespace, name }: MeshService): string {
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
