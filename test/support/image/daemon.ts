import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";
import { waitUntil } from "../../../controlplane/readiness.ts";
import { startReaper } from "../../../controlplane/reaper.ts";
import { startContained, tailOf } from "./contained.ts";

/** A Docker daemon of a test's own, on the machine's network, which ends with the process that started it: it, its containers, its mounts, its disk. */

const READY_DEADLINE_MS = 60_000;

export interface Daemon {
  /** Everything that it writes; short, since a socket's path has 107 characters at most. */
  readonly dir: string;
  /** For a docker client of another kind than `docker`. */
  readonly env: NodeJS.ProcessEnv;
  /** Resolves to what the docker client printed on stdout; throws, with all of it, when it fails. */
  readonly docker: (...args: readonly string[]) => Promise<string>;
  stop(): Promise<void>;
}

export async function startDaemon(): Promise<Daemon> {
  const dir = await mkdtemp(join(tmpdir(), "operator-image-"));
  const reaper = startReaper(dir);
  const socket = `unix://${join(dir, "docker.sock")}`;
  await mkdir(join(dir, "client"));
  // No contexts or credentials of whoever runs this; and the builder that is in the daemon, since the other is a plug-in that may not be there.
  const env = { ...process.env, DOCKER_HOST: socket, DOCKER_CONFIG: join(dir, "client"), DOCKER_BUILDKIT: "0" };
  const places = [
    "--host",
    socket,
    "--data-root",
    join(dir, "data"),
    "--exec-root",
    join(dir, "exec"),
    "--pidfile",
    join(dir, "inner-pid"),
  ];
  const networks = ["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-masq=false"];
  const cgroups = ["--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", basename(dir)];
  const dockerd = startContained({
    dir,
    name: "dockerd",
    // containerd's sockets have a place that no flag of dockerd moves.
    script: 'mkdir -p /run/containerd && mount -t tmpfs tmpfs /run/containerd && exec dockerd "$@"',
    args: [...places, ...networks, ...cgroups],
  });
  const docker = (...args: readonly string[]): Promise<string> => run("docker", args, env);
  const stop = async (): Promise<void> => {
    await dockerd.kill();
    await reaper.release();
  };
  try {
    await waitUntil({
      what: "the start of dockerd",
      deadlineMs: READY_DEADLINE_MS,
      broken: dockerd.ended.then((how) => new Error(`dockerd ended with ${how}:\n${tailOf(dockerd.logFile)}`)),
      probe: () =>
        docker("version").then(
          () => true,
          () => false,
        ),
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { dir, env, docker, stop };
}

/** Resolves to its stdout; throws with both streams when it fails. */
export async function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  if (child.exitCode !== 0) throw new Error(`${program} ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}
