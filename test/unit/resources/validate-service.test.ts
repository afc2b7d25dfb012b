import { describe, expect, test } from "vitest";

import { effectiveService } from "../../../src/crds/effective.ts";
import type { Violation } from "../../../src/crds/desired.ts";
import { operatorConfigFile } from "../../../src/crds/operator-config.ts";
import { platformServiceSpec } from "../../../src/crds/platform-service.ts";
import { platformTierSpec } from "../../../src/crds/platform-tier.ts";
import { validateService } from "../../../src/resources/validate-service.ts";
import { REMOVED, withChanges, type Changes, type Json } from "../../support/json-path.ts";

const BOUNDARY = "arn:aws:iam::111122223333:policy/platform-boundary";
const POLICIES = "arn:aws:iam::111122223333:policy";
const PCI_BOUNDARY = `${BOUNDARY}-pci`;

const SERVICE: Json = { owner: "dispatch-squad", tier: "tier-1", image: {}, port: 8080 };

const TIER: Json = {
  allowedNamespaces: { matchLabels: { tenant: "dispatch" } },
  availability: { minReplicas: 3, maxUnavailable: 1, preStopDelay: "15s", terminationGracePeriod: "1m" },
  placement: { nodePools: ["general"], capacityTypes: ["on-demand"], architectures: ["arm64"] },
  network: {},
};

const CONFIG: Json = {
  cluster: { name: "prod", region: "eu-west-1", accountId: "111122223333", oidcIssuer: "https://oidc.example.com/id/ABC" },
  identity: { permissionsBoundaryArn: BOUNDARY, allowedBoundaryArns: [PCI_BOUNDARY] },
  tenancy: [
    { namespaceSelector: { matchLabels: { tenant: "dispatch" } }, owners: ["dispatch-squad", "matching-squad"] },
    { namespaceSelector: { matchLabels: { tenant: "pricing" } }, owners: ["pricing-squad"] },
  ],
};

interface World {
  readonly service?: Changes;
  readonly tier?: Changes;
  readonly config?: Changes;
  readonly labels?: Readonly<Record<string, string>>;
}

function validate({ service = {}, tier = {}, config = {}, labels = { tenant: "dispatch" } }: World): readonly Violation[] {
  const parsedConfig = operatorConfigFile.parse(withChanges(CONFIG, config));
  const effective = effectiveService(
    {
      apiVersion: "platform-operator.dev/v1alpha1",
      kind: "PlatformService",
      metadata: { name: "matching", namespace: "dispatch", uid: "u", resourceVersion: "1", generation: 1 },
      spec: platformServiceSpec.parse(withChanges(SERVICE, service)),
    },
    {
      apiVersion: "platform-operator.dev/v1alpha1",
      kind: "PlatformTier",
      metadata: { name: "tier-1", uid: "t", resourceVersion: "1", generation: 1 },
      spec: platformTierSpec.parse(withChanges(TIER, tier)),
    },
    parsedConfig,
    labels,
  );
  return validateService({ service: effective, namespaceLabels: labels, config: parsedConfig });
}

const ROLES_LISTED: Changes = { "tenancy[0].existingRoleArns": ["*"] };
const STRICT: Changes = { "network.isolation": "Strict" };
const PREFIXED = { "registry.repositoryPrefix": "prod/" };
const LONG_PREFIX = `${"a".repeat(127)}/`;

function slos(...list: readonly object[]): Changes {
  return { slos: list.map((changes) => ({ name: "answers", objective: "99.9", indicator: "availability", ...changes })) };
}
const SLOS_REQUIRED: Changes = { slos: { required: true, minimumObjective: "99.9" } };
function ownQueries(total: string): Changes {
  return slos({ indicator: undefined, queries: { bad: "increase(orders_failed_total[window])", total } });
}

interface Case {
  readonly world: World;
  readonly field: string;
  readonly reason: string;
  /** What the message must tell: the wrong thing and the way out. */
  readonly tells: readonly string[];
}

