import { ListTagsForResourceCommand, TagResourceCommand } from "@aws-sdk/client-ecr";
import { CreateRoleCommand, DeleteRoleCommand, GetRoleCommand, TagRoleCommand, UntagRoleCommand } from "@aws-sdk/client-iam";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { runAudit } from "../../../src/cli/audit/audit.ts";
import type { DeletionOptions } from "../../../src/cli/audit/options.ts";
import { ConfigError } from "../../../src/config.ts";
import type { Condition } from "../../../src/crds/conditions.ts";
import type { PlatformService } from "../../../src/crds/platform-service.ts";
import { Converger } from "../../../src/reconcilers/converge.ts";
import { buildVirtualNode } from "../../../src/resources/app-mesh/virtual-node.ts";
import { buildVirtualRouter, buildVirtualService } from "../../../src/resources/app-mesh/virtual-router.ts";
import { buildRepository } from "../../../src/resources/ecr/repository.ts";
import { buildAssociation } from "../../../src/resources/eks/association.ts";
import { buildRole } from "../../../src/resources/iam/role.ts";
import { buildRulesNamespace } from "../../../src/resources/slo/rule-file.ts";
import { auditOptions, AuditedCluster, ScriptedTerminal } from "../../support/aws/audited.ts";
import { emulatedAws, type EmulatedAws } from "../../support/aws/emulated.ts";
import { SLOS, TO_WORKSPACE } from "../../support/aws/managed-prometheus.ts";
import { inAppMesh, neighbours } from "../../support/aws/mesh.ts";
import { operatorConfig } from "../../support/aws/operator-config.ts";
import { pushImage } from "../../support/aws/push.ts";
import { service, storedService } from "../../support/aws/service.ts";

/** An audit against the emulator, under the operator's own policy, with a cluster and a terminal that are scripted. */

const SPEC = { ...SLOS, aws: { identity: "PodIdentity" } };
const CONDITIONS = ["IdentityReady", "RepositoryReady", "ServiceAccountReady", "MeshSecurityReady", "TrafficReady", "SLOsReady"].map(
  (type): Condition => ({ type, status: "True", reason: "Ok", message: "", lastTransitionTime: "", observedGeneration: 1 }),
);
const PASSED = { status: { observedGeneration: 1, conditions: CONDITIONS } };

let aws: EmulatedAws;
let cluster: AuditedCluster;
let count = 0;
/** Of this test: a service that lives, and one that is gone. */
let lives: string;
let gone: string;

beforeAll(async () => {
  const identity = { ...operatorConfig().identity, modes: ["IRSA", "PodIdentity"] };
  aws = await emulatedAws({ identity, ...inAppMesh(), ...TO_WORKSPACE }, { managedPrometheusMs: 0 });
});
afterAll(async () => aws.close());

beforeEach(async () => {
  for (const name of [`lives-${count}`, `gone-${count}`]) await remove(name);
  count++;
  lives = `lives-${count}`;
  gone = `gone-${count}`;
  await make(lives);
  cluster = new AuditedCluster();
  cluster.present = [stored(lives)];
  aws.recorder.clear();
});

const keyOf = (name: string) => ({ namespace: "audit", name });
const stored = (name: string, spec: object = SPEC): PlatformService => storedService(keyOf(name), spec, PASSED);

/** All that the operator makes of a service. */
function built(name: string) {
  const of = service(SPEC, keyOf(name), aws.config);
  const role = buildRole(of, aws.config);
  const repository = buildRepository(of, aws.config);
  const association = buildAssociation(of, aws.config);
  const rules = buildRulesNamespace(of, aws.config);
  const node = buildVirtualNode(of, aws.config, neighbours());
  const router = buildVirtualRouter(of, aws.config);
  const virtualService = buildVirtualService(of, aws.config);
  if (!rules || !router || !virtualService) throw new Error("it has a port and SLOs");
  return { role, repository, association, rules, node, router, virtualService };
}

async function make(name: string): Promise<void> {
  const { role, repository, association, rules, node, router, virtualService } = built(name);
  const { operator } = aws;
  await operator.roles.create(role);
  await operator.repositories.create(repository);
  await operator.associations.create(association);
  await operator.rulesNamespaces.create(rules);
  await operator.mesh.virtualNodes.create(node);
  await operator.mesh.virtualRouters.create(router);
  await operator.mesh.virtualServices.create(virtualService);
}

