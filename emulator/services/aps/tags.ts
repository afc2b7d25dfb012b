import type {
  ListTagsForResourceRequest,
  ListTagsForResourceResponse,
  TagResourceRequest,
  UntagResourceRequest,
} from "@aws-sdk/client-amp";
import { read, write, type Call, type Operation, type Permission } from "../../operation.ts";
import type { Tags } from "../../records.ts";
import { apsFault } from "./schema.ts";
import {
  findRulesNamespace,
  findWorkspace,
  mergeTags,
  onRulesNamespace,
  onWorkspace,
  rulesNamespaceArn,
  rulesNamespaceKey,
  workspaceArn,
} from "./shared.ts";

/** Something that has tags. */
interface Tagged {
  permission(action: string): Permission;
  /** Throws ResourceNotFoundException. */
  tags(): Tags;
  put(tags: Tags): void;
}

/** A workspace, or rules in one. Throws ValidationException for what is no ARN of these, ResourceNotFoundException for another account's or region's. */
function tagged(arn: string, call: Call): Tagged {
  const [, kind, path = ""] = /^arn:aws[a-z-]*:aps:[a-z0-9-]+:\d{12}:(workspace|rulegroupsnamespace)\/(.+)$/.exec(arn) ?? [];
  if (kind === undefined) throw apsFault("ValidationException", `${arn} is not the ARN of a workspace or of a rule groups namespace`);
  const slash = path.indexOf("/");
  const named = { workspaceId: path.slice(0, Math.max(slash, 0)), name: path.slice(slash + 1) };
  const own = kind === "workspace" ? workspaceArn(call, path) : rulesNamespaceArn(call, named);
  if (own !== arn) throw apsFault("ResourceNotFoundException", `Resource ${arn} was not found`);
  if (kind === "workspace") {
    return {
      permission: (action) => onWorkspace(action, path, call),
      tags: () => findWorkspace(path, call).tags,
      put: (tags) => call.store.workspaces.set(path, { ...findWorkspace(path, call), tags }),
    };
  }
  return {
    permission: (action) => onRulesNamespace(action, named, call),
    tags: () => findRulesNamespace(named, call).tags,
    put: (tags) => call.store.rulesNamespaces.set(rulesNamespaceKey(named), { ...findRulesNamespace(named, call), tags }),
  };
}

const tagResource = write<TagResourceRequest, object>("TagResource", {
  permissions: ({ resourceArn, tags }, call) => [{ ...tagged(resourceArn, call).permission("TagResource"), requestTags: tags }],
  handle({ resourceArn, tags }, call) {
    const resource = tagged(resourceArn, call);
    resource.put(mergeTags(resource.tags(), tags, call));
    return {};
  },
});

const untagResource = write<UntagResourceRequest, object>("UntagResource", {
  permissions: ({ resourceArn, tagKeys }, call) => [{ ...tagged(resourceArn, call).permission("UntagResource"), tagKeys }],
  handle({ resourceArn, tagKeys }, call) {
    const resource = tagged(resourceArn, call);
    resource.put(Object.fromEntries(Object.entries(resource.tags()).filter(([key]) => !tagKeys.includes(key))));
    return {};
  },
});

const listTags = read<ListTagsForResourceRequest, ListTagsForResourceResponse>("ListTagsForResource", {
  permissions: ({ resourceArn }, call) => [tagged(resourceArn, call).permission("ListTagsForResource")],
  handle: ({ resourceArn }, call) => ({ tags: tagged(resourceArn, call).tags() }),
});

export const TAG_OPERATIONS: readonly Operation[] = [tagResource, untagResource, listTags];
