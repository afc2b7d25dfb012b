import { DeleteRuleGroupsNamespaceCommand, PutRuleGroupsNamespaceCommand } from "@aws-sdk/client-amp";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { StepCondition } from "../../../src/crds/conditions.ts";
import type { KubeObject } from "../../../src/crds/desired.ts";
import { ANNOTATIONS, type ObjectKey } from "../../../src/crds/meta.ts";
import type { OperatorConfig } from "../../../src/crds/operator-config.ts";
import { listedInWorkspace } from "../../../src/reconcilers/platform-service/rules-namespace.ts";
import { readOnlyPass } from "../../../src/reconcilers/platform-service/read-only.ts";
import { nothingYet, type OwnedResource, type RemoveScope, type Scope } from "../../../src/reconcilers/platform-service/scope.ts";
import { slosStep } from "../../../src/reconcilers/platform-service/slos.ts";
import { AwsError, type Children, type ChildState } from "../../../src/reconcilers/ports.ts";
import type { StepReport } from "../../../src/reconcilers/step.ts";
import { rulesNamespaceName } from "../../../src/resources/slo/rule-file.ts";
import { emulatedAws, type EmulatedAws } from "../../support/aws/emulated.ts";
import { makeForeignRules, rulesIn, SLOS, TO_WORKSPACE, WORKSPACE } from "../../support/aws/managed-prometheus.ts";
import { operatorConfig } from "../../support/aws/operator-config.ts";
import { service } from "../../support/aws/service.ts";
import { awsRemoveScope } from "../../support/remove-scope.ts";
import { childState } from "../../support/workload-states.ts";

/** The step of the SLOs, with AWS as the emulator and the cluster in memory; each pass may be of another process, under another configuration. */

type Delivery = OperatorConfig["slos"]["delivery"];

let aws: EmulatedAws;
let key: ObjectKey;
let ports: RemoveScope;
let objects: Map<string, KubeObject>;
let listed: readonly OwnedResource[];
let count = 0;

beforeAll(async () => {
  aws = await emulatedAws(TO_WORKSPACE, { managedPrometheusMs: 0 });
});
afterAll(async () => aws.close());
beforeEach(async () => {
  key = { namespace: "tracking", name: `s${++count}` };
  objects = new Map();
  listed = [];
  await aws.emulator.clearFaults();
  restart();
});

/** Another process: nothing is remembered. */
function restart(of = aws): void {
  ports = { ...awsRemoveScope(of, key, { owner: "tracking-squad", tier: "tier-2", image: {} }), children };
  of.recorder.clear();
}

function stateOf({ apiVersion, kind, metadata }: KubeObject): ChildState {
  return childState({ apiVersion, kind, namespace: key.namespace, name: metadata.name });
}

/** The API server, as far as this step goes. */
const children: Children = {
  async apply(_, desired) {
    objects.set(desired.kind, desired);
    return { state: "updated", uid: "uid" };
  },
  async look() {
    return { state: "withheld", found: "different" };
  },
  owned: (_, kinds) => [...objects.values()].map(stateOf).filter(({ ref }) => kinds.some(({ kind }) => kind === ref.kind)),
  async remove(_, { kind }) {
    return objects.delete(kind) ? "deleting" : "gone";
  },
  get: (_, { kind }) => {
    const object = objects.get(kind);
    return object && stateOf(object);
  },
  strip: unasked,
  released: unasked,
  scale: unasked,
  forget: unasked,
};

function unasked(): never {
  throw new Error("this step asks no such thing");
}

function configFor(delivery: Delivery, workspaceArn: string | null = WORKSPACE): OperatorConfig {
  return operatorConfig(aws.config.aws.endpoint ?? undefined, { slos: { delivery, workspaceArn } });
}

function scopeOf(config: OperatorConfig, spec: object = SLOS): Scope {
  return {
    ...ports,
    config,
    stored: { ...ports.stored, status: { resources: [...listed] } },
    service: service(spec, key, config),
    namespaceLabels: {},
    ...nothingYet(),
    previous: [],
    reports: new Map(),
  };
}

