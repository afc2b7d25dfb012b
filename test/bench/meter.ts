import { readFileSync } from "node:fs";
import { open, stat } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import type { EmulatorAdmin } from "../../emulator/admin-client.ts";
import type { OperatorProcess } from "../../src/cli/operator-process.ts";
import { OPERATOR_KEY } from "../../src/cli/keys.ts";
import { OPERATOR_USER, type AuditEvent } from "../support/audit-log.ts";
import { isOwnAction } from "../support/own-action.ts";
import type { Stage } from "./stage.ts";
import type { Row } from "./table.ts";

/** What a process has cost, by the words of others: the kernel's, the API server's audit log, the emulator's action log. Its own word is asked for its event loop alone. */

/** Of the kernel, USER_HZ: a hundred a second on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const KIB_PER_MIB = 1024;

/** Seconds of a core that a process has used since its start. */
export function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${String(pid)}/stat`, "utf8");
  // The second field is the program's name in parentheses, which may hold anything.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [user = 0, system = 0] = fields.slice(11, 13).map(Number);
  return (user + system) / TICKS_PER_SECOND;
}

/** In MiB: what it has in memory now, and the most that it had. */
export function memory(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${String(pid)}/status`, "utf8");
  return { now: numberIn(status, /^VmRSS:\s+(\d+) kB/m) / KIB_PER_MIB, peak: numberIn(status, /^VmHWM:\s+(\d+) kB/m) / KIB_PER_MIB };
}

/** Bytes that it has read and written since its start, of files and of sockets. */
function bytesMoved(pid: number): number {
  const io = readFileSync(`/proc/${String(pid)}/io`, "utf8");
  return numberIn(io, /^rchar: (\d+)/m) + numberIn(io, /^wchar: (\d+)/m);
}

function numberIn(text: string, pattern: RegExp): number {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`no ${pattern.source} in:\n${text}`);
  return Number(found);
}

/** What of a process happened between two moments. */
export interface Cost {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Of the API server, which shares the cores. */
  readonly apiServerCpuSeconds: number;
  readonly bytes: number;
  /** Over services and tiers. */
  readonly passes: number;
  /** To the API server, by `verb resource`, with `/subresource`; without those for the lease. */
  readonly requests: Readonly<Record<string, number>>;
  /** To AWS, by operation, as `iam:CreateRole`. */
  readonly awsCalls: Readonly<Record<string, number>>;
  /** Of the event loop: the delay that 99 of 100 turns stay under, in milliseconds. */
  readonly eventLoopP99Ms: number;
  /** MiB. */
  readonly peakMemory: number;
  readonly memory: number;
}

/** Where the counts stood. */
export interface Mark {
  readonly time: number;
  readonly cpu: number;
  readonly apiServerCpu: number;
  readonly bytes: number;
  readonly passes: number;
  readonly audit: number;
  readonly action: number;
}

/** Now; before there is an operator: of one that has cost nothing yet. */
export async function mark(stage: Stage, operator?: OperatorProcess): Promise<Mark> {
  const audit = await auditedTo(stage);
  const action = await stage.aws.lastSequence();
  const passes = operator === undefined ? 0 : passesOf(await metricsOf(operator));
  const cost = operator === undefined ? { cpu: 0, bytes: 0 } : { cpu: cpuSeconds(operator.pid), bytes: bytesMoved(operator.pid) };
  return { passes, time: performance.now(), ...cost, apiServerCpu: apiServerCpuSeconds(stage), audit, action };
}

/** What the operator has cost since. */
export async function costSince(stage: Stage, operator: OperatorProcess, since: Mark): Promise<Cost> {
  const { pid } = operator;
  const { now, peak } = memory(pid);
  const cost = { cpuSeconds: cpuSeconds(pid) - since.cpu, bytes: bytesMoved(pid) - since.bytes };
  const seconds = (performance.now() - since.time) / 1000;
  const metrics = await metricsOf(operator);
  return {
    seconds,
    ...cost,
    passes: passesOf(metrics) - since.passes,
    apiServerCpuSeconds: apiServerCpuSeconds(stage) - since.apiServerCpu,
    requests: await requestsSince(stage, since.audit),
    awsCalls: await awsCallsSince(stage.aws, since.action),
    eventLoopP99Ms: 1000 * sumOf(metrics, "nodejs_eventloop_lag_p99_seconds"),
    peakMemory: peak,
    memory: now,
  };
}

export function apiServerCpuSeconds({ plane }: Stage): number {
  const pid = plane.processes().find(({ program }) => program === "kube-apiserver")?.pid;
  return pid === undefined ? 0 : cpuSeconds(pid);
}

function auditFile({ plane: { auditLogFile } }: Stage): string {
  if (auditLogFile === undefined) throw new Error("the stage has no audit log");
  return auditLogFile;
}

/** Up to which byte there is an audit log. */
export async function auditedTo(stage: Stage): Promise<number> {
  return (await stat(auditFile(stage))).size;
}

/** A user's, by default the operator's, from that byte of the log on. */
export async function requestsSince(stage: Stage, byte: number, user = OPERATOR_USER): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  const file = await open(auditFile(stage));
  for await (const line of file.readLines({ start: byte })) {
    const event = parsed(line);
    // A watch is told of twice: when it begins and when it ends.
    if (event?.user.username !== user || event.stage !== (event.verb === "watch" ? "ResponseStarted" : "ResponseComplete")) continue;
    if (event.objectRef?.resource === "leases") continue;
    const { resource = "other", subresource } = event.objectRef ?? {};
    count(counts, `${event.verb} ${resource}${subresource === undefined ? "" : `/${subresource}`}`);
  }
  return counts;
}

