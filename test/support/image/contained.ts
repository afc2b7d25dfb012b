import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * A program in a PID and a mount namespace of its own: whatever it starts dies with it, even by SIGKILL, and whatever it mounts is mounted nowhere else.
 * Its pid file lets the reaper of `dir` end it.
 */
export interface Contained {
  readonly logFile: string;
  /** Resolves when it has ended, with its exit code or signal. */
  readonly ended: Promise<string>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

interface ContainedOptions {
  /** Takes `<name>.pid` while it lives, and `<name>.log`. */
  readonly dir: string;
  readonly name: string;
  /** Of /bin/sh; `"$@"` are the arguments. */
  readonly script: string;
  readonly args: readonly string[];
}

export function startContained({ dir, name, script, args }: ContainedOptions): Contained {
  const logFile = join(dir, `${name}.log`);
  const pidFile = join(dir, `${name}.pid`);
  const namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const child: ChildProcess = spawn("unshare", [...namespaces, "/bin/sh", "-c", script, name, ...args], {
    cwd: dir,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TMPDIR: dir },
  });
  if (child.pid === undefined) throw new Error(`${name} does not start: is unshare there?`);
  writeFileSync(pidFile, String(child.pid));
  const log = createWriteStream(logFile);
  child.stdout?.pipe(log, { end: false });
  child.stderr?.pipe(log, { end: false });
  const ended = once(child, "close").then(() => {
    log.end();
    rmSync(pidFile, { force: true });
    return child.signalCode ?? `code ${String(child.exitCode)}`;
  });
  return {
    logFile,
    ended,
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Resolves when it has ended well; throws the end of its log otherwise. */
export async function runContained(options: ContainedOptions): Promise<void> {
  const { ended, logFile } = startContained(options);
  const how = await ended;
  if (how !== "code 0") throw new Error(`${options.name} ended with ${how}:\n${tailOf(logFile)}`);
}

export function tailOf(file: string): string {
  return readFileSync(file, "utf8").trimEnd().split("\n").slice(-20).join("\n");
}
