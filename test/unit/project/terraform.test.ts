import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import catalogue from "../../../emulator/authorization/actions.generated.json" with { type: "json" };
import { evaluateGrants } from "../../../emulator/authorization/iam-policy-evaluator.ts";
import { parsePolicy } from "../../../emulator/authorization/policy-document.ts";
import { DEV_CONFIG } from "../../../src/cli/environment.ts";
import { ROOT } from "../../../src/cli/keys.ts";
import { readConfigFile } from "../../../src/config.ts";
import { partitionOf, permittedBoundaries } from "../../../src/crds/aws-names.ts";
import { EXAMPLE_WORKSPACE } from "../../../scripts/terraform.ts";
import { operatorConfigFile, type OperatorConfig } from "../../../src/crds/operator-config.ts";
import { sortedUnique } from "../../../src/resources/order.ts";
import { renderAppMeshPolicy } from "../../../src/resources/iam/app-mesh-policy.ts";
import { renderManagedPrometheusPolicy } from "../../../src/resources/iam/managed-prometheus-policy.ts";
import { renderOperatorPolicy } from "../../../src/resources/iam/operator-policy.ts";
import { renderServicesBoundary } from "../../../src/resources/iam/services-boundary.ts";

/** The Terraform module: its policies, rendered as Terraform renders them, are those of the code. */

/** As main.tf chooses it. */
function templateOf(config: OperatorConfig): string {
  const file = config.identity.modes.includes("PodIdentity") ? "policy-pod-identity.json.tftpl" : "policy.json.tftpl";
  return readFileSync(join(ROOT, "terraform/operator", file), "utf8");
}

const DEV = readConfigFile(DEV_CONFIG);

type Variables = Readonly<Record<string, string | readonly string[]>>;

/** As main.tf has them, of a configuration. */
function variablesOf(config: OperatorConfig): Variables {
  const { region, accountId, name } = config.cluster;
  const { partition, domain } = partitionOf(region);
  return {
    partition,
    dns_suffix: domain,
    account_id: accountId,
    region,
    cluster: name,
    boundaries: permittedBoundaries(config),
    managed_policies: sortedUnique(config.identity.allowedManagedPolicyArns),
    repository_prefix: config.registry.repositoryPrefix,
    existing_repositories: sortedUnique([
      ...(config.registry.mode === "Existing" ? [`${config.registry.repositoryPrefix}*`] : []),
      ...config.tenancy.flatMap((tenant) => tenant.existingRepositories),
    ]),
    kms_key: config.registry.encryption.kmsKey ?? "",
  };
}

/** So much of Terraform's template language as the template has: `%{ if }` of the conditions below, variables, and lists as JSON. Throws at any other. */
function render(template: string, variables: Variables): unknown {
  const value = (name: string): string | readonly string[] => {
    const found = variables[name];
    if (found === undefined) throw new Error(`main.tf gives the template no ${name}`);
    return found;
  };
  const holds = (condition: string): boolean => {
    const negated = /^!\((.*)\)$/.exec(condition);
    if (negated?.[1] !== undefined) return !holds(negated[1]);
    if (condition.includes(" && ")) return condition.split(" && ").every(holds);
    const name = /^length\((\w+)\) > 0$/.exec(condition)?.[1] ?? /^(\w+) != ""$/.exec(condition)?.[1];
    if (name === undefined) throw new Error(`the test cannot judge ${condition}`);
    return value(name).length > 0;
  };
  const text = template
    .replaceAll(/%\{ if (.*?) \}([^]*?)%\{ endif \}/g, (_, condition: string, body: string) => (holds(condition) ? body : ""))
    .replaceAll(/\$\{jsonencode\(\[for name in (\w+) : "(.*)"\]\)\}/g, (_, list: string, each: string) =>
      JSON.stringify([value(list)].flat().map((name) => each.replaceAll("${name}", name))),
    )
    .replaceAll(/\$\{jsonencode\((\w+)\)\}/g, (_, name: string) => JSON.stringify(value(name)))
    .replaceAll(/\$\{(\w+)\}/g, (_, name: string) => String(value(name)));
  return JSON.parse(text);
}

function configWith(overrides: object): OperatorConfig {
  return operatorConfigFile.parse({ ...DEV, ...overrides });
}

const KMS = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000";
const reading = (...existingRepositories: string[]) => [{ ...DEV.tenancy[0], existingRepositories }];
const NO_POLICIES = { ...DEV.identity, allowedBoundaryArns: [], allowedManagedPolicyArns: [] };

