import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { cacheDir } from "../../controlplane/build.ts";
import type { Environment } from "./environment.ts";

/** How `npm run push` finds the environment that `npm run up` or the demo started on this machine. */

const announcement = z.object({ pid: z.int(), awsEndpoint: z.string(), kubeconfig: z.string(), configFile: z.string() });

export type Announcement = z.output<typeof announcement>;

function file(): string {
  return join(cacheDir(process.env), "..", "up.json");
}

/** Says where the environment is; the newest wins. */
export async function announce({ plane, emulator, configFile }: Environment): Promise<void> {
  await mkdir(join(file(), ".."), { recursive: true });
  await writeFile(file(), JSON.stringify({ pid: process.pid, awsEndpoint: emulator.url, kubeconfig: plane.adminKubeconfig, configFile }));
}

/** Takes back what this process announced. */
export async function withdraw(): Promise<void> {
  if ((await findRunning())?.pid === process.pid) await rm(file(), { force: true });
}

/** The environment that runs now; undefined when none does. */
export async function findRunning(): Promise<Announcement | undefined> {
  let text: string;
  try {
    text = await readFile(file(), "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  const found = announcement.safeParse(JSON.parse(text));
  return found.success && isAlive(found.data.pid) ? found.data : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
