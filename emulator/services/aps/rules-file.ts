import { parse, YAMLParseError } from "yaml";
import type { Call } from "../../operation.ts";
import type { RulesNamespaceRecord } from "../../records.ts";
import { isRecord } from "../../values.ts";

/** How many rules each group of a rule file has, or what is wrong with the file. PromQL is not looked at. */
function readGroups(base64: string): readonly number[] | string {
  let file: unknown;
  try {
    file = parse(Buffer.from(base64, "base64").toString());
  } catch (error) {
    if (error instanceof YAMLParseError) return `the rules are not YAML: ${error.message.split("\n")[0] ?? ""}`;
    throw error;
  }
  const groups = isRecord(file) ? file["groups"] : undefined;
  if (!Array.isArray(groups)) return "the rules have no list of groups";
  const names = groups.map((group: unknown) => (isRecord(group) ? group["name"] : undefined));
  if (names.some((name) => typeof name !== "string" || name === "")) return "a group of rules has no name";
  if (new Set(names).size < names.length) return "two groups of rules have the same name";
  const sizes = groups.map((group: unknown) => {
    const rules: unknown = isRecord(group) ? group["rules"] : undefined;
    return Array.isArray(rules) && rules.every(isRule) ? rules.length : undefined;
  });
  const broken = sizes.indexOf(undefined);
  return broken === -1
    ? sizes.filter((size) => size !== undefined)
    : `group ${String(names[broken])}: a rule needs expr, and one of record and alert`;
}

function isRule(rule: unknown): boolean {
  if (!isRecord(rule) || typeof rule["expr"] !== "string") return false;
  return (typeof rule["record"] === "string") !== (typeof rule["alert"] === "string");
}

/** Why a workspace that has these others does not take the rules in; undefined: it does. */
export function refusalOf(base64: string, others: readonly RulesNamespaceRecord[], { quotas }: Call): string | undefined {
  const sizes = readGroups(base64);
  if (typeof sizes === "string") return sizes;
  if (sizes.some((size) => size > quotas.rulesPerRuleGroup)) return `a group has more than ${quotas.rulesPerRuleGroup} rules`;
  const groupsOf = (data: string): number => {
    const groups = readGroups(data);
    return typeof groups === "string" ? 0 : groups.length;
  };
  const groups = others.reduce((sum, { data }) => sum + groupsOf(data), sizes.length);
  return groups > quotas.ruleGroupsPerWorkspace
    ? `the workspace has more than ${quotas.ruleGroupsPerWorkspace} groups of rules`
    : undefined;
}