/** What a pass says, and what people are told of; the status then lists what it found. */
async function pass(scope: Scope): Promise<{ readonly report: StepReport; readonly leftBehind: readonly string[] }> {
  const reports = new Map<StepCondition, StepReport>();
  try {
    const report = await slosStep.ensure(scope);
    reports.set("SLOsReady", report);
    return { report, leftBehind: scope.leftBehind.map(({ name }) => name) };
  } finally {
    listed = [...scope.resources, ...listedInWorkspace({ ...scope, reports })];
  }
}

async function ensure(config: OperatorConfig, spec: object = SLOS): Promise<StepReport> {
  return (await pass(scopeOf(config, spec))).report;
}

const nameOf = (): string => rulesNamespaceName(key, configFor("AmazonManagedPrometheus")) ?? "";
const inAmazon = async (): Promise<readonly string[]> => ((await rulesIn(aws.amp, nameOf())) === undefined ? [] : ["RuleGroupsNamespace"]);
const everywhere = async (): Promise<readonly string[]> => [...objects.keys(), ...(await inAmazon())];

describe("each way of delivery", () => {
  test.each<[Delivery, string]>([
    ["PrometheusRule", "PrometheusRule"],
    ["ConfigMap", "ConfigMap"],
    ["AmazonManagedPrometheus", "RuleGroupsNamespace"],
  ])("%s: the rules are there and nowhere else, the status lists them, and they go with the SLOs", async (delivery, kind) => {
    const config = configFor(delivery);
    expect(await ensure(config)).toMatchObject({ state: "ready", reason: "RulesWritten" });
    expect(await everywhere()).toEqual([kind]);
    expect(listed).toEqual([expect.objectContaining({ kind, state: "Ready" })]);
    expect(await ensure(config, { port: 8080 })).toMatchObject({ state: "skipped", reason: "NoSLOs" });
    expect(await everywhere()).toEqual([]);
  });

  test.each<[Delivery, Delivery, string]>([
    ["PrometheusRule", "ConfigMap", "ConfigMap"],
    ["ConfigMap", "AmazonManagedPrometheus", "RuleGroupsNamespace"],
    ["AmazonManagedPrometheus", "PrometheusRule", "PrometheusRule"],
    ["AmazonManagedPrometheus", "ConfigMap", "ConfigMap"],
    ["PrometheusRule", "AmazonManagedPrometheus", "RuleGroupsNamespace"],
  ])("from %s to %s: nothing is left of the first", async (first, then, kind) => {
    await ensure(configFor(first));
    restart();
    expect(await ensure(configFor(then))).toMatchObject({ state: "ready" });
    expect(await everywhere()).toEqual([kind]);
    expect(listed.map((one) => one.kind)).toEqual([kind]);
  });
});