/** Undefined: the line is still being written. */
function parsed(line: string): AuditEvent | undefined {
  if (!line.endsWith("}")) return undefined;
  const event: AuditEvent = JSON.parse(line);
  return event;
}

async function awsCallsSince(aws: EmulatorAdmin, sequence: number): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (const entry of await aws.actions(sequence))
    if (entry.accessKeyId === OPERATOR_KEY && isOwnAction(entry)) count(counts, entry.operation);
  return counts;
}

function count(counts: Record<string, number>, what: string): void {
  counts[what] = (counts[what] ?? 0) + 1;
}

/** Of the requests and calls that a cost counts. */
export function isWrite(request: string): boolean {
  return !/^(get|list|watch) /.test(request);
}

export function isWatch(request: string): boolean {
  return request.startsWith("watch ");
}

function isAwsWrite(operation: string): boolean {
  return !/:(Get|List|Describe|Batch)/.test(operation);
}

/** That nothing was written, where nothing was to be. */
export function noWrites(of: string, { requests, awsCalls }: Cost): readonly Row[] {
  const none = { unit: "", atMost: 0, counted: true } as const;
  return [
    { of, what: "writes to the API server", value: total(requests, isWrite), ...none },
    { of, what: "writes in AWS", value: total(awsCalls, isAwsWrite), ...none },
  ];
}

/** How many there were of those that match. */
export function total(counts: Readonly<Record<string, number>>, matches: (what: string) => boolean = () => true): number {
  return Object.entries(counts).reduce((sum, [what, times]) => (matches(what) ? sum + times : sum), 0);
}

/** What the operator serves to Prometheus: costly enough for it that nobody asks twice. */
async function metricsOf({ telemetryUrl }: OperatorProcess): Promise<string> {
  return (await fetch(`${telemetryUrl}/metrics`)).text();
}

/** The sum of all series of that name, whatever their labels, but for those that say `without`. */
function sumOf(metrics: string, name: string, without?: string): number {
  const lines = metrics
    .split("\n")
    .filter((line) => (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && (without === undefined || !line.includes(without)));
  return lines.reduce((all, line) => all + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

function passesOf(metrics: string): number {
  return sumOf(metrics, "controller_runtime_reconcile_total");
}

const LEAST_QUIET_POLL_MS = 300;
const MOST_QUIET_POLL_MS = 2_000;
/** A look costs the operator CPU, more with each service: no more than a twentieth of the time. */
const QUIET_PAUSES_A_LOOK = 19;
/** So many looks in a row have to find nothing new. */
const QUIET_LOOKS = 3;
const PATIENCE_MS = 900_000;

/** Milliseconds until the next look, by how long the last took; a look that takes longer than a twentieth of the longest pause costs more. */
export function pauseAfterLook(tookMs: number): number {
  return Math.min(Math.max(QUIET_PAUSES_A_LOOK * tookMs, LEAST_QUIET_POLL_MS), MOST_QUIET_POLL_MS);
}

/** Between two looks of which the later found news (performance.now): when the last pass ended; where it ended not between them, when the later was answered. */
export function lastMomentOf(metrics: string, { before, after }: { readonly before: number; readonly after: number }): number {
  const name = "platform_service_last_reconcile_timestamp_seconds{";
  const ends = metrics.split("\n").flatMap((line) => (line.startsWith(name) ? [Number(line.slice(line.lastIndexOf(" ") + 1))] : []));
  const last = ends.reduce((latest, seconds) => Math.max(latest, seconds), 0) * 1000 - performance.timeOrigin;
  return last > before && last < after ? last : after;
}

/**
 * Resolves when the operator has ended `passes` passes, neither works nor has anything waiting, and asks nobody anything; to the milliseconds (performance.now) at which that began, as near as the looks and its last pass tell. Passes that
 * only look again at what waits for its pods, as of a large fleet one does at any time, are quiet.
 */
export async function untilQuiet(operator: OperatorProcess, passes = 0): Promise<number> {
  const deadline = performance.now() + PATIENCE_MS;
  let since = performance.now();
  let known = -1;
  let answered = since;
  for (let looks = 0; looks < QUIET_LOOKS;) {
    const asking = performance.now();
    const metrics = await metricsOf(operator);
    const before = answered;
    answered = performance.now();
    const done = passesOf(metrics);
    const asked = sumOf(metrics, "rest_client_requests_total", 'resource="leases') + sumOf(metrics, "platform_aws_requests_total");
    const busy = sumOf(metrics, "workqueue_depth") + sumOf(metrics, "controller_runtime_active_workers");
    const isAtWork = busy > 0 || done < passes;
    if (isAtWork || asked !== known) {
      looks = 0;
      since = isAtWork ? answered : lastMomentOf(metrics, { before, after: answered });
    } else {
      looks++;
    }
    // When its work ended, which may ask nothing, only the next look tells.
    known = isAtWork ? -1 : asked;
    if (performance.now() > deadline)
      throw new Error(`after ${String(done)} passes of at least ${String(passes)} the operator is still not quiet`);
    await setTimeout(pauseAfterLook(answered - asking));
  }
  return since;
}
