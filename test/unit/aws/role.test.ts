import {
  AddRoleToInstanceProfileCommand,
  AttachRolePolicyCommand,
  CreateInstanceProfileCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  DeleteRolePermissionsBoundaryCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetRoleCommand,
  ListAttachedRolePoliciesCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  TagRoleCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
} from "@aws-sdk/client-iam";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ownershipTags } from "../../../src/crds/aws-names.ts";
import type { RoleDesired } from "../../../src/crds/desired.ts";
import { Converger } from "../../../src/reconcilers/converge.ts";
import { buildRole, roleArn } from "../../../src/resources/iam/role.ts";
import { ANYTHING, emulatedAws, type EmulatedAws } from "../../support/aws/emulated.ts";
import { METRICS_POLICY, MISSING_POLICY, XRAY_POLICY } from "../../support/aws/operator-config.ts";
import { service } from "../../support/aws/service.ts";

const POLICY = {
  statements: [{ sid: "Tables", actions: ["dynamodb:GetItem"], resources: ["arn:aws:dynamodb:eu-west-1:111122223333:table/t"] }],
};
/** One that the configuration does not list. */
const UNLISTED = "arn:aws:iam::111122223333:policy/wide-open";
const TRUST_NOBODY = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }],
});

let aws: EmulatedAws;
let services = 0;

beforeAll(async () => {
  aws = await emulatedAws();
});
afterAll(async () => aws.close());
beforeEach(async () => {
  services++;
  aws.recorder.clear();
  await aws.emulator.clearFaults();
});

/** The role of a service that no other test has. */
function role(spec: object = { aws: { policy: POLICY } }): RoleDesired {
  return buildRole(service(spec, { namespace: "tracking", name: `s${services}` }), aws.config);
}

/** As somebody hands one over, or as it was left when the cluster was lost. */
async function handOver(desired: RoleDesired, { path = desired.path, boundary = desired.permissionsBoundaryArn } = {}): Promise<void> {
  await aws.iam.send(
    new CreateRoleCommand({
      RoleName: desired.name,
      Path: path,
      PermissionsBoundary: boundary,
      AssumeRolePolicyDocument: TRUST_NOBODY,
      Description: "made by Terraform",
      Tags: Object.entries(ownershipTags(desired.owner, aws.config)).map(([Key, Value]) => ({ Key, Value })),
    }),
  );
}

/** As a pass does it, in a process that remembers nothing. */
function converge(desired: RoleDesired) {
  return new Converger(aws.operator.roles).converge(desired);
}

async function created(desired = role()): Promise<RoleDesired> {
  await converge(desired);
  aws.recorder.clear();
  return desired;
}

function remove({ name, owner }: RoleDesired) {
  return aws.operator.roles.delete({ name, owner, force: false });
}

async function inBulk() {
  return (await aws.operator.bulk.roles(new Set())).ours;
}

async function exists(RoleName: string): Promise<boolean> {
  try {
    await aws.iam.send(new GetRoleCommand({ RoleName }));
    return true;
  } catch (error) {
    if (error instanceof Error && error.name === "NoSuchEntityException") return false;
    throw error;
  }
}

describe("a role that is not there", () => {
  test("is created whole, with boundary and tags in the request", async () => {
    const desired = role();
    expect(await converge(desired)).toMatchObject({ state: "asDesired", observed: { arn: roleArn(desired.owner, aws.config) } });
    expect(aws.recorder.writes()).toEqual(["iam:CreateRole", "iam:PutRolePolicy"]);
    const { Role } = await aws.iam.send(new GetRoleCommand({ RoleName: desired.name }));
    expect(Role).toMatchObject({
      Path: desired.path,
      Description: desired.description,
      MaxSessionDuration: 3600,
      PermissionsBoundary: { PermissionsBoundaryArn: desired.permissionsBoundaryArn },
    });
    expect(JSON.parse(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ""))).toEqual(desired.trustPolicy);
    expect(Object.fromEntries((Role?.Tags ?? []).map(({ Key, Value }) => [Key, Value]))).toEqual(desired.tags);
  });

  test("gets no inline policy where none is asked for", async () => {
    await converge(role({}));
    expect(aws.recorder.writes()).toEqual(["iam:CreateRole"]);
  });
});

