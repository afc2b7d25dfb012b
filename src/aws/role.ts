import {
  AttachRolePolicyCommand,
  CreateRoleCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetRoleCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  TagRoleCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
  type IAMClient,
} from "@aws-sdk/client-iam";
import { INLINE_POLICY_NAME, isRetained, permittedBoundaries } from "../crds/aws-names.ts";
import type { PolicyDocument, RoleDesired } from "../crds/desired.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import { AwsError, type ExternalResource, type RoleObserved } from "../reconcilers/ports.ts";
import { justCreated, whereClass } from "./expected.ts";
import { assertOurs, changedTags, RETAINED, tagChanges, tagList, tagRecord } from "./ownership.ts";
import { deleteRole } from "./role-deletion.ts";
import { foreignInlinePolicies, roleDifferences } from "./role-differences.ts";
import { observeRole, otherOwner } from "./role-observation.ts";

/** IAM roles. A role is ours by its tags; a write to one that is not never leaves this file. */
export function roleResource(iam: IAMClient, config: OperatorConfig): ExternalResource<RoleDesired, RoleObserved> {
  return {
    group: "iam.aws",
    kind: "Role",

    async observe({ name, owner }, told) {
      const answer = await whereClass("absent", iam.send(new GetRoleCommand({ RoleName: name })));
      if (answer?.Role === undefined) return { state: "absent" };
      const other = otherOwner(answer.Role, owner, config);
      if (other !== undefined) return { state: "foreign", owner: other };
      return { state: "present", observed: await observeRole(iam, answer.Role, told) };
    },

    differences: roleDifferences,

    revision: ({ id }) => id,

    async create(desired) {
      const answer = await trusting(
        desired,
        iam.send(
          new CreateRoleCommand({
            RoleName: desired.name,
            Path: desired.path,
            Description: desired.description,
            AssumeRolePolicyDocument: JSON.stringify(desired.trustPolicy),
            MaxSessionDuration: desired.maxSessionDuration,
            PermissionsBoundary: desired.permissionsBoundaryArn,
            Tags: tagList(Object.entries(desired.tags)),
          }),
        ),
      );
      if (desired.inlinePolicy !== undefined) await justCreated(putInlinePolicy(iam, desired.name, desired.inlinePolicy));
      for (const arn of desired.managedPolicyArns) await justCreated(attach(iam, desired.name, arn));
      return asDesired(desired, { arn: answer.Role?.Arn ?? "", id: answer.Role?.RoleId ?? "", path: desired.path, tags: {} });
    },

    async update(desired, observed, differences) {
      assertOurs(observed.tags, { ...desired, operation: "iam:UpdateRole" }, config);
      if (isQuarantined(observed, config)) return withoutPolicies(iam, config, desired, observed);
      const differs = new Set(differences.map(({ field }) => field));
      // Rights are taken before any are given: the boundary, what others added, and only then trust and policy.
      await removeRights(iam, desired, observed, differs);
      await giveRights(iam, desired, differs);
      await describe(iam, desired, observed, differs);
      return asDesired(desired, observed);
    },

    delete: (target) => deleteRole(iam, config, target),

    async retain({ name, owner }) {
      const { Role: role } = (await whereClass("absent", iam.send(new GetRoleCommand({ RoleName: name })))) ?? {};
      if (role === undefined || otherOwner(role, owner, config) !== undefined || isRetained(tagRecord(role.Tags))) return;
      await iam.send(new TagRoleCommand({ RoleName: name, Tags: tagList([RETAINED]) }));
    },
  };
}

/**
 * A boundary that the configuration does not list was put there by somebody for a reason that is not ours to judge, such as an incident: it is neither
 * trusted nor lifted. The role loses its policies, and the boundary stays a difference that a person must resolve (aws.md, IAM roles).
 */
function isQuarantined({ permissionsBoundaryArn }: RoleObserved, config: OperatorConfig): boolean {
  return permissionsBoundaryArn !== undefined && !permittedBoundaries(config).includes(permissionsBoundaryArn);
}

/** What else somebody put on it, such as a policy that denies everything, is left there with the boundary. */
async function withoutPolicies(
  iam: IAMClient,
  { identity }: OperatorConfig,
  { name, managedPolicyArns }: RoleDesired,
  observed: RoleObserved,
): Promise<RoleObserved> {
  const { [INLINE_POLICY_NAME]: ours, ...others } = observed.inlinePolicies;
  if (ours !== undefined)
    await whereClass("absent", iam.send(new DeleteRolePolicyCommand({ RoleName: name, PolicyName: INLINE_POLICY_NAME })));
  const granted = [...managedPolicyArns, ...identity.allowedManagedPolicyArns];
  const attached = observed.attachedPolicyArns.filter((arn) => granted.includes(arn));
  for (const arn of attached) await detach(iam, name, arn);
  return { ...observed, inlinePolicies: others, attachedPolicyArns: observed.attachedPolicyArns.filter((arn) => !attached.includes(arn)) };
}

