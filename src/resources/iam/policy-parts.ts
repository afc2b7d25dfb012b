import { clusterId } from "../../crds/aws-names.ts";
import type { PolicyStatement } from "../../crds/desired.ts";
import { AWS_TAGS, GROUP } from "../../crds/meta.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { POLICY_VERSION } from "./inline-policy.ts";

/** What the operator's own policies are made of. */

/** As JSON, ready for `aws iam create-policy`: two spaces, a final newline. */
export function render(Statement: readonly PolicyStatement[]): string {
  return `${JSON.stringify({ Version: POLICY_VERSION, Statement }, null, 2)}\n`;
}

export const CLUSTER_TAG = AWS_TAGS.cluster;

/** No tag that is not ours is given or taken. */
export const onlyOurTagKeys = { "ForAllValues:StringLike": { "aws:TagKeys": `${GROUP}/*` } };

/** What is made carries whose it is. */
export const namedInRequest = { [`aws:RequestTag/${AWS_TAGS.namespace}`]: "false", [`aws:RequestTag/${AWS_TAGS.name}`]: "false" };

export function requestTag(config: OperatorConfig): Record<string, string> {
  return { [`aws:RequestTag/${CLUSTER_TAG}`]: clusterId(config) };
}

/** Of services but IAM, which has a key of its own. */
export function resourceTag(config: OperatorConfig): Record<string, string> {
  return { [`aws:ResourceTag/${CLUSTER_TAG}`]: clusterId(config) };
}

export function deny(Sid: string, { Action, ...conditions }: Pick<PolicyStatement, "Action" | "Condition">): PolicyStatement {
  return { Sid, Effect: "Deny", Action, Resource: "*", ...conditions };
}

export function allow(Sid: string, rest: Omit<PolicyStatement, "Sid" | "Effect">): PolicyStatement {
  return { Sid, Effect: "Allow", ...rest };
}