test("a second look writes nothing", async () => {
  const desired = await created();
  expect(await converge(desired)).toMatchObject({ state: "asDesired", corrected: [] });
  expect(aws.recorder.writes()).toEqual([]);
});

describe("drift is repaired by exactly the call that it needs", () => {
  const BOUNDARY = UNLISTED;

  beforeAll(async () => {
    await aws.iam.send(new CreatePolicyCommand({ PolicyName: "wide-open", PolicyDocument: ANYTHING }));
  });

  test.each<[string, () => Promise<unknown>, string[], string[]]>([
    [
      "the trust policy",
      () => aws.iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: role().name, PolicyDocument: TRUST_NOBODY })),
      ["trustPolicy"],
      ["iam:UpdateAssumeRolePolicy"],
    ],
    [
      "the description",
      () => aws.iam.send(new UpdateRoleCommand({ RoleName: role().name, Description: "mine", MaxSessionDuration: 3600 })),
      ["description"],
      ["iam:UpdateRole"],
    ],
    [
      "the session duration",
      () => aws.iam.send(new UpdateRoleCommand({ RoleName: role().name, Description: role().description, MaxSessionDuration: 7200 })),
      ["maxSessionDuration"],
      ["iam:UpdateRole"],
    ],
    [
      "our policy changed",
      () => aws.iam.send(new PutRolePolicyCommand({ RoleName: role().name, PolicyName: "platform-operator", PolicyDocument: ANYTHING })),
      ["inlinePolicy"],
      ["iam:PutRolePolicy"],
    ],
    [
      "our policy taken off",
      () => aws.iam.send(new DeleteRolePolicyCommand({ RoleName: role().name, PolicyName: "platform-operator" })),
      ["inlinePolicy"],
      ["iam:PutRolePolicy"],
    ],
    [
      "another inline policy",
      () => aws.iam.send(new PutRolePolicyCommand({ RoleName: role().name, PolicyName: "more", PolicyDocument: ANYTHING })),
      ["inlinePolicies[more]"],
      ["iam:DeleteRolePolicy"],
    ],
    [
      "a managed policy",
      () => aws.iam.send(new AttachRolePolicyCommand({ RoleName: role().name, PolicyArn: BOUNDARY })),
      [`attachedPolicies[${BOUNDARY}]`],
      ["iam:DetachRolePolicy"],
    ],
    [
      "no boundary",
      () => aws.iam.send(new DeleteRolePermissionsBoundaryCommand({ RoleName: role().name })),
      ["permissionsBoundary"],
      ["iam:PutRolePermissionsBoundary"],
    ],
    [
      "a tag of ours changed",
      () => aws.iam.send(new TagRoleCommand({ RoleName: role().name, Tags: [{ Key: "platform-operator.dev/owner", Value: "other" }] })),
      ["tags[platform-operator.dev/owner]"],
      ["iam:TagRole"],
    ],
    [
      "a tag of ours taken off",
      () => aws.iam.send(new UntagRoleCommand({ RoleName: role().name, TagKeys: ["platform-operator.dev/owner"] })),
      ["tags[platform-operator.dev/owner]"],
      ["iam:TagRole"],
    ],
    [
      "a tag under our prefix",
      () => aws.iam.send(new TagRoleCommand({ RoleName: role().name, Tags: [{ Key: "platform-operator.dev/x", Value: "y" }] })),
      ["tags[platform-operator.dev/x]"],
      ["iam:UntagRole"],
    ],
    [
      "a tag of someone else's stays",
      () => aws.iam.send(new TagRoleCommand({ RoleName: role().name, Tags: [{ Key: "cost", Value: "y" }] })),
      [],
      [],
    ],
  ])("%s", async (_, drift, fields, writes) => {
    const desired = await created();
    await drift();
    const result = await converge(desired);
    expect(result.state === "asDesired" ? result.corrected.map(({ field }) => field) : result).toEqual(fields);
    expect(aws.recorder.writes()).toEqual(writes);
    aws.recorder.clear();
    expect(await converge(desired)).toMatchObject({ state: "asDesired", corrected: [] });
    expect(aws.recorder.writes()).toEqual([]);
  });

  test("all of it together, rights being taken before any are given", async () => {
    const desired = await created();
    const RoleName = desired.name;
    await aws.iam.send(new DeleteRolePermissionsBoundaryCommand({ RoleName }));
    await aws.iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: BOUNDARY }));
    await aws.iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "more", PolicyDocument: ANYTHING }));
    await aws.iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "platform-operator", PolicyDocument: ANYTHING }));
    await aws.iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: TRUST_NOBODY }));
    await converge(desired);
    expect(aws.recorder.writes()).toEqual([
      "iam:PutRolePermissionsBoundary",
      "iam:DetachRolePolicy",
      "iam:DeleteRolePolicy",
      "iam:UpdateAssumeRolePolicy",
      "iam:PutRolePolicy",
    ]);
    expect((await aws.operator.roles.observe(desired)).state).toBe("present");
  });

  test("a boundary that the configuration does not list is neither trusted nor lifted: the policy goes, once, and the difference stays", async () => {
    const desired = await created();
    await aws.iam.send(new PutRolePermissionsBoundaryCommand({ RoleName: desired.name, PermissionsBoundary: BOUNDARY }));
    const stuck = { state: "stuck", differences: [{ field: "permissionsBoundary" }, { field: "inlinePolicy" }] };
    expect(await converge(desired)).toMatchObject({ ...stuck, observed: { inlinePolicies: {}, permissionsBoundaryArn: BOUNDARY } });
    expect(await converge(desired)).toMatchObject({ state: "stuck" });
    expect(aws.recorder.writes()).toEqual(["iam:DeleteRolePolicy"]);
  });

  test("a service that stops asking for rights loses its policy", async () => {
    await created();
    await converge(role({}));
    expect(aws.recorder.writes()).toEqual(["iam:DeleteRolePolicy"]);
  });
});

