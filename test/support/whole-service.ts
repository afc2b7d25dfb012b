import { createHash } from "node:crypto";
import type { KubeObject, Neighbour, NodePoolState, ServiceState } from "../../src/crds/desired.ts";
import { effectiveService, type EffectiveService } from "../../src/crds/effective.ts";
import { API_VERSION } from "../../src/crds/meta.ts";
import { operatorConfigFile, type OperatorConfig } from "../../src/crds/operator-config.ts";
import { platformServiceSpec } from "../../src/crds/platform-service.ts";
import { suspensionOf } from "../../src/crds/requests.ts";
import { platformTierSpec } from "../../src/crds/platform-tier.ts";
import { imageReference } from "../../src/reconcilers/platform-service/image.ts";
import { judge } from "../../src/reconcilers/platform-service/spec-valid.ts";
import { buildVirtualNode } from "../../src/resources/app-mesh/virtual-node.ts";
import { buildHeldFields } from "../../src/resources/brought-workload.ts";
import { buildAutoscaler } from "../../src/resources/autoscaler.ts";
import { buildDeployment } from "../../src/resources/deployment.ts";
import { buildDisruptionBudget } from "../../src/resources/disruption-budget.ts";
import { buildRepository, repositoryUri } from "../../src/resources/ecr/repository.ts";
import type { NetworkFacts } from "../../src/resources/facts.ts";
import { buildRole, roleArn } from "../../src/resources/iam/role.ts";
import { meshOf } from "../../src/resources/mesh/choose.ts";
import { buildNetworkPolicies } from "../../src/resources/network-policy.ts";
import { placementProblems } from "../../src/resources/placement.ts";
import { buildPodMonitor } from "../../src/resources/pod-monitor.ts";
import { buildRuleObject, buildRulesNamespace } from "../../src/resources/slo/rule-file.ts";
import { buildService } from "../../src/resources/service.ts";
import { buildServiceAccount } from "../../src/resources/service-account.ts";
import { testConfig } from "./effective-services.ts";
import { changedPaths } from "./json-diff.ts";
import type { Json } from "./json-path.ts";

/** Everything that one PlatformService leads to, made by the builders and rules that a pass uses. */

export const NAME = "matching";
export const NAMESPACE = "default";
const KEY = { namespace: NAMESPACE, name: NAME };
/** `tenant` is for tiers that select by a label. */
const NAMESPACE_LABELS = { "kubernetes.io/metadata.name": NAMESPACE, tenant: "yes" };
const ARCHITECTURES = ["amd64", "arm64"];
const [TENANT] = testConfig().tenancy;
const CONFIG = testConfig({ tenancy: [{ ...TENANT, existingRepositories: ["default/*"] }] });

/** Any PlatformService exists, on one port and in the tier that is judged; any Service, on Redis's ports. */
function facts(tierName: string): NetworkFacts {
  return {
    neighbour: (key): Neighbour => ({ key, tierName, port: 8443, protocol: "http", longestTimeoutMs: null, callers: [] }),
    kubernetesService: ({ name }): ServiceState => ({
      selector: { app: name },
      ports: [6379, 6380].map((port) => ({ port, targetPort: port })),
    }),
  };
}

/** The pools of `npm run up`: payments is tainted. */
const NODE_POOLS: ReadonlyMap<string, NodePoolState> = new Map(
  ["general", "spare", "payments"].map((name) => {
    const taints = name === "payments" ? [{ key: "dedicated", value: "payments", effect: "NoSchedule" }] : [];
    return [name, { name, requirements: {}, taints }];
  }),
);

export interface Written {
  readonly service: Json;
  /** Of the name that the service gives it. */
  readonly tier: Json;
  /** Default: that of `npm run up`, where a repository of others may be used. */
  readonly config?: Json;
}

