/** moto's server (PyPI), in a virtual environment of its own in the user's cache. */
import { execFile, spawn } from "node:child_process";
import { access, mkdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const VERSION = "5.2.5";
const run = promisify(execFile);

/** The virtual environment cannot be made: no Python, or no package registry. */
export class MotoUnavailable extends Error {
  override readonly name = "MotoUnavailable";
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** The path of moto_server. Throws MotoUnavailable. */
async function installed(): Promise<string> {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const folder = join(cache, "platform-operator", `moto-${VERSION}`);
  const server = join(folder, "bin", "moto_server");
  const done = join(folder, "complete");
  if (await exists(done)) return server;
  console.error(`conformance: installing moto ${VERSION} into ${folder} (once)`);
  try {
    await rm(folder, { recursive: true, force: true });
    await run("python3", ["-m", "venv", folder]);
    await run(join(folder, "bin", "pip"), ["install", "--quiet", "--disable-pip-version-check", `moto[server,iam,ecr,sts]==${VERSION}`]);
    await mkdir(done);
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n").slice(0, 4).join("\n") : String(error);
    throw new MotoUnavailable(`moto ${VERSION} cannot be installed (it takes python3 with venv, and PyPI): ${why}`);
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
  return fetch(`${url}/moto-api/data.json`).then(
    (response) => response.ok,
    () => false,
  );
}

const START_ATTEMPTS = 300; // at a tenth of a second: 30 s, on a machine that is busy

/** Starts moto on a free port. Throws MotoUnavailable. */
export async function startMoto(): Promise<{ url: string; close(): Promise<void> }> {
  const server = await installed();
  const port = await freePort();
  const child = spawn(server, ["-H", "127.0.0.1", "-p", String(port)], { stdio: ["ignore", "ignore", "pipe"] });
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-2_000);
  });
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  const url = `http://127.0.0.1:${port}`;
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt += 1) {
    if (await answers(url)) {
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
  throw new MotoUnavailable(`moto does not answer on ${url}:\n${output}`);
}
