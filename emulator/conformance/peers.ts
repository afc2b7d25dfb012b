/** The emulators of others that the same probes look at (PyPI), each in a virtual environment of its own in the user's cache. */
import { execFile, spawn } from "node:child_process";
import { access, mkdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The virtual environment cannot be made (no Python, or no package registry), or what is in it does not answer. */
export class PeerUnavailable extends Error {
  override readonly name = "PeerUnavailable";
}

/** A server that runs. */
export interface Peer {
  readonly url: string;
  close(): Promise<void>;
}

interface Program {
  readonly name: string;
  readonly version: string;
  /** As pip takes it, without the version. */
  readonly requirement: string;
  /** In the environment's bin folder. */
  readonly command: string;
  args(port: number): readonly string[];
  env(port: number): Readonly<Record<string, string>>;
  /** Answers 200 once the server does. */
  readonly health: string;
}

const MOTO: Program = {
  name: "moto",
  version: "5.2.5",
  requirement: "moto[server,iam,ecr,sts]",
  command: "moto_server",
  args: (port) => ["-H", "127.0.0.1", "-p", String(port)],
  env: () => ({}),
  health: "/moto-api/data.json",
};

const MINISTACK: Program = {
  name: "ministack",
  version: "1.5.33",
  requirement: "ministack",
  command: "ministack",
  args: () => [],
  env: (port) => ({ GATEWAY_PORT: String(port), BIND_HOST: "127.0.0.1", IOT_MTLS_ENABLED: "0" }),
  health: "/_ministack/health",
};

/** Starts moto on a free port. Throws PeerUnavailable. */
export function startMoto(): Promise<Peer> {
  return start(MOTO);
}

/** Starts ministack on a free port. Throws PeerUnavailable. */
export function startMinistack(): Promise<Peer> {
  return start(MINISTACK);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** The path of the server's command. Throws PeerUnavailable. */
async function installed({ name, version, requirement, command }: Program): Promise<string> {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const folder = join(cache, "platform-operator", `${name}-${version}`);
  const server = join(folder, "bin", command);
  const done = join(folder, "complete");
  if (await exists(done)) return server;
  console.error(`conformance: installing ${name} ${version} into ${folder} (once)`);
  try {
    await rm(folder, { recursive: true, force: true });
    await run("python3", ["-m", "venv", folder]);
    await run(join(folder, "bin", "pip"), ["install", "--quiet", "--disable-pip-version-check", `${requirement}==${version}`]);
    await mkdir(done);
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n").slice(0, 4).join("\n") : String(error);
    throw new PeerUnavailable(`${name} ${version} cannot be installed (it takes python3 with venv, and PyPI): ${why}`);
  }
  return server;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => {
    probe.listen(0, "127.0.0.1", resolve);
  });
  const address = probe.address();
  await new Promise((resolve) => {
    probe.close(resolve);
  });
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    (response) => response.ok,
    () => false,
  );
}

const START_ATTEMPTS = 300; // at a tenth of a second: 30 s, on a machine that is busy

async function start(program: Program): Promise<Peer> {
  const server = await installed(program);
  const port = await freePort();
  const env = { ...process.env, ...program.env(port) };
  const child = spawn(server, [...program.args(port)], { stdio: ["ignore", "ignore", "pipe"], env });
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-2_000);
  });
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  const url = `http://127.0.0.1:${port}`;
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt += 1) {
    if (await answers(url + program.health)) {
      const close = async (): Promise<void> => {
        child.kill("SIGKILL");
        await ended;
      };
      return { url, close };
    }
    if (child.exitCode !== null) break;
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
  child.kill("SIGKILL");
  throw new PeerUnavailable(`${program.name} does not answer on ${url}:\n${output}`);
}