describe("managed policies", () => {
  const managed = (...managedPolicyArns: string[]) => role({ aws: { policy: POLICY, managedPolicyArns } });
  const BOUNDARY = "arn:aws:iam::111122223333:policy/platform-boundary";

  async function attached(RoleName: string): Promise<readonly string[]> {
    const { AttachedPolicies = [] } = await aws.iam.send(new ListAttachedRolePoliciesCommand({ RoleName }));
    return AttachedPolicies.map(({ PolicyArn = "" }) => PolicyArn).toSorted();
  }

  test("are attached when the role is made, AWS's and the account's, and a second look writes nothing", async () => {
    const desired = await created(managed(XRAY_POLICY, METRICS_POLICY));
    expect(await attached(desired.name)).toEqual([METRICS_POLICY, XRAY_POLICY]);
    expect(await converge(desired)).toMatchObject({ state: "asDesired", corrected: [] });
    expect(aws.recorder.writes()).toEqual([]);
  });

  test("written in another order are the same wish", () => {
    expect(managed(XRAY_POLICY, METRICS_POLICY)).toEqual(managed(METRICS_POLICY, XRAY_POLICY));
  });

  test("one that is detached is attached again, one that another attaches is taken off, and the bulk read sees both", async () => {
    const desired = await created(managed(METRICS_POLICY));
    const roles = new Converger(aws.operator.roles);
    await roles.converge(desired);
    await aws.iam.send(new DetachRolePolicyCommand({ RoleName: desired.name, PolicyArn: METRICS_POLICY }));
    await aws.iam.send(new AttachRolePolicyCommand({ RoleName: desired.name, PolicyArn: XRAY_POLICY }));
    expect(roles.sweep(await inBulk())).toEqual([desired.owner]);
    expect(await roles.converge(desired)).toMatchObject({
      state: "asDesired",
      corrected: [
        { field: `attachedPolicies[${XRAY_POLICY}]`, observed: "attached", desired: "none" },
        { field: `attachedPolicies[${METRICS_POLICY}]`, observed: "none", desired: "attached" },
      ],
    });
    expect(aws.recorder.writes()).toEqual(["iam:DetachRolePolicy", "iam:AttachRolePolicy"]);
    expect(await attached(desired.name)).toEqual([METRICS_POLICY]);
    expect(roles.sweep(await inBulk())).toEqual([]);
  });

  test("are given last, under the boundary that is wished for", async () => {
    const desired = await created(managed(XRAY_POLICY));
    await aws.iam.send(new DeleteRolePermissionsBoundaryCommand({ RoleName: desired.name }));
    await converge(managed(METRICS_POLICY));
    expect(aws.recorder.writes()).toEqual(["iam:PutRolePermissionsBoundary", "iam:DetachRolePolicy", "iam:AttachRolePolicy"]);
  });

  test("one that does not exist is refused with what to do, by the pass after the one that made the role", async () => {
    await expect(converge(managed(MISSING_POLICY))).rejects.toMatchObject({ class: "busy", operation: "iam:AttachRolePolicy" });
    await expect(converge(managed(MISSING_POLICY))).rejects.toMatchObject({
      class: "invalid",
      code: "NoSuchEntity",
      message: `managed policy ${MISSING_POLICY} does not exist, or IAM attaches it to no role: create it, or remove it from spec.aws.managedPolicyArns`,
    });
    expect(await exists(role().name)).toBe(true);
  });

  test("one that the configuration does not list is denied by the operator's own policy", async () => {
    await created(managed());
    await expect(converge(managed(BOUNDARY))).rejects.toMatchObject({ class: "denied", operation: "iam:AttachRolePolicy" });
  });

  test("go with the policy where the boundary is one that nobody listed; what another attached stays beside it", async () => {
    const desired = await created(managed(METRICS_POLICY));
    await aws.iam.send(new PutRolePermissionsBoundaryCommand({ RoleName: desired.name, PermissionsBoundary: METRICS_POLICY }));
    await aws.iam.send(new AttachRolePolicyCommand({ RoleName: desired.name, PolicyArn: BOUNDARY }));
    expect(await converge(desired)).toMatchObject({ state: "stuck" });
    expect(await attached(desired.name)).toEqual([BOUNDARY]);
    expect(await converge(desired)).toMatchObject({ state: "stuck" });
    expect(aws.recorder.writes()).toEqual(["iam:DeleteRolePolicy", "iam:DetachRolePolicy"]);
  });

  test("go when the service no longer names them, and with the role", async () => {
    const desired = await created(managed(METRICS_POLICY, XRAY_POLICY));
    await converge(managed(XRAY_POLICY));
    expect(await attached(desired.name)).toEqual([XRAY_POLICY]);
    expect(await remove(desired)).toEqual({ state: "gone" });
    expect(await exists(desired.name)).toBe(false);
  });
});