async function removeRights(iam: IAMClient, desired: RoleDesired, observed: RoleObserved, differs: ReadonlySet<string>): Promise<void> {
  const RoleName = desired.name;
  if (differs.has("permissionsBoundary")) {
    await iam.send(new PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary: desired.permissionsBoundaryArn }));
  }
  for (const arn of observed.attachedPolicyArns) {
    if (!desired.managedPolicyArns.includes(arn)) await detach(iam, RoleName, arn);
  }
  for (const PolicyName of foreignInlinePolicies(observed)) {
    if (differs.has(`inlinePolicies[${PolicyName}]`))
      await whereClass("absent", iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName })));
  }
}

async function giveRights(iam: IAMClient, desired: RoleDesired, differs: ReadonlySet<string>): Promise<void> {
  const RoleName = desired.name;
  if (differs.has("trustPolicy")) {
    const PolicyDocument = JSON.stringify(desired.trustPolicy);
    await trusting(desired, iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument })));
  }
  if (differs.has("inlinePolicy")) {
    if (desired.inlinePolicy !== undefined) await putInlinePolicy(iam, RoleName, desired.inlinePolicy);
    else await whereClass("absent", iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: INLINE_POLICY_NAME })));
  }
  for (const arn of desired.managedPolicyArns) if (differs.has(`attachedPolicies[${arn}]`)) await attachExisting(iam, RoleName, arn);
}

async function describe(iam: IAMClient, desired: RoleDesired, observed: RoleObserved, differs: ReadonlySet<string>): Promise<void> {
  const RoleName = desired.name;
  if (differs.has("description") || differs.has("maxSessionDuration")) {
    // Both, always: UpdateRole sets the session duration back to an hour where it is left out (IAM API reference).
    await iam.send(new UpdateRoleCommand({ RoleName, Description: desired.description, MaxSessionDuration: desired.maxSessionDuration }));
  }
  const { set, remove } = tagChanges(desired.tags, observed.tags);
  if (set.length > 0) await iam.send(new TagRoleCommand({ RoleName, Tags: tagList(set) }));
  if (remove.length > 0) await iam.send(new UntagRoleCommand({ RoleName, TagKeys: remove }));
}

async function putInlinePolicy(iam: IAMClient, RoleName: string, policy: PolicyDocument): Promise<void> {
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: INLINE_POLICY_NAME, PolicyDocument: JSON.stringify(policy) }));
}

async function attach(iam: IAMClient, RoleName: string, PolicyArn: string): Promise<void> {
  await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
}

async function detach(iam: IAMClient, RoleName: string, PolicyArn: string): Promise<void> {
  await whereClass("absent", iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn })));
}

/** The role has just been read, so what IAM does not find is the policy: a person must make it, or name another. */
async function attachExisting(iam: IAMClient, RoleName: string, arn: string): Promise<void> {
  try {
    await attach(iam, RoleName, arn);
  } catch (error) {
    if (!(error instanceof AwsError && error.class === "absent")) throw error;
    const { code, operation } = error;
    const message = `managed policy ${arn} does not exist, or IAM attaches it to no role: create it, or remove it from spec.aws.managedPolicyArns`;
    throw new AwsError({ class: "invalid", code, operation, message, cause: error });
  }
}

/**
 * A trust policy's shape is ours and right, so what IAM refuses of it is its one principal: a provider that it does not know,
 * or not yet. That heals by itself or by a person, so it is `busy` and tried again, not `invalid`.
 */
async function trusting<T>(desired: RoleDesired, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof AwsError && error.code === "MalformedPolicyDocument")) throw error;
    const principal = desired.trustPolicy.Statement.flatMap(({ Principal }) => Principal?.["Federated"] ?? []).join(", ");
    const message = `${error.message}: the trust policy names ${principal}; create that OIDC provider in this account if it does not exist`;
    throw new AwsError({ class: "busy", code: error.code, operation: error.operation, message, cause: error });
  }
}

/** What the role is once everything that differed was written. */
function asDesired(desired: RoleDesired, observed: Pick<RoleObserved, "arn" | "id" | "path" | "tags">): RoleObserved {
  return {
    arn: observed.arn,
    id: observed.id,
    path: observed.path,
    description: desired.description,
    trustPolicy: desired.trustPolicy,
    inlinePolicies: desired.inlinePolicy === undefined ? {} : { [INLINE_POLICY_NAME]: desired.inlinePolicy },
    attachedPolicyArns: desired.managedPolicyArns,
    permissionsBoundaryArn: desired.permissionsBoundaryArn,
    maxSessionDuration: desired.maxSessionDuration,
    tags: changedTags(desired.tags, observed.tags),
  };
}
