import { AppMeshClient } from "@aws-sdk/client-app-mesh";
import { ECRClient } from "@aws-sdk/client-ecr";
import { EKSClient } from "@aws-sdk/client-eks";
import { IAMClient } from "@aws-sdk/client-iam";
import { inject } from "vitest";
import { kubectlFor, type Kubectl } from "../../controlplane/kubectl.ts";
import { adminClient, type Environment } from "../../src/cli/environment.ts";
import { pushImage } from "../../src/cli/image.ts";
import type { OperatorProcess } from "../../src/cli/operator-process.ts";
import { condition, isReady, watchServices, type ServiceWatch } from "../../src/cli/service-watch.ts";
import { readConfigFile } from "../../src/config.ts";
import { keyString, type ObjectKey } from "../../src/crds/meta.ts";
import type { OperatorConfig } from "../../src/crds/operator-config.ts";
import type { PlatformService } from "../../src/crds/platform-service.ts";
import type { SharedClusterInfo } from "./cluster.ts";

/** A platform with the operator running, as a test sees it: as an administrator of the cluster and of the account, never as the operator. */

export interface PlatformInfo extends SharedClusterInfo {
  readonly awsEndpoint: string;
  readonly telemetryUrl: string;
  readonly operatorLogFile: string;
  readonly operatorKubeconfig: string;
  readonly configFile: string;
}

declare module "vitest" {
  interface ProvidedContext {
    readonly platform: PlatformInfo;
  }
}

/** How long a test waits for what should take a second or two; generous, since two cores may be busy with other files. */
export const PATIENCE_MS = 60_000;

export class Platform {
  readonly info: PlatformInfo;
  readonly kubectl: Kubectl;
  readonly config: OperatorConfig;
  readonly iam: IAMClient;
  readonly ecr: ECRClient;
  readonly eks: EKSClient;
  readonly appMesh: AppMeshClient;
  readonly watch: ServiceWatch;

  constructor(info: PlatformInfo) {
    this.info = info;
    this.kubectl = kubectlFor(info.binDir, info.adminKubeconfig);
    this.config = readConfigFile(info.configFile);
    this.iam = new IAMClient(adminClient(this.config, info.awsEndpoint));
    this.ecr = new ECRClient(adminClient(this.config, info.awsEndpoint));
    this.eks = new EKSClient(adminClient(this.config, info.awsEndpoint));
    this.appMesh = new AppMeshClient(adminClient(this.config, info.awsEndpoint));
    this.watch = watchServices(info.adminKubeconfig);
  }

