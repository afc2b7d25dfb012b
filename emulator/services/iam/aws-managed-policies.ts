/** Policies that AWS manages: in every account, made by no call, and never listed among the account's own. A few of the hundreds. */
import type { Call } from "../../operation.ts";

const PREFIX = "arn:aws:iam::aws:policy";

/** https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html */
const AWS_MANAGED: ReadonlySet<string> = new Set(
  [
    "/AWSXRayDaemonWriteAccess",
    "/AdministratorAccess",
    "/AmazonS3ReadOnlyAccess",
    "/CloudWatchAgentServerPolicy",
    "/ReadOnlyAccess",
    "/service-role/AmazonEBSCSIDriverPolicy",
  ].map((name) => `${PREFIX}${name}`),
);

/** Name and path of a policy that roles can have, the account's or AWS's; undefined: there is none. */
export function attachablePolicy(arn: string, { store }: Call): { readonly policyName: string; readonly path: string } | undefined {
  if (!AWS_MANAGED.has(arn)) return store.policies.get(arn);
  const name = arn.lastIndexOf("/") + 1;
  return { policyName: arn.slice(name), path: arn.slice(PREFIX.length, name) };
}
