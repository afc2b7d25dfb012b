import { loadConstraints } from "../../models/constraints.ts";
import { RequestValidator } from "../../models/validate.ts";
import type { Service } from "../../operation.ts";
import { restJsonProtocol } from "../../protocols/rest-json.ts";
import { CLUSTER_OPERATIONS } from "./clusters.ts";
import { POD_IDENTITY_OPERATIONS, whoseAssociation } from "./pod-identity.ts";
import { EKS_SCHEMA } from "./schema.ts";
import { TAG_OPERATIONS } from "./tags.ts";

const OPERATIONS = [...CLUSTER_OPERATIONS, ...POD_IDENTITY_OPERATIONS, ...TAG_OPERATIONS];

/** Amazon Elastic Kubernetes Service: Pod Identity, and that clusters exist. */
export function eksService(): Service {
  return {
    name: "eks",
    regional: true,
    protocol: restJsonProtocol({ invalid: "InvalidParameterException", throttling: { code: "ThrottlingException", status: 429 } }),
    internalError: "ServerException",
    schema: EKS_SCHEMA,
    validator: new RequestValidator(loadConstraints("eks")),
    operations: new Map(OPERATIONS.map((operation) => [operation.name, operation])),
    knownOf: whoseAssociation,
  };
}
