import { KEPT_TAG_PREFIX, serviceTags, partitionOf } from "../../crds/aws-names.ts";
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
    tags: serviceTags(service, config),
  };
}

/** Where `docker push` and a pod's image name point: `<account>.dkr.ecr.<region>.<domain>/<name>`. */
export function repositoryUri(name: string, config: OperatorConfig): string {
  const { accountId, region } = config.cluster;
  return `${accountId}.dkr.ecr.${region}.${partitionOf(region).domain}/${name}`;
}

/** More than a repository has of such images; ECR wants a number. */
const ALL_OF_THEM = 9999;

/**
 * Keeps the newest tagged images by number and untagged ones by age (ECR user guide, Lifecycle policy properties); and before these, every image
 * that carries our tag: what a rule's tags match, no rule of lower priority can expire.
 */
function lifecyclePolicy(retain: EffectiveService["retain"]): LifecyclePolicy {
  return {
    rules: [
      {
        rulePriority: 1,
        description: "keep the images that run",
        selection: {
          tagStatus: "tagged",
          tagPatternList: [`${KEPT_TAG_PREFIX}*`],
          countType: "imageCountMoreThan",
          countNumber: ALL_OF_THEM,
        },
        action: { type: "expire" },
      },
      {
        rulePriority: 2,
        description: "keep the newest tagged images",
        selection: { tagStatus: "tagged", tagPatternList: ["*"], countType: "imageCountMoreThan", countNumber: retain.taggedImages },
        action: { type: "expire" },
      },
      {
        rulePriority: 3,
        description: "drop untagged images by age",
        selection: { tagStatus: "untagged", countType: "sinceImagePushed", countUnit: "days", countNumber: retain.untaggedDays },
        action: { type: "expire" },
      },
    ],
  };
}
