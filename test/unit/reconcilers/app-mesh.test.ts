import {
  CreateGatewayRouteCommand,
  CreateRouteCommand,
  CreateVirtualGatewayCommand,
  CreateVirtualNodeCommand,
  DeleteMeshCommand,
  DeleteRouteCommand,
  ListRoutesCommand,
  ListVirtualNodesCommand,
  ListVirtualRoutersCommand,
  ListVirtualServicesCommand,
} from "@aws-sdk/client-app-mesh";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ANNOTATIONS, type ObjectKey } from "../../../src/crds/meta.ts";
import type { OperatorConfig } from "../../../src/crds/operator-config.ts";
import { ensureVirtualNode } from "../../../src/reconcilers/platform-service/app-mesh-node.ts";
import {
  leaveAppMesh,
  listedInAppMesh,
  removeMeshTraffic,
  removeVirtualNode,
  retireMesh,
} from "../../../src/reconcilers/platform-service/app-mesh-removal.ts";
import { ensureMeshTraffic } from "../../../src/reconcilers/platform-service/app-mesh-traffic.ts";
import { appMeshNote } from "../../../src/reconcilers/platform-service/needed-meshes.ts";
import { readOnlyPass } from "../../../src/reconcilers/platform-service/read-only.ts";
import { nothingYet, type OwnedResource, type RemoveScope, type Scope } from "../../../src/reconcilers/platform-service/scope.ts";
import { computeStatus } from "../../../src/reconcilers/platform-service/status.ts";
import type { ChildState, Children, DeploymentState, PodState } from "../../../src/reconcilers/ports.ts";
import type { StepReport } from "../../../src/reconcilers/step.ts";
import { buildMeshRoutes } from "../../../src/resources/app-mesh/routes.ts";
import { emulatedAws, type EmulatedAws } from "../../support/aws/emulated.ts";
import { inAppMesh, neighbours } from "../../support/aws/mesh.ts";
import { operatorConfig } from "../../support/aws/operator-config.ts";
import { service } from "../../support/aws/service.ts";
import { awsRemoveScope } from "../../support/remove-scope.ts";
import { servicePass } from "../../support/service-pass.ts";
import { childState, deploymentState, podState } from "../../support/workload-states.ts";

/** The steps of a service in App Mesh, and its way out, against the emulator; each pass may be of another process. */

const meshName = "platform";
const SPEC = { port: 8080, routes: [{ name: "orders", match: { methods: ["GET"] } }, { name: "all" }] };
const RETIRED = operatorConfig(undefined, inAppMesh({ retired: true }));
const UNCONFIGURED = operatorConfig();
/** App Mesh is there, and this namespace is in Istio. */
const ELSEWHERE = operatorConfig(undefined, { mesh: { ...inAppMesh().mesh, default: "Istio" } });

let aws: EmulatedAws;
let key: ObjectKey;
let ports: RemoveScope;
let count = 0;

beforeAll(async () => {
  aws = await emulatedAws(inAppMesh());
});
afterAll(async () => aws.close());
beforeEach(async () => {
  key = { namespace: "tracking", name: `s${++count}` };
  await aws.emulator.clearFaults();
  restart();
});

/** Another process: nothing is remembered. */
function restart(): void {
  ports = awsRemoveScope(aws, key, { owner: "tracking-squad", tier: "tier-2", image: {}, port: 8080 });
  const world = { ...ports.world, ...neighbours(), pods: () => [], templates: () => [], namespaceLabels: () => ({}) };
  ports = { ...ports, world, children: accountNoting("true") };
  aws.recorder.clear();
}

/** The API server, as far as the note on the ServiceAccount goes, and what is removed with it. Undefined: there is no ServiceAccount; `stays`: somebody else has put the note there as well. */
function accountNoting(appMesh: string | undefined, stays = false): Children {
  let noted = appMesh;
  removed = [];
  return {
    ...ports.children,
    get: () => (appMesh === undefined ? undefined : accountState(noted)),
    async apply(_, { metadata }) {
      noted = metadata.annotations?.[ANNOTATIONS.appMesh] ?? (stays ? noted : undefined);
      return { state: "updated", uid: "uid" };
    },
    async look() {
      return { state: "withheld", found: "different" };
    },
    async remove(_, { kind, name }) {
      removed.push(`${kind} ${name}`);
      return "gone";
    },
  };
}

