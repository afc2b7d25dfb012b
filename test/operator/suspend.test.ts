import { GetLifecyclePolicyCommand, PutLifecyclePolicyCommand } from "@aws-sdk/client-ecr";
import { GetRoleCommand, ListRolePoliciesCommand, NoSuchEntityException, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EmulatorAdmin } from "../../emulator/admin-client.ts";
import { condition } from "../../src/cli/service-watch.ts";
import { OPERATOR_KEY } from "../../src/cli/keys.ts";
import { INLINE_POLICY_NAME } from "../../src/crds/aws-names.ts";
import type { ObjectKey } from "../../src/crds/meta.ts";
import type { PlatformService } from "../../src/crds/platform-service.ts";
import { roleName } from "../../src/resources/iam/role.ts";
import { operatorWrites, provokePass } from "../support/operator-writes.ts";
import { PATIENCE_MS, sharedPlatform, type Platform } from "../support/platform.ts";
import { eventsOf, messageOf, verdict } from "../support/service-view.ts";

/** What a person asks of the operator: to write nothing, for good or for a time, and to look afresh. */

const NAMESPACE = "suspend";
const BY_SPEC = "spec.suspend is true, so nothing is written: set it to false to resume";
const PAUSED_UNTIL = "platform-operator.dev/paused-until";
const RECONCILE_AT = "platform-operator.dev/reconcile-at";
const ANYTHING = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] });
const TABLE = { sid: "Table", actions: ["dynamodb:GetItem"], resources: ["arn:aws:dynamodb:eu-west-1:111122223333:table/parcels"] };
const SPEC = { scaling: { minReplicas: 2, maxReplicas: 2 }, aws: { policy: { statements: [TABLE] } } };

let platform: Platform;

beforeAll(async () => {
  platform = sharedPlatform();
  await platform.namespace(NAMESPACE);
});

afterAll(async () => {
  await platform.close();
});

function key(name: string): ObjectKey {
  return { namespace: NAMESPACE, name };
}

async function patch(what: string, by: object, type = "merge"): Promise<void> {
  await platform.kubectl(["patch", what, "-n", NAMESPACE, `--type=${type}`, "--field-manager=somebody", "-p", JSON.stringify(by)]);
}

async function annotate({ name }: ObjectKey, annotation: string): Promise<void> {
  await platform.kubectl(["annotate", "psvc", name, "-n", NAMESPACE, "--overwrite", annotation]);
}

/** Writes that concern the service, but for those about it: its own status, and events. */
async function writes({ name }: ObjectKey): Promise<readonly string[]> {
  const { kubernetes, aws } = await operatorWrites(platform, NAMESPACE, name);
  return [...kubernetes.filter((write) => !/ (platformservices|events)(\/| )/.test(write)), ...aws];
}

/** A container that nobody asked for, everyone let in, an object gone, replicas; and rights in AWS. */
async function meddle({ name }: ObjectKey): Promise<void> {
  const container = { name: "miner", image: "example.com/miner:1" };
  await patch(`deployment/${name}`, [{ op: "add", path: "/spec/template/spec/containers/-", value: container }], "json");
  await patch(`networkpolicy/${name}-default-deny`, [{ op: "replace", path: "/spec/policyTypes", value: ["Ingress"] }], "json");
  await platform.kubectl(["scale", `deployment/${name}`, "-n", NAMESPACE, "--replicas=3"]);
  await platform.kubectl(["delete", `sidecar/${name}`, "-n", NAMESPACE]);
  const RoleName = roleName(key(name), platform.config);
  await platform.iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "extra", PolicyDocument: ANYTHING }));
}

async function policiesOf(of: ObjectKey): Promise<readonly string[]> {
  const { PolicyNames = [] } = await platform.iam.send(new ListRolePoliciesCommand({ RoleName: roleName(of, platform.config) }));
  return PolicyNames.toSorted();
}

function says(service: PlatformService, type: string, ...words: readonly string[]): boolean {
  return verdict(service, type) === "False Suspended" && words.every((word) => messageOf(service, type).includes(word));
}

async function saidOf(service: ObjectKey): Promise<readonly string[]> {
  return (await eventsOf(platform, service)).map(({ reason, note }) => `${reason}: ${note}`);
}