test.each([
  ["the development configuration", DEV],
  ["no managed policies and one boundary", configWith({ identity: NO_POLICIES })],
  ["repositories of others, below a prefix", configWith({ tenancy: reading("shared/*", "a/b"), registry: { repositoryPrefix: "prod/" } })],
  ["every repository another's", configWith({ registry: { mode: "Existing" } })],
  [
    "every repository another's, and some beside the prefix",
    configWith({ tenancy: reading("shared/*"), registry: { mode: "Existing", repositoryPrefix: "prod/" } }),
  ],
  ["a key of its own", configWith({ registry: { encryption: { type: "KMS", kmsKey: KMS } } })],
  [
    "everything",
    configWith({ tenancy: reading("a/b"), registry: { repositoryPrefix: "prod/", encryption: { type: "KMS", kmsKey: KMS } } }),
  ],
  ["IRSA alone", configWith({ identity: { ...DEV.identity, modes: ["IRSA"] } })],
  ["Pod Identity alone", configWith({ identity: { ...DEV.identity, default: "PodIdentity", modes: ["PodIdentity"] } })],
  ["nothing, in another partition", configWith({ identity: NO_POLICIES, cluster: { ...DEV.cluster, region: "cn-north-1" } })],
])("%s: the module's policy is the code's", (_, config) => {
  expect(render(templateOf(config), variablesOf(config))).toEqual(JSON.parse(renderOperatorPolicy(config)));
});

/** As main.tf has them, for the policy of App Mesh. */
function meshVariablesOf(config: OperatorConfig): Variables {
  const { region, accountId, name } = config.cluster;
  return {
    partition: partitionOf(region).partition,
    account_id: accountId,
    region,
    cluster: name,
    cluster_domain: config.network.clusterDomain,
    mesh_name: config.mesh.appMesh?.meshName ?? "",
  };
}

test.each([
  ["the development configuration", DEV],
  [
    "another partition and mesh",
    configWith({
      cluster: { ...DEV.cluster, region: "cn-north-1" },
      network: { ...DEV.network, clusterDomain: "corp.example" },
      mesh: { appMesh: { ...DEV.mesh.appMesh, meshName: "m" } },
    }),
  ],
])("%s: the module's policy for App Mesh is the code's", (_, config) => {
  const template = readFileSync(join(ROOT, "terraform/operator/policy-app-mesh.json.tftpl"), "utf8");
  expect(render(template, meshVariablesOf(config))).toEqual(JSON.parse(renderAppMeshPolicy(config) ?? ""));
});

/** As main.tf has them, for the policy of Amazon Managed Service for Prometheus. */
function workspaceVariablesOf(config: OperatorConfig, budgets_arn = ""): Variables {
  const { region, name } = config.cluster;
  const workspace_arn = config.slos.workspaceArn ?? "";
  return { region, cluster: name, workspace_arn, rules_arn: workspace_arn.replace(":workspace/", ":rulegroupsnamespace/"), budgets_arn };
}

const ASKED = { url: "https://aps-workspaces.eu-central-1.amazonaws.com/workspaces/ws-2", authorization: { mode: "SigV4" } };
const ASKED_ARN = "arn:aws:aps:eu-central-1:111122223333:workspace/ws-2";

test.each([
  ["a workspace of the cluster's region", configWith({ slos: { workspaceArn: EXAMPLE_WORKSPACE } })],
  [
    "another partition and region",
    configWith({
      cluster: { ...DEV.cluster, region: "cn-north-1" },
      slos: { workspaceArn: "arn:aws-cn:aps:cn-northwest-1:111122223333:workspace/ws-1" },
    }),
  ],
  ["one that is asked alone", configWith({ slos: { prometheus: ASKED } }), ASKED_ARN],
  ["one for rules and one that is asked", configWith({ slos: { workspaceArn: EXAMPLE_WORKSPACE, prometheus: ASKED } }), ASKED_ARN],
])("%s: the module's policy for Amazon Managed Service for Prometheus is the code's", (_, config, asked?: string) => {
  const template = readFileSync(join(ROOT, "terraform/operator/policy-managed-prometheus.json.tftpl"), "utf8");
  expect(render(template, workspaceVariablesOf(config, asked))).toEqual(JSON.parse(renderManagedPrometheusPolicy(config) ?? ""));
});

test("without a workspace there is no policy for one", () => {
  expect(renderManagedPrometheusPolicy(DEV)).toBeUndefined();
});

test("App Mesh needs no policy where it is not, or is no more", () => {
  expect(renderAppMeshPolicy(configWith({ mesh: {} }))).toBeUndefined();
  expect(renderAppMeshPolicy(configWith({ mesh: { appMesh: { ...DEV.mesh.appMesh, retired: true } } }))).toBeUndefined();
});

test("of the development configuration it is config/iam/operator-policy.json", () => {
  const committed: unknown = JSON.parse(readFileSync(join(ROOT, "config/iam/operator-policy.json"), "utf8"));
  expect(render(templateOf(DEV), variablesOf(DEV))).toEqual(committed);
});

