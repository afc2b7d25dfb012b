import type { KubeObject } from "../../crds/desired.ts";
import type { EffectiveService } from "../../crds/effective.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { childObject } from "../child-object.ts";
import { meshOf } from "../mesh/choose.ts";
import { buildRuleGroups, type RuleGroup } from "./rules.ts";

export const RULE_API = "monitoring.coreos.com/v1";

/** The rules of the service's SLOs; none where it has no SLO. */
export function ruleGroupsOf(service: EffectiveService, config: OperatorConfig): readonly RuleGroup[] {
  return buildRuleGroups(service, meshOf(service).requestMetrics(service, config), config);
}

/** They for the Prometheus Operator; undefined where there are none. */
export function buildPrometheusRule(service: EffectiveService, config: OperatorConfig): KubeObject | undefined {
  const groups = ruleGroupsOf(service, config);
  if (groups.length === 0) return undefined;
  return childObject(service, {
    apiVersion: RULE_API,
    kind: "PrometheusRule",
    name: `${service.key.name}-slos`,
    labels: config.slos.ruleLabels,
    body: { spec: { groups } },
  });
}
