import { CreateRepositoryCommand } from "@aws-sdk/client-ecr";
import { CreateRoleCommand, DeleteRoleCommand, GetRoleCommand } from "@aws-sdk/client-iam";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { EmulatorAdmin } from "../../emulator/admin-client.ts";
import { startEnvironment, type Environment } from "../../src/cli/environment.ts";
import { OPERATOR_KEY } from "../../src/cli/keys.ts";
import { startOperator, type OperatorProcess } from "../../src/cli/operator-process.ts";
import { roleName } from "../../src/resources/iam/role.ts";
import { auditEvents, OPERATOR_USER } from "../support/audit-log.ts";
import { auditOf, auditProcess } from "../support/audit-process.ts";
import { PATIENCE_MS, platformOf, type Platform } from "../support/platform.ts";

/**
 * `platform-operator audit` as a process beside the operator, under the operator's own rights, on a real API server: what it finds of services that came to their ends in each way,
 * and what it deletes.
 */

const NAMESPACE = "audit";
/** Lives all the time. */
const LIVES = "lives";
/** What the first tests leave. */
const KEPT = ["cascaded", "kept"]
  .flatMap((name) => [`Retained Repository audit/${name}`, `Retained Role eu-west-1.demo.audit.${name}`])
  .toSorted();

let environment: Environment;
let platform: Platform;
let admin: EmulatorAdmin;
let operator: OperatorProcess;

beforeAll(async () => {
  environment = await startEnvironment({ audit: true, log: () => undefined });
  platform = platformOf(environment);
  operator = environment.operator;
  admin = new EmulatorAdmin(platform.info.awsEndpoint);
  await platform.namespace(NAMESPACE);
  await platform.ready(keyOf(LIVES));
});

afterAll(async () => {
  await platform.close();
  await operator.stop();
  await environment.stop();
});

const keyOf = (name: string) => ({ namespace: NAMESPACE, name });
const place = () => ({
  configFile: platform.info.configFile,
  kubeconfig: platform.info.operatorKubeconfig,
  awsEndpoint: platform.info.awsEndpoint,
});
const audit = (...args: readonly string[]) => auditOf(place(), ...args);
const role = (name: string): string => roleName(keyOf(name), platform.config);

async function remove(name: string, ...args: readonly string[]): Promise<void> {
  await platform.kubectl(["delete", "psvc", name, "-n", NAMESPACE, "--wait=false", ...args]);
}

/** Pods and ServiceAccounts of it. */
async function leftOf(name: string): Promise<readonly string[]> {
  const out = await platform.kubectl([
    "get",
    "pod,serviceaccount",
    "-n",
    NAMESPACE,
    "-l",
    `platform-operator.dev/service=${name}`,
    "-o",
    "name",
  ]);
  return out.split("\n").filter((line) => line !== "");
}

async function orphans(kind: string): Promise<number | undefined> {
  const text = await (await fetch(`${operator.telemetryUrl}/metrics`)).text();
  const value = new RegExp(`^platform_aws_orphans\\{kind="${kind}"\\} (.*)$`, "m").exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

/** What the operator's key has changed in AWS since, the audit's and its own. */
async function writesSince(sequence: number): Promise<readonly string[]> {
  const calls = await admin.actions(sequence);
  return calls
    .filter((call) => call.accessKeyId === OPERATOR_KEY && call.access === "write" && call.committed)
    .map(({ operation }) => operation);
}

test("a service that lives is no finding, and the audit writes nothing", async () => {
  const since = await admin.lastSequence();
  const table = await auditProcess(place(), []);
  expect(table).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining("nothing found"),
    stderr: expect.stringContaining("reading IAM roles"),
  });
  expect(await audit()).toMatchObject({ exitCode: 0, findings: [], cluster: "eu-west-1.demo" });
  expect(await writesSince(since)).toEqual([]);
  await expect.poll(() => orphans("Role"), { timeout: PATIENCE_MS }).toBe(0);
});

