import { clusterId, OWNER_TAG, ownershipTags, partitionOf, rolePath } from "../../crds/aws-names.ts";
import type { PolicyDocument, RoleDesired } from "../../crds/desired.ts";
import type { EffectiveService } from "../../crds/effective.ts";
import { sha256Hex } from "../../crds/hash.ts";
import { keyString, type ObjectKey } from "../../crds/meta.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { sortedUnique } from "../order.ts";
import { inlinePolicy, POLICY_VERSION } from "./inline-policy.ts";
import type { Subject } from "./trust.ts";

/** IAM's limit on a role's name (botocore iam service-2.json, roleNameType). */
const MAX_ROLE_NAME = 64;
/** 64 bits of the whole name, in hex. */
const HASH_LENGTH = 16;
/** The audience that the EKS webhook asks for in every partition. */
const AUDIENCE = "sts.amazonaws.com";

/** The IAM role that a service's pods assume by IRSA. Its policies must have passed `vetPolicy` and `validateService`. */
export function buildRole(service: EffectiveService, config: OperatorConfig): RoleDesired {
  const statements = service.spec.aws?.policy?.statements;
  return {
    name: roleName(service.key, config),
    owner: service.key,
    path: rolePath(config),
    description: `PlatformService ${keyString(service.key)} of cluster ${clusterId(config)}`,
    trustPolicy: trustPolicy(service, config),
    inlinePolicy: statements === undefined ? undefined : inlinePolicy(statements),
    managedPolicyArns: sortedUnique(service.spec.aws?.managedPolicyArns ?? []),
    permissionsBoundaryArn: service.permissionsBoundaryArn,
    maxSessionDuration: service.maxSessionDuration,
    tags: { ...ownershipTags(service.key, config), [OWNER_TAG]: service.owner },
  };
}

/**
 * `<region>.<cluster>.<namespace>.<name>`; no part holds a dot, so no two collide. Longer than 64 characters it is cut and ends
 * in `_` and 64 bits of the whole name's hash; a service's name holds no underscore, so no whole name looks like a cut one.
 */
export function roleName(key: ObjectKey, config: OperatorConfig): string {
  const whole = `${clusterId(config)}.${key.namespace}.${key.name}`;
  if (whole.length <= MAX_ROLE_NAME) return whole;
  return `${whole.slice(0, MAX_ROLE_NAME - HASH_LENGTH - 1)}_${sha256Hex(whole).slice(0, HASH_LENGTH)}`;
}

/** The ARN that the role has, known before it exists. */
export function roleArn(key: ObjectKey, config: OperatorConfig): string {
  return `${iamPrefix(config)}:role${rolePath(config)}${roleName(key, config)}`;
}

/** What the service's pods come to STS with. */
export function trustedSubject({ key, serviceAccountName }: EffectiveService, config: OperatorConfig): Subject {
  const issuer = config.cluster.oidcIssuer.replace(/^https:\/\//, "");
  return {
    provider: `${iamPrefix(config)}:oidc-provider/${issuer}`,
    issuer,
    sub: `system:serviceaccount:${key.namespace}:${serviceAccountName}`,
    audience: AUDIENCE,
  };
}

/** Exactly this ServiceAccount, with a token for STS, and nobody else (aws.md, IRSA trust). */
function trustPolicy(service: EffectiveService, config: OperatorConfig): PolicyDocument {
  const { provider, issuer, sub, audience } = trustedSubject(service, config);
  return {
    Version: POLICY_VERSION,
    Statement: [
      {
        Effect: "Allow",
        Principal: { Federated: provider },
        Action: "sts:AssumeRoleWithWebIdentity",
        Condition: { StringEquals: { [`${issuer}:aud`]: audience, [`${issuer}:sub`]: sub } },
      },
    ],
  };
}

function iamPrefix(config: OperatorConfig): string {
  const { accountId, region } = config.cluster;
  return `arn:${partitionOf(region).partition}:iam::${accountId}`;
}
