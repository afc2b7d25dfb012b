import {
  CreateRuleGroupsNamespaceCommand,
  DeleteRuleGroupsNamespaceCommand,
  PutRuleGroupsNamespaceCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-amp";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { RulesNamespaceDesired } from "../../../src/crds/desired.ts";
import { AWS_TAGS } from "../../../src/crds/meta.ts";
import { Converger } from "../../../src/reconcilers/converge.ts";
import { buildRulesNamespace } from "../../../src/resources/slo/rule-file.ts";
import { emulatedAws, type EmulatedAws } from "../../support/aws/emulated.ts";
import { makeForeignRules, rulesIn, SLOS, TO_WORKSPACE } from "../../support/aws/managed-prometheus.ts";
import { service } from "../../support/aws/service.ts";

/** Rules in Amazon Managed Service for Prometheus against the emulator: one that is done at once, and one that is at it for longer than any test. */

function wishOf({ config }: EmulatedAws, spec: object = {}): RulesNamespaceDesired {
  const wish = buildRulesNamespace(service({ ...SLOS, ...spec }, { namespace: "tracking", name: "tracking" }, config), config);
  if (wish === undefined) throw new Error("the service has SLOs");
  return wish;
}

function namesOf({ name: whole }: RulesNamespaceDesired): { readonly workspaceId: string; readonly name: string } {
  const [workspaceId = "", name = ""] = whole.split("/");
  return { workspaceId, name };
}

const OTHER_RULES = new TextEncoder().encode("groups: []\n");
const LOOSER = { slos: [{ ...SLOS.slos[0], objective: "99" }] };

describe("where it is done at once", () => {
  let aws: EmulatedAws;
  let wish: RulesNamespaceDesired;

  beforeAll(async () => {
    aws = await emulatedAws(TO_WORKSPACE, { managedPrometheusMs: 0 });
    wish = wishOf(aws);
  });
  afterAll(async () => aws.close());
  beforeEach(async () => {
    await aws.emulator.clearFaults();
    if ((await rulesIn(aws.amp, wish.name)) !== undefined) await aws.amp.send(new DeleteRuleGroupsNamespaceCommand(namesOf(wish)));
    aws.recorder.clear();
  });

  const rules = () => new Converger(aws.operator.rulesNamespaces);

  test("rules are made with their tags by one call, and a second look writes nothing", async () => {
    expect(await rules().converge(wish)).toMatchObject({ state: "asDesired", corrected: [], observed: { status: "ACTIVE" } });
    expect(aws.recorder.writes()).toEqual(["aps:CreateRuleGroupsNamespace"]);
    expect(await rulesIn(aws.amp, wish.name)).toEqual({ data: wish.data, tags: wish.tags, status: "ACTIVE" });
    aws.recorder.clear();
    expect(await rules().converge(wish)).toMatchObject({ state: "asDesired", corrected: [], unasked: undefined });
    expect(aws.recorder.calls()).toEqual(["aps:DescribeRuleGroupsNamespace"]);
  });

  test("other SLOs are one write", async () => {
    await rules().converge(wish);
    aws.recorder.clear();
    const changed = wishOf(aws, LOOSER);
    expect(await rules().converge(changed)).toMatchObject({ corrected: [{ field: "rules" }] });
    expect(aws.recorder.writes()).toEqual(["aps:PutRuleGroupsNamespace"]);
    expect(await rulesIn(aws.amp, wish.name)).toMatchObject({ data: changed.data });
  });

  test("rules and tags that others changed are put back; tags that others added stay", async () => {
    const created = await rules().converge(wish);
    if (created.state !== "asDesired") throw new Error("it was not made");
    await aws.amp.send(new PutRuleGroupsNamespaceCommand({ ...namesOf(wish), data: OTHER_RULES }));
    const tags = { "platform-operator.dev/owner": "others", theirs: "x" };
    await aws.amp.send(new TagResourceCommand({ resourceArn: created.observed.arn, tags }));
    aws.recorder.clear();
    expect(await rules().converge(wish)).toMatchObject({
      state: "asDesired",
      corrected: [{ field: "rules" }, { field: "tags[platform-operator.dev/owner]" }],
    });
    expect(aws.recorder.writes()).toEqual(["aps:PutRuleGroupsNamespace", "aps:TagResource"]);
    expect(await rulesIn(aws.amp, wish.name)).toMatchObject({ data: wish.data, tags: { ...wish.tags, theirs: "x" } });
  });

  test("rules of somebody else's are left, and named as such", async () => {
    await makeForeignRules(aws.amp, wish.name);
    expect(await rules().converge(wish)).toEqual({ state: "foreign", owner: "it has no tags of platform-operator.dev" });
    expect(await rules().resource.delete({ ...wish, force: false })).toEqual({ state: "foreign" });
    expect(aws.recorder.writes()).toEqual([]);
  });

  test("what loses our tags is ours no more", async () => {
    const created = await rules().converge(wish);
    if (created.state !== "asDesired") throw new Error("it was not made");
    await aws.amp.send(new UntagResourceCommand({ resourceArn: created.observed.arn, tagKeys: [AWS_TAGS.name] }));
    expect(await rules().converge(wish)).toMatchObject({ state: "foreign" });
  });

  test.each([
    ["a creation", "CreateRuleGroupsNamespace", undefined],
    ["a change", "PutRuleGroupsNamespace", LOOSER],
  ])("%s whose answer is lost ends as it would have", async (_, operation, change) => {
    if (change) await rules().converge(wish);
    await aws.emulator.addFaults({ match: { operation }, position: 1, fault: { kind: "lost" } });
    const changed = wishOf(aws, change);
    expect(await rules().converge(changed)).toMatchObject({ state: "asDesired" });
    expect(await rulesIn(aws.amp, wish.name)).toMatchObject({ data: changed.data });
    expect(aws.recorder.codes(`aps:${operation}`)).toHaveLength(2);
  });

  test("a deletion whose answer is lost ends as it would have", async () => {
    await rules().converge(wish);
    await aws.emulator.addFaults({ match: { operation: "DeleteRuleGroupsNamespace" }, position: 1, fault: { kind: "lost" } });
    expect(await rules().resource.delete({ ...wish, force: false })).toEqual({ state: "gone" });
    expect(await rulesIn(aws.amp, wish.name)).toBeUndefined();
    expect(aws.recorder.codes("aps:DeleteRuleGroupsNamespace")).toHaveLength(2);
  });

  test("what is gone is gone", async () => {
    expect(await rules().resource.delete({ ...wish, force: false })).toEqual({ state: "gone" });
    await rules().converge(wish);
    expect(await rules().resource.delete({ ...wish, force: false })).toEqual({ state: "gone" });
    expect(await rulesIn(aws.amp, wish.name)).toBeUndefined();
  });

  test("the bulk read tells that rules were changed, that they are gone, and of no other cluster's", async () => {
    const memory = rules();
    await memory.converge(wish);
    // A creation is answered without the time that the bulk read compares.
    memory.forget(wish.name);
    await memory.converge(wish);
    await makeForeignRules(aws.amp, "ws-demo/eu-west-1.other.tracking.tracking");
    const bulk = await aws.operator.bulk.rulesNamespaces();
    expect([...bulk.keys()]).toEqual([wish.name]);
    expect(memory.sweep(bulk)).toEqual([]);
    await aws.amp.send(new PutRuleGroupsNamespaceCommand({ ...namesOf(wish), data: OTHER_RULES }));
    expect(memory.sweep(await aws.operator.bulk.rulesNamespaces())).toEqual([wish.owner]);
    await memory.converge(wish);
    await aws.amp.send(new DeleteRuleGroupsNamespaceCommand(namesOf(wish)));
    expect(memory.sweep(await aws.operator.bulk.rulesNamespaces())).toEqual([wish.owner]);
  });

  test("a workspace that is not there is said", async () => {
    const elsewhere = { ...wish, name: "ws-none/tracking" };
    await expect(rules().converge(elsewhere)).rejects.toMatchObject({ class: "denied" });
  });

  test("what it did not take in is a difference, and is written again", async () => {
    const names = namesOf(wish);
    const created = await aws.amp.send(
      new CreateRuleGroupsNamespaceCommand({ ...names, data: new TextEncoder().encode("nothing"), tags: { ...wish.tags } }),
    );
    expect(created.status).toEqual({ statusCode: "CREATION_FAILED", statusReason: "the rules have no list of groups" });
    expect(await rules().converge(wish)).toMatchObject({
      state: "asDesired",
      corrected: [{ field: "rules" }, { field: "status", observed: "failed: the rules have no list of groups", desired: "active" }],
      observed: { status: "ACTIVE" },
    });
  });
});

describe("where it is at it", () => {
  let aws: EmulatedAws;
  let wish: RulesNamespaceDesired;

  beforeAll(async () => {
    aws = await emulatedAws(TO_WORKSPACE, { managedPrometheusMs: 3_600_000 });
    wish = wishOf(aws);
  });
  afterAll(async () => aws.close());

  test("that is said; a change waits for it, and so does a deletion", async () => {
    const rules = new Converger(aws.operator.rulesNamespaces);
    expect(await rules.converge(wish)).toMatchObject({ state: "asDesired", observed: { status: "underWay" } });
    await expect(rules.converge(wishOf(aws, LOOSER))).rejects.toMatchObject({
      class: "busy",
      operation: "aps:PutRuleGroupsNamespace",
      message: "Rule groups namespace eu-west-1.demo.tracking.tracking is CREATING",
    });
    await expect(rules.resource.delete({ ...wish, force: false })).rejects.toMatchObject({ class: "busy" });
  });
});

describe("where a deletion takes its time", () => {
  test("it is under way until it is gone, and nothing is made in between", async () => {
    let now = 0;
    const aws = await emulatedAws(TO_WORKSPACE, { managedPrometheusMs: 1_000 }, { clock: () => now });
    const wish = wishOf(aws);
    const rules = () => new Converger(aws.operator.rulesNamespaces);
    await rules().converge(wish);
    now = 1_000;
    const removal = () => rules().resource.delete({ ...wish, force: false });
    expect(await removal()).toEqual({ state: "deleting" });
    await expect(rules().converge(wish)).rejects.toMatchObject({ class: "busy", message: `${wish.name} is being deleted` });
    now = 2_000;
    expect(await removal()).toEqual({ state: "gone" });
    await aws.close();
  });
});
