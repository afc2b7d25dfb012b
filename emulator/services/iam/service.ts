import { loadConstraints } from "../../models/constraints.ts";
import { RequestValidator } from "../../models/validate.ts";
import type { Service } from "../../operation.ts";
import { queryProtocol } from "../../protocols/query.ts";
import { ACCOUNT_OPERATIONS } from "./account.ts";
import { INSTANCE_PROFILE_OPERATIONS } from "./instance-profiles.ts";
import { OIDC_OPERATIONS } from "./oidc-providers.ts";
import { POLICY_OPERATIONS } from "./policies.ts";
import { ROLE_POLICY_OPERATIONS } from "./role-policies.ts";
import { ROLE_TAG_OPERATIONS } from "./role-tags.ts";
import { ROLE_OPERATIONS } from "./roles.ts";
import { IAM_SCHEMA } from "./schema.ts";

const OPERATIONS = [
  ...ROLE_OPERATIONS,
  ...ROLE_POLICY_OPERATIONS,
  ...ROLE_TAG_OPERATIONS,
  ...POLICY_OPERATIONS,
  ...INSTANCE_PROFILE_OPERATIONS,
  ...OIDC_OPERATIONS,
  ...ACCOUNT_OPERATIONS,
];

/** AWS Identity and Access Management. */
export function iamService(): Service {
  return {
    name: "iam",
    regional: false,
    protocol: queryProtocol({ namespace: "https://iam.amazonaws.com/doc/2010-05-08/", version: "2010-05-08" }),
    internalError: "ServiceFailure",
    schema: IAM_SCHEMA,
    validator: new RequestValidator(loadConstraints("iam")),
    operations: new Map(OPERATIONS.map((operation) => [operation.name, operation])),
  };
}
