import { readConfigFile } from "../src/config.ts";
import type { PolicyStatement } from "../src/crds/desired.ts";
import { askedWorkspaceArn } from "../src/crds/aws-names.ts";
import { operatorConfigFile, type OperatorConfig } from "../src/crds/operator-config.ts";
import { renderAppMeshPolicy } from "../src/resources/iam/app-mesh-policy.ts";
import { POLICY_VERSION } from "../src/resources/iam/inline-policy.ts";
import { managedPrometheusStatements } from "../src/resources/iam/managed-prometheus-policy.ts";
import { renderOperatorPolicy } from "../src/resources/iam/operator-policy.ts";
import { render } from "../src/resources/iam/policy-parts.ts";
import { renderServicesBoundary } from "../src/resources/iam/services-boundary.ts";

/**
 * The operator's IAM policy as a Terraform template, from the code that renders it: rendered once with everything switched on and a `${variable}` for each
 * value, then once without each thing that can be off. What is missing then stands in an `%{ if }`.
 */

interface Switch {
  /** As Terraform writes it. */
  readonly on: string;
  readonly without: (config: OperatorConfig) => OperatorConfig;
}

const SWITCHES: readonly Switch[] = [
  {
    on: "length(managed_policies) > 0",
    without: (config) => ({ ...config, identity: { ...config.identity, allowedManagedPolicyArns: [] } }),
  },
  { on: "length(existing_repositories) > 0", without: (config) => ({ ...config, tenancy: [] }) },
  { on: 'kms_key != ""', without: (config) => ({ ...config, registry: { ...config.registry, encryption: { type: "AES256" } } }) },
];

interface Alternative {
  readonly on: string;
  /** Undefined: the statement is not there. */
  readonly off: PolicyStatement | undefined;
}

/** For templatefile(), of a cluster with these identity modes; `devConfig` is the file whose other values do not matter to the policy. */
export function policyTemplate(devConfig: string, modes: OperatorConfig["identity"]["modes"]): string {
  const config = everythingOn(readConfigFile(devConfig), modes);
  const { Version, Statement } = policyOf(config);
  const others = SWITCHES.map(({ on, without }) => ({ on, statements: policyOf(without(config)).Statement }));
  const texts = Statement.map((statement, index) => {
    const alternatives = others.map(({ on, statements }) => ({ on, off: statements.find(({ Sid }) => Sid === statement.Sid) }));
    const text = indented(withActions(statement, alternatives));
    const switched = alternatives.find(({ off }) => off === undefined);
    if (index === 0 && switched) throw new Error("the policy's first statement may be off: put one before it that never is");
    const separated = index === 0 ? text : `,\n${text}`;
    return switched ? `%{ if ${switched.on} }${separated}%{ endif }` : separated;
  });
  return `${withVariables(`{\n  "Version": "${Version}",\n  "Statement": [\n${texts.join("")}\n  ]\n}`)}\n`;
}

/** The same of the policy for App Mesh, which is attached beside it where there is a mesh. */
export function appMeshTemplate(devConfig: string): string {
  const config = everythingOn(readConfigFile(devConfig), ["IRSA"]);
  const { appMesh } = config.mesh;
  if (appMesh === null) throw new Error(`${devConfig} has no mesh.appMesh`);
  const policy = renderAppMeshPolicy({
    ...config,
    network: { ...config.network, clusterDomain: "${cluster_domain}" },
    mesh: { ...config.mesh, appMesh: { ...appMesh, meshName: "${mesh_name}" } },
  });
  if (policy === undefined) throw new Error(`${devConfig} has an App Mesh that is retired`);
  return withVariables(policy);
}

/** A workspace for what is made without one: the development configuration has none, so that nothing is asked for it. */
export const EXAMPLE_WORKSPACE = "arn:aws:aps:eu-west-1:111122223333:workspace/ws-00000000-0000-0000-0000-000000000000";

/** The policy for Amazon Managed Service for Prometheus, as the configuration with that workspace has it, for rules and for budgets. */
export function managedPrometheusPolicy(config: OperatorConfig): string {
  return render(managedPrometheusStatements(inExampleWorkspace(config)));
}