describe("someone else's role of the same name", () => {
  test.each<[string, { Key: string; Value: string }[]]>([
    ["without tags", []],
    [
      "of another cluster",
      [
        { Key: "platform-operator.dev/cluster", Value: "eu-west-1.other" },
        { Key: "platform-operator.dev/namespace", Value: "tracking" },
        { Key: "platform-operator.dev/name", Value: "x" },
      ],
    ],
  ])("%s is left as it is", async (_, Tags) => {
    const desired = role();
    await aws.iam.send(new CreateRoleCommand({ RoleName: desired.name, AssumeRolePolicyDocument: TRUST_NOBODY, Tags }));
    expect(await converge(desired)).toMatchObject({ state: "foreign" });
    expect(await remove(desired)).toEqual({ state: "foreign" });
    expect(aws.recorder.writes()).toEqual([]);
    const { Role } = await aws.iam.send(new GetRoleCommand({ RoleName: desired.name }));
    expect(Role).toMatchObject({ Path: "/", AssumeRolePolicyDocument: encodeURIComponent(TRUST_NOBODY) });
  });

  test("is not written even by an update that was meant for ours", async () => {
    const desired = await created();
    const observation = await aws.operator.roles.observe(desired);
    if (observation.state !== "present") throw new Error("just created");
    const foreign = { ...observation.observed, tags: {} };
    await expect(aws.operator.roles.update(desired, foreign, [])).rejects.toMatchObject({ class: "exists", code: "NotOwned" });
  });
});