async function remove(name: string): Promise<void> {
  const { role, repository, association, rules, node, router, virtualService } = built(name);
  const { operator } = aws;
  const force = { force: true };
  await operator.mesh.virtualServices.delete({ ...virtualService, ...force });
  await operator.mesh.virtualRouters.delete({ ...router, ...force });
  await operator.mesh.virtualNodes.delete({ ...node, ...force });
  await operator.rulesNamespaces.delete({ ...rules, ...force });
  await operator.associations.delete({ ...association, ...force });
  await operator.roles.delete({ ...role, ...force });
  await operator.repositories.delete({ ...repository, ...force });
}

const OUTCOME = z.object({
  refused: z.string().optional(),
  findings: z.array(z.object({ state: z.string(), kind: z.string(), name: z.string(), deletable: z.boolean() })),
  plan: z
    .object({ id: z.string(), objects: z.array(z.object({ kind: z.string(), images: z.number() })), left: z.array(z.unknown()) })
    .optional(),
  deletions: z.array(z.object({ kind: z.string(), result: z.string(), message: z.string().optional() })).optional(),
});

/** `answers`: of somebody at a terminal; undefined: nobody sits there. */
async function run(deletion?: Partial<DeletionOptions>, answers?: readonly string[]) {
  const terminal = new ScriptedTerminal(answers);
  const exitCode = await runAudit(auditOptions(aws.config, deletion), { aws: aws.operator, cluster }, terminal);
  const outcome = terminal.lines.length === 0 ? undefined : OUTCOME.parse(JSON.parse(terminal.lines.join("\n")));
  const found = outcome?.findings.map(({ state, kind }) => `${state} ${kind}`) ?? [];
  const deleted = outcome?.deletions?.map(({ kind, result }) => `${result} ${kind}`) ?? [];
  return { exitCode, found, deleted, outcome, terminal };
}

const EVERY_KIND = [
  "PodIdentityAssociation",
  "Repository",
  "Role",
  "RuleGroupsNamespace",
  "VirtualNode",
  "VirtualRouter",
  "VirtualService",
];
const IN_ORDER = ["VirtualService", "VirtualRouter", "VirtualNode", "RuleGroupsNamespace", "PodIdentityAssociation", "Role", "Repository"];

/** What is there of a service, by the operator's own eyes. */
async function present(name: string): Promise<readonly string[]> {
  const { role, repository, association, rules, node, router, virtualService } = built(name);
  const { operator } = aws;
  const seen = {
    PodIdentityAssociation: await operator.associations.observe(association),
    Repository: await operator.repositories.observe(repository),
    Role: await operator.roles.observe(role),
    RuleGroupsNamespace: await operator.rulesNamespaces.observe(rules),
    VirtualNode: await operator.mesh.virtualNodes.observe(node),
    VirtualRouter: await operator.mesh.virtualRouters.observe(router),
    VirtualService: await operator.mesh.virtualServices.observe(virtualService),
  };
  return Object.entries(seen).flatMap(([kind, { state }]) => (state === "present" ? [kind] : []));
}