  async namespace(name: string, labels: Readonly<Record<string, string>> = {}): Promise<string> {
    await this.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels } });
    return name;
  }

  async apply(...objects: readonly object[]): Promise<void> {
    await this.kubectl(["apply", "-f", "-"], { input: JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }) });
  }

  /** Applies a PlatformService: the least that a squad writes, with `spec` over it. Resolves when the watch has seen it, so that what it was before is taken for nothing new. */
  async applyService(key: ObjectKey, spec: object = {}): Promise<void> {
    await this.apply(serviceOf(key, spec));
    const args = ["get", "psvc", key.name, "-n", key.namespace, "-o", "jsonpath={.metadata.generation}", "--ignore-not-found"];
    const generation = Number(await this.kubectl(args));
    const seen = (): boolean => (this.watch.get(key)?.metadata.generation ?? 0) >= generation;
    await this.watch.until(`${keyString(key)} is seen as it was applied`, seen, PATIENCE_MS);
  }

  /** Applies it, pushes its image once the repository is there, and waits until it is Ready. */
  async ready(key: ObjectKey, spec: object = {}): Promise<PlatformService> {
    await this.applyService(key, spec);
    await this.push(key);
    return this.untilReady(key);
  }

  /** Pushes the tag that its spec names, once its repository exists; resolves to the digest. */
  async push(key: ObjectKey, tag?: string, architectures: readonly string[] = ["amd64", "arm64"]): Promise<string> {
    await this.watch.until(`${keyString(key)} has a repository`, () => this.watch.get(key)?.status?.repository !== undefined, PATIENCE_MS);
    const service = this.watch.get(key);
    return pushImage(this.ecr, { repository: repositoryOf(service) ?? "", tag: tag ?? service?.spec.image.tag ?? "", architectures });
  }

  async untilReady(key: ObjectKey): Promise<PlatformService> {
    return this.until(key, "is Ready", isReady);
  }

  /** Waits until the condition has this status and reason at the generation that is there. */
  async untilCondition(key: ObjectKey, type: string, status: string, reason?: string): Promise<PlatformService> {
    return this.until(key, `has ${type}=${status} ${reason ?? ""}`, (service) => {
      const found = condition(service, type);
      return (
        found?.status === status &&
        (reason === undefined || found.reason === reason) &&
        found.observedGeneration === service.metadata.generation
      );
    });
  }

  async until(key: ObjectKey, what: string, predicate: (service: PlatformService) => boolean): Promise<PlatformService> {
    let found: PlatformService | undefined;
    await this.watch.until(
      `${keyString(key)} ${what}`,
      () => {
        found = this.watch.get(key);
        return found !== undefined && predicate(found);
      },
      PATIENCE_MS,
    );
    if (!found) throw new Error("unreachable");
    return found;
  }

  async untilGone(key: ObjectKey): Promise<void> {
    await this.watch.until(`${keyString(key)} is gone`, () => this.watch.get(key) === undefined, PATIENCE_MS);
  }

  /** One object, or undefined. `what` as `deployment/name`. */
  async get<T = Record<string, unknown>>(namespace: string, what: string): Promise<T | undefined> {
    const text = await this.kubectl(["get", what, "-n", namespace, "-o", "json", "--ignore-not-found"]);
    return text.trim() === "" ? undefined : JSON.parse(text);
  }

  /** Of the operator: the value of each series whose line begins so; undefined when there is none. */
  async metric(prefix: string): Promise<number | undefined> {
    const text = await (await fetch(`${this.info.telemetryUrl}/metrics`)).text();
    const line = text.split("\n").find((l) => l.startsWith(prefix));
    return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(" ") + 1));
  }

  async close(): Promise<void> {
    await this.watch.close();
    this.iam.destroy();
    this.ecr.destroy();
    this.eks.destroy();
    this.appMesh.destroy();
  }
}

/** The platform that the global set-up started. */
export function sharedPlatform(): Platform {
  return new Platform(inject("platform"));
}

/** Its repository by the name that ECR has for it, once there is one. */
export function repositoryOf(service: PlatformService | undefined): string | undefined {
  const uri = service?.status?.repository?.uri;
  return uri?.slice(uri.indexOf("/") + 1);
}

/** The least that a squad writes, with `spec` over it. */
export function serviceOf({ namespace, name }: ObjectKey, spec: object = {}): object {
  return {
    apiVersion: "platform-operator.dev/v1alpha1",
    kind: "PlatformService",
    metadata: { name, namespace },
    spec: { owner: "test-squad", tier: "tier-3", image: { tag: "1.0.0" }, port: 8080, ...spec },
  };
}

/** The platform of a file that starts an environment of its own. */
export function platformOf(environment: Environment): Platform {
  return new Platform(infoOf(environment));
}

/** What tests need of an environment, as plain data. */
export function infoOf({
  plane,
  emulator,
  operator,
  operatorKubeconfig,
  configFile,
}: Pick<Environment, "plane" | "emulator" | "operatorKubeconfig" | "configFile"> & {
  readonly operator: Pick<OperatorProcess, "telemetryUrl" | "logFile">;
}): PlatformInfo {
  return {
    url: plane.url,
    dir: plane.dir,
    binDir: plane.binDir,
    caFile: plane.caFile,
    adminKubeconfig: plane.adminKubeconfig,
    auditLogFile: plane.auditLogFile ?? "",
    awsEndpoint: emulator.url,
    telemetryUrl: operator.telemetryUrl,
    operatorLogFile: operator.logFile,
    operatorKubeconfig,
    configFile,
  };
}
