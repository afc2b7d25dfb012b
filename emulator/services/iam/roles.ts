import type {
  CreateRoleRequest,
  CreateRoleResponse,
  DeleteRoleRequest,
  GetRoleRequest,
  GetRoleResponse,
  ListRolesRequest,
  ListRolesResponse,
  Role,
  UpdateAssumeRolePolicyRequest,
  UpdateRoleRequest,
  UpdateRoleResponse,
} from "@aws-sdk/client-iam";
import { parseTrustPolicy } from "../../authorization/grammar.ts";
import { read, write, type Call, type Operation } from "../../operation.ts";
import type { RoleRecord } from "../../records.ts";
import { iamFault } from "./schema.ts";
import {
  checkQuota,
  checkTrustPolicySize,
  encodeDocument,
  findRole,
  iamArn,
  iamPage,
  knownPrincipals,
  mergeTags,
  nameKey,
  onRole,
  parseDocument,
  putRole,
  requestTags,
  tagList,
} from "./shared.ts";

const DEFAULT_SESSION_SECONDS = 3600;

/** The boundary as IAM describes it. */
export function boundaryOf({ permissionsBoundary }: RoleRecord): Role["PermissionsBoundary"] {
  if (permissionsBoundary === undefined) return undefined;
  return { PermissionsBoundaryType: "PermissionsBoundaryPolicy", PermissionsBoundaryArn: permissionsBoundary };
}

/** A role as lists show it: without tags, boundary and last use. */
export function summarise(role: RoleRecord): Role {
  return {
    Path: role.path,
    RoleName: role.roleName,
    RoleId: role.roleId,
    Arn: role.arn,
    CreateDate: new Date(role.createdAt),
    AssumeRolePolicyDocument: encodeDocument(role.trustPolicy),
    Description: role.description,
    MaxSessionDuration: role.maxSessionDuration,
  };
}

function describe(role: RoleRecord): Role {
  const Tags = Object.keys(role.tags).length > 0 ? tagList(role.tags) : undefined;
  return { ...summarise(role), PermissionsBoundary: boundaryOf(role), Tags };
}

function checkTrust(document: string, call: Call): void {
  parseDocument(() => parseTrustPolicy(document, knownPrincipals(call)));
  checkTrustPolicySize(document, call);
}

/** Throws NoSuchEntity for a boundary that is no policy of this account. */
export function checkBoundary(arn: string, { store }: Call): void {
  if (store.policies.get(arn) === undefined) {
    throw iamFault("NoSuchEntityException", `Scope ARN: ${arn} does not exist or is not attachable.`);
  }
}

const createRole = write<CreateRoleRequest, CreateRoleResponse>("CreateRole", {
  permissions({ RoleName, Path = "/", PermissionsBoundary, Tags }, call) {
    const resource = iamArn(call, "role", Path, RoleName);
    const tags = requestTags(Tags);
    const create = { action: "iam:CreateRole", resource, requestTags: tags, keys: { "iam:PermissionsBoundary": PermissionsBoundary } };
    return Tags === undefined || Tags.length === 0 ? [create] : [create, { action: "iam:TagRole", resource, requestTags: tags }];
  },
  handle({ RoleName, AssumeRolePolicyDocument, Path = "/", Description, MaxSessionDuration, PermissionsBoundary, Tags }, call) {
    if (call.store.roles.current(nameKey(RoleName)) !== undefined) {
      throw iamFault("EntityAlreadyExistsException", `Role with name ${RoleName} already exists.`);
    }
    const tags = mergeTags({}, Tags ?? [], call);
    if (PermissionsBoundary !== undefined) checkBoundary(PermissionsBoundary, call);
    checkTrust(AssumeRolePolicyDocument, call);
    checkQuota(call.store.roles.count(), call.quotas.rolesPerAccount, "RolesPerAccount");
    const role: RoleRecord = {
      arn: iamArn(call, "role", Path, RoleName),
      roleId: call.uniqueId("AROA"),
      roleName: RoleName,
      path: Path,
      createdAt: call.now,
      trustPolicy: AssumeRolePolicyDocument,
      description: Description,
      maxSessionDuration: MaxSessionDuration ?? DEFAULT_SESSION_SECONDS,
      permissionsBoundary: PermissionsBoundary,
      tags,
      inlinePolicies: {},
      attachedPolicies: [],
    };
    putRole(role, call);
    return { Role: describe(role) };
  },
});

const getRole = read<GetRoleRequest, GetRoleResponse>("GetRole", {
  permissions: ({ RoleName }, call) => onRole("GetRole", RoleName, call),
  handle: ({ RoleName }, call) => ({ Role: { ...describe(findRole(RoleName, call)), RoleLastUsed: {} } }),
});

const listRoles = read<ListRolesRequest, ListRolesResponse>("ListRoles", {
  permissions: () => [{ action: "iam:ListRoles", resource: "*" }],
  handle(request, call) {
    const roles = call.store.roles.entries().filter(([, { path }]) => path.startsWith(request.PathPrefix ?? "/"));
    const { items, truncation } = iamPage(roles, request, call);
    return { Roles: items.map(summarise), ...truncation };
  },
});

const updateRole = write<UpdateRoleRequest, UpdateRoleResponse>("UpdateRole", {
  permissions: ({ RoleName }, call) => onRole("UpdateRole", RoleName, call),
  handle({ RoleName, Description, MaxSessionDuration }, call) {
    const role = findRole(RoleName, call);
    const description = Description ?? role.description;
    // AWS: without a value, the default of one hour is applied
    putRole({ ...role, description, maxSessionDuration: MaxSessionDuration ?? DEFAULT_SESSION_SECONDS }, call);
    return {};
  },
});

const updateAssumeRolePolicy = write<UpdateAssumeRolePolicyRequest, void>("UpdateAssumeRolePolicy", {
  permissions: ({ RoleName }, call) => onRole("UpdateAssumeRolePolicy", RoleName, call),
  handle({ RoleName, PolicyDocument }, call) {
    const role = findRole(RoleName, call);
    checkTrust(PolicyDocument, call);
    putRole({ ...role, trustPolicy: PolicyDocument }, call);
  },
});

const deleteRole = write<DeleteRoleRequest, void>("DeleteRole", {
  permissions: ({ RoleName }, call) => onRole("DeleteRole", RoleName, call),
  handle({ RoleName }, call) {
    const role = findRole(RoleName, call);
    const key = nameKey(RoleName);
    const refuse = (what: string): never => {
      throw iamFault("DeleteConflictException", `Cannot delete entity, must ${what} first.`);
    };
    if (call.store.instanceProfiles.entries().some(([, { roleKey }]) => roleKey === key)) refuse("remove roles from instance profile");
    if (role.attachedPolicies.length > 0) refuse("detach all policies");
    if (Object.keys(role.inlinePolicies).length > 0) refuse("delete policies");
    call.store.roles.delete(key);
  },
});

export const ROLE_OPERATIONS: readonly Operation[] = [createRole, getRole, listRoles, updateRole, updateAssumeRolePolicy, deleteRole];