const REFUSED: Readonly<Record<string, Case>> = {
  "a container that no pod template has room for": {
    world: { service: { container: { env: Array.from({ length: 17 }, (_, n) => ({ name: `LARGE_${n}`, value: "x".repeat(32_000) })) } } },
    field: "spec.container",
    reason: "ContainerTooLarge",
    tells: ["it has 532 KiB", "512 KiB", "put long values of env, command and args into a ConfigMap"],
  },
  "more ports of one range than a NetworkPolicy may open": {
    world: { service: { dependencies: { cidrs: Array.from({ length: 25 }, (_, n) => ({ cidr: "10.40.0.0/16", port: 5000 + n })) } } },
    field: "spec.dependencies",
    reason: "TooManyPorts",
    tells: ["narrower address ranges"],
  },
  "a variable with a NUL": {
    world: { service: { container: { env: [{ name: "SEPARATOR", value: "a\u0000b" }] } } },
    field: "spec.container.env[SEPARATOR].value",
    reason: "NulCharacter",
    tells: ["no process can be started", "remove it"],
  },
  "an argument with a NUL": {
    world: { service: { container: { args: ["--a", "\u0000", "b\u0000"] } } },
    field: "spec.container.args",
    reason: "NulCharacter",
    tells: ["it holds a NUL character"],
  },
  "no SLO where its tier asks for one": {
    world: { tier: SLOS_REQUIRED },
    field: "spec.slos",
    reason: "SloRequired",
    tells: ["tier tier-1 asks for an SLO of availability", '{ name: availability, objective: "99.9", indicator: availability }'],
  },
  "an SLO of latency alone where its tier asks for one of availability": {
    world: { tier: SLOS_REQUIRED, service: slos({ indicator: "latency", threshold: "250ms" }) },
    field: "spec.slos",
    reason: "SloRequired",
    tells: ["asks for an SLO of availability"],
  },
  "an objective below its tier's": {
    world: { tier: SLOS_REQUIRED, service: slos({ objective: "99.8999" }) },
    field: "spec.slos[answers].objective",
    reason: "ObjectiveTooLow",
    tells: ["99.8999 is below 99.9", "raise it, or name another tier"],
  },
  "an SLO that nothing counts": {
    world: { service: slos({}), config: { "mesh.default": "None" } },
    field: "spec.slos[answers].indicator",
    reason: "NotMeasured",
    tells: ["mesh None", "write queries in its place", "mesh.overrides"],
  },
  "an SLO of a protocol of which the mesh tells no failures": {
    world: { service: { protocol: "tcp", ...slos({}) } },
    field: "spec.slos[answers].indicator",
    reason: "ProtocolNotMeasured",
    tells: ["tells no failures of protocol tcp: it does of http, http2, grpc"],
  },
  "a threshold that a brought workload's sidecar has no bound for": {
    world: {
      service: {
        workloadRef: { apiVersion: "apps/v1", kind: "Deployment", name: "own" },
        ...slos({ indicator: "latency", threshold: "300ms" }),
      },
    },
    field: "spec.slos[answers].threshold",
    reason: "NoHistogramBound",
    tells: ["no bound at 300ms", "write one of 1ms, 5ms, 10ms, 25ms, 50ms, 100ms, 250ms, 500ms"],
  },
  "an objective of which no alert could fire": {
    world: { service: slos({ objective: "93" }) },
    field: "spec.slos[answers].objective",
    reason: "AlertUnreachable",
    tells: [
      "93 over 30d",
      "2 % of the budget in 1h would need 101 % of the requests to fail",
      "raise the objective, or choose a shorter window",
    ],
  },
  "a query that is no count": {
    world: { service: ownQueries("rate(orders_total[window])") },
    field: "spec.slos[answers].queries.total",
    reason: "QueryNotTaken",
    tells: ["must be made of increase(series[window])", "rate(orders_total[window]) is none of them"],
  },
  "a tier that allows other namespaces": {
    world: { tier: { "allowedNamespaces.matchLabels.tenant": "payments" } },
    field: "spec.tier",
    reason: "TierNotAllowed",
    tells: ["tier tier-1 does not allow namespace dispatch", "allowedNamespaces"],
  },
  "a tier that allows no namespace": {
    world: { tier: { allowedNamespaces: REMOVED } },
    field: "spec.tier",
    reason: "TierNotAllowed",
    tells: ["name another tier"],
  },
  "an owner of another namespace": {
    world: { service: { owner: "pricing-squad" } },
    field: "spec.owner",
    reason: "OwnerNotAllowed",
    tells: ["pricing-squad is not an owner that namespace dispatch may name", "name one of dispatch-squad, matching-squad"],
  },
  "a namespace that no tenancy lists": {
    world: { config: { tenancy: [] } },
    field: "spec.owner",
    reason: "OwnerNotAllowed",
    tells: ["list the namespace with its owners under tenancy"],
  },
  "a repository of another namespace": {
    world: { service: { "image.repository": "pricing/matching" } },
    field: "spec.image.repository",
    reason: "RepositoryOutsideNamespace",
    tells: ['must start with "dispatch/"', "dispatch/matching"],
  },
  "a repository that only begins like the namespace": {
    world: { service: { "image.repository": "dispatching/matching" } },
    field: "spec.image.repository",
    reason: "RepositoryOutsideNamespace",
    tells: ['must start with "dispatch/"'],
  },
  "a repository of others where nothing is listed": {
    world: { service: { "image.repositoryMode": "Existing" } },
    field: "spec.image.repositoryMode",
    reason: "ExistingRepositoryNotAllowed",
    tells: ["dispatch/matching is not a repository of others that namespace dispatch may use", "existingRepositories", "write Own"],
  },
  "a repository of others that another namespace's tenancy lists": {
    world: {
      service: { "image.repositoryMode": "Existing", "image.repository": "shared/base" },
      config: { "tenancy[1].existingRepositories": ["shared/*"] },
    },
    field: "spec.image.repositoryMode",
    reason: "ExistingRepositoryNotAllowed",
    tells: ["shared/base is not"],
  },
  "a repository outside the namespace where others own all": {
    world: { service: { "image.repository": "pricing/matching" }, config: { "registry.mode": "Existing" } },
    field: "spec.image.repositoryMode",
    reason: "ExistingRepositoryNotAllowed",
    tells: ["pricing/matching is not"],
  },
  "a repository of others below the prefix where its whole name is listed without it": {
    world: { service: { "image.repositoryMode": "Existing" }, config: { ...PREFIXED, "tenancy[0].existingRepositories": ["dispatch/*"] } },
    field: "spec.image.repositoryMode",
    reason: "ExistingRepositoryNotAllowed",
    tells: ["prod/dispatch/matching is not"],
  },
  "a repository that the configuration alone says others own, which is below the prefix": {
    world: {
      service: { "image.repository": "shared/base" },
      config: { ...PREFIXED, "registry.mode": "Existing", "tenancy[0].existingRepositories": ["shared/*"] },
    },
    field: "spec.image.repositoryMode",
    reason: "ExistingRepositoryNotAllowed",
    tells: ["prod/shared/base is not"],
  },
  "a repository beside the prefix that begins like the namespace": {
    world: {
      service: { "image.repositoryMode": "Existing", "image.repository": "dispatch/matching" },
      config: { ...PREFIXED, "registry.mode": "Existing" },
    },
    field: "spec.image.repositoryMode",
    reason: "ExistingRepositoryNotAllowed",
    tells: ["dispatch/matching is not"],
  },
  "a repository that is too long with the registry's prefix": {
    world: { service: { "image.repository": `dispatch/${"m".repeat(120)}` }, config: { "registry.repositoryPrefix": LONG_PREFIX } },
    field: "spec.image.repository",
    reason: "RepositoryTooLong",
    tells: ["257 characters, and ECR takes 256"],
  },
  "a boundary that the configuration does not list": {
    world: { tier: { identity: { permissionsBoundaryArn: `${BOUNDARY}-other` } } },
    field: "spec.tier",
    reason: "BoundaryNotListed",
    tells: [`${BOUNDARY}-other`, "identity.allowedBoundaryArns"],
  },
  "a managed policy where none is listed": {
    world: { service: { "aws.managedPolicyArns": [`${POLICIES}/reports`] } },
    field: "spec.aws.managedPolicyArns",
    reason: "ManagedPolicyNotListed",
    tells: [`${POLICIES}/reports is not allowed`, "lists no managed policy", "identity.allowedManagedPolicyArns", "spec.aws.policy"],
  },
  "a managed policy beside those that are listed": {
    world: {
      service: { "aws.managedPolicyArns": [`${POLICIES}/reports`, `${POLICIES}/metrics-2`] },
      config: { "identity.allowedManagedPolicyArns": [`${POLICIES}/reports`, `${POLICIES}/metrics`] },
    },
    field: "spec.aws.managedPolicyArns",
    reason: "ManagedPolicyNotListed",
    tells: [`${POLICIES}/metrics-2 is not among`, `name one of ${POLICIES}/metrics, ${POLICIES}/reports, ask the platform team`],
  },
  "a role of another account": {
    world: { service: { "aws.existingRole": "arn:aws:iam::444455556666:role/terraform/matching" }, config: ROLES_LISTED },
    field: "spec.aws.existingRole",
    reason: "OtherAccount",
    tells: ["is not in this cluster's account 111122223333"],
  },
  "a role of another partition": {
    world: { service: { "aws.existingRole": "arn:aws-cn:iam::111122223333:role/terraform/matching" }, config: ROLES_LISTED },
    field: "spec.aws.existingRole",
    reason: "OtherAccount",
    tells: ["name a role of that account"],
  },
  "a role of this cluster's services": {
    world: {
      service: { "aws.existingRole": "arn:aws:iam::111122223333:role/platform-operator/eu-west-1.prod/eu-west-1.prod.dispatch.other" },
      config: ROLES_LISTED,
    },
    field: "spec.aws.existingRole",
    reason: "RoleOfAnotherService",
    tells: ["where this cluster's services have their own roles"],
  },
  "a role that no tenancy of the namespace lists": {
    world: {
      service: { "aws.existingRole": "arn:aws:iam::111122223333:role/terraform/matching" },
      config: { "tenancy[1].existingRoleArns": ["*"] },
    },
    field: "spec.aws.existingRole",
    reason: "ExistingRoleNotAllowed",
    tells: ["is not a role that namespace dispatch may use", "existingRoleArns"],
  },
  "fewer replicas at most than the tier starts from": {
    world: { service: { "scaling.maxReplicas": 2 } },
    field: "spec.scaling.maxReplicas",
    reason: "TooFewReplicas",
    tells: ["2 is below the 3 replicas", "spec.scaling.minReplicas"],
  },
  "so few replicas that a drain takes them all": {
    world: { service: { scaling: { minReplicas: 2 } }, tier: { "availability.minReplicas": 5, "availability.maxUnavailable": 2 } },
    field: "spec.scaling.minReplicas",
    reason: "DrainTakesEveryPod",
    tells: ["take 2 pods at once", "raise it above 2"],
  },
  "a request that may outlive its pod": {
    world: { service: { routes: [{ name: "upload", timeout: "46s" }] } },
    field: "spec.routes[upload].timeout",
    reason: "TimeoutOutlivesPod",
    tells: ["46s is longer", "at most 45000ms"],
  },
  "a ServiceAccount that calls into strict isolation": {
    world: { tier: STRICT, service: { callers: { serviceAccounts: [{ name: "probe" }] } } },
    field: "spec.callers.serviceAccounts",
    reason: "StrictIsolation",
    tells: ["tier tier-1 is isolated", "remove it"],
  },
  "a Service that is called from strict isolation": {
    world: { tier: STRICT, service: { dependencies: { kubernetesServices: [{ name: "redis", port: 6379 }] } } },
    field: "spec.dependencies.kubernetesServices",
    reason: "StrictIsolation",
    tells: ["allowedEgress"],
  },
  "a host that is called from strict isolation": {
    world: { tier: STRICT, service: { dependencies: { hosts: [{ host: "api.example.com", port: 443 }] } } },
    field: "spec.dependencies.hosts",
    reason: "StrictIsolation",
    tells: ["allowedEgress"],
  },
  "a range that is called from strict isolation": {
    world: { tier: STRICT, service: { dependencies: { cidrs: [{ cidr: "10.40.0.0/16", port: 5432 }] } } },
    field: "spec.dependencies.cidrs",
    reason: "StrictIsolation",
    tells: ["allowedEgress"],
  },
  "a way to credentials that the cluster is not set up for": {
    world: { service: { aws: { identity: "PodIdentity" } } },
    field: "spec.aws.identity",
    reason: "IdentityModeNotAllowed",
    tells: ["no credentials by PodIdentity", "write IRSA", "identity.modes"],
  },
  "a role of others where the cluster has no IRSA": {
    world: {
      service: { aws: { existingRole: "arn:aws:iam::111122223333:role/theirs" } },
      config: {
        "identity.default": "PodIdentity",
        "identity.modes": ["PodIdentity"],
        "tenancy[0].existingRoleArns": ["arn:aws:iam::111122223333:role/*"],
      },
    },
    field: "spec.aws.existingRole",
    reason: "IdentityModeNotAllowed",
    tells: ["no credentials by IRSA", "leave existingRole out"],
  },
  "a host that is a Service of the cluster": {
    world: {
      config: { "network.clusterDomain": "prod.example" },
      service: { dependencies: { hosts: [{ host: "redis.cache.svc.prod.example", port: 6379 }] } },
    },
    field: "spec.dependencies.hosts",
    reason: "HostInCluster",
    tells: ["redis.cache.svc.prod.example is a Service of this cluster", "kubernetesServices"],
  },
};

