/** What ECR's operations have in common. */
import type { Tag } from "@aws-sdk/client-ecr";
import { badRequest } from "../../errors.ts";
import type { Call, Permission, Valid } from "../../operation.ts";
import { page } from "../../paging.ts";
import type { RepositoryRecord, Tags } from "../../records.ts";
import { ecrFault } from "./schema.ts";

interface InRegistry {
  readonly registryId?: string | undefined;
}

interface InRepository extends InRegistry {
  readonly repositoryName: string;
}

export function repositoryArn({ accountId, region }: Call, name: string): string {
  return `arn:aws:ecr:${region}:${accountId}:repository/${name}`;
}

/** `RepositoryNotFoundException`, in ECR's words. */
export function repositoryNotFound(name: string, { accountId }: Call): Error {
  return ecrFault(
    "RepositoryNotFoundException",
    `The repository with name '${name}' does not exist in the registry with id '${accountId}'`,
  );
}

/** Throws RepositoryNotFoundException, also for another account's registry: none of its repositories is here. */
export function findRepository({ repositoryName, registryId }: InRepository, call: Call): RepositoryRecord {
  const repository = call.store.repositories.get(repositoryName);
  if (repository === undefined || (registryId ?? call.accountId) !== call.accountId) throw repositoryNotFound(repositoryName, call);
  return repository;
}

export function putRepository(repository: RepositoryRecord, { store }: Call): void {
  store.repositories.set(repository.name, repository);
}

/** The permission to do `action` to one repository. */
export function onRepository(action: string, name: string, call: Call, extra: Omit<Permission, "action" | "resource"> = {}): Permission[] {
  const resourceTags = call.store.repositories.get(name)?.tags ?? {};
  return [{ action: `ecr:${action}`, resource: repositoryArn(call, name), resourceTags, ...extra }];
}

export function invalidParameter(sentence: string): Error {
  return ecrFault("InvalidParameterException", sentence);
}

/** The tags with others added. Throws InvalidTagParameterException and TooManyTagsException. */
export function mergeTags(existing: Tags, added: readonly Valid<Tag>[], { quotas }: Call): Tags {
  const keys = added.map(({ Key }) => Key);
  if (new Set(keys).size !== keys.length) throw ecrFault("InvalidTagParameterException", "Duplicate tag keys are not allowed");
  if (keys.some((key) => key.toLowerCase().startsWith("aws:"))) {
    throw ecrFault("InvalidTagParameterException", "System tags (keys that begin with aws:) cannot be added, changed or removed");
  }
  const merged = { ...existing, ...requestTags(added) };
  if (Object.keys(merged).length > quotas.tagsPerResource) {
    throw ecrFault("TooManyTagsException", `A resource can have at most ${quotas.tagsPerResource} tags`);
  }
  return merged;
}

export function requestTags(tags: readonly Valid<Tag>[] | undefined): Tags {
  return Object.fromEntries((tags ?? []).map(({ Key, Value }) => [Key, Value]));
}

const DEFAULT_PAGE = 100; // ECR's, for every list
interface PagedRequest {
  readonly nextToken?: string | undefined;
  readonly maxResults?: number | undefined;
}

/** A page and its nextToken. Throws InvalidParameterException for a token that is none. */
export function ecrPage<T>(
  sorted: readonly (readonly [string, T])[],
  { nextToken, maxResults }: PagedRequest,
  { switches }: Call,
): { readonly items: readonly T[]; readonly nextToken: string | undefined } {
  const found = page(sorted, { token: nextToken, size: maxResults, defaultSize: DEFAULT_PAGE, maxSize: switches.maxPageSize });
  if (found === undefined)
    throw badRequest(
      "InvalidParameterException",
      "Invalid parameter at 'nextToken' failed to satisfy constraint: 'must be a token of this list'",
    );
  return { items: found.items, nextToken: found.next };
}