describe("Amazon Managed Service for Prometheus", () => {
  const config = (): OperatorConfig => configFor("AmazonManagedPrometheus");

  test("is asked once by a process, and by none where the configuration names no workspace", async () => {
    await ensure(config());
    aws.recorder.clear();
    await ensure(config());
    expect(aws.recorder.calls(), "as remembered").toEqual([]);
    await ensure(configFor("ConfigMap"));
    aws.recorder.clear();
    await ensure(configFor("ConfigMap"));
    expect(aws.recorder.calls(), "what is gone is remembered too").toEqual([]);
    restart();
    await ensure(configFor("PrometheusRule", null));
    await slosStep.remove({ ...ports, config: configFor("PrometheusRule", null) });
    expect(aws.recorder.calls()).toEqual([]);
  });

  test("puts back what others change when the sweep finds it, and says so", async () => {
    await ensure(config());
    restart();
    await ensure(config());
    const [workspaceId = "", name = ""] = nameOf().split("/");
    await aws.amp.send(new PutRuleGroupsNamespaceCommand({ workspaceId, name, data: new TextEncoder().encode("groups: []\n") }));
    expect(ports.rulesNamespaces.sweep(await aws.operator.bulk.rulesNamespaces())).toEqual([key]);
    const scope = scopeOf(config());
    expect((await pass(scope)).report).toMatchObject({ state: "ready" });
    expect(scope.corrections.map(({ what }) => what)).toEqual([
      `RuleGroupsNamespace ${nameOf()}: rules is others, should be those of spec.slos`,
    ]);
    await aws.amp.send(new DeleteRuleGroupsNamespaceCommand({ workspaceId, name }));
    expect(ports.rulesNamespaces.sweep(await aws.operator.bulk.rulesNamespaces())).toEqual([key]);
    expect(await ensure(config())).toMatchObject({ state: "ready" });
    expect(await inAmazon()).toEqual(["RuleGroupsNamespace"]);
  });

  test("rules of somebody else's are left as they are, and what is in the cluster stays until ours are there", async () => {
    await ensure(configFor("PrometheusRule"));
    await makeForeignRules(aws.amp, nameOf());
    restart();
    expect(await ensure(config())).toMatchObject({
      state: "blocked",
      reason: "NotOwned",
      message: expect.stringContaining(
        `rule groups namespace ${nameOf()} exists and is not ours (it has no tags of platform-operator.dev)`,
      ),
    });
    expect(await everywhere()).toEqual(["PrometheusRule", "RuleGroupsNamespace"]);
    expect(await ensure(configFor("ConfigMap"))).toMatchObject({ state: "ready" });
    expect(await slosStep.remove({ ...ports, config: config() })).toMatchObject({ state: "deleting" });
    expect(await rulesIn(aws.amp, nameOf())).toMatchObject({ data: "groups: []\n" });
  });

  test("an operator that may not is told which policy it lacks", async () => {
    await aws.emulator.addFaults({ match: { service: "aps" }, fault: { kind: "denied" } });
    await expect(ensure(config())).rejects.toMatchObject({ class: "denied", operation: "aps:DescribeRuleGroupsNamespace" });
  });

  test("as long as it does not answer, rules that may be there stay in the status", async () => {
    await ensure(config());
    const before = listed;
    restart();
    await aws.emulator.addFaults({ match: { service: "aps" }, fault: { kind: "denied" } });
    await expect(ensure(config())).rejects.toThrow(AwsError);
    expect(listed).toEqual(before.map((one) => ({ ...one, state: "Progressing" })));
  });

  test("so they do while the rules cannot be written where they are to go", async () => {
    await ensure(config());
    const before = listed;
    restart();
    ports = { ...ports, children: { ...children, apply: async () => ({ state: "foreign", holder: "somebody", free: true }) } };
    expect(await ensure(configFor("ConfigMap"))).toMatchObject({ state: "blocked", reason: "NotOwned" });
    expect(listed).toContainEqual({ ...before[0], state: "Progressing" });
    expect(await inAmazon()).toEqual(["RuleGroupsNamespace"]);
  });

  test("without its workspace in the configuration the rules there are left and named once", async () => {
    await ensure(config());
    const [namespace] = listed;
    restart();
    expect(await pass(scopeOf(configFor("PrometheusRule", null)))).toMatchObject({
      report: { state: "ready" },
      leftBehind: [namespace?.name],
    });
    expect(await pass(scopeOf(configFor("PrometheusRule", null)))).toMatchObject({ leftBehind: [] });
    expect(await everywhere()).toEqual(["PrometheusRule", "RuleGroupsNamespace"]);
    expect(aws.recorder.calls()).toEqual([]);
  });

  test("of a service that is deleted without it the rules are left and named", async () => {
    await ensure(config());
    const [namespace] = listed;
    const scope = { ...ports, config: configFor("PrometheusRule", null), stored: { ...ports.stored, status: { resources: [...listed] } } };
    expect(await slosStep.remove(scope)).toEqual({ state: "gone" });
    expect(scope.retained).toEqual([{ ...namespace, state: "Retained" }]);
  });

  test("a deletion takes the rules along, unless the platform team lets go of them", async () => {
    await ensure(config());
    expect(await slosStep.remove({ ...ports, config: config() })).toEqual({ state: "gone" });
    expect(await inAmazon()).toEqual([]);

    restart();
    await ensure(config());
    const annotations = { [ANNOTATIONS.abandon]: "aps.aws" };
    const stored = { ...ports.stored, metadata: { ...ports.stored.metadata, annotations } };
    const scope = { ...ports, stored, config: config() };
    expect(await slosStep.remove(scope)).toEqual({ state: "gone" });
    expect(scope.retained.map(({ name }) => name)).toEqual([nameOf()]);
    expect(await inAmazon()).toEqual(["RuleGroupsNamespace"]);
  });

  test.each<[string, () => OperatorConfig, string]>([
    ["be made", config, "is not there"],
    ["go", () => configFor("ConfigMap"), "is no longer wanted"],
  ])("suspended, what would %s is named and nothing is written", async (_, of, words) => {
    if (words !== "is not there") await ensure(config());
    restart();
    const readOnly = readOnlyPass(ports);
    const report = await readOnly.naming(slosStep).ensure({ ...scopeOf(of()), ...readOnly.hands });
    expect(report).toMatchObject({ state: "suspended", message: expect.stringContaining(`RuleGroupsNamespace ${nameOf()} ${words}`) });
    expect(aws.recorder.writes()).toEqual([]);
  });
});

