import { z } from "zod";
import { labelSelector } from "./platform-tier.ts";

/** The configuration file: facts of the cluster that no squad decides. Parsed once; every default is here. */

const arn = z
  .string()
  .max(2048)
  .regex(/^arn:aws[a-z-]*:/);
const cidr = z.string().regex(/^([0-9]{1,3}\.){3}[0-9]{1,3}\/[0-9]{1,2}$|^[0-9a-f:]+\/[0-9]{1,3}$/);
const rate = z.string().regex(/^[0-9]+\/s$/);

export const operatorConfigFile = z.strictObject({
  cluster: z.strictObject({
    name: z
      .string()
      .min(1)
      .max(100)
      .regex(/^[0-9A-Za-z][A-Za-z0-9_-]*$/),
    region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-[0-9]$/),
    accountId: z.string().regex(/^[0-9]{12}$/),
    oidcIssuer: z.url({ protocol: /^https$/ }),
  }),
  identity: z.strictObject({
    permissionsBoundaryArn: arn,
    allowedBoundaryArns: z.array(arn).default([]),
  }),
  tenancy: z
    .array(
      z.strictObject({
        namespaceSelector: labelSelector,
        owners: z.array(z.string().min(1).max(63)).min(1),
        resourceArns: z.array(z.string().max(2048)).default([]),
      }),
    )
    .default([]),
  rollout: z.strictObject({ maxConcurrent: z.union([z.int().min(1), z.string().regex(/^[0-9]{1,3}%$/)]).default("5%") }).prefault({}),
  registry: z
    .strictObject({
      repositoryPrefix: z.string().max(128).default(""),
      encryption: z.strictObject({ type: z.enum(["AES256", "KMS"]).default("AES256"), kmsKey: arn.optional() }).prefault({}),
    })
    .prefault({}),
  mesh: z
    .strictObject({
      default: z.enum(["Istio", "None"]).default("Istio"),
      overrides: z.array(z.strictObject({ namespaceSelector: labelSelector, provider: z.enum(["Istio", "None"]) })).default([]),
      istio: z
        .strictObject({
          dataPlane: z.enum(["Sidecar"]).default("Sidecar"),
          revision: z.string().max(63).default("default"),
          namespace: z.string().max(63).default("istio-system"),
          trustDomain: z.string().max(253).default("cluster.local"),
        })
        .prefault({}),
    })
    .prefault({}),
  network: z
    .strictObject({
      dns: z
        .strictObject({
          namespace: z.string().default("kube-system"),
          labels: z.record(z.string(), z.string()).default({ "k8s-app": "kube-dns" }),
          nodeLocal: z.string().nullable().default(null),
        })
        .prefault({}),
      monitoringNamespace: z.string().default("monitoring"),
      awsEndpointCidrs: z
        .strictObject({ interface: z.array(cidr).default([]), s3: z.array(cidr).default([]), dynamodb: z.array(cidr).default([]) })
        .prefault({}),
      privateCidrs: z.array(cidr).default(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]),
      clusterDomain: z.string().default("cluster.local"),
    })
    .prefault({}),
  aws: z
    .strictObject({
      endpoint: z.url().nullable().default(null),
      sweepInterval: z.string().default("10m"),
      limits: z.strictObject({ iam: rate.default("10/s"), ecr: rate.default("20/s") }).prefault({}),
    })
    .prefault({}),
});

/** The parsed file; frozen at start. */
export type OperatorConfig = z.output<typeof operatorConfigFile>;
