/** Customer managed policies. */
import type {
  CreatePolicyRequest,
  CreatePolicyResponse,
  DeletePolicyRequest,
  GetPolicyRequest,
  GetPolicyResponse,
  GetPolicyVersionRequest,
  GetPolicyVersionResponse,
  ListPoliciesRequest,
  ListPoliciesResponse,
  Policy,
} from "@aws-sdk/client-iam";
import { countedCharacters, parseIdentityPolicy } from "../../authorization/grammar.ts";
import { read, write, type Call, type Operation, type Permission } from "../../operation.ts";
import type { PolicyRecord } from "../../records.ts";
import { iamFault } from "./schema.ts";
import { checkQuota, encodeDocument, iamArn, iamPage, mergeTags, parseDocument, requestTags, tagList } from "./shared.ts";

function findPolicy(arn: string, { store }: Call): PolicyRecord {
  const policy = store.policies.get(arn);
  if (policy === undefined) throw iamFault("NoSuchEntityException", `Policy ${arn} was not found.`);
  return policy;
}

function onPolicy(action: string, arn: string, { store }: Call): Permission[] {
  return [{ action: `iam:${action}`, resource: arn, resourceTags: store.policies.get(arn)?.tags ?? {} }];
}

/** How many roles have it attached, and how many as their boundary. */
function usage(arn: string, { store }: Call): { attached: number; boundaries: number } {
  const roles = store.roles.entries().map(([, role]) => role);
  return {
    attached: roles.filter(({ attachedPolicies }) => attachedPolicies.includes(arn)).length,
    boundaries: roles.filter(({ permissionsBoundary }) => permissionsBoundary === arn).length,
  };
}

/** A policy as GetPolicy and, but for tags and description, lists show it. */
export function summarisePolicy(policy: PolicyRecord, call: Call): Policy {
  const { attached, boundaries } = usage(policy.arn, call);
  return {
    PolicyName: policy.policyName,
    PolicyId: policy.policyId,
    Arn: policy.arn,
    Path: policy.path,
    DefaultVersionId: policy.defaultVersionId,
    AttachmentCount: attached,
    PermissionsBoundaryUsageCount: boundaries,
    IsAttachable: true,
    CreateDate: new Date(policy.createdAt),
    UpdateDate: new Date(policy.updatedAt),
  };
}

const createPolicy = write<CreatePolicyRequest, CreatePolicyResponse>("CreatePolicy", {
  permissions({ PolicyName, Path = "/", Tags }, call) {
    const resource = iamArn(call, "policy", Path, PolicyName);
    const tags = requestTags(Tags);
    const create = { action: "iam:CreatePolicy", resource, requestTags: tags };
    return Tags === undefined || Tags.length === 0 ? [create] : [create, { action: "iam:TagPolicy", resource, requestTags: tags }];
  },
  handle({ PolicyName, PolicyDocument, Path = "/", Description, Tags }, call) {
    const arn = iamArn(call, "policy", Path, PolicyName);
    const taken = call.store.policies.entries().some(([, { policyName }]) => policyName.toLowerCase() === PolicyName.toLowerCase());
    if (taken || call.store.policies.current(arn) !== undefined) {
      throw iamFault("EntityAlreadyExistsException", `A policy called ${PolicyName} already exists. Duplicate names are not allowed.`);
    }
    const tags = mergeTags({}, Tags ?? [], call);
    parseDocument(() => parseIdentityPolicy(PolicyDocument));
    const limit = call.quotas.managedPolicyCharacters;
    if (countedCharacters(PolicyDocument) > limit) throw iamFault("LimitExceededException", `Cannot exceed quota for PolicySize: ${limit}`);
    checkQuota(call.store.policies.count(), call.quotas.policiesPerAccount, "PoliciesPerAccount");
    const policy: PolicyRecord = {
      arn,
      policyId: call.uniqueId("ANPA"),
      policyName: PolicyName,
      path: Path,
      createdAt: call.now,
      updatedAt: call.now,
      description: Description,
      defaultVersionId: "v1",
      versions: { v1: { document: PolicyDocument, createdAt: call.now } },
      tags,
    };
    call.store.policies.set(arn, policy);
    return { Policy: { ...summarisePolicy(policy, call), Tags: tagList(tags) } };
  },
});

const getPolicy = read<GetPolicyRequest, GetPolicyResponse>("GetPolicy", {
  permissions: ({ PolicyArn }, call) => onPolicy("GetPolicy", PolicyArn, call),
  handle({ PolicyArn }, call) {
    const policy = findPolicy(PolicyArn, call);
    return { Policy: { ...summarisePolicy(policy, call), Description: policy.description, Tags: tagList(policy.tags) } };
  },
});

const getPolicyVersion = read<GetPolicyVersionRequest, GetPolicyVersionResponse>("GetPolicyVersion", {
  permissions: ({ PolicyArn }, call) => onPolicy("GetPolicyVersion", PolicyArn, call),
  handle({ PolicyArn, VersionId }, call) {
    const policy = findPolicy(PolicyArn, call);
    const version = policy.versions[VersionId];
    if (version === undefined) {
      throw iamFault("NoSuchEntityException", `Policy ${PolicyArn} version ${VersionId} does not exist or is not attachable.`);
    }
    return {
      PolicyVersion: {
        Document: encodeDocument(version.document),
        VersionId,
        IsDefaultVersion: VersionId === policy.defaultVersionId,
        CreateDate: new Date(version.createdAt),
      },
    };
  },
});

const deletePolicy = write<DeletePolicyRequest, void>("DeletePolicy", {
  permissions: ({ PolicyArn }, call) => onPolicy("DeletePolicy", PolicyArn, call),
  handle({ PolicyArn }, call) {
    findPolicy(PolicyArn, call);
    const { attached, boundaries } = usage(PolicyArn, call);
    if (attached + boundaries > 0) throw iamFault("DeleteConflictException", "Cannot delete a policy attached to entities.");
    call.store.policies.delete(PolicyArn);
  },
});

const listPolicies = read<ListPoliciesRequest, ListPoliciesResponse>("ListPolicies", {
  permissions: () => [{ action: "iam:ListPolicies", resource: "*" }],
  handle(request, call) {
    const { Scope = "All", OnlyAttached = false, PathPrefix = "/", PolicyUsageFilter } = request;
    const fits = (policy: PolicyRecord): boolean => {
      const { attached, boundaries } = usage(policy.arn, call);
      if (Scope === "AWS" || !policy.path.startsWith(PathPrefix)) return false; // AWS's own policies are not here
      if (OnlyAttached && attached + boundaries === 0) return false;
      if (PolicyUsageFilter === "PermissionsBoundary") return boundaries > 0;
      return PolicyUsageFilter !== "PermissionsPolicy" || attached > 0;
    };
    const policies = call.store.policies.entries().filter(([, policy]) => fits(policy));
    const { items, truncation } = iamPage(policies, request, call);
    return { Policies: items.map((policy) => summarisePolicy(policy, call)), ...truncation };
  },
});

export const POLICY_OPERATIONS: readonly Operation[] = [createPolicy, getPolicy, getPolicyVersion, deletePolicy, listPolicies];
