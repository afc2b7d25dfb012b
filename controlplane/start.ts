/** A Kubernetes control plane of its own, on free ports of 127.0.0.1, which ends with the process that started it. */
import { execFile } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { type Binaries, ensureBinaries, explainMissing, type Program } from "./build.ts";
import { type Credentials, makeCredentials, type UserName, writeKubeconfig } from "./credentials.ts";
import { apiServerFlags, caFileOf, controllerManagerFlags, etcdFlags, kwokFlags, type Layout, schedulerFlags } from "./flags.ts";
import type { Env } from "./go.ts";
import { type Kubectl, kubectlFor } from "./kubectl.ts";
import { freePorts } from "./ports.ts";
import { type ManagedProcess, startProcess } from "./process.ts";
import { type ApiEndpoint, answersOk, waitUntil } from "./readiness.ts";
import { type Reaper, startReaper } from "./reaper.ts";

/** Starts take 3 to 5 s alone on two cores; this leaves room for a machine that builds and tests at the same time. */
const READY_DEADLINE_MS = 120_000;
/** What a program gets to end by itself before it is killed; its data is thrown away in any case. */
const STOP_GRACE_MS = 5_000;

export interface ControlPlaneOptions {
  /** Write every request's metadata to `auditLogFile`. */
  readonly audit?: boolean;
  /** Whether the controller manager, the scheduler and kwok run; default true. Without them nothing follows from what is written. */
  readonly controllers?: boolean;
  /** More flags for kube-apiserver, such as shorter watch timeouts. */
  readonly apiServerFlags?: readonly string[];
  /** Told what happens, a line at a time. */
  readonly log?: (line: string) => void;
  /** Defaults to process.env: KUBEBUILDER_ASSETS, XDG_CACHE_HOME, and what Go reads. */
  readonly env?: Env;
}

export interface ControlPlane {
  /** Everything it writes, a log and a pid file per program included; removed when it ends. */
  readonly dir: string;
  /** Holds kubectl and the other programs. */
  readonly binDir: string;
  /** https://127.0.0.1:<port> */
  readonly url: string;
  readonly caFile: string;
  /** Path of a kubeconfig in the group system:masters. */
  readonly adminKubeconfig: string;
  /** JSON lines of audit.k8s.io/v1 events; undefined unless asked for. */
  readonly auditLogFile: string | undefined;
  /** Resolves when a program ends unasked, with the end of its log; never otherwise. */
  readonly broken: Promise<Error>;
  /** As admin. */
  readonly kubectl: Kubectl;
  /** The programs that run now. */
  processes(): readonly { readonly program: Program; readonly pid: number }[];
  /** Stops the API server alone, its data stays in etcd; a grace of 0 ms ends it as a crash would, with every watch cut. */
  stopApiServer(options?: { readonly graceMs?: number }): Promise<void>;
  /** Starts it again, on the same port; resolves when it is ready. */
  startApiServer(): Promise<void>;
  restartApiServer(): Promise<void>;
  /** Ends every program, the API server before etcd, and removes `dir`. */
  stop(): Promise<void>;
}