function accountState(noted: string | undefined): ChildState {
  const annotations = noted === undefined ? {} : { [ANNOTATIONS.appMesh]: noted };
  return childState({ apiVersion: "v1", kind: "ServiceAccount", ...key }, { annotations });
}

/** Since the account was made. */
let removed: string[] = [];

function note(): string | undefined {
  return appMeshNote(ports.children, ports.owner);
}

interface Changes {
  readonly config?: OperatorConfig;
  /** Its annotation `abandon`. */
  readonly abandon?: string;
}

function changed({ config = aws.config, abandon }: Changes): RemoveScope {
  const annotations = abandon === undefined ? {} : { [ANNOTATIONS.abandon]: abandon };
  return { ...ports, config, stored: { ...ports.stored, metadata: { ...ports.stored.metadata, annotations } } };
}

function scopeOf(spec: object, changes: Changes = {}): Scope {
  return {
    ...changed(changes),
    service: service(spec, key),
    namespaceLabels: {},
    ...nothingYet(),
    previous: [],
    reports: new Map([
      ["ServiceAccountReady", { state: "ready" }],
      ["MeshSecurityReady", { state: "ready" }],
    ]),
  };
}

async function pass(scope: Scope): Promise<StepReport | undefined> {
  return (await ensureVirtualNode(scope)) ?? ensureMeshTraffic(scope);
}

/** Both steps of a deletion, as it goes. */
async function removal(changes: Changes = {}) {
  const scope = changed(changes);
  const traffic = await removeMeshTraffic(scope);
  const goesOn = traffic.state === "gone" || traffic.state === "retained";
  return { report: goesOn ? await removeVirtualNode(scope) : traffic, kept: scope.retained.map(({ kind }) => kind) };
}

const node = () => `demo_tracking_${key.name}`;
const host = () => `${key.name}.tracking.svc.cluster.local`;

/** What of the service's is in the mesh, as somebody else sees it. */
async function inMesh(): Promise<readonly string[]> {
  const { virtualNodes = [] } = await aws.appMesh.send(new ListVirtualNodesCommand({ meshName }));
  const { virtualRouters = [] } = await aws.appMesh.send(new ListVirtualRoutersCommand({ meshName }));
  const { virtualServices = [] } = await aws.appMesh.send(new ListVirtualServicesCommand({ meshName }));
  const routers = virtualRouters.filter(({ virtualRouterName }) => virtualRouterName === node());
  const routes =
    routers.length === 0 ? [] : ((await aws.appMesh.send(new ListRoutesCommand({ meshName, virtualRouterName: node() }))).routes ?? []);
  return [
    ...virtualNodes.filter(({ virtualNodeName }) => virtualNodeName === node()).map(() => "node"),
    ...routers.map(() => "router"),
    ...routes.map(({ routeName }) => `route ${routeName ?? ""}`),
    ...virtualServices.filter(({ virtualServiceName }) => virtualServiceName === host()).map(() => "service"),
  ];
}

const ALL = ["node", "router", "route all", "route orders_GET", "service"];

