/** A role's inline policies, attached policies and permissions boundary. */
import type {
  AttachRolePolicyRequest,
  DeleteRolePermissionsBoundaryRequest,
  DeleteRolePolicyRequest,
  DetachRolePolicyRequest,
  GetRolePolicyRequest,
  GetRolePolicyResponse,
  ListAttachedRolePoliciesRequest,
  ListAttachedRolePoliciesResponse,
  ListRolePoliciesRequest,
  ListRolePoliciesResponse,
  PutRolePermissionsBoundaryRequest,
  PutRolePolicyRequest,
} from "@aws-sdk/client-iam";
import { countedCharacters, parseIdentityPolicy } from "../../authorization/grammar.ts";
import { read, write, type Operation } from "../../operation.ts";
import { attachablePolicy } from "./aws-managed-policies.ts";
import { checkBoundary } from "./roles.ts";
import { iamFault } from "./schema.ts";
import { checkQuota, encodeDocument, findRole, iamPage, onRole, parseDocument, putRole } from "./shared.ts";

function byName<T>(entries: readonly (readonly [string, T])[]): readonly (readonly [string, T])[] {
  return entries.toSorted(([a], [b]) => (a < b ? -1 : 1));
}

const putRolePolicy = write<PutRolePolicyRequest, void>("PutRolePolicy", {
  permissions: ({ RoleName }, call) => onRole("PutRolePolicy", RoleName, call),
  handle({ RoleName, PolicyName, PolicyDocument }, call) {
    const role = findRole(RoleName, call);
    parseDocument(() => parseIdentityPolicy(PolicyDocument));
    const inlinePolicies = { ...role.inlinePolicies, [PolicyName]: PolicyDocument };
    const size = Object.values(inlinePolicies).reduce((sum, document) => sum + countedCharacters(document), 0);
    const limit = call.quotas.inlinePolicyCharactersPerRole;
    if (size > limit) throw iamFault("LimitExceededException", `Maximum policy size of ${limit} bytes exceeded for role ${role.roleName}`);
    putRole({ ...role, inlinePolicies }, call);
  },
});

const getRolePolicy = read<GetRolePolicyRequest, GetRolePolicyResponse>("GetRolePolicy", {
  permissions: ({ RoleName }, call) => onRole("GetRolePolicy", RoleName, call),
  handle({ RoleName, PolicyName }, call) {
    const role = findRole(RoleName, call);
    const document = role.inlinePolicies[PolicyName];
    if (document === undefined) throw iamFault("NoSuchEntityException", `The role policy with name ${PolicyName} cannot be found.`);
    return { RoleName: role.roleName, PolicyName, PolicyDocument: encodeDocument(document) };
  },
});

const listRolePolicies = read<ListRolePoliciesRequest, ListRolePoliciesResponse>("ListRolePolicies", {
  permissions: ({ RoleName }, call) => onRole("ListRolePolicies", RoleName, call),
  handle(request, call) {
    const names = Object.keys(findRole(request.RoleName, call).inlinePolicies).map((name) => [name, name] as const);
    const { items, truncation } = iamPage(byName(names), request, call);
    return { PolicyNames: [...items], ...truncation };
  },
});

const deleteRolePolicy = write<DeleteRolePolicyRequest, void>("DeleteRolePolicy", {
  permissions: ({ RoleName }, call) => onRole("DeleteRolePolicy", RoleName, call),
  handle({ RoleName, PolicyName }, call) {
    const role = findRole(RoleName, call);
    const { [PolicyName]: removed, ...inlinePolicies } = role.inlinePolicies;
    if (removed === undefined) throw iamFault("NoSuchEntityException", `The role policy with name ${PolicyName} cannot be found.`);
    putRole({ ...role, inlinePolicies }, call);
  },
});