describe("what Amazon Managed Service for Prometheus has not taken in yet", () => {
  test("is waited for, and what is in the cluster stays so long; on the way out too", async () => {
    let now = 0;
    const slow = await emulatedAws(TO_WORKSPACE, { managedPrometheusMs: 1_000 }, { clock: () => now });
    const config = (delivery: Delivery): OperatorConfig => ({ ...slow.config, slos: { ...slow.config.slos, delivery } });
    restart(slow);
    await ensure(config("ConfigMap"));
    expect(await ensure(config("AmazonManagedPrometheus"))).toEqual({
      state: "progressing",
      reason: "RulesUnderWay",
      message: `Amazon Managed Service for Prometheus takes in rule groups namespace ${nameOf()}`,
      recheckMs: 3_000,
    });
    expect([...objects.keys()]).toEqual(["ConfigMap"]);
    expect(listed).toEqual([expect.objectContaining({ kind: "RuleGroupsNamespace", state: "Progressing" })]);
    now += 1_000;
    expect(await ensure(config("AmazonManagedPrometheus"))).toMatchObject({ state: "ready", reason: "RulesWritten" });
    expect([...objects.keys()]).toEqual([]);
    expect(await ensure(config("ConfigMap"))).toMatchObject({ state: "progressing", reason: "RulesUnderWay" });
    now += 1_000;
    expect(await ensure(config("ConfigMap"))).toMatchObject({ state: "ready" });
    await ensure(config("AmazonManagedPrometheus"));
    now += 1_000;
    expect(await ensure(config("AmazonManagedPrometheus"))).toMatchObject({ state: "ready" });
    const removal = () => slosStep.remove({ ...ports, config: slow.config });
    expect(await removal()).toMatchObject({ state: "deleting", message: `waits for RuleGroupsNamespace ${nameOf()} to be gone` });
    now += 1_000;
    expect(await removal()).toEqual({ state: "gone" });
    await slow.close();
  });

  test("and will not, is said with the reason, written again, and taken in once it can be", async () => {
    const short = await emulatedAws(TO_WORKSPACE, { managedPrometheusMs: 0 }, { quotas: { ruleGroupsPerWorkspace: 2 } });
    restart(short);
    const other = "ws-demo/other";
    const [workspaceId = "", name = ""] = other.split("/");
    await makeForeignRules(short.amp, other);
    const data = new TextEncoder().encode("groups: [{ name: a, rules: [] }]\n");
    await short.amp.send(new PutRuleGroupsNamespaceCommand({ workspaceId, name, data }));
    const refused = {
      state: "blocked",
      reason: "RulesNotTakenIn",
      message: `Amazon Managed Service for Prometheus did not take in rule groups namespace ${nameOf()} (failed: the workspace has more than 2 groups of rules): raise the workspace's quota, or change what the reason names; it is written again every minute`,
      recheckMs: 60_000,
    };
    expect(await ensure(short.config)).toEqual(refused);
    expect(listed).toEqual([expect.objectContaining({ kind: "RuleGroupsNamespace", state: "Failed" })]);
    expect(await ensure(short.config)).toEqual(refused);
    await short.amp.send(new DeleteRuleGroupsNamespaceCommand({ workspaceId, name }));
    await ensure(short.config);
    expect(await ensure(short.config)).toMatchObject({ state: "ready", reason: "RulesWritten" });
    await short.close();
  });
});
