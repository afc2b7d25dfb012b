import { CreateRouteCommand, DeleteRouteCommand, UpdateVirtualNodeCommand } from "@aws-sdk/client-app-mesh";
import { PutImageTagMutabilityCommand, PutLifecyclePolicyCommand } from "@aws-sdk/client-ecr";
import { PutRolePolicyCommand, UpdateRoleCommand } from "@aws-sdk/client-iam";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { OrphanReport } from "../../../src/controllers/orphan-report.ts";
import { RegistryReport } from "../../../src/controllers/registry-report.ts";
import { runSweep, sweepOnce, type SweepOptions } from "../../../src/controllers/sweep.ts";
import { appMeshOf } from "../../../src/crds/effective.ts";
import type { OperatorConfig } from "../../../src/crds/operator-config.ts";
import { systemClock } from "../../../src/kube/clock.ts";
import { Borrowed } from "../../../src/reconcilers/borrowed.ts";
import { Converger } from "../../../src/reconcilers/converge.ts";
import { MeshConvergers } from "../../../src/reconcilers/mesh-convergers.ts";
import { buildMeshRoutes } from "../../../src/resources/app-mesh/routes.ts";
import { buildVirtualNode } from "../../../src/resources/app-mesh/virtual-node.ts";
import { buildVirtualRouter } from "../../../src/resources/app-mesh/virtual-router.ts";
import { buildRepository } from "../../../src/resources/ecr/repository.ts";
import { buildRole } from "../../../src/resources/iam/role.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";
import { ANYTHING, emulatedAws, type EmulatedAws } from "../../support/aws/emulated.ts";
import { inAppMesh, neighbours } from "../../support/aws/mesh.ts";
import { service, storedService } from "../../support/aws/service.ts";
import { FakeClock } from "../../support/fake-clock.ts";

/** The sweep against the emulator: what it finds in bulk, and what only its turn tells. */

const HOUR_MS = 3_600_000;
const NAMES = ["a", "b", "c"];
const WISHES = NAMES.map((name) => service({}, { namespace: "sweep", name }));
const QUIET: SweepOptions["log"] = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

const METRICS = createMetrics({ version: "test", perService: "Full" });
/** As the watches have them. */
const SERVICES = NAMES.map((name) => storedService({ namespace: "sweep", name }));

let aws: EmulatedAws;
let options: SweepOptions;
let memories: ReturnType<typeof memoriesOf>;
let asked: string[];

beforeAll(async () => {
  aws = await emulatedAws();
});
afterAll(async () => aws.close());

beforeEach(async () => {
  asked = [];
  memories = memoriesOf(aws);
  options = optionsOf(aws);
  await passes();
});

function memoriesOf({ operator }: EmulatedAws) {
  return {
    roles: new Converger(operator.roles),
    existingRoles: new Borrowed(operator.existingRoles),
    repositories: new Converger(operator.repositories),
    existingRepositories: new Borrowed(operator.existingRepositories),
    associations: new Converger(operator.associations),
    rulesNamespaces: new Converger(operator.rulesNamespaces),
    appMesh: new MeshConvergers(operator.mesh),
    routesOfRouter: new Borrowed(operator.mesh.routesOfRouter),
  };
}

function optionsOf({ operator, config }: EmulatedAws): SweepOptions {
  const whole = ofCluster(config, operator);
  return {
    config: sweptEvery("2h", config),
    bulk: operator.bulk,
    reigns: () => [memories],
    ofCluster: () => whole,
    clock: systemClock,
    log: QUIET,
    enqueue: ({ name }) => void asked.push(name),
  };
}

function ofCluster(config: OperatorConfig, { tags: reader }: EmulatedAws["operator"], metrics = METRICS) {
  return {
    registry: new RegistryReport({ prefix: "", log: QUIET, metrics }),
    orphans: new OrphanReport({ config, reader, services: () => SERVICES, namespaceLabels: () => ({}), metrics }),
  };
}

