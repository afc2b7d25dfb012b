/** What EKS demands of the role of a Pod Identity association, and of who passes it. */
import { parsePolicy } from "../../authorization/policy-document.ts";
import { matchesAction } from "../../authorization/match.ts";
import { AwsFault } from "../../errors.ts";
import type { Call, Permission } from "../../operation.ts";
import { roleByArn } from "../sts/session.ts";
import { eksFault } from "./schema.ts";

export const POD_IDENTITY_SERVICE = "pods.eks.amazonaws.com";

const ROLE_ARN = /^arn:aws[a-z-]*:iam::(\d{12}):role\/[\w+=,.@/-]+$/;

/** Passing the role to EKS Pod Identity: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-association.html, Prerequisites. */
export function passRole(roleArn: string, call: Call): Permission {
  const resourceTags = roleByArn(roleArn, call)?.tags ?? {};
  return { action: "iam:PassRole", resource: roleArn, resourceTags, keys: { "iam:PassedToService": POD_IDENTITY_SERVICE } };
}

/** Throws InvalidParameterException for a role that is none or, as the switch has it, cannot be assumed; AccessDenied for another account's. */
export function checkRole(roleArn: string, actions: readonly string[], call: Call): void {
  const account = ROLE_ARN.exec(roleArn)?.[1];
  if (account === undefined) throw eksFault("InvalidParameterException", `roleArn ${roleArn} is not the ARN of an IAM role`);
  if (account !== call.accountId) throw new AwsFault("AccessDenied", 403, "Cross-account pass role is not allowed.");
  const { podIdentityRole } = call.switches;
  if (podIdentityRole === "notChecked") return;
  const role = roleByArn(roleArn, call);
  if (role === undefined) throw eksFault("InvalidParameterException", "Role provided in the request does not exist.");
  if (podIdentityRole === "trusts" && !actions.every((action) => namesPods(role.trustPolicy, action))) {
    throw eksFault(
      "InvalidParameterException",
      "Trust policy of the role provided is invalid. Follow the official documentation to resolve the issue",
    );
  }
}

/** Whether the trust policy lets EKS do the action for some pod; which pods, its conditions say when one comes. */
function namesPods(trustPolicy: string, action: string): boolean {
  return parsePolicy(trustPolicy).statements.some(
    ({ effect, actions, principals }) =>
      effect === "Allow" &&
      actions?.some((pattern) => matchesAction(pattern, action)) === true &&
      principals?.named.some(({ kind, value }) => kind === "Service" && value === POD_IDENTITY_SERVICE) === true,
  );
}
