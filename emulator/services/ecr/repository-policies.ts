/** Lifecycle policies, repository policies and tags: what hangs on a repository. */
import type {
  DeleteLifecyclePolicyRequest,
  DeleteLifecyclePolicyResponse,
  DeleteRepositoryPolicyRequest,
  DeleteRepositoryPolicyResponse,
  GetLifecyclePolicyRequest,
  GetLifecyclePolicyResponse,
  GetRepositoryPolicyRequest,
  GetRepositoryPolicyResponse,
  ListTagsForResourceRequest,
  ListTagsForResourceResponse,
  PutLifecyclePolicyRequest,
  PutLifecyclePolicyResponse,
  SetRepositoryPolicyRequest,
  SetRepositoryPolicyResponse,
  TagResourceRequest,
  TagResourceResponse,
  UntagResourceRequest,
  UntagResourceResponse,
} from "@aws-sdk/client-ecr";
import { parseRepositoryPolicy } from "../../authorization/grammar.ts";
import { PolicySyntaxError } from "../../authorization/policy-document.ts";
import { read, write, type Call, type Operation } from "../../operation.ts";
import type { RepositoryRecord } from "../../records.ts";
import { knownPrincipals } from "../iam/shared.ts";
import { lifecyclePolicyProblem } from "./lifecycle-policy.ts";
import { ecrFault } from "./schema.ts";
import {
  findRepository,
  invalidParameter,
  mergeTags,
  onRepository,
  putRepository,
  repositoryArn,
  repositoryNotFound,
  requestTags,
} from "./shared.ts";

function lifecyclePolicyOf({ name, lifecyclePolicy }: RepositoryRecord, { accountId }: Call): string {
  if (lifecyclePolicy !== undefined) return lifecyclePolicy;
  const where = `the repository with name '${name}' in the registry with id '${accountId}'`;
  throw ecrFault("LifecyclePolicyNotFoundException", `Lifecycle policy does not exist for ${where}`);
}

const putLifecyclePolicy = write<PutLifecyclePolicyRequest, PutLifecyclePolicyResponse>("PutLifecyclePolicy", {
  permissions: ({ repositoryName }, call) => onRepository("PutLifecyclePolicy", repositoryName, call),
  handle(request, call) {
    const repository = findRepository(request, call);
    const { lifecyclePolicyText } = request;
    const problem = lifecyclePolicyProblem(lifecyclePolicyText);
    if (problem !== undefined) {
      throw invalidParameter(
        `Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: ${problem}'`,
      );
    }
    putRepository({ ...repository, lifecyclePolicy: lifecyclePolicyText }, call);
    return { registryId: call.accountId, repositoryName: repository.name, lifecyclePolicyText };
  },
});

const getLifecyclePolicy = read<GetLifecyclePolicyRequest, GetLifecyclePolicyResponse>("GetLifecyclePolicy", {
  permissions: ({ repositoryName }, call) => onRepository("GetLifecyclePolicy", repositoryName, call),
  handle(request, call) {
    const repository = findRepository(request, call);
    const lifecyclePolicyText = lifecyclePolicyOf(repository, call);
    // The emulator never evaluates lifecycle policies; AWS answers with this time for one it has not evaluated yet
    const lastEvaluatedAt = new Date(0);
    return { registryId: call.accountId, repositoryName: repository.name, lifecyclePolicyText, lastEvaluatedAt };
  },
});

const deleteLifecyclePolicy = write<DeleteLifecyclePolicyRequest, DeleteLifecyclePolicyResponse>("DeleteLifecyclePolicy", {
  permissions: ({ repositoryName }, call) => onRepository("DeleteLifecyclePolicy", repositoryName, call),
  handle(request, call) {
    const repository = findRepository(request, call);
    const lifecyclePolicyText = lifecyclePolicyOf(repository, call);
    const { lifecyclePolicy: _removed, ...rest } = repository;
    putRepository(rest, call);
    return { registryId: call.accountId, repositoryName: repository.name, lifecyclePolicyText, lastEvaluatedAt: new Date(0) };
  },
});

function policyOf({ name, policy }: RepositoryRecord, { accountId }: Call): string {
  if (policy !== undefined) return policy;
  const where = `the repository with name '${name}' in the registry with id '${accountId}'`;
  throw ecrFault("RepositoryPolicyNotFoundException", `Repository policy does not exist for ${where}`);
}

