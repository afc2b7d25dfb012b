import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateOpenIDConnectProviderCommand } from "@aws-sdk/client-iam";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startControlPlane, type ControlPlane } from "../../controlplane/start.ts";
import { EmulatorAdmin } from "../../emulator/admin-client.ts";
import type { Emulator } from "../../emulator/server.ts";
import { adminIam, DEV_CONFIG, installPlatform, operatorAccess, startAws } from "../../src/cli/environment.ts";
import { OPERATOR_KEY, ROOT } from "../../src/cli/keys.ts";
import { startOperator, type OperatorProcess } from "../../src/cli/operator-process.ts";
import { isReady } from "../../src/cli/service-watch.ts";
import { readConfigFile } from "../../src/config.ts";
import { auditOf, type AuditPlace } from "../support/audit-process.ts";
import { infoOf, PATIENCE_MS, Platform } from "../support/platform.ts";

/**
 * Disaster recovery: a cluster is thrown away, so that no finalizer ever runs, and a new one of the same name is built from the same YAML in the same AWS account.
 */

const DEV = readConfigFile(DEV_CONFIG);
/** Of the samples. */
const SERVICES = 5;

let dir: string;
let emulator: Emulator;
let admin: EmulatorAdmin;
let cluster: Cluster | undefined;

interface Cluster {
  readonly plane: ControlPlane;
  readonly place: AuditPlace;
  readonly startOperator: () => Promise<Platform>;
  /** Nothing of it is told that it ends. */
  readonly throwAway: () => Promise<void>;
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "rebuilt-"));
  emulator = await startAws(DEV);
  admin = new EmulatorAdmin(emulator.url);
});

afterAll(async () => {
  await cluster?.throwAway();
  await emulator.close();
  await rm(dir, { recursive: true });
});

/** Control plane, CRDs and tiers; `config` over the development configuration's. No sweep heals what a pass must find. */
async function build(config: object = {}): Promise<Cluster> {
  const plane = await startControlPlane();
  await installPlatform(plane);
  const configFile = join(dir, "operator-config.json");
  await writeFile(configFile, JSON.stringify({ ...DEV, aws: { sweepInterval: "1h" }, ...config }));
  const kubeconfig = await operatorAccess(plane);
  const place = { configFile, kubeconfig, awsEndpoint: emulator.url };
  let operator: OperatorProcess | undefined;
  let platform: Platform | undefined;
  return {
    plane,
    place,
    async startOperator() {
      operator = await startOperator({ dir: plane.dir, ...place });
      platform = new Platform(infoOf({ plane, emulator, operator, operatorKubeconfig: kubeconfig, configFile }));
      return platform;
    },
    async throwAway() {
      await operator?.kill();
      await platform?.close();
      await plane.stop();
    },
  };
}

async function applyEverything({ plane }: Cluster): Promise<void> {
  await plane.kubectl(["apply", "-f", join(ROOT, "config/samples")]);
}

async function everyServiceReady({ watch }: Platform): Promise<void> {
  await watch.until("every service is Ready", () => watch.list().length === SERVICES && watch.list().every(isReady), 2 * PATIENCE_MS);
}

/** What the operator has written in AWS since that call; a creation of what is there, which AWS refuses, is none. */
async function writesSince(sequence: number): Promise<readonly string[]> {
  const calls = await admin.actions(sequence);
  return calls
    .filter((call) => call.accessKeyId === OPERATOR_KEY && call.access === "write" && call.committed)
    .map(({ operation }) => operation);
}

async function lastCall(): Promise<number> {
  return await admin.lastSequence();
}

test("every service is Ready again by what it finds: nothing in AWS is made, changed or deleted, and the images are there", async () => {
  cluster = await build();
  const first = await cluster.startOperator();
  await applyEverything(cluster);
  await first.watch.until(
    "every repository",
    () => first.watch.list().filter(({ status }) => status?.repository !== undefined).length === SERVICES,
    PATIENCE_MS,
  );
  for (const { metadata } of first.watch.list()) await first.push(metadata);
  await everyServiceReady(first);
  expect(await auditOf(cluster.place)).toMatchObject({ exitCode: 0, findings: [] });
  const uids = first.watch.list().map(({ metadata }) => metadata.uid);
  await cluster.throwAway();

  const before = await admin.state();
  const since = await lastCall();
  expect([before.roles.length, before.repositories.length]).toEqual([SERVICES, SERVICES]);
  cluster = await build();

  // What somebody sees who looks too early: everything is an orphan, and nothing of it can be deleted.
  const early = await auditOf(cluster.place, "--delete", "--with-images", "--include-retained");
  expect(early).toMatchObject({
    exitCode: 2,
    refused: expect.stringContaining("so a cluster looks that is being restored"),
    deletions: [],
  });
  expect(early.findings.filter((one) => one.startsWith("Orphaned Role"))).toHaveLength(SERVICES);
  expect(early.findings.filter((one) => one.startsWith("Orphaned Repository"))).toHaveLength(SERVICES);

  const second = await cluster.startOperator();
  await applyEverything(cluster);
  await everyServiceReady(second);
  expect(second.watch.list().map(({ metadata }) => metadata.uid)).not.toEqual(expect.arrayContaining(uids));
  expect(await writesSince(since)).toEqual([]);
  // Ids, times of creation, images and all.
  expect(await admin.state()).toEqual(before);
  expect(await auditOf(cluster.place)).toMatchObject({ exitCode: 0, findings: [] });
});

test("with another OIDC issuer, as every new cluster of EKS has, the trust policies follow it, and nothing else changes", async () => {
  await cluster?.throwAway();
  const oidcIssuer = "https://oidc.eks.eu-west-1.amazonaws.com/id/REBUILT";
  const iam = adminIam(DEV, emulator.url);
  await iam.send(new CreateOpenIDConnectProviderCommand({ Url: oidcIssuer, ClientIDList: ["sts.amazonaws.com"] }));
  iam.destroy();
  const before = await admin.state();
  const since = await lastCall();

  cluster = await build({ cluster: { ...DEV.cluster, oidcIssuer } });
  const third = await cluster.startOperator();
  await applyEverything(cluster);
  await everyServiceReady(third);
  expect(await writesSince(since)).toEqual(Array.from({ length: SERVICES }, () => "iam:UpdateAssumeRolePolicy"));
  const after = await admin.state();
  expect({ ...after, roles: withoutTrust(after.roles) }).toEqual({ ...before, roles: withoutTrust(before.roles) });
  expect(JSON.stringify(after.roles)).not.toContain("id/DEMO");
  expect(await auditOf(cluster.place)).toMatchObject({ exitCode: 0, findings: [] });
});

function withoutTrust(roles: Awaited<ReturnType<EmulatorAdmin["state"]>>["roles"]): readonly unknown[] {
  return roles.map((row) => JSON.parse(JSON.stringify(row), (key, value: unknown) => (/trust|assumeRole/i.test(key) ? undefined : value)));
}
