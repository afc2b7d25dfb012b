import { loadConstraints } from "../../models/constraints.ts";
import { RequestValidator } from "../../models/validate.ts";
import type { Service } from "../../operation.ts";
import { queryProtocol } from "../../protocols/query.ts";
import { STS_OPERATIONS } from "./operations.ts";
import { STS_SCHEMA } from "./schema.ts";

/** AWS Security Token Service. */
export function stsService(): Service {
  return {
    name: "sts",
    regional: false,
    protocol: queryProtocol({ namespace: "https://sts.amazonaws.com/doc/2011-06-15/", version: "2011-06-15" }),
    internalError: "InternalFailure",
    schema: STS_SCHEMA,
    validator: new RequestValidator(loadConstraints("sts")),
    operations: new Map(STS_OPERATIONS.map((operation) => [operation.name, operation])),
  };
}
