import {
  CreateRuleGroupsNamespaceCommand,
  DeleteRuleGroupsNamespaceCommand,
  DescribeRuleGroupsNamespaceCommand,
  ListWorkspacesCommand,
  PutRuleGroupsNamespaceCommand,
  type AmpClient,
} from "@aws-sdk/client-amp";
import { expect, test } from "vitest";
import { ACCOUNT, aws, outcome, REGION } from "./clients.ts";

/** Amazon Managed Service for Prometheus in the emulator: what its conformance probes do not ask. */

const WORKSPACE = "ws-1";
const KEY = "AKIAOPERATOR";
const RULES = new TextEncoder().encode("groups: [{ name: a, rules: [{ record: b, expr: vector(1) }] }]\n");

function create(amp: AmpClient, name = "rules", data = RULES) {
  return amp.send(new CreateRuleGroupsNamespaceCommand({ workspaceId: WORKSPACE, name, data, tags: { owner: "us" } }));
}

async function statusOf(amp: AmpClient, name = "rules") {
  const { ruleGroupsNamespace } = await amp.send(new DescribeRuleGroupsNamespaceCommand({ workspaceId: WORKSPACE, name }));
  return ruleGroupsNamespace?.status;
}

test("the workspaces of the options are there and ready", async () => {
  const { amp } = await aws({ workspaces: [WORKSPACE] });
  const { workspaces } = await amp.send(new ListWorkspacesCommand({}));
  expect(workspaces).toMatchObject([
    { workspaceId: WORKSPACE, arn: `arn:aws:aps:${REGION}:${ACCOUNT}:workspace/ws-1`, status: { statusCode: "ACTIVE" } },
  ]);
});

test("it is at each write for as long as the switch says, and refuses another meanwhile", async () => {
  let now = 0;
  const { amp } = await aws({ workspaces: [WORKSPACE], clock: () => now, switches: { managedPrometheusMs: 1_000 } });
  const names = { workspaceId: WORKSPACE, name: "rules" };
  const writes = [
    () => create(amp),
    () => amp.send(new PutRuleGroupsNamespaceCommand({ ...names, data: RULES })),
    () => amp.send(new DeleteRuleGroupsNamespaceCommand(names)),
  ];
  const ends = [
    ["CREATING", "ok"],
    ["UPDATING", "ok"],
    ["DELETING", "ResourceNotFoundException"],
  ] as const;
  for (const [index, [word, end]] of ends.entries()) {
    expect(await outcome(writes[index]?.() ?? Promise.reject(new Error("no write")))).toBe("ok");
    now += 999;
    expect(await statusOf(amp)).toEqual({ statusCode: word });
    for (const write of writes) expect(await outcome(write())).toBe("ConflictException");
    now += 1;
    expect(await outcome(statusOf(amp))).toBe(end);
  }
});

test("what is gone leaves nothing in the state", async () => {
  const { amp, admin } = await aws({ workspaces: [WORKSPACE], switches: { managedPrometheusMs: 0 } });
  await create(amp);
  await amp.send(new DeleteRuleGroupsNamespaceCommand({ workspaceId: WORKSPACE, name: "rules" }));
  expect(await outcome(statusOf(amp))).toBe("ResourceNotFoundException");
  expect((await admin.state()).rulesNamespaces).toEqual([]);
});

test.each([
  ["no YAML", "groups: ["],
  ["no groups", "rules: []"],
  ["a group without a name", "groups: [{ rules: [] }]"],
  ["two groups of one name", "groups: [{ name: a, rules: [] }, { name: a, rules: [] }]"],
  ["a rule that is both", "groups: [{ name: a, rules: [{ record: b, alert: c, expr: d }] }]"],
  ["a rule without PromQL", "groups: [{ name: a, rules: [{ record: b }] }]"],
  ["too many rules in a group", `groups: [{ name: a, rules: [${"{ record: b, expr: c },".repeat(21)}] }]`],
])("%s: it ends as failed, or is refused, as the switch has it", async (_, text) => {
  const data = new TextEncoder().encode(text);
  const [later, atOnce] = await Promise.all(
    (["fail", "refuse"] as const).map((badRules) => aws({ workspaces: [WORKSPACE], switches: { managedPrometheusMs: 0, badRules } })),
  );
  if (!later || !atOnce) throw new Error("two were started");
  expect((await create(later.amp, "rules", data)).status?.statusCode).toBe("CREATION_FAILED");
  expect(await outcome(create(atOnce.amp, "rules", data))).toBe("ValidationException");
});

test("to make rules with tags needs the right to tag them, and to change them that the tags are there", async () => {
  const arn = `arn:aws:aps:${REGION}:${ACCOUNT}:rulegroupsnamespace/${WORKSPACE}/*`;
  const allow = (...Action: string[]) => ({ Effect: "Allow", Action, Resource: arn });
  const world = (...Statement: object[]) =>
    aws({
      workspaces: [WORKSPACE],
      switches: { managedPrometheusMs: 0 },
      principals: [{ accessKeyId: KEY, arn: `arn:aws:iam::${ACCOUNT}:role/operator`, policy: { Version: "2012-10-17", Statement } }],
    });
  const untagging = await world(allow("aps:CreateRuleGroupsNamespace"));
  await expect(create(untagging.as(KEY).amp)).rejects.toThrow(/perform: aps:TagResource/);
  const tagged = { Condition: { StringEquals: { "aws:ResourceTag/owner": "us" } } };
  const whole = await world(allow("aps:CreateRuleGroupsNamespace", "aps:TagResource"), {
    ...allow("aps:PutRuleGroupsNamespace"),
    ...tagged,
  });
  const put = (name: string) => whole.as(KEY).amp.send(new PutRuleGroupsNamespaceCommand({ workspaceId: WORKSPACE, name, data: RULES }));
  await create(whole.as(KEY).amp);
  expect(await outcome(put("rules"))).toBe("ok");
  await whole.amp.send(new CreateRuleGroupsNamespaceCommand({ workspaceId: WORKSPACE, name: "theirs", data: RULES }));
  expect(await outcome(put("theirs"))).toBe("AccessDeniedException");
});
