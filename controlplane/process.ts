/** One program, of the control plane or beside it: its log file, its pid file, and the news of its death. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Env } from "./go.ts";

const LOG_TAIL_LINES = 15;

/** A program that ended unasked; the message carries the end of its log. */
export class ProcessDied extends Error {
  override readonly name = "ProcessDied";
}

export interface ProcessOptions<Program extends string> {
  readonly program: Program;
  readonly executable: string;
  /** Takes `<program>.log` and, while the process lives, `<program>.pid`. */
  readonly dir: string;
  readonly args: readonly string[];
  /** Default: this process's own. */
  readonly env?: Env;
}

export interface ManagedProcess<Program extends string> {
  readonly program: Program;
  readonly pid: number;
  readonly logFile: string;
  /** Resolves when the process has ended: to an error if nobody asked it to. */
  readonly ended: Promise<ProcessDied | undefined>;
  /** SIGTERM, then SIGKILL after the grace (at once if there is none); resolves when it has ended. */
  stop(graceMs: number): Promise<void>;
}

/** Starts a program, in a session of its own so that a Ctrl-C at the terminal reaches only its parent. */
export async function startProcess<Program extends string>(options: ProcessOptions<Program>): Promise<ManagedProcess<Program>> {
  const { program, executable, dir, args, env = process.env } = options;
  const logFile = join(dir, `${program}.log`);
  const pidFile = join(dir, `${program}.pid`);
  const log = openSync(logFile, "a");
  const child = spawn(executable, args, { cwd: dir, env, detached: true, stdio: ["ignore", log, log] });
  closeSync(log);
  const { pid } = child;
  if (pid === undefined) {
    const [cause] = await once(child, "error");
    throw new Error(`cannot start ${executable}`, { cause });
  }
  writeFileSync(pidFile, String(pid));

  let stopping = false;
  const exited = once(child, "exit").finally(() => rmSync(pidFile, { force: true }));
  return {
    program,
    pid,
    logFile,
    ended: exited.then(() => {
      if (stopping) return undefined;
      const how = child.signalCode ?? `code ${child.exitCode}`;
      return new ProcessDied(`${program} ended with ${how}. The end of ${logFile}:\n${tailOf(logFile)}`);
    }),
    async stop(graceMs) {
      stopping = true;
      child.kill(graceMs > 0 ? "SIGTERM" : "SIGKILL");
      const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
      await exited.finally(() => clearTimeout(timer));
    },
  };
}

function tailOf(file: string): string {
  return readFileSync(file, "utf8").trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n");
}
