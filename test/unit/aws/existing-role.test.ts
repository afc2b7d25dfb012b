import { AttachRolePolicyCommand, CreateRoleCommand, GetRoleCommand, ListAttachedRolePoliciesCommand } from "@aws-sdk/client-iam";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ownershipTags } from "../../../src/crds/aws-names.ts";
import { identityStep } from "../../../src/reconcilers/platform-service/identity.ts";
import { buildRole } from "../../../src/resources/iam/role.ts";
import { emulatedAws, type EmulatedAws } from "../../support/aws/emulated.ts";
import { METRICS_POLICY } from "../../support/aws/operator-config.ts";
import { service } from "../../support/aws/service.ts";
import { awsRemoveScope } from "../../support/remove-scope.ts";

/** A role that Terraform made, under the operator's own IAM policy: read from both reads alike, and left as it is. */

const KEY = { namespace: "tracking", name: "tracking" };
const BOUNDARY = "arn:aws:iam::111122223333:policy/platform-boundary";

let aws: EmulatedAws;
let made = 0;

beforeAll(async () => {
  aws = await emulatedAws();
});
afterAll(async () => aws.close());
beforeEach(() => {
  aws.recorder.clear();
});

async function terraformed(more: object = {}): Promise<string> {
  const { trustPolicy } = buildRole(service({}, KEY), aws.config);
  const RoleName = `terraformed-${++made}`;
  const AssumeRolePolicyDocument = JSON.stringify(trustPolicy);
  await aws.iam.send(
    new CreateRoleCommand({ RoleName, Path: "/terraform/", AssumeRolePolicyDocument, PermissionsBoundary: BOUNDARY, ...more }),
  );
  await aws.iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: METRICS_POLICY }));
  return RoleName;
}

test("is read, and the bulk read tells the same", async () => {
  const name = await terraformed();
  const read = await aws.operator.existingRoles.read(name);
  expect(read).toMatchObject({ arn: `arn:aws:iam::111122223333:role/terraform/${name}`, permissionsBoundaryArn: BOUNDARY, ownedBy: null });
  expect(read?.trust).toHaveLength(1);
  const { ours, existing } = await aws.operator.bulk.roles(new Set([name, "none"]));
  expect([...existing]).toEqual([[name, read]]);
  expect(ours.has(name)).toBe(false);
});

test("of no boundary, and of an operator's tags, is told as such", async () => {
  const owner = { namespace: "tracking", name: "other" };
  const Tags = Object.entries(ownershipTags(owner, aws.config)).map(([Key, Value]) => ({ Key, Value }));
  const name = await terraformed({ PermissionsBoundary: undefined, Tags });
  expect(await aws.operator.existingRoles.read(name)).toMatchObject({
    permissionsBoundaryArn: null,
    ownedBy: "it belongs to PlatformService tracking/other of cluster eu-west-1.demo",
  });
});

test("that is not there is none", async () => {
  expect(await aws.operator.existingRoles.read("none")).toBeUndefined();
});

test.each<[string, string, boolean]>([
  ["the service's own role beside it goes", "Delete", false],
  ["the service's own role beside it stays where it is to be retained", "Retain", true],
])("stays when the service is deleted; %s", async (_, deletionPolicy, ownStays) => {
  const name = await terraformed();
  const own = buildRole(service({}, KEY), aws.config);
  await aws.operator.roles.create(own);
  const scope = awsRemoveScope(aws, KEY, {
    owner: "tracking-squad",
    tier: "tier-2",
    image: {},
    aws: { existingRole: `arn:aws:iam::111122223333:role/terraform/${name}`, deletionPolicy },
  });
  await identityStep.remove(scope);
  expect(scope.retained.map((kept) => kept.name)).toEqual(ownStays ? [name, own.name] : [name]);
  expect((await aws.operator.roles.observe(own)).state).toBe(ownStays ? "present" : "absent");
  const { Role } = await aws.iam.send(new GetRoleCommand({ RoleName: name }));
  const { AttachedPolicies } = await aws.iam.send(new ListAttachedRolePoliciesCommand({ RoleName: name }));
  expect({ boundary: Role?.PermissionsBoundary?.PermissionsBoundaryArn, AttachedPolicies }).toMatchObject({
    boundary: BOUNDARY,
    AttachedPolicies: [{ PolicyArn: METRICS_POLICY }],
  });
  if (ownStays) await aws.operator.roles.delete({ ...own, force: false });
});

test("says of a service that never had a role of its own nothing but what is kept", async () => {
  const scope = awsRemoveScope(aws, KEY, {
    owner: "tracking-squad",
    tier: "tier-2",
    image: {},
    aws: { existingRole: "arn:aws:iam::111122223333:role/terraform/x", deletionPolicy: "Retain" },
  });
  expect(await identityStep.remove(scope)).toEqual({ state: "gone" });
  expect(scope.retained).toEqual([{ group: "iam.aws", kind: "Role", name: "x", state: "Retained" }]);
});
