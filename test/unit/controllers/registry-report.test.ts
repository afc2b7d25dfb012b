import {
  PutRegistryScanningConfigurationCommand,
  PutReplicationConfigurationCommand,
  type RegistryScanningRule,
} from "@aws-sdk/client-ecr";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RegistryReport } from "../../../src/controllers/registry-report.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";
import { emulatedAws, type EmulatedAws } from "../../support/aws/emulated.ts";

/** What is said of the registry's own settings; they are read, never written. */

const PREFIX = "prod/";

let aws: EmulatedAws;

beforeAll(async () => {
  aws = await emulatedAws();
});
afterAll(async () => aws.close());

async function scan(...rules: RegistryScanningRule[]): Promise<void> {
  await aws.ecr.send(new PutRegistryScanningConfigurationCommand({ scanType: "BASIC", rules }));
}

test("a registry that does not scan is said once, and once that it does; the metrics have it at each look", async () => {
  const metrics = createMetrics({ version: "1.2.3", perService: "Full" });
  const said: string[] = [];
  const log = {
    debug: () => undefined,
    info: (_: object, message: string) => void said.push(`info: ${message}`),
    warn: (_: object, message: string) => void said.push(`warn: ${message}`),
    error: () => undefined,
  };
  const report = new RegistryReport({ prefix: PREFIX, log, metrics });
  const look = async (): Promise<string[]> => {
    report.seen(await aws.operator.bulk.registry());
    return (await metrics.text()).split("\n").filter((line) => line.startsWith("platform_registry_"));
  };
  const series = (scanning: number, replication: number) => [
    `platform_registry_scanning{prefix="prod/"} ${scanning}`,
    `platform_registry_replication{prefix="prod/"} ${replication}`,
  ];

  expect(await look()).toEqual(series(0, 0));
  await scan({ scanFrequency: "MANUAL", repositoryFilters: [{ filter: "*", filterType: "WILDCARD" }] });
  expect(await look()).toEqual(series(0, 0));
  expect(said).toEqual([
    "warn: no scanning rule of the ECR registry is about every repository under the prefix: what is vulnerable in images is not found; add the filter prod/* to its scanning configuration",
  ]);

  await scan({ scanFrequency: "SCAN_ON_PUSH", repositoryFilters: [{ filter: "prod/*", filterType: "WILDCARD" }] });
  const rules = [{ destinations: [{ region: "eu-central-1", registryId: "111122223333" }] }];
  await aws.ecr.send(new PutReplicationConfigurationCommand({ replicationConfiguration: { rules } }));
  expect(await look()).toEqual(series(1, 1));
  expect(await look()).toEqual(series(1, 1));
  expect(said.slice(1)).toEqual(["info: the ECR registry scans every repository under the prefix now"]);

  await scan();
  expect(await look()).toEqual(series(0, 1));
  expect(said.slice(2)).toEqual([said[0]]);
  expect(aws.recorder.writes()).toEqual([]);
});
