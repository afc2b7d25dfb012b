import { Document, visit } from "yaml";
import { clusterId, serviceTags, workspaceOf } from "../../crds/aws-names.ts";
import type { KubeObject, RulesNamespaceDesired } from "../../crds/desired.ts";
import type { EffectiveService } from "../../crds/effective.ts";
import { sha256Hex } from "../../crds/hash.ts";
import type { ObjectKey } from "../../crds/meta.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { childObject } from "../child-object.ts";
import { buildPrometheusRule, ruleGroupsOf } from "./prometheus-rule.ts";

/** The rules of a service's SLOs as a rule file of Prometheus, and who is given it. */

/** Amazon Managed Service for Prometheus's (botocore amp service-2.json, RuleGroupsNamespaceName). */
const MAX_NAMESPACE_NAME = 128;
/** 64 bits of the whole name, in hex. */
const HASH_LENGTH = 16;

/** Undefined where there are no rules. Readers differ on YAML's version, and so on what is text without quotes: PromQL is in blocks, all else has them. */
function ruleFile(service: EffectiveService, config: OperatorConfig): string | undefined {
  const groups = ruleGroupsOf(service, config);
  if (groups.length === 0) return undefined;
  const file = new Document({ groups }, { aliasDuplicateObjects: false });
  visit(file, {
    Scalar(place, scalar) {
      if (place === "key" || typeof scalar.value !== "string") return;
      scalar.type = /["\n]/.test(scalar.value) ? "BLOCK_LITERAL" : "QUOTE_DOUBLE";
    },
  });
  return file.toString({ lineWidth: 0 });
}

/** The object of the cluster that carries the rules, by `slos.delivery`; undefined where there is none. */
export function buildRuleObject(service: EffectiveService, config: OperatorConfig): KubeObject | undefined {
  switch (config.slos.delivery) {
    case "PrometheusRule":
      return buildPrometheusRule(service, config);
    case "ConfigMap":
      return buildRuleConfigMap(service, config);
    case "AmazonManagedPrometheus":
      return undefined;
    default:
      return config.slos.delivery satisfies never;
  }
}

/** One rule file, whose name no other service's has: they may all be put into one folder. */
function buildRuleConfigMap(service: EffectiveService, config: OperatorConfig): KubeObject | undefined {
  const file = ruleFile(service, config);
  if (file === undefined) return undefined;
  const { namespace, name } = service.key;
  return childObject(service, {
    apiVersion: "v1",
    kind: "ConfigMap",
    name: `${name}-slos`,
    labels: config.slos.ruleLabels,
    body: { data: { [`${namespace}.${name}.rules.yaml`]: file } },
  });
}

/** The rules in Amazon Managed Service for Prometheus; undefined where that is not the delivery, or there are none. */
export function buildRulesNamespace(service: EffectiveService, config: OperatorConfig): RulesNamespaceDesired | undefined {
  const name = rulesNamespaceName(service.key, config);
  const data = config.slos.delivery === "AmazonManagedPrometheus" ? ruleFile(service, config) : undefined;
  return name === undefined || data === undefined ? undefined : { name, owner: service.key, data, tags: serviceTags(service, config) };
}

/**
 * `workspaceId/` and the name there, as a role's: `<region>.<cluster>.<namespace>.<name>`, or what that begins with and its hash. Undefined where the
 * configuration names no workspace.
 */
export function rulesNamespaceName({ namespace, name }: ObjectKey, config: OperatorConfig): string | undefined {
  const workspace = workspaceOf(config);
  if (workspace === undefined) return undefined;
  const whole = `${clusterId(config)}.${namespace}.${name}`;
  const cut = `${whole.slice(0, MAX_NAMESPACE_NAME - HASH_LENGTH - 1)}_${sha256Hex(whole).slice(0, HASH_LENGTH)}`;
  return `${workspace.id}/${whole.length <= MAX_NAMESPACE_NAME ? whole : cut}`;
}