const MODULE = join(ROOT, "terraform/operator");
/** Terraform's own parser. Not by an import: its types bring the DOM's with them, into every file. */
const { convertFiles }: { readonly convertFiles: (folder: string) => Promise<unknown> } = createRequire(import.meta.url)("@cdktn/hcl2json");
const block = z.record(z.string(), z.unknown());
/** As it reads the module. Expressions are texts in `${}`; every block is in a list. */
const terraform = z
  .object({
    locals: z.array(z.record(z.string(), z.string())),
    variable: z.record(z.string(), z.tuple([block])),
    output: z.record(z.string(), z.tuple([block])),
    resource: z.record(z.string(), z.record(z.string(), z.tuple([block]))),
  })
  .parse(await convertFiles(MODULE));
const text = JSON.stringify(terraform);
const locals = Object.assign({}, ...terraform.locals);

function resource(type: string, name: string): z.output<typeof block> | undefined {
  return terraform.resource[type]?.[name]?.[0];
}

function namesIn(pattern: RegExp): readonly string[] {
  return sortedUnique([...text.matchAll(pattern)].map(([, name = ""]) => name));
}

test("the module declares every variable and local that it reads, and reads each", () => {
  expect(namesIn(/\bvar\.(\w+)/g)).toEqual(sortedUnique(Object.keys(terraform.variable)));
  expect(namesIn(/\blocal\.(\w+)/g)).toEqual(sortedUnique(Object.keys(locals)));
});

test.each([
  ["policy", "${local.template}", variablesOf(DEV)],
  ["app_mesh_policy", "policy-app-mesh.json.tftpl", meshVariablesOf(DEV)],
  ["managed_prometheus_policy", "policy-managed-prometheus.json.tftpl", workspaceVariablesOf(DEV)],
  ["services_boundary", "services-boundary.json.tftpl", boundaryVariablesOf(DEV, [])],
])("local.%s gives %s the variables that this test gives it, in its order, and no other", (name, template, variables) => {
  const [, file, given = ""] =
    /^\$\{jsonencode\(jsondecode\(templatefile\("\$\{path\.module\}\/(.*?)", \{([^]*)\}\)\)\)\}$/.exec(locals[name]) ?? [];
  expect(file).toBe(template);
  expect([...given.matchAll(/^ +(\w+) +=/gm)].map(([, key]) => key)).toEqual(Object.keys(variables));
});

test("the role is assumed by the operator's ServiceAccount alone, and has every policy", () => {
  expect(resource("aws_iam_role", "operator")).toMatchObject({ permissions_boundary: "${var.operator_permissions_boundary_arn}" });
  const trust = String(resource("aws_iam_role", "operator")?.["assume_role_policy"]);
  expect(trust).toContain('"${local.issuer}:sub" = "system:serviceaccount:${var.service_account.namespace}:${var.service_account.name}"');
  expect(trust).toContain('"${local.issuer}:aud" = "sts.amazonaws.com"');
  const attached = { role: "${aws_iam_role.operator.name}" };
  expect(terraform.resource["aws_iam_role_policy_attachment"]).toEqual({
    operator: [{ ...attached, policy_arn: "${aws_iam_policy.operator.arn}" }],
    app_mesh: [{ ...attached, count: '${var.app_mesh_name == "" ? 0 : 1}', policy_arn: "${aws_iam_policy.app_mesh[0].arn}" }],
    managed_prometheus: [
      {
        ...attached,
        count: "${local.managed_prometheus ? 1 : 0}",
        policy_arn: "${aws_iam_policy.managed_prometheus[0].arn}",
      },
    ],
  });
  expect(resource("aws_iam_policy", "operator")).toMatchObject({ policy: "${local.policy}" });
  expect(resource("aws_iam_policy", "app_mesh")).toMatchObject({ policy: "${local.app_mesh_policy}" });
  expect(resource("aws_iam_policy", "managed_prometheus")).toMatchObject({ policy: "${local.managed_prometheus_policy}" });
});

/** As main.tf has them, for the boundary of services. */
function boundaryVariablesOf({ cluster: { region, accountId } }: OperatorConfig, actions: readonly string[]): Variables {
  return { partition: partitionOf(region).partition, account_id: accountId, actions };
}