describe("a service in App Mesh", () => {
  test("has everything after one pass, says so, and asks nothing in the next", async () => {
    const scope = scopeOf(SPEC);
    expect(await pass(scope)).toBeUndefined();
    expect(await inMesh()).toEqual(ALL);
    expect(scope.resources.map(({ group, kind, name, state }) => `${group} ${kind} ${name} ${state}`)).toEqual([
      `appmesh.aws VirtualNode ${node()} Ready`,
      `appmesh.aws VirtualRouter ${node()} Ready`,
      `appmesh.aws Route ${node()}/orders_GET Ready`,
      `appmesh.aws Route ${node()}/all Ready`,
      `appmesh.aws VirtualService ${host()} Ready`,
    ]);
    expect(await pass(scopeOf(SPEC))).toBeUndefined();
    aws.recorder.clear();
    expect(await pass(scopeOf(SPEC))).toBeUndefined();
    expect(aws.recorder.calls()).toEqual([]);
    restart();
    expect(await pass(scopeOf(SPEC))).toBeUndefined();
    expect(aws.recorder.writes()).toEqual([]);
  });

  test.each([["in the same process"], ["in another"]])("loses a route that is no longer written, and gains one, %s", async (process) => {
    await pass(scopeOf(SPEC));
    if (process === "in another") restart();
    const routes = [{ name: "orders", match: { methods: ["PUT"] } }, { name: "all" }];
    expect(await pass(scopeOf({ ...SPEC, routes }))).toBeUndefined();
    expect(await inMesh()).toEqual(["node", "router", "route all", "route orders_PUT", "service"]);
    expect(await pass(scopeOf(SPEC))).toBeUndefined();
    expect(await inMesh()).toEqual(ALL);
  });

  test("whose port was taken away is no longer called", async () => {
    await pass(scopeOf(SPEC));
    expect(await pass(scopeOf({}))).toBeUndefined();
    expect(await inMesh()).toEqual(["node"]);
    await pass(scopeOf({}));
    aws.recorder.clear();
    expect(await pass(scopeOf({}))).toBeUndefined();
    expect(aws.recorder.calls()).toEqual([]);
  });

  test("has its routes again when its port is there again, in the same process", async () => {
    await pass(scopeOf(SPEC));
    await pass(scopeOf(SPEC));
    expect(await pass(scopeOf({}))).toBeUndefined();
    expect(await pass(scopeOf(SPEC))).toBeUndefined();
    expect(await inMesh()).toEqual(ALL);
    expect(await retireMesh(scopeOf(SPEC))).toBeUndefined();
    expect(await pass(scopeOf(SPEC))).toBeUndefined();
    expect(await inMesh()).toEqual(ALL);
  });

  test("loses a route as often as it comes back, though this process has removed it once", async () => {
    const narrow = { ...SPEC, routes: [{ name: "all" }] };
    const stray = buildMeshRoutes(service(SPEC, key), aws.config).find(({ name }) => name === `${node()}/orders_GET`);
    if (stray === undefined) throw new Error("the spec has no such route");
    await pass(scopeOf(SPEC));
    for (let round = 0; round < 2; round++) {
      expect(await pass(scopeOf(narrow))).toBeUndefined();
      expect(await inMesh()).toEqual(["node", "router", "route all", "service"]);
      await aws.operator.mesh.routes.create(stray);
      ports.routesOfRouter.forget(key);
    }
    await pass(scopeOf(narrow));
    expect(await inMesh()).toEqual(["node", "router", "route all", "service"]);
  });

  test("says that a route in its router is somebody else's, until it is gone", async () => {
    await pass(scopeOf(SPEC));
    const stray = { meshName, virtualRouterName: node(), routeName: "stray" };
    const spec = { httpRoute: { match: { prefix: "/" }, action: { weightedTargets: [{ virtualNode: node(), weight: 1 }] } } };
    await aws.appMesh.send(new CreateRouteCommand({ ...stray, spec }));
    restart();
    for (let round = 0; round < 2; round++) {
      expect(await pass(scopeOf(SPEC))).toMatchObject({
        state: "blocked",
        reason: "NotOwned",
        message: expect.stringContaining(`Route ${node()}/stray is in this service's router`),
      });
    }
    await aws.appMesh.send(new DeleteRouteCommand(stray));
    expect(await pass(scopeOf(SPEC))).toBeUndefined();
  });

  test("does not take over a node that is somebody else's", async () => {
    await aws.appMesh.send(new CreateVirtualNodeCommand({ meshName, virtualNodeName: node(), spec: {} }));
    expect(await pass(scopeOf(SPEC))).toMatchObject({
      state: "blocked",
      reason: "NotOwned",
      message: expect.stringContaining(`App Mesh VirtualNode ${node()} exists and is not ours`),
    });
    expect(await inMesh()).toEqual(["node"]);
  });

  test("goes on where a pass ended in between, at every call", async () => {
    await pass(scopeOf(SPEC));
    const writes = aws.recorder.writes().length;
    await removal();
    for (let position = 1; position <= writes; position++) {
      restart();
      await aws.emulator.addFaults({ match: { service: "appmesh", access: "write" }, position, fault: { kind: "denied" } });
      await expect(pass(scopeOf(SPEC))).rejects.toMatchObject({ class: "denied" });
      await aws.emulator.clearFaults();
      restart();
      expect(await pass(scopeOf(SPEC))).toBeUndefined();
      expect(await inMesh()).toEqual(ALL);
      await removal();
      expect(await inMesh()).toEqual([]);
    }
  });

  test("is led to only once a pod with Envoy is ready, while pods of before are being replaced, and stays so", async () => {
    const moving = (pods: readonly PodState[], template: Partial<DeploymentState>): Scope => ({
      ...scopeOf(SPEC, { config: aws.config }),
      world: { ...ports.world, pods: () => pods, templates: () => [deploymentState(template)] },
    });
    const before = podState({ containers: ["istio-proxy", "app"] });
    const envoy = podState({ containers: ["envoy", "app"] });
    const early: readonly Scope[] = [
      moving([before], { mesh: "Istio" }),
      moving([before, { ...envoy, ready: false }], { mesh: "AppMesh", rolledOut: false }),
    ];
    for (const scope of early) expect(await pass(scope)).toMatchObject({ reason: "WaitingForEnvoy", waitsFor: ["WorkloadReady"] });
    expect(await inMesh()).toEqual(ALL.filter((one) => one !== "service"));
    expect(await pass(moving([before, envoy], { mesh: "AppMesh", rolledOut: false }))).toBeUndefined();
    expect(await inMesh()).toEqual(ALL);
    await pass(moving([before], { mesh: "Istio" }));
    expect(await inMesh()).toEqual(ALL);
    // What takes Envoy out of the pods is said elsewhere (NotInMesh), and does not look like a move.
    expect(await pass(moving([before], { mesh: "AppMesh", rolledOut: true }))).toBeUndefined();
  });

  test("is looked at and not written while it is suspended, and what is withheld is named", async () => {
    const looked = async (spec: object): Promise<StepReport> => {
      const readOnly = readOnlyPass(ports);
      const step = readOnly.naming({
        name: "mesh",
        condition: "TrafficReady",
        ensure: async (scope) => (await pass(scope)) ?? { state: "ready" },
        remove: async () => ({ state: "gone" }),
      });
      return step.ensure({ ...scopeOf(spec), ...readOnly.hands });
    };
    expect(await looked(SPEC)).toMatchObject({
      state: "suspended",
      message: expect.stringContaining(`VirtualNode ${node()} is not there`),
    });
    await pass(scopeOf(SPEC));
    expect(await looked(SPEC)).toEqual({ state: "ready" });
    restart();
    expect(await looked({ ...SPEC, routes: [{ name: "all" }] })).toMatchObject({
      message: `not written while suspended: Route ${node()}/all differs: spec.priority is 1, should be 0`,
    });
    expect(aws.recorder.writes()).toEqual([]);
    expect(await inMesh()).toEqual(ALL);
  });
});