describe("a role that carries this service's three tags", () => {
  test("is ours from then on, and made as written: trust, policy, description and the other tags", async () => {
    const desired = role();
    await handOver(desired);
    expect(await converge(desired)).toMatchObject({ state: "asDesired" });
    expect(aws.recorder.writes()).toEqual(["iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy", "iam:UpdateRole", "iam:TagRole"]);
    aws.recorder.clear();
    expect(await converge(desired)).toMatchObject({ state: "asDesired", corrected: [] });
    expect(aws.recorder.writes()).toEqual([]);
  });

  test("under a boundary that nobody listed gets no rights, and the boundary stays a difference", async () => {
    const desired = role();
    await handOver(desired, { boundary: UNLISTED });
    expect(await converge(desired)).toMatchObject({ state: "stuck", observed: { permissionsBoundaryArn: UNLISTED } });
    expect(aws.recorder.writes()).toEqual([]);
  });

  test("at another path is not, since the operator may write only at its own: said, and left where it is", async () => {
    const desired = role();
    await handOver(desired, { path: "/terraform/" });
    expect(await converge(desired)).toEqual({
      state: "foreign",
      owner: `it has this service's tags, but lies at path /terraform/ and not at ${desired.path}, and IAM moves no role`,
    });
    expect(await remove(desired)).toEqual({ state: "foreign" });
    expect(aws.recorder.writes()).toEqual([]);
  });
});

describe("failures", () => {
  test("an answer lost after the role was made heals in the same pass", async () => {
    const desired = role();
    await aws.emulator.addFaults({ match: { operation: "CreateRole" }, position: 1, fault: { kind: "lost" } });
    expect(await converge(desired)).toMatchObject({ state: "asDesired" });
    expect(aws.recorder.codes("iam:CreateRole")).toEqual(["UND_ERR_SOCKET", "EntityAlreadyExistsException"]);
    expect(Object.keys((await inBulk()).get(desired.name)?.inlinePolicies ?? {})).toEqual(["platform-operator"]);
  });

  test("a throttled call is tried again by the SDK, and seen in the metrics", async () => {
    await aws.emulator.addFaults({ match: { operation: "CreateRole" }, position: 1, fault: { kind: "throttle" } });
    expect(await converge(role())).toMatchObject({ state: "asDesired" });
    expect(aws.recorder.codes("iam:CreateRole")).toEqual([expect.stringMatching(/^Throttling/), "OK"]);
  });

  test("a refusal is denied, names the operation and is not tried again", async () => {
    await aws.emulator.addFaults({ match: { operation: "CreateRole" }, fault: { kind: "denied" } });
    await expect(converge(role())).rejects.toMatchObject({ class: "denied", operation: "iam:CreateRole" });
    expect(aws.recorder.codes("iam:CreateRole")).toHaveLength(1);
  });

  test("a policy that could not be put after the role was made is put by the next pass", async () => {
    const desired = role();
    await aws.emulator.addFaults({ match: { operation: "PutRolePolicy" }, fault: { kind: "denied" } });
    await expect(converge(desired)).rejects.toMatchObject({ class: "busy", operation: "iam:PutRolePolicy" });
    await expect(converge(desired)).rejects.toMatchObject({ class: "denied", operation: "iam:PutRolePolicy" });
    await aws.emulator.clearFaults();
    expect(await converge(desired)).toMatchObject({ state: "asDesired", corrected: [{ field: "inlinePolicy" }] });
  });

  test("an IAM that does not see the new role yet is tried again by the next pass", async () => {
    const desired = role();
    await aws.emulator.addFaults({ match: { operation: "PutRolePolicy" }, position: 1, fault: { kind: "staleReads", calls: 1 } });
    await expect(converge(desired)).rejects.toMatchObject({ class: "busy", operation: "iam:PutRolePolicy" });
    expect(await converge(desired)).toMatchObject({ state: "asDesired", corrected: [{ field: "inlinePolicy" }] });
  });

  test("a trust that names a provider which IAM does not know is tried again, and says which", async () => {
    const desired = role();
    const [statement] = desired.trustPolicy.Statement;
    const Federated = "arn:aws:iam::111122223333:oidc-provider/nobody.example.com";
    const trustPolicy = { Version: "2012-10-17", Statement: statement ? [{ ...statement, Principal: { Federated } }] : [] };
    const failing = converge({ ...desired, trustPolicy });
    await expect(failing).rejects.toMatchObject({ class: "busy", code: "MalformedPolicyDocument" });
    await expect(failing).rejects.toThrow(Federated);
  });

  test("a boundary outside the configured ones is refused by the operator's own policy", async () => {
    await expect(converge({ ...role(), permissionsBoundaryArn: "arn:aws:iam::111122223333:policy/wide-open" })).rejects.toMatchObject({
      class: "denied",
    });
  });
});

