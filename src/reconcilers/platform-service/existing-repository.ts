import { describeOwner } from "../../crds/aws-names.ts";
import { repositoryName } from "../../crds/effective.ts";
import { buildRepository } from "../../resources/ecr/repository.ts";
import type { RepositoryObserved } from "../ports.ts";
import type { StepReport } from "../step.ts";
import { describeDifferences, EXTERNAL_RECHECK_MS } from "./external.ts";
import type { Scope } from "./scope.ts";

/** The repository of a service that runs images which others keep: verified and used, never changed or deleted. */
export async function useExistingRepository(scope: Scope): Promise<StepReport> {
  const { repositories, existingRepositories, images, service, config } = scope;
  const { key, repository: name } = service;
  // The service's own is nobody's to watch now: should it be used again, it is read first.
  repositories.forget(repositoryName(key, { image: { ...service.spec.image, repositoryMode: "Own" } }, config));
  const known = existingRepositories.remembers(key, name);
  const found = await existingRepositories.read(key, name);
  if (found === undefined) {
    const { accountId, region } = config.cluster;
    return refused(
      "RepositoryNotFound",
      `ECR repository ${name} does not exist in account ${accountId} and region ${region}: whoever is to own it makes it, as the cluster of this account that owns the repositories; or set spec.image.repositoryMode to Own`,
    );
  }
  // As with our own: one that was deleted and made again has other images.
  if (!known) images.forget(found.arn);
  scope.facts.repository = { arn: found.arn, uri: found.uri };
  if (!found.immutable && service.spec.image.tag !== undefined) {
    // Its owner mends it, and nobody tells us of that.
    existingRepositories.forget(key);
    return refused(
      "TagsMutable",
      `ECR repository ${name} lets its tags be moved, so what ${found.uri}:${service.spec.image.tag} names may change with no change of this spec: name the image by spec.image.digest, or have the repository's owner make its tags immutable`,
    );
  }
  return { state: "ready", reason: "UsedAsItIs", message: [found.uri, ...remarks(scope, found)].join("; ") };
}

/** Whose it is, that its images are its owner's to expire, and what the operator would have made otherwise. */
function remarks({ repositories, service, config }: Scope, found: RepositoryObserved): readonly string[] {
  const differences = repositories.resource
    .differences(buildRepository(service, config), found)
    .filter(({ field }) => field === "encryption" || field === "imageTagMutability");
  return [
    `${describeOwner(found.tags ?? {})}, and its owner says which images it keeps`,
    ...(differences.length > 0 ? [`not as the configuration has it: ${describeDifferences(differences)}`] : []),
  ];
}

function refused(reason: string, message: string): StepReport {
  return { state: "blocked", reason, message, recheckMs: EXTERNAL_RECHECK_MS };
}
