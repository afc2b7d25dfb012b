import type {
  GetAccountAuthorizationDetailsRequest,
  GetAccountAuthorizationDetailsResponse,
  ManagedPolicyDetail,
  RoleDetail,
} from "@aws-sdk/client-iam";
import { read, type Call, type Operation } from "../../operation.ts";
import type { PolicyRecord, RoleRecord } from "../../records.ts";
import { describeProfile } from "./instance-profiles.ts";
import { summarisePolicy } from "./policies.ts";
import { boundaryOf } from "./roles.ts";
import { encodeDocument, iamPage, nameKey, tagList } from "./shared.ts";

function roleDetail(role: RoleRecord, call: Call): RoleDetail {
  const profiles = call.store.instanceProfiles.entries().filter(([, { roleKey }]) => roleKey === nameKey(role.roleName));
  return {
    Path: role.path,
    RoleName: role.roleName,
    RoleId: role.roleId,
    Arn: role.arn,
    CreateDate: new Date(role.createdAt),
    AssumeRolePolicyDocument: encodeDocument(role.trustPolicy),
    InstanceProfileList: profiles.map(([, profile]) => describeProfile(profile, call)),
    RolePolicyList: Object.entries(role.inlinePolicies).map(([PolicyName, document]) => ({
      PolicyName,
      PolicyDocument: encodeDocument(document),
    })),
    AttachedManagedPolicies: role.attachedPolicies.map((PolicyArn) => ({
      PolicyArn,
      PolicyName: PolicyArn.slice(PolicyArn.lastIndexOf("/") + 1),
    })),
    PermissionsBoundary: boundaryOf(role),
    Tags: tagList(role.tags),
    RoleLastUsed: {},
  };
}

function policyDetail(policy: PolicyRecord, call: Call): ManagedPolicyDetail {
  return {
    ...summarisePolicy(policy, call),
    PolicyVersionList: Object.entries(policy.versions).map(([VersionId, { document, createdAt }]) => ({
      VersionId,
      Document: encodeDocument(document),
      IsDefaultVersion: VersionId === policy.defaultVersionId,
      CreateDate: new Date(createdAt),
    })),
  };
}

type Entity = { readonly role: RoleRecord } | { readonly policy: PolicyRecord };

const getAccountAuthorizationDetails = read<GetAccountAuthorizationDetailsRequest, GetAccountAuthorizationDetailsResponse>(
  "GetAccountAuthorizationDetails",
  {
    permissions: () => [{ action: "iam:GetAccountAuthorizationDetails", resource: "*" }],
    handle(request, call) {
      const wants = (kind: "Role" | "LocalManagedPolicy"): boolean => request.Filter === undefined || request.Filter.includes(kind);
      // One sequence for all kinds, as one marker pages through all of them
      const roles = wants("Role") ? call.store.roles.entries().map(([key, role]) => [`1/${key}`, { role }] as const) : [];
      const policies = wants("LocalManagedPolicy")
        ? call.store.policies.entries().map(([key, policy]) => [`2/${key}`, { policy }] as const)
        : [];
      const all: (readonly [string, Entity])[] = [...roles, ...policies];
      const { items, truncation } = iamPage(all, request, call);
      return {
        UserDetailList: [],
        GroupDetailList: [],
        RoleDetailList: items.flatMap((entity) => ("role" in entity ? [roleDetail(entity.role, call)] : [])),
        Policies: items.flatMap((entity) => ("policy" in entity ? [policyDetail(entity.policy, call)] : [])),
        ...truncation,
      };
    },
  },
);

export const ACCOUNT_OPERATIONS: readonly Operation[] = [getAccountAuthorizationDetails];
