import {
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetRoleCommand,
  paginateListInstanceProfilesForRole,
  RemoveRoleFromInstanceProfileCommand,
  type IAMClient,
  type Role,
} from "@aws-sdk/client-iam";
import { INLINE_POLICY_NAME } from "../crds/aws-names.ts";
import type { Identified } from "../crds/desired.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import { AwsError, type ExternalRemoval } from "../reconcilers/ports.ts";
import { unlessGone, whereClass } from "./expected.ts";
import { attachedPolicyArns, inlinePolicyNames, otherOwner } from "./role-observation.ts";

/** Someone who attaches as fast as we detach is the next pass's to meet again. */
const MAX_ROUNDS = 3;

/** Deletes a role of ours with all that hangs on it. */
export async function deleteRole(iam: IAMClient, config: OperatorConfig, { name, owner }: Identified): Promise<ExternalRemoval> {
  const role = await getRole(iam, name);
  if (role === undefined) return { state: "gone" };
  if (otherOwner(role, owner, config) !== undefined) return { state: "foreign" };
  const removed = await unlessGone(stripAndDelete(iam, name), async () => (await getRole(iam, name)) === undefined);
  return removed === "gone" ? { state: "gone" } : removed;
}

async function getRole(iam: IAMClient, RoleName: string): Promise<Role | undefined> {
  return (await whereClass("absent", iam.send(new GetRoleCommand({ RoleName }))))?.Role;
}

/** Most roles have the one policy that the operator writes. DeleteConflict means that something else hangs on it: then what does is listed, and listed again. */
async function stripAndDelete(iam: IAMClient, RoleName: string): Promise<ExternalRemoval> {
  await whereClass("absent", iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: INLINE_POLICY_NAME })));
  for (let round = 0; ; round++) {
    const held = round === 0 ? undefined : await strip(iam, RoleName);
    if (held !== undefined) return held;
    try {
      await iam.send(new DeleteRoleCommand({ RoleName }));
      return { state: "gone" };
    } catch (error) {
      if (!(error instanceof AwsError && error.class === "busy") || round === MAX_ROUNDS) throw error;
    }
  }
}

/** Takes off the role whatever would keep IAM from deleting it. A policy may be gone already, by another's hand or an answer lost. */
async function strip(iam: IAMClient, RoleName: string): Promise<ExternalRemoval | undefined> {
  for (const PolicyArn of await attachedPolicyArns(iam, RoleName)) {
    await whereClass("absent", iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn })));
  }
  for (const PolicyName of await inlinePolicyNames(iam, RoleName)) {
    await whereClass("absent", iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName })));
  }
  for (const InstanceProfileName of await instanceProfileNames(iam, RoleName)) {
    if (!(await leaveInstanceProfile(iam, RoleName, InstanceProfileName))) return heldBy(RoleName, InstanceProfileName);
  }
  return undefined;
}

/** False: the operator may not change that profile; it is someone else's. */
async function leaveInstanceProfile(iam: IAMClient, RoleName: string, InstanceProfileName: string): Promise<boolean> {
  try {
    await whereClass("absent", iam.send(new RemoveRoleFromInstanceProfileCommand({ RoleName, InstanceProfileName })));
    return true;
  } catch (error) {
    if (error instanceof AwsError && error.class === "denied") return false;
    throw error;
  }
}

function heldBy(role: string, profile: string): ExternalRemoval {
  return {
    state: "blocked",
    reason: "RoleInInstanceProfile",
    message: `IAM role ${role} is in instance profile ${profile}, which the operator may not change; run aws iam remove-role-from-instance-profile --role-name ${role} --instance-profile-name ${profile}`,
  };
}

async function instanceProfileNames(iam: IAMClient, RoleName: string): Promise<string[]> {
  const names: string[] = [];
  for await (const page of paginateListInstanceProfilesForRole({ client: iam }, { RoleName })) {
    names.push(...(page.InstanceProfiles ?? []).map((profile) => profile.InstanceProfileName ?? ""));
  }
  return names;
}
