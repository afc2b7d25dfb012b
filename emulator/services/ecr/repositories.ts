import type {
  CreateRepositoryRequest,
  CreateRepositoryResponse,
  DeleteRepositoryRequest,
  DeleteRepositoryResponse,
  DescribeRepositoriesRequest,
  DescribeRepositoriesResponse,
  PutImageScanningConfigurationRequest,
  PutImageScanningConfigurationResponse,
  PutImageTagMutabilityRequest,
  PutImageTagMutabilityResponse,
  Repository,
} from "@aws-sdk/client-ecr";
import { read, write, type Call, type Operation } from "../../operation.ts";
import type { ExclusionFilter, Mutability, RepositoryRecord } from "../../records.ts";
import { ecrFault } from "./schema.ts";
import { ecrPage, findRepository, invalidParameter, mergeTags, onRepository, putRepository, repositoryArn, requestTags } from "./shared.ts";

function describe(repository: RepositoryRecord, { accountId, region }: Call): Repository {
  const { type, kmsKey } = repository.encryption;
  const filters = repository.exclusionFilters;
  return {
    repositoryArn: repository.arn,
    registryId: accountId,
    repositoryName: repository.name,
    repositoryUri: `${accountId}.dkr.ecr.${region}.amazonaws.com/${repository.name}`,
    createdAt: new Date(repository.createdAt),
    imageTagMutability: repository.mutability,
    imageTagMutabilityExclusionFilters: filters.length > 0 ? [...filters] : undefined,
    imageScanningConfiguration: { scanOnPush: repository.scanOnPush },
    encryptionConfiguration: { encryptionType: type, kmsKey },
  };
}

/** Throws InvalidParameterException unless filters come with a mutability that has exclusions, and only then. */
function checkExclusions(mutability: Mutability, filters: readonly ExclusionFilter[]): void {
  if (mutability.endsWith("_WITH_EXCLUSION") !== filters.length > 0) {
    throw invalidParameter(
      `Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: 'must be given with ${mutability.split("_")[0] ?? ""}_WITH_EXCLUSION and only with it'`,
    );
  }
}

const createRepository = write<CreateRepositoryRequest, CreateRepositoryResponse>("CreateRepository", {
  permissions({ repositoryName, tags = [] }, call) {
    const resource = repositoryArn(call, repositoryName);
    const create = { action: "ecr:CreateRepository", resource, requestTags: requestTags(tags) };
    return tags.length === 0 ? [create] : [create, { action: "ecr:TagResource", resource, requestTags: requestTags(tags) }];
  },
  handle(request, call) {
    const { repositoryName: name, imageTagMutability: mutability = "MUTABLE", imageTagMutabilityExclusionFilters: filters = [] } = request;
    checkExclusions(mutability, filters);
    const tags = mergeTags({}, request.tags ?? [], call);
    if (call.store.repositories.current(name) !== undefined) {
      const sentence = `The repository with name '${name}' already exists in the registry with id '${call.accountId}'`;
      throw ecrFault("RepositoryAlreadyExistsException", sentence);
    }
    const { encryptionType: type = "AES256", kmsKey } = request.encryptionConfiguration ?? {};
    if (type === "AES256" && kmsKey !== undefined) {
      throw invalidParameter(
        "Invalid parameter at 'encryptionConfiguration' failed to satisfy constraint: 'kmsKey is only for KMS and KMS_DSSE'",
      );
    }
    if (call.store.repositories.count() >= call.quotas.repositoriesPerRegistry) {
      const sentence = `The maximum number of repositories per registry, ${call.quotas.repositoriesPerRegistry}, is reached`;
      throw ecrFault("LimitExceededException", sentence);
    }
    const awsManagedKey = `arn:aws:kms:${call.region}:${call.accountId}:alias/aws/ecr`;
    const repository: RepositoryRecord = {
      name,
      arn: repositoryArn(call, name),
      createdAt: call.now,
      mutability,
      exclusionFilters: filters,
      scanOnPush: request.imageScanningConfiguration?.scanOnPush ?? false,
      encryption: type === "AES256" ? { type } : { type, kmsKey: kmsKey ?? awsManagedKey },
      tags,
      ...call.firstImages,
    };
    putRepository(repository, call);
    return { repository: describe(repository, call) };
  },
});

