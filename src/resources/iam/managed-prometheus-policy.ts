import { askedWorkspaceArn, rulesNamespacePrefix, workspaceOf } from "../../crds/aws-names.ts";
import type { PolicyStatement } from "../../crds/desired.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { allow, namedInRequest, onlyOurTagKeys, render, requestTag, resourceTag } from "./policy-parts.ts";

/** What the operator calls of Amazon Managed Service for Prometheus, in the workspaces of the configuration: a policy of its own, as that of App Mesh is. */

/** The policy as JSON; undefined where no workspace is named. */
export function renderManagedPrometheusPolicy(config: OperatorConfig): string | undefined {
  const statements = managedPrometheusStatements(config);
  return statements.length === 0 ? undefined : render(statements);
}

/** Empty where no workspace is named. */
export function managedPrometheusStatements(config: OperatorConfig): readonly PolicyStatement[] {
  return [...ruleStatements(config), ...budgetStatements(config)];
}

/** What asks what is left of error budgets. */
function budgetStatements(config: OperatorConfig): readonly PolicyStatement[] {
  const workspace = askedWorkspaceArn(config);
  return workspace === undefined ? [] : [allow("QueryBudgets", { Action: "aps:QueryMetrics", Resource: workspace })];
}

function ruleStatements(config: OperatorConfig): readonly PolicyStatement[] {
  const workspace = workspaceOf(config);
  if (workspace === undefined) return [];
  const Resource = `${workspace.arn.replace(":workspace/", ":rulegroupsnamespace/")}/${rulesNamespacePrefix(config)}*`;
  return [
    allow("ReadRules", {
      Action: ["aps:DescribeRuleGroupsNamespace", "aps:ListRuleGroupsNamespaces"],
      Resource: [workspace.arn, Resource],
    }),
    allow("CreateRulesWithTags", {
      Action: "aps:CreateRuleGroupsNamespace",
      Resource,
      Condition: { StringEquals: requestTag(config), Null: namedInRequest, ...onlyOurTagKeys },
    }),
    // Of what the resource has, TagResource has no key: what is taken by it is of our name already.
    allow("TagRules", {
      Action: "aps:TagResource",
      Resource,
      Condition: { StringEqualsIfExists: requestTag(config), ...onlyOurTagKeys },
    }),
    allow("ChangeRules", {
      Action: ["aps:DeleteRuleGroupsNamespace", "aps:PutRuleGroupsNamespace"],
      Resource,
      Condition: { StringEquals: resourceTag(config) },
    }),
  ];
}
