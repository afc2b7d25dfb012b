import { GetRoleCommand, type IAMClient, type Role, type RoleDetail } from "@aws-sdk/client-iam";
import { describeOwner } from "../crds/aws-names.ts";
import type { ExistingRole } from "../crds/desired.ts";
import { AWS_TAGS } from "../crds/meta.ts";
import type { Lookup } from "../reconcilers/ports.ts";
import { whereClass } from "./expected.ts";
import { tagRecord, type Tags } from "./ownership.ts";
import { parseTrustPolicy } from "./trust-policy.ts";

/** Roles that others made, as far as whoever uses one must know it. */
export function existingRoles(iam: IAMClient): Lookup<ExistingRole> {
  return {
    async read(name) {
      const answer = await whereClass("absent", iam.send(new GetRoleCommand({ RoleName: name })));
      return answer?.Role && existingRole(answer.Role);
    },
  };
}

/** The same of either read. */
export function existingRole(role: Role | RoleDetail): ExistingRole {
  return {
    arn: role.Arn ?? "",
    trust: parseTrustPolicy(role.AssumeRolePolicyDocument),
    permissionsBoundaryArn: role.PermissionsBoundary?.PermissionsBoundaryArn ?? null,
    ownedBy: ownerOf(tagRecord(role.Tags)),
  };
}

/** In words; null where no tag says that it is a PlatformService's. */
function ownerOf(tags: Tags): string | null {
  return Object.values(AWS_TAGS).some((key) => tags[key] !== undefined) ? describeOwner(tags) : null;
}
