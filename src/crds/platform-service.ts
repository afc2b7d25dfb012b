import { z } from "zod";
import { containerPort, dnsLabel, mapList, rules } from "./fields.ts";
import { callers, dependencies } from "./service/agreement.ts";
import { aws } from "./service/aws.ts";
import { container, scaling } from "./service/container.ts";
import { image } from "./service/image.ts";
import type { PlatformServiceStatus } from "./service/status.ts";
import { slo } from "./service/slos.ts";
import { resilience, routes } from "./service/traffic.ts";
import { workloadRef } from "./service/workload-ref.ts";

/**
 * PlatformService: what a squad commits. One schema is the source of the CRD, the JSON Schema for editors and the
 * TypeScript types. A field is here only once the operator does what its sentence says.
 */

export type { Statement } from "./service/aws.ts";
export { platformServiceStatus, type Budget, type PlatformServiceStatus, type SloStatus } from "./service/status.ts";
export type { Slo } from "./service/slos.ts";
export type { Route } from "./service/traffic.ts";
export type { WorkloadRef } from "./service/workload-ref.ts";

const probeWithoutPort = ["readiness", "liveness", "startup"]
  .map((probe) => `(has(self.container.probes.${probe}) && !has(self.container.probes.${probe}.port))`)
  .join(" || ");

/** Rules that need more than one block of the spec. */
const acrossBlocks = rules(
  {
    rule: "has(self.port) || !has(self.routes) || self.routes.size() == 0",
    message: "routes need spec.port: write the port that the container listens on, or remove routes",
    reason: "FieldValueRequired",
    fieldPath: ".port",
  },
  {
    rule: "has(self.port) || !has(self.callers)",
    message: "callers need spec.port: write the port that they call, or remove callers",
    reason: "FieldValueRequired",
    fieldPath: ".port",
  },
  {
    rule: "has(self.port) || !has(self.slos) || self.slos.all(s, !has(s.indicator))",
    message: "slos with an indicator need spec.port: write the port whose requests they are about, or queries of their own",
    reason: "FieldValueRequired",
    fieldPath: ".port",
  },
  {
    rule: "has(self.port) || !has(self.resilience)",
    message: "resilience needs spec.port: write the port that is protected, or remove resilience",
    reason: "FieldValueRequired",
    fieldPath: ".port",
  },
  {
    rule: `has(self.port) || !has(self.container) || !has(self.container.probes) || !(${probeWithoutPort})`,
    message: "a probe without a port of its own needs spec.port: write spec.port, or a port in each of container.probes",
    reason: "FieldValueRequired",
    fieldPath: ".port",
  },
  {
    rule: "!has(self.port) || !has(self.container) || !has(self.container.metrics) || self.container.metrics.port != self.port",
    message:
      "container.metrics.port must differ from spec.port: the metrics port is open in plain text to the monitoring namespace; serve metrics on another port, as 9090",
    fieldPath: ".container.metrics.port",
  },
  {
    rule: "self.protocol != 'tcp' || !has(self.routes) || self.routes.size() == 0",
    message:
      "routes are for protocol http, http2 and grpc: remove routes, or change spec.protocol; a tcp service has no match, timeout or retries",
    reason: "FieldValueForbidden",
    fieldPath: ".routes",
  },
  {
    rule:
      "self.protocol != 'tcp' || !has(self.resilience) || !(has(self.resilience.retryBudgetPercent) || (has(self.resilience.connectionPool) && " +
      "(has(self.resilience.connectionPool.maxPendingRequests) || has(self.resilience.connectionPool.maxRequests))))",
    message:
      "resilience.retryBudgetPercent, connectionPool.maxPendingRequests and connectionPool.maxRequests count requests, which protocol tcp has not: remove them, or change spec.protocol",
    reason: "FieldValueForbidden",
    fieldPath: ".resilience",
  },
  ...(["container", "scaling"] as const).map((field) => ({
    rule: `!has(self.workloadRef) || !has(self.${field})`,
    message: `${field} and workloadRef exclude each other: write it in the workload that workloadRef names and remove ${field}, or remove workloadRef for a workload of the platform's`,
    reason: "FieldValueForbidden" as const,
    fieldPath: `.${field}`,
  })),
  ...(["tag", "digest"] as const).map((field) => ({
    rule: `!has(self.workloadRef) || !has(self.image.${field})`,
    message: `image.${field} and workloadRef exclude each other: the workload that workloadRef names says which image it runs; remove image.${field} (image: {} is enough), or workloadRef`,
    reason: "FieldValueForbidden" as const,
    fieldPath: `.image.${field}`,
  })),
);