/** By name: `Suspended` (why nothing is written), `Role` and `Repository` (of the service's own), `Image` (what is asked of ECR), `Verdict` (what is refused, by reason), `Waived` (which rules of policies, and why), and each child as `Deployment matching`. */
export function wholeService(written: Written): Readonly<Record<string, unknown>> {
  const spec = platformServiceSpec.parse(written.service);
  const config = written.config === undefined ? CONFIG : operatorConfigFile.parse(written.config);
  const tier = {
    apiVersion: API_VERSION,
    kind: "PlatformTier" as const,
    metadata: { name: spec.tier, uid: "tier-uid", resourceVersion: "1", generation: 1 },
    spec: platformTierSpec.parse(written.tier),
  };
  const stored = {
    apiVersion: API_VERSION,
    kind: "PlatformService" as const,
    metadata: { ...KEY, uid: "service-uid", resourceVersion: "1", generation: 1 },
    spec,
  };
  const service = effectiveService(stored, tier, config, NAMESPACE_LABELS);
  const network = facts(spec.tier);
  const policies = buildNetworkPolicies(service, network, config);
  const verdict = judge(stored, { namespaceLabels: () => NAMESPACE_LABELS, tier: () => tier }, config);
  return {
    Verdict: [
      ...(verdict.state === "refused" && "reason" in verdict.report ? [verdict.report.reason] : []),
      ...placementProblems(service, ARCHITECTURES, NODE_POOLS).map(({ reason }) => reason),
      ...policies.problems.map(({ reason }) => reason),
    ],
    ...(verdict.state === "valid" && verdict.waived.length > 0 && { Waived: verdict.waived }),
    Suspended: suspensionOf(stored, 0)?.reason,
    ...(spec.aws?.existingRole === undefined && { Role: buildRole(service, config) }),
    ...(service.repositoryMode === "Own" && { Repository: buildRepository(service, config) }),
    ...(service.mesh === "AppMesh" && { VirtualNode: buildVirtualNode(service, config, network) }),
    ...rulesOutside(service, config),
    Image: { repository: service.repository, ...imageReference(service) },
    ...Object.fromEntries(
      children({ service, config, network, policies: policies.objects }).map((child) => [`${child.kind} ${child.metadata.name}`, child]),
    ),
  };
}

function rulesOutside(service: EffectiveService, config: OperatorConfig): Readonly<Record<string, unknown>> {
  const rules = buildRulesNamespace(service, config);
  return rules === undefined ? {} : { RuleGroupsNamespace: rules };
}

interface Parts {
  readonly service: EffectiveService;
  readonly config: OperatorConfig;
  readonly network: NetworkFacts;
  readonly policies: readonly KubeObject[];
}

function children({ service, config, network, policies }: Parts): readonly KubeObject[] {
  const mesh = meshOf(service);
  const { spec } = service;
  const arn = spec.aws?.existingRole ?? roleArn(KEY, config);
  const given = { roleArn: arn, nodePools: NODE_POOLS };
  const image = `${repositoryUri(service.repository, config)}@${digestOf(service)}`;
  return [
    buildServiceAccount(service, arn),
    ...policies,
    buildDisruptionBudget(service),
    spec.workloadRef === undefined
      ? buildDeployment(service, { image, architectures: ARCHITECTURES, ...given }, config)
      : buildHeldFields(service, spec.workloadRef, given, config),
    buildService(service, config),
    buildAutoscaler(service),
    buildPodMonitor(service),
    buildRuleObject(service, config),
    ...mesh.security(service, config, network),
    ...mesh.traffic(service, config),
  ].filter((child) => child !== undefined);
}

/** As ECR would answer: every tag is another digest. */
function digestOf(service: EffectiveService): string {
  const reference = imageReference(service);
  if (reference === undefined) return "none";
  return "digest" in reference ? reference.digest : `sha256:${createHash("sha256").update(reference.tag).digest("hex")}`;
}

/** How one whole differs from another: `Service matching: spec.ports[0].port`, `+ ServiceEntry …` for what came and `- …` for what went. Sorted. */
export function wholeDifferences(before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>): readonly string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names]
    .flatMap((name) => {
      if (!(name in before)) return [`+ ${name}`];
      if (!(name in after)) return [`- ${name}`];
      return changedPaths(before[name], after[name]).map((path) => `${name}: ${path}`);
    })
    .toSorted();
}
