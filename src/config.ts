import { existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { MOST_SHARDS } from "./controllers/shards.ts";
import { durationMs } from "./crds/effective.ts";
import { duration } from "./crds/fields.ts";
import { operatorConfigFile, type OperatorConfig } from "./crds/operator-config.ts";

/** Flags, environment and the configuration file, parsed once at start and frozen. A mistake is said with its field and ends the start. */

export interface Settings {
  readonly config: OperatorConfig;
  /** Path of a kubeconfig; undefined: in-cluster, or the user's default. */
  readonly kubeconfig: string | undefined;
  /** `host:port` of /metrics, /healthz and /readyz. */
  readonly telemetryAddress: string;
  readonly logLevel: string;
  /** Services worked on at the same time. */
  readonly workers: number;
  readonly perServiceMetrics: "Full" | "Aggregate";
  /** A watch that says nothing for so long, bookmarks included, is taken for dead. */
  readonly watchSilenceMs: number;
  /** Undefined: this process is the only one, and writes without a lease. */
  readonly leaderElection: LeaderElection | undefined;
}

export interface LeaderElection {
  /** Into how many shards the services are divided, each with a Lease. */
  readonly shards: number;
  /** Where the Lease lies. */
  readonly namespace: string;
  /** Others wait so long for a silent leader; whole seconds. */
  readonly durationMs: number;
  /** A leader that could not renew for so long stops: below durationMs. */
  readonly renewDeadlineMs: number;
  /** Between two tries to take or to renew: below renewDeadlineMs. */
  readonly retryPeriodMs: number;
}

/** In a pod: the namespace that it runs in. */
const NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
const DEFAULT_NAMESPACE = "platform-system";

export const USAGE = `platform-operator: makes and keeps what each PlatformService needs.

Usage: platform-operator --config FILE [options]
       platform-operator audit [options]   what AWS holds and no service wants, and what services want and is not there (audit --help)

  --config FILE            the operator's configuration (PLATFORM_OPERATOR_CONFIG)
  --kubeconfig FILE        which cluster; default: in-cluster, else KUBECONFIG, else ~/.kube/config
  --telemetry-address A    host:port of /metrics, /healthz, /readyz; default :8080
  --log-level LEVEL        trace, debug, info, warn, error; default info (LOG_LEVEL)
  --workers N              services worked on at the same time; default 16
  --per-service-metrics M  Full, or Aggregate for fleets that want no series a service; default Full
  --watch-silence S        seconds without a frame after which a watch's connection is given up; default 150, at least 2
                           (bookmarks come about once a minute: below that, quiet watches are started anew for nothing)
  --leader-elect=false     write without a lease: only where no second replica can ever run; default true
  --shards N               how many shards the services are divided into, each with a Lease and led by one replica at a time;
                           default 1, at most ${String(MOST_SHARDS)}, and no more than rollout.maxConcurrent where that is a number
  --leader-election-namespace N
                           where the Leases lie; default: the pod's own namespace, else platform-system
  --leader-election-lease-duration D, --leader-election-renew-deadline D, --leader-election-retry-period D
                           how long others wait for a silent leader, how long a leader tries to renew before it stops,
                           and the time between two tries; default 15s, 10s, 2s
  --help                   this text

AWS credentials, region and endpoint are found as every AWS SDK finds them (AWS_ENDPOINT_URL for an emulator).
Exit codes: 0 ended by a signal, 1 failed, 2 wrong usage or configuration, 3 lost the lease (start it again: it stands by).`;

/** Wrong usage or configuration: the message is for a person, the stack is of no use. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Undefined: `--help` was asked for. Throws ConfigError. */
export function readSettings(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Settings | undefined {
  const flags = parseFlags(argv);
  if (flags.help === true) return undefined;
  const config = namedConfig(flags.config, env);
  const elects = oneOf("--leader-elect", flags["leader-elect"] ?? "true", ["true", "false"]) === "true";
  if (!elects && (flags.shards ?? "1") !== "1") throw new ConfigError("--shards needs leases: leave it out, or --leader-elect=false");
  return {
    config,
    kubeconfig: flags.kubeconfig,
    telemetryAddress: flags["telemetry-address"] ?? ":8080",
    logLevel: oneOf("--log-level", flags["log-level"] ?? env.LOG_LEVEL ?? "info", ["trace", "debug", "info", "warn", "error"]),
    workers: atLeast("--workers", flags.workers ?? "16", 1),
    perServiceMetrics: oneOf("--per-service-metrics", flags["per-service-metrics"] ?? "Full", ["Full", "Aggregate"]),
    watchSilenceMs: atLeast("--watch-silence", flags["watch-silence"] ?? "150", 2) * 1000,
    leaderElection: elects ? leaderElection(flags, config) : undefined,
  };
}

/** The configuration of the file that a flag names, or else the environment. Throws ConfigError. */
export function namedConfig(flag: string | undefined, env: Readonly<Record<string, string | undefined>>): OperatorConfig {
  const file = flag ?? env.PLATFORM_OPERATOR_CONFIG;
  if (file === undefined) throw new ConfigError("--config FILE is required: the operator's configuration (see --help)");
  return deepFreeze(readConfigFile(file));
}

function leaderElection(flags: ReturnType<typeof parseFlags>, { rollout }: OperatorConfig): LeaderElection {
  const timings = {
    durationMs: durationOf("--leader-election-lease-duration", flags["leader-election-lease-duration"] ?? "15s"),
    renewDeadlineMs: durationOf("--leader-election-renew-deadline", flags["leader-election-renew-deadline"] ?? "10s"),
    retryPeriodMs: durationOf("--leader-election-retry-period", flags["leader-election-retry-period"] ?? "2s"),
  };
  if (timings.durationMs % 1000 !== 0)
    throw new ConfigError("--leader-election-lease-duration must be whole seconds: a Lease holds no others");
  if (timings.durationMs <= timings.renewDeadlineMs)
    throw new ConfigError(
      "--leader-election-lease-duration must be longer than the renew deadline: a leader has to stop before another may begin",
    );
  if (timings.renewDeadlineMs <= timings.retryPeriodMs)
    throw new ConfigError("--leader-election-renew-deadline must be longer than the retry period: otherwise no renewal is ever in time");
  return {
    shards: shardsOf(flags.shards ?? "1", rollout.maxConcurrent),
    namespace: flags["leader-election-namespace"] ?? podNamespace() ?? DEFAULT_NAMESPACE,
    ...timings,
  };
}

/** Each shard paces its own rollouts, and none of them may have to wait for ever. */
function shardsOf(flag: string, maxConcurrent: number | string): number {
  const shards = atLeast("--shards", flag, 1);
  if (shards > MOST_SHARDS) throw new ConfigError(`--shards is ${flag}; it must be at most ${String(MOST_SHARDS)}`);
  if (typeof maxConcurrent === "number" && shards > maxConcurrent)
    throw new ConfigError(
      `--shards is ${flag}, and rollout.maxConcurrent ${String(maxConcurrent)}: let at least one service of each shard be rolled out at a time`,
    );
  return shards;
}

function podNamespace(): string | undefined {
  return existsSync(NAMESPACE_FILE) ? readFileSync(NAMESPACE_FILE, "utf8").trim() : undefined;
}

/** Reads and checks a configuration file; every wrong field is named. */
export function readConfigFile(file: string): OperatorConfig {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigError(`cannot read the configuration ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return parseConfig(text, file);
}

/** `source` names the text in messages. */
export function parseConfig(text: string, source: string): OperatorConfig {
  let value: unknown;
  try {
    value = parseYaml(text);
  } catch (error) {
    throw new ConfigError(`${source} is not YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = operatorConfigFile.safeParse(value);
  if (!parsed.success) throw new ConfigError(`${source} is not a valid configuration:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

function parseFlags(argv: readonly string[]) {
  try {
    return parseArgs({
      // As Go's flags have it: a switch alone is true, and it takes a value only after `=`.
      args: argv.map((arg) => (arg === "--leader-elect" ? "--leader-elect=true" : arg)),
      options: {
        config: { type: "string" },
        kubeconfig: { type: "string" },
        "telemetry-address": { type: "string" },
        "log-level": { type: "string" },
        workers: { type: "string" },
        "per-service-metrics": { type: "string" },
        "watch-silence": { type: "string" },
        "leader-elect": { type: "string" },
        shards: { type: "string" },
        "leader-election-namespace": { type: "string" },
        "leader-election-lease-duration": { type: "string" },
        "leader-election-renew-deadline": { type: "string" },
        "leader-election-retry-period": { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new ConfigError(`${error instanceof Error ? error.message : String(error)} (see --help)`);
  }
}

/** Throws ConfigError. */
export function oneOf<const T extends string>(flag: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((a) => a === value);
  if (found === undefined) throw new ConfigError(`${flag} is ${value}; it must be one of ${allowed.join(", ")}`);
  return found;
}

function atLeast(flag: string, value: string, least: number): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < least)
    throw new ConfigError(`${flag} is ${value}; it must be a whole number of at least ${String(least)}`);
  return number;
}

function durationOf(flag: string, value: string): number {
  if (!duration(flag).safeParse(value).success) throw new ConfigError(`${flag} is ${value}; it must be a duration such as 15s or 500ms`);
  return durationMs(value);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}