const attachRolePolicy = write<AttachRolePolicyRequest, void>("AttachRolePolicy", {
  permissions: ({ RoleName, PolicyArn }, call) => onRole("AttachRolePolicy", RoleName, call, { keys: { "iam:PolicyARN": PolicyArn } }),
  handle({ RoleName, PolicyArn }, call) {
    const role = findRole(RoleName, call);
    if (PolicyArn.startsWith("arn:aws:iam::aws:policy/aws-service-role/")) {
      throw iamFault("PolicyNotAttachableException", "Cannot attach a Service Role Policy to a Customer Role.");
    }
    if (attachablePolicy(PolicyArn, call) === undefined) {
      throw iamFault("NoSuchEntityException", `Policy ${PolicyArn} does not exist or is not attachable.`);
    }
    if (role.attachedPolicies.includes(PolicyArn)) return;
    checkQuota(role.attachedPolicies.length, call.quotas.managedPoliciesPerRole, "PoliciesPerRole");
    putRole({ ...role, attachedPolicies: [...role.attachedPolicies, PolicyArn] }, call);
  },
});

const detachRolePolicy = write<DetachRolePolicyRequest, void>("DetachRolePolicy", {
  permissions: ({ RoleName, PolicyArn }, call) => onRole("DetachRolePolicy", RoleName, call, { keys: { "iam:PolicyARN": PolicyArn } }),
  handle({ RoleName, PolicyArn }, call) {
    const role = findRole(RoleName, call);
    if (!role.attachedPolicies.includes(PolicyArn)) throw iamFault("NoSuchEntityException", `Policy ${PolicyArn} was not found.`);
    putRole({ ...role, attachedPolicies: role.attachedPolicies.filter((arn) => arn !== PolicyArn) }, call);
  },
});

const listAttachedRolePolicies = read<ListAttachedRolePoliciesRequest, ListAttachedRolePoliciesResponse>("ListAttachedRolePolicies", {
  permissions: ({ RoleName }, call) => onRole("ListAttachedRolePolicies", RoleName, call),
  handle(request, call) {
    const attached = findRole(request.RoleName, call).attachedPolicies.flatMap((arn) => {
      const policy = attachablePolicy(arn, call);
      const fits = policy?.path.startsWith(request.PathPrefix ?? "/") ?? false;
      return fits && policy !== undefined ? [[arn, { PolicyArn: arn, PolicyName: policy.policyName }] as const] : [];
    });
    const { items, truncation } = iamPage(byName(attached), request, call);
    return { AttachedPolicies: [...items], ...truncation };
  },
});

const putRolePermissionsBoundary = write<PutRolePermissionsBoundaryRequest, void>("PutRolePermissionsBoundary", {
  // The key is the boundary that is asked for, not the one that the role has.
  permissions: ({ RoleName, PermissionsBoundary }, call) =>
    onRole("PutRolePermissionsBoundary", RoleName, call, { keys: { "iam:PermissionsBoundary": PermissionsBoundary } }),
  handle({ RoleName, PermissionsBoundary }, call) {
    const role = findRole(RoleName, call);
    checkBoundary(PermissionsBoundary, call);
    putRole({ ...role, permissionsBoundary: PermissionsBoundary }, call);
  },
});

const deleteRolePermissionsBoundary = write<DeleteRolePermissionsBoundaryRequest, void>("DeleteRolePermissionsBoundary", {
  permissions: ({ RoleName }, call) => onRole("DeleteRolePermissionsBoundary", RoleName, call),
  handle({ RoleName }, call) {
    const { permissionsBoundary, ...role } = findRole(RoleName, call);
    if (permissionsBoundary === undefined) {
      throw iamFault("NoSuchEntityException", `The role with name ${RoleName} does not have a permissions boundary.`);
    }
    putRole(role, call);
  },
});

export const ROLE_POLICY_OPERATIONS: readonly Operation[] = [
  putRolePolicy,
  getRolePolicy,
  listRolePolicies,
  deleteRolePolicy,
  attachRolePolicy,
  detachRolePolicy,
  listAttachedRolePolicies,
  putRolePermissionsBoundary,
  deleteRolePermissionsBoundary,
];