/** The same for templatefile(), where each may be off. */
export function managedPrometheusTemplate(devConfig: string): string {
  const config = inExampleWorkspace(everythingOn(readConfigFile(devConfig), ["IRSA"]));
  const ofRules = managedPrometheusStatements({ ...config, slos: { ...config.slos, prometheus: null } });
  const ofBudgets = managedPrometheusStatements({ ...config, slos: { ...config.slos, workspaceArn: null } });
  const listed = (statements: readonly PolicyStatement[]): string =>
    statements.map((statement) => indented(JSON.stringify(statement, null, 2))).join(",\n");
  const rules = listed(ofRules)
    .replaceAll(EXAMPLE_WORKSPACE, "${workspace_arn}")
    .replaceAll(EXAMPLE_WORKSPACE.replace(":workspace/", ":rulegroupsnamespace/"), "${rules_arn}");
  const budgets = listed(ofBudgets).replaceAll(askedWorkspaceArn(config) ?? "", "${budgets_arn}");
  const [hasRules, hasBudgets] = ['workspace_arn != ""', 'budgets_arn != ""'];
  const both = `%{ if ${hasRules} && ${hasBudgets} },%{ endif }`;
  const statements = `%{ if ${hasRules} }${rules}%{ endif }${both}%{ if ${hasBudgets} }${budgets}%{ endif }`;
  return `{\n  "Version": "${POLICY_VERSION}",\n  "Statement": [\n${statements}\n  ]\n}\n`;
}

function inExampleWorkspace(config: OperatorConfig): OperatorConfig {
  const url = `https://aps-workspaces.eu-west-1.amazonaws.com/${EXAMPLE_WORKSPACE.replace(/.*:workspace/, "workspaces")}`;
  const prometheus = operatorConfigFile.shape.slos.parse({ prometheus: { url, authorization: { mode: "SigV4" } } }).prometheus;
  return { ...config, slos: { ...config.slos, workspaceArn: EXAMPLE_WORKSPACE, prometheus } };
}

/** The boundary that the module can make for services. */
export function servicesBoundaryTemplate(devConfig: string): string {
  return withVariables(renderServicesBoundary(everythingOn(readConfigFile(devConfig), ["IRSA"]), ["${actions}"]));
}

function everythingOn(config: OperatorConfig, modes: OperatorConfig["identity"]["modes"]): OperatorConfig {
  return {
    ...config,
    cluster: { ...config.cluster, name: "${cluster}", region: "${region}", accountId: "${account_id}" },
    identity: {
      ...config.identity,
      modes,
      permissionsBoundaryArn: "${boundaries}",
      allowedBoundaryArns: [],
      allowedManagedPolicyArns: ["${managed_policies}"],
    },
    tenancy: config.tenancy.map((tenant) => ({ ...tenant, existingRepositories: ["${existing_repositories}"] })),
    registry: {
      ...config.registry,
      mode: "Own",
      repositoryPrefix: "${repository_prefix}",
      encryption: { type: "KMS", kmsKey: "${kms_key}" },
    },
  };
}

function policyOf(config: OperatorConfig): { readonly Version: string; readonly Statement: readonly PolicyStatement[] } {
  return JSON.parse(renderOperatorPolicy(config));
}

/** The statement with each action that is there only on, or only off, before those that always are. Throws where more than actions differs. */
function withActions(statement: PolicyStatement, alternatives: readonly Alternative[]): string {
  const { Action, ...rest } = statement;
  const actions = [Action].flat();
  const switched = alternatives.flatMap(({ on, off }) => {
    if (off === undefined) return [];
    const { Action: offAction, ...offRest } = off;
    if (JSON.stringify(offRest) !== JSON.stringify(rest))
      throw new Error(`${statement.Sid ?? "?"} differs in more than actions where ${on} is false: teach scripts/terraform.ts`);
    const offActions = [offAction].flat();
    return [
      ...actions.filter((action) => !offActions.includes(action)).map((action) => ({ when: on, action })),
      ...offActions.filter((action) => !actions.includes(action)).map((action) => ({ when: `!(${on})`, action })),
    ];
  });
  const always = actions.filter((action) => !switched.some((s) => s.action === action));
  const text = JSON.stringify({ ...statement, Action: switched.length > 0 ? always : Action }, null, 2);
  const [first] = always;
  if (switched.length === 0 || first === undefined) return text;
  const before = switched.map(({ when, action }) => `%{ if ${when} }"${action}", %{ endif }`).join("");
  return text.replace(`"${first}"`, `${before}"${first}"`);
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, "    ");
}

/** A list of one marker is the variable's list; partition and domain are the region's, which is not known. */
function withVariables(text: string): string {
  return (
    text
      .replaceAll("arn:aws:", "arn:${partition}:")
      // An endpoint's domain is its partition's; a service's name as a principal has one in all.
      .replaceAll("${region}.amazonaws.com", "${region}.${dns_suffix}")
      .replaceAll(/\[\s*"\$\{(actions|boundaries|managed_policies)\}"\s*\]/g, "${jsonencode($1)}")
      .replaceAll(/\[\s*"([^"]*)\$\{existing_repositories\}"\s*\]/g, '${jsonencode([for name in existing_repositories : "$1${name}"])}')
  );
}