describe("suspended", () => {
  const WEB = key("web");
  let before: readonly string[];

  beforeAll(async () => {
    await platform.ready(WEB, SPEC);
    before = await writes(WEB);
  });

  test("it stays Ready, is marked, and nothing is written", async () => {
    await patch("psvc/web", { spec: { suspend: true } });
    const service = await platform.untilCondition(WEB, "Ready", "True", "Suspended");
    expect(messageOf(service, "Ready")).toBe(BY_SPEC);
    expect(condition(service, "Suspended")).toMatchObject({ status: "True", reason: "SpecSuspend", message: BY_SPEC });
    expect(await platform.kubectl(["get", "psvc", "web", "-n", NAMESPACE, "--no-headers"])).toMatch(/^web +True +Suspended /);
    expect(await platform.metric(`platform_service_condition{namespace="${NAMESPACE}",name="web",type="Suspended"}`)).toBe(1);
    expect(await writes(WEB)).toEqual(before);
  });

  test("drift in the cluster and in AWS stays, and is named", async () => {
    await meddle(WEB);
    const service = await platform.until(
      WEB,
      "names what differs",
      (it) =>
        says(it, "WorkloadReady", "Deployment web differs", "Deployment web should have 2 replicas") &&
        says(it, "NetworkPolicyReady", "NetworkPolicy web-default-deny differs") &&
        says(it, "TrafficReady", "Sidecar web is not there") &&
        // The sweep finds this.
        says(it, "IdentityReady", `Role ${roleName(WEB, platform.config)} differs: inlinePolicies[extra]`),
    );
    expect(verdict(service, "Ready")).toBe("False Suspended");
    expect(condition(service, "Reconciling")).toBeUndefined();
    expect(condition(service, "Stalled")).toBeUndefined();
    await provokePass(platform, WEB);
    await provokePass(platform, WEB);
    expect(platform.watch.get(WEB)?.status, "the same from pass to pass").toEqual(service.status);
    expect(await policiesOf(WEB)).toEqual(["extra", INLINE_POLICY_NAME].toSorted());
    expect(await writes(WEB)).toEqual(before);
  });

  test("a spec that changes meanwhile is observed, and neither carried out nor Ready", async () => {
    await patch("psvc/web", { spec: { aws: { maxSessionDuration: "2h" }, routes: [{ name: "all", timeout: "2s" }] } });
    const service = await platform.until(
      WEB,
      "names what the new spec would change",
      (it) => says(it, "TrafficReady", "VirtualService web differs") && says(it, "IdentityReady", "maxSessionDuration is 3600"),
    );
    expect(service.status?.observedGeneration).toBe(service.metadata.generation);
    expect(condition(service, "Ready")).toMatchObject({ status: "False", observedGeneration: service.metadata.generation });
    expect(await writes(WEB)).toEqual(before);
  });

  test("it can be asked to look afresh", async () => {
    const since = await new EmulatorAdmin(platform.info.awsEndpoint).lastSequence();
    await annotate(WEB, `${RECONCILE_AT}=while-suspended`);
    await platform.until(WEB, "has handled it", (it) => it.status?.lastHandledReconcileAt === "while-suspended");
    expect(await readsSince(since, WEB)).toEqual(expect.arrayContaining(["iam:GetRole", "ecr:DescribeRepositories"]));
    expect(await writes(WEB)).toEqual(before);
  });

  test("resumed, everything is put right and told", async () => {
    await patch("psvc/web", { spec: { suspend: false } });
    const service = await platform.untilCondition(WEB, "Ready", "True", "Ready");
    expect(condition(service, "Suspended")).toBeUndefined();
    const since = (await writes(WEB)).filter((write) => !before.includes(write));
    expect(since, "what writes would look like").toEqual(expect.arrayContaining(["iam:DeleteRolePolicy", "iam:UpdateRole"]));
    expect(await policiesOf(WEB)).toEqual([INLINE_POLICY_NAME]);
    const { Role } = await platform.iam.send(new GetRoleCommand({ RoleName: roleName(WEB, platform.config) }));
    expect(Role?.MaxSessionDuration).toBe(7200);
    const deployment = await platform.get<{ spec: { replicas: number; template: { spec: { containers: readonly object[] } } } }>(
      NAMESPACE,
      "deployment/web",
    );
    expect(deployment?.spec).toMatchObject({ replicas: 2, template: { spec: { containers: [{ name: "app" }] } } });
    expect(await platform.get(NAMESPACE, "sidecar/web")).toBeDefined();
    await expect
      .poll(() => saidOf(WEB), { timeout: PATIENCE_MS })
      .toEqual(expect.arrayContaining([`Suspended: ${BY_SPEC}`, "Resumed: it is written again"]));
    expect(await platform.metric(`platform_service_condition{namespace="${NAMESPACE}",name="web",type="Suspended"}`)).toBeUndefined();
  });
});

/** What the operator has read in AWS of the service. */
async function readsSince(since: number, { namespace, name }: ObjectKey): Promise<readonly string[]> {
  const actions = await new EmulatorAdmin(platform.info.awsEndpoint).actions(since);
  const its = actions.filter((a) => a.accessKeyId === OPERATOR_KEY && a.access === "read");
  return its
    .filter((a) => a.resource.includes(`.${namespace}.${name}`) || a.resource.includes(`/${namespace}/${name}`))
    .map((a) => a.operation);
}

