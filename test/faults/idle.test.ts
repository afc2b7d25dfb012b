import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EmulatorAdmin } from "../../emulator/admin-client.ts";
import { startEnvironment, type Environment } from "../../src/cli/environment.ts";
import { OPERATOR_KEY, ROOT } from "../../src/cli/keys.ts";
import { startOperator, type OperatorProcess } from "../../src/cli/operator-process.ts";
import { isReady } from "../../src/cli/service-watch.ts";
import { auditEvents, OPERATOR_USER, READS, type AuditEvent } from "../support/audit-log.ts";
import { provokePass } from "../support/operator-writes.ts";
import { PATIENCE_MS, platformOf, type Platform } from "../support/platform.ts";

/** Five minutes in which nothing happens, and then another process. The one test that waits on the clock: it asserts what does not happen in a given time. */

const IDLE_MS = 300_000;
const SAMPLES = 5;

let environment: Environment;
let platform: Platform;
let successor: OperatorProcess | undefined;

beforeAll(async () => {
  environment = await startEnvironment({ audit: true, log: () => undefined });
  platform = platformOf(environment);
  await platform.kubectl(["apply", "-f", join(ROOT, "config/samples")]);
  await platform.watch.until("every repository", () => withRepository().length === SAMPLES, PATIENCE_MS);
  for (const { metadata } of platform.watch.list()) await platform.push(metadata);
  await platform.watch.until("every sample is Ready", () => platform.watch.list().every(isReady), PATIENCE_MS);
  // The event that says Ready is written after the status that says it: a pass later it is there.
  for (const { metadata } of platform.watch.list()) await provokePass(platform, metadata);
});

afterAll(async () => {
  await successor?.stop();
  await platform.close();
  await environment.stop();
});

test(
  "with everything Ready, five minutes bring no write to the API server by the operator but its lease's, and no mutation in AWS",
  async () => {
    const admin = new EmulatorAdmin(platform.info.awsEndpoint);
    const before = {
      kubernetes: (await operatorWrites(isNoLease)).length,
      lease: (await operatorWrites(isLease)).length,
      aws: await admin.lastSequence(),
    };
    await new Promise((resolve) => void setTimeout(resolve, IDLE_MS));
    expect((await operatorWrites(isNoLease)).slice(before.kubernetes)).toEqual([]);
    expect(new Set((await operatorWrites(isLease)).slice(before.lease))).toEqual(new Set([RENEWAL]));
    const calls = (await admin.actions(before.aws)).filter((a) => a.accessKeyId === OPERATOR_KEY);
    expect(calls.filter((a) => a.access === "write").map((a) => a.action)).toEqual([]);
    // The sweeps went on meanwhile, so it was alive.
    expect(new Set(calls.map((a) => a.action))).toContain("iam:GetAccountAuthorizationDetails");
    expect(platform.watch.list().filter(isReady)).toHaveLength(SAMPLES);
  },
  IDLE_MS + 60_000,
);

test("another process asks AWS of what runs and is as it was by bulk reads alone, and writes nothing there", async () => {
  const { plane, operatorKubeconfig: kubeconfig, emulator, operator, config } = environment;
  const configHashes = (): ReadonlySet<string | undefined> =>
    new Set(platform.watch.list().map(({ status }) => status?.inputs?.configHash));
  const [before] = configHashes();
  await operator.stop();
  // Another hash in its status says that a service has been looked at; and no sweep comes meanwhile.
  const configFile = join(plane.dir, "successor.json");
  await writeFile(configFile, JSON.stringify({ ...config, aws: { ...config.aws, sweepInterval: "1h" } }));
  const since = await new EmulatorAdmin(emulator.url).lastSequence();
  successor = await startOperator({ dir: plane.dir, configFile, kubeconfig, awsEndpoint: emulator.url, name: "successor" });
  await platform.watch.until("each has been looked at", () => configHashes().size === 1 && !configHashes().has(before), PATIENCE_MS);
  const calls = (await new EmulatorAdmin(emulator.url).actions(since)).filter((a) => a.accessKeyId === OPERATOR_KEY);
  expect(calls.map((a) => a.action).toSorted()).toEqual([
    "ecr:DescribeRepositories",
    "iam:GetAccountAuthorizationDetails",
    "sts:GetCallerIdentity",
  ]);
  expect(platform.watch.list().filter(isReady)).toHaveLength(SAMPLES);
});

function withRepository(): readonly unknown[] {
  return platform.watch.list().filter((service) => service.status?.repository !== undefined);
}

const RENEWAL = "patch /apis/coordination.k8s.io/v1/namespaces/platform-system/leases/platform-operator?fieldManager=platform-operator";

function isLease({ objectRef }: AuditEvent): boolean {
  return objectRef?.resource === "leases";
}

function isNoLease(event: AuditEvent): boolean {
  return !isLease(event);
}

async function operatorWrites(matches: (event: AuditEvent) => boolean): Promise<readonly string[]> {
  const ours = (agent = ""): boolean => agent.startsWith("platform-operator/");
  const writes = await auditEvents(
    platform.info.auditLogFile,
    (e) => ours(e.userAgent) && e.user.username === OPERATOR_USER && !READS.has(e.verb) && matches(e),
  );
  return writes.map((e) => `${e.verb} ${e.requestURI}`);
}
