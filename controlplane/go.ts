/** Running the Go toolchain: found, new enough, and never replaced by one that it downloads. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";

/** The oldest Go that builds Kubernetes 1.36: the `go` line of controlplane/go.mod. */
const MINIMUM_GO = { major: 1, minor: 26 };
const WANTED_GO = `${MINIMUM_GO.major}.${MINIMUM_GO.minor}`;
const ERROR_TAIL_LINES = 20;

export type Env = Readonly<Record<string, string | undefined>>;

/** Go is missing, too old, or a go command failed; the message says what to do. */
export class GoError extends Error {
  override readonly name = "GoError";
}

export interface GoCommand {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Env;
  /** Called with each line that go prints to stderr, which is where it says what it downloads and compiles. */
  readonly onLine?: (line: string) => void;
  /** Holds go's pid while it runs, for a reaper. */
  readonly pidFile?: string;
}

/** Runs go and resolves to its stdout; throws GoError with the end of its stderr. */
export async function runGo({ args, cwd, env, onLine, pidFile }: GoCommand): Promise<string> {
  const child = spawn("go", args, { cwd, env: goEnvironment(env), stdio: ["ignore", "pipe", "pipe"] });
  if (pidFile !== undefined && child.pid !== undefined) writeFileSync(pidFile, String(child.pid));
  const tail: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    tail.push(line);
    if (tail.length > ERROR_TAIL_LINES) tail.shift();
    onLine?.(line);
  });
  const [stdout] = await Promise.all([text(child.stdout), once(child, "close")]);
  if (pidFile !== undefined) rmSync(pidFile, { force: true });
  if (child.exitCode !== 0) throw new GoError(`go ${args.slice(0, 2).join(" ")} failed in ${cwd}:\n${tail.join("\n")}`);
  return stdout;
}

/** Throws GoError unless a Go that is new enough is on the path; `purpose` begins the message, and `otherWays` are those on without Go. */
export async function requireGo(purpose: string, env: Env, otherWays: readonly string[] = []): Promise<void> {
  const fault = await whyNoGo(env);
  if (fault === undefined) return;
  const ways = [`install Go ${WANTED_GO} (https://go.dev/dl) and run this again`, ...otherWays];
  throw new GoError(`${purpose} needs Go ${WANTED_GO} or later, and ${fault}. Ways on:\n${ways.map((way) => `  - ${way}`).join(";\n")}.`);
}

/** What is wrong with the `go` on the path; undefined where it is new enough. */
export async function whyNoGo(env: Env): Promise<string | undefined> {
  const version = await installedGo(env);
  if (version === undefined) return "there is no `go` on the PATH";
  return isEnough(version) ? undefined : `the \`go\` on the PATH is ${version}`;
}

/** Such as `go1.26.8`; undefined where there is no go. */
async function installedGo(env: Env): Promise<string | undefined> {
  try {
    return (await runGo({ args: ["env", "GOVERSION"], cwd: tmpdir(), env })).trim();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function isEnough(version: string): boolean {
  const [, major = "0", minor = "0"] = /go(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) > MINIMUM_GO.major || (Number(major) === MINIMUM_GO.major && Number(minor) >= MINIMUM_GO.minor);
}

/** GOTOOLCHAIN=local: another toolchain is 200 MB nobody asked for; no GOFLAGS or workspace of the user's changes the build. */
function goEnvironment(env: Env): Record<string, string | undefined> {
  return { ...env, CGO_ENABLED: "0", GOTOOLCHAIN: "local", GOWORK: "off", GOFLAGS: "" };
}