describe("what is found", () => {
  test("nothing, of a service that has all it wants; nothing is written, and no tag is read of what it has", async () => {
    expect(await run()).toMatchObject({ exitCode: 0, found: [] });
    expect(aws.recorder.writes()).toEqual([]);
    expect(aws.recorder.calls().filter((call) => call.includes("ListTags"))).toEqual([]);
  });

  test("each kind, of a service that is gone", async () => {
    await make(gone);
    expect(await run()).toMatchObject({ exitCode: 1, found: EVERY_KIND.map((kind) => `Orphaned ${kind}`) });
    await remove(gone);
  });

  test("each kind, of a service that has none of it", async () => {
    cluster.present = [stored(lives), stored("new")];
    expect(await run()).toMatchObject({ exitCode: 1, found: EVERY_KIND.map((kind) => `Missing ${kind}`) });
  });

  test("a role of others under a service's name", async () => {
    const { role } = built(gone);
    await aws.iam.send(new CreateRoleCommand({ RoleName: role.name, AssumeRolePolicyDocument: JSON.stringify(role.trustPolicy) }));
    cluster.present = [stored(lives), stored(gone)];
    expect((await run()).found).toContain("Foreign Role");
    await aws.iam.send(new DeleteRoleCommand({ RoleName: role.name }));
  });

  test("not what belongs to another cluster of the account", async () => {
    const { role, repository } = built(gone);
    const other = { ...aws.config, cluster: { ...aws.config.cluster, name: "other" } };
    const theirs = buildRole(service({}, keyOf(gone), other), other);
    const Tags = Object.entries(theirs.tags).map(([Key, Value]) => ({ Key, Value }));
    await aws.iam.send(
      new CreateRoleCommand({ RoleName: theirs.name, Path: theirs.path, AssumeRolePolicyDocument: JSON.stringify(role.trustPolicy), Tags }),
    );
    await aws.operator.repositories.create(repository);
    const resourceArn = `arn:aws:ecr:eu-west-1:111122223333:repository/${repository.name}`;
    await aws.ecr.send(new TagResourceCommand({ resourceArn, tags: [{ Key: "platform-operator.dev/cluster", Value: "eu-west-1.other" }] }));
    expect(await run({ includeRetained: true, withImages: true }, ["0"])).toMatchObject({ exitCode: 0, found: [], deleted: [] });
    expect(role.name).not.toBe(theirs.name);
    await aws.ecr.send(new TagResourceCommand({ resourceArn, tags: [{ Key: "platform-operator.dev/cluster", Value: "eu-west-1.demo" }] }));
  });

  test("not a service that is made, or comes to its end, while AWS is being read", async () => {
    await make(gone);
    // Its finalizer takes away what AWS was read to hold, and it is gone before the services are read.
    cluster.before = async (read) => {
      if (read === 2) await remove(gone);
    };
    expect((await run()).found).toEqual([]);
    cluster.reads = 0;
    // It was not there when AWS was read, and has everything when its service is.
    cluster.before = async (read) => {
      if (read !== 2) return;
      await make(gone);
      cluster.present = [stored(lives), stored(gone)];
    };
    expect((await run()).found).toEqual([]);
  });

  test("nothing where something cannot be read: half of the truth would be none", async () => {
    await make(gone);
    await aws.emulator.addFaults({ match: { operation: "DescribeRepositories" }, fault: { kind: "denied" } });
    const { exitCode, outcome, terminal } = await run({}, ["7"]);
    await aws.emulator.clearFaults();
    expect({ exitCode, outcome, err: terminal.errors.join() }).toEqual({
      exitCode: 2,
      outcome: undefined,
      err: expect.stringContaining("cannot tell"),
    });
    expect(await present(gone)).toEqual(EVERY_KIND);
  });

  test("nothing of a cluster whose services are another configuration's", async () => {
    const role = { arn: "arn:aws:iam::111122223333:role/platform-operator/eu-west-1.staging/x" };
    cluster.present = [storedService(keyOf("x"), {}, { status: { observedGeneration: 1, role } })];
    await expect(run()).rejects.toThrow(ConfigError);
  });
});

describe("what outlives its service on purpose", () => {
  test("carries a tag that says so, and is found without being an error; it goes where that is asked for", async () => {
    const { role, repository } = built(gone);
    await aws.operator.roles.create(role);
    await aws.operator.repositories.create(repository);
    await aws.operator.roles.retain?.(role);
    await aws.operator.repositories.retain?.(repository);
    expect(await run()).toMatchObject({ exitCode: 0, found: ["Retained Repository", "Retained Role"] });
    expect(await run({}, [])).toMatchObject({ exitCode: 0, deleted: [] });
    expect(await run({ includeRetained: true }, ["2"])).toMatchObject({ exitCode: 0, deleted: ["deleted Role", "deleted Repository"] });
  });

  test("is noted once, on what is ours alone, and the note goes when the service is back", async () => {
    const { role, repository } = built(gone);
    await aws.operator.roles.retain?.(role);
    await aws.operator.repositories.retain?.(repository);
    expect(aws.recorder.writes(), "there is none").toEqual([]);
    await aws.operator.roles.create(role);
    await aws.operator.repositories.create(repository);
    aws.recorder.clear();
    for (const owner of [keyOf("other"), role.owner, role.owner]) {
      await aws.operator.roles.retain?.({ name: role.name, owner });
      await aws.operator.repositories.retain?.({ name: repository.name, owner });
    }
    expect(aws.recorder.writes()).toEqual(["iam:TagRole", "ecr:TagResource"]);
    const corrected = [{ field: "tags[platform-operator.dev/retained]", observed: "true", desired: "none" }];
    expect(await new Converger(aws.operator.roles).converge(role)).toMatchObject({ state: "asDesired", corrected });
    expect(await new Converger(aws.operator.repositories).converge(repository)).toMatchObject({ state: "asDesired", corrected });
    const { Role } = await aws.iam.send(new GetRoleCommand({ RoleName: role.name }));
    const resourceArn = `arn:aws:ecr:eu-west-1:111122223333:repository/${repository.name}`;
    const { tags = [] } = await aws.ecr.send(new ListTagsForResourceCommand({ resourceArn }));
    expect([...(Role?.Tags ?? []), ...tags].filter(({ Key }) => Key?.endsWith("/retained"))).toEqual([]);
  });
});

