import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppMeshClient, CreateMeshCommand } from "@aws-sdk/client-app-mesh";
import { CreateOpenIDConnectProviderCommand, CreatePolicyCommand, IAMClient } from "@aws-sdk/client-iam";
import { writeKubeconfig } from "../../controlplane/credentials.ts";
import { applyCrds, KubectlError } from "../../controlplane/kubectl.ts";
import { addNodePools, addNodes, GENERAL_POOL, nodesOf, PAYMENTS_POOL } from "../../controlplane/nodes.ts";
import { waitUntil } from "../../controlplane/readiness.ts";
import { startControlPlane, type ControlPlane } from "../../controlplane/start.ts";
import { thirdPartyCrds } from "../../controlplane/third-party.ts";
import type { EmulatorOptions } from "../../emulator/options.ts";
import { startEmulator, type Emulator } from "../../emulator/server.ts";
import { readConfigFile } from "../config.ts";
import { workspaceOf } from "../crds/aws-names.ts";
import { API_VERSION } from "../crds/meta.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import { allOfOperator } from "../resources/iam/operator-policy.ts";
import { ADMIN_KEY, OPERATOR_KEY, ROOT, SECRET_KEY } from "./keys.ts";
import { startOperator, type OperatorProcess } from "./operator-process.ts";

/** A whole platform on one machine: control plane with nodes, AWS emulator, and the operator as a process under its own rights. */

export const DEV_CONFIG = join(ROOT, "config/dev/operator-config.yaml");
/** Of the chart's admission policies that which has nothing of a configuration in it. */
const FINALIZER_POLICY = join(ROOT, "charts/platform-operator/files/finalizer-policy.yaml");

export interface EnvironmentOptions {
  /** Of the operator; default config/dev/operator-config.yaml. */
  readonly configFile?: string;
  readonly audit?: boolean;
  /** More flags for kube-apiserver. */
  readonly apiServerFlags?: readonly string[];
  /** Told what happens, a line at a time. */
  readonly log: (line: string) => void;
}

export interface Environment {
  readonly plane: ControlPlane;
  readonly emulator: Emulator;
  readonly operator: OperatorProcess;
  readonly config: OperatorConfig;
  readonly configFile: string;
  /** Kubeconfig of the operator's ServiceAccount. */
  readonly operatorKubeconfig: string;
  stop(): Promise<void>;
}

