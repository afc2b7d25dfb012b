import { partitionOf } from "../../crds/aws-names.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { allow, deny, render } from "./policy-parts.ts";

/**
 * A permissions boundary for the roles of services, where the platform has none of its own: the most that a vetted policy (vet-policy.ts) or a managed
 * one can give, and nothing by which a service would come to more than it was given. It names no cluster, so one is enough for an account.
 */

/** By these a service would be somebody else: people's and machines' identities, and the account's own. */
const IDENTITY = [
  "account:*",
  "identitystore:*",
  "organizations:*",
  "rolesanywhere:*",
  "sso:*",
  "sso-directory:*",
  "sts:AssumeRoot",
  "sts:GetFederationToken",
  "sts:GetSessionToken",
];

/** By these it would come into the cluster, or its pods to another service's role. */
const CLUSTER_ACCESS = [
  "eks:AssociateAccessPolicy",
  "eks:AssociateIdentityProviderConfig",
  "eks:CreateAccessEntry",
  "eks:CreatePodIdentityAssociation",
  "eks:UpdateAccessEntry",
  "eks:UpdatePodIdentityAssociation",
];

/** As JSON; `actions` are what services may be allowed at most. */
export function renderServicesBoundary({ cluster }: OperatorConfig, actions: readonly string[]): string {
  const roles = `arn:${partitionOf(cluster.region).partition}:iam::${cluster.accountId}:role/platform-operator/*`;
  return render([
    allow("AtMost", { Action: actions, Resource: "*" }),
    // Only iam:PassRole has that key, so this is all of IAM but to pass a named role to a service; the boundary itself, and its versions, are among it.
    deny("NeverIam", { Action: "iam:*", Condition: { Null: { "iam:PassedToService": "true" } } }),
    { ...deny("NeverPassRolesOfServices", { Action: "iam:PassRole" }), Resource: roles },
    deny("NeverIdentity", { Action: IDENTITY }),
    deny("NeverClusterAccess", { Action: CLUSTER_ACCESS }),
  ]);
}
