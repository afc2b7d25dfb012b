import { clusterArn, clusterId, serviceTags, partitionOf, rolePath } from "../../crds/aws-names.ts";
import type { PolicyDocument, PolicyStatement, RoleDesired } from "../../crds/desired.ts";
import { IDENTITY_MODES, type EffectiveService, type IdentityMode } from "../../crds/effective.ts";
import { sha256Hex } from "../../crds/hash.ts";
import { keyString, type ObjectKey } from "../../crds/meta.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { virtualNodeArn } from "../app-mesh/names.ts";
import { meshOf } from "../mesh/choose.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { sortedUnique } from "../order.ts";
import { inlinePolicy, POLICY_VERSION } from "./inline-policy.ts";
import type { Subject } from "./trust.ts";

/** IAM's limit on a role's name (botocore iam service-2.json, roleNameType). */
const MAX_ROLE_NAME = 64;
/** 64 bits of the whole name, in hex. */
const HASH_LENGTH = 16;
/** The audience that the EKS webhook asks for in every partition. */
const AUDIENCE = "sts.amazonaws.com";
/** Who assumes a role for EKS Pod Identity. */
export const POD_IDENTITY_SERVICE = "pods.eks.amazonaws.com";

/** What pods of the service are, or may yet be: beside what is written now, what is on its way out. */
export interface PodKinds {
  readonly identityModes?: readonly IdentityMode[];
  readonly meshes?: readonly Pick<Mesh, "provider">[];
}

/** The IAM role that a service's pods assume, for each kind of them. Its policies must have passed `vetPolicy` and `validateService`. */
export function buildRole(
  service: EffectiveService,
  config: OperatorConfig,
  { identityModes: modes = [service.identity], meshes = [meshOf(service)] }: PodKinds = {},
): RoleDesired {
  const written = service.spec.aws?.policy?.statements;
  const ofPlatform = platformStatements(service.key, config, meshes);
  return {
    name: roleName(service.key, config),
    owner: service.key,
    path: rolePath(config),
    description: `PlatformService ${keyString(service.key)} of cluster ${clusterId(config)}`,
    trustPolicy: trustPolicy(service, config, modes),
    inlinePolicy: written === undefined && ofPlatform.length === 0 ? undefined : inlinePolicy(written ?? [], ofPlatform),
    managedPolicyArns: sortedUnique(service.spec.aws?.managedPolicyArns ?? []),
    permissionsBoundaryArn: service.permissionsBoundaryArn,
    maxSessionDuration: service.maxSessionDuration,
    tags: serviceTags(service, config),
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

/** Exactly this ServiceAccount, and nobody else. */
function trustPolicy(service: EffectiveService, config: OperatorConfig, modes: readonly IdentityMode[]): PolicyDocument {
  const statements = { IRSA: irsaStatement, PodIdentity: podIdentityStatement };
  return {
    Version: POLICY_VERSION,
    Statement: IDENTITY_MODES.filter((mode) => modes.includes(mode)).map((mode) => statements[mode](service, config)),
  };
}

/** With a token for STS (aws.md, IRSA trust). */
function irsaStatement(service: EffectiveService, config: OperatorConfig): PolicyStatement {
  const { provider, issuer, sub, audience } = trustedSubject(service, config);
  return {
    Effect: "Allow",
    Principal: { Federated: provider },
    Action: "sts:AssumeRoleWithWebIdentity",
    Condition: { StringEquals: { [`${issuer}:aud`]: audience, [`${issuer}:sub`]: sub } },
  };
}

/** By EKS, which tags each session with whose it is: the service principal alone would be every cluster of every account. */
function podIdentityStatement({ key, serviceAccountName }: EffectiveService, config: OperatorConfig): PolicyStatement {
  return {
    Effect: "Allow",
    Principal: { Service: POD_IDENTITY_SERVICE },
    Action: ["sts:AssumeRole", "sts:TagSession"],
    Condition: {
      StringEquals: {
        "aws:RequestTag/eks-cluster-arn": clusterArn(config),
        "aws:RequestTag/kubernetes-namespace": key.namespace,
        "aws:RequestTag/kubernetes-service-account": serviceAccountName,
      },
    },
  };
}

/** What a mesh asks of the role. Envoy of App Mesh may ask what it is to do as the proxy of the service's VirtualNode, and of no other. */
export function platformStatements(
  key: ObjectKey,
  config: OperatorConfig,
  meshes: readonly Pick<Mesh, "provider">[],
): readonly PolicyStatement[] {
  if (!meshes.some(({ provider }) => provider === "AppMesh")) return [];
  return [{ Effect: "Allow", Action: "appmesh:StreamAggregatedResources", Resource: virtualNodeArn(key, config) }];
}

function iamPrefix(config: OperatorConfig): string {
  const { accountId, region } = config.cluster;
  return `arn:${partitionOf(region).partition}:iam::${accountId}`;
}