const ACCEPTED: Readonly<Record<string, World>> = {
  "the least": {},
  "a tier that allows every namespace": { tier: { allowedNamespaces: {} } },
  "any owner where the tenancy says so": { service: { owner: "whoever" }, config: { "tenancy[0].owners": ["*"] } },
  "a repository of the namespace": { service: { "image.repository": "dispatch/engines/matching" } },
  "a boundary that the configuration lists": { tier: { identity: { permissionsBoundaryArn: PCI_BOUNDARY } } },
  "no boundary of the tier's own": { tier: { identity: { permissionsBoundaryArn: null } } },
  "a repository of others that the tenancy lists": {
    service: { "image.repositoryMode": "Existing", "image.repository": "shared/base" },
    config: { "tenancy[0].existingRepositories": ["shared/*"] },
  },
  "a repository of others that the tenancy lists beside the prefix": {
    service: { "image.repositoryMode": "Existing", "image.repository": "shared/base" },
    config: { ...PREFIXED, "tenancy[0].existingRepositories": ["shared/*"] },
  },
  "a repository of others that the tenancy lists below the prefix": {
    service: { "image.repositoryMode": "Existing" },
    config: { ...PREFIXED, "tenancy[0].existingRepositories": ["prod/dispatch/*"] },
  },
  "a repository of its namespace where others own all": { config: { "registry.mode": "Existing" } },
  "a repository of its namespace below the prefix where others own all": { config: { ...PREFIXED, "registry.mode": "Existing" } },
  "a repository of its own where others own the rest": {
    service: { "image.repositoryMode": "Own" },
    config: { "registry.mode": "Existing" },
  },
  "a role that the tenancy lists": {
    service: { "aws.existingRole": "arn:aws:iam::111122223333:role/terraform/matching" },
    config: { "tenancy[0].existingRoleArns": ["arn:aws:iam::111122223333:role/terraform/m*"] },
  },
  "managed policies that the configuration lists": {
    service: { "aws.managedPolicyArns": [`${POLICIES}/reports`] },
    config: { "identity.allowedManagedPolicyArns": [`${POLICIES}/reports`] },
  },
  "one replica, which a drain may take": { service: { scaling: { minReplicas: 1 } } },
  "as many replicas at most as at least": { service: { scaling: { maxReplicas: 3 } } },
  "a request that ends just in time": { service: { routes: [{ name: "upload", timeout: "45s" }] } },
  "an objective as its tier asks": { tier: SLOS_REQUIRED, service: slos({}) },
  "no SLO, without a port to promise anything of": { tier: SLOS_REQUIRED, service: { port: REMOVED } },
  "queries of its own where its tier asks for an SLO": { tier: SLOS_REQUIRED, service: ownQueries("increase(orders_total[window])") },
  "a low objective of latency": {
    tier: SLOS_REQUIRED,
    service: slos({}, { name: "latency", objective: "95", indicator: "latency", threshold: "300ms" }),
  },
  "the lowest objective of a week": { service: slos({ objective: "90", window: "7d" }) },
  "services in strict isolation": {
    tier: STRICT,
    service: { callers: { services: [{ name: "a" }], serviceAccounts: [] }, dependencies: { services: [{ name: "b" }], hosts: [] } },
  },
  "outside dependencies under standard isolation": {
    service: { dependencies: { hosts: [{ host: "api.example.com", port: 443 }], cidrs: [{ cidr: "10.40.0.0/16", port: 5432 }] } },
  },
};

describe("a PlatformService", () => {
  test.each(Object.entries(REFUSED))("is refused with %s", (_, { world, field, reason, tells }) => {
    const violations = validate(world);
    expect(violations.map((violation) => [violation.field, violation.reason])).toEqual([[field, reason]]);
    expect(tells.filter((words) => !violations[0]?.message.includes(words))).toEqual([]);
  });

  test.each(Object.entries(ACCEPTED))("is accepted with %s", (_, world) => {
    expect(validate(world)).toEqual([]);
  });

  test("hears of everything that is wrong at once, in one order", () => {
    const violations = validate({ service: { owner: "pricing-squad", "image.repository": "pricing/matching" }, labels: {} });
    expect(violations.map(({ reason }) => reason)).toEqual(["TierNotAllowed", "OwnerNotAllowed", "RepositoryOutsideNamespace"]);
  });
});
