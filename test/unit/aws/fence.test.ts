import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer } from "node:http";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createAws, type AwsConnection } from "../../../src/aws/aws.ts";
import type { RoleDesired } from "../../../src/crds/desired.ts";
import { AwsError } from "../../../src/reconcilers/ports.ts";
import { buildRole } from "../../../src/resources/iam/role.ts";
import { systemClock } from "../../../src/kube/clock.ts";
import { operatorConfig } from "../../support/aws/operator-config.ts";
import { emulatedAws, OPERATOR, type EmulatedAws } from "../../support/aws/emulated.ts";
import { service } from "../../support/aws/service.ts";
import { Gate } from "../../support/gate.ts";
import { addressOf } from "../../support/scripted-server.ts";

/** What AWS hears of a process that may not change anything any more: nothing. */

let aws: EmulatedAws;
let gate: Gate;
let connection: AwsConnection;
let services = 0;

beforeAll(async () => {
  aws = await emulatedAws();
});
afterAll(async () => aws.close());
beforeEach(async () => {
  services++;
  gate = new Gate();
  connection = aws.behind(gate);
  await aws.emulator.clearFaults();
  await aws.emulator.clearActions();
});
afterEach(() => connection.close());

function role(): RoleDesired {
  return buildRole(service({}, { namespace: "tracking", name: `fenced${String(services)}` }), aws.config);
}

/** Operations that the emulator heard of the operator, in order. */
async function heard(): Promise<readonly string[]> {
  const actions = await aws.emulator.actions();
  return actions.filter((a) => a.accessKeyId === OPERATOR.accessKeyId && a.action === a.operation).map((a) => a.operation);
}

async function awsError(promise: Promise<unknown>): Promise<AwsError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof AwsError)) throw new Error("not rejected with an AwsError", { cause: error });
  return error;
}

test("an open one lets everything through, and is asked for each call", async () => {
  await connection.roles.create(role());
  expect(await heard()).toContain("iam:CreateRole");
  expect(gate.asked).toBe((await heard()).length);
});

test("behind a closed one nothing of IAM and ECR is sent, with the reason; who we are may still be asked", async () => {
  gate.closed = true;
  const refused = { class: "unreachable", code: "Fenced", message: "not sent: the gate is closed" };
  expect(await awsError(connection.roles.create(role()))).toMatchObject({ ...refused, operation: "iam:CreateRole" });
  expect(await awsError(connection.bulk.repositories(new Set()))).toMatchObject({ ...refused, operation: "ecr:DescribeRepositories" });
  expect((await connection.caller()).account).toBe("111122223333");
  expect(await heard()).toEqual(["sts:GetCallerIdentity"]);
});

test("one that is closed between two tries of the SDK's ends them", async () => {
  await aws.emulator.addFaults({ match: { operation: "CreateRole" }, fault: { kind: "http500" } });
  const check = gate.check.bind(gate);
  gate.check = () => {
    check();
    gate.closed = true;
  };
  expect(await awsError(connection.roles.create(role()))).toMatchObject({ code: "Fenced" });
  expect(await heard()).toEqual(["iam:CreateRole"]);
});

test("one that is closed while the connection is made lets nothing out on it", async () => {
  const connecting = (): void => void (gate.closed = true);
  subscribe("undici:client:beforeConnect", connecting);
  try {
    expect(await awsError(connection.roles.create(role()))).toMatchObject({ code: "Fenced", message: "not sent: the gate is closed" });
  } finally {
    unsubscribe("undici:client:beforeConnect", connecting);
  }
  expect(gate.asked).toBeGreaterThan(0);
  expect(await heard()).toEqual([]);
});

test("what is on its way when it falls is cut off, and not tried again", async () => {
  await aws.emulator.addFaults({ match: { operation: "CreateRole" }, fault: { kind: "latency", ms: 60_000 } });
  const create = awsError(connection.roles.create(role()));
  await expect.poll(async () => (await aws.emulator.faults())[0]?.applied).toBe(1);
  gate.fall();
  expect(await create).toMatchObject({ class: "unreachable", code: "Fenced", operation: "iam:CreateRole" });
  expect((await aws.emulator.faults())[0]?.applied).toBe(1);
});

test("each of several whose answers it cuts off says so", async () => {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { "content-type": "application/x-amz-json-1.1", "content-length": "100" }).write('{"half":');
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const slow = createAws(operatorConfig(`http://127.0.0.1:${addressOf(server.address()).port}`), {
    version: "test",
    clock: systemClock,
    observer: aws.recorder,
    credentials: OPERATOR,
    fence: gate,
  });
  let begun = 0;
  server.on("request", () => begun++);
  const calls = [1, 2, 3].map(() => awsError(slow.bulk.repositories(new Set())));
  await expect.poll(() => begun).toBe(3);
  gate.fall();
  for (const error of await Promise.all(calls)) expect(error).toMatchObject({ class: "unreachable", code: "Fenced" });
  expect(gate.signal.reason).toMatchObject({ message: "cut off: the gate fell" });
  await slow.close();
  server.close();
});