/** Starts everything; on a failure what was started is ended. */
export async function startEnvironment(options: EnvironmentOptions): Promise<Environment> {
  const { log } = options;
  const configFile = options.configFile ?? DEV_CONFIG;
  const config = readConfigFile(configFile);
  const started = new AsyncDisposableStack();
  // What fails to end keeps nothing else running.
  const stop = (): Promise<void> => started.disposeAsync();
  try {
    const plane = await startControlPlane({ audit: options.audit ?? false, apiServerFlags: options.apiServerFlags ?? [], log });
    started.defer(() => plane.stop());
    await installPlatform(plane);
    log("nodes, NodePools, CustomResourceDefinitions, tiers and the operator's ClusterRole are in place");
    const emulator = await startAws(config);
    started.defer(() => emulator.close());
    log(`AWS emulator at ${emulator.url}`);
    const operatorKubeconfig = await operatorAccess(plane);
    const operator = await startOperator({ dir: plane.dir, configFile, kubeconfig: operatorKubeconfig, awsEndpoint: emulator.url });
    started.defer(() => operator.stop());
    log(`operator ready, metrics at ${operator.telemetryUrl}/metrics`);
    // Last: the seconds that a policy needs, from the CustomResourceDefinition on, until it can be in force pass meanwhile.
    await installFinalizerPolicy(plane);
    return { plane, emulator, operator, config, configFile, operatorKubeconfig, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const THIRD_PARTY_APIS = ["istio", "gatewayApi", "karpenter", "certManager", "prometheusOperator"] as const;

/** What a platform team has before it installs the operator: nodes for every pool, the APIs of others, stand-ins for Istio; then our own. */
export async function installPlatform(plane: ControlPlane): Promise<void> {
  await installThirdParties(plane);
  await installOurs(plane);
}

/** The APIs of Istio, Gateway API, Karpenter and the Prometheus operator, and a NodePool for every pool of the tiers. */
export async function installThirdParties(plane: ControlPlane): Promise<void> {
  await applyCrds(plane.kubectl, await thirdPartyCrds(THIRD_PARTY_APIS, process.env));
  await addNodePools(plane, [GENERAL_POOL, PAYMENTS_POOL]);
}

/** Nodes, stand-ins for Istio, and what the operator itself needs. */
export async function installOurs(plane: ControlPlane): Promise<void> {
  await installNodes(plane);
  await installDefinitions(plane);
}

/** What the operator itself needs: its CustomResourceDefinitions, tiers and rights. */
export async function installDefinitions(plane: ControlPlane): Promise<void> {
  await applyCrds(plane.kubectl, filesIn("config/crd"));
  for (const folder of ["config/tiers", "config/rbac"]) await plane.kubectl(["apply", "-f", join(ROOT, folder)]);
}

const POLICY_DEADLINE_MS = 60_000;
/** Never stored: what a PlatformService has to have. */
const A_SERVICE = {
  apiVersion: API_VERSION,
  kind: "PlatformService",
  metadata: { name: "probe", namespace: "default" },
  spec: { owner: "platform", tier: "tier-2", image: { tag: "1" }, port: 8080 },
};

/**
 * Has the API server put the finalizer on what is created, and waits until it does. For the first seconds of a CustomResourceDefinition it answers
 * what a policy of this kind matches with 503, whatever its failurePolicy: it looks for new definitions every 5 s
 * (k8s.io/apiserver, admission/plugin/policy/mutating/patch/typeconverter.go).
 */
export async function installFinalizerPolicy(plane: Pick<ControlPlane, "kubectl" | "broken">): Promise<void> {
  await plane.kubectl(["apply", "-f", FINALIZER_POLICY]);
  const probe = async (): Promise<boolean> => {
    try {
      const args = ["create", "--dry-run=server", "-o", "jsonpath={.metadata.finalizers}", "-f", "-"];
      return (await plane.kubectl(args, { input: JSON.stringify(A_SERVICE) })) !== "";
    } catch (error) {
      if (error instanceof KubectlError && error.message.includes("(ServiceUnavailable)")) return false;
      throw error;
    }
  };
  await waitUntil({ what: "the finalizer's policy", deadlineMs: POLICY_DEADLINE_MS, broken: plane.broken, probe });
}

/** Nodes of every pool, and stand-ins for Istio: what pods of a service need. */
export async function installNodes(plane: ControlPlane): Promise<void> {
  await addNodes(plane, [...nodesOf(GENERAL_POOL), ...nodesOf(PAYMENTS_POOL)]);
  await plane.kubectl(["apply", "-f", join(ROOT, "config/dev/istio-stand-in.yaml")]);
}

/** Of the operator: those of its replicas may differ in their last digits, so that AWS tells them apart. */
const OPERATOR_KEYS = OPERATOR_KEY.replace(/0+$/, "*");

/** An account with the cluster's OIDC provider, the boundaries, the managed policies that services may name and the mesh, as Terraform leaves it. A state file that exists has them already. */
export async function startAws(
  config: OperatorConfig,
  options: Pick<EmulatorOptions, "port" | "stateFile" | "observer" | "quotas" | "firstImages"> = {},
): Promise<Emulator> {
  const { accountId, region, oidcIssuer } = config.cluster;
  const furnished = options.stateFile !== undefined && existsSync(options.stateFile);
  const emulator = await startEmulator({
    ...options,
    accountId,
    region,
    clusters: [{ name: config.cluster.name, oidcIssuer }],
    workspaces: [workspaceOf(config)].flatMap((workspace) => workspace?.id ?? []),
    switches: { skewedClock: "refuse" },
    principals: [
      { accessKeyId: ADMIN_KEY, arn: `arn:aws:iam::${accountId}:user/admin` },
      {
        accessKeyId: OPERATOR_KEYS,
        arn: `arn:aws:iam::${accountId}:role/platform-operator`,
        policy: allOfOperator(config),
      },
    ],
  });
  if (furnished) return emulator;
  const iam = adminIam(config, emulator.url);
  await iam.send(
    new CreateOpenIDConnectProviderCommand({ Url: oidcIssuer, ClientIDList: ["sts.amazonaws.com"], ThumbprintList: ["0".repeat(40)] }),
  );
  const { permissionsBoundaryArn, allowedBoundaryArns, allowedManagedPolicyArns } = config.identity;
  await createPolicies(iam, [permissionsBoundaryArn, ...allowedBoundaryArns], "config/dev/boundary-policy.json");
  const ofAccount = allowedManagedPolicyArns.filter((arn) => arn.includes(`:${accountId}:`));
  await createPolicies(iam, ofAccount, "config/dev/metrics-policy.json");
  iam.destroy();
  await createMesh(config, emulator.url);
  return emulator;
}

/** The mesh that the configuration names: what services may call is for their NetworkPolicies. */
async function createMesh(config: OperatorConfig, endpoint: string): Promise<void> {
  if (config.mesh.appMesh === null) return;
  const appMesh = new AppMeshClient(adminClient(config, endpoint));
  await appMesh.send(new CreateMeshCommand({ meshName: config.mesh.appMesh.meshName, spec: { egressFilter: { type: "ALLOW_ALL" } } }));
  appMesh.destroy();
}

async function createPolicies(iam: IAMClient, arns: readonly string[], file: string): Promise<void> {
  const PolicyDocument = await readFile(join(ROOT, file), "utf8");
  for (const arn of arns) await iam.send(new CreatePolicyCommand({ PolicyName: arn.slice(arn.lastIndexOf("/") + 1), PolicyDocument }));
}

/** An IAM client that is not the operator's. */
export function adminIam(config: OperatorConfig, endpoint: string): IAMClient {
  return new IAMClient(adminClient(config, endpoint));
}

/** Options of any AWS client that is not the operator's. */
export function adminClient(config: OperatorConfig, endpoint: string) {
  return { region: config.cluster.region, endpoint, credentials: { accessKeyId: ADMIN_KEY, secretAccessKey: SECRET_KEY } };
}

const OPERATOR_NAMESPACE = "platform-system";
const OPERATOR_ACCOUNT = "platform-operator";

/** A kubeconfig for the operator's ServiceAccount: it runs under config/rbac, never as admin. */
export async function operatorAccess(
  plane: Pick<ControlPlane, "kubectl" | "url" | "caFile" | "dir">,
  file = join(plane.dir, "operator.kubeconfig"),
): Promise<string> {
  const token = await plane.kubectl(["create", "token", OPERATOR_ACCOUNT, "-n", OPERATOR_NAMESPACE, "--duration=24h"]);
  return writeKubeconfig({ file, url: plane.url, caFile: plane.caFile, user: OPERATOR_ACCOUNT, token: token.trim() });
}

function filesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder))
    .toSorted()
    .map((name) => join(ROOT, folder, name));
}
