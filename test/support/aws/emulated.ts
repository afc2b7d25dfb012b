import { AmpClient } from "@aws-sdk/client-amp";
import { AppMeshClient, CreateMeshCommand } from "@aws-sdk/client-app-mesh";
import { ECRClient } from "@aws-sdk/client-ecr";
import { EKSClient } from "@aws-sdk/client-eks";
import { CreateOpenIDConnectProviderCommand, CreatePolicyCommand, IAMClient } from "@aws-sdk/client-iam";
import { EmulatorAdmin } from "../../../emulator/admin-client.ts";
import type { EmulatorOptions, Switches } from "../../../emulator/options.ts";
import { startEmulator } from "../../../emulator/server.ts";
import { createAws, type AwsConnection } from "../../../src/aws/aws.ts";
import { workspaceOf } from "../../../src/crds/aws-names.ts";
import type { OperatorConfig } from "../../../src/crds/operator-config.ts";
import { systemClock } from "../../../src/kube/clock.ts";
import type { Fence } from "../../../src/reconcilers/ports.ts";
import { allOfOperator } from "../../../src/resources/iam/operator-policy.ts";
import { METRICS_POLICY, operatorConfig } from "./operator-config.ts";
import { Recorder } from "./recorder.ts";

const ADMIN = { accessKeyId: "AKIAADMIN00000000000", secretAccessKey: "admin" };
/** The operator's access key; whoever holds it has the rights of config/iam/operator-policy.json. */
export const OPERATOR = { accessKeyId: "AKIAOPERATOR00000000", secretAccessKey: "operator" };

/** An AWS account with the operator's connection to it, under the operator's own policy, and clients of somebody who may do anything. */
export interface EmulatedAws {
  readonly config: OperatorConfig;
  readonly operator: AwsConnection;
  /** Another of the operator's connections, behind a fence; `operator` has none. */
  behind(fence: Fence): AwsConnection;
  /** What the operator's connection sent. */
  readonly recorder: Recorder;
  /** Faults, counters and what of the operator's policy was used. */
  readonly emulator: EmulatorAdmin;
  readonly iam: IAMClient;
  readonly ecr: ECRClient;
  readonly eks: EKSClient;
  readonly appMesh: AppMeshClient;
  readonly amp: AmpClient;
  close(): Promise<void>;
}

/** Starts it with the cluster's OIDC provider, the boundary, METRICS_POLICY, the mesh and the workspace of the configuration, as Terraform leaves an account; `overrides` are whole blocks of the configuration. */
export async function emulatedAws(
  overrides: object = {},
  switches: Partial<Switches> = {},
  {
    without,
    ...options
  }: Pick<EmulatorOptions, "quotas" | "clock"> & { /** A statement that the operator's policy lacks. */ readonly without?: string } = {},
): Promise<EmulatedAws> {
  const { cluster, identity } = operatorConfig();
  const { accountId, region } = cluster;
  const whole = allOfOperator(operatorConfig(undefined, overrides));
  const emulator = await startEmulator({
    accountId,
    region,
    switches,
    ...options,
    clusters: [{ name: cluster.name, oidcIssuer: cluster.oidcIssuer }],
    workspaces: [workspaceOf(operatorConfig(undefined, overrides))].flatMap((workspace) => workspace?.id ?? []),
    principals: [
      { accessKeyId: ADMIN.accessKeyId, arn: `arn:aws:iam::${accountId}:user/admin` },
      {
        accessKeyId: OPERATOR.accessKeyId,
        arn: `arn:aws:iam::${accountId}:role/platform-operator`,
        policy: without === undefined ? whole : { ...whole, Statement: whole.Statement.filter(({ Sid }) => Sid !== without) },
      },
    ],
  });
  const config = operatorConfig(emulator.url, overrides);
  const admin = { region, endpoint: emulator.url, credentials: ADMIN };
  const iam = new IAMClient(admin);
  await iam.send(new CreateOpenIDConnectProviderCommand({ Url: cluster.oidcIssuer, ClientIDList: ["sts.amazonaws.com"] }));
  for (const arn of [identity.permissionsBoundaryArn, METRICS_POLICY])
    await iam.send(new CreatePolicyCommand({ PolicyName: arn.replace(/.*\//, ""), PolicyDocument: ANYTHING }));
  const appMesh = new AppMeshClient(admin);
  const { appMesh: mesh } = config.mesh;
  if (mesh !== null) await appMesh.send(new CreateMeshCommand({ meshName: mesh.meshName }));
  const recorder = new Recorder();
  const ofOperator = { version: "test", clock: systemClock, observer: recorder, credentials: OPERATOR };
  const operator = createAws(config, ofOperator);
  const ecr = new ECRClient(admin);
  const eks = new EKSClient(admin);
  const amp = new AmpClient(admin);
  return {
    config,
    operator,
    behind: (fence) => createAws(config, { ...ofOperator, fence }),
    recorder,
    emulator: new EmulatorAdmin(emulator.url),
    iam,
    ecr,
    eks,
    appMesh,
    amp,
    async close() {
      await operator.close();
      iam.destroy();
      ecr.destroy();
      eks.destroy();
      appMesh.destroy();
      amp.destroy();
      await emulator.close();
    },
  };
}

/** A policy document that allows everything. */
export const ANYTHING = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] });
