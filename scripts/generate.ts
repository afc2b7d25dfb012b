import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { stringify } from "yaml";
import { readConfigFile } from "../src/config.ts";
import { operatorConfigFile } from "../src/crds/operator-config.ts";
import { renderAppMeshPolicy } from "../src/resources/iam/app-mesh-policy.ts";
import { renderOperatorPolicy } from "../src/resources/iam/operator-policy.ts";
import { renderServicesBoundary } from "../src/resources/iam/services-boundary.ts";
import { configEditorSchema, customResourceDefinition, objectEditorSchema, PLATFORM_SERVICE, PLATFORM_TIER } from "../src/crds/to-crd.ts";
import { chartValuesSchema } from "./chart-values.ts";
import { commandLine, HELP_OPTION } from "./command-line.ts";
import { crdTemplate, priorityClassTemplate, rbacTemplate, shippedTiers } from "./charts.ts";
import { coveragePage } from "./coverage/page.ts";
import { fleetDashboard } from "./dashboards/fleet.ts";
import { serviceDashboard } from "./dashboards/service.ts";
import {
  appMeshTemplate,
  managedPrometheusPolicy,
  managedPrometheusTemplate,
  policyTemplate,
  servicesBoundaryTemplate,
} from "./terraform.ts";

/** `npm run generate`: every file that is made from the code. To add one, add it to ARTEFACTS. */

const HELP = `Usage: npm run generate [-- --check]

Writes every file that is made from the code: CRDs, JSON Schemas, the operator's IAM policies, what the charts and the Terraform module
hold of them, and docs/coverage.md. A file that is as it should be is left alone.

  --check      write nothing, and name each file that is stale
  --root DIR   the files of another folder; default this project
  --help       this text

Exit codes: 0 done, or nothing stale, 1 something is stale or cannot be made, 2 wrong usage.`;

interface Artefact {
  /** From the project's root. */
  readonly path: string;
  /** The whole file; the same text for the same code. */
  content(): string;
}

const PROJECT = join(import.meta.dirname, "..");
const DEV_CONFIG = join(PROJECT, "config/dev/operator-config.yaml");
const { values } = commandLine(HELP, () =>
  parseArgs({ options: { ...HELP_OPTION, check: { type: "boolean", default: false }, root: { type: "string", default: PROJECT } } }),
);
const { root } = values;

function yaml(value: object): string {
  return generated("src/crds", stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }));
}

function generated(source: string, text: string): string {
  return `# Made by \`npm run generate\` from ${source}. Do not edit.\n${text}`;
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

const ARTEFACTS: readonly Artefact[] = [
  { path: "config/crd/platform-operator.dev_platformservices.yaml", content: () => yaml(customResourceDefinition(PLATFORM_SERVICE)) },
  { path: "config/crd/platform-operator.dev_platformtiers.yaml", content: () => yaml(customResourceDefinition(PLATFORM_TIER)) },
  { path: "config/schema/platformservice.schema.json", content: () => json(objectEditorSchema(PLATFORM_SERVICE)) },
  { path: "config/schema/platformtier.schema.json", content: () => json(objectEditorSchema(PLATFORM_TIER)) },
  {
    path: "config/iam/operator-policy.json",
    content: () => renderOperatorPolicy(readConfigFile(DEV_CONFIG)),
  },
  { path: "config/iam/operator-policy-app-mesh.json", content: () => renderAppMeshPolicy(readConfigFile(DEV_CONFIG)) ?? "" },
  { path: "config/iam/operator-policy-managed-prometheus.json", content: () => managedPrometheusPolicy(readConfigFile(DEV_CONFIG)) },
  { path: "config/iam/services-boundary.json", content: () => renderServicesBoundary(readConfigFile(DEV_CONFIG), ["*"]) },
  { path: "terraform/operator/services-boundary.json.tftpl", content: () => servicesBoundaryTemplate(DEV_CONFIG) },
  { path: "terraform/operator/policy-app-mesh.json.tftpl", content: () => appMeshTemplate(DEV_CONFIG) },
  { path: "terraform/operator/policy-managed-prometheus.json.tftpl", content: () => managedPrometheusTemplate(DEV_CONFIG) },
  { path: "terraform/operator/policy.json.tftpl", content: () => policyTemplate(DEV_CONFIG, ["IRSA"]) },
  { path: "terraform/operator/policy-pod-identity.json.tftpl", content: () => policyTemplate(DEV_CONFIG, ["IRSA", "PodIdentity"]) },
  { path: "config/schema/operator-config.schema.json", content: () => json(configEditorSchema(operatorConfigFile)) },
  {
    path: "charts/platform-operator-crds/templates/platformservices.yaml",
    content: () => generated("src/crds", crdTemplate(PLATFORM_SERVICE)),
  },
  { path: "charts/platform-operator-crds/templates/platformtiers.yaml", content: () => generated("src/crds", crdTemplate(PLATFORM_TIER)) },
  { path: "charts/platform-operator/templates/rbac.yaml", content: () => generated("config/rbac", rbacTemplate()) },
  { path: "charts/platform-operator/templates/priority-classes.yaml", content: () => generated("config/tiers", priorityClassTemplate()) },
  { path: "charts/platform-operator/files/tiers.yaml", content: () => generated("config/tiers", shippedTiers()) },
  { path: "charts/platform-operator/dashboards/service.json", content: () => json(serviceDashboard()) },
  { path: "charts/platform-operator/dashboards/fleet.json", content: () => json(fleetDashboard()) },
  { path: "docs/coverage.md", content: coveragePage },
  { path: "charts/platform-operator/values.schema.json", content: () => json(chartValuesSchema()) },
];

async function onDisk(path: string): Promise<string | undefined> {
  try {
    return await readFile(join(root, path), "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Paths of the artefacts whose file is not what the code makes. */
async function staleArtefacts(): Promise<readonly Artefact[]> {
  const checked = await Promise.all(ARTEFACTS.map(async (artefact) => ({ artefact, current: await onDisk(artefact.path) })));
  return checked.filter(({ artefact, current }) => current !== artefact.content()).map(({ artefact }) => artefact);
}

const stale = await staleArtefacts();
if (values.check) {
  for (const { path } of stale) console.error(`${path} is stale: run npm run generate and commit it`);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  for (const artefact of stale) {
    await mkdir(dirname(join(root, artefact.path)), { recursive: true });
    await writeFile(join(root, artefact.path), artefact.content());
    console.log(`wrote ${artefact.path}`);
  }
}
