import { partitionOf, permittedBoundaries, rolePath } from "../crds/aws-names.ts";
import type { Violation } from "../crds/desired.ts";
import { durationMs, isOwnRepositoryName, selectorMatches, type EffectiveService } from "../crds/effective.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import { joined } from "./bounded-text.ts";
import { arnCovers, parseArnPattern } from "./iam/arn.ts";
import { matches } from "./iam/pattern.ts";
import { meshOf } from "./mesh/choose.ts";
import { portProblems } from "./network-policy.ts";
import { sortedUnique } from "./order.ts";
import { sloViolations } from "./slo/limits.ts";
import { violation } from "./violation.ts";

/** Every rule about a PlatformService that CEL cannot say, because it needs the namespace, the tier or the configuration. */

export interface ValidationInput {
  readonly service: EffectiveService;
  readonly namespaceLabels: Readonly<Record<string, string>>;
  readonly config: OperatorConfig;
}

type ServiceRule = (input: ValidationInput) => readonly Violation[];

/** What is wrong with the service, in the order of RULES. Empty: nothing; what is in the statements is `vetPolicy`'s to say. */
export function validateService(input: ValidationInput): readonly Violation[] {
  return RULES.flatMap((rule) => rule(input));
}

const tierAllowsNamespace: ServiceRule = ({ service: { tier, key }, namespaceLabels }) => {
  const allowed = tier.spec.allowedNamespaces;
  if (allowed && selectorMatches(allowed, namespaceLabels)) return [];
  return violation(
    "spec.tier",
    "TierNotAllowed",
    `tier ${tier.metadata.name} does not allow namespace ${key.namespace}: name another tier, or ask the platform team to add the namespace to the tier's allowedNamespaces`,
  );
};

/** In a tenancy entry's owners: every owner. */
const ANY_OWNER = "*";

const ownerAllowed: ServiceRule = ({ service: { owner, key }, namespaceLabels, config }) => {
  const owners = tenants(namespaceLabels, config).flatMap((tenant) => tenant.owners);
  if (owners.includes(owner) || owners.includes(ANY_OWNER)) return [];
  const fix =
    owners.length === 0
      ? "ask the platform team to list the namespace with its owners under tenancy in the operator's configuration"
      : `name one of ${joined(sortedUnique(owners), ", ")}, or ask the platform team to add ${owner} under tenancy`;
  return violation("spec.owner", "OwnerNotAllowed", `${owner} is not an owner that namespace ${key.namespace} may name: ${fix}`);
};

const repositoryInNamespace: ServiceRule = ({ service: { spec, key, repositoryMode } }) => {
  if (repositoryMode === "Existing" || isOwnRepositoryName(key, spec)) return [];
  return violation(
    "spec.image.repository",
    "RepositoryOutsideNamespace",
    `${spec.image.repository ?? ""} must start with "${key.namespace}/": the field is immutable, so delete this PlatformService and apply it again with ${key.namespace}/${key.name}`,
  );
};

const existingRepositoryAllowed: ServiceRule = ({ service: { key, repository, repositoryMode }, namespaceLabels, config }) => {
  if (repositoryMode !== "Existing") return [];
  const { mode, repositoryPrefix } = config.registry;
  if (mode === "Existing" && repository.startsWith(`${repositoryPrefix}${key.namespace}/`)) return [];
  const patterns = tenants(namespaceLabels, config).flatMap((tenant) => tenant.existingRepositories);
  if (patterns.some((pattern) => matches(pattern, repository))) return [];
  return violation(
    "spec.image.repositoryMode",
    "ExistingRepositoryNotAllowed",
    `${repository} is not a repository of others that namespace ${key.namespace} may use: ask the platform team to add it to the existingRepositories of its tenancy, or write Own for a repository of the service's own`,
  );
};

/** ECR's limit, the registry's prefix included. */
const MAX_REPOSITORY_LENGTH = 256;

const repositoryFits: ServiceRule = ({ service: { repository }, config }) =>
  repository.length <= MAX_REPOSITORY_LENGTH
    ? []
    : violation(
        "spec.image.repository",
        "RepositoryTooLong",
        `with the registry's prefix ${config.registry.repositoryPrefix} the repository's name has ${repository.length} characters, and ECR takes ${MAX_REPOSITORY_LENGTH}: choose a shorter one`,
      );

const boundaryListed: ServiceRule = ({ service: { permissionsBoundaryArn, tier }, config }) =>
  permittedBoundaries(config).includes(permissionsBoundaryArn)
    ? []
    : violation(
        "spec.tier",
        "BoundaryNotListed",
        `tier ${tier.metadata.name} names the permissions boundary ${permissionsBoundaryArn}, which the operator's configuration does not list: ask the platform team to add it to identity.allowedBoundaryArns, or name another tier`,
      );