describe("deletion", () => {
  test("takes off all that hangs on the role, then the role", async () => {
    const desired = await created();
    await aws.iam.send(new AttachRolePolicyCommand({ RoleName: desired.name, PolicyArn: desired.permissionsBoundaryArn }));
    await aws.iam.send(new PutRolePolicyCommand({ RoleName: desired.name, PolicyName: "more", PolicyDocument: ANYTHING }));
    await aws.iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: desired.name }));
    await aws.iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName: desired.name, RoleName: desired.name }));
    expect(await remove(desired)).toEqual({ state: "gone" });
    expect(await exists(desired.name)).toBe(false);
  });

  test("of a role that is gone is done", async () => {
    expect(await remove(role())).toEqual({ state: "gone" });
  });

  test("whose answer was lost is done", async () => {
    const desired = await created();
    await aws.emulator.addFaults({ match: { operation: "DeleteRole" }, position: 1, fault: { kind: "lost" } });
    expect(await remove(desired)).toEqual({ state: "gone" });
  });

  test("that is denied although the role exists is denied", async () => {
    const desired = await created();
    await aws.emulator.addFaults({ match: { operation: "DeleteRole" }, fault: { kind: "denied" } });
    await expect(remove(desired)).rejects.toMatchObject({ class: "denied", operation: "iam:DeleteRole" });
  });

  test("meets what was attached meanwhile, and lists again", async () => {
    const desired = await created();
    await aws.iam.send(new PutRolePolicyCommand({ RoleName: desired.name, PolicyName: "late", PolicyDocument: ANYTHING }));
    await aws.emulator.addFaults({ match: { operation: "ListRolePolicies" }, position: 1, fault: { kind: "staleReads", calls: 3 } });
    expect(await remove(desired)).toEqual({ state: "gone" });
    expect(aws.recorder.codes("iam:DeleteRole")).toEqual(["DeleteConflictException", "OK"]);
  });

  test("of a role in somebody else's instance profile says what a person must do", async () => {
    const desired = await created();
    const InstanceProfileName = `nodes-${services}`;
    await aws.iam.send(new CreateInstanceProfileCommand({ InstanceProfileName }));
    await aws.iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName, RoleName: desired.name }));
    expect(await remove(desired)).toMatchObject({
      state: "blocked",
      reason: "RoleInInstanceProfile",
      message: expect.stringContaining(`--instance-profile-name ${InstanceProfileName}`),
    });
    expect(await exists(desired.name)).toBe(true);
  });

  test("of a role whose boundary was taken off behind our back still works", async () => {
    const desired = await created();
    await aws.iam.send(new DeleteRolePermissionsBoundaryCommand({ RoleName: desired.name }));
    expect(await remove(desired)).toEqual({ state: "gone" });
  });
});

test("the bulk read sees what a single read sees, save what AWS does not tell there", async () => {
  const desired = await created();
  await aws.iam.send(new AttachRolePolicyCommand({ RoleName: desired.name, PolicyArn: desired.permissionsBoundaryArn }));
  const observation = await aws.operator.roles.observe(desired);
  if (observation.state !== "present") throw new Error("just created");
  const bulk = await inBulk();
  expect(bulk.get(desired.name)).toEqual({ ...observation.observed, description: undefined, maxSessionDuration: undefined });
  expect([...bulk.values()].every(({ path }) => path === desired.path)).toBe(true);
});

test("the caller is the operator's own principal", async () => {
  expect(await aws.operator.caller()).toEqual({ account: "111122223333", arn: "arn:aws:iam::111122223333:role/platform-operator" });
});
