import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ECRClient } from "@aws-sdk/client-ecr";
import { startControlPlane, type ControlPlane } from "../../controlplane/start.ts";
import { EmulatorAdmin } from "../../emulator/admin-client.ts";
import type { FaultSubject } from "../../emulator/faults.ts";
import type { Emulator } from "../../emulator/server.ts";
import { adminClient, DEV_CONFIG, installPlatform, operatorAccess, startAws } from "../../src/cli/environment.ts";
import { startOperator, type OperatorProcess } from "../../src/cli/operator-process.ts";
import { watchServices, type ServiceWatch } from "../../src/cli/service-watch.ts";
import { readConfigFile } from "../../src/config.ts";
import { keyString, type ObjectKey } from "../../src/crds/meta.ts";
import type { OperatorConfig } from "../../src/crds/operator-config.ts";
import { startApiProxy, type ApiProxy } from "./api-proxy.ts";
import { NO_LIMITS } from "./aws/operator-config.ts";

/**
 * A whole platform of one test file, with a proxy between the operator and its API server, and an operator that can be killed and started again. It writes without a
 * lease, so that a successor need not wait, and an API server that is away for long does not end it; replica-bench.ts has two that do not.
 */

export interface BenchOptions {
  readonly audit?: boolean;
  /** Told of each AWS call before anything becomes of it. */
  readonly onAwsCall?: (call: FaultSubject) => void;
  /** Whole blocks of the configuration, in place of the development configuration's. */
  readonly config?: object;
  /** What is there when the operator starts; default everything that `npm run up` installs. */
  readonly install?: (plane: ControlPlane) => Promise<void>;
}

export interface OperatorOptions {
  /** Another way to the API server than the proxy. */
  readonly apiUrl?: string;
  /** For its log; default `operator`. */
  readonly name?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** More flags. */
  readonly args?: readonly string[];
}

/** No sweep that could heal what a pass must heal. */
const AWS = { limits: NO_LIMITS, sweepInterval: "1h" };
/** As an account's owner would ask AWS for: many lives are lived at once. */
const QUOTAS = { rulesNamespacesPerWorkspace: 1_000, ruleGroupsPerWorkspace: 10_000 };

/** Starts everything, operator included; its kubeconfig points at the proxy. On a failure what was started is ended. */
export async function startFaultBench(options: BenchOptions = {}): Promise<FaultBench> {
  return startBench(options, (parts) => new FaultBench(parts));
}

/** As startFaultBench, with a bench of another kind. */
export async function startBench<Bench extends FaultBench>(options: BenchOptions, make: (parts: Parts) => Bench): Promise<Bench> {
  const plane = await startControlPlane({ audit: options.audit ?? false });
  try {
    await (options.install ?? installPlatform)(plane);
    const configFile = join(plane.dir, "operator-config.json");
    const dev = readConfigFile(DEV_CONFIG);
    await writeFile(configFile, JSON.stringify({ ...dev, aws: AWS, ...options.config }));
    const config = readConfigFile(configFile);
    const stateFile = join(plane.dir, "aws.json");
    const emulator = await startAws(config, { stateFile, observer: options.onAwsCall, quotas: QUOTAS });
    const proxy = await startApiProxy(plane);
    const bench = make({ options, plane, configFile, config, stateFile, emulator, proxy });
    await bench.startOperator();
    return bench;
  } catch (error) {
    await plane.stop();
    throw error;
  }
}

export interface Parts {
  readonly options: BenchOptions;
  readonly plane: ControlPlane;
  readonly configFile: string;
  readonly config: OperatorConfig;
  readonly stateFile: string;
  readonly emulator: Emulator;
  readonly proxy: ApiProxy;
}

export class FaultBench {
  readonly plane: ControlPlane;
  readonly proxy: ApiProxy;
  readonly config: OperatorConfig;
  readonly aws: EmulatorAdmin;
  readonly ecr: ECRClient;
  /** As an administrator, past the proxy. */
  readonly watch: ServiceWatch;
  readonly #parts: Parts;
  #emulator: Emulator;
  #operator: OperatorProcess | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.plane = parts.plane;
    this.proxy = parts.proxy;
    this.config = parts.config;
    this.#emulator = parts.emulator;
    this.aws = new EmulatorAdmin(parts.emulator.url);
    this.ecr = new ECRClient(adminClient(parts.config, parts.emulator.url));
    this.watch = watchServices(parts.plane.adminKubeconfig);
  }

  get operator(): OperatorProcess {
    if (this.#operator === undefined) throw new Error("no operator runs");
    return this.#operator;
  }

  get awsEndpoint(): string {
    return this.#emulator.url;
  }

  /** Resolves when its watches have seen the world. */
  async startOperator({ args = [], ...options }: OperatorOptions = {}): Promise<OperatorProcess> {
    this.#operator = await this.launch({ ...options, args: ["--leader-elect=false", ...args] });
    return this.#operator;
  }

  /** Starts a process that is ended by whoever asked for it; resolves when its watches have seen the world. */
  protected async launch({ apiUrl = this.proxy.url, ...options }: OperatorOptions): Promise<OperatorProcess> {
    const { plane, configFile } = this.#parts;
    const access = { kubectl: plane.kubectl, caFile: plane.caFile, dir: plane.dir, url: apiUrl };
    const kubeconfig = await operatorAccess(access, join(plane.dir, `operator-${new URL(apiUrl).port}.kubeconfig`));
    return startOperator({ dir: plane.dir, configFile, kubeconfig, awsEndpoint: this.#emulator.url, ...options });
  }

  async restartOperator(options: OperatorOptions = {}): Promise<void> {
    await this.operator.stop();
    await this.startOperator(options);
  }

  /** AWS is not there any more. */
  async stopAws(): Promise<void> {
    await this.#emulator.close();
  }

  /** It is back on its port, with what it knew. */
  async startAws(): Promise<void> {
    const { config, stateFile, options } = this.#parts;
    const port = Number(new URL(this.#emulator.url).port);
    this.#emulator = await startAws(config, { port, stateFile, observer: options.onAwsCall, quotas: QUOTAS });
  }

  /** Applies objects as an administrator. */
  async apply(...objects: readonly object[]): Promise<void> {
    const input = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
    await this.plane.kubectl(["apply", "-f", "-"], { input });
  }

  /** When the operator last ended a pass over each service, in seconds since 1970. */
  async lastPasses(): Promise<ReadonlyMap<string, number>> {
    return this.passesOf(this.operator);
  }

  /** As lastPasses, of one process. */
  protected async passesOf({ telemetryUrl }: OperatorProcess): Promise<ReadonlyMap<string, number>> {
    const text = await (await fetch(`${telemetryUrl}/metrics`)).text();
    const found = text.matchAll(/^platform_service_last_reconcile_timestamp_seconds\{namespace="([^"]*)",name="([^"]*)"\} (\S+)$/gm);
    return new Map([...found].map(([, namespace = "", name = "", value]) => [keyString({ namespace, name }), Number(value)]));
  }

  /** Whether a pass over each of the services ended after the moment, in milliseconds since 1970. */
  async passedSince(moment: number, keys: readonly ObjectKey[]): Promise<boolean> {
    const passes = await this.lastPasses();
    return keys.every((key) => (passes.get(keyString(key)) ?? 0) * 1000 > moment);
  }

  async stop(): Promise<void> {
    await this.watch.close();
    await this.#operator?.stop();
    this.ecr.destroy();
    await this.proxy.close();
    await this.#emulator.close();
    await this.plane.stop();
  }
}
