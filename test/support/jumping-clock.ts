import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * A wall clock that jumps. Preloaded into a process of Node by `jumpingClock`, it answers off by as many milliseconds as `jump` last said; what is monotonic, and timers,
 * go on as ever, as in the kernel.
 */

const FOLDER = "JUMPING_CLOCK_FOLDER";
const POLL_MS = 5;

/** The environment of a process whose clock can be told to jump, by files in the folder. */
export function jumpingClock(folder: string): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--import=${import.meta.filename}`, [FOLDER]: folder };
}

/** Resolves when the process has that clock; of one that ends meanwhile, too. */
export async function jump(folder: string, pid: number, offsetMs: number): Promise<void> {
  const file = fileOf(folder, pid);
  writeFileSync(file, String(offsetMs));
  process.kill(pid, "SIGUSR2");
  while (existsSync(file) && existsSync(`/proc/${String(pid)}`)) await new Promise((resolve) => void setTimeout(resolve, POLL_MS));
}

function fileOf(folder: string, pid: number): string {
  return join(folder, `clock-of-${String(pid)}`);
}

function preload(folder: string): void {
  const RealDate = Date;
  let offset = 0;
  process.on("SIGUSR2", () => {
    const file = fileOf(folder, process.pid);
    offset = Number(readFileSync(file, "utf8"));
    rmSync(file);
  });
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args: ConstructorParameters<typeof Date> | []) =>
      args.length === 0 ? new target(target.now() + offset) : Reflect.construct(target, args),
    get: (target, property, receiver) => (property === "now" ? () => RealDate.now() + offset : Reflect.get(target, property, receiver)),
  });
}

const folder = process.env[FOLDER];
if (folder !== undefined) preload(folder);
