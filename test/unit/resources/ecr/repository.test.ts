import { expect, test } from "vitest";
import { operatorConfigFile } from "../../../../src/crds/operator-config.ts";
import { buildRepository, repositoryUri } from "../../../../src/resources/ecr/repository.ts";
import { operatorConfig } from "../../../support/aws/operator-config.ts";
import { service } from "../../../support/aws/service.ts";

const config = operatorConfig();

test("a service's repository, whole", () => {
  expect(buildRepository(service({ image: { retain: { taggedImages: 7 } } }), config)).toEqual({
    name: "tracking/tracking",
    owner: { namespace: "tracking", name: "tracking" },
    encryption: { type: "AES256", kmsKey: undefined },
    lifecyclePolicy: {
      rules: [
        {
          rulePriority: 1,
          description: "keep the images that run",
          selection: {
            tagStatus: "tagged",
            tagPatternList: ["platform-operator.running-*"],
            countType: "imageCountMoreThan",
            countNumber: 9999,
          },
          action: { type: "expire" },
        },
        {
          rulePriority: 2,
          description: "keep the newest tagged images",
          selection: { tagStatus: "tagged", tagPatternList: ["*"], countType: "imageCountMoreThan", countNumber: 7 },
          action: { type: "expire" },
        },
        {
          rulePriority: 3,
          description: "drop untagged images by age",
          selection: { tagStatus: "untagged", countType: "sinceImagePushed", countUnit: "days", countNumber: 14 },
          action: { type: "expire" },
        },
      ],
    },
    tags: {
      "platform-operator.dev/cluster": "eu-west-1.demo",
      "platform-operator.dev/namespace": "tracking",
      "platform-operator.dev/name": "tracking",
      "platform-operator.dev/owner": "tracking-squad",
    },
  });
});

test("its encryption is the configuration's", () => {
  const kmsKey = "arn:aws:kms:eu-west-1:111122223333:key/k";
  const encrypted = operatorConfigFile.parse({ ...config, registry: { encryption: { type: "KMS", kmsKey } } });
  expect(buildRepository(service(), encrypted).encryption).toEqual({ type: "KMS", kmsKey });
});

test.each([
  ["eu-west-1", "111122223333.dkr.ecr.eu-west-1.amazonaws.com/a/b"],
  ["cn-north-1", "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/a/b"],
])("in %s images are pushed to %s", (region, uri) => {
  expect(repositoryUri("a/b", operatorConfigFile.parse({ ...config, cluster: { ...config.cluster, region } }))).toBe(uri);
});
