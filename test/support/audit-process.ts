import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { z } from "zod";
import { OPERATOR_KEY, ROOT, SECRET_KEY } from "../../src/cli/keys.ts";

/** `platform-operator audit` as a process, under the operator's own kubeconfig and access key. */

export interface AuditPlace {
  readonly configFile: string;
  readonly kubeconfig: string;
  readonly awsEndpoint: string;
}

const OUTCOME = z.object({
  cluster: z.string(),
  refused: z.string().optional(),
  findings: z.array(
    z.object({ state: z.string(), kind: z.string(), name: z.string(), service: z.string().nullable(), why: z.string(), todo: z.string() }),
  ),
  plan: z.object({ id: z.string(), objects: z.array(z.object({ kind: z.string(), name: z.string() })) }).optional(),
  deletions: z.array(z.object({ kind: z.string(), name: z.string(), result: z.string(), message: z.string().optional() })).optional(),
});

export interface AuditRun {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `answers`: of somebody at a terminal, to one question after the other; undefined: there is no terminal. A terminal has but one output. */
export async function auditProcess(place: AuditPlace, args: readonly string[], answers?: readonly string[]): Promise<AuditRun> {
  const command = [process.execPath, "src/main.ts", "audit", "--config", place.configFile, "--kubeconfig", place.kubeconfig, ...args];
  const [program = "", ...rest] = answers === undefined ? command : ["script", "-qec", command.join(" "), "/dev/null"];
  const child = spawn(program, rest, {
    cwd: ROOT,
    stdio: ["pipe", "pipe", "pipe"],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      AWS_ENDPOINT_URL: place.awsEndpoint,
      AWS_ACCESS_KEY_ID: OPERATOR_KEY,
      AWS_SECRET_ACCESS_KEY: SECRET_KEY,
    },
  });
  const left = [...(answers ?? [])];
  let unanswered = "";
  child.stdout.on("data", (chunk: Buffer) => {
    unanswered += chunk.toString();
    if (!/Type [^\n]*: /.test(unanswered)) return;
    unanswered = "";
    child.stdin.write(`${left.shift() ?? ""}\n`);
  });
  if (answers === undefined) child.stdin.end();
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { exitCode: child.exitCode, stdout, stderr };
}

/** The same with `--output json`, parsed; findings as `Orphaned Role name`. Throws what it says where it says no JSON. */
export async function auditOf(place: AuditPlace, ...args: readonly string[]) {
  const { exitCode, stdout, stderr } = await auditProcess(place, ["--output", "json", ...args]);
  if (stdout === "") throw new Error(`audit ended with ${String(exitCode)}: ${stderr}`);
  const outcome = OUTCOME.parse(JSON.parse(stdout));
  const findings = outcome.findings.map(({ state, kind, name }) => `${state} ${kind} ${name}`);
  return { exitCode, stderr, ...outcome, findings, details: outcome.findings };
}