describe("--delete", () => {
  test("asks for the number, and deletes one at a time, in the order in which AWS lets them go", async () => {
    await make(gone);
    const { exitCode, deleted, terminal } = await run({}, ["7"]);
    expect({ exitCode, deleted }).toEqual({ exitCode: 0, deleted: IN_ORDER.map((kind) => `deleted ${kind}`) });
    expect(terminal.questions).toEqual(["Type 7 to delete these 7 of cluster demo in eu-west-1, AWS account 111122223333: "]);
    expect(await present(gone)).toEqual([]);
    expect(await present(lives)).toEqual(EVERY_KIND);
    expect(await run()).toMatchObject({ exitCode: 0, found: [] });
  });

  test.each([["y"], ["yes"], [""], ["8"]])("deletes nothing by the answer %j", async (answer) => {
    await make(gone);
    expect(await run({}, [answer])).toMatchObject({ exitCode: 1, deleted: [], outcome: { refused: "it was not agreed to" } });
    expect(await present(gone)).toEqual(EVERY_KIND);
  });

  test("without a terminal it needs the plan that was seen; with another one, nothing goes", async () => {
    await make(gone);
    const { exitCode, outcome } = await run({});
    const id = outcome?.plan?.id ?? "";
    expect({ exitCode, refused: outcome?.refused }).toEqual({ exitCode: 2, refused: expect.stringContaining(`--yes ${id}`) });
    expect(await run({ plan: "000000000000" })).toMatchObject({ exitCode: 2, deleted: [] });
    // One of them is another now.
    const { role } = built(gone);
    await aws.iam.send(new TagRoleCommand({ RoleName: role.name, Tags: [{ Key: "platform-operator.dev/retained", Value: "true" }] }));
    expect(await run({ plan: id })).toMatchObject({ exitCode: 2, deleted: [] });
    await aws.iam.send(new UntagRoleCommand({ RoleName: role.name, TagKeys: ["platform-operator.dev/retained"] }));
    expect(await present(gone)).toEqual(EVERY_KIND);
    expect(await run({ plan: id })).toMatchObject({ exitCode: 0, deleted: IN_ORDER.map((kind) => `deleted ${kind}`) });
  });

  test("asks about images by themselves", async () => {
    const { repository } = built(gone);
    await aws.operator.repositories.create(repository);
    await pushImage(aws.ecr, repository.name, { tag: "1", architecture: "arm64" });
    expect(await run({}, ["1"])).toMatchObject({ exitCode: 1, deleted: [] });
    const asked = await run({}, ["1 image"]);
    expect(asked.terminal.questions).toEqual([expect.stringContaining("1 repository holds 1 image that nothing brings back")]);
    expect(asked).toMatchObject({ exitCode: 0, deleted: ["deleted Repository"] });
  });

  test("by a plan, leaves images where they are not asked for", async () => {
    await make(gone);
    await pushImage(aws.ecr, built(gone).repository.name, { tag: "1", architecture: "arm64" });
    const without = await run({});
    expect(without.outcome?.plan?.left).toHaveLength(1);
    expect(await run({ plan: without.outcome?.plan?.id ?? "" })).toMatchObject({ exitCode: 1 });
    expect(await present(gone)).toEqual(["Repository"]);
    const withImages = await run({ withImages: true });
    expect(await run({ withImages: true, plan: withImages.outcome?.plan?.id ?? "" })).toMatchObject({ exitCode: 0 });
    expect(await present(gone)).toEqual([]);
  });
});

describe("--delete in a cluster that does not look whole", () => {
  const refusal = /being restored, or is the wrong one/;

  test.each<[string, () => readonly PlatformService[]]>([
    ["without services", () => []],
    ["whose services no operator has seen", () => [storedService(keyOf(lives), SPEC)]],
    [
      "whose services are all being deleted",
      () => [storedService(keyOf(lives), SPEC, { ...PASSED, metadata: { deletionTimestamp: "2026-11-26T18:00:00Z" } })],
    ],
  ])("%s is refused, whoever agrees", async (_, services) => {
    await make(gone);
    cluster.present = services();
    const { exitCode, deleted, outcome, terminal } = await run({ withImages: true }, ["7", "14"]);
    expect({ exitCode, deleted, questions: terminal.questions }).toEqual({ exitCode: 2, deleted: [], questions: [] });
    expect(outcome?.refused).toMatch(refusal);
    expect(await present(gone)).toEqual(EVERY_KIND);
    expect(await present(lives)).toEqual(EVERY_KIND);
  });

  test("that has fewer services than would lose what they left is refused as well", async () => {
    await make(gone);
    await aws.operator.roles.create(built("gone-too").role);
    expect((await run({}, ["8"])).outcome?.refused).toMatch(refusal);
    expect(await run({ despiteFewServices: true }, ["8"])).toMatchObject({ exitCode: 0 });
  });

  test("goes on where that is said: a cluster may be at its end", async () => {
    await make(gone);
    cluster.present = [];
    expect(await run({ despiteFewServices: true }, ["14"])).toMatchObject({ exitCode: 0 });
    expect([await present(gone), await present(lives)]).toEqual([[], []]);
  });
});

