import { generateKeyPairSync, sign } from "node:crypto";
import {
  CreatePodIdentityAssociationCommand,
  DeletePodIdentityAssociationCommand,
  DescribePodIdentityAssociationCommand,
  EKSClient,
  ListPodIdentityAssociationsCommand,
  paginateListPodIdentityAssociations,
  TagResourceCommand,
  UpdatePodIdentityAssociationCommand,
  type CreatePodIdentityAssociationCommandInput,
  type PodIdentityAssociation,
} from "@aws-sdk/client-eks";
import { CreateRoleCommand } from "@aws-sdk/client-iam";
import { expect, test } from "vitest";
import { assumeRoleForPodIdentity } from "../../../emulator/eks-auth-client.ts";
import type { EmulatorOptions, Switches } from "../../../emulator/options.ts";
import { ACCOUNT, ADMIN_KEY, aws, EC2_TRUST, outcome, REGION, type Aws } from "./clients.ts";

const CLUSTER = "prod";
const ISSUER = "https://oidc.eks.eu-west-1.amazonaws.com/id/1";
const ROLE = `arn:aws:iam::${ACCOUNT}:role/app`;
const KEY = "AKIAOPERATOR";
const CLUSTER_ARN = `arn:aws:eks:${REGION}:${ACCOUNT}:cluster/${CLUSTER}`;
const ASSOCIATIONS = `arn:aws:eks:${REGION}:${ACCOUNT}:podidentityassociation/${CLUSTER}`;

const TRUST = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "pods.eks.amazonaws.com" }, Action: ["sts:AssumeRole", "sts:TagSession"] }],
});

async function world(options: Partial<EmulatorOptions> = {}): Promise<Aws> {
  const found = await aws({ clusters: [{ name: CLUSTER, oidcIssuer: ISSUER }], ...options });
  await outcome(found.iam.send(new CreateRoleCommand({ RoleName: "app", AssumeRolePolicyDocument: TRUST })));
  return found;
}

async function create(eks: EKSClient, more: Partial<CreatePodIdentityAssociationCommandInput> = {}): Promise<PodIdentityAssociation> {
  const input = { clusterName: CLUSTER, namespace: "a", serviceAccount: "b", roleArn: ROLE, ...more };
  return (await eks.send(new CreatePodIdentityAssociationCommand(input))).association ?? {};
}

function operator(...statements: readonly object[]): Promise<Aws> {
  const policy = { Version: "2012-10-17", Statement: statements.map((statement) => ({ Effect: "Allow", ...statement })) };
  return world({ principals: [{ accessKeyId: KEY, arn: `arn:aws:iam::${ACCOUNT}:role/operator`, policy }] });
}

test("creating passes the role to EKS Pod Identity, and that must be allowed", async () => {
  const creating = { Action: "eks:CreatePodIdentityAssociation", Resource: CLUSTER_ARN };
  const passing = (service: string): object => ({
    Action: "iam:PassRole",
    Resource: ROLE,
    Condition: { StringEquals: { "iam:PassedToService": service } },
  });
  const [without, elsewhere, allowed] = await Promise.all([
    operator(creating),
    operator(creating, passing("ec2.amazonaws.com")),
    operator(creating, passing("pods.eks.amazonaws.com")),
  ]);
  await expect(create(without.as(KEY).eks)).rejects.toThrow(`perform: iam:PassRole on resource: ${ROLE}`);
  expect(await outcome(create(elsewhere.as(KEY).eks))).toBe("AccessDeniedException");
  expect(await outcome(create(allowed.as(KEY).eks))).toBe("ok");
  expect((await allowed.admin.actions()).slice(-2).map(({ action, code }) => [action, code])).toEqual([
    ["eks:CreatePodIdentityAssociation", "OK"],
    ["iam:PassRole", "OK"],
  ]);
});

test("tags at creation need the permission to tag, and tags of an association decide", async () => {
  const passing = { Action: "iam:PassRole", Resource: "*" };
  const ours = { Condition: { StringEquals: { "aws:ResourceTag/owner": "us" } }, Resource: `${ASSOCIATIONS}/*` };
  const found = await operator({ Action: "eks:CreatePodIdentityAssociation", Resource: CLUSTER_ARN }, passing, {
    Action: "eks:DeletePodIdentityAssociation",
    ...ours,
  });
  const { eks } = found.as(KEY);
  await expect(create(eks, { tags: { owner: "us" } })).rejects.toThrow(`perform: eks:TagResource on resource: ${ASSOCIATIONS}/*`);
  const mine = await create(found.eks, { tags: { owner: "us" } });
  const theirs = await create(found.eks, { namespace: "other" });
  const remove = ({ associationId }: PodIdentityAssociation): Promise<string> =>
    outcome(eks.send(new DeletePodIdentityAssociationCommand({ clusterName: CLUSTER, associationId })));
  expect([await remove(mine), await remove(theirs)]).toEqual(["ok", "AccessDeniedException"]);
});

