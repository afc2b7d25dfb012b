import { readBotocoreSchema } from "../../models/botocore-schema.ts";
import { loadConstraints } from "../../models/constraints.ts";
import { RequestValidator } from "../../models/validate.ts";
import type { Service } from "../../operation.ts";
import { restJsonProtocol } from "../../protocols/rest-json.ts";
import { assumeRoleForPodIdentity } from "./assume-role.ts";

const CONSTRAINTS = loadConstraints("eks-auth");

/** Amazon EKS Auth, which the EKS Pod Identity Agent of a node calls. */
export function eksAuthService(): Service {
  return {
    name: "eks-auth",
    regional: true,
    protocol: restJsonProtocol({ invalid: "InvalidParameterException", throttling: { code: "ThrottlingException", status: 429 } }),
    internalError: "InternalServerException",
    schema: readBotocoreSchema(CONSTRAINTS),
    validator: new RequestValidator(CONSTRAINTS),
    operations: new Map([[assumeRoleForPodIdentity.name, assumeRoleForPodIdentity]]),
  };
}