describe("created suspended", () => {
  const NEW = key("new");

  test("it has its finalizer and nothing else, says so, and can be deleted", async () => {
    await platform.applyService(NEW, { ...SPEC, suspend: true });
    const service = await platform.untilCondition(NEW, "Ready", "False", "Suspended");
    expect(service.metadata.finalizers).toEqual(["platform-operator.dev/cleanup"]);
    expect(messageOf(service, "IdentityReady")).toBe(`not written while suspended: Role ${roleName(NEW, platform.config)} is not there`);
    expect(messageOf(service, "NetworkPolicyReady")).toContain("NetworkPolicy new-default-deny is not there");
    expect(service.status?.resources).toEqual([]);
    await provokePass(platform, NEW);
    expect(await writes(NEW)).toEqual([]);

    await platform.kubectl(["delete", "psvc", "new", "-n", NAMESPACE, "--wait=false"]);
    await platform.untilGone(NEW);
  });
});

describe("deleted while suspended", () => {
  const OLD = key("old");

  test("everything goes as ever", async () => {
    await platform.ready(OLD, SPEC);
    await patch("psvc/old", { spec: { suspend: true } });
    await platform.untilCondition(OLD, "Ready", "True", "Suspended");
    await platform.kubectl(["delete", "psvc", "old", "-n", NAMESPACE, "--wait=false"]);
    await platform.untilGone(OLD);
    await expect(platform.iam.send(new GetRoleCommand({ RoleName: roleName(OLD, platform.config) }))).rejects.toThrow(
      NoSuchEntityException,
    );
  });
});

describe("paused", () => {
  const PAUSED = key("paused");
  /** In whole seconds, far enough for the drift to be made and seen before. */
  const inSeconds = (seconds: number): string => `${new Date(Date.now() + seconds * 1000).toISOString().slice(0, 19)}Z`;

  beforeAll(async () => {
    await platform.ready(PAUSED, SPEC);
  });

  test("until a time, it ends by itself then", async () => {
    const before = await writes(PAUSED);
    const until = inSeconds(8);
    await annotate(PAUSED, `${PAUSED_UNTIL}=${until}`);
    const service = await platform.untilCondition(PAUSED, "Ready", "True", "Suspended");
    expect(service.status?.pausedUntil).toBe(until);
    await platform.kubectl(["delete", "sidecar/paused", "-n", NAMESPACE]);
    await platform.until(PAUSED, "names what is gone", (it) => says(it, "TrafficReady", "Sidecar paused is not there"));
    expect(await writes(PAUSED)).toEqual(before);

    const after = await platform.untilCondition(PAUSED, "Ready", "True", "Ready");
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(until));
    expect(after.status?.pausedUntil).toBeUndefined();
    expect(await platform.get(NAMESPACE, "sidecar/paused")).toBeDefined();
  });

  test("by what is no time, it is refused in words and writes nothing; corrected, it goes on", async () => {
    const before = await writes(PAUSED);
    await annotate(PAUSED, `${PAUSED_UNTIL}=tomorrow`);
    const service = await platform.untilCondition(PAUSED, "Ready", "False", "InvalidPausedUntil");
    expect(messageOf(service, "SpecValid")).toContain(
      'metadata.annotations[platform-operator.dev/paused-until]: "tomorrow" is no RFC 3339 time',
    );
    await platform.kubectl(["delete", "sidecar/paused", "-n", NAMESPACE]);
    await platform.until(PAUSED, "names what is gone", (it) => says(it, "TrafficReady", "Sidecar paused is not there"));
    expect(await writes(PAUSED)).toEqual(before);
    await annotate(PAUSED, `${PAUSED_UNTIL}-`);
    await platform.untilCondition(PAUSED, "Ready", "True", "Ready");
    expect(await platform.get(NAMESPACE, "sidecar/paused")).toBeDefined();
  });
});

describe("asked to look afresh", () => {
  const FRESH = key("fresh");
  const repositoryName = `${NAMESPACE}/fresh`;

  test("it reads AWS, puts back what only such a read finds, and says that it did, once a value", async () => {
    await platform.ready(FRESH, SPEC);
    const rule = {
      rulePriority: 1,
      selection: { tagStatus: "any", countType: "imageCountMoreThan", countNumber: 1 },
      action: { type: "expire" },
    };
    const { lifecyclePolicyText: written } = await platform.ecr.send(new GetLifecyclePolicyCommand({ repositoryName }));
    await platform.ecr.send(new PutLifecyclePolicyCommand({ repositoryName, lifecyclePolicyText: JSON.stringify({ rules: [rule] }) }));
    const since = await new EmulatorAdmin(platform.info.awsEndpoint).lastSequence();
    await annotate(FRESH, `${RECONCILE_AT}=1`);
    await platform.until(FRESH, "has handled it", (it) => it.status?.lastHandledReconcileAt === "1");
    expect((await platform.ecr.send(new GetLifecyclePolicyCommand({ repositoryName }))).lifecyclePolicyText).toBe(written);
    expect(await readsSince(since, FRESH)).toEqual(
      expect.arrayContaining(["iam:GetRole", "ecr:DescribeRepositories", "ecr:GetLifecyclePolicy", "ecr:BatchGetImage"]),
    );
    await annotate(FRESH, `${RECONCILE_AT}-`);
    await provokePass(platform, FRESH);
    expect(platform.watch.get(FRESH)?.status?.lastHandledReconcileAt).toBe("1");
  });
});
