import { loadConstraints } from "../../models/constraints.ts";
import { RequestValidator } from "../../models/validate.ts";
import type { Service } from "../../operation.ts";
import { restJsonProtocol } from "../../protocols/rest-json.ts";
import { RULES_NAMESPACE_OPERATIONS } from "./rules-namespaces.ts";
import { APS_SCHEMA } from "./schema.ts";
import { TAG_OPERATIONS } from "./tags.ts";
import { WORKSPACE_OPERATIONS } from "./workspaces.ts";

const OPERATIONS = [...WORKSPACE_OPERATIONS, ...RULES_NAMESPACE_OPERATIONS, ...TAG_OPERATIONS];

/** Amazon Managed Service for Prometheus: workspaces, and the rules in them. */
export function apsService(): Service {
  return {
    name: "aps",
    regional: true,
    protocol: restJsonProtocol({ invalid: "ValidationException", throttling: { code: "ThrottlingException", status: 429 } }),
    internalError: "InternalServerException",
    schema: APS_SCHEMA,
    validator: new RequestValidator(loadConstraints("aps")),
    operations: new Map(OPERATIONS.map((operation) => [operation.name, operation])),
  };
}
