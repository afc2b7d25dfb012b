import type { ListRoleTagsRequest, ListRoleTagsResponse, TagRoleRequest, UntagRoleRequest } from "@aws-sdk/client-iam";
import { read, write, type Operation } from "../../operation.ts";
import { findRole, iamPage, mergeTags, onRole, putRole, requestTags, tagList, withoutTags } from "./shared.ts";

const tagRole = write<TagRoleRequest, void>("TagRole", {
  permissions: ({ RoleName, Tags }, call) => onRole("TagRole", RoleName, call, { requestTags: requestTags(Tags) }),
  handle({ RoleName, Tags }, call) {
    const role = findRole(RoleName, call);
    putRole({ ...role, tags: mergeTags(role.tags, Tags, call) }, call);
  },
});

const untagRole = write<UntagRoleRequest, void>("UntagRole", {
  permissions: ({ RoleName, TagKeys }, call) => onRole("UntagRole", RoleName, call, { tagKeys: TagKeys }),
  handle({ RoleName, TagKeys }, call) {
    const role = findRole(RoleName, call);
    putRole({ ...role, tags: withoutTags(role.tags, TagKeys) }, call);
  },
});

const listRoleTags = read<ListRoleTagsRequest, ListRoleTagsResponse>("ListRoleTags", {
  permissions: ({ RoleName }, call) => onRole("ListRoleTags", RoleName, call),
  handle(request, call) {
    const tags = tagList(findRole(request.RoleName, call).tags).map((tag) => [tag.Key ?? "", tag] as const);
    const { items, truncation } = iamPage(
      tags.toSorted(([a], [b]) => (a < b ? -1 : 1)),
      request,
      call,
    );
    return { Tags: [...items], ...truncation };
  },
});

export const ROLE_TAG_OPERATIONS: readonly Operation[] = [tagRole, untagRole, listRoleTags];
