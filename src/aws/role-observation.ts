import {
  GetRolePolicyCommand,
  paginateListAttachedRolePolicies,
  paginateListRolePolicies,
  type IAMClient,
  type Role,
  type RoleDetail,
} from "@aws-sdk/client-iam";
import { describeOwner, rolePath } from "../crds/aws-names.ts";
import type { ObjectKey } from "../crds/meta.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import type { RoleObserved } from "../reconcilers/ports.ts";
import { isOurs, tagRecord } from "./ownership.ts";
import { parsePolicyDocument } from "./policy-document.ts";

/** A role as AWS tells of it, from either read. */

/** Whose it is, in words; undefined: this service's. By its tags, and at the operator's own path: only there may it write, and IAM moves no role. */
export function otherOwner(role: Role, owner: ObjectKey, config: OperatorConfig): string | undefined {
  const tags = tagRecord(role.Tags);
  if (!isOurs(tags, owner, config)) return describeOwner(tags);
  const path = rolePath(config);
  return role.Path === path
    ? undefined
    : `it has this service's tags, but lies at path ${role.Path ?? "/"} and not at ${path}, and IAM moves no role`;
}

type Policies = Pick<RoleObserved, "inlinePolicies" | "attachedPolicyArns">;

/** What GetRole told, and the rest: its policies, where they are not told already. */
export async function observeRole(iam: IAMClient, role: Role, told?: Policies): Promise<RoleObserved> {
  const { inlinePolicies, attachedPolicyArns: attached } = told ?? (await policiesOf(iam, role.RoleName ?? ""));
  return {
    ...whatBothReadsTell(role),
    description: role.Description ?? "",
    inlinePolicies,
    attachedPolicyArns: attached,
    maxSessionDuration: role.MaxSessionDuration,
  };
}

async function policiesOf(iam: IAMClient, name: string): Promise<Policies> {
  const documents: Record<string, string> = {};
  for (const policy of await inlinePolicyNames(iam, name)) {
    const answer = await iam.send(new GetRolePolicyCommand({ RoleName: name, PolicyName: policy }));
    documents[policy] = answer.PolicyDocument ?? "";
  }
  return { inlinePolicies: parsedDocuments(documents), attachedPolicyArns: await attachedPolicyArns(iam, name) };
}

/** A role of the bulk read, which tells neither description nor session duration. */
export function observedInBulk(detail: RoleDetail): RoleObserved {
  return {
    ...whatBothReadsTell(detail),
    description: undefined,
    inlinePolicies: parsedDocuments(
      Object.fromEntries((detail.RolePolicyList ?? []).map((p) => [p.PolicyName ?? "", p.PolicyDocument ?? ""])),
    ),
    attachedPolicyArns: (detail.AttachedManagedPolicies ?? []).map((p) => p.PolicyArn ?? ""),
    maxSessionDuration: undefined,
  };
}

/** Names of every inline policy of a role. */
export async function inlinePolicyNames(iam: IAMClient, name: string): Promise<string[]> {
  const names: string[] = [];
  for await (const page of paginateListRolePolicies({ client: iam }, { RoleName: name })) names.push(...(page.PolicyNames ?? []));
  return names;
}

/** ARNs of every managed policy attached to a role. */
export async function attachedPolicyArns(iam: IAMClient, name: string): Promise<string[]> {
  const arns: string[] = [];
  for await (const page of paginateListAttachedRolePolicies({ client: iam }, { RoleName: name })) {
    arns.push(...(page.AttachedPolicies ?? []).map((p) => p.PolicyArn ?? ""));
  }
  return arns;
}

function whatBothReadsTell(role: Role | RoleDetail) {
  return {
    arn: role.Arn ?? "",
    id: role.RoleId ?? "",
    path: role.Path ?? "",
    trustPolicy: parsePolicyDocument(role.AssumeRolePolicyDocument),
    permissionsBoundaryArn: role.PermissionsBoundary?.PermissionsBoundaryArn,
    tags: tagRecord(role.Tags),
  };
}

function parsedDocuments(documents: Readonly<Record<string, string>>): RoleObserved["inlinePolicies"] {
  return Object.fromEntries(Object.entries(documents).map(([name, text]) => [name, parsePolicyDocument(text)]));
}
