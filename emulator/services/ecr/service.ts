import { loadConstraints } from "../../models/constraints.ts";
import { RequestValidator } from "../../models/validate.ts";
import type { Service } from "../../operation.ts";
import { jsonProtocol } from "../../protocols/json.ts";
import { IMAGE_READ_OPERATIONS } from "./image-reads.ts";
import { IMAGE_OPERATIONS } from "./images.ts";
import { LAYER_OPERATIONS } from "./layers.ts";
import { REGISTRY_OPERATIONS } from "./registry.ts";
import { REPOSITORY_OPERATIONS } from "./repositories.ts";
import { REPOSITORY_POLICY_OPERATIONS } from "./repository-policies.ts";
import { ECR_SCHEMA } from "./schema.ts";

const OPERATIONS = [
  ...REPOSITORY_OPERATIONS,
  ...REPOSITORY_POLICY_OPERATIONS,
  ...LAYER_OPERATIONS,
  ...IMAGE_OPERATIONS,
  ...IMAGE_READ_OPERATIONS,
  ...REGISTRY_OPERATIONS,
];

/** Amazon Elastic Container Registry. */
export function ecrService(): Service {
  return {
    name: "ecr",
    regional: true,
    protocol: jsonProtocol("AmazonEC2ContainerRegistry_V20150921"),
    internalError: "ServerException",
    schema: ECR_SCHEMA,
    validator: new RequestValidator(loadConstraints("ecr")),
    operations: new Map(OPERATIONS.map((operation) => [operation.name, operation])),
  };
}