test("what a service kept on purpose is Retained, no error, and no orphan of the metric", async () => {
  await platform.ready(keyOf("kept"), { aws: { deletionPolicy: "Retain" } });
  await remove("kept");
  await platform.untilGone(keyOf("kept"));
  expect(await audit()).toMatchObject({ exitCode: 0, findings: ["Retained Repository audit/kept", `Retained Role ${role("kept")}`] });
  expect(await audit("--delete", "--with-images")).toMatchObject({ exitCode: 0, deletions: [] });
  expect([await orphans("Role"), await orphans("Repository")]).toEqual([0, 0]);
});

test("applied again, it takes up what it kept, and the note is gone", async () => {
  await platform.applyService(keyOf("kept"), { aws: { deletionPolicy: "Retain" } });
  await platform.untilReady(keyOf("kept"));
  expect(await audit()).toMatchObject({ exitCode: 0, findings: [] });
  const { Role } = await platform.iam.send(new GetRoleCommand({ RoleName: role("kept") }));
  expect(Role?.Tags?.map(({ Key }) => Key)).not.toContain("platform-operator.dev/retained");
  await remove("kept");
  await platform.untilGone(keyOf("kept"));
});

test("what --cascade=orphan left is in use by what runs, and cannot be deleted", async () => {
  await platform.ready(keyOf("cascaded"));
  await remove("cascaded", "--cascade=orphan");
  await platform.untilGone(keyOf("cascaded"));
  const { findings, details, plan } = await audit("--delete", "--include-retained", "--with-images");
  expect(findings).toContain(`Retained Role ${role("cascaded")}`);
  expect(details.find(({ name }) => name === role("cascaded"))?.why).toMatch(/pod audit\/cascaded-.* of it still runs/);
  expect(plan?.objects.map(({ name }) => name)).not.toContain(role("cascaded"));
  expect(plan?.objects.map(({ name }) => name)).not.toContain("audit/cascaded");
  await platform.kubectl(["delete", "deployment,serviceaccount,service", "-n", NAMESPACE, "-l", "platform-operator.dev/service=cascaded"]);
  await expect.poll(() => leftOf("cascaded"), { timeout: PATIENCE_MS }).toEqual([]);
});

test("a role of others under a service's name, and one that somebody deleted: Foreign and Missing, with what to do", async () => {
  const trust = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }],
  });
  await platform.iam.send(new CreateRoleCommand({ RoleName: role("taken"), AssumeRolePolicyDocument: trust }));
  await platform.applyService(keyOf("taken"), { image: { deletionPolicy: "Delete" } });
  await platform.untilCondition(keyOf("taken"), "IdentityReady", "False", "NotOwned");
  const { exitCode, details } = await audit();
  expect(exitCode).toBe(1);
  expect(details.filter(({ name }) => name === role("taken"))).toMatchObject([
    { state: "Foreign", kind: "Role", service: "audit/taken", why: "audit/taken wants it, and it has no tags of platform-operator.dev" },
  ]);
  await remove("taken");
  await platform.untilGone(keyOf("taken"));
  await platform.iam.send(new DeleteRoleCommand({ RoleName: role("taken") }));
});

