import { OWNER_TAG, ownershipTags, partitionOf } from "../../crds/aws-names.ts";
import type { LifecyclePolicy, RepositoryDesired } from "../../crds/desired.ts";
import type { EffectiveService } from "../../crds/effective.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";

/** The ECR repository that a service's images are pushed to. */
export function buildRepository(service: EffectiveService, config: OperatorConfig): RepositoryDesired {
  const { type, kmsKey } = config.registry.encryption;
  return {
    name: service.repository,
    owner: service.key,
    encryption: { type, kmsKey },
    lifecyclePolicy: lifecyclePolicy(service.retain),
    tags: { ...ownershipTags(service.key, config), [OWNER_TAG]: service.owner },
  };
}

/** Where `docker push` and a pod's image name point: `<account>.dkr.ecr.<region>.<domain>/<name>`. */
export function repositoryUri(name: string, config: OperatorConfig): string {
  const { accountId, region } = config.cluster;
  return `${accountId}.dkr.ecr.${region}.${partitionOf(region).domain}/${name}`;
}

/** Keeps the newest tagged images by number and untagged ones by age (ECR user guide, Lifecycle policy properties). */
function lifecyclePolicy(retain: EffectiveService["retain"]): LifecyclePolicy {
  return {
    rules: [
      {
        rulePriority: 1,
        description: "keep the newest tagged images",
        selection: { tagStatus: "tagged", tagPatternList: ["*"], countType: "imageCountMoreThan", countNumber: retain.taggedImages },
        action: { type: "expire" },
      },
      {
        rulePriority: 2,
        description: "drop untagged images by age",
        selection: { tagStatus: "untagged", countType: "sinceImagePushed", countUnit: "days", countNumber: retain.untaggedDays },
        action: { type: "expire" },
      },
    ],
  };
}
