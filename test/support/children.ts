import type { KubeObject, Neighbour, NodePoolState, ServiceState } from "../../src/crds/desired.ts";
import type { EffectiveService } from "../../src/crds/effective.ts";
import { keyString, type ObjectKey } from "../../src/crds/meta.ts";
import type { OperatorConfig } from "../../src/crds/operator-config.ts";
import { buildAutoscaler } from "../../src/resources/autoscaler.ts";
import { buildDeployment } from "../../src/resources/deployment.ts";
import { buildDisruptionBudget } from "../../src/resources/disruption-budget.ts";
import type { NetworkFacts, WorkloadFacts } from "../../src/resources/facts.ts";
import { meshOf } from "../../src/resources/mesh/choose.ts";
import { buildNetworkPolicies } from "../../src/resources/network-policy.ts";
import { buildPodMonitor } from "../../src/resources/pod-monitor.ts";
import { buildRuleObject } from "../../src/resources/slo/rule-file.ts";
import { buildServiceAccount } from "../../src/resources/service-account.ts";
import { buildService } from "../../src/resources/service.ts";
import { deepFreeze } from "./effective-services.ts";

/** Everything in Kubernetes that one service becomes, and the facts that the builders ask for. */

export const ROLE_ARN = "arn:aws:iam::111122223333:role/platform-operator/eu-west-1.demo/eu-west-1.demo.dispatch.matching";
export const IMAGE = `111122223333.dkr.ecr.eu-west-1.amazonaws.com/dispatch/matching@sha256:${"0123456789abcdef".repeat(4)}`;

export const GENERAL_POOL: NodePoolState = {
  name: "general",
  requirements: { "karpenter.sh/capacity-type": ["on-demand", "spot"], "kubernetes.io/arch": ["amd64", "arm64"] },
  taints: [],
};
export const PAYMENTS_POOL: NodePoolState = {
  name: "payments",
  requirements: { "karpenter.sh/capacity-type": ["on-demand"] },
  taints: [{ key: "platform-operator.dev/tier", value: "pci", effect: "NoSchedule" }],
};

export const WORKLOAD_FACTS: WorkloadFacts = deepFreeze({
  image: IMAGE,
  architectures: ["amd64", "arm64"],
  roleArn: ROLE_ARN,
  nodePools: new Map([
    ["general", GENERAL_POOL],
    ["payments", PAYMENTS_POOL],
  ]),
});

/** Facts with these neighbours (`namespace/name` to port and tier) and Services, and no others. */
export function networkFacts(
  neighbours: Readonly<Record<string, { readonly port?: number; readonly tier?: string }>> = {},
  services: Readonly<Record<string, ServiceState>> = {},
): NetworkFacts {
  return {
    neighbour(key: ObjectKey): Neighbour | undefined {
      const found = neighbours[keyString(key)];
      return found && { key, tierName: found.tier ?? "tier-2", port: found.port, protocol: "http", longestTimeoutMs: null, callers: [] };
    },
    kubernetesService: (key) => services[keyString(key)],
  };
}

/** Facts in which every neighbour has port 7000 and the given tier, and every Service port 6379. */
export function everybody(tier: string): NetworkFacts {
  return {
    neighbour: (key) => ({ key, tierName: tier, port: 7000, protocol: "http", longestTimeoutMs: null, callers: [] }),
    kubernetesService: () => ({ selector: { app: "redis" }, ports: [{ port: 6379, targetPort: 6380 }] }),
  };
}

/** What every builder makes of the service. */
export function allChildren(
  service: EffectiveService,
  config: OperatorConfig,
  facts: NetworkFacts = everybody(service.spec.tier),
): readonly KubeObject[] {
  const mesh = meshOf(service);
  return [
    buildServiceAccount(service, ROLE_ARN),
    ...buildNetworkPolicies(service, facts, config).objects,
    ...mesh.security(service, config, facts),
    buildDisruptionBudget(service),
    buildService(service, config),
    buildAutoscaler(service),
    buildPodMonitor(service),
    ...(["PrometheusRule", "ConfigMap"] as const).map((delivery) =>
      buildRuleObject(service, { ...config, slos: { ...config.slos, delivery } }),
    ),
    buildDeployment(service, WORKLOAD_FACTS, config),
    ...mesh.traffic(service, config),
  ].filter((object) => object !== undefined);
}
