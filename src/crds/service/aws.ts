import { z } from "zod";
import { duration, isDuration, mapList, rules, setList, text, type Rule } from "../fields.ts";

/** `spec.aws`: what the service's IAM role may do. What a statement may say is vetted by the operator, not by the schema. */

const statementCondition = z.strictObject({
  operator: text({
    pattern: /^[A-Za-z]+(:[A-Za-z]+)?$/,
    says: "condition operator must be an IAM condition operator, as StringEquals or ForAllValues:StringLike",
    max: 64,
  }).describe("IAM condition operator, as StringEquals or ForAllValues:StringLike."),
  key: text({
    pattern: /^[A-Za-z0-9.-]+:[!-~]+$/,
    says: "condition key must be an IAM condition key with its prefix, as dynamodb:LeadingKeys",
    max: 128,
  }).describe("IAM condition key, as dynamodb:LeadingKeys."),
  values: setList(z.string().max(512), { min: 1, max: 20 }).describe("Values of which one must match."),
});

export const statement = z.strictObject({
  sid: text({
    pattern: /^[A-Za-z0-9]+$/,
    says: "sid must be letters and digits only, as ReadShipments",
    max: 64,
  }).describe("Name of the statement, unique in the policy, as Tables. Messages refer to it."),
  effect: z.enum(["Allow", "Deny"]).default("Allow").describe("Allow grants the actions; Deny withholds them whatever else allows them."),
  actions: setList(z.string().min(1).max(128), { min: 1, max: 100 }).describe(
    "IAM actions, as dynamodb:GetItem. Of a statement that allows each is spelled out, without wildcards.",
  ),
  resources: setList(z.string().min(1).max(2048), { min: 1, max: 100 }).describe(
    "ARNs that the actions apply to, as arn:aws:dynamodb:eu-west-1:111122223333:table/shipments. Each must lie within what the " +
      "operator's configuration allows the namespace (tenancy).",
  ),
  conditions: mapList(statementCondition, { keys: ["operator", "key"], max: 10 })
    .optional()
    .describe("Conditions that a request must all meet for the statement to apply. Absent: it always applies."),
});

export type Statement = z.output<typeof statement>;

const sessionLength: readonly Rule[] = [
  {
    rule: `!${isDuration("self")} || (duration(self) >= duration('1h') && duration(self) <= duration('12h'))`,
    message: "aws.maxSessionDuration must be between 1h and 12h, the range that IAM accepts for a role",
  },
];

const maxSessionDuration = duration("aws.maxSessionDuration", sessionLength);

const managedPolicyArn = text({
  pattern: /^arn:aws[a-z-]*:iam::(aws|[0-9]{12}):policy\/[A-Za-z0-9_+=,.@/-]+$/,
  says: "each of aws.managedPolicyArns must be the ARN of an IAM policy, as arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess",
  max: 2048,
});

/** IAM's quota on the managed policies of a role (IAM user guide, quotas). */
const MAX_MANAGED_POLICIES = 10;

const existingRole = text({
  pattern: /^arn:aws[a-z-]*:iam::[0-9]{12}:role\/[A-Za-z0-9_+=,.@/-]+$/,
  says: "aws.existingRole must be the ARN of an IAM role, as arn:aws:iam::111122223333:role/terraform/tracking",
  max: 2048,
});

/** What a role of the service's own has, and one that others own has from them. */
function ownRoleOnly(field: string): Rule {
  return {
    rule: `!has(self.existingRole) || !has(self.${field})`,
    message: `aws.existingRole and aws.${field} exclude each other: a role that exists is its owner's to change; remove aws.${field}, or aws.existingRole for a role of the service's own`,
    reason: "FieldValueForbidden",
    fieldPath: `.${field}`,
  };
}

/** The trust policy that others wrote is judged by what IRSA needs of it. */
const existingRoleByIrsa: Rule = {
  rule: "!has(self.existingRole) || !has(self.identity) || self.identity == 'IRSA'",
  message:
    "aws.identity PodIdentity and aws.existingRole exclude each other: what a role that others own admits is judged for IRSA alone; remove aws.identity, or aws.existingRole for a role of the service's own",
  reason: "FieldValueForbidden",
  fieldPath: ".identity",
};

const awsBlock = z.strictObject({
  identity: z
    .enum(["IRSA", "PodIdentity"])
    .optional()
    .describe(
      "How the pods get the role's credentials: IRSA (the pod's own token, exchanged at STS) or PodIdentity (EKS Pod Identity's agent); one that the " +
        "operator's configuration lists (identity.modes). Default: the configuration's, and IRSA with existingRole. A change rolls the pods out, and both bindings are there until " +
        "none runs under the old one.",
    ),
  policy: z
    .strictObject({
      statements: mapList(statement, { keys: ["sid"], max: 50 })
        .min(1)
        .describe("The policy's statements, each with a sid of its own."),
    })
    .optional()
    .describe(
      "Least privilege, typed: becomes the role's one inline policy. Without it and managedPolicyArns the role may do nothing, and the pods have no way to AWS.",
    ),
  managedPolicyArns: setList(managedPolicyArn, { max: MAX_MANAGED_POLICIES })
    .optional()
    .describe(
      "Managed policies, AWS's own or the account's, that the role has as well, as [arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess]; only " +
        "those that the operator's configuration lists. Any other that is attached to the role is taken off. What such a policy allows is not " +
        "looked into, so the pods get a way to every AWS endpoint that the configuration knows.",
    ),
  existingRole: existingRole
    .optional()
    .describe(
      "ARN of a role that others made and own, as Terraform, for the pods to run under instead of one of the service's own. The operator's " +
        "configuration says which a namespace may name (tenancy). The role's trust policy must admit the service's ServiceAccount by name and " +
        "its boundary be a permitted one; it is never changed or deleted. The role that the service had before is deleted once no pod runs under it.",
    ),
  maxSessionDuration: maxSessionDuration
    .optional()
    .describe("Longest life of the role's credentials, from 1h to 12h. Pods renew theirs by themselves. Default 1h."),
  deletionPolicy: z
    .enum(["Delete", "Retain"])
    .default("Delete")
    .describe(
      "What becomes of the service's own IAM role when this PlatformService is deleted, or names an existingRole instead. Delete removes it with its policies; Retain keeps it.",
    ),
});

export const aws = awsBlock.meta(rules(...["policy", "managedPolicyArns", "maxSessionDuration"].map(ownRoleOnly), existingRoleByIrsa));
