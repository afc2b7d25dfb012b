import { randomInt, randomUUID } from "node:crypto";
import { hostname } from "node:os";
import manifest from "../package.json" with { type: "json" };
import { createAws, type AwsConnection } from "./aws/aws.ts";
import { paceOf } from "./aws/token-bucket.ts";
import { audit } from "./cli/audit/audit.ts";
import { ConfigError, readSettings, USAGE, type LeaderElection, type Settings } from "./config.ts";
import { ALONE, type Ending } from "./controllers/leadership.ts";
import { createOperator } from "./controllers/operator.ts";
import { identityOf, leaseName, ShardLeases } from "./controllers/shard-leases.ts";
import { MissingApiError } from "./controllers/required-apis.ts";
import { workspaceOfUrl } from "./crds/prometheus-config.ts";
import { systemClock } from "./kube/clock.ts";
import type { Log } from "./kube/log.ts";
import { EventRecorder } from "./kube/events.ts";
import { loadKubeConfig } from "./kube/kubeconfig.ts";
import { createTransport, type TransportOptions } from "./kube/transport.ts";
import { createPrometheus } from "./prometheus/client.ts";
import { AwsError, type Prometheus } from "./reconcilers/ports.ts";
import { createLogger } from "./telemetry/logger.ts";
import { createMetrics } from "./telemetry/metrics.ts";
import { serveTelemetry } from "./telemetry/server.ts";

/** The composition root: configuration, clients, controllers, servers. */
async function main(settings: Settings): Promise<Ending> {
  const { version } = manifest;
  const { leaderElection } = settings;
  const log = createLogger(settings.logLevel);
  const metrics = createMetrics({ version, perService: settings.perServiceMetrics });
  const random = (): number => randomInt(0, 1_000_000) / 1_000_000;
  const kubeConfig = loadKubeConfig(settings.kubeconfig);
  const toApiServer = {
    version,
    identity: identityOf(`${hostname()}_${randomUUID()}`, leaderElection?.shards ?? 1),
    clock: systemClock,
    observer: {
      request: (verb: string, resource: string, code: number, seconds: number) => metrics.kubeRequest(verb, resource, code, seconds),
    },
  };
  const leaseTransport = leaderElection && createTransport(kubeConfig, { ...toApiServer, ...forRenewals(leaderElection) });
  const leases =
    leaseTransport &&
    new ShardLeases({
      transport: leaseTransport,
      namespace: leaderElection.namespace,
      shards: leaderElection.shards,
      identity: toApiServer.identity,
      timings: leaderElection,
      clock: systemClock,
      random,
      log,
      onChange: (lease, holds) => metrics.leads(lease, holds),
    });
  for (let shard = 0; shard < (leases?.shards ?? 0); shard++) metrics.leads(leaseName(shard), false);
  const fenced = leases ? { fence: leases } : {};
  const transport = createTransport(kubeConfig, { ...toApiServer, ...fenced, pace: paceOf(settings.config.kubernetes.limit, systemClock) });
  const aws = createAws(settings.config, {
    version,
    clock: systemClock,
    observer: { request: (service, operation, code, seconds) => metrics.awsRequest(service, operation, code, seconds) },
    ...fenced,
  });
  const events = new EventRecorder({ transport, clock: systemClock, log, instance: hostname(), onFailure: () => metrics.eventDropped() });
  const operator = createOperator({
    config: settings.config,
    transport,
    aws,
    prometheus: prometheusOf(settings, version, aws),
    metrics,
    events,
    leadership: leases ?? ALONE,
    log,
    clock: systemClock,
    random,
    workers: settings.workers,
    silenceMs: settings.watchSilenceMs,
  });
  const server = await serveTelemetry(settings.telemetryAddress, metrics, { live: operator.alive, ready: operator.synced });
  log.info(
    {
      version,
      identity: toApiServer.identity,
      telemetry: server.url,
      cluster: settings.config.cluster.name,
      region: settings.config.cluster.region,
    },
    "platform-operator starts",
  );

  const ending = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => ending.abort());
  process.on("unhandledRejection", (error) => log.error({ err: error }, "unhandled rejection"));
  let how: Ending = "finished";
  try {
    await checkAccount(aws, settings.config.cluster.accountId, log);
    how = await operator.run(ending.signal);
  } finally {
    if (how === "finished") {
      await server.close();
      await transport.close();
      await leaseTransport?.close();
      await aws.close();
    }
  }
  log.info({ how }, "platform-operator ended");
  return how;
}

/** Undefined: the configuration names none. */
function prometheusOf({ config }: Settings, version: string, aws: AwsConnection): Prometheus | undefined {
  const settings = config.slos.prometheus;
  if (settings === null) return undefined;
  const region = workspaceOfUrl(settings.url)?.region ?? config.cluster.region;
  return createPrometheus(settings, { version, sign: aws.signer(PROMETHEUS_SIGNING_NAME, region) });
}

/** Of Amazon Managed Service for Prometheus. */
const PROMETHEUS_SIGNING_NAME = "aps";

/** A renewal that gets no answer is given up in time for another, and none waits for another's, nor for what is asked about leases. */
function forRenewals({ renewDeadlineMs, shards }: LeaderElection): Pick<TransportOptions, "connections" | "requestTimeoutMs"> {
  return { connections: shards + 1, requestTimeoutMs: renewDeadlineMs / 2 };
}

/** Credentials of another account would write roles there: better no start. When AWS does not answer, the passes say so. */
async function checkAccount(aws: AwsConnection, accountId: string, log: Log): Promise<void> {
  try {
    const caller = await aws.caller();
    if (caller.account !== accountId) {
      throw new ConfigError(
        `the credentials are of account ${caller.account} (${caller.arn}), the configuration says ${accountId}: correct one of them`,
      );
    }
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    log.warn({ class: error.class, code: error.code }, "AWS does not say who we are; going on, each step says what it meets");
  }
}

const [subcommand, ...rest] = process.argv.slice(2);
try {
  const settings = subcommand === "audit" ? "audit" : readSettings(process.argv.slice(2), process.env);
  if (settings === "audit") {
    process.exitCode = await audit(rest, process.env, manifest.version);
  } else if (settings) {
    const how = await main(settings);
    // What has not come to its end goes no further, whatever it waits for: its connections end with the process.
    if (how !== "finished") process.exit(how === "lost" ? 3 : 0);
  } else {
    console.log(USAGE);
  }
} catch (error) {
  if (!(error instanceof ConfigError) && !(error instanceof MissingApiError)) throw error;
  console.error(`platform-operator: ${error.message}`);
  process.exitCode = 2;
}
