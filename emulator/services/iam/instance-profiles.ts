import type {
  AddRoleToInstanceProfileRequest,
  CreateInstanceProfileRequest,
  CreateInstanceProfileResponse,
  DeleteInstanceProfileRequest,
  InstanceProfile,
  ListInstanceProfilesForRoleRequest,
  ListInstanceProfilesForRoleResponse,
  RemoveRoleFromInstanceProfileRequest,
} from "@aws-sdk/client-iam";
import { read, write, type Call, type Operation, type Permission } from "../../operation.ts";
import type { InstanceProfileRecord } from "../../records.ts";
import { summarise } from "./roles.ts";
import { iamFault } from "./schema.ts";
import { checkQuota, findRole, iamArn, iamPage, mergeTags, nameKey, onRole, requestTags, tagList } from "./shared.ts";

function findProfile(name: string, { store }: Call): InstanceProfileRecord {
  const profile = store.instanceProfiles.get(nameKey(name));
  if (profile === undefined) throw iamFault("NoSuchEntityException", `Instance Profile ${name} cannot be found.`);
  return profile;
}

function onProfile(action: string, name: string, call: Call): Permission[] {
  const profile = call.store.instanceProfiles.get(nameKey(name));
  const resource = profile?.arn ?? iamArn(call, "instance-profile", "/", name);
  return [{ action: `iam:${action}`, resource, resourceTags: profile?.tags ?? {} }];
}

/** A profile with the role in it. */
export function describeProfile(profile: InstanceProfileRecord, { store }: Call): InstanceProfile {
  const role = profile.roleKey === undefined ? undefined : store.roles.get(profile.roleKey);
  return {
    Path: profile.path,
    InstanceProfileName: profile.name,
    InstanceProfileId: profile.id,
    Arn: profile.arn,
    CreateDate: new Date(profile.createdAt),
    Roles: role === undefined ? [] : [summarise(role)],
    Tags: Object.keys(profile.tags).length > 0 ? tagList(profile.tags) : undefined,
  };
}

const createInstanceProfile = write<CreateInstanceProfileRequest, CreateInstanceProfileResponse>("CreateInstanceProfile", {
  permissions: ({ InstanceProfileName, Path = "/", Tags }, call) => [
    {
      action: "iam:CreateInstanceProfile",
      resource: iamArn(call, "instance-profile", Path, InstanceProfileName),
      requestTags: requestTags(Tags),
    },
  ],
  handle({ InstanceProfileName, Path = "/", Tags }, call) {
    const key = nameKey(InstanceProfileName);
    if (call.store.instanceProfiles.current(key) !== undefined) {
      throw iamFault("EntityAlreadyExistsException", `Instance Profile ${InstanceProfileName} already exists.`);
    }
    checkQuota(call.store.instanceProfiles.count(), call.quotas.instanceProfilesPerAccount, "InstanceProfilesPerAccount");
    const profile: InstanceProfileRecord = {
      arn: iamArn(call, "instance-profile", Path, InstanceProfileName),
      id: call.uniqueId("AIPA"),
      name: InstanceProfileName,
      path: Path,
      createdAt: call.now,
      tags: mergeTags({}, Tags ?? [], call),
    };
    call.store.instanceProfiles.set(key, profile);
    return { InstanceProfile: describeProfile(profile, call) };
  },
});

const addRoleToInstanceProfile = write<AddRoleToInstanceProfileRequest, void>("AddRoleToInstanceProfile", {
  permissions({ InstanceProfileName, RoleName }, call) {
    const passed = onRole("PassRole", RoleName, call, { keys: { "iam:PassedToService": "ec2.amazonaws.com" } });
    return [...onProfile("AddRoleToInstanceProfile", InstanceProfileName, call), ...passed];
  },
  handle({ InstanceProfileName, RoleName }, call) {
    const profile = findProfile(InstanceProfileName, call);
    findRole(RoleName, call);
    // AWS allows one role in a profile, and that quota cannot be raised
    checkQuota(profile.roleKey === undefined ? 0 : 1, 1, "InstanceSessionsPerInstanceProfile");
    call.store.instanceProfiles.set(nameKey(InstanceProfileName), { ...profile, roleKey: nameKey(RoleName) });
  },
});

const removeRoleFromInstanceProfile = write<RemoveRoleFromInstanceProfileRequest, void>("RemoveRoleFromInstanceProfile", {
  permissions: ({ InstanceProfileName }, call) => onProfile("RemoveRoleFromInstanceProfile", InstanceProfileName, call),
  handle({ InstanceProfileName, RoleName }, call) {
    const { roleKey, ...profile } = findProfile(InstanceProfileName, call);
    if (roleKey !== nameKey(RoleName)) throw iamFault("NoSuchEntityException", `The role with name ${RoleName} cannot be found.`);
    call.store.instanceProfiles.set(nameKey(InstanceProfileName), profile);
  },
});

const deleteInstanceProfile = write<DeleteInstanceProfileRequest, void>("DeleteInstanceProfile", {
  permissions: ({ InstanceProfileName }, call) => onProfile("DeleteInstanceProfile", InstanceProfileName, call),
  handle({ InstanceProfileName }, call) {
    if (findProfile(InstanceProfileName, call).roleKey !== undefined) {
      throw iamFault("DeleteConflictException", "Cannot delete entity, must remove roles from instance profile first.");
    }
    call.store.instanceProfiles.delete(nameKey(InstanceProfileName));
  },
});

const listInstanceProfilesForRole = read<ListInstanceProfilesForRoleRequest, ListInstanceProfilesForRoleResponse>(
  "ListInstanceProfilesForRole",
  {
    permissions: ({ RoleName }, call) => onRole("ListInstanceProfilesForRole", RoleName, call),
    handle(request, call) {
      findRole(request.RoleName, call);
      const key = nameKey(request.RoleName);
      const profiles = call.store.instanceProfiles.entries().filter(([, { roleKey }]) => roleKey === key);
      const { items, truncation } = iamPage(profiles, request, call);
      return { InstanceProfiles: items.map((profile) => describeProfile(profile, call)), ...truncation };
    },
  },
);

export const INSTANCE_PROFILE_OPERATIONS: readonly Operation[] = [
  createInstanceProfile,
  addRoleToInstanceProfile,
  removeRoleFromInstanceProfile,
  deleteInstanceProfile,
  listInstanceProfilesForRole,
];