function sweptEvery(sweepInterval: string, config = options.config): OperatorConfig {
  return { ...config, aws: { ...config.aws, sweepInterval } };
}

/** A pass over each service. */
async function passes(): Promise<void> {
  for (const wish of WISHES) {
    await memories.roles.converge(buildRole(wish, aws.config));
    await memories.repositories.converge(buildRepository(wish, aws.config));
  }
}

const roleOf = (name: string): string => `eu-west-1.demo.sweep.${name}`;

test.each([
  ["2h", 2 * HOUR_MS],
  ["10m", HOUR_MS / 6],
])(
  "where aws.sweepInterval is %s a sweep comes whenever that is over, after one that failed too, and not before",
  async (sweepInterval, intervalMs) => {
    const clock = new FakeClock();
    const ended = new AbortController();
    let sweeps = 0;
    const silent = async (): Promise<never> => {
      throw new Error("AWS does not answer");
    };
    // The first thing that a sweep reads.
    const roles = (): Promise<never> => {
      sweeps++;
      return silent();
    };
    const bulk = { roles, repositories: silent, associations: silent, rulesNamespaces: silent, registry: silent, meshObjects: silent };
    const running = runSweep({ ...options, bulk, clock, config: sweptEvery(sweepInterval) }, ended.signal);
    for (const before of [0, 1]) {
      clock.advance(intervalMs - 1);
      expect({ sweeps, timers: clock.timers() }).toEqual({ sweeps: before, timers: [1] });
      const next = clock.scheduled(() => true);
      clock.advance(1);
      expect(await next).toBe(intervalMs);
      expect(sweeps).toBe(before + 1);
    }
    ended.abort();
    await running;
  },
);

describe("what the bulk read tells", () => {
  test("is found in the one sweep, and nothing else is asked for but those whose turn it is", async () => {
    await aws.iam.send(new PutRolePolicyCommand({ RoleName: roleOf("c"), PolicyName: "extra", PolicyDocument: ANYTHING }));
    await sweepOnce(options);
    // c by its difference; then the turn of the role and of the repository that were read the longest ago.
    expect(asked).toEqual(["c", "a", "a"]);
  });
});