const setRepositoryPolicy = write<SetRepositoryPolicyRequest, SetRepositoryPolicyResponse>("SetRepositoryPolicy", {
  permissions: ({ repositoryName }, call) => onRepository("SetRepositoryPolicy", repositoryName, call),
  handle(request, call) {
    const repository = findRepository(request, call);
    const { policyText } = request;
    try {
      parseRepositoryPolicy(policyText, knownPrincipals(call));
    } catch (error) {
      if (!(error instanceof PolicySyntaxError)) throw error;
      throw invalidParameter(
        `Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided': ${error.message}`,
      );
    }
    putRepository({ ...repository, policy: policyText }, call);
    return { registryId: call.accountId, repositoryName: repository.name, policyText };
  },
});

const getRepositoryPolicy = read<GetRepositoryPolicyRequest, GetRepositoryPolicyResponse>("GetRepositoryPolicy", {
  permissions: ({ repositoryName }, call) => onRepository("GetRepositoryPolicy", repositoryName, call),
  handle(request, call) {
    const repository = findRepository(request, call);
    return { registryId: call.accountId, repositoryName: repository.name, policyText: policyOf(repository, call) };
  },
});

const deleteRepositoryPolicy = write<DeleteRepositoryPolicyRequest, DeleteRepositoryPolicyResponse>("DeleteRepositoryPolicy", {
  permissions: ({ repositoryName }, call) => onRepository("DeleteRepositoryPolicy", repositoryName, call),
  handle(request, call) {
    const repository = findRepository(request, call);
    const policyText = policyOf(repository, call);
    const { policy: _removed, ...rest } = repository;
    putRepository(rest, call);
    return { registryId: call.accountId, repositoryName: repository.name, policyText };
  },
});

/** The name in an ARN of a repository. Throws InvalidParameterException for what is none of this registry. */
function nameInArn(arn: string, call: Call): string {
  const prefix = repositoryArn(call, "");
  if (arn.startsWith(prefix) && arn.length > prefix.length) return arn.slice(prefix.length);
  throw invalidParameter(`Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'`);
}

function findByArn(arn: string, call: Call): RepositoryRecord {
  const name = nameInArn(arn, call);
  const repository = call.store.repositories.get(name);
  if (repository === undefined) throw repositoryNotFound(name, call);
  return repository;
}

const tagResource = write<TagResourceRequest, TagResourceResponse>("TagResource", {
  permissions: ({ resourceArn, tags }, call) =>
    onRepository("TagResource", nameInArn(resourceArn, call), call, { requestTags: requestTags(tags) }),
  handle({ resourceArn, tags }, call) {
    const repository = findByArn(resourceArn, call);
    putRepository({ ...repository, tags: mergeTags(repository.tags, tags, call) }, call);
    return {};
  },
});

const untagResource = write<UntagResourceRequest, UntagResourceResponse>("UntagResource", {
  permissions: ({ resourceArn, tagKeys }, call) => onRepository("UntagResource", nameInArn(resourceArn, call), call, { tagKeys }),
  handle({ resourceArn, tagKeys }, call) {
    const repository = findByArn(resourceArn, call);
    const tags = Object.fromEntries(Object.entries(repository.tags).filter(([key]) => !tagKeys.includes(key)));
    putRepository({ ...repository, tags }, call);
    return {};
  },
});

const listTagsForResource = read<ListTagsForResourceRequest, ListTagsForResourceResponse>("ListTagsForResource", {
  permissions: ({ resourceArn }, call) => onRepository("ListTagsForResource", nameInArn(resourceArn, call), call),
  handle: ({ resourceArn }, call) => ({
    tags: Object.entries(findByArn(resourceArn, call).tags).map(([Key, Value]) => ({ Key, Value })),
  }),
});

export const REPOSITORY_POLICY_OPERATIONS: readonly Operation[] = [
  putLifecyclePolicy,
  getLifecyclePolicy,
  deleteLifecyclePolicy,
  setRepositoryPolicy,
  getRepositoryPolicy,
  deleteRepositoryPolicy,
  tagResource,
  untagResource,
  listTagsForResource,
];
