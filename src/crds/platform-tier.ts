import { z } from "zod";
import type { ObjectMeta } from "./platform-service.ts";

/** PlatformTier: what the platform team promises to every service that names it. Cluster-scoped. */

const duration = z.string().regex(/^([0-9]{1,5}(h|m|s|ms)){1,4}$/);

const labelSelector = z.strictObject({
  matchLabels: z.record(z.string().max(317), z.string().max(63)).optional(),
  matchExpressions: z
    .array(
      z.strictObject({
        key: z.string().max(317),
        operator: z.enum(["In", "NotIn", "Exists", "DoesNotExist"]),
        values: z.array(z.string().max(63)).max(64).optional(),
      }),
    )
    .max(16)
    .optional(),
});

export type LabelSelector = z.output<typeof labelSelector>;
export { labelSelector };

export const platformTierSpec = z.strictObject({
  description: z.string().max(512).optional(),
  allowedNamespaces: labelSelector.optional(),
  availability: z.strictObject({
    minReplicas: z.int().min(1).max(100).default(1),
    maxUnavailable: z.int().min(1).max(100).default(1),
    zoneSpread: z.enum(["Required", "Preferred", "None"]).default("Preferred"),
    priorityClassName: z.string().max(253).optional(),
    preStopDelay: duration.default("5s"),
    terminationGracePeriod: duration.default("30s"),
  }),
  placement: z.strictObject({
    nodePools: z.array(z.string().max(63)).min(1).max(16),
    capacityTypes: z
      .array(z.enum(["spot", "on-demand", "reserved"]))
      .min(1)
      .max(3),
    architectures: z
      .array(z.enum(["arm64", "amd64"]))
      .min(1)
      .max(2),
    dedicated: z.boolean().default(false),
  }),
  identity: z.strictObject({ permissionsBoundaryArn: z.string().max(2048).nullable().optional() }).optional(),
  network: z.strictObject({
    mtls: z.enum(["Strict", "Permissive"]).default("Strict"),
    isolation: z.enum(["Standard", "Strict"]).default("Standard"),
    allowedEgress: z
      .array(
        z.strictObject({
          name: z.string().max(63),
          cidr: z.string().max(43).optional(),
          host: z.string().max(253).optional(),
          port: z.int().min(1).max(65535),
        }),
      )
      .max(50)
      .optional(),
  }),
});

export type PlatformTierSpec = z.output<typeof platformTierSpec>;

export const platformTierStatus = z.strictObject({
  observedGeneration: z.int().optional(),
  services: z.int().min(0).optional(),
  conditions: z
    .array(
      z.strictObject({
        type: z.string().max(316),
        status: z.enum(["True", "False", "Unknown"]),
        reason: z.string().max(1024),
        message: z.string().max(32768),
        lastTransitionTime: z.iso.datetime(),
        observedGeneration: z.int(),
      }),
    )
    .max(8)
    .optional(),
});

export type PlatformTierStatus = z.output<typeof platformTierStatus>;

export interface PlatformTier {
  readonly apiVersion: string;
  readonly kind: "PlatformTier";
  readonly metadata: ObjectMeta & { readonly uid: string; readonly resourceVersion: string; readonly generation: number };
  readonly spec: PlatformTierSpec;
  readonly status?: PlatformTierStatus;
}
