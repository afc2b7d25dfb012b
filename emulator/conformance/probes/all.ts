import type { Probe } from "../probe.ts";
import { APP_MESH_LIMIT_PROBES } from "./app-mesh-limits.ts";
import { APP_MESH_OBJECT_PROBES } from "./app-mesh-objects.ts";
import { AUTHORIZATION_PROBES } from "./authorization.ts";
import { ECR_IMAGE_PROBES } from "./ecr-images.ts";
import { ECR_LIFECYCLE_PROBES } from "./ecr-lifecycle.ts";
import { ECR_REPOSITORY_PROBES } from "./ecr-repositories.ts";
import { EKS_AUTH_PROBES } from "./eks-auth.ts";
import { EMULATOR_PROBES } from "./emulator.ts";
import { IAM_ACCOUNT_PROBES } from "./iam-account.ts";
import { IAM_POLICY_PROBES } from "./iam-policies.ts";
import { IAM_ROLE_PROBES } from "./iam-roles.ts";
import { MANAGED_PROMETHEUS_PROBES } from "./managed-prometheus.ts";
import { POD_IDENTITY_PROBES } from "./pod-identity.ts";
import { STS_PROBES } from "./sts.ts";

/** Every probe, in the order of the table. */
export const ALL_PROBES: readonly Probe[] = [
  ...STS_PROBES,
  ...IAM_ROLE_PROBES,
  ...IAM_POLICY_PROBES,
  ...IAM_ACCOUNT_PROBES,
  ...ECR_REPOSITORY_PROBES,
  ...ECR_LIFECYCLE_PROBES,
  ...ECR_IMAGE_PROBES,
  ...POD_IDENTITY_PROBES,
  ...EKS_AUTH_PROBES,
  ...APP_MESH_OBJECT_PROBES,
  ...APP_MESH_LIMIT_PROBES,
  ...MANAGED_PROMETHEUS_PROBES,
  ...AUTHORIZATION_PROBES,
  ...EMULATOR_PROBES,
];
