import { INLINE_POLICY_NAME } from "../crds/aws-names.ts";
import type { Difference, RoleDesired } from "../crds/desired.ts";
import type { RoleObserved } from "../reconcilers/ports.ts";
import { tagDifferences } from "./ownership.ts";
import { samePolicyDocument } from "./policy-document.ts";

/** Every field of a role that is not as desired. What the read did not tell counts as equal. */
export function roleDifferences(desired: RoleDesired, observed: RoleObserved): readonly Difference[] {
  return [
    ...scalar("path", observed.path, desired.path),
    ...scalar("permissionsBoundary", observed.permissionsBoundaryArn ?? "none", desired.permissionsBoundaryArn),
    ...attachmentDifferences(desired, observed),
    ...foreignInlinePolicies(observed).map((name) => ({ field: `inlinePolicies[${name}]`, observed: "present", desired: "none" })),
    ...(samePolicyDocument(desired.trustPolicy, observed.trustPolicy) ? [] : [changed("trustPolicy")]),
    ...inlinePolicyDifference(desired, observed),
    ...(observed.description === undefined
      ? []
      : scalar("description", JSON.stringify(observed.description), JSON.stringify(desired.description))),
    ...(observed.maxSessionDuration === undefined
      ? []
      : scalar("maxSessionDuration", `${observed.maxSessionDuration}s`, `${desired.maxSessionDuration}s`)),
    ...tagDifferences(desired.tags, observed.tags),
  ];
}

/** Managed policies that are attached and not wished for, and the other way round; their order is of no meaning. */
function attachmentDifferences({ managedPolicyArns }: RoleDesired, { attachedPolicyArns }: RoleObserved): Difference[] {
  const field = (arn: string) => `attachedPolicies[${arn}]`;
  return [
    ...attachedPolicyArns
      .filter((arn) => !managedPolicyArns.includes(arn))
      .map((arn) => ({ field: field(arn), observed: "attached", desired: "none" })),
    ...managedPolicyArns
      .filter((arn) => !attachedPolicyArns.includes(arn))
      .map((arn) => ({ field: field(arn), observed: "none", desired: "attached" })),
  ];
}

/** Inline policies on a role of ours that are not ours: somebody's addition. */
export function foreignInlinePolicies(observed: RoleObserved): string[] {
  return Object.keys(observed.inlinePolicies).filter((name) => name !== INLINE_POLICY_NAME);
}

function inlinePolicyDifference({ inlinePolicy: desired }: RoleDesired, { inlinePolicies }: RoleObserved): Difference[] {
  const observed = inlinePolicies[INLINE_POLICY_NAME];
  if (desired === undefined) return observed === undefined ? [] : [{ field: "inlinePolicy", observed: "present", desired: "none" }];
  if (observed === undefined) return [{ field: "inlinePolicy", observed: "none", desired: "the spec's" }];
  return samePolicyDocument(desired, observed) ? [] : [changed("inlinePolicy")];
}

function scalar(field: string, observed: string, desired: string): Difference[] {
  return observed === desired ? [] : [{ field, observed, desired }];
}

function changed(field: string): Difference {
  return { field, observed: "another document", desired: "the spec's" };
}