test("nothing is made before the ServiceAccount notes it, and no route before its node", async () => {
  const early = { ...scopeOf(SPEC), reports: new Map() };
  expect(await ensureVirtualNode(early)).toMatchObject({ reason: "WaitingForServiceAccount", waitsFor: ["ServiceAccountReady"] });
  expect(await ensureMeshTraffic(early)).toMatchObject({ reason: "WaitingForVirtualNode", waitsFor: ["MeshSecurityReady"] });
  expect(aws.recorder.calls()).toEqual([]);
});

test("a service that is leaving is listed as such, and has the Service by which its pods are found there, until the note is off", async () => {
  let noted: string | undefined = "leaving";
  const it = servicePass({}, { get: (_, { kind }) => (kind === "ServiceAccount" ? accountState(noted) : undefined) });
  await it.pass();
  const listed = { group: "appmesh.aws", kind: "VirtualNode", name: "demo_dispatch_matching", state: "Progressing" };
  expect(it.status().resources).toContainEqual(listed);
  expect(it.calls()).toContain("apply Service matching-mesh");
  noted = undefined;
  await it.pass();
  expect(it.status().resources).not.toContainEqual(listed);
  expect(it.calls()).not.toContain("apply Service matching-mesh");
});

describe("a mesh that cannot be used", () => {
  test("is not there: the configuration is named, and a pass heals when it is", async () => {
    const alone = await emulatedAws(inAppMesh());
    try {
      await alone.appMesh.send(new DeleteMeshCommand({ meshName }));
      const scope = { ...scopeOf(SPEC), ...awsRemoveScope(alone, key, { owner: "x", tier: "tier-2", image: {} }), world: ports.world };
      expect(await pass(scope)).toMatchObject({
        state: "blocked",
        reason: "MeshNotFound",
        message:
          "mesh platform does not exist in account 111122223333 and region eu-west-1: the platform team makes it, or names another in mesh.appMesh.meshName of the operator's configuration",
      });
    } finally {
      await alone.close();
    }
  });

  test.each([
    ["MeshRetired", RETIRED],
    ["AppMeshNotConfigured", UNCONFIGURED],
  ])("%s", async (reason, config) => {
    expect(await pass(scopeOf(SPEC, { config }))).toMatchObject({ state: "blocked", reason });
    expect(aws.recorder.calls()).toEqual([]);
  });
});

