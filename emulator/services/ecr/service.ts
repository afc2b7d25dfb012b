import { loadConstraints } from "../../models/constraints.ts";
import { RequestValidator } from "../../models/validate.ts";
import type { Service } from "../../operation.ts";
import { REGISTRY_OPERATIONS } from "./registry.ts";
import { REPOSITORY_OPERATIONS } from "./repositories.ts";
import { REPOSITORY_POLICY_OPERATIONS } from "./repository-policies.ts";
import { ECR_SCHEMA } from "./schema.ts";

const OPERATIONS = [...REPOSITORY_OPERATIONS, ...REPOSITORY_POLICY_OPERATIONS, ...REGISTRY_OPERATIONS];

/** Amazon Elastic Container Registry. */
export function ecrService(): Service {
  return {
    name: "ecr",
    protocol: { kind: "json", target: "AmazonEC2ContainerRegistry_V20150921" },
    schema: ECR_SCHEMA,
    validator: new RequestValidator(loadConstraints("ecr")),
    operations: new Map(OPERATIONS.map((operation) => [operation.name, operation])),
  };
}
