import { z } from "zod";

/**
 * PlatformService: what a squad commits. One schema is the source of the CRD, the JSON Schema for editors and the
 * TypeScript types. A field is here only once the operator does what its sentence says.
 */

const duration = z
  .string()
  .regex(/^([0-9]{1,5}(h|m|s|ms)){1,4}$/)
  .meta({ description: "Gateway API duration (GEP-2257), as 250ms, 10s or 1h30m.", maxLength: 32 });

const dnsLabel = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
const port = z.int().min(1).max(65535);
const quantity = z
  .string()
  .max(32)
  .regex(/^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$/);

const image = z.strictObject({
  repository: z.string().min(2).max(256).optional(),
  tag: z.string().min(1).max(128).optional(),
  digest: z
    .string()
    .regex(/^sha256:[a-f0-9]{64}$/)
    .optional(),
  retain: z
    .strictObject({ taggedImages: z.int().min(1).max(1000).optional(), untaggedDays: z.int().min(1).max(365).optional() })
    .optional(),
  deletionPolicy: z.enum(["Retain", "Delete", "DeleteWithImages"]).default("Retain"),
});

const envValueFrom = z.strictObject({
  secret: z.string().max(253).optional(),
  configMap: z.string().max(253).optional(),
  key: z.string().min(1).max(253),
});

const probe = z.strictObject({
  path: z.string().max(1024),
  port: port.optional(),
  periodSeconds: z.int().min(1).max(3600).optional(),
  timeoutSeconds: z.int().min(1).max(3600).optional(),
  failureThreshold: z.int().min(1).max(1000).optional(),
});

const container = z.strictObject({
  command: z.array(z.string().max(4096)).max(64).optional(),
  args: z.array(z.string().max(4096)).max(64).optional(),
  env: z
    .array(
      z.strictObject({ name: z.string().min(1).max(253), value: z.string().max(32768).optional(), valueFrom: envValueFrom.optional() }),
    )
    .max(200)
    .optional(),
  envFrom: z
    .array(z.strictObject({ configMap: z.string().max(253).optional(), secret: z.string().max(253).optional() }))
    .max(32)
    .optional(),
  runAsUser: z.int().min(1).max(2147483647).optional(),
  resources: z
    .strictObject({
      requests: z.strictObject({ cpu: quantity.optional(), memory: quantity.optional() }).optional(),
      limits: z.strictObject({ cpu: quantity.optional(), memory: quantity.optional() }).optional(),
    })
    .optional(),
  probes: z.strictObject({ readiness: probe.optional(), liveness: probe.optional(), startup: probe.optional() }).optional(),
  metrics: z.strictObject({ port, path: z.string().max(1024).default("/metrics") }).optional(),
  writablePaths: z.array(z.string().min(2).max(256)).max(16).optional(),
});

const scaling = z.strictObject({
  minReplicas: z.int().min(1).max(1000).optional(),
  maxReplicas: z.int().min(1).max(1000).optional(),
  cpuPercent: z.int().min(10).max(100).optional(),
});

const statement = z.strictObject({
  sid: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[A-Za-z0-9]+$/),
  effect: z.enum(["Allow", "Deny"]).default("Allow"),
  actions: z.array(z.string().max(128)).min(1).max(100),
  resources: z.array(z.string().max(2048)).min(1).max(100),
  conditions: z
    .array(z.strictObject({ operator: z.string().max(64), key: z.string().max(128), values: z.array(z.string().max(512)).min(1).max(20) }))
    .max(10)
    .optional(),
});

const aws = z.strictObject({
  policy: z.strictObject({ statements: z.array(statement).min(1).max(50) }).optional(),
  maxSessionDuration: duration.optional(),
  deletionPolicy: z.enum(["Delete", "Retain"]).default("Delete"),
});