const managedPoliciesListed: ServiceRule = ({ service: { spec }, config }) => {
  const { allowedManagedPolicyArns: listed } = config.identity;
  return (spec.aws?.managedPolicyArns ?? [])
    .filter((arn) => !listed.includes(arn))
    .toSorted()
    .flatMap((arn) => violation("spec.aws.managedPolicyArns", "ManagedPolicyNotListed", managedPolicyNotListed(arn, listed)));
};

function managedPolicyNotListed(arn: string, listed: readonly string[]): string {
  const fix = "ask the platform team to add it to identity.allowedManagedPolicyArns, or write what is needed under spec.aws.policy";
  return listed.length === 0
    ? `${arn} is not allowed, since the operator's configuration lists no managed policy: ${fix}`
    : `${arn} is not among the managed policies that the operator's configuration lists: name one of ${joined(listed.toSorted(), ", ")}, ${fix}`;
}

const existingRoleAllowed: ServiceRule = ({ service: { spec, key }, namespaceLabels, config }) => {
  const arn = spec.aws?.existingRole;
  const parsed = arn === undefined ? undefined : parseArnPattern(arn);
  if (arn === undefined || parsed === undefined) return [];
  const refuse = (reason: string, message: string) => violation("spec.aws.existingRole", reason, message);
  const { accountId, region } = config.cluster;
  if (parsed.account !== accountId || parsed.partition !== partitionOf(region).partition) {
    return refuse("OtherAccount", `${arn} is not in this cluster's account ${accountId}: name a role of that account`);
  }
  if (parsed.resource.startsWith(`role${rolePath(config)}`)) {
    return refuse(
      "RoleOfAnotherService",
      `${arn} lies where this cluster's services have their own roles: name a role that somebody else made, or leave existingRole out`,
    );
  }
  const patterns = tenants(namespaceLabels, config).flatMap((tenant) => tenant.existingRoleArns);
  if (patterns.some((pattern) => arnCovers(pattern, parsed))) return [];
  return refuse(
    "ExistingRoleNotAllowed",
    `${arn} is not a role that namespace ${key.namespace} may use: ask the platform team to add it to the existingRoleArns of its tenancy, or leave existingRole out for a role of the service's own`,
  );
};

const identityModeInstalled: ServiceRule = ({ service: { spec, identity }, config: { identity: configured } }) => {
  if (configured.modes.includes(identity)) return [];
  const [field, fix] =
    spec.aws?.existingRole === undefined
      ? ["spec.aws.identity", `write ${configured.modes.join(" or ")}`]
      : ["spec.aws.existingRole", "leave existingRole out for a role of the service's own"];
  return violation(
    field,
    "IdentityModeNotAllowed",
    `pods would have no credentials by ${identity}, which this cluster is not set up for: ${fix}, or ask the platform team to install it and add it to identity.modes of the operator's configuration`,
  );
};

function tenants(namespaceLabels: ValidationInput["namespaceLabels"], { tenancy }: OperatorConfig): OperatorConfig["tenancy"] {
  return tenancy.filter((tenant) => selectorMatches(tenant.namespaceSelector, namespaceLabels));
}

const replicasInOrder: ServiceRule = ({ service: { scaling, spec, tier } }) => {
  if (scaling.minReplicas <= scaling.maxReplicas || spec.scaling?.minReplicas !== undefined) return [];
  return violation(
    "spec.scaling.maxReplicas",
    "TooFewReplicas",
    `${scaling.maxReplicas} is below the ${scaling.minReplicas} replicas that tier ${tier.metadata.name} starts from: raise it, or write a lower spec.scaling.minReplicas`,
  );
};

const disruptionLeavesAPod: ServiceRule = ({ service: { scaling, spec, tier } }) => {
  const { maxUnavailable } = tier.spec.availability;
  if (spec.workloadRef !== undefined || scaling.minReplicas === 1 || scaling.minReplicas > maxUnavailable) return [];
  return violation(
    "spec.scaling.minReplicas",
    "DrainTakesEveryPod",
    `tier ${tier.metadata.name} lets a drain take ${maxUnavailable} pods at once, and ${scaling.minReplicas} is not more: raise it above ${maxUnavailable}`,
  );
};

