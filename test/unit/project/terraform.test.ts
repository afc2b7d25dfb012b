import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DEV_CONFIG } from "../../../src/cli/environment.ts";
import { ROOT } from "../../../src/cli/keys.ts";
import { readConfigFile } from "../../../src/config.ts";
import { partitionOf, permittedBoundaries } from "../../../src/crds/aws-names.ts";
import { operatorConfigFile, type OperatorConfig } from "../../../src/crds/operator-config.ts";
import { sortedUnique } from "../../../src/resources/order.ts";
import { renderAppMeshPolicy } from "../../../src/resources/iam/app-mesh-policy.ts";
import { renderOperatorPolicy } from "../../../src/resources/iam/operator-policy.ts";

/** The Terraform module's policy, rendered as Terraform renders it, is the policy of the code. */

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

test("App Mesh needs no policy where it is not, or is no more", () => {
  expect(renderAppMeshPolicy(configWith({ mesh: {} }))).toBeUndefined();
  expect(renderAppMeshPolicy(configWith({ mesh: { appMesh: { ...DEV.mesh.appMesh, retired: true } } }))).toBeUndefined();
});

test("of the development configuration it is config/iam/operator-policy.json", () => {
  const committed: unknown = JSON.parse(readFileSync(join(ROOT, "config/iam/operator-policy.json"), "utf8"));
  expect(render(templateOf(DEV), variablesOf(DEV))).toEqual(committed);
});

test.each([
  ["${local.template}", variablesOf(DEV)],
  ["policy-app-mesh.json.tftpl", meshVariablesOf(DEV)],
])("main.tf gives %s the variables that this test gives it, in its order, and no other", (template, variables) => {
  const main = readFileSync(join(ROOT, "terraform/operator/main.tf"), "utf8");
  const [, after = ""] = main.split(`templatefile("\${path.module}/${template}", {\n`);
  const call = /^([^]*?)\n {2}\}\)/.exec(after);
  const given = [...(call?.[1] ?? "").matchAll(/^ +(\w+) +=/gm)].map(([, name]) => name);
  expect(given).toEqual(Object.keys(variables));
});
