import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { formatElapsed } from "../../controlplane/progress.ts";
import { commandLine, HELP_OPTION } from "../../scripts/command-line.ts";
import { changeOutside } from "./change.ts";
import { cold, coldRows, type Made } from "./cold.ts";
import { comparison } from "./compare.ts";
import { awsDrift, childDrift } from "./drift.ts";
import { growth, type Creation } from "./growth.ts";
import { idle } from "./idle.ts";
import { peer } from "./peer.ts";
import { ready } from "./ready.ts";
import { restart } from "./restart.ts";
import { handOver, throughput } from "./shards.ts";
import { missedCounts, tableOf, type Row } from "./table.ts";

/** `npm run bench`: what the operator costs, in one table. */

const HELP = `Usage: npm run bench [-- OPTIONS]
       npm run bench -- --compare A.json B.json

Measures what the operator costs on this machine, beside a bare client that writes the same objects (the floor), and prints a table with the project's goals.
A missed goal is said in the table and fails nothing, but for --short.

  --services N     of the fleet; default 1000
  --idle S         seconds in which nothing happens; default 300
  --growth LIST    fleets that are created for the growth's exponent; default 125,250,500,1000,2000; 0: none
  --short          a small fleet, for what is counted alone: a missed goal about a count fails
  --peer           kro beside ours, with 200 services; builds kro once, by Go
  --large          a restart with 5,000 services as well
  --out FILE       where the figures go as JSON; default bench.json
  --compare        prints what changed from the first file to the second
  --help           this text

Exit codes: 0 measured, 1 something failed, or with --short a count is beyond its goal, 2 wrong usage.`;

const { values, positionals } = commandLine(HELP, () =>
  parseArgs({
    allowPositionals: true,
    options: {
      ...HELP_OPTION,
      services: { type: "string" },
      idle: { type: "string" },
      growth: { type: "string" },
      short: { type: "boolean", default: false },
      peer: { type: "boolean", default: false },
      large: { type: "boolean", default: false },
      out: { type: "string", default: "bench.json" },
      compare: { type: "boolean", default: false },
    },
  }),
);

interface Report {
  readonly machine: string;
  readonly date: string;
  readonly rows: readonly Row[];
}

/** Two sweeps within the time of idleness, and none that the other scenarios wait for long. */
const WHOLE = { services: "1000", idle: "300", growth: "125,250,500,1000,2000", sweepInterval: "2m" };
const SHORT = { services: "50", idle: "45", growth: "0", sweepInterval: "20s" };
const LARGE = 5_000;
const DRIFTING = 200;
const TO_READY = 200;
const OF_PEERS = 200;
const TO_SHARDS = 200;
const SHARDED = [1, 2, 4];

/** With how long it has been under way. */
function told(line: string): void {
  console.error(`bench: ${formatElapsed(performance.now())} ${line}`);
}

function reportIn(file: string): Report {
  const report: Report = JSON.parse(readFileSync(file, "utf8"));
  return report;
}

function wrongUsage(why: string): never {
  console.error(`${why}\n\n${HELP}`);
  return process.exit(2);
}

function count(option: "services" | "idle", text: string): number {
  return /^[1-9]\d{0,4}$/.test(text) ? Number(text) : wrongUsage(`--${option} ${text}: give a whole number from 1 on`);
}

/** Takes in the figures of one scenario. */
type Keep = (rows: readonly Row[]) => void;

async function onOneFleet(services: number, idleSeconds: number, sweepInterval: string, keep: Keep): Promise<Creation> {
  told(`cold: ${String(services)} services`);
  const made = await cold(services, sweepInterval);
  try {
    keep(await coldRows(made));
    told(`written after ${made.seconds.toFixed(1)} s; idle for ${String(idleSeconds)} s`);
    keep(await idle(made, idleSeconds));
    told("drift");
    keep(await childDrift(made, Math.min(DRIFTING, services)));
    keep(await awsDrift(made));
    told("change of a tier");
    keep(await changeOutside(made));
    told("restart");
    const { operator, rows } = await restart(made);
    keep(rows);
    await operator.stop();
    return { size: services, seconds: made.seconds };
  } finally {
    await made.stage.stop();
  }
}

async function becomingReady(): Promise<readonly Row[]> {
  told(`ready, changed and deleted: ${String(TO_READY)} services`);
  return ready(TO_READY);
}

async function replicas(): Promise<readonly Row[]> {
  told("two replicas: hand-over");
  const rows = [...(await handOver())];
  for (const shards of SHARDED) {
    told(`${String(TO_SHARDS)} services by ${String(shards)} shards`);
    rows.push(...(await throughput(TO_SHARDS, shards)));
  }
  return rows;
}

async function largeRestart(): Promise<readonly Row[]> {
  told(`restart: ${String(LARGE)} services`);
  const made: Made = await cold(LARGE, "1h");
  try {
    const { operator, rows } = await restart(made);
    await operator.stop();
    return rows;
  } finally {
    await made.stage.stop();
  }
}

if (values.compare) {
  const [before, after] = positionals;
  if (before === undefined || after === undefined || positionals.length > 2) wrongUsage("--compare: give two files");
  console.log(comparison(reportIn(before).rows, reportIn(after).rows));
} else {
  if (positionals.length > 0) wrongUsage(`${positionals.join(" ")}: not an option`);
  const { services, idle: idleSeconds, growth: growing, sweepInterval } = { ...(values.short ? SHORT : WHOLE), ...values };
  const sizes = growing === "0" ? [] : growing.split(",").map(Number);
  if (sizes.length === 1 || sizes.some((size) => !Number.isInteger(size) || size < 1))
    wrongUsage("--growth: give at least two whole numbers, as 125,250");
  const machine = `${String(cpus().length)} × ${cpus()[0]?.model ?? "unknown"}`;
  const date = new Date().toISOString();
  const rows: Row[] = [];
  // After each scenario: what was measured is not lost with what comes later.
  const keep: Keep = (more) => {
    rows.push(...more);
    const report: Report = { machine, date, rows };
    writeFileSync(values.out, `${JSON.stringify(report, null, 2)}\n`);
  };
  const creation = await onOneFleet(count("services", services), count("idle", idleSeconds), sweepInterval, keep);
  if (!values.short) {
    keep(await becomingReady());
    keep(await replicas());
  }
  if (values.peer) keep(await peer(OF_PEERS, told));
  if (values.large) keep(await largeRestart());
  if (sizes.length > 0) keep(await growth(sizes, creation, told));
  console.log(tableOf(rows));
  told(`${machine}; figures in ${values.out}`);
  const missed = values.short ? missedCounts(rows) : [];
  for (const line of missed) console.error(`bench: ${line}`);
  if (missed.length > 0) process.exitCode = 1;
}
