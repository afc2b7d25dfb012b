import { loadConstraints } from "../../models/constraints.ts";
import { RequestValidator } from "../../models/validate.ts";
import type { Service } from "../../operation.ts";
import { restJsonProtocol } from "../../protocols/rest-json.ts";
import { MESH_KINDS } from "./kinds.ts";
import { operationsOf } from "./operations.ts";
import { APPMESH_SCHEMA } from "./schema.ts";
import { TAG_OPERATIONS } from "./tags.ts";

const OPERATIONS = [...MESH_KINDS.flatMap(operationsOf), ...TAG_OPERATIONS];

/** AWS App Mesh. */
export function appMeshService(): Service {
  return {
    name: "appmesh",
    regional: true,
    protocol: restJsonProtocol({ invalid: "BadRequestException", throttling: { code: "TooManyRequestsException", status: 429 } }),
    internalError: "InternalServerErrorException",
    schema: APPMESH_SCHEMA,
    validator: new RequestValidator(loadConstraints("appmesh")),
    operations: new Map(OPERATIONS.map((operation) => [operation.name, operation])),
  };
}
