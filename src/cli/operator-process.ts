import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { OPERATOR_KEY, ROOT, SECRET_KEY } from "./keys.ts";

/** The operator as a process of its own, under its own kubeconfig and access key. */

export interface OperatorProcessOptions {
  /** Takes its log and its pid file; the control plane's reaper ends what a pid file there names. */
  readonly dir: string;
  readonly configFile: string;
  readonly kubeconfig: string;
  readonly awsEndpoint: string;
  /** Default `operator`. */
  readonly name?: string;
  /** The folder that its sources are in; default this project's. */
  readonly root?: string;
  /** What node is given before the operator's own flags; default the sources' `src/main.ts`. */
  readonly program?: readonly string[];
  readonly logLevel?: string;
  /** More flags. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface OperatorProcess {
  readonly pid: number;
  readonly telemetryUrl: string;
  readonly logFile: string;
  /** Resolves when it has ended, with its exit code or signal. */
  readonly ended: Promise<string>;
  /** SIGTERM; resolves when it has ended. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when it is dead. */
  kill(): Promise<void>;
}

const READY_POLL_MS = 50;
const READY_DEADLINE_MS = 60_000;

/** Starts it and resolves when its watches have seen the world. Throws with the end of its log when it ends before that. */
export async function startOperator(options: OperatorProcessOptions): Promise<OperatorProcess> {
  const started = await launchOperator(options);
  const deadline = Date.now() + READY_DEADLINE_MS;
  let dead: string | undefined;
  const noteDeath = async (): Promise<void> => {
    dead = await started.ended;
  };
  void noteDeath();
  while (!(await answers(`${started.telemetryUrl}/readyz`))) {
    if (dead !== undefined) throw new Error(`the operator ended (${dead}) before it was ready: see ${started.logFile}`);
    if (Date.now() > deadline)
      throw new Error(`the operator is not ready after ${String(READY_DEADLINE_MS / 1000)} s: see ${started.logFile}`);
    await new Promise((resolve) => void setTimeout(resolve, READY_POLL_MS));
  }
  return started;
}

/** Starts it and resolves when it serves its telemetry; it may not be ready yet. */
export async function launchOperator(options: OperatorProcessOptions): Promise<OperatorProcess> {
  const name = options.name ?? "operator";
  const logFile = join(options.dir, `${name}.log`);
  const pidFile = join(options.dir, `${name}.pid`);
  const { program = ["src/main.ts"] } = options;
  const args = [...program, "--config", options.configFile, "--kubeconfig", options.kubeconfig, "--telemetry-address", "127.0.0.1:0"];
  const child = spawn(process.execPath, [...args, "--log-level", options.logLevel ?? "info", ...(options.args ?? [])], {
    cwd: options.root ?? ROOT,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      AWS_ENDPOINT_URL: options.awsEndpoint,
      AWS_ACCESS_KEY_ID: OPERATOR_KEY,
      AWS_SECRET_ACCESS_KEY: SECRET_KEY,
      ...options.env,
    },
  });
  const exited = once(child, "exit").then(() => {
    rmSync(pidFile, { force: true });
    return child.signalCode ?? `code ${String(child.exitCode)}`;
  });
  const log = createWriteStream(logFile, { flags: "a" });
  child.stderr.pipe(log, { end: false });
  child.stdout.pipe(log, { end: false });
  if (child.pid === undefined) throw new Error("the operator's process does not start");
  writeFileSync(pidFile, String(child.pid));
  const telemetryUrl = await Promise.race([
    telemetryOf(child.stdout),
    exited.then((how) => Promise.reject(new Error(`the operator ended (${how}): see ${logFile}`))),
  ]);
  const end = async (signal: "SIGTERM" | "SIGKILL"): Promise<void> => {
    child.kill(signal);
    await exited;
  };
  return { pid: child.pid, telemetryUrl, logFile, ended: exited, stop: () => end("SIGTERM"), kill: () => end("SIGKILL") };
}

/** Its first log line says where it serves. */
async function telemetryOf(stdout: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve) => {
    const lines = createInterface({ input: stdout });
    lines.on("line", (line) => {
      const match = /"telemetry":"([^"]+)"/.exec(line);
      if (match?.[1] !== undefined) resolve(match[1]);
    });
  });
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