describe("the boundary of services", () => {
  const template = readFileSync(join(MODULE, "services-boundary.json.tftpl"), "utf8");

  test.each<[string, OperatorConfig, readonly string[]]>([
    ["everything", DEV, ["*"]],
    ["some services, in another partition", configWith({ cluster: { ...DEV.cluster, region: "cn-north-1" } }), ["dynamodb:*", "s3:*"]],
  ])("that allows %s is the code's", (_, config, actions) => {
    expect(render(template, boundaryVariablesOf(config, actions))).toEqual(JSON.parse(renderServicesBoundary(config, actions)));
  });

  test("is created only where that is asked for, and is then among those that the operator may put on a role", () => {
    expect(terraform.variable["create_services_boundary"]).toEqual([expect.objectContaining({ default: false })]);
    expect(resource("aws_iam_policy", "services_boundary")).toMatchObject({
      count: "${var.create_services_boundary ? 1 : 0}",
      name: "${var.name}-services-boundary",
      policy: "${local.services_boundary}",
    });
    expect(locals.boundaries).toBe(
      "${sort(distinct(concat(local.written, aws_iam_policy.services_boundary[*].arn, var.allowed_boundary_arns)))}",
    );
    expect(terraform.output["services_boundary_arn"]).toEqual([
      expect.objectContaining({ value: "${one(aws_iam_policy.services_boundary[*].arn)}" }),
    ]);
  });

  test("without it and without one that is named the module is refused", () => {
    expect(terraform.variable["permissions_boundary_arn"]).toEqual([expect.objectContaining({ default: null })]);
    expect(resource("aws_iam_policy", "operator")).toMatchObject({
      lifecycle: [{ precondition: [{ condition: "${length(local.boundaries) > 0}" }] }],
    });
  });

  const ALL = parsePolicy({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] });
  /** What a role may that is allowed everything but for its boundary. */
  function decide(
    action: string,
    resourceArn = "*",
    keys: Readonly<Record<string, string>> = {},
    actions: readonly string[] = ["*"],
  ): string {
    const boundary = parsePolicy(JSON.parse(renderServicesBoundary(DEV, actions)));
    const request = {
      action,
      resource: resourceArn,
      keys: new Map(Object.entries(keys).map(([key, value]) => [key.toLowerCase(), [value]])),
    };
    return evaluateGrants({ identity: [ALL], limits: [boundary] }, request).effect;
  }
  const OTHERS = "arn:aws:iam::111122223333:role/others/a";
  const OF_A_SERVICE = "arn:aws:iam::111122223333:role/platform-operator/eu-west-1.demo/a";
  const TO_ECS = { "iam:PassedToService": "ecs-tasks.amazonaws.com" };

  test.each<[string, string?, Readonly<Record<string, string>>?]>([
    ["dynamodb:GetItem"],
    ["s3:PutObject"],
    ["kms:Decrypt"],
    ["appmesh:StreamAggregatedResources"],
    ["xray:PutTraceSegments"],
    ["sts:AssumeRole", OTHERS],
    ["sts:TagSession", OTHERS],
    ["sts:GetCallerIdentity"],
    ["iam:PassRole", OTHERS, TO_ECS],
    ["eks:DescribeCluster"],
  ])("leaves a service %s", (action, arn, keys) => {
    expect(decide(action, arn, keys)).toBe("allow");
  });

  test.each<[string, string?, Readonly<Record<string, string>>?]>([
    ["iam:CreateUser"],
    ["iam:GetRole", OF_A_SERVICE],
    ["iam:DeleteRolePermissionsBoundary", OF_A_SERVICE],
    ["iam:PutRolePermissionsBoundary", OF_A_SERVICE],
    ["iam:CreatePolicyVersion", "arn:aws:iam::111122223333:policy/platform-operator-services-boundary"],
    ["iam:SetDefaultPolicyVersion", "arn:aws:iam::111122223333:policy/platform-operator-services-boundary"],
    ["iam:PassRole", OTHERS],
    ["iam:PassRole", OF_A_SERVICE, TO_ECS],
    ["organizations:LeaveOrganization"],
    ["account:PutAlternateContact"],
    ["sso:CreateAccountAssignment"],
    ["sts:GetFederationToken"],
    ["eks:CreateAccessEntry"],
    ["eks:CreatePodIdentityAssociation"],
  ])("denies it %s, whatever allows it", (action, arn, keys) => {
    expect(decide(action, arn, keys)).toBe("explicitDeny");
  });

  test("tells iam:PassRole from the rest of IAM by a key that no other action has", () => {
    const withKey = Object.entries(catalogue.services.iam.actions).filter(([, { keys }]) =>
      keys.some((key) => key === "iam:PassedToService"),
    );
    expect(withKey.map(([action]) => action)).toEqual(["PassRole"]);
  });

  test("can be narrowed to some actions", () => {
    expect(decide("s3:GetObject", "*", {}, ["s3:*"])).toBe("allow");
    expect(decide("dynamodb:GetItem", "*", {}, ["s3:*"])).toBe("implicitDeny");
    expect(decide("iam:CreateUser", "*", {}, ["iam:*"])).toBe("explicitDeny");
  });

  test("of the development configuration is config/iam/services-boundary.json", () => {
    const committed: unknown = JSON.parse(readFileSync(join(ROOT, "config/iam/services-boundary.json"), "utf8"));
    expect(render(template, boundaryVariablesOf(DEV, ["*"]))).toEqual(committed);
  });
});
