import {
  CreateRepositoryCommand,
  DeleteRepositoryCommand,
  DescribeRepositoriesCommand,
  GetLifecyclePolicyCommand,
  ListTagsForResourceCommand,
  PutImageTagMutabilityCommand,
  PutLifecyclePolicyCommand,
  TagResourceCommand,
  UntagResourceCommand,
  type ECRClient,
  type Repository,
} from "@aws-sdk/client-ecr";
import { describeOwner, isRetained, repositoryArn } from "../crds/aws-names.ts";
import { canonicalJson } from "../crds/canonical.ts";
import type { Difference, RepositoryDesired } from "../crds/desired.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import { AwsError, type ExternalRemoval, type ExternalResource, type Lookup, type RepositoryObserved } from "../reconcilers/ports.ts";
import { justCreated, unlessGone, whereClass } from "./expected.ts";
import { countImages } from "./images.ts";
import { parseLifecyclePolicy } from "./lifecycle-policy.ts";
import { assertOurs, changedTags, isOurs, RETAINED, tagChanges, tagDifferences, tagList, tagRecord, type Tags } from "./ownership.ts";

/** ECR repositories. What AWS cannot change after creation, the encryption, stays a difference that `update` leaves. */
export function repositoryResource(ecr: ECRClient, config: OperatorConfig): ExternalResource<RepositoryDesired, RepositoryObserved> {
  return {
    group: "ecr.aws",
    kind: "Repository",

    async observe({ name, owner }, told) {
      const repository = told ?? (await described(ecr, name));
      if (repository === undefined) return { state: "absent" };
      const tags = await repositoryTags(ecr, repository.arn);
      if (tags === undefined) return { state: "absent" };
      if (!isOurs(tags, owner, config)) return { state: "foreign", owner: describeOwner(tags) };
      const policy = await whereClass("absent", ecr.send(new GetLifecyclePolicyCommand({ repositoryName: name })));
      return {
        state: "present",
        observed: { ...repository, tags, lifecyclePolicy: parseLifecyclePolicy(policy?.lifecyclePolicyText) },
      };
    },

    differences,

    revision: ({ createdAt }) => createdAt?.toString(),

    async create(desired) {
      const { type, kmsKey } = desired.encryption;
      const answer = await ecr.send(
        new CreateRepositoryCommand({
          repositoryName: desired.name,
          imageTagMutability: "IMMUTABLE",
          encryptionConfiguration: { encryptionType: type, ...(kmsKey !== undefined && { kmsKey }) },
          tags: tagList(Object.entries(desired.tags)),
        }),
      );
      await justCreated(putLifecyclePolicy(ecr, desired));
      return { ...observedRepository(answer.repository ?? {}), tags: desired.tags, lifecyclePolicy: desired.lifecyclePolicy };
    },

    async update(desired, observed, found) {
      const tags = observed.tags ?? {};
      assertOurs(tags, { ...desired, operation: "ecr:PutLifecyclePolicy" }, config);
      const differs = new Set(found.map(({ field }) => field));
      if (differs.has("imageTagMutability")) {
        await ecr.send(new PutImageTagMutabilityCommand({ repositoryName: desired.name, imageTagMutability: "IMMUTABLE" }));
      }
      if (differs.has("lifecyclePolicy")) await putLifecyclePolicy(ecr, desired);
      const { set, remove } = tagChanges(desired.tags, tags);
      if (set.length > 0) await ecr.send(new TagResourceCommand({ resourceArn: observed.arn, tags: tagList(set) }));
      if (remove.length > 0) await ecr.send(new UntagResourceCommand({ resourceArn: observed.arn, tagKeys: remove }));
      return { ...observed, immutable: true, lifecyclePolicy: desired.lifecyclePolicy, tags: changedTags(desired.tags, tags) };
    },

    async delete({ name, owner, force }) {
      const tags = await repositoryTags(ecr, repositoryArn(name, config));
      if (tags === undefined) return { state: "gone" };
      if (!isOurs(tags, owner, config)) return { state: "foreign" };
      try {
        const deletion = ecr.send(new DeleteRepositoryCommand({ repositoryName: name, force }));
        await unlessGone(deletion, async () => (await described(ecr, name)) === undefined);
        return { state: "gone" };
      } catch (error) {
        if (error instanceof AwsError && error.code === "RepositoryNotEmpty") return notEmpty(name, await countImages(ecr, name));
        throw error;
      }
    },

    async retain({ name, owner }) {
      const resourceArn = repositoryArn(name, config);
      const tags = await repositoryTags(ecr, resourceArn);
      if (tags === undefined || !isOurs(tags, owner, config) || isRetained(tags)) return;
      await ecr.send(new TagResourceCommand({ resourceArn, tags: tagList([RETAINED]) }));
    },
  };
}

