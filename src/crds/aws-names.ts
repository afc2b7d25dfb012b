import { AWS_TAGS, GROUP, LABELS, type ObjectKey } from "./meta.ts";
import type { OperatorConfig } from "./operator-config.ts";
import { workspaceOfUrl } from "./prometheus-config.ts";

/** Names and tags of AWS objects that builders write and src/aws recognises. */

/** The one inline policy of a role of ours; any other name on it is drift. */
export const INLINE_POLICY_NAME = "platform-operator";

/** Tag key that names who pays; every key of ours starts with the group, since a role's tags are principal tags. */
export const OWNER_TAG = LABELS.owner;

/** Tag key of what outlives its service on purpose (deletionPolicy Retain), put when the service goes and taken off when one of its name comes back; the value says no more than that it is there. */
export const RETAINED_TAG = `${GROUP}/retained`;

/** Whether that is noted on an object. */
export function isRetained(tags: Readonly<Record<string, string>>): boolean {
  return tags[RETAINED_TAG] !== undefined;
}

/** Begins every tag that keeps an image from expiring; a squad's own never begin so. */
export const KEPT_TAG_PREFIX = "platform-operator.running-";

/** The tag that keeps the image of this digest: one of its own for each, since tags are immutable. */
export function keptTag(digest: string): string {
  return `${KEPT_TAG_PREFIX}${digest.replace("sha256:", "")}`;
}

/** `<region>.<cluster>`: cluster names are unique only in a region. */
export function clusterId(config: OperatorConfig): string {
  return `${config.cluster.region}.${config.cluster.name}`;
}

/** The IAM path of every role of this cluster, with leading and trailing slash. */
export function rolePath(config: OperatorConfig): string {
  return `/platform-operator/${clusterId(config)}/`;
}

/** ARN patterns of roles and policies of IAM that no service's policy may name: the operator's own, under the name that its Terraform module gives it, those of services, the boundaries, and the roles by which AWS and its CDK administer an account. */
export function platformArns(config: OperatorConfig): readonly string[] {
  const { accountId, region } = config.cluster;
  const iam = `arn:${partitionOf(region).partition}:iam::${accountId}`;
  const roles = [
    "platform-operator*",
    "aws-reserved/*",
    "aws-service-role/*",
    "cdk-*",
    "OrganizationAccountAccessRole",
    "AWSControlTowerExecution",
  ];
  return [...roles.map((role) => `${iam}:role/${role}`), `${iam}:policy/platform-operator*`, ...permittedBoundaries(config)];
}

/** The cluster in EKS; Pod Identity's sessions carry it as a tag. */
export function clusterArn({ cluster: { region, accountId, name } }: OperatorConfig): string {
  return `arn:${partitionOf(region).partition}:eks:${region}:${accountId}:cluster/${name}`;
}

/** A repository of the registry that is the account's in the cluster's region. */
export function repositoryArn(name: string, { cluster: { region, accountId } }: OperatorConfig): string {
  return `arn:${partitionOf(region).partition}:ecr:${region}:${accountId}:repository/${name}`;
}

export interface Workspace {
  readonly arn: string;
  readonly id: string;
  readonly region: string;
}

/** The workspace of Amazon Managed Service for Prometheus; undefined: the configuration names none. */
export function workspaceOf({ slos: { workspaceArn: arn } }: OperatorConfig): Workspace | undefined {
  if (arn === null) return undefined;
  return { arn, id: arn.slice(arn.lastIndexOf("/") + 1), region: arn.split(":")[3] ?? "" };
}

/** The workspace that is asked for error budgets by the operator's credentials; undefined: none is. */
export function askedWorkspaceArn({ cluster: { accountId }, slos }: OperatorConfig): string | undefined {
  const { url, authorization } = slos.prometheus ?? {};
  const workspace = url === undefined || authorization?.mode !== "SigV4" ? undefined : workspaceOfUrl(url);
  return workspace && `arn:${partitionOf(workspace.region).partition}:aps:${workspace.region}:${accountId}:workspace/${workspace.id}`;
}

