import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { chown } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "../../../controlplane/ports.ts";
import { waitUntil } from "../../../controlplane/readiness.ts";
import { OPERATOR_KEY, SECRET_KEY } from "../../../src/cli/keys.ts";
import type { Daemon } from "./daemon.ts";
import { tailOf } from "./contained.ts";

/** The operator as a container of its image, held as the chart holds it, on the machine's network, where control plane and AWS are. */

export const NAME = "operator";
/** Its host name, by which the lease tells it from a process of this machine. */
export const HOST = "operator-image";
export const USER = 65532;
const READY_DEADLINE_MS = 120_000;

export interface ContainerOptions {
  readonly image: string;
  readonly configFile: string;
  readonly kubeconfig: string;
  readonly awsEndpoint: string;
}

export interface OperatorContainer {
  readonly telemetryUrl: string;
  readonly logFile: string;
  /** From `docker run` to the first good answer of /readyz. */
  readonly readyMs: number;
  /** Resolves when it has ended, with its exit code. */
  readonly ended: Promise<number | null>;
}

/** Resolves when it is ready; throws with the end of its log when it ends before that. */
export async function runOperator({ dir, env, docker }: Daemon, options: ContainerOptions): Promise<OperatorContainer> {
  const { image, configFile, kubeconfig, awsEndpoint } = options;
  const [port = 0] = await freePorts(1);
  const address = `127.0.0.1:${String(port)}`;
  // Only its owner may read it, and that is who runs the operator.
  await chown(kubeconfig, USER, USER);
  const names = ["--name", NAME, "--hostname", HOST, "--network=host"];
  const limits = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"];
  const files = [`${configFile}:/etc/platform-operator/operator-config.yaml:ro`, `${kubeconfig}:/etc/kubeconfig:ro`];
  const variables = [`AWS_ENDPOINT_URL=${awsEndpoint}`, `AWS_ACCESS_KEY_ID=${OPERATOR_KEY}`, `AWS_SECRET_ACCESS_KEY=${SECRET_KEY}`];
  const given = [...files.flatMap((file) => ["--volume", file]), ...variables.flatMap((variable) => ["--env", variable])];
  const flags = ["--config=/etc/platform-operator/operator-config.yaml", "--kubeconfig=/etc/kubeconfig", `--telemetry-address=${address}`];
  const startedAt = performance.now();
  const child = spawn("docker", ["run", "--rm", ...names, ...limits, ...given, image, ...flags], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const logFile = join(dir, `${NAME}.log`);
  const log = createWriteStream(logFile);
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  // The client ends with the container's exit code.
  const ended = once(child, "close").then(() => child.exitCode);
  await waitUntil({
    what: "the operator's container, to be ready,",
    deadlineMs: READY_DEADLINE_MS,
    broken: ended.then((code) => new Error(`the operator ended with ${String(code)} before it was ready:\n${tailOf(logFile)}`)),
    probe: () => answers(`http://${address}/readyz`),
  }).catch(async (error: unknown) => {
    await docker("rm", "--force", NAME);
    throw error;
  });
  return { telemetryUrl: `http://${address}`, logFile, readyMs: performance.now() - startedAt, ended };
}

/** What this JavaScript prints, run by the image's Node in the operator's container. */
export function evaluate({ docker }: Daemon, script: string): Promise<string> {
  return docker("exec", NAME, "/usr/local/bin/node", "--print", script);
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
