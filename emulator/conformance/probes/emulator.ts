/** What only this emulator has: faults, the action log, counters. */
import assert from "node:assert/strict";
import { DescribeRegistryCommand } from "@aws-sdk/client-ecr";
import { CreateRoleCommand, GetRoleCommand, IAMClient, ListRolesCommand, ListUsersCommand } from "@aws-sdk/client-iam";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { EmulatorAdmin } from "../../admin-client.ts";
import type { FaultRule } from "../../faults.ts";
import { role, SERVICE_TRUST } from "../fixtures.ts";
import { probesOf, refused, type Probe, type Target } from "../probe.ts";

/** Runs something while rules are in force, and lifts them. */
async function under(target: Target, rules: readonly FaultRule[], run: () => Promise<void>): Promise<void> {
  const admin = new EmulatorAdmin(target.url);
  await admin.addFaults(...rules);
  try {
    await run();
  } finally {
    await admin.clearFaults();
  }
}

function failsWith(fault: FaultRule["fault"], code: string): Probe["run"] {
  return (target) =>
    under(target, [{ match: { service: "iam" }, fault }], async () => {
      await refused(code, target.iam.send(new ListRolesCommand({})));
      await target.sts.send(new GetCallerIdentityCommand({}));
    });
}

function retrying({ url, region }: Target): IAMClient {
  const credentials = { accessKeyId: "AKIAADMIN", secretAccessKey: "secret" };
  return new IAMClient({ endpoint: url, region, credentials, maxAttempts: 3 });
}

export const EMULATOR_PROBES: readonly Probe[] = [
  ...probesOf("emulator", "faults", {
    "throttles one service and no other": failsWith({ kind: "throttle" }, "Throttling"),
    "answers 500": failsWith({ kind: "http500" }, "ServiceFailureException"),
    "says that credentials expired": failsWith({ kind: "expiredCredentials" }, "ExpiredToken"),
    denies: failsWith({ kind: "denied" }, "AccessDenied"),
    "throttles ECR in ECR's words": (target) =>
      under(target, [{ match: { service: "ecr" }, fault: { kind: "throttle" } }], () =>
        refused("ThrottlingException", target.ecr.send(new DescribeRegistryCommand({}))),
      ),
    "drops the connection before anything happens": (target) => {
      const RoleName = target.unique("role");
      return under(target, [{ match: { operation: "CreateRole" }, fault: { kind: "drop" } }], async () => {
        const command = new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: SERVICE_TRUST });
        await assert.rejects(target.iam.send(command));
        await refused("NoSuchEntityException", target.iam.send(new GetRoleCommand({ RoleName })));
      });
    },
    "an answer lost after commit makes the SDK's retry find its own role": (target) => {
      const RoleName = target.unique("role");
      return under(target, [{ match: { operation: "CreateRole" }, position: 1, fault: { kind: "lost" } }], async () => {
        const command = new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: SERVICE_TRUST });
        await refused("EntityAlreadyExistsException", retrying(target).send(command));
        await target.iam.send(new GetRoleCommand({ RoleName }));
      });
    },
    "fails exactly the third call from now": (target) =>
      under(target, [{ match: { access: "read" }, position: 3, fault: { kind: "http500" } }], async () => {
        const outcomes: string[] = [];
        for (let count = 0; count < 5; count += 1) {
          outcomes.push(
            await target.iam.send(new ListRolesCommand({ MaxItems: 1 })).then(
              () => "ok",
              () => "failed",
            ),
          );
        }
        assert.deepEqual(outcomes, ["ok", "ok", "failed", "ok", "ok"]);
      }),
    "reads lag writes by two calls": (target) =>
      under(target, [{ match: { access: "read" }, fault: { kind: "staleReads", calls: 2 } }], async () => {
        const RoleName = await role(target);
        const read = (): Promise<string> =>
          target.iam.send(new GetRoleCommand({ RoleName })).then(
            () => "seen",
            (error: Error) => error.name,
          );
        assert.deepEqual([await read(), await read(), await read()], ["NoSuchEntityException", "NoSuchEntityException", "seen"]);
      }),
    "answers late": (target) =>
      under(target, [{ match: { service: "sts" }, fault: { kind: "latency", ms: 120 } }], async () => {
        const begun = performance.now();
        await target.sts.send(new GetCallerIdentityCommand({}));
        assert.ok(performance.now() - begun >= 119);
      }),
    "limits the rate of a service": (target) =>
      under(target, [{ match: { service: "sts" }, fault: { kind: "rateLimit", perSecond: 1, burst: 3 } }], async () => {
        const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => target.sts.send(new GetCallerIdentityCommand({}))));
        const passed = outcomes.filter(({ status }) => status === "fulfilled").length;
        assert.ok(passed >= 3 && passed <= 5, `${passed} of 8 passed`);
      }),
  }),
  ...probesOf("emulator", "action log", {
    "has action, ARN, keys and code of each call": async (target) => {
      const admin = new EmulatorAdmin(target.url);
      const since = await admin.lastSequence();
      const RoleName = await role(target, { Tags: [{ Key: "a", Value: "b" }] });
      const entries = await admin.actions(since);
      assert.deepEqual(
        entries.map(({ action, resource, code, committed }) => [action, resource, code, committed]),
        ["iam:CreateRole", "iam:TagRole"].map((action) => [action, `arn:aws:iam::${target.accountId}:role/${RoleName}`, "OK", true]),
      );
      assert.deepEqual(entries[0]?.keys["aws:requesttag/a"], ["b"]);
    },
    "counts calls, writes and errors by operation": async (target) => {
      const admin = new EmulatorAdmin(target.url);
      const count = async (): Promise<number[]> => {
        const counter = (await admin.counters()).operations["iam:CreateRole"];
        return [counter?.calls ?? 0, counter?.committed ?? 0, counter?.errors["EntityAlreadyExists"] ?? 0];
      };
      const before = await count();
      const RoleName = await role(target);
      await refused("EntityAlreadyExistsException", role(target, { RoleName }));
      const after = await count();
      assert.deepEqual(
        after.map((value, index) => value - (before[index] ?? 0)),
        [2, 1, 1],
      );
    },
    "an operation that is not built says so": async (target) => {
      await refused("NotImplemented", target.iam.send(new ListUsersCommand({})), /does not have iam:ListUsers/);
    },
  }),
];
