import { clusterArn, clusterId, partitionOf, permittedBoundaries, rolePath } from "../../crds/aws-names.ts";
import type { PolicyDocument, PolicyStatement } from "../../crds/desired.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { sortedUnique } from "../order.ts";
import { appMeshStatements } from "./app-mesh-policy.ts";
import { POLICY_VERSION } from "./inline-policy.ts";
import { managedPrometheusStatements } from "./managed-prometheus-policy.ts";
import { covers } from "./pattern.ts";
import { allow, CLUSTER_TAG, deny, namedInRequest, onlyOurTagKeys, render, requestTag, resourceTag } from "./policy-parts.ts";
import { POD_IDENTITY_SERVICE } from "./role.ts";

/**
 * The operator's own IAM policy: what src/aws calls, on what is ours, and nothing else. Condition keys are those that IAM's
 * catalogue gives each action (Service Authorization Reference; a test holds this policy against it), since a key that an
 * action does not have would deny it for ever.
 */

/** The policy as JSON. */
export function renderOperatorPolicy(config: OperatorConfig): string {
  return render(ownStatements(config));
}

/** All that the operator's role has, of each policy that is attached to it, as one. */
export function allOfOperator(config: OperatorConfig): PolicyDocument {
  return {
    Version: POLICY_VERSION,
    Statement: [...ownStatements(config), ...appMeshStatements(config), ...managedPrometheusStatements(config)],
  };
}

function ownStatements(config: OperatorConfig): readonly PolicyStatement[] {
  return [
    ...readStatements(config),
    ...roleStatements(config),
    ...taggedStatements(config),
    ...existingRepositoryStatements(config),
    ...passStatements(config),
    ...keyStatements(config),
    ...neverStatements(config),
  ];
}

/** Whatever else may be attached to the operator, it never loosens a boundary, rewrites a managed policy or attaches one that is not listed. */
function neverStatements(config: OperatorConfig): PolicyStatement[] {
  const never = ["iam:CreatePolicyVersion", "iam:DeletePolicyVersion", "iam:DeleteRolePermissionsBoundary", "iam:SetDefaultPolicyVersion"];
  const listed = config.identity.allowedManagedPolicyArns;
  if (listed.length === 0) return [deny("NeverWiden", { Action: ["iam:AttachRolePolicy", ...never] })];
  const attach = { Action: "iam:AttachRolePolicy" };
  return [
    deny("NeverWiden", { Action: never }),
    deny("NeverAttachAnother", { ...attach, Condition: { ArnNotEquals: { "iam:PolicyARN": sortedUnique(listed) } } }),
    deny("NeverAttachElsewhere", { ...attach, Condition: { StringNotEquals: { [`iam:ResourceTag/${CLUSTER_TAG}`]: clusterId(config) } } }),
  ];
}

/** Reads go as far as telling a foreign role or repository from none. */
function readStatements(config: OperatorConfig): PolicyStatement[] {
  const { iam, roles, ecr } = arns(config);
  const { clusters, ids, read } = associations(config);
  return [
    allow("Sweep", {
      Action: ["ecr:DescribeRegistry", "ecr:GetRegistryScanningConfiguration", "iam:GetAccountAuthorizationDetails"],
      Resource: "*",
    }),
    allow("ReadOurRoles", {
      Action: ["iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies"],
      Resource: roles,
    }),
    allow("ReadAny", {
      Action: ["ecr:DescribeRepositories", "ecr:ListTagsForResource", ...read, "iam:GetRole"],
      Resource: [`${ecr}/*`, ...clusters, ...ids, `${iam}:role/*`],
    }),
  ];
}

function roleStatements(config: OperatorConfig): PolicyStatement[] {
  const { iam, roles } = arns(config);
  const boundary = { "iam:PermissionsBoundary": permittedBoundaries(config) };
  const tagged = { [`iam:ResourceTag/${CLUSTER_TAG}`]: clusterId(config) };
  // Which policies may be attached is said once, by NeverAttachAnother: the list is long, and a policy has 6,144 characters.
  const attaching = config.identity.allowedManagedPolicyArns.length > 0 ? ["iam:AttachRolePolicy"] : [];
  return [
    allow("CreateRoleWithBoundaryAndTags", {
      Action: "iam:CreateRole",
      Resource: roles,
      Condition: { StringEquals: { ...boundary, ...requestTag(config) }, Null: namedInRequest, ...onlyOurTagKeys },
    }),
    // CreateRole with tags is checked against TagRole too, when the role has no tags yet: hence IfExists. Another cluster's role has one.
    allow("TagOurRoles", {
      Action: "iam:TagRole",
      Resource: roles,
      Condition: { StringEqualsIfExists: { ...tagged, ...requestTag(config) }, ...onlyOurTagKeys },
    }),
    allow("UntagOurRoles", { Action: "iam:UntagRole", Resource: roles, Condition: { StringEquals: tagged, ...onlyOurTagKeys } }),
    allow("GiveRightsWithinBoundary", {
      Action: [...attaching, "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole"],
      Resource: roles,
      Condition: { StringEquals: { ...boundary, ...tagged } },
    }),
    // Also where the boundary is not one of ours: what only takes away must not hang on it.
    allow("TakeRightsAway", {
      Action: ["iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy"],
      Resource: roles,
      Condition: { StringEquals: tagged },
    }),
    // IAM knows no condition on the role here, so only profiles that were named after a role of ours.
    allow("LeaveInstanceProfiles", {
      Action: "iam:RemoveRoleFromInstanceProfile",
      Resource: [`${iam}:instance-profile${rolePath(config)}*`, `${iam}:instance-profile/${clusterId(config)}.*`],
    }),
  ];
}

