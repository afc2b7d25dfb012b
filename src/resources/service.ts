import type { KubeObject } from "../crds/desired.ts";
import type { EffectiveService } from "../crds/effective.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import { childObject } from "./child-object.ts";
import { selectorLabels } from "./labels.ts";
import { meshOf } from "./mesh/choose.ts";

/** What the mesh and load balancers are told is spoken; http2 is Kubernetes' own name for HTTP/2 without TLS (KEP-3726). */
const APP_PROTOCOL = { http: "http", http2: "kubernetes.io/h2c", grpc: "grpc", tcp: "tcp" } as const;

/** The Service by which others reach the pods; undefined without a port. */
export function buildService(service: EffectiveService, config: OperatorConfig): KubeObject | undefined {
  const { port, protocol } = service.spec;
  if (port === undefined) return undefined;
  return childObject(service, {
    apiVersion: "v1",
    kind: "Service",
    labels: meshOf(service).serviceLabels(service, config),
    body: {
      spec: {
        type: "ClusterIP",
        selector: selectorLabels(service),
        // The target port is numeric and equal to the port: the VPC CNI's network policies need both.
        ports: [{ name: protocol, port, targetPort: port, protocol: "TCP", appProtocol: APP_PROTOCOL[protocol] }],
      },
    },
  });
}
