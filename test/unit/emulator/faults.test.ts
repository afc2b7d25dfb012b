import { PutRuleGroupsNamespaceCommand } from "@aws-sdk/client-amp";
import { DeleteVirtualNodeCommand, UpdateVirtualNodeCommand } from "@aws-sdk/client-app-mesh";
import { CreateRepositoryCommand, DescribeRepositoriesCommand } from "@aws-sdk/client-ecr";
import { CreateRoleCommand, DeleteRoleCommand, GetRoleCommand, ListRolesCommand, TagRoleCommand } from "@aws-sdk/client-iam";
import { CreatePodIdentityAssociationCommand } from "@aws-sdk/client-eks";
import { describe, expect, test } from "vitest";
import { FaultInjector, parseFaultRules, type FaultKind, type FaultRule } from "../../../emulator/faults.ts";
import { aws, EC2_TRUST, outcome, type Aws } from "./clients.ts";

const READ = { service: "iam", operation: "GetRole", access: "read", accessKeyId: "AKIA", body: "RoleName=one" } as const;
const WRITE = { ...READ, operation: "CreateRole", access: "write", body: "RoleName=two" } as const;

function befallen(rules: readonly FaultRule[], subjects: readonly (typeof READ | typeof WRITE)[], now = 0): (FaultKind["kind"] | "")[] {
  const injector = new FaultInjector();
  injector.add(rules);
  return subjects.map((subject) => injector.befall(subject, now)[0]?.kind ?? "");
}

describe("a fault rule", () => {
  const drop = { kind: "drop" } as const;
  test.each<[string, FaultRule, readonly (FaultKind["kind"] | "")[]]>([
    ["without a match befalls every call", { fault: drop }, ["drop", "drop", "drop", "drop"]],
    ["with a position befalls one call", { position: 3, fault: drop }, ["", "", "drop", ""]],
    ["with position and times befalls some in a row", { position: 2, times: 2, fault: drop }, ["", "drop", "drop", ""]],
    ["with times befalls the first", { times: 2, fault: drop }, ["drop", "drop", "", ""]],
    ["with a coin befalls those on which it falls", { coin: { share: 0.5, seed: 7 }, fault: drop }, ["drop", "drop", "", ""]],
    ["counts only what matches", { match: { access: "write" }, position: 2, fault: drop }, ["", "", "", "drop"]],
    ["matches by operation", { match: { operation: "CreateRole" }, fault: drop }, ["", "drop", "", "drop"]],
    ["matches by text in the body", { match: { bodyContains: "two" }, fault: drop }, ["", "drop", "", "drop"]],
    ["matches by another service not at all", { match: { service: "ecr" }, fault: drop }, ["", "", "", ""]],
    ["matches by another caller not at all", { match: { accessKeyId: "OTHER" }, fault: drop }, ["", "", "", ""]],
  ])("%s", (_, rule, expected) => {
    expect(befallen([rule], [READ, WRITE, READ, WRITE])).toEqual(expected);
  });

  test("a rate limit refills with time", () => {
    const injector = new FaultInjector();
    injector.add([{ fault: { kind: "rateLimit", perSecond: 2 } }]);
    const passes = [0, 0, 0, 500, 500].map((now) => injector.befall(READ, now).length === 0);
    expect(passes).toEqual([true, true, false, true, false]);
  });

  test("tells what it has done", () => {
    const injector = new FaultInjector();
    injector.add([{ position: 2, fault: drop }]);
    for (let count = 0; count < 3; count += 1) injector.befall(READ, 0);
    expect(injector.active()).toEqual([{ id: 1, position: 2, fault: drop, matched: 3, applied: 1 }]);
  });

  test("is refused when its kind or position is none", () => {
    expect(() => parseFaultRules('[{"fault":{"kind":"meteor"}}]')).toThrow(/^rule 0: fault.kind must be one of throttle, /);
    expect(() => parseFaultRules('{"position":0,"fault":{"kind":"drop"}}')).toThrow("rule 0: position must be a whole number from 1");
    expect(() => parseFaultRules('{"coin":{"share":2,"seed":1},"fault":{"kind":"drop"}}')).toThrow(
      "rule 0: coin must have a share above 0",
    );
  });
});

function createRole({ iam }: Aws, RoleName = "a"): Promise<string> {
  return outcome(iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: EC2_TRUST })));
}

function getRole({ iam }: Aws, RoleName = "a"): Promise<string> {
  return outcome(iam.send(new GetRoleCommand({ RoleName })));
}

