/** Amazon Managed Service for Prometheus: workspaces, and the rules in them. */
import assert from "node:assert/strict";
import {
  CreateRuleGroupsNamespaceCommand,
  CreateWorkspaceCommand,
  DeleteRuleGroupsNamespaceCommand,
  DeleteWorkspaceCommand,
  DescribeRuleGroupsNamespaceCommand,
  DescribeWorkspaceCommand,
  ListRuleGroupsNamespacesCommand,
  ListTagsForResourceCommand,
  ListWorkspacesCommand,
  paginateListRuleGroupsNamespaces,
  PutRuleGroupsNamespaceCommand,
  TagResourceCommand,
  UntagResourceCommand,
  type CreateRuleGroupsNamespaceCommandInput,
  type CreateRuleGroupsNamespaceCommandOutput,
  type RuleGroupsNamespaceDescription,
} from "@aws-sdk/client-amp";
import { present, probesOf, refused, type Probe, type Target } from "../probe.ts";

const RULES = `groups:
  - name: one
    rules:
      - record: a:b
        expr: vector(1)
`;
const OTHER_RULES = RULES.replace("vector(1)", "vector(2)");

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A workspace that is ready. */
async function workspace(target: Target): Promise<string> {
  const { workspaceId = "" } = await target.amp.send(new CreateWorkspaceCommand({ alias: target.unique("workspace") }));
  await until(async () => {
    const { workspace: found } = await target.amp.send(new DescribeWorkspaceCommand({ workspaceId }));
    return found?.status?.statusCode === "ACTIVE";
  });
  return workspaceId;
}

const WAITS = 200; // of a twentieth of a second

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < WAITS; attempt += 1) {
    if (await holds()) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
  throw new Error("it does not come to its end");
}

type Input = Omit<CreateRuleGroupsNamespaceCommandInput, "workspaceId" | "data"> & { readonly rules?: string };

async function create(
  target: Target,
  workspaceId: string,
  { rules = RULES, ...input }: Input,
): Promise<CreateRuleGroupsNamespaceCommandOutput> {
  return target.amp.send(new CreateRuleGroupsNamespaceCommand({ workspaceId, data: bytes(rules), ...input }));
}

async function describe(target: Target, workspaceId: string, name: string): Promise<RuleGroupsNamespaceDescription> {
  const { ruleGroupsNamespace } = await target.amp.send(new DescribeRuleGroupsNamespaceCommand({ workspaceId, name }));
  return present(ruleGroupsNamespace, "ruleGroupsNamespace");
}

/** Waits until it is at nothing any more; how that ended. */
async function settled(target: Target, workspaceId: string, name: string): Promise<RuleGroupsNamespaceDescription> {
  let found: RuleGroupsNamespaceDescription | undefined;
  await until(async () => {
    found = await describe(target, workspaceId, name);
    return !["CREATING", "UPDATING"].includes(found.status?.statusCode ?? "");
  });
  return present(found, "ruleGroupsNamespace");
}

/** Rules of this name that are in force. */
async function active(target: Target, input: Input): Promise<{ readonly workspaceId: string; readonly arn: string }> {
  const workspaceId = await workspace(target);
  const { arn } = await create(target, workspaceId, input);
  await settled(target, workspaceId, input.name ?? "");
  return { workspaceId, arn: present(arn, "arn") };
}

function put(target: Target, workspaceId: string, name: string, rules = OTHER_RULES) {
  return target.amp.send(new PutRuleGroupsNamespaceCommand({ workspaceId, name, data: bytes(rules) }));
}

function remove(target: Target, workspaceId: string, name: string) {
  return target.amp.send(new DeleteRuleGroupsNamespaceCommand({ workspaceId, name }));
}

/** What is refused with this error when it is asked at creation. */
function refusesCreation(code: string, input: Input, sentence?: RegExp): Probe["run"] {
  return async (target) => refused(code, create(target, await workspace(target), input), sentence);
}