export const platformServiceSpec = z
  .strictObject({
    owner: dnsLabel("spec.owner", "tracking-squad").describe(
      "Squad that owns the service, as tracking-squad: it is paged, and the cost is booked to it. The operator's configuration says which owners a namespace may name.",
    ),
    tier: dnsLabel("spec.tier", "tier-2").describe(
      "Name of a PlatformTier, as tier-2: it decides availability, placement, isolation and the role's boundary. `kubectl get ptier` lists them.",
    ),
    suspend: z
      .boolean()
      .optional()
      .describe(
        "true: observe and report, write nothing. What differs is named in the conditions and stays as it is until suspend is false again. A deletion goes on. For a pause that ends by itself annotate the object with platform-operator.dev/paused-until: an RFC 3339 time.",
      ),
    image: image.describe("The image, and the ECR repository that is made for it. {} is enough: push to it, then name a tag or a digest."),
    port: containerPort("spec.port")
      .optional()
      .describe(
        "TCP port that the container listens on and callers use, as 8080. Absent: nothing can call the service, as with a queue worker.",
      ),
    protocol: z
      .enum(["http", "http2", "grpc", "tcp"])
      .default("http")
      .describe("What is spoken on the port: http (HTTP/1.1), http2 (without TLS of its own), grpc or tcp."),
    container: container
      .optional()
      .describe("What the squad sets of its container. Non-root, no privileges, read-only root and the like are the platform's."),
    scaling: scaling.optional().describe("How many pods run."),
    workloadRef: workloadRef
      .optional()
      .describe(
        "A workload that the squad deploys itself, instead of container and scaling. It must be annotated platform-operator.dev/managed-by: <name of this service>. " +
          "The operator sets placement, service account, spread and its labels in its pod template, and nothing else: never over another's value, and taken back when it is let go. " +
          "Image, replicas and the rest stay the squad's.",
      ),
    aws: aws.optional().describe("What the pods may do in AWS, through an IAM role of their own."),
    routes: routes
      .optional()
      .describe(
        "How requests to the service are handled. The first route that matches wins, in the order written; Istio's ambient data plane takes only orders that it can keep. None written: one route, which takes everything.",
      ),
    resilience: resilience.optional().describe("How callers are kept from overloading the service, or being held up by a pod that fails."),
    callers: callers.optional().describe("Who may call the service; nobody else can. Absent: nobody."),
    slos: mapList(slo, { keys: ["name"], max: 8 })
      .optional()
      .describe(
        "What the squad promises of its requests. Each becomes Prometheus rules: the error budget as series, and alerts that page or make a ticket when it is spent too fast.",
      ),
    dependencies: dependencies
      .optional()
      .describe("What the service may call; it can call nothing else. DNS, the mesh and what aws.policy names need no entry."),
  })
  .meta(acrossBlocks);

/** As the API server stores it: static defaults filled in, the tier's and the configuration's not yet. */
export type PlatformServiceSpec = z.output<typeof platformServiceSpec>;

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
}

export interface PlatformService {
  readonly apiVersion: string;
  readonly kind: "PlatformService";
  readonly metadata: ObjectMeta & {
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation: number;
  };
  readonly spec: PlatformServiceSpec;
  readonly status?: PlatformServiceStatus;
}