const requestsEndBeforePods: ServiceRule = ({ service: { routes, tier } }) => {
  const { preStopDelay, terminationGracePeriod } = tier.spec.availability;
  const available = durationMs(terminationGracePeriod) - durationMs(preStopDelay);
  return routes
    .filter((route) => route.timeout !== undefined && durationMs(route.timeout) > available)
    .flatMap((route) =>
      violation(
        `spec.routes[${route.name}].timeout`,
        "TimeoutOutlivesPod",
        `${route.timeout} is longer than a pod of tier ${tier.metadata.name} has left when it stops (terminationGracePeriod ${terminationGracePeriod} less preStopDelay ${preStopDelay}), so a rollout would cut requests off: shorten it to at most ${available}ms, or name a tier with a longer grace period`,
      ),
    );
};

const strictIsolation: ServiceRule = ({ service: { spec, tier } }) => {
  if (tier.spec.network.isolation !== "Strict") return [];
  const refused: readonly [field: string, entries: readonly unknown[] | undefined][] = [
    ["spec.callers.serviceAccounts", spec.callers?.serviceAccounts],
    ["spec.dependencies.kubernetesServices", spec.dependencies?.kubernetesServices],
    ["spec.dependencies.hosts", spec.dependencies?.hosts],
    ["spec.dependencies.cidrs", spec.dependencies?.cidrs],
  ];
  return refused
    .filter(([, entries]) => entries !== undefined && entries.length > 0)
    .flatMap(([field]) =>
      violation(
        field,
        "StrictIsolation",
        `tier ${tier.metadata.name} is isolated, so its services call, and are called by, PlatformServices of the tier alone: remove it, or ask the platform team to add what must be called to the tier's allowedEgress`,
      ),
    );
};

const hostsAreOutside: ServiceRule = ({ service: { spec }, config }) =>
  (spec.dependencies?.hosts ?? [])
    .filter(({ host }) => host.endsWith(".svc") || host.endsWith(`.${config.network.clusterDomain}`))
    .flatMap(({ host }) =>
      violation(
        "spec.dependencies.hosts",
        "HostInCluster",
        `${host} is a Service of this cluster, and hosts opens no way to private addresses: write it under spec.dependencies.services, or kubernetesServices where it is no PlatformService`,
      ),
    );

/** In bytes of JSON. The Deployment and each ReplicaSet hold it whole, with what managers own of it, and etcd takes 1.5 MiB an object (etcd, --max-request-bytes). */
const MAX_CONTAINER_BYTES = 512 * 1024;

const containerCanBeStored: ServiceRule = ({ service: { spec } }) => {
  const bytes = Buffer.byteLength(JSON.stringify(spec.container ?? {}));
  if (bytes <= MAX_CONTAINER_BYTES) return [];
  return violation(
    "spec.container",
    "ContainerTooLarge",
    `it has ${Math.ceil(bytes / 1024)} KiB, and Kubernetes has room for ${MAX_CONTAINER_BYTES / 1024} KiB of it in a pod template: put long values of env, command and args into a ConfigMap, and name that in envFrom`,
  );
};

/** The kernel ends a text there, so the runtime refuses to start the container (execve). */
const processCanStart: ServiceRule = ({ service: { spec } }) => {
  const { command = [], args = [], env = [] } = spec.container ?? {};
  const texts: readonly (readonly [field: string, text: string])[] = [
    ...command.map((text) => ["spec.container.command", text] as const),
    ...args.map((text) => ["spec.container.args", text] as const),
    ...env.map(({ name, value = "" }) => [`spec.container.env[${name}].value`, value] as const),
  ];
  const fields = texts.filter(([, text]) => text.includes("\u0000")).map(([field]) => field);
  return [...new Set(fields)].flatMap((field) =>
    violation(
      field,
      "NulCharacter",
      "it holds a NUL character, with which no process can be started: remove it, or encode what needs it, as in base64",
    ),
  );
};

/** That others of the cluster have too many ports is no fault of the spec's, and is said where the policies are made. */
const policiesCanHoldPorts: ServiceRule = ({ service, config }) => portProblems(service, config);

const meshCanDoIt: ServiceRule = ({ service }) => meshOf(service).limits(service);

const slosCanBeKept: ServiceRule = ({ service, config }) => sloViolations(service, config);

const RULES: readonly ServiceRule[] = [
  tierAllowsNamespace,
  ownerAllowed,
  repositoryInNamespace,
  existingRepositoryAllowed,
  repositoryFits,
  boundaryListed,
  managedPoliciesListed,
  existingRoleAllowed,
  identityModeInstalled,
  replicasInOrder,
  disruptionLeavesAPod,
  requestsEndBeforePods,
  strictIsolation,
  hostsAreOutside,
  containerCanBeStored,
  processCanStart,
  policiesCanHoldPorts,
  meshCanDoIt,
  slosCanBeKept,
];
