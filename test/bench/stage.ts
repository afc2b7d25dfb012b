import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";
import { startControlPlane, type ControlPlane } from "../../controlplane/start.ts";
import { EmulatorAdmin } from "../../emulator/admin-client.ts";
import {
  DEV_CONFIG,
  installDefinitions,
  installFinalizerPolicy,
  installPlatform,
  installThirdParties,
  operatorAccess,
} from "../../src/cli/environment.ts";
import { ROOT } from "../../src/cli/keys.ts";
import { startOperator, type OperatorProcess } from "../../src/cli/operator-process.ts";
import { watchServices, type ServiceWatch } from "../../src/cli/service-watch.ts";
import { bundle } from "../../scripts/bundle.ts";
import { readConfigFile } from "../../src/config.ts";
import { API_VERSION } from "../../src/crds/meta.ts";
import type { OperatorConfig } from "../../src/crds/operator-config.ts";
import { systemClock } from "../../src/kube/clock.ts";
import { KINDS, type ResourceType } from "../../src/kube/kinds.ts";
import { loadKubeConfig } from "../../src/kube/kubeconfig.ts";
import type { JsonObject } from "../../src/kube/objects.ts";
import { createTransport, type Transport } from "../../src/kube/transport.ts";
import { NO_LIMITS } from "../support/aws/operator-config.ts";
import { issueCertificates } from "./certificates.ts";
import type { Fleet } from "./fleet.ts";
import { inParallel } from "./parallel.ts";

/** What a benchmark runs on: a control plane, an account and a place for the operator, each a process of its own. */

export interface StageOptions {
  /** Whether pods come to life: with the controller manager, the scheduler and kwok. */
  readonly controllers: boolean;
  /** Of AWS; as the operator's configuration has it. */
  readonly sweepInterval: string;
  /** Of all services, in place of the fleet's mixture. */
  readonly mesh?: "None";
}

/** The operator as the image has it. */
interface Program {
  /** What node is given to run it. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

interface Parts {
  readonly plane: ControlPlane;
  readonly program: Program;
  readonly configFile: string;
  readonly account: AccountProcess;
}

export class Stage {
  readonly plane: ControlPlane;
  readonly config: OperatorConfig;
  readonly configFile: string;
  readonly awsUrl: string;
  readonly aws: EmulatorAdmin;
  readonly watch: ServiceWatch;
  /** As an administrator. */
  readonly transport: Transport;
  readonly #program: Program;
  readonly #account: AccountProcess;
  readonly #certificates: ReturnType<typeof issueCertificates>;

  private constructor({ plane, program, configFile, account }: Parts) {
    this.#program = program;
    this.plane = plane;
    this.configFile = configFile;
    this.config = readConfigFile(configFile);
    this.awsUrl = account.url;
    this.aws = new EmulatorAdmin(account.url);
    this.watch = watchServices(plane.adminKubeconfig);
    this.transport = createTransport(loadKubeConfig(plane.adminKubeconfig), { version: "bench", clock: systemClock });
    this.#account = account;
    this.#certificates = issueCertificates(this.transport);
  }

  /** Nothing of it is the operator's yet. On a failure what was started is ended. */
  static async start({ controllers, sweepInterval, mesh }: StageOptions): Promise<Stage> {
    const plane = await startControlPlane({ audit: true, controllers });
    try {
      if (controllers) {
        await installPlatform(plane);
      } else {
        await installThirdParties(plane);
        await installDefinitions(plane);
      }
      await installFinalizerPolicy(plane);
      const configFile = join(plane.dir, "operator-config.json");
      const dev = readConfigFile(DEV_CONFIG);
      const appMesh = { ...dev.mesh.appMesh, certificates: { issuer: { name: "mesh-ca" } } };
      const aws = { limits: NO_LIMITS, sweepInterval };
      const meshes = mesh === undefined ? { ...dev.mesh, appMesh } : { ...dev.mesh, default: mesh, overrides: [] };
      await writeFile(configFile, JSON.stringify({ ...dev, mesh: meshes, aws }));
      return new Stage({ plane, program: await asInTheImage(), configFile, account: await startAccount(configFile) });
    } catch (error) {
      await plane.stop();
      throw error;
    }
  }

  /** Resolves when its watches have seen the world. */
  async startOperator(name = "operator", args: readonly string[] = []): Promise<OperatorProcess> {
    const kubeconfig = await operatorAccess(this.plane);
    const { dir } = this.plane;
    const { args: program, env } = this.#program;
    return startOperator({ dir, name, args, program, env, configFile: this.configFile, kubeconfig, awsEndpoint: this.awsUrl });
  }

  async createNamespaces({ namespaces }: Pick<Fleet, "namespaces">): Promise<void> {
    await this.plane.kubectl(["create", "-f", "-"], { input: JSON.stringify({ apiVersion: "v1", kind: "List", items: namespaces }) });
  }

  /** By one client, as Argo CD would; resolves when each is stored. */
  async createServices({ services }: Pick<Fleet, "services">): Promise<void> {
    const resource = KINDS.PlatformService;
    await inParallel(services, async ({ metadata, spec }) => {
      const object: JsonObject = { apiVersion: API_VERSION, kind: "PlatformService", metadata, spec };
      await this.transport.create({ resource, namespace: metadata.namespace }, object);
    });
  }

  /** By one client, as kubectl would; resolves when each is told to go. */
  async removeAll(resource: ResourceType): Promise<void> {
    const { items } = await this.transport.list(resource, {});
    await inParallel(items, async ({ metadata: { namespace = "", name, uid } }) => {
      await this.transport.delete({ resource, namespace, name }, { uid, propagationPolicy: "Background" });
    });
  }

  async stop(): Promise<void> {
    await this.#certificates.stop();
    await this.watch.close();
    await this.transport.close();
    await this.#account.stop();
    await this.plane.stop();
  }
}

let made: Promise<Program> | undefined;

/** The operator as one file, with the flags that the image's node has, and its environment; made once, since its making takes both cores. */
function asInTheImage(): Promise<Program> {
  made ??= makeProgram();
  return made;
}

async function makeProgram(): Promise<Program> {
  const dir = await mkdtemp(join(tmpdir(), "platform-operator-bench-"));
  process.once("exit", () => rmSync(dir, { recursive: true, force: true }));
  const dockerfile = await readFile(join(ROOT, "Dockerfile"), "utf8");
  const entrypoint = /^ENTRYPOINT (.*)$/m.exec(dockerfile)?.[1];
  const flags = z
    .array(z.string())
    .parse(JSON.parse(entrypoint ?? ""))
    .slice(1, -1);
  const variables = /^ENV (.*)$/m.exec(dockerfile)?.[1]?.split(" ") ?? [];
  const file = join(dir, "main.mjs");
  await bundle(file, "warning");
  return { args: [...flags, file], env: Object.fromEntries(variables.map((one) => one.split("=", 2))) };
}

interface AccountProcess {
  readonly url: string;
  stop(): Promise<void>;
}

async function startAccount(configFile: string): Promise<AccountProcess> {
  const script = join(import.meta.dirname, "aws-process.ts");
  const child = spawn(process.execPath, [script, configFile], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const [line] = await Promise.race([
    once(createInterface({ input: child.stdout }), "line"),
    exited.then(([code]) => Promise.reject(new Error(`the account's process ended with ${String(code)}`))),
  ]);
  const { url }: { readonly url: string } = JSON.parse(String(line));
  return {
    url,
    async stop() {
      child.stdin.end();
      await exited;
    },
  };
}