describe("what no bulk read tells", () => {
  test("has its turn within six hours: a role's session duration, a repository's lifecycle policy", async () => {
    await aws.iam.send(new UpdateRoleCommand({ RoleName: roleOf("b"), MaxSessionDuration: 7200 }));
    const rule = {
      rulePriority: 1,
      selection: { tagStatus: "any", countType: "imageCountMoreThan", countNumber: 1 },
      action: { type: "expire" },
    };
    await aws.ecr.send(
      new PutLifecyclePolicyCommand({ repositoryName: "sweep/b", lifecyclePolicyText: JSON.stringify({ rules: [rule] }) }),
    );

    await sweepOnce(options);
    expect(asked, "not b yet: no bulk read has told").toEqual(["a", "a"]);
    await sweepOnce(options);
    await sweepOnce(options);
    expect(asked).toEqual(["a", "a", "b", "b", "c", "c"]);

    const wish = WISHES[1] ?? service();
    const role = await memories.roles.converge(buildRole(wish, aws.config));
    const repository = await memories.repositories.converge(buildRepository(wish, aws.config));
    expect(role).toMatchObject({ corrected: [{ field: "maxSessionDuration" }] });
    expect(repository).toMatchObject({ corrected: [{ field: "lifecyclePolicy" }] });
  });

  /** What a pass over the service asks. */
  async function callsOfPass(wish = service({}, { namespace: "sweep", name: "a" })): Promise<readonly string[]> {
    aws.recorder.clear();
    await memories.roles.converge(buildRole(wish, aws.config));
    await memories.repositories.converge(buildRepository(wish, aws.config));
    return aws.recorder.calls();
  }
  const REST = ["iam:GetRole", "ecr:ListTagsForResource", "ecr:GetLifecyclePolicy"];

  test("is all that is asked in its turn, once", async () => {
    await sweepOnce(options);
    expect(await callsOfPass()).toEqual(REST);
    expect(await callsOfPass()).toEqual([]);
  });

  test("is asked with everything else where something else is wished for since, or it was to be read afresh", async () => {
    await sweepOnce(options);
    const changed = service({ aws: { maxSessionDuration: "2h" } }, { namespace: "sweep", name: "a" });
    expect(await callsOfPass(changed)).toEqual(expect.arrayContaining(["iam:ListRolePolicies", "iam:ListAttachedRolePolicies"]));
    await passes();
    await sweepOnce({ ...options, config: sweptEvery("6h") });
    memories.roles.forgetOwnedBy({ namespace: "sweep", name: "a" });
    expect(await callsOfPass()).toEqual(expect.arrayContaining(["iam:ListRolePolicies", "iam:ListAttachedRolePolicies"]));
  });

  test("is asked with everything else after a read that failed", async () => {
    await sweepOnce(options);
    await aws.emulator.addFaults({ match: { operation: "GetRole" }, fault: { kind: "denied" } });
    await expect(callsOfPass()).rejects.toThrow("GetRole");
    await aws.emulator.clearFaults();
    expect(await callsOfPass()).toEqual(expect.arrayContaining(["iam:ListRolePolicies", "iam:ListAttachedRolePolicies"]));
  });

  test("has its turn for every service at each sweep that comes once in six hours", async () => {
    await sweepOnce({ ...options, config: sweptEvery("6h") });
    expect(asked).toEqual(["a", "b", "c", "a", "b", "c"]);
  });
});

describe("what a service left", () => {
  test("is counted, its tags are asked for once, and every sweep after that asks for no more than without it", async () => {
    const quiet = { ...options, config: sweptEvery("0s") };
    const calls = async (): Promise<readonly string[]> => {
      aws.recorder.clear();
      await sweepOnce(quiet);
      return aws.recorder.calls();
    };
    const without = await calls();
    const left = service({}, { namespace: "sweep", name: "left" });
    await aws.operator.repositories.create(buildRepository(left, aws.config));
    await aws.operator.roles.create(buildRole(left, aws.config));
    const tags = without.toSpliced(without.indexOf("ecr:DescribeRepositories") + 1, 0, "ecr:ListTagsForResource");
    expect(await calls()).toEqual(tags);
    expect(await calls()).toEqual(without);
    const told = await METRICS.text();
    expect(told).toMatch(/^platform_aws_orphans\{kind="Role"\} 1$/m);
    expect(told).toMatch(/^platform_aws_orphans\{kind="Repository"\} 1$/m);
    await aws.operator.repositories.delete({ ...buildRepository(left, aws.config), force: false });
    await aws.operator.roles.delete({ ...buildRole(left, aws.config), force: false });
  });
});

describe("a kind that cannot be read hides nothing of the others, nor of the registry's settings:", () => {
  afterEach(async () => aws.emulator.clearFaults());

  test.each([
    ["roles", "GetAccountAuthorizationDetails", ["b"]],
    ["repositories", "DescribeRepositories", ["c"]],
  ])("%s", async (_, operation, expected) => {
    const metrics = createMetrics({ version: "test", perService: "Full" });
    const ofWhole = ofCluster(aws.config, aws.operator, metrics);
    await aws.iam.send(new PutRolePolicyCommand({ RoleName: roleOf("c"), PolicyName: "extra", PolicyDocument: ANYTHING }));
    await aws.ecr.send(new PutImageTagMutabilityCommand({ repositoryName: "sweep/b", imageTagMutability: "MUTABLE" }));
    await aws.emulator.addFaults({ match: { operation }, fault: { kind: "denied" } });
    await sweepOnce({ ...options, ofCluster: () => ofWhole, config: sweptEvery("0s") });
    expect(asked).toEqual(expected);
    expect(await metrics.text()).toContain('platform_registry_scanning{prefix=""}');
  });

  test("and what of it has its turn is not forgotten, or nothing would be known of it", async () => {
    await aws.emulator.addFaults({ match: { operation: "GetAccountAuthorizationDetails" }, fault: { kind: "denied" } });
    await sweepOnce({ ...options, config: sweptEvery("6h") });
    expect(asked, "of the repositories alone").toEqual(["a", "b", "c"]);
  });
});