test("an update passes only a role that is given", async () => {
  const found = await operator({ Action: "eks:UpdatePodIdentityAssociation", Resource: "*" });
  const { associationId } = await create(found.eks);
  const update = (more: object): Promise<string> =>
    outcome(found.as(KEY).eks.send(new UpdatePodIdentityAssociationCommand({ clusterName: CLUSTER, associationId, ...more })));
  expect([await update({ disableSessionTags: true }), await update({ roleArn: ROLE })]).toEqual(["ok", "AccessDeniedException"]);
});

test.each<[Switches["podIdentityRole"], readonly string[]]>([
  ["notChecked", ["ok", "ok"]],
  ["exists", ["InvalidParameterException", "ok"]],
  ["trusts", ["InvalidParameterException", "InvalidParameterException"]],
])("a role that is missing, and one that does not trust EKS, when the switch is %s", async (podIdentityRole, expected) => {
  const { eks, iam } = await world({ switches: { podIdentityRole } });
  await iam.send(new CreateRoleCommand({ RoleName: "ec2", AssumeRolePolicyDocument: EC2_TRUST }));
  const outcomes = [
    await outcome(create(eks, { roleArn: `arn:aws:iam::${ACCOUNT}:role/missing` })),
    await outcome(create(eks, { namespace: "c", roleArn: `arn:aws:iam::${ACCOUNT}:role/ec2` })),
  ];
  expect(outcomes).toEqual(expected);
});

test("a role made a moment ago is not there for a create that lags", async () => {
  const { eks, iam, admin } = await world();
  await admin.addFaults({ match: { operation: "CreatePodIdentityAssociation" }, fault: { kind: "staleReads", calls: 1 } });
  await iam.send(new CreateRoleCommand({ RoleName: "fresh", AssumeRolePolicyDocument: TRUST }));
  const attempt = (): Promise<string> => outcome(create(eks, { roleArn: `arn:aws:iam::${ACCOUNT}:role/fresh` }));
  expect([await attempt(), await attempt()]).toEqual(["InvalidParameterException", "ok"]);
});

test("an add-on's association says whose it is and is not changed, unless the switch lets it", async () => {
  const owner = `arn:aws:eks:${REGION}:${ACCOUNT}:addon/${CLUSTER}/vpc-cni/1`;
  const outcomes = async (ownedAssociation: Switches["ownedAssociation"]): Promise<string> => {
    const { eks, admin } = await world({ switches: { ownedAssociation } });
    const { associationId = "" } = await create(eks);
    await admin.ownAssociation({ cluster: CLUSTER, association: associationId, owner });
    const { associations } = await eks.send(new ListPodIdentityAssociationsCommand({ clusterName: CLUSTER }));
    expect(associations?.map(({ ownerArn }) => ownerArn)).toEqual([owner]);
    return outcome(eks.send(new DeletePodIdentityAssociationCommand({ clusterName: CLUSTER, associationId })));
  };
  expect([await outcomes("refuse"), await outcomes("accept")]).toEqual(["InvalidRequestException", "ok"]);
});

test("a cluster's associations have a limit", async () => {
  const { eks } = await world({ quotas: { podIdentityAssociationsPerCluster: 1 } });
  await create(eks);
  expect(await outcome(create(eks, { namespace: "c" }))).toBe("ResourceLimitExceededException");
});

test("an answer lost after commit is made good by the SDK's retry: its token finds the association", async () => {
  const { url, admin } = await world();
  const eks = new EKSClient({
    endpoint: url,
    region: REGION,
    credentials: { accessKeyId: ADMIN_KEY, secretAccessKey: "s" },
    maxAttempts: 2,
  });
  await admin.addFaults({ match: { operation: "CreatePodIdentityAssociation" }, position: 1, fault: { kind: "lost" } });
  const { associationId } = await create(eks);
  const { associations } = await eks.send(new ListPodIdentityAssociationsCommand({ clusterName: CLUSTER }));
  expect(associations?.map((each) => each.associationId)).toEqual([associationId]);
  expect((await admin.counters()).operations["eks:CreatePodIdentityAssociation"]).toMatchObject({ calls: 2, errors: { Lost: 1 } });
});

test.each([
  ["throttle", "ThrottlingException", 429],
  ["http500", "ServerException", 500],
  ["denied", "AccessDeniedException", 403],
  ["expiredCredentials", "ExpiredTokenException", 403],
] as const)("the fault %s is %s in EKS's words", async (kind, name, status) => {
  const { eks, admin } = await world();
  await admin.addFaults({ match: { service: "eks" }, fault: { kind } });
  const call = eks.send(new ListPodIdentityAssociationsCommand({ clusterName: CLUSTER }));
  await expect(call).rejects.toMatchObject({ name, $metadata: { httpStatusCode: status } });
});

