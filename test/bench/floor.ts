import { readFileSync } from "node:fs";
import {
  AppMeshClient,
  CreateRouteCommand,
  CreateVirtualNodeCommand,
  CreateVirtualRouterCommand,
  CreateVirtualServiceCommand,
  type CreateRouteCommandInput,
  type CreateVirtualNodeCommandInput,
  type CreateVirtualRouterCommandInput,
  type CreateVirtualServiceCommandInput,
} from "@aws-sdk/client-app-mesh";
import {
  CreateRepositoryCommand,
  ECRClient,
  PutImageCommand,
  PutLifecyclePolicyCommand,
  type CreateRepositoryCommandInput,
  type PutImageCommandInput,
  type PutLifecyclePolicyCommandInput,
} from "@aws-sdk/client-ecr";
import { CreatePodIdentityAssociationCommand, EKSClient, type CreatePodIdentityAssociationCommandInput } from "@aws-sdk/client-eks";
import {
  CreateRoleCommand,
  IAMClient,
  PutRolePolicyCommand,
  type CreateRoleCommandInput,
  type PutRolePolicyCommandInput,
} from "@aws-sdk/client-iam";
import { adminClient } from "../../src/cli/environment.ts";
import { readConfigFile } from "../../src/config.ts";
import { systemClock } from "../../src/kube/clock.ts";
import { loadKubeConfig } from "../../src/kube/kubeconfig.ts";
import { createTransport } from "../../src/kube/transport.ts";
import { inParallel } from "./parallel.ts";
import type { KubeWrite } from "./plan.ts";

/**
 * `node floor.ts PLAN KUBECONFIG CONFIG AWS_URL`: writes a plan (planOf) and does nothing else, by the clients that the operator has. Says when it is ready to, begins at
 * the first byte of standard input, and prints the seconds of a core that it took.
 */

type AwsWrite =
  | { readonly operation: "CreateRole"; readonly input: CreateRoleCommandInput }
  | { readonly operation: "PutRolePolicy"; readonly input: PutRolePolicyCommandInput }
  | { readonly operation: "CreatePodIdentityAssociation"; readonly input: CreatePodIdentityAssociationCommandInput }
  | { readonly operation: "CreateRepository"; readonly input: CreateRepositoryCommandInput }
  | { readonly operation: "PutLifecyclePolicy"; readonly input: PutLifecyclePolicyCommandInput }
  | { readonly operation: "PutImage"; readonly input: PutImageCommandInput }
  | { readonly operation: "CreateVirtualNode"; readonly input: CreateVirtualNodeCommandInput }
  | { readonly operation: "CreateVirtualRouter"; readonly input: CreateVirtualRouterCommandInput }
  | { readonly operation: "CreateRoute"; readonly input: CreateRouteCommandInput }
  | { readonly operation: "CreateVirtualService"; readonly input: CreateVirtualServiceCommandInput };

interface Job {
  readonly aws: readonly AwsWrite[];
  readonly kube: readonly KubeWrite[];
}

const [, , planFile = "", kubeconfig = "", configFile = "", awsUrl = ""] = process.argv;
const jobs: readonly Job[] = JSON.parse(readFileSync(planFile, "utf8"));
const transport = createTransport(loadKubeConfig(kubeconfig), { version: "floor", clock: systemClock });
const options = adminClient(readConfigFile(configFile), awsUrl);
const iam = new IAMClient(options);
const ecr = new ECRClient(options);
const eks = new EKSClient(options);
const appMesh = new AppMeshClient(options);

function send({ operation, input }: AwsWrite): Promise<unknown> {
  switch (operation) {
    case "CreateRole":
      return iam.send(new CreateRoleCommand(input));
    case "PutRolePolicy":
      return iam.send(new PutRolePolicyCommand(input));
    case "CreatePodIdentityAssociation":
      return eks.send(new CreatePodIdentityAssociationCommand(input));
    case "CreateRepository":
      return ecr.send(new CreateRepositoryCommand(input));
    case "PutLifecyclePolicy":
      return ecr.send(new PutLifecyclePolicyCommand(input));
    case "PutImage":
      return ecr.send(new PutImageCommand(input));
    case "CreateVirtualNode":
      return appMesh.send(new CreateVirtualNodeCommand(input));
    case "CreateVirtualRouter":
      return appMesh.send(new CreateVirtualRouterCommand(input));
    case "CreateRoute":
      return appMesh.send(new CreateRouteCommand(input));
    case "CreateVirtualService":
      return appMesh.send(new CreateVirtualServiceCommand(input));
    default:
      operation satisfies never;
      throw new Error(`the floor does not know ${JSON.stringify(operation)}`);
  }
}

console.log("ready");
await new Promise((resolve) => process.stdin.once("data", resolve));
const before = process.cpuUsage();
await inParallel(jobs, async ({ aws, kube }) => {
  for (const write of aws) await send(write);
  for (const { object, ...target } of kube) await transport.apply(target, object, { force: true });
});
const { user, system } = process.cpuUsage(before);
console.log(String((user + system) / 1e6));
process.exit();