/** What the names of our rules in the workspace begin with: two clusters may share one. */
export function rulesNamespacePrefix(config: OperatorConfig): string {
  return `${clusterId(config)}.`.slice(0, LONGEST_RULES_NAMESPACE_PREFIX);
}

/** A name has 128 characters (botocore amp service-2.json, RuleGroupsNamespaceName), and one that is cut ends in an underscore and sixteen of a hash. */
const LONGEST_RULES_NAMESPACE_PREFIX = 128 - 17;

/** The tags that make an AWS object ours: all three equal (api.md, Ownership). */
export function ownershipTags(key: ObjectKey, config: OperatorConfig): Readonly<Record<string, string>> {
  return { [AWS_TAGS.cluster]: clusterId(config), [AWS_TAGS.namespace]: key.namespace, [AWS_TAGS.name]: key.name };
}

/** Tags of every AWS object of a service: whose it is, and who pays for it. */
export function serviceTags(
  { key, owner }: { readonly key: ObjectKey; readonly owner: string },
  config: OperatorConfig,
): Readonly<Record<string, string>> {
  return { ...ownershipTags(key, config), [OWNER_TAG]: owner };
}

/** Whose tagged AWS object it is, in words. */
export function describeOwner(tags: Readonly<Record<string, string>>): string {
  const { [AWS_TAGS.cluster]: cluster, [AWS_TAGS.namespace]: namespace, [AWS_TAGS.name]: name } = tags;
  if (cluster === undefined && namespace === undefined && name === undefined) return NOBODYS;
  return `it belongs to PlatformService ${namespace ?? "?"}/${name ?? "?"} of cluster ${cluster ?? "?"}`;
}

const NOBODYS = `it has no tags of ${GROUP}`;

/** What to do about an object under a name that a service wants; `owner`: whose it is, as describeOwner says it. What somebody else runs on is not to be deleted. */
export function wayOut(owner: string, service: ObjectKey, config: OperatorConfig): string {
  const tags = Object.entries(ownershipTags(service, config)).map(([key, value]) => `${key}=${value}`);
  const handOver = `hand it over by the tags ${tags.join(", ")}`;
  return owner === NOBODYS
    ? `delete it, or ${handOver}`
    : `leave it to its owner and give yours another name, or, once nobody needs it there, ${handOver}`;
}

/** The boundaries that a role of ours may carry: the configuration's own, and those that a tier may name. */
export function permittedBoundaries({ identity }: OperatorConfig): readonly string[] {
  return [...new Set([identity.permissionsBoundaryArn, ...identity.allowedBoundaryArns])].toSorted();
}

/** Partitions by region prefix, with the domain of their endpoints (the SDK's own partition table); the longest prefix first. */
const PARTITIONS = [
  { prefix: "cn-", partition: "aws-cn", domain: "amazonaws.com.cn" },
  { prefix: "us-gov-", partition: "aws-us-gov", domain: "amazonaws.com" },
  { prefix: "us-isob-", partition: "aws-iso-b", domain: "sc2s.sgov.gov" },
  { prefix: "us-isof-", partition: "aws-iso-f", domain: "csp.hci.ic.gov" },
  { prefix: "us-iso-", partition: "aws-iso", domain: "c2s.ic.gov" },
  { prefix: "eu-isoe-", partition: "aws-iso-e", domain: "cloud.adc-e.uk" },
] as const;

/** The AWS partition of a region and the domain of its endpoints: `aws` and `amazonaws.com` for the commercial regions. */
export function partitionOf(region: string): { readonly partition: string; readonly domain: string } {
  return PARTITIONS.find(({ prefix }) => region.startsWith(prefix)) ?? { partition: "aws", domain: "amazonaws.com" };
}