describe("App Mesh", () => {
  const node = (of: EmulatedAws) => buildVirtualNode(service({ port: 8080 }, { namespace: "sweep", name: "a" }), of.config, neighbours());
  let inMesh: EmulatedAws;

  beforeAll(async () => {
    inMesh = await emulatedAws(inAppMesh());
  });
  afterAll(async () => inMesh.close());

  /** A pass over the service and its routes, remembered by what the sweep is given. */
  async function passInMesh(): Promise<void> {
    memories = memoriesOf(inMesh);
    options = optionsOf(inMesh);
    const of = service({ port: 8080 }, { namespace: "sweep", name: "a" });
    const router = buildVirtualRouter(of, inMesh.config);
    if (!router) throw new Error("it has a port");
    await memories.appMesh.virtualNodes.converge(node(inMesh));
    await memories.appMesh.virtualRouters.converge(router);
    for (const route of buildMeshRoutes(of, inMesh.config)) await memories.appMesh.routes.converge(route);
    await memories.routesOfRouter.read(of.key, router.name);
    // So that nothing has its turn.
    options = { ...options, config: sweptEvery("0s") };
  }

  const names = () => ({ meshName: "platform", virtualRouterName: node(inMesh).name });
  const toNode = () => ({ tcpRoute: { action: { weightedTargets: [{ virtualNode: node(inMesh).name, weight: 1 }] } } });

  test.each<[string, () => Promise<unknown>, string[]]>([
    ["nothing, where nothing changed", async () => undefined, []],
    [
      "a node that was changed",
      () => inMesh.appMesh.send(new UpdateVirtualNodeCommand({ meshName: "platform", virtualNodeName: node(inMesh).name, spec: {} })),
      ["a"],
    ],
    ["a route that was added", () => inMesh.appMesh.send(new CreateRouteCommand({ ...names(), routeName: "more", spec: toNode() })), ["a"]],
    // Both by itself, and as one of its router's.
    ["a route that was deleted", () => inMesh.appMesh.send(new DeleteRouteCommand({ ...names(), routeName: "all" })), ["a", "a"]],
  ])("%s", async (_, change, expected) => {
    await passInMesh();
    await change();
    await sweepOnce(options);
    expect(asked).toEqual(expected);
  });

  test("that does not answer hides nothing of the others", async () => {
    await passInMesh();
    await memories.roles.converge(buildRole(service({}, { namespace: "sweep", name: "b" }), inMesh.config));
    await inMesh.iam.send(new PutRolePolicyCommand({ RoleName: "eu-west-1.demo.sweep.b", PolicyName: "extra", PolicyDocument: ANYTHING }));
    await inMesh.emulator.addFaults({ match: { service: "appmesh" }, fault: { kind: "drop" } });
    await sweepOnce(options);
    await inMesh.emulator.clearFaults();
    expect(asked).toEqual(["b"]);
  });

  test("that is retired is not asked", async () => {
    await passInMesh();
    const retired = { ...inMesh.config, mesh: { ...inMesh.config.mesh, appMesh: { ...appMeshOf(inMesh.config), retired: true } } };
    inMesh.recorder.clear();
    await sweepOnce({ ...options, config: retired });
    expect(inMesh.recorder.calls().filter((call) => call.startsWith("appmesh:"))).toEqual([]);
  });
});
