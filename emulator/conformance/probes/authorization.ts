/** The caller's policy, evaluated on every call. moto has no callers with policies but those of its own state. */
import assert from "node:assert/strict";
import { CreateRepositoryCommand, DescribeRepositoriesCommand, ECRClient } from "@aws-sdk/client-ecr";
import { CreateRoleCommand, GetRoleCommand, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { AssumeRoleWithWebIdentityCommand, GetCallerIdentityCommand } from "@aws-sdk/client-sts";

import { EmulatorAdmin } from "../../admin-client.ts";
import { irsaTrust, oidcProvider, repository, SERVICE_TRUST, unsignedToken } from "../fixtures.ts";
import { clientsFor, present, probesOf, refused, type Probe, type Target } from "../probe.ts";
import { RESTRICTED_KEY } from "../targets.ts";

function restricted({ url, region }: Target): ReturnType<typeof clientsFor> {
  return clientsFor(url, region, RESTRICTED_KEY);
}

export const AUTHORIZATION_PROBES: readonly Probe[] = probesOf("authorization", "caller's policy", {
  "an unknown access key is refused": async ({ url, region }) => {
    await refused("InvalidClientTokenId", clientsFor(url, region, "AKIAUNKNOWN").sts.send(new GetCallerIdentityCommand({})));
  },
  "what no statement allows is denied, in IAM's words": async (target) => {
    const call = restricted(target).iam.send(new GetRoleCommand({ RoleName: "any" }));
    await refused(
      "AccessDenied",
      call,
      /^User: arn:aws:iam::\d{12}:user\/restricted is not authorized to perform: iam:GetRole on resource: arn:aws:iam:/,
    );
  },
  "CreateRole without the boundary is denied explicitly": async (target) => {
    const command = new CreateRoleCommand({ RoleName: target.unique("role"), Path: "/ours/", AssumeRolePolicyDocument: SERVICE_TRUST });
    await refused("AccessDenied", restricted(target).iam.send(command), /with an explicit deny/);
  },
  "CreateRole on another path is denied": async (target) => {
    const PermissionsBoundary = `arn:aws:iam::${target.accountId}:policy/boundary`;
    const command = new CreateRoleCommand({
      RoleName: target.unique("role"),
      PermissionsBoundary,
      AssumeRolePolicyDocument: SERVICE_TRUST,
    });
    await refused("AccessDenied", restricted(target).iam.send(command), /because no identity-based policy allows/);
  },
  "a resource's tags decide": async (target) => {
    const [ours, theirs] = [await repository(target, { tags: [{ Key: "owner", Value: "us" }] }), await repository(target)];
    const { ecr } = restricted(target);
    await ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [ours] }));
    await refused(
      "AccessDeniedException",
      ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [theirs] })),
      /ecr:DescribeRepositories on resource: arn:aws:ecr:/,
    );
  },
  "a list of all is denied to who may see some": async (target) => {
    await refused("AccessDeniedException", restricted(target).ecr.send(new DescribeRepositoriesCommand({})));
  },
  "tags at creation need the permission to tag": async (target) => {
    const command = new CreateRepositoryCommand({ repositoryName: target.unique("team/app"), tags: [{ Key: "owner", Value: "us" }] });
    await refused("AccessDeniedException", restricted(target).ecr.send(command));
  },
  "a session has its role's rights and no more": async (target) => {
    const provider = await oidcProvider(target);
    const subject = "system:serviceaccount:a:b";
    const RoleName = target.unique("session");
    const { Role } = await target.iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: irsaTrust(provider, subject) }));
    const name = await repository(target);
    const statement = { Effect: "Allow", Action: "ecr:DescribeRepositories", Resource: `arn:aws:ecr:*:*:repository/${name}` };
    const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
    await target.iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "p", PolicyDocument }));
    const exp = Math.floor(Date.now() / 1000) + 600;
    const WebIdentityToken = unsignedToken({ iss: `https://${provider.host}`, sub: subject, aud: "sts.amazonaws.com", exp });
    const assume = new AssumeRoleWithWebIdentityCommand({ RoleArn: Role?.Arn, RoleSessionName: "session", WebIdentityToken });
    const { Credentials } = await target.sts.send(assume);
    const { AccessKeyId, SecretAccessKey, SessionToken } = present(Credentials, "Credentials");
    const credentials = { accessKeyId: AccessKeyId ?? "", secretAccessKey: SecretAccessKey ?? "", sessionToken: SessionToken ?? "" };
    const ecr = new ECRClient({ endpoint: target.url, region: target.region, credentials, maxAttempts: 1 });
    await ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [name] }));
    await refused(
      "AccessDeniedException",
      ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [await repository(target)] })),
      /assumed-role/,
    );
  },
  "what is granted and never used is told": async (target) => {
    const grants = await new EmulatorAdmin(target.url).grants();
    const mine = grants.find(({ principal }) => principal.endsWith("user/restricted"));
    assert.deepEqual(mine?.statements.find(({ sid }) => sid === "NeverUsed")?.unused, ["iam:DeleteRole"]);
  },
});
