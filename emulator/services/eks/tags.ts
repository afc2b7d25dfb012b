import type {
  ListTagsForResourceRequest,
  ListTagsForResourceResponse,
  TagResourceRequest,
  TagResourceResponse,
  UntagResourceRequest,
  UntagResourceResponse,
} from "@aws-sdk/client-eks";
import { read, write, type Call, type Operation } from "../../operation.ts";
import type { PodIdentityAssociationRecord, Tags } from "../../records.ts";
import { eksFault } from "./schema.ts";
import { associationArn, associationKey, onAssociation, putAssociation } from "./shared.ts";

/** The tags with others added. Throws InvalidParameterException. */
export function mergeTags(existing: Tags, added: Tags, { quotas }: Call): Tags {
  if (Object.keys(added).some((key) => key.toLowerCase().startsWith("aws:"))) {
    throw eksFault("InvalidParameterException", "Tag keys that begin with aws: are reserved");
  }
  const merged = { ...existing, ...added };
  if (Object.keys(merged).length > quotas.tagsPerResource) {
    throw eksFault("InvalidParameterException", `A resource can have at most ${quotas.tagsPerResource} tags`);
  }
  return merged;
}

interface Named {
  readonly clusterName: string;
  readonly associationId: string;
}

/** Associations are all that is tagged here. Throws BadRequestException for what is no ARN of EKS. */
function parseArn(arn: string): Named | undefined {
  if (!/^arn:aws[a-z-]*:eks:[a-z0-9-]+:\d{12}:.+/.test(arn))
    throw eksFault("BadRequestException", `${arn} is not the ARN of a resource of EKS`);
  const [, clusterName, associationId] = /:podidentityassociation\/([^/]+)\/([^/]+)$/.exec(arn) ?? [];
  return clusterName === undefined || associationId === undefined ? undefined : { clusterName, associationId };
}

/** Throws NotFoundException. */
function find(arn: string, call: Call): PodIdentityAssociationRecord {
  const named = parseArn(arn);
  const found = named && call.store.podIdentityAssociations.get(associationKey(named.clusterName, named.associationId));
  if (named === undefined || found === undefined || found.arn !== arn) throw eksFault("NotFoundException", `Resource ${arn} was not found`);
  return found;
}

function permission(action: string, arn: string, call: Call): ReturnType<typeof onAssociation> {
  const named = parseArn(arn);
  if (named === undefined || associationArn(call, named.clusterName, named.associationId) !== arn)
    return { action: `eks:${action}`, resource: arn };
  return onAssociation(action, named, call);
}

const tagResource = write<TagResourceRequest, TagResourceResponse>("TagResource", {
  permissions: ({ resourceArn, tags }, call) => [{ ...permission("TagResource", resourceArn, call), requestTags: tags }],
  handle({ resourceArn, tags }, call) {
    const association = find(resourceArn, call);
    putAssociation({ ...association, tags: mergeTags(association.tags, tags, call) }, call);
    return {};
  },
});

const untagResource = write<UntagResourceRequest, UntagResourceResponse>("UntagResource", {
  permissions: ({ resourceArn, tagKeys }, call) => [{ ...permission("UntagResource", resourceArn, call), tagKeys }],
  handle({ resourceArn, tagKeys }, call) {
    const association = find(resourceArn, call);
    const tags = Object.fromEntries(Object.entries(association.tags).filter(([key]) => !tagKeys.includes(key)));
    putAssociation({ ...association, tags }, call);
    return {};
  },
});

const listTags = read<ListTagsForResourceRequest, ListTagsForResourceResponse>("ListTagsForResource", {
  permissions: ({ resourceArn }, call) => [permission("ListTagsForResource", resourceArn, call)],
  handle: ({ resourceArn }, call) => ({ tags: find(resourceArn, call).tags }),
});

export const TAG_OPERATIONS: readonly Operation[] = [tagResource, untagResource, listTags];