describe("the way out", () => {
  const GONE = { report: { state: "gone" }, kept: [] };
  beforeEach(async () => {
    await pass(scopeOf(SPEC));
    restart();
  });

  test("of a service that is deleted: nothing is left", async () => {
    expect(await removal()).toEqual(GONE);
    expect(await inMesh()).toEqual([]);
    expect(await removal()).toEqual(GONE);
  });

  test("of a service that lives and is in another mesh: the same, and asked once", async () => {
    expect(await retireMesh(scopeOf(SPEC))).toBeUndefined();
    expect(await inMesh()).toEqual([]);
    aws.recorder.clear();
    expect(await retireMesh(scopeOf(SPEC))).toBeUndefined();
    expect(aws.recorder.calls()).toEqual([]);
    expect(await pass(scopeOf(SPEC))).toBeUndefined();
    expect(await inMesh()).toEqual(ALL);
  });

  test.each([
    ["of a service", "false"],
    ["whose ServiceAccount is gone", undefined],
  ])("%s that never was in App Mesh asks App Mesh nothing, whatever became of it", async (_, noted) => {
    ports = { ...ports, children: accountNoting(noted) };
    expect(await removal({ config: ELSEWHERE })).toEqual(GONE);
    expect(aws.recorder.calls()).toEqual([]);
  });

  describe("of a service whose ServiceAccount is gone before it, with its namespace:", () => {
    test("nothing is left where its namespace is in App Mesh", async () => {
      ports = { ...ports, children: accountNoting(undefined) };
      expect(await removal()).toEqual(GONE);
      expect(await inMesh()).toEqual([]);
    });

    test("nothing is left where it was still listed, and never silently", async () => {
      const scope = scopeOf(SPEC, { config: ELSEWHERE });
      const status = computeStatus({
        stored: scope.stored,
        reports: new Map(),
        notRun: { reason: "SpecRefused", message: "" },
        configHash: "config",
        tier: scope.service.tier,
        now: 0,
        scope,
        errorBudgets: scope.errorBudgets,
      });
      ports = { ...ports, stored: { ...ports.stored, status }, children: accountNoting(undefined) };
      expect((await removal({ config: UNCONFIGURED })).report).toMatchObject({ state: "blocked", reason: "AppMeshNotConfigured" });
      expect(await removal({ config: ELSEWHERE })).toEqual(GONE);
      expect(await inMesh()).toEqual([]);
    });
  });

  describe("by its own steps, while the service lives,", () => {
    const leaving = (changes: Changes = {}): Scope => ({
      ...scopeOf(SPEC, { config: ELSEWHERE, ...changes }),
      facts: { roleArn: "arn:aws:iam::1:role/a" },
    });

    test("ends with the note, once nothing is left", async () => {
      expect(await leaveAppMesh(leaving())).toBeUndefined();
      expect([await inMesh(), note(), removed]).toEqual([[], undefined, [`Service ${key.name}-mesh`]]);
      aws.recorder.clear();
      expect(await leaveAppMesh(leaving())).toBeUndefined();
      expect(aws.recorder.calls()).toEqual([]);
    });

    test("leaves what the note still stands for where somebody else has put it there as well", async () => {
      ports = { ...ports, children: accountNoting("leaving", true) };
      expect(await leaveAppMesh(leaving())).toBeUndefined();
      expect([note(), removed]).toEqual(["leaving", []]);
    });

    test("is noted before it begins, so that no later rollout needs what cannot be had", async () => {
      await aws.emulator.addFaults({ match: { service: "appmesh" }, fault: { kind: "drop" } });
      await expect(leaveAppMesh(leaving())).rejects.toMatchObject({ class: "unreachable" });
      expect(note()).toBe("leaving");
      expect(await leaveAppMesh(leaving({ config: UNCONFIGURED }))).toMatchObject({ reason: "AppMeshNotConfigured" });
      await aws.emulator.clearFaults();
      expect(await leaveAppMesh(leaving())).toBeUndefined();
      expect([await inMesh(), note()]).toEqual([[], undefined]);
    });

    test("names what is left behind in the pass that takes the note off, and in no other", async () => {
      const abandon = "appmesh.aws";
      const suspended = { ...leaving({ abandon }), ...readOnlyPass(ports).hands };
      expect(await leaveAppMesh(suspended)).toBeUndefined();
      expect([suspended.leftBehind, note()]).toEqual([[], "true"]);
      const scope = leaving({ abandon });
      expect(await leaveAppMesh(scope)).toBeUndefined();
      expect(scope.leftBehind.map(({ kind, state }) => `${kind} ${state}`)).toEqual([
        "VirtualService Retained",
        "VirtualRouter Retained",
        "VirtualNode Retained",
      ]);
      const next = leaving({ abandon });
      expect(await leaveAppMesh(next)).toBeUndefined();
      expect([next.leftBehind, note()]).toEqual([[], undefined]);
      expect(await inMesh()).toEqual(ALL);
    });
  });

  test("waits for who else uses its host, and says who", async () => {
    await aws.appMesh.send(
      new CreateVirtualGatewayCommand({
        meshName,
        virtualGatewayName: node(),
        spec: { listeners: [{ portMapping: { port: 1, protocol: "http" } }] },
      }),
    );
    const target = { virtualService: { virtualServiceName: host() } };
    const spec = { httpRoute: { match: { prefix: "/" }, action: { target } } };
    await aws.appMesh.send(new CreateGatewayRouteCommand({ meshName, virtualGatewayName: node(), gatewayRouteName: "in", spec }));
    await expect(removal()).rejects.toMatchObject({
      class: "busy",
      message: expect.stringContaining(`virtualGateway/${node()}/gatewayRoute/in`),
    });
    expect(await inMesh()).toEqual(ALL);
  });

  describe("without App Mesh", () => {
    beforeEach(async () => {
      await aws.emulator.addFaults({ match: { service: "appmesh" }, fault: { kind: "drop" } });
    });

    test("never ends by itself: an outage is no end", async () => {
      await expect(removal()).rejects.toMatchObject({ class: "unreachable" });
      await expect(retireMesh(scopeOf(SPEC))).rejects.toMatchObject({ class: "unreachable" });
    });

    test.each<[string, Changes]>([
      ["retired by the configuration", { config: RETIRED }],
      ["abandoned as a whole", { abandon: "appmesh.aws" }],
    ])("ends where it is %s, asks nothing, and names what is left", async (_, changes) => {
      const { report, kept } = await removal(changes);
      expect([report.state, ...kept]).toEqual(["retained", "VirtualService", "VirtualRouter", "VirtualNode"]);
      expect(await retireMesh(scopeOf(SPEC, changes))).toBeUndefined();
      expect(aws.recorder.calls()).toEqual([]);
    });

    describe("names of what it lets go of what there is, or may be, by the service's own word:", () => {
      const RESOURCES = (...kinds: readonly string[]): OwnedResource[] =>
        kinds.map((kind) => ({ group: "appmesh.aws", kind, name: kind === "VirtualService" ? host() : node(), state: "Ready" }));
      const kept = async (stored: object, noted: "true" | "false" | "no ServiceAccount" = "true") => {
        const children = accountNoting(noted === "no ServiceAccount" ? undefined : noted);
        ports = { ...ports, retained: [], stored: { ...ports.stored, ...stored }, children };
        return (await removal({ config: RETIRED })).kept;
      };
      const portless = () => ({ spec: { ...ports.stored.spec, port: undefined } });

      test("nothing where the service never came so far, though its namespace is in App Mesh", async () => {
        expect(await kept({}, "false")).toEqual([]);
        expect(await kept({}, "no ServiceAccount")).toEqual([]);
        expect(await kept({ status: { resources: [] } }, "no ServiceAccount")).toEqual([]);
      });

      test("what its status lists", async () => {
        expect(await kept({ status: { resources: RESOURCES("VirtualNode") } })).toEqual(["VirtualNode"]);
        expect(
          await kept({ ...portless(), status: { resources: RESOURCES("VirtualService", "VirtualNode") } }, "no ServiceAccount"),
        ).toEqual(["VirtualService", "VirtualNode"]);
      });

      test("all that it may have, where nothing but the note tells", async () => {
        expect(await kept({})).toEqual(["VirtualService", "VirtualRouter", "VirtualNode"]);
        expect(await kept(portless())).toEqual(["VirtualNode"]);
      });

      test("and the status goes on listing what was there when App Mesh no longer answers", async () => {
        const listed = (scope: Scope) => listedInAppMesh(scope).map(({ kind, state }) => `${kind} ${state}`);
        const before = { resources: RESOURCES("VirtualService", "VirtualRouter", "VirtualNode") };
        ports = { ...ports, stored: { ...ports.stored, status: before } };
        const ALL_LISTED = ["VirtualService Progressing", "VirtualRouter Progressing", "VirtualNode Progressing"];
        expect(listed(scopeOf(SPEC))).toEqual(ALL_LISTED);
        expect(listed(scopeOf({}))).toEqual(ALL_LISTED);
        const settled = (spec: object, changes: Changes = {}): Scope => ({
          ...scopeOf(spec, changes),
          reports: new Map([["TrafficReady", { state: "ready" }]]),
        });
        expect(listed(settled({}))).toEqual(["VirtualNode Progressing"]);
        expect(listed(settled({}, { abandon: "appmesh.aws" })), "it is still there").toEqual(ALL_LISTED);
        ports = { ...ports, stored: { ...ports.stored, status: { resources: [] } } };
        expect(listed(scopeOf(SPEC))).toEqual(["VirtualNode Progressing"]);
      });
    });

    test("does not end for what is not named", async () => {
      await expect(removal({ abandon: `appmesh.aws/VirtualService/${host()}` })).rejects.toMatchObject({ class: "unreachable" });
      const all = [`appmesh.aws/VirtualService/${host()}`, `appmesh.aws/VirtualRouter/${node()}`, `appmesh.aws/VirtualNode/${node()}`];
      expect(await removal({ abandon: all.join(", ") })).toMatchObject({ report: { state: "retained" } });
    });

    test("does not end where the configuration merely lost the mesh", async () => {
      expect((await removal({ config: UNCONFIGURED })).report).toMatchObject({ state: "blocked", reason: "AppMeshNotConfigured" });
      expect(await retireMesh(scopeOf(SPEC, { config: UNCONFIGURED }))).toMatchObject({ reason: "AppMeshNotConfigured" });
    });
  });
});