/** Repositories that others own. Their lifecycle policy is not read: it is theirs. */
export function existingRepositories(ecr: ECRClient): Lookup<RepositoryObserved> {
  return {
    async read(name) {
      const repository = await described(ecr, name);
      const tags = repository && (await repositoryTags(ecr, repository.arn));
      return repository && tags && { ...repository, tags };
    },
  };
}

/** What DescribeRepositories tells: neither tags nor lifecycle policy. */
export function observedRepository(repository: Repository): RepositoryObserved {
  const encryption = repository.encryptionConfiguration;
  return {
    arn: repository.repositoryArn ?? "",
    uri: repository.repositoryUri ?? "",
    createdAt: repository.createdAt?.getTime(),
    immutable: repository.imageTagMutability === "IMMUTABLE",
    // A repository of before encryption could be chosen has none said, and AES256.
    encryption: { type: encryption?.encryptionType ?? "AES256", kmsKey: encryption?.kmsKey },
    lifecyclePolicy: undefined,
    tags: undefined,
  };
}

function differences(desired: RepositoryDesired, observed: RepositoryObserved): readonly Difference[] {
  const found: Difference[] = [];
  const encryption = encryptionDifference(desired.encryption, observed.encryption);
  if (encryption !== undefined) found.push(encryption);
  if (!observed.immutable) found.push({ field: "imageTagMutability", observed: "mutable", desired: "IMMUTABLE" });
  if (observed.lifecyclePolicy !== undefined && canonicalJson(observed.lifecyclePolicy) !== canonicalJson(desired.lifecyclePolicy)) {
    found.push({
      field: "lifecyclePolicy",
      observed: observed.lifecyclePolicy === null ? "none" : "another document",
      desired: "the spec's",
    });
  }
  if (observed.tags !== undefined) found.push(...tagDifferences(desired.tags, observed.tags));
  return found;
}

/** Without a key of ours, KMS uses the account's own for ECR: any key is then as desired. */
function encryptionDifference(
  desired: RepositoryDesired["encryption"],
  observed: RepositoryObserved["encryption"],
): Difference | undefined {
  if (desired.type !== observed.type) return { field: "encryption", observed: observed.type, desired: desired.type };
  if (desired.kmsKey === undefined || desired.kmsKey === observed.kmsKey) return undefined;
  return { field: "encryption", observed: `KMS with ${observed.kmsKey ?? "the default key"}`, desired: `KMS with ${desired.kmsKey}` };
}

async function described(ecr: ECRClient, name: string): Promise<RepositoryObserved | undefined> {
  const answer = await whereClass("absent", ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [name] })));
  const repository = answer?.repositories?.[0];
  return repository && observedRepository(repository);
}

/** Undefined: there is no such repository any more. */
export async function repositoryTags(ecr: ECRClient, resourceArn: string | undefined): Promise<Tags | undefined> {
  const answer = await whereClass("absent", ecr.send(new ListTagsForResourceCommand({ resourceArn })));
  return answer && tagRecord(answer.tags);
}

async function putLifecyclePolicy(ecr: ECRClient, { name, lifecyclePolicy }: RepositoryDesired): Promise<void> {
  await ecr.send(new PutLifecyclePolicyCommand({ repositoryName: name, lifecyclePolicyText: JSON.stringify(lifecyclePolicy) }));
}

function notEmpty(name: string, images: number): ExternalRemoval {
  return {
    state: "blocked",
    reason: "RepositoryNotEmpty",
    message: `ECR repository ${name} holds ${images} ${images === 1 ? "image" : "images"}; delete them, or set spec.image.deletionPolicy to DeleteWithImages, or to Retain to keep the repository`,
  };
}