const route = z.strictObject({
  name: dnsLabel,
  match: z
    .strictObject({
      path: z
        .strictObject({
          prefix: z.string().max(1024).optional(),
          exact: z.string().max(1024).optional(),
          regex: z.string().max(1024).optional(),
        })
        .optional(),
      methods: z
        .array(z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"]))
        .max(9)
        .optional(),
      headers: z
        .array(
          z.strictObject({
            name: z.string().min(1).max(256),
            exact: z.string().max(1024).optional(),
            prefix: z.string().max(1024).optional(),
            regex: z.string().max(1024).optional(),
          }),
        )
        .max(16)
        .optional(),
    })
    .optional(),
  timeout: duration.optional(),
  retries: z
    .strictObject({
      attempts: z.int().min(0).max(10),
      perTryTimeout: duration.optional(),
      retryOn: z
        .array(z.enum(["server-error", "gateway-error", "connect-failure", "reset", "refused-stream", "retriable-4xx"]))
        .max(6)
        .optional(),
    })
    .optional(),
});

const resilience = z.strictObject({
  connectionPool: z
    .strictObject({
      maxConnections: z.int().min(1).max(1_000_000).optional(),
      maxPendingRequests: z.int().min(1).max(1_000_000).optional(),
      maxRequests: z.int().min(1).max(1_000_000).optional(),
    })
    .optional(),
  outlierDetection: z
    .strictObject({
      consecutiveErrors: z.int().min(1).max(1000),
      interval: duration,
      baseEjectionTime: duration,
      maxEjectionPercent: z.int().min(1).max(100),
    })
    .optional(),
  retryBudgetPercent: z.int().min(1).max(100).optional(),
});

const serviceRef = z.strictObject({ name: dnsLabel, namespace: z.string().max(63).default("") });

const callers = z.strictObject({
  services: z.array(serviceRef).max(200).optional(),
  serviceAccounts: z
    .array(z.strictObject({ name: z.string().min(1).max(253), namespace: z.string().max(63).default("") }))
    .max(50)
    .optional(),
});

const dependencies = z.strictObject({
  services: z.array(serviceRef).max(200).optional(),
  kubernetesServices: z
    .array(z.strictObject({ name: dnsLabel, namespace: z.string().max(63).default(""), port }))
    .max(50)
    .optional(),
  hosts: z
    .array(z.strictObject({ host: z.string().min(1).max(253), port }))
    .max(50)
    .optional(),
  cidrs: z
    .array(z.strictObject({ cidr: z.string().max(43), port }))
    .max(50)
    .optional(),
});

export const platformServiceSpec = z.strictObject({
  owner: dnsLabel,
  tier: dnsLabel,
  image,
  port: port.optional(),
  protocol: z.enum(["http", "http2", "grpc", "tcp"]).default("http"),
  container: container.optional(),
  scaling: scaling.optional(),
  aws: aws.optional(),
  routes: z.array(route).max(50).optional(),
  resilience: resilience.optional(),
  callers: callers.optional(),
  dependencies: dependencies.optional(),
});

/** As the API server stores it: static defaults filled in, the tier's and the configuration's not yet. */
export type PlatformServiceSpec = z.output<typeof platformServiceSpec>;
export type Statement = z.output<typeof statement>;
export type Route = z.output<typeof route>;

const condition = z.strictObject({
  type: z.string().max(316),
  status: z.enum(["True", "False", "Unknown"]),
  reason: z.string().max(1024),
  message: z.string().max(32768),
  lastTransitionTime: z.iso.datetime(),
  observedGeneration: z.int(),
});

export const platformServiceStatus = z.strictObject({
  observedGeneration: z.int().optional(),
  conditions: z.array(condition).max(32).optional(),
  role: z.strictObject({ arn: z.string().max(2048) }).optional(),
  repository: z.strictObject({ arn: z.string().max(2048), uri: z.string().max(512) }).optional(),
  image: z.strictObject({ desired: z.string().max(1024).optional(), running: z.string().max(1024).optional() }).optional(),
  mesh: z.strictObject({ provider: z.string().max(32), host: z.string().max(253).optional() }).optional(),
  inputs: z
    .strictObject({
      tier: z.strictObject({ name: z.string().max(63), uid: z.string().max(64), generation: z.int() }).optional(),
      configHash: z.string().max(64),
    })
    .optional(),
  resources: z
    .array(
      z.strictObject({
        group: z.string().max(253),
        kind: z.string().max(63),
        name: z.string().max(512),
        state: z.enum(["Ready", "Progressing", "Blocked", "Failed", "Retained"]),
      }),
    )
    .max(128)
    .optional(),
});

export type PlatformServiceStatus = z.output<typeof platformServiceStatus>;

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