test("a fault finds a call that names an association by its id by whose that is", async () => {
  const { eks, admin } = await world();
  const [{ associationId: mine = "" }, { associationId: other = "" }] = [
    await create(eks, { namespace: "c" }),
    await create(eks, { namespace: "d" }),
  ];
  await admin.addFaults({ match: { bodyContains: "c/" }, fault: { kind: "throttle" } });
  const outcomes = [mine, other].map((associationId) =>
    outcome(eks.send(new DescribePodIdentityAssociationCommand({ clusterName: CLUSTER, associationId }))),
  );
  expect(await Promise.all(outcomes)).toEqual(["ThrottlingException", "ok"]);
});

test("a fault finds a call by what is in its path", async () => {
  const { eks, admin } = await world();
  const { associationId = "" } = await create(eks);
  await admin.addFaults({ match: { bodyContains: associationId }, fault: { kind: "throttle" } });
  const describe = eks.send(new DescribePodIdentityAssociationCommand({ clusterName: CLUSTER, associationId }));
  expect([await outcome(describe), await outcome(create(eks, { namespace: "c" }))]).toEqual(["ThrottlingException", "ok"]);
});

test("pages can be made smaller than a call asks for", async () => {
  const { eks } = await world({ switches: { maxPageSize: 1 } });
  await create(eks, { namespace: "c" });
  await create(eks, { namespace: "d" });
  const sizes: number[] = [];
  for await (const { associations } of paginateListPodIdentityAssociations({ client: eks, pageSize: 100 }, { clusterName: CLUSTER }))
    sizes.push(associations?.length ?? 0);
  expect(sizes).toEqual([1, 1]);
});

test("a tag's resource is the ARN in the path, slashes and all", async () => {
  const { eks, admin } = await world();
  const { associationArn } = await create(eks);
  await eks.send(new TagResourceCommand({ resourceArn: associationArn, tags: { owner: "us" } }));
  expect((await admin.actions()).at(-1)).toMatchObject({ action: "eks:TagResource", resource: associationArn, code: "OK" });
});

const ours = generateKeyPairSync("rsa", { modulusLength: 2048 });
const theirs = generateKeyPairSync("rsa", { modulusLength: 2048 });

function token(key: typeof ours.privateKey): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + 600;
  const pod = { namespace: "a", pod: { name: "app-0", uid: "1" } };
  const claims = { iss: ISSUER, sub: "system:serviceaccount:a:b", aud: ["pods.eks.amazonaws.com"], exp, "kubernetes.io": pod };
  const content = `${part({ alg: "RS256", kid: "one" })}.${part(claims)}`;
  return `${content}.${sign("sha256", Buffer.from(content), key).toString("base64url")}`;
}

test("a pod's token must be signed by its cluster, where the emulator has the cluster's keys", async () => {
  const keys = [{ ...ours.publicKey.export({ format: "jwk" }), kid: "one" }];
  const { eks, url } = await world({ oidcIssuerKeys: { [ISSUER]: { keys } } });
  await create(eks);
  const assume = (key: typeof ours.privateKey): Promise<string> =>
    outcome(assumeRoleForPodIdentity({ url, region: REGION, accessKeyId: ADMIN_KEY, clusterName: CLUSTER, token: token(key) }));
  expect([await assume(ours.privateKey), await assume(theirs.privateKey)]).toEqual(["ok", "InvalidTokenException"]);
});

test("an association of a moment ago is not there for a pod's call that lags", async () => {
  const { eks, url, admin } = await world();
  await admin.addFaults({ match: { service: "eks-auth" }, fault: { kind: "staleReads", calls: 1 } });
  await create(eks);
  const request = { url, region: REGION, accessKeyId: ADMIN_KEY, clusterName: CLUSTER, token: token(ours.privateKey) };
  const assume = (): Promise<string> => outcome(assumeRoleForPodIdentity(request));
  expect([await assume(), await assume()]).toEqual(["ResourceNotFoundException", "ok"]);
});

test("asking for a pod's credentials needs a permission on the cluster", async () => {
  const found = await operator({ Action: "eks-auth:AssumeRoleForPodIdentity", Resource: `${CLUSTER_ARN}-other` });
  const call = assumeRoleForPodIdentity({
    url: found.url,
    region: REGION,
    accessKeyId: KEY,
    clusterName: CLUSTER,
    token: token(ours.privateKey),
  });
  await expect(call).rejects.toThrow(`perform: eks-auth:AssumeRoleForPodIdentity on resource: ${CLUSTER_ARN}`);
});