describe("while the operator is away", () => {
  beforeAll(async () => {
    await platform.ready(keyOf("forced"));
    await operator.stop();
    await remove("forced");
    const patch = JSON.stringify({ metadata: { finalizers: null } });
    await platform.kubectl(["patch", "psvc", "forced", "-n", NAMESPACE, "--type=merge", "-p", patch]);
    await platform.untilGone(keyOf("forced"));
    await platform.kubectl([
      "delete",
      "deployment,serviceaccount",
      "-n",
      NAMESPACE,
      "-l",
      "platform-operator.dev/service=forced",
      "--ignore-not-found",
    ]);
    await vi.waitUntil(async () => (await leftOf("forced")).length === 0, { timeout: PATIENCE_MS });
  });

  test("what a service left whose finalizer was taken off is Orphaned", async () => {
    expect((await audit()).findings).toEqual(["Orphaned Repository audit/forced", `Orphaned Role ${role("forced")}`, ...KEPT]);
  });

  test("what somebody deleted of one that lives is Missing, with what to do", async () => {
    await platform.iam.send(new DeleteRoleCommand({ RoleName: role(LIVES) }));
    const { exitCode, details } = await audit();
    expect({ exitCode, missing: details.filter(({ state }) => state === "Missing") }).toMatchObject({
      exitCode: 1,
      missing: [{ kind: "Role", name: role(LIVES), todo: expect.stringContaining("platform-operator.dev/reconcile-at") }],
    });
  });

  test("the operator, back, makes what is missing, and its metric says what is an orphan", async () => {
    operator = await startOperator({ dir: environment.plane.dir, name: "successor", ...place() });
    await expect
      .poll(async () => (await audit()).findings.filter((one) => one.startsWith("Missing")), { timeout: PATIENCE_MS })
      .toEqual([]);
    await expect.poll(() => orphans("Role"), { timeout: PATIENCE_MS }).toBe(1);
    expect(await orphans("Repository")).toBe(1);
  });
});

describe("--delete", () => {
  const OTHERS = "audit/of-another-cluster";

  test("without a terminal deletes nothing, and shows the plan", async () => {
    const since = await admin.lastSequence();
    const { exitCode, refused, plan } = await audit("--delete");
    expect({ exitCode, refused }).toEqual({ exitCode: 2, refused: expect.stringContaining(`--yes ${plan?.id ?? ""}`) });
    expect(plan?.objects.map(({ name }) => name)).toEqual([role("forced")]);
    expect(await writesSince(since)).toEqual([]);
  });

  test("deletes what was agreed to at a terminal and nothing else; another cluster's, what is kept and what lives stay", async () => {
    const tags = { cluster: "eu-west-1.other", namespace: NAMESPACE, name: "of-another-cluster" };
    await platform.ecr.send(
      new CreateRepositoryCommand({
        repositoryName: OTHERS,
        tags: Object.entries(tags).map(([key, Value]) => ({ Key: `platform-operator.dev/${key}`, Value })),
      }),
    );
    const before = await admin.state();
    const no = await auditProcess(place(), ["--delete"], ["no"]);
    expect(no).toMatchObject({ exitCode: 1, stdout: expect.stringContaining("it was not agreed to") });
    expect(await admin.state()).toEqual(before);

    const yes = await auditProcess(place(), ["--delete"], ["1", "3 images"]);
    expect(yes.stdout).toContain("2 of 2 deleted");
    expect(yes.exitCode).toBe(0);
    const after = await admin.state();
    const names = (rows: readonly unknown[]): readonly string[] => rows.map((row) => JSON.stringify(row));
    const isForced = (row: string): boolean => row.includes("forced");
    expect(names(after.roles)).toEqual(names(before.roles).filter((row) => !isForced(row)));
    expect(names(after.repositories)).toEqual(names(before.repositories).filter((row) => !isForced(row)));
    expect(await audit()).toMatchObject({ exitCode: 0, findings: KEPT });
    await expect.poll(() => orphans("Role"), { timeout: PATIENCE_MS }).toBe(0);
  });
});

test("neither the API server nor AWS has denied anything", async () => {
  const denied = await auditEvents(platform.info.auditLogFile, (e) => e.user.username === OPERATOR_USER && e.responseStatus?.code === 403);
  expect(denied.map((e) => `${e.verb} ${e.requestURI}`)).toEqual([]);
  const actions = await admin.actions();
  expect(actions.filter((a) => a.accessKeyId === OPERATOR_KEY && a.code.startsWith("AccessDenied")).map(({ action }) => action)).toEqual(
    [],
  );
});
