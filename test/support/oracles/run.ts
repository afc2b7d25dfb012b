import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { inject } from "vitest";
import type { z } from "zod";
import type { OracleName, Oracles } from "./programs.ts";

declare module "vitest" {
  interface ProvidedContext {
    readonly oracles: Oracles;
  }
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program that the set-up built until it ends. */
export async function runOracle(name: OracleName, args: readonly string[], input = ""): Promise<Ended> {
  const child = spawn(inject("oracles")[name], args, { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(input);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { code: child.exitCode, stdout, stderr };
}

/** Asks a program of ours, JSON both ways; throws with what it says where it cannot answer. */
export async function askOracle<Answer>(name: OracleName, question: object, answer: z.ZodType<Answer>): Promise<Answer> {
  const { code, stdout, stderr } = await runOracle(name, [], JSON.stringify(question));
  if (code !== 0) throw new Error(stderr);
  return answer.parse(JSON.parse(stdout));
}
