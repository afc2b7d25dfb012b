import assert from "node:assert/strict";
import {
  AttachRolePolicyCommand,
  CreatePolicyCommand,
  DeletePolicyCommand,
  DeleteRolePermissionsBoundaryCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  ListAttachedRolePoliciesCommand,
  ListPoliciesCommand,
  ListRolePoliciesCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
} from "@aws-sdk/client-iam";
import { bucketPolicy, managedPolicy, role } from "../fixtures.ts";
import { present, probesOf, refused, type Probe, type Target } from "../probe.ts";

async function put(target: Target, PolicyDocument: string, RoleName?: string): Promise<unknown> {
  const name = RoleName ?? (await role(target));
  return target.iam.send(new PutRolePolicyCommand({ RoleName: name, PolicyName: target.unique("inline"), PolicyDocument }));
}

function policy(statement: object): string {
  return JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
}

const READ = { Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::bucket/*" };

function malformed(document: string, sentence?: RegExp): Probe["run"] {
  return (target) => refused("MalformedPolicyDocumentException", put(target, document), sentence);
}

export const IAM_POLICY_PROBES: readonly Probe[] = [
  ...probesOf("iam", "PutRolePolicy", {
    "replaces a policy of the same name": async (target) => {
      const RoleName = await role(target);
      for (const padding of [0, 5]) {
        await target.iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "p", PolicyDocument: bucketPolicy(padding) }));
      }
      const { PolicyDocument } = await target.iam.send(new GetRolePolicyCommand({ RoleName, PolicyName: "p" }));
      assert.equal(decodeURIComponent(PolicyDocument ?? ""), bucketPolicy(5));
    },
    "answers NoSuchEntity for a role that is not there": (target) =>
      refused("NoSuchEntityException", put(target, bucketPolicy(), "missing")),
    "refuses what is not JSON": malformed("no"),
    "refuses a version that IAM does not have": malformed(JSON.stringify({ Version: "2020-01-01", Statement: [READ] })),
    "refuses a statement without an action": malformed(policy({ Effect: "Allow", Resource: "*" }), /must contain actions/),
    "refuses a statement without a resource": malformed(policy({ Effect: "Allow", Action: "s3:GetObject" }), /must contain resources/),
    "refuses an action without a service": malformed(policy({ ...READ, Action: "GetObject" }), /must be prefaced by a vendor/),
    "refuses a resource that is no ARN": malformed(policy({ ...READ, Resource: "bucket" }), /must be in ARN format/),
    "refuses a principal": malformed(policy({ ...READ, Principal: "*" })),
    "refuses an effect that is none": malformed(policy({ ...READ, Effect: "Maybe" })),
    "refuses a member that is none": malformed(policy({ ...READ, Comment: "x" })),
    "refuses an operator that is none": malformed(policy({ ...READ, Condition: { StringMatches: { "aws:PrincipalArn": "x" } } })),
    "refuses the same Sid twice": malformed(
      JSON.stringify({
        Version: "2012-10-17",
        Statement: [
          { ...READ, Sid: "A" },
          { ...READ, Sid: "A" },
        ],
      }),
      /must be unique/,
    ),
    "refuses a Sid with a dash": malformed(policy({ ...READ, Sid: "a-b" })),
    "allows 10,240 characters in all policies together, white space not counted": async (target) => {
      const RoleName = await role(target);
      const spare = 5120 - bucketPolicy(0).length;
      await put(target, bucketPolicy(spare), RoleName);
      await put(target, `${bucketPolicy(spare)}${" ".repeat(300)}`, RoleName);
      await refused(
        "LimitExceededException",
        put(target, bucketPolicy(0), RoleName),
        /Maximum policy size of 10240 bytes exceeded for role/,
      );
    },
  }),
  ...probesOf("iam", "GetRolePolicy", {
    "returns the document percent-encoded": async (target) => {
      const RoleName = await role(target);
      await target.iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "p", PolicyDocument: bucketPolicy() }));
      const { PolicyDocument } = await target.iam.send(new GetRolePolicyCommand({ RoleName, PolicyName: "p" }));
      assert.match(present(PolicyDocument, "PolicyDocument"), /^%7B%22Version%22.*%2F%2A/);
    },
    "answers NoSuchEntity": async (target) => {
      const command = new GetRolePolicyCommand({ RoleName: await role(target), PolicyName: "missing" });
      await refused("NoSuchEntityException", target.iam.send(command), /The role policy with name missing cannot be found/);
    },
  }),
  ...probesOf("iam", "DeleteRolePolicy", {
    "answers NoSuchEntity": async (target) => {
      const command = new DeleteRolePolicyCommand({ RoleName: await role(target), PolicyName: "missing" });
      await refused("NoSuchEntityException", target.iam.send(command));
    },
  }),
  ...probesOf("iam", "AttachRolePolicy", {
    "is idempotent": async (target) => {
      const [RoleName, PolicyArn] = [await role(target), await managedPolicy(target)];
      await target.iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
      await target.iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
      const { AttachedPolicies } = await target.iam.send(new ListAttachedRolePoliciesCommand({ RoleName }));
      assert.deepEqual(
        AttachedPolicies?.map((attached) => attached.PolicyArn),
        [PolicyArn],
      );
    },
    "attaches a policy of AWS's": async (target) => {
      const RoleName = await role(target);
      const PolicyArn = "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess";
      await target.iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
      const { AttachedPolicies } = await target.iam.send(new ListAttachedRolePoliciesCommand({ RoleName }));
      assert.deepEqual(AttachedPolicies, [{ PolicyArn, PolicyName: "AWSXRayDaemonWriteAccess" }]);
    },
    "answers NoSuchEntity for a policy that is not there": async (target) => {
      const command = new AttachRolePolicyCommand({
        RoleName: await role(target),
        PolicyArn: `arn:aws:iam::${target.accountId}:policy/missing`,
      });
      await refused("NoSuchEntityException", target.iam.send(command), /does not exist or is not attachable/);
    },
    "refuses a service role's policy": async (target) => {
      const PolicyArn = "arn:aws:iam::aws:policy/aws-service-role/AWSSupportServiceRolePolicy";
      const command = new AttachRolePolicyCommand({ RoleName: await role(target), PolicyArn });
      await refused("PolicyNotAttachableException", target.iam.send(command));
    },
    "allows ten": async (target) => {
      const RoleName = await role(target);
      for (let count = 0; count < 10; count += 1) {
        await target.iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: await managedPolicy(target) }));
      }
      const eleventh = new AttachRolePolicyCommand({ RoleName, PolicyArn: await managedPolicy(target) });
      await refused("LimitExceededException", target.iam.send(eleventh), /PoliciesPerRole: 10/);
    },
  }),
  ...probesOf("iam", "DetachRolePolicy", {
    "answers NoSuchEntity for one that is not attached": async (target) => {
      const command = new DetachRolePolicyCommand({ RoleName: await role(target), PolicyArn: await managedPolicy(target) });
      await refused("NoSuchEntityException", target.iam.send(command));
    },
  }),
  ...probesOf("iam", "PutRolePermissionsBoundary", {
    "replaces the boundary": async (target) => {
      const RoleName = await role(target, { PermissionsBoundary: await managedPolicy(target) });
      const PermissionsBoundary = await managedPolicy(target);
      await target.iam.send(new PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary }));
      const { Role } = await target.iam.send(new GetRoleCommand({ RoleName }));
      assert.equal(Role?.PermissionsBoundary?.PermissionsBoundaryArn, PermissionsBoundary);
    },
    "answers NoSuchEntity for a policy that is not there": async (target) => {
      const PermissionsBoundary = `arn:aws:iam::${target.accountId}:policy/missing`;
      const command = new PutRolePermissionsBoundaryCommand({ RoleName: await role(target), PermissionsBoundary });
      await refused("NoSuchEntityException", target.iam.send(command));
    },
  }),
  ...probesOf("iam", "DeleteRolePermissionsBoundary", {
    "takes it away": async (target) => {
      const RoleName = await role(target, { PermissionsBoundary: await managedPolicy(target) });
      await target.iam.send(new DeleteRolePermissionsBoundaryCommand({ RoleName }));
      const { Role } = await target.iam.send(new GetRoleCommand({ RoleName }));
      assert.equal(Role?.PermissionsBoundary, undefined);
    },
  }),
  ...probesOf("iam", "CreatePolicy", {
    "answers with ARN, id and version": async (target) => {
      const PolicyName = target.unique("policy");
      const { Policy } = await target.iam.send(new CreatePolicyCommand({ PolicyName, Path: "/ours/", PolicyDocument: bucketPolicy() }));
      assert.equal(Policy?.Arn, `arn:aws:iam::${target.accountId}:policy/ours/${PolicyName}`);
      assert.equal(Policy.DefaultVersionId, "v1");
      assert.equal(Policy.AttachmentCount, 0);
      assert.match(Policy.PolicyId ?? "", /^A[A-Z0-9]{15,}$/);
    },
    "refuses a name that exists": async (target) => {
      const arn = await managedPolicy(target);
      const PolicyName = arn.slice(arn.lastIndexOf("/") + 1);
      await refused(
        "EntityAlreadyExistsException",
        target.iam.send(new CreatePolicyCommand({ PolicyName, PolicyDocument: bucketPolicy() })),
      );
    },
    "refuses more than 6,144 characters": async (target) => {
      const command = new CreatePolicyCommand({ PolicyName: target.unique("policy"), PolicyDocument: bucketPolicy(6144) });
      await refused("LimitExceededException", target.iam.send(command));
    },
    "refuses what is malformed": (target) =>
      refused(
        "MalformedPolicyDocumentException",
        target.iam.send(new CreatePolicyCommand({ PolicyName: target.unique("policy"), PolicyDocument: "{}" })),
      ),
  }),
  ...probesOf("iam", "GetPolicy", {
    "counts attachments and boundaries": async (target) => {
      const PolicyArn = await managedPolicy(target);
      const RoleName = await role(target, { PermissionsBoundary: PolicyArn });
      await target.iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
      const { Policy } = await target.iam.send(new GetPolicyCommand({ PolicyArn }));
      assert.deepEqual([Policy?.AttachmentCount, Policy?.PermissionsBoundaryUsageCount], [1, 1]);
    },
    "answers NoSuchEntity": (target) =>
      refused(
        "NoSuchEntityException",
        target.iam.send(new GetPolicyCommand({ PolicyArn: `arn:aws:iam::${target.accountId}:policy/missing` })),
      ),
  }),
  ...probesOf("iam", "GetPolicyVersion", {
    "returns the document percent-encoded": async (target) => {
      const PolicyArn = await managedPolicy(target);
      const { PolicyVersion } = await target.iam.send(new GetPolicyVersionCommand({ PolicyArn, VersionId: "v1" }));
      assert.match(PolicyVersion?.Document ?? "", /^%7B/);
      assert.equal(decodeURIComponent(PolicyVersion?.Document ?? ""), bucketPolicy());
      assert.equal(PolicyVersion?.IsDefaultVersion, true);
    },
    "answers NoSuchEntity for a version that is not there": async (target) => {
      const command = new GetPolicyVersionCommand({ PolicyArn: await managedPolicy(target), VersionId: "v9" });
      await refused("NoSuchEntityException", target.iam.send(command));
    },
  }),
  ...probesOf("iam", "DeletePolicy", {
    "refuses while it is attached": async (target) => {
      const [RoleName, PolicyArn] = [await role(target), await managedPolicy(target)];
      await target.iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
      await refused("DeleteConflictException", target.iam.send(new DeletePolicyCommand({ PolicyArn })));
    },
    "deletes it": async (target) => {
      const PolicyArn = await managedPolicy(target);
      await target.iam.send(new DeletePolicyCommand({ PolicyArn }));
      await refused("NoSuchEntityException", target.iam.send(new GetPolicyCommand({ PolicyArn })));
    },
  }),
  ...probesOf("iam", "ListPolicies", {
    "filters by scope and use": async (target) => {
      const [used, unused] = [await managedPolicy(target), await managedPolicy(target)];
      await target.iam.send(new AttachRolePolicyCommand({ RoleName: await role(target), PolicyArn: used }));
      const { Policies } = await target.iam.send(new ListPoliciesCommand({ Scope: "Local", OnlyAttached: true, MaxItems: 1000 }));
      const arns = Policies?.map(({ Arn }) => Arn) ?? [];
      assert.ok(arns.includes(used));
      assert.ok(!arns.includes(unused));
    },
  }),
  ...probesOf("iam", "ListRolePolicies", {
    "lists the names": async (target) => {
      const RoleName = await role(target);
      for (const PolicyName of ["b", "a"])
        await target.iam.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: bucketPolicy() }));
      const { PolicyNames, IsTruncated } = await target.iam.send(new ListRolePoliciesCommand({ RoleName }));
      assert.deepEqual([PolicyNames?.toSorted(), IsTruncated], [["a", "b"], false]);
    },
  }),
  ...probesOf("iam", "ListAttachedRolePolicies", {
    "lists name and ARN": async (target) => {
      const [RoleName, PolicyArn] = [await role(target), await managedPolicy(target)];
      await target.iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
      const { AttachedPolicies } = await target.iam.send(new ListAttachedRolePoliciesCommand({ RoleName }));
      assert.deepEqual(AttachedPolicies, [{ PolicyArn, PolicyName: PolicyArn.slice(PolicyArn.lastIndexOf("/") + 1) }]);
    },
  }),
];