describe("over the SDK's clients", () => {
  test("an answer lost after commit leaves the role, one dropped before does not", async () => {
    const world = await aws();
    await world.admin.addFaults(
      { match: { operation: "CreateRole" }, position: 1, fault: { kind: "lost" } },
      { match: { operation: "CreateRole" }, position: 2, fault: { kind: "drop" } },
    );
    expect([await createRole(world, "a"), await createRole(world, "b")]).not.toContain("ok");
    expect([await getRole(world, "a"), await getRole(world, "b")]).toEqual(["ok", "NoSuchEntityException"]);
    const codes = (await world.admin.actions()).filter(({ access }) => access === "write").map(({ code, committed }) => [code, committed]);
    expect(codes).toEqual([
      ["Lost", true],
      ["Dropped", false],
    ]);
  });

  test("an answer cut in half is no answer, and the role is there", async () => {
    const world = await aws();
    await world.admin.addFaults({ match: { operation: "CreateRole" }, fault: { kind: "half" } });
    expect(await createRole(world)).not.toBe("ok");
    expect(await getRole(world)).toBe("ok");
  });

  test("a call carried out twice is answered as the second time", async () => {
    const world = await aws();
    await world.admin.addFaults({ match: { operation: "CreateRole" }, position: 1, fault: { kind: "twice" } });
    expect(await createRole(world)).toBe("EntityAlreadyExistsException");
    expect((await world.admin.actions()).filter(({ access }) => access === "write").map(({ committed }) => committed)).toEqual([
      true,
      false,
    ]);
  });

  test("a request that was signed more than five minutes from AWS's time is refused where that is asked for", async () => {
    const late = await aws({ clock: () => Date.now() + 6 * 60_000, switches: { skewedClock: "refuse" } });
    // The SDK corrects its clock by the answer's Date, which is of the machine and not of the emulator's clock.
    expect(await createRole(late)).toBe("InvalidSignatureException");
    const punctual = await aws({ clock: () => Date.now() - 4 * 60_000, switches: { skewedClock: "refuse" } });
    expect(await createRole(punctual)).toBe("ok");
  });

  test("a throttled write is not carried out, and succeeds once the rule is lifted", async () => {
    const world = await aws();
    await world.admin.addFaults({ match: { access: "write" }, fault: { kind: "throttle" } });
    expect(await createRole(world)).toBe("Throttling");
    await world.admin.clearFaults();
    expect(await createRole(world)).toBe("ok");
  });

  test("an operation is busy in the words that its model has, and one that has none is not available, as its whole service may be", async () => {
    const world = await aws();
    await world.admin.addFaults({ match: { service: "ecr" }, fault: { kind: "unavailable" } }, { fault: { kind: "busy" } });
    const calls: readonly Promise<unknown>[] = [
      world.iam.send(new CreateRoleCommand({ RoleName: "a", AssumeRolePolicyDocument: EC2_TRUST })),
      world.iam.send(new GetRoleCommand({ RoleName: "a" })),
      world.iam.send(new DeleteRoleCommand({ RoleName: "a" })),
      world.ecr.send(new CreateRepositoryCommand({ repositoryName: "ab" })),
      world.eks.send(new CreatePodIdentityAssociationCommand({ clusterName: "c", namespace: "n", serviceAccount: "s", roleArn: "r" })),
      world.appMesh.send(new UpdateVirtualNodeCommand({ meshName: "m", virtualNodeName: "n", spec: {} })),
      world.appMesh.send(new DeleteVirtualNodeCommand({ meshName: "m", virtualNodeName: "n" })),
      world.amp.send(new PutRuleGroupsNamespaceCommand({ workspaceId: "w", name: "n", data: new Uint8Array(1) })),
    ];
    const answers: readonly [string, number][] = [
      ["ConcurrentModificationException", 409],
      ["ServiceUnavailable", 503],
      ["DeleteConflictException", 409],
      ["ServiceUnavailable", 503],
      ["ResourceInUseException", 409],
      ["ConflictException", 409],
      ["ResourceInUseException", 409],
      ["ConflictException", 409],
    ];
    expect(await Promise.allSettled(calls)).toMatchObject(
      answers.map(([name, httpStatusCode]) => ({ reason: { name, $metadata: { httpStatusCode } } })),
    );
  });

  test("reads lag writes by milliseconds of the clock", async () => {
    let now = 1_000_000;
    const world = await aws({ clock: () => now });
    await world.admin.addFaults({ match: { access: "read" }, fault: { kind: "staleReads", ms: 500 } });
    await createRole(world);
    expect(await getRole(world)).toBe("NoSuchEntityException");
    expect((await world.iam.send(new ListRolesCommand({}))).Roles).toEqual([]);
    now += 500;
    expect(await getRole(world)).toBe("ok");
  });

  test("a read that lags a deletion still sees the role, and one that lags a change the old value", async () => {
    const world = await aws();
    await createRole(world);
    await world.admin.addFaults({ match: { access: "read" }, fault: { kind: "staleReads", calls: 1 } });
    await world.iam.send(new TagRoleCommand({ RoleName: "a", Tags: [{ Key: "k", Value: "v" }] }));
    expect((await world.iam.send(new GetRoleCommand({ RoleName: "a" }))).Role?.Tags).toBeUndefined();
    expect((await world.iam.send(new GetRoleCommand({ RoleName: "a" }))).Role?.Tags).toHaveLength(1);
    await world.iam.send(new DeleteRoleCommand({ RoleName: "a" }));
    expect([await getRole(world), await getRole(world)]).toEqual(["ok", "NoSuchEntityException"]);
  });

  test("a write that lags misses a creation and undoes nothing; the name stays taken", async () => {
    const world = await aws();
    await world.admin.addFaults({ match: { access: "write" }, fault: { kind: "staleReads", calls: 1 } });
    await createRole(world);
    const tag = (): Promise<string> => outcome(world.iam.send(new TagRoleCommand({ RoleName: "a", Tags: [{ Key: "k", Value: "v" }] })));
    expect([await tag(), await tag()]).toEqual(["NoSuchEntityException", "ok"]);
    await world.iam.send(new DeleteRoleCommand({ RoleName: "a" }));
    expect([await createRole(world), await createRole(world)]).toEqual(["ok", "EntityAlreadyExistsException"]);
  });

  test("reset empties state, faults and log", async () => {
    const world = await aws();
    await createRole(world);
    await world.ecr.send(new CreateRepositoryCommand({ repositoryName: "ab" }));
    await world.admin.addFaults({ match: { operation: "Nothing" }, fault: { kind: "drop" } });
    await world.admin.reset();
    expect([await world.admin.actions(), await world.admin.faults()]).toEqual([[], []]);
    expect((await world.ecr.send(new DescribeRepositoriesCommand({}))).repositories).toEqual([]);
  });
});
