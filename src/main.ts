import { randomInt } from "node:crypto";
import { hostname } from "node:os";
import { KubeConfig } from "@kubernetes/client-node";
import manifest from "../package.json" with { type: "json" };
import { createAws, type AwsConnection } from "./aws/aws.ts";
import { ConfigError, readSettings, USAGE, type Settings } from "./config.ts";
import { createOperator } from "./controllers/operator.ts";
import { MissingApiError } from "./controllers/required-apis.ts";
import { systemClock } from "./kube/clock.ts";
import type { Log } from "./kube/log.ts";
import { EventRecorder } from "./kube/events.ts";
import { createTransport } from "./kube/transport.ts";
import { AwsError } from "./reconcilers/ports.ts";
import { createLogger } from "./telemetry/logger.ts";
import { createMetrics } from "./telemetry/metrics.ts";
import { serveTelemetry } from "./telemetry/server.ts";

/** The composition root: configuration, clients, controllers, servers. */
async function main(settings: Settings): Promise<void> {
  const { version } = manifest;
  const log = createLogger(settings.logLevel);
  const metrics = createMetrics({ version, perService: settings.perServiceMetrics });
  const transport = createTransport(loadKubeConfig(settings.kubeconfig), {
    version,
    clock: systemClock,
    observer: { request: (verb, resource, code, seconds) => metrics.kubeRequest(verb, resource, code, seconds) },
  });
  const aws = createAws(settings.config, {
    version,
    clock: systemClock,
    observer: { request: (service, operation, code, seconds) => metrics.awsRequest(service, operation, code, seconds) },
  });
  const events = new EventRecorder({ transport, clock: systemClock, log, instance: hostname(), onFailure: () => metrics.eventDropped() });
  const operator = createOperator({
    config: settings.config,
    transport,
    aws,
    metrics,
    events,
    log,
    clock: systemClock,
    random: () => randomInt(0, 1_000_000) / 1_000_000,
    workers: settings.workers,
    silenceMs: settings.watchSilenceMs,
  });
  const server = await serveTelemetry(settings.telemetryAddress, metrics.registry, { live: operator.alive, ready: operator.synced });
  log.info(
    { version, telemetry: server.url, cluster: settings.config.cluster.name, region: settings.config.cluster.region },
    "platform-operator starts",
  );

  await checkAccount(aws, settings.config.cluster.accountId, log);
  const ending = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => ending.abort());
  process.on("unhandledRejection", (error) => log.error({ err: error }, "unhandled rejection"));
  try {
    await operator.run(ending.signal);
  } finally {
    await server.close();
    await transport.close();
    aws.close();
  }
  log.info({}, "platform-operator ended");
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

function loadKubeConfig(file: string | undefined): KubeConfig {
  const kubeConfig = new KubeConfig();
  if (file === undefined) kubeConfig.loadFromDefault();
  else kubeConfig.loadFromFile(file);
  return kubeConfig;
}

try {
  const settings = readSettings(process.argv.slice(2), process.env);
  if (settings) await main(settings);
  else console.log(USAGE);
} catch (error) {
  if (!(error instanceof ConfigError) && !(error instanceof MissingApiError)) throw error;
  console.error(`platform-operator: ${error.message}`);
  process.exitCode = 2;
}
