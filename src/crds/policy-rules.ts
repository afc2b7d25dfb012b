import { z } from "zod";

/** What the platform says of the policies of services beside the rules that hold for all (resources/iam/vet-policy.ts). */

/** Rules that the configuration may waive: those that would let a service out of its tenancy, or at the platform's own, are not among them. */
export const WAIVABLE_RULES = [
  "AccountWideWrite",
  "AssumeRoleUnbounded",
  "EverySecret",
  "IdentityAction",
  "NothingToActOn",
  "PassRoleUnbounded",
  "PassesAndRuns",
  "PermissionsManagement",
  "TakesOver",
  "UnknownAction",
  "WildcardAction",
  "WildcardResource",
] as const;

export type WaivableRule = (typeof WAIVABLE_RULES)[number];

/** An action of IAM, or a pattern of some: no wildcard stands in the name of the service. */
export const ACTION_PATTERN = /^(\*|[a-z0-9-]+:[A-Za-z0-9*?]+)$/;

/** One of the configuration. */
export const actionPattern = z
  .string()
  .max(256)
  .regex(ACTION_PATTERN, "must be an action of IAM, or a pattern of some with * and ?, as s3:DeleteBucket or s3:Delete*");