/**
 * Repositories, and Pod Identity's associations: ours by the same tags, so that one statement is for both. A policy has 6,144 characters, and an action
 * of the one on a resource of the other is none.
 */
function taggedStatements(config: OperatorConfig): PolicyStatement[] {
  const repositories = `${arns(config).ecr}/${config.registry.repositoryPrefix}*`;
  const eks = associations(config);
  const Resource = [repositories, ...eks.ids];
  const tagged = resourceTag(config);
  return [
    allow("CreateWithTags", {
      Action: ["ecr:CreateRepository", ...eks.create],
      Resource: [repositories, ...eks.clusters],
      Condition: { StringEquals: requestTag(config), Null: namedInRequest, ...onlyOurTagKeys },
    }),
    // As TagOurRoles: to create with tags needs it before there are any.
    allow("TagOurs", {
      Action: ["ecr:TagResource", ...eks.tag],
      Resource,
      Condition: { StringEqualsIfExists: { ...tagged, ...requestTag(config) }, ...onlyOurTagKeys },
    }),
    allow("UntagOurRepositories", {
      Action: "ecr:UntagResource",
      Resource: repositories,
      Condition: { StringEquals: tagged, ...onlyOurTagKeys },
    }),
    allow("UseOurs", {
      Action: [
        "ecr:BatchDeleteImage",
        "ecr:BatchGetImage",
        "ecr:DeleteRepository",
        "ecr:DescribeImages",
        "ecr:GetDownloadUrlForLayer",
        "ecr:GetLifecyclePolicy",
        "ecr:PutImage",
        "ecr:PutImageTagMutability",
        "ecr:PutLifecyclePolicy",
        ...eks.change,
      ],
      Resource,
      Condition: { StringEquals: tagged },
    }),
  ];
}

/** What an image is that others keep, of those repositories that services may use; nothing else of them, and nothing is written. */
function existingRepositoryStatements(config: OperatorConfig): PolicyStatement[] {
  const { mode, repositoryPrefix } = config.registry;
  const belowPrefix = mode === "Existing" ? [`${repositoryPrefix}*`] : [];
  const listed = config.tenancy.flatMap((tenant) => tenant.existingRepositories);
  const names = sortedUnique([...belowPrefix, ...listed.filter((name) => !belowPrefix.some((all) => covers(all, name)))]);
  if (names.length === 0) return [];
  return [
    allow("ReadImagesOfOthers", {
      Action: ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
      Resource: names.map((name) => `${arns(config).ecr}/${name}`),
    }),
  ];
}

/** A role is passed to Pod Identity alone, and only one of ours. */
function passStatements(config: OperatorConfig): PolicyStatement[] {
  if (!config.identity.modes.includes("PodIdentity")) return [];
  return [
    allow("PassOurRoles", {
      Action: "iam:PassRole",
      Resource: arns(config).roles,
      Condition: { StringEquals: { "iam:PassedToService": POD_IDENTITY_SERVICE } },
    }),
  ];
}

/** What Pod Identity needs of EKS, in this cluster alone; empty where it is not used. */
function associations(config: OperatorConfig) {
  const used = <T>(...values: readonly T[]): readonly T[] => (config.identity.modes.includes("PodIdentity") ? values : []);
  const cluster = clusterArn(config);
  return {
    clusters: used(cluster),
    ids: used(`${cluster.replace(":cluster/", ":podidentityassociation/")}/*`),
    read: used("eks:DescribePodIdentityAssociation", "eks:ListPodIdentityAssociations"),
    create: used("eks:CreatePodIdentityAssociation"),
    tag: used("eks:TagResource"),
    change: used("eks:DeletePodIdentityAssociation", "eks:UpdatePodIdentityAssociation"),
  };
}

/** With a key of its own, whoever creates a repository lets ECR use that key (ECR user guide, Encryption at rest, required permissions). */
function keyStatements(config: OperatorConfig): PolicyStatement[] {
  const { kmsKey } = config.registry.encryption;
  if (kmsKey === undefined) return [];
  const { region } = config.cluster;
  const via = { "kms:ViaService": `ecr.${region}.${partitionOf(region).domain}` };
  return [
    allow("EncryptRepositories", {
      Action: ["kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant"],
      Resource: kmsKey,
      Condition: { StringEquals: via },
    }),
  ];
}

function arns(config: OperatorConfig): { readonly iam: string; readonly roles: string; readonly ecr: string } {
  const { region, accountId } = config.cluster;
  const { partition } = partitionOf(region);
  const iam = `arn:${partition}:iam::${accountId}`;
  return { iam, roles: `${iam}:role${rolePath(config)}*`, ecr: `arn:${partition}:ecr:${region}:${accountId}:repository` };
}