/** Starts a control plane, building its programs first if need be; resolves when the API server and its controllers answer. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const { env = process.env, log = () => undefined } = options;
  const binaries = await ensureBinaries({ env, progress: process.stderr });
  const warning = explainMissing(binaries);
  if (warning !== undefined) log(warning);

  const dir = await mkdtemp(join(tmpdir(), "platform-operator-"));
  const reaper = startReaper(dir);
  let plane: Plane | undefined;
  try {
    const [etcdPort = 0, etcdPeerPort = 0, apiPort = 0] = await freePorts(3);
    const layout: Layout = { dir, etcdPort, etcdPeerPort, apiPort };
    plane = new Plane({ binaries, reaper, layout, credentials: await makeCredentials(dir), options, log });
    await plane.start();
    return plane;
  } catch (error) {
    await (plane === undefined ? reaper.release() : plane.stop());
    throw error;
  }
}

interface PlaneParts {
  readonly binaries: Binaries;
  readonly reaper: Reaper;
  readonly layout: Layout;
  readonly credentials: Credentials;
  readonly options: ControlPlaneOptions;
  readonly log: (line: string) => void;
}

class Plane implements ControlPlane {
  readonly dir: string;
  readonly binDir: string;
  readonly url: string;
  readonly caFile: string;
  readonly adminKubeconfig: string;
  readonly auditLogFile: string | undefined;
  readonly broken: Promise<Error>;
  readonly kubectl: Kubectl;
  readonly #parts: PlaneParts;
  readonly #reportBroken: (error: Error) => void;
  readonly #running = new Map<Program, ManagedProcess<Program>>();
  #stopped: Promise<void> | undefined;

  constructor(parts: PlaneParts) {
    const { dir, apiPort } = parts.layout;
    const { promise, resolve } = Promise.withResolvers<Error>();
    this.dir = dir;
    this.binDir = parts.binaries.dir;
    this.url = `https://127.0.0.1:${apiPort}`;
    this.caFile = caFileOf(parts.layout);
    this.adminKubeconfig = join(dir, "admin.kubeconfig");
    this.auditLogFile = parts.options.audit === true ? join(dir, "audit.log") : undefined;
    this.broken = promise;
    this.kubectl = kubectlFor(this.binDir, this.adminKubeconfig);
    this.#parts = parts;
    this.#reportBroken = resolve;
  }

  async start(): Promise<void> {
    const { layout, credentials, binaries, options, log } = this.#parts;
    const startedAt = performance.now();
    await this.#launch("etcd", etcdFlags(layout));
    await this.startApiServer();
    await this.#writeKubeconfig("admin", this.adminKubeconfig);

    const has = (program: Program): boolean => options.controllers !== false && !binaries.missing.includes(program);
    if (has("kube-controller-manager")) {
      const kubeconfig = await this.#writeKubeconfig("system:kube-controller-manager", join(layout.dir, "controller-manager.kubeconfig"));
      await this.#launch("kube-controller-manager", controllerManagerFlags({ kubeconfig, layout, credentials }));
    }
    if (has("kube-scheduler")) {
      const kubeconfig = await this.#writeKubeconfig("system:kube-scheduler", join(layout.dir, "scheduler.kubeconfig"));
      await this.#launch("kube-scheduler", schedulerFlags(kubeconfig));
    }
    if (has("kwok") && has("kwok-stages")) {
      const kubeconfig = await this.#writeKubeconfig("kwok", join(layout.dir, "kwok.kubeconfig"));
      await this.#launch("kwok", kwokFlags({ kubeconfig, stagesFile: await this.#writeStages() }));
    }
    // Without it a namespace takes no pods, and it tells that the controllers work.
    if (has("kube-controller-manager")) {
      await this.#waitFor("the controller manager's first ServiceAccount", "/api/v1/namespaces/default/serviceaccounts/default");
    }
    log(`Kubernetes is ready at ${this.url} after ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
  }

  processes(): { program: Program; pid: number }[] {
    return [...this.#running.values()].map(({ program, pid }) => ({ program, pid }));
  }

  async stopApiServer({ graceMs = STOP_GRACE_MS }: { readonly graceMs?: number } = {}): Promise<void> {
    await this.#end("kube-apiserver", graceMs);
  }

  async startApiServer(): Promise<void> {
    const { layout, credentials, options } = this.#parts;
    const audit = this.auditLogFile === undefined ? undefined : { policyFile: await this.#writeAuditPolicy(), logFile: this.auditLogFile };
    await this.#launch("kube-apiserver", apiServerFlags({ layout, credentials, audit, extra: options.apiServerFlags ?? [] }));
    await this.#waitFor("the start of the API server", "/readyz");
  }

  async restartApiServer(): Promise<void> {
    await this.stopApiServer();
    await this.startApiServer();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    await Promise.all((["kwok", "kube-scheduler", "kube-controller-manager"] as const).map((program) => this.#end(program)));
    await this.#end("kube-apiserver");
    await this.#end("etcd");
    await this.#parts.reaper.release();
  }

  async #launch(program: Program, args: readonly string[]): Promise<void> {
    if (this.#running.has(program)) throw new Error(`${program} runs already`);
    const started = await startProcess({ program, executable: join(this.binDir, program), dir: this.dir, args });
    this.#running.set(program, started);
    void this.#watch(started);
  }

  async #watch({ program, ended }: ManagedProcess<Program>): Promise<void> {
    const error = await ended;
    if (error === undefined) return;
    this.#running.delete(program);
    this.#reportBroken(error);
  }

  async #end(program: Program, graceMs: number = STOP_GRACE_MS): Promise<void> {
    const running = this.#running.get(program);
    if (running === undefined) return;
    await running.stop(graceMs);
    this.#running.delete(program);
  }

  #waitFor(what: string, path: string): Promise<void> {
    const endpoint: ApiEndpoint = { url: this.url, caFile: this.caFile, token: this.#parts.credentials.tokens.admin };
    return waitUntil({ what, deadlineMs: READY_DEADLINE_MS, broken: this.broken, probe: () => answersOk(endpoint, path) });
  }

  #writeKubeconfig(user: UserName, file: string): Promise<string> {
    return writeKubeconfig({ file, url: this.url, caFile: this.caFile, user, token: this.#parts.credentials.tokens[user] });
  }

  async #writeStages(): Promise<string> {
    const file = join(this.dir, "stages.yaml");
    const { stdout } = await promisify(execFile)(join(this.binDir, "kwok-stages"));
    await writeFile(file, stdout);
    return file;
  }

  async #writeAuditPolicy(): Promise<string> {
    const file = join(this.dir, "audit-policy.json");
    const policy = { apiVersion: "audit.k8s.io/v1", kind: "Policy", omitStages: ["RequestReceived"], rules: [{ level: "Metadata" }] };
    await writeFile(file, JSON.stringify(policy));
    return file;
  }
}