describe("what changes between the plan and the deletion", () => {
  /** Of a plan that was agreed to: the services are read twice for it, and once before each deletion. */
  const FIRST_DELETION = 3;

  async function planned(): Promise<string> {
    return (await run({})).outcome?.plan?.id ?? "";
  }

  test("a service that is back keeps all that is its", async () => {
    await make(gone);
    const plan = await planned();
    cluster.reads = 0;
    cluster.before = (read) => {
      if (read === FIRST_DELETION) cluster.present = [stored(lives), stored(gone)];
    };
    const { exitCode, deleted, outcome } = await run({ plan });
    expect({ exitCode, deleted }).toEqual({ exitCode: 1, deleted: IN_ORDER.map((kind) => `kept ${kind}`) });
    expect(outcome?.deletions?.[0]?.message).toBe(`PlatformService audit/${gone} exists now`);
    expect(await present(gone)).toEqual(EVERY_KIND);
  });

  test("a service that begins to use what another left keeps it", async () => {
    const { repository } = built(gone);
    await aws.operator.repositories.create(repository);
    const plan = await planned();
    cluster.reads = 0;
    cluster.before = (read) => {
      const image = { repository: repository.name, repositoryMode: "Existing" };
      if (read === FIRST_DELETION) cluster.present = [stored(lives), stored("user", { image })];
    };
    const { outcome } = await run({ plan });
    expect(outcome?.deletions).toMatchObject([{ result: "kept", message: "PlatformService audit/user uses it now" }]);
  });

  test("a cluster that loses its services stops it", async () => {
    await make(gone);
    const plan = await planned();
    cluster.reads = 0;
    cluster.before = (read) => {
      if (read === FIRST_DELETION + 1) cluster.present = [];
    };
    const { deleted } = await run({ plan });
    expect(deleted).toEqual(["deleted VirtualService", ...IN_ORDER.slice(1).map((kind) => `kept ${kind}`)]);
  });

  test("tags that are others' now, a mark that it is kept on purpose, and images that were pushed keep an object", async () => {
    const { role, repository } = built(gone);
    await aws.operator.roles.create(role);
    await aws.operator.repositories.create(repository);
    await pushImage(aws.ecr, repository.name, { tag: "1", architecture: "arm64" });
    const plan = (await run({ withImages: true })).outcome?.plan?.id ?? "";
    cluster.reads = 0;
    cluster.before = async (read) => {
      if (read !== 2) return;
      await aws.iam.send(new TagRoleCommand({ RoleName: role.name, Tags: [{ Key: "platform-operator.dev/name", Value: "another" }] }));
    };
    const changed = await run({ withImages: true, plan });
    // The role is no longer there as the service's, which is another plan.
    expect(changed).toMatchObject({ exitCode: 2, deleted: [] });
    await aws.iam.send(new TagRoleCommand({ RoleName: role.name, Tags: [{ Key: "platform-operator.dev/name", Value: gone }] }));

    cluster.reads = 0;
    cluster.before = async (read) => {
      // Before the role's deletion, and then before the repository's.
      if (read === FIRST_DELETION) await pushImage(aws.ecr, repository.name, { tag: "2", architecture: "arm64" });
    };
    const pushed = await run({ withImages: true, plan });
    expect(pushed.outcome?.deletions).toMatchObject([
      { kind: "Role", result: "deleted" },
      { kind: "Repository", result: "kept", message: "its images have changed" },
    ]);
  });

  test("what AWS refuses is said, and the rest goes on", async () => {
    await make(gone);
    const plan = await planned();
    await aws.emulator.addFaults({ match: { operation: "DeleteRole" }, fault: { kind: "denied" } });
    const { exitCode, deleted, outcome } = await run({ plan });
    await aws.emulator.clearFaults();
    expect({ exitCode, deleted }).toEqual({
      exitCode: 1,
      deleted: IN_ORDER.map((kind) => `${kind === "Role" ? "failed" : "deleted"} ${kind}`),
    });
    expect(outcome?.deletions?.find(({ kind }) => kind === "Role")?.message).toContain("iam:DeleteRole: AccessDenied");
  });
});
