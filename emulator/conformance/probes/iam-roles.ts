import assert from "node:assert/strict";
import {
  AddRoleToInstanceProfileCommand,
  AttachRolePolicyCommand,
  CreateInstanceProfileCommand,
  CreateRoleCommand,
  DeleteInstanceProfileCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetRoleCommand,
  ListInstanceProfilesForRoleCommand,
  ListRolesCommand,
  PutRolePolicyCommand,
  RemoveRoleFromInstanceProfileCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
} from "@aws-sdk/client-iam";
import { bucketPolicy, irsaTrust, managedPolicy, oidcProvider, role, SERVICE_TRUST } from "../fixtures.ts";
import { present, probesOf, refused, type Probe, type Target } from "../probe.ts";

function create(target: Target, more: object): Promise<unknown> {
  return target.iam.send(new CreateRoleCommand({ RoleName: target.unique("role"), AssumeRolePolicyDocument: SERVICE_TRUST, ...more }));
}

function trust(statement: object): string {
  return JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
}

const ALLOW_EC2 = { Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" };

export const IAM_ROLE_PROBES: readonly Probe[] = [
  ...probesOf("iam", "CreateRole", {
    "answers with ARN, path, id and date": async (target) => {
      const RoleName = target.unique("role");
      const { Role } = await target.iam.send(
        new CreateRoleCommand({ RoleName, Path: "/ours/here/", AssumeRolePolicyDocument: SERVICE_TRUST, Description: "of ours" }),
      );
      assert.equal(Role?.Arn, `arn:aws:iam::${target.accountId}:role/ours/here/${RoleName}`);
      assert.match(Role.RoleId ?? "", /^AROA[A-Z0-9]{17}$/);
      assert.ok(Role.CreateDate instanceof Date);
      assert.equal(Role.CreateDate.getMilliseconds(), 0);
    },
    "returns the trust policy percent-encoded as RFC 3986 has it": async (target) => {
      const document = trust({ ...ALLOW_EC2, Condition: { StringLike: { "aws:PrincipalTag/a": "(it's!)*" } } });
      const { Role } = await target.iam.send(
        new CreateRoleCommand({ RoleName: target.unique("role"), AssumeRolePolicyDocument: document }),
      );
      const encoded = present(Role?.AssumeRolePolicyDocument, "AssumeRolePolicyDocument");
      assert.doesNotMatch(encoded, /[!'()*{}" ]/);
      assert.equal(decodeURIComponent(encoded), document);
    },
    "refuses a name that exists": async (target) => {
      const RoleName = await role(target);
      await refused("EntityAlreadyExistsException", create(target, { RoleName }), /already exists/);
    },
    "refuses a name that exists in another case": async (target) => {
      const RoleName = await role(target);
      await refused("EntityAlreadyExistsException", create(target, { RoleName: RoleName.toUpperCase() }));
    },
    "refuses a name longer than 64": (target) =>
      refused("ValidationError", create(target, { RoleName: "r".repeat(65) }), /less than or equal to 64/),
    "refuses a character outside the pattern": (target) => refused("ValidationError", create(target, { RoleName: "no spaces" })),
    "refuses a path that does not end in a slash": (target) => refused("ValidationError", create(target, { Path: "/ours" })),
    "refuses a session shorter than an hour": (target) =>
      refused("ValidationError", create(target, { MaxSessionDuration: 3599 }), /greater than or equal to 3600/),
    "refuses a session longer than twelve hours": (target) => refused("ValidationError", create(target, { MaxSessionDuration: 43201 })),
    "refuses a description longer than 1000": (target) => refused("ValidationError", create(target, { Description: "d".repeat(1001) })),
    "refuses a boundary that is not there": (target) =>
      refused("NoSuchEntityException", create(target, { PermissionsBoundary: `arn:aws:iam::${target.accountId}:policy/missing` })),
    "keeps the boundary": async (target) => {
      const PermissionsBoundary = await managedPolicy(target);
      const RoleName = await role(target, { PermissionsBoundary });
      const { Role } = await target.iam.send(new GetRoleCommand({ RoleName }));
      assert.equal(Role?.PermissionsBoundary?.PermissionsBoundaryArn, PermissionsBoundary);
    },
    "refuses a trust policy that is not JSON": (target) =>
      refused("MalformedPolicyDocumentException", create(target, { AssumeRolePolicyDocument: "no" })),
    "refuses a trust policy without a principal": (target) =>
      refused(
        "MalformedPolicyDocumentException",
        create(target, { AssumeRolePolicyDocument: trust({ Effect: "Allow", Action: "sts:AssumeRole" }) }),
      ),
    "refuses a trust policy with a resource": (target) =>
      refused(
        "MalformedPolicyDocumentException",
        create(target, { AssumeRolePolicyDocument: trust({ ...ALLOW_EC2, Resource: "*" }) }),
        /Has prohibited field Resource/,
      ),
    "refuses an action of another service in a trust policy": (target) =>
      refused(
        "MalformedPolicyDocumentException",
        create(target, { AssumeRolePolicyDocument: trust({ ...ALLOW_EC2, Action: "s3:GetObject" }) }),
        /may only specify STS AssumeRole actions/,
      ),
    "refuses a trust of a role that is not there": (target) =>
      refused(
        "MalformedPolicyDocumentException",
        create(target, {
          AssumeRolePolicyDocument: trust({ ...ALLOW_EC2, Principal: { AWS: `arn:aws:iam::${target.accountId}:role/missing` } }),
        }),
        /Invalid principal in policy/,
      ),
    "refuses a trust policy above 2,048 characters, white space not counted": async (target) => {
      const padded = (length: number): string =>
        trust({ ...ALLOW_EC2, Condition: { StringEquals: { "sts:ExternalId": "x".repeat(length) } } });
      const spare = 2048 - padded(0).length;
      await create(target, { AssumeRolePolicyDocument: `${padded(spare)}${" ".repeat(500)}` });
      await refused("LimitExceededException", create(target, { AssumeRolePolicyDocument: padded(spare + 1) }), /ACLSizePerRole: 2048/);
    },
    "takes the trust of an OIDC provider that exists": async (target) => {
      const provider = await oidcProvider(target);
      await create(target, { AssumeRolePolicyDocument: irsaTrust(provider, "system:serviceaccount:a:b") });
    },
  }),
  ...probesOf("iam", "GetRole", {
    "finds it": async (target) => {
      const RoleName = await role(target, { Description: "found", MaxSessionDuration: 7200 });
      const { Role } = await target.iam.send(new GetRoleCommand({ RoleName }));
      assert.equal(Role?.Description, "found");
      assert.equal(Role?.MaxSessionDuration, 7200);
      assert.equal(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ""), SERVICE_TRUST);
    },
    "answers NoSuchEntity for what is not there": (target) =>
      refused(
        "NoSuchEntityException",
        target.iam.send(new GetRoleCommand({ RoleName: "missing" })),
        /The role with name missing cannot be found/,
      ),
  }),
  ...probesOf("iam", "ListRoles", {
    "lists by path, without tags and boundary": async (target) => {
      const PermissionsBoundary = await managedPolicy(target);
      const Path = `/${target.unique("path")}/`;
      const RoleName = await role(target, { Path, PermissionsBoundary, Tags: [{ Key: "a", Value: "b" }] });
      const { Roles } = await target.iam.send(new ListRolesCommand({ PathPrefix: Path }));
      assert.deepEqual(
        Roles?.map((found) => found.RoleName),
        [RoleName],
      );
      assert.equal(Roles?.[0]?.Tags, undefined);
      assert.equal(Roles?.[0]?.PermissionsBoundary, undefined);
    },
    "refuses MaxItems above 1000": (target) => refused("ValidationError", target.iam.send(new ListRolesCommand({ MaxItems: 1001 }))),
    "refuses a marker that is none": (target) => refused("ValidationError", target.iam.send(new ListRolesCommand({ Marker: "nonsense" }))),
  }),
  ...probesOf("iam", "UpdateRole", {
    "changes description and session": async (target) => {
      const RoleName = await role(target);
      await target.iam.send(new UpdateRoleCommand({ RoleName, Description: "new", MaxSessionDuration: 7200 }));
      const { Role } = await target.iam.send(new GetRoleCommand({ RoleName }));
      assert.deepEqual([Role?.Description, Role?.MaxSessionDuration], ["new", 7200]);
    },
    "puts the session back to an hour when none is given": async (target) => {
      const RoleName = await role(target, { MaxSessionDuration: 7200 });
      await target.iam.send(new UpdateRoleCommand({ RoleName, Description: "new" }));
      const { Role } = await target.iam.send(new GetRoleCommand({ RoleName }));
      assert.equal(Role?.MaxSessionDuration, 3600);
    },
    "answers NoSuchEntity": (target) => refused("NoSuchEntityException", target.iam.send(new UpdateRoleCommand({ RoleName: "missing" }))),
  }),
  ...probesOf("iam", "UpdateAssumeRolePolicy", {
    "replaces the trust policy": async (target) => {
      const RoleName = await role(target);
      const PolicyDocument = trust({ ...ALLOW_EC2, Principal: { Service: "lambda.amazonaws.com" } });
      await target.iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument }));
      const { Role } = await target.iam.send(new GetRoleCommand({ RoleName }));
      assert.equal(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ""), PolicyDocument);
    },
    "refuses what is no trust policy": async (target) => {
      const RoleName = await role(target);
      const command = new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: bucketPolicy() });
      await refused("MalformedPolicyDocumentException", target.iam.send(command));
    },
  }),
  ...probesOf("iam", "DeleteRole", {
    "deletes it": async (target) => {
      const RoleName = await role(target);
      await target.iam.send(new DeleteRoleCommand({ RoleName }));
      await refused("NoSuchEntityException", target.iam.send(new GetRoleCommand({ RoleName })));
    },
    "refuses while an inline policy is left": async (target) => {
      const RoleName = await role(target);
      await target.iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "p", PolicyDocument: bucketPolicy() }));
      await refused("DeleteConflictException", target.iam.send(new DeleteRoleCommand({ RoleName })), /must delete policies first/);
      await target.iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: "p" }));
      await target.iam.send(new DeleteRoleCommand({ RoleName }));
    },
    "refuses while a policy is attached": async (target) => {
      const [RoleName, PolicyArn] = [await role(target), await managedPolicy(target)];
      await target.iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
      await refused("DeleteConflictException", target.iam.send(new DeleteRoleCommand({ RoleName })), /must detach all policies first/);
      await target.iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn }));
      await target.iam.send(new DeleteRoleCommand({ RoleName }));
    },
    "refuses while an instance profile has it": async (target) => {
      const [RoleName, InstanceProfileName] = [await role(target), target.unique("profile")];
      await target.iam.send(new CreateInstanceProfileCommand({ InstanceProfileName }));
      await target.iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName, RoleName }));
      await refused(
        "DeleteConflictException",
        target.iam.send(new DeleteRoleCommand({ RoleName })),
        /must remove roles from instance profile first/,
      );
      await target.iam.send(new RemoveRoleFromInstanceProfileCommand({ InstanceProfileName, RoleName }));
      await target.iam.send(new DeleteRoleCommand({ RoleName }));
    },
    "answers NoSuchEntity": (target) => refused("NoSuchEntityException", target.iam.send(new DeleteRoleCommand({ RoleName: "missing" }))),
  }),
  ...probesOf("iam", "ListInstanceProfilesForRole", {
    "lists the profiles that have the role": async (target) => {
      const [RoleName, InstanceProfileName] = [await role(target), target.unique("profile")];
      await target.iam.send(new CreateInstanceProfileCommand({ InstanceProfileName }));
      await target.iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName, RoleName }));
      const { InstanceProfiles } = await target.iam.send(new ListInstanceProfilesForRoleCommand({ RoleName }));
      assert.deepEqual(
        InstanceProfiles?.map((profile) => profile.InstanceProfileName),
        [InstanceProfileName],
      );
    },
    "answers NoSuchEntity for a role that is not there": (target) =>
      refused("NoSuchEntityException", target.iam.send(new ListInstanceProfilesForRoleCommand({ RoleName: "missing" }))),
  }),
  ...probesOf("iam", "DeleteInstanceProfile", {
    "refuses while it has a role": async (target) => {
      const [RoleName, InstanceProfileName] = [await role(target), target.unique("profile")];
      await target.iam.send(new CreateInstanceProfileCommand({ InstanceProfileName }));
      await target.iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName, RoleName }));
      await refused("DeleteConflictException", target.iam.send(new DeleteInstanceProfileCommand({ InstanceProfileName })));
    },
    "holds one role at most": async (target) => {
      const InstanceProfileName = target.unique("profile");
      await target.iam.send(new CreateInstanceProfileCommand({ InstanceProfileName }));
      await target.iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName, RoleName: await role(target) }));
      const second = new AddRoleToInstanceProfileCommand({ InstanceProfileName, RoleName: await role(target) });
      await refused("LimitExceededException", target.iam.send(second));
    },
  }),
  // Not asked of moto: what it answers depends on how its threads meet
  ...probesOf("iam", "CreateRole", {
    "has exactly one winner of twenty at once": async (target) => {
      const RoleName = target.unique("role");
      const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => create(target, { RoleName })));
      const losers = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [String(outcome.reason)] : []));
      assert.equal(outcomes.length - losers.length, 1);
      for (const loser of losers) assert.match(loser, /EntityAlreadyExists/);
    },
  }).map((probe): Probe => ({ ...probe, targets: ["emulator"] })),
];