const describeRepositories = read<DescribeRepositoriesRequest, DescribeRepositoriesResponse>("DescribeRepositories", {
  permissions({ repositoryNames }, call) {
    if (repositoryNames === undefined) return onRepository("DescribeRepositories", "*", call);
    return repositoryNames.flatMap((name) => onRepository("DescribeRepositories", name, call));
  },
  handle(request, call) {
    const { repositoryNames: names, registryId, nextToken, maxResults } = request;
    if (names !== undefined && (nextToken !== undefined || maxResults !== undefined)) {
      throw invalidParameter("Invalid parameter at 'maxResults' failed to satisfy constraint: 'must not be given with repositoryNames'");
    }
    if (names !== undefined) {
      const found = names.map((repositoryName) => findRepository({ repositoryName, registryId }, call));
      return { repositories: found.map((repository) => describe(repository, call)) };
    }
    const here = (registryId ?? call.accountId) === call.accountId;
    const { items, nextToken: next } = ecrPage(here ? call.store.repositories.entries() : [], request, call);
    return { repositories: items.map((repository) => describe(repository, call)), nextToken: next };
  },
});

const deleteRepository = write<DeleteRepositoryRequest, DeleteRepositoryResponse>("DeleteRepository", {
  permissions: ({ repositoryName }, call) => onRepository("DeleteRepository", repositoryName, call),
  handle(request, call) {
    const repository = findRepository(request, call);
    if (Object.keys(repository.images).length > 0 && request.force !== true) {
      const which = `The repository with name '${repository.name}' in registry with id '${call.accountId}'`;
      throw ecrFault("RepositoryNotEmptyException", `${which} cannot be deleted because it still contains images`);
    }
    call.store.repositories.delete(repository.name);
    const { imageScanningConfiguration: _scanning, encryptionConfiguration: _encryption, ...deleted } = describe(repository, call);
    return { repository: deleted };
  },
});

const putImageTagMutability = write<PutImageTagMutabilityRequest, PutImageTagMutabilityResponse>("PutImageTagMutability", {
  permissions: ({ repositoryName }, call) => onRepository("PutImageTagMutability", repositoryName, call),
  handle(request, call) {
    const { imageTagMutability: mutability, imageTagMutabilityExclusionFilters: exclusionFilters = [] } = request;
    checkExclusions(mutability, exclusionFilters);
    const repository = findRepository(request, call);
    putRepository({ ...repository, mutability, exclusionFilters }, call);
    return {
      registryId: call.accountId,
      repositoryName: repository.name,
      imageTagMutability: mutability,
      imageTagMutabilityExclusionFilters: exclusionFilters.length > 0 ? exclusionFilters : undefined,
    };
  },
});

const putImageScanningConfiguration = write<PutImageScanningConfigurationRequest, PutImageScanningConfigurationResponse>(
  "PutImageScanningConfiguration",
  {
    permissions: ({ repositoryName }, call) => onRepository("PutImageScanningConfiguration", repositoryName, call),
    handle(request, call) {
      const repository = findRepository(request, call);
      const scanOnPush = request.imageScanningConfiguration.scanOnPush ?? false;
      putRepository({ ...repository, scanOnPush }, call);
      return { registryId: call.accountId, repositoryName: repository.name, imageScanningConfiguration: { scanOnPush } };
    },
  },
);

export const REPOSITORY_OPERATIONS: readonly Operation[] = [
  createRepository,
  describeRepositories,
  deleteRepository,
  putImageTagMutability,
  putImageScanningConfiguration,
];