export const MANAGED_PROMETHEUS_PROBES: readonly Probe[] = [
  ...probesOf("aps", "CreateWorkspace", {
    "answers with id and ARN, before it is done": async (target) => {
      const { workspaceId, arn, status, tags } = await target.amp.send(new CreateWorkspaceCommand({ tags: { owner: "us" } }));
      assert.match(present(workspaceId, "workspaceId"), /^ws-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      assert.equal(arn, `arn:aws:aps:${target.region}:${target.accountId}:workspace/${workspaceId ?? ""}`);
      assert.deepEqual({ status, tags }, { status: { statusCode: "CREATING" }, tags: { owner: "us" } });
    },
    "the same request again answers with the same workspace": async (target) => {
      const command = new CreateWorkspaceCommand({ clientToken: target.unique("token") });
      const first = await target.amp.send(command);
      assert.equal((await target.amp.send(command)).workspaceId, first.workspaceId);
    },
  }),
  ...probesOf("aps", "DescribeWorkspace", {
    "refuses one that is not there": (target) =>
      refused("ResourceNotFoundException", target.amp.send(new DescribeWorkspaceCommand({ workspaceId: "ws-missing" }))),
  }),
  ...probesOf("aps", "ListWorkspaces", {
    "filters by what the alias begins with": async (target) => {
      const alias = target.unique("listed");
      const { workspaceId } = await target.amp.send(new CreateWorkspaceCommand({ alias: `${alias}-one` }));
      await target.amp.send(new CreateWorkspaceCommand({ alias: target.unique("other") }));
      const { workspaces = [] } = await target.amp.send(new ListWorkspacesCommand({ alias }));
      assert.deepEqual(
        workspaces.map((each) => each.workspaceId),
        [workspaceId],
      );
    },
  }),
  ...probesOf("aps", "DeleteWorkspace", {
    "takes it away, with the rules in it": async (target) => {
      const { workspaceId } = await active(target, { name: "rules" });
      await target.amp.send(new DeleteWorkspaceCommand({ workspaceId }));
      await until(async () =>
        target.amp.send(new DescribeWorkspaceCommand({ workspaceId })).then(
          () => false,
          () => true,
        ),
      );
      await refused("ResourceNotFoundException", describe(target, workspaceId, "rules"));
    },
  }),
  ...probesOf("aps", "CreateRuleGroupsNamespace", {
    "answers with ARN and tags, before it is done": async (target) => {
      const workspaceId = await workspace(target);
      const { name, arn, status, tags } = await create(target, workspaceId, { name: "eu-west-1.prod.a.b", tags: { owner: "us" } });
      assert.equal(arn, `arn:aws:aps:${target.region}:${target.accountId}:rulegroupsnamespace/${workspaceId}/eu-west-1.prod.a.b`);
      assert.deepEqual({ name, status, tags }, { name: "eu-west-1.prod.a.b", status: { statusCode: "CREATING" }, tags: { owner: "us" } });
    },
    "is done after a while": async (target) => {
      const { workspaceId } = await active(target, { name: "rules" });
      assert.deepEqual((await describe(target, workspaceId, "rules")).status, { statusCode: "ACTIVE" });
    },
    "refuses a second one of the same name": async (target) => {
      const { workspaceId } = await active(target, { name: "rules" });
      await refused("ConflictException", create(target, workspaceId, { name: "rules" }));
    },
    "the same request again answers with the same namespace": async (target) => {
      const workspaceId = await workspace(target);
      const input = { name: "rules", clientToken: target.unique("token") };
      const first = await create(target, workspaceId, input);
      assert.equal((await create(target, workspaceId, input)).arn, first.arn);
    },
    "of parallel creates one wins": async (target) => {
      const workspaceId = await workspace(target);
      const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => create(target, workspaceId, { name: "rules" })));
      const refusals = outcomes.flatMap((each) => (each.status === "rejected" && each.reason instanceof Error ? [each.reason.name] : []));
      assert.deepEqual(
        refusals,
        Array.from({ length: 7 }, () => "ConflictException"),
      );
    },
    "refuses a workspace that is not there": (target) =>
      refused("ResourceNotFoundException", create(target, "ws-missing", { name: "rules" })),
    "refuses a name that is too long": refusesCreation("ValidationException", { name: "n".repeat(129) }),
    "refuses a tag key that is too long": refusesCreation("ValidationException", { name: "rules", tags: { ["k".repeat(129)]: "v" } }),
    "refuses tags of AWS's": refusesCreation("ValidationException", { name: "rules", tags: { "aws:owner": "us" } }),
    "refuses more than a megabyte": refusesCreation("ValidationException", { name: "rules", rules: `${RULES}#${"x".repeat(1_000_000)}` }),
    "refuses more than the workspace has room for": async (target) => {
      const workspaceId = await workspace(target);
      for (let index = 0; index < 10; index += 1) await create(target, workspaceId, { name: `rules-${index}` });
      await refused("ServiceQuotaExceededException", create(target, workspaceId, { name: "one-too-many" }));
    },
    "ends as failed, with the reason, where the rules are none": async (target) => {
      const workspaceId = await workspace(target);
      await create(target, workspaceId, { name: "rules", rules: "groups: [{ name: a, rules: [{ record: b }] }]\n" });
      const { status } = await settled(target, workspaceId, "rules");
      assert.equal(status?.statusCode, "CREATION_FAILED");
      assert.notEqual(present(status.statusReason, "statusReason"), "");
    },
  }),
  ...probesOf("aps", "DescribeRuleGroupsNamespace", {
    "gives the rules back as they came, with times and tags": async (target) => {
      const { workspaceId, arn } = await active(target, { name: "rules", tags: { owner: "us" } });
      const { data, createdAt, modifiedAt, ...rest } = await describe(target, workspaceId, "rules");
      assert.equal(new TextDecoder().decode(data), RULES);
      assert.ok(createdAt instanceof Date && modifiedAt instanceof Date);
      assert.deepEqual(rest, { arn, name: "rules", status: { statusCode: "ACTIVE" }, tags: { owner: "us" } });
    },
    "refuses a name that is not there": async (target) =>
      refused("ResourceNotFoundException", describe(target, await workspace(target), "missing")),
    "refuses a workspace that is not there": (target) => refused("ResourceNotFoundException", describe(target, "ws-missing", "rules")),
  }),
  ...probesOf("aps", "PutRuleGroupsNamespace", {
    "changes the rules and the time, and nothing else": async (target) => {
      const { workspaceId } = await active(target, { name: "rules", tags: { owner: "us" } });
      const before = await describe(target, workspaceId, "rules");
      const { status, tags } = await put(target, workspaceId, "rules");
      assert.deepEqual({ status, tags }, { status: { statusCode: "UPDATING" }, tags: { owner: "us" } });
      const after = await settled(target, workspaceId, "rules");
      assert.equal(new TextDecoder().decode(after.data), OTHER_RULES);
      assert.deepEqual({ ...after, data: 0, modifiedAt: 0 }, { ...before, data: 0, modifiedAt: 0 });
      assert.ok(present(after.modifiedAt, "modifiedAt") > present(before.modifiedAt, "modifiedAt"));
    },
    "refuses a change of what is being changed": async (target) => {
      const { workspaceId } = await active(target, { name: "rules" });
      await put(target, workspaceId, "rules");
      await refused("ConflictException", put(target, workspaceId, "rules", RULES));
    },
    "ends as failed, with the reason, where the rules are none": async (target) => {
      const { workspaceId } = await active(target, { name: "rules" });
      await put(target, workspaceId, "rules", "groups: [{ name: a, rules: [{ record: b }] }]\n");
      const { status } = await settled(target, workspaceId, "rules");
      assert.equal(status?.statusCode, "UPDATE_FAILED");
      assert.notEqual(present(status.statusReason, "statusReason"), "");
    },
    "refuses a name that is not there": async (target) =>
      refused("ResourceNotFoundException", put(target, await workspace(target), "missing")),
  }),
  ...probesOf("aps", "ListRuleGroupsNamespaces", {
    "tells all but the rules": async (target) => {
      const { workspaceId, arn } = await active(target, { name: "rules", tags: { owner: "us" } });
      const { ruleGroupsNamespaces = [] } = await target.amp.send(new ListRuleGroupsNamespacesCommand({ workspaceId }));
      const { createdAt, modifiedAt } = await describe(target, workspaceId, "rules");
      const status = { statusCode: "ACTIVE" };
      assert.deepEqual(ruleGroupsNamespaces, [{ arn, name: "rules", status, createdAt, modifiedAt, tags: { owner: "us" } }]);
    },
    "filters by what the name begins with": async (target) => {
      const workspaceId = await workspace(target);
      for (const name of ["a.one", "a.two", "b.one"]) await create(target, workspaceId, { name });
      const command = new ListRuleGroupsNamespacesCommand({ workspaceId, name: "a." });
      const { ruleGroupsNamespaces = [] } = await target.amp.send(command);
      assert.deepEqual(ruleGroupsNamespaces.map(({ name = "" }) => name).toSorted(), ["a.one", "a.two"]);
    },
    "pages as it is asked to, and loses nothing": async (target) => {
      const workspaceId = await workspace(target);
      const names = Array.from({ length: 5 }, (_, index) => `rules-${index}`);
      for (const name of names) await create(target, workspaceId, { name });
      const pages: string[][] = [];
      for await (const { ruleGroupsNamespaces = [] } of paginateListRuleGroupsNamespaces(
        { client: target.amp, pageSize: 2 },
        { workspaceId },
      ))
        pages.push(ruleGroupsNamespaces.map(({ name = "" }) => name));
      assert.deepEqual(
        pages.map(({ length }) => length),
        [2, 2, 1],
      );
      assert.deepEqual(pages.flat().toSorted(), names);
    },
    "refuses a token that is none": async (target) =>
      refused(
        "ValidationException",
        target.amp.send(new ListRuleGroupsNamespacesCommand({ workspaceId: await workspace(target), nextToken: "made-up" })),
      ),
    "refuses pages of more than 1,000": async (target) =>
      refused(
        "ValidationException",
        target.amp.send(new ListRuleGroupsNamespacesCommand({ workspaceId: await workspace(target), maxResults: 1001 })),
      ),
    "refuses a workspace that is not there": (target) =>
      refused("ResourceNotFoundException", target.amp.send(new ListRuleGroupsNamespacesCommand({ workspaceId: "ws-missing" }))),
  }),
  ...probesOf("aps", "DeleteRuleGroupsNamespace", {
    "is at it for a while, and frees the name": async (target) => {
      const { workspaceId } = await active(target, { name: "rules" });
      await remove(target, workspaceId, "rules");
      assert.equal((await describe(target, workspaceId, "rules")).status?.statusCode, "DELETING");
      await until(async () =>
        describe(target, workspaceId, "rules").then(
          () => false,
          () => true,
        ),
      );
      await create(target, workspaceId, { name: "rules" });
    },
    "refuses a name that is not there": async (target) =>
      refused("ResourceNotFoundException", remove(target, await workspace(target), "missing")),
  }),
  ...probesOf("aps", "TagResource", {
    "adds and changes tags": async (target) => {
      const { workspaceId, arn: resourceArn } = await active(target, { name: "rules", tags: { a: "1", b: "1" } });
      await target.amp.send(new TagResourceCommand({ resourceArn, tags: { b: "2", c: "3" } }));
      const { tags } = await target.amp.send(new ListTagsForResourceCommand({ resourceArn }));
      assert.deepEqual(tags, { a: "1", b: "2", c: "3" });
      assert.deepEqual((await describe(target, workspaceId, "rules")).tags, tags);
    },
    "refuses a resource that is not there": async (target) => {
      const { arn } = await active(target, { name: "rules" });
      const resourceArn = `${arn}-missing`;
      await refused("ResourceNotFoundException", target.amp.send(new TagResourceCommand({ resourceArn, tags: { a: "1" } })));
    },
    "refuses what is no ARN": (target) =>
      refused("ValidationException", target.amp.send(new TagResourceCommand({ resourceArn: "nothing", tags: { a: "1" } }))),
  }),
  ...probesOf("aps", "UntagResource", {
    "takes away several at once, and minds none that is not there": async (target) => {
      const { arn: resourceArn } = await active(target, { name: "rules", tags: { a: "1", b: "2", c: "3" } });
      await target.amp.send(new UntagResourceCommand({ resourceArn, tagKeys: ["a", "c", "z"] }));
      assert.deepEqual((await target.amp.send(new ListTagsForResourceCommand({ resourceArn }))).tags, { b: "2" });
    },
  }),
  ...probesOf("aps", "ListTagsForResource", {
    "tells those of a workspace": async (target) => {
      const { arn: resourceArn } = await target.amp.send(new CreateWorkspaceCommand({ tags: { owner: "us" } }));
      assert.deepEqual((await target.amp.send(new ListTagsForResourceCommand({ resourceArn }))).tags, { owner: "us" });
    },
  }),
];
