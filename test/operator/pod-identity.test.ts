import {
  DeletePodIdentityAssociationCommand,
  DescribePodIdentityAssociationCommand,
  ListPodIdentityAssociationsCommand,
  UpdatePodIdentityAssociationCommand,
  type PodIdentityAssociation,
} from "@aws-sdk/client-eks";
import { GetRoleCommand } from "@aws-sdk/client-iam";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EmulatorAdmin } from "../../emulator/admin-client.ts";
import { assumeRoleForPodIdentity, type PodCredentials } from "../../emulator/eks-auth-client.ts";
import { ADMIN_KEY, OPERATOR_KEY } from "../../src/cli/keys.ts";
import { ANNOTATIONS, type ObjectKey } from "../../src/crds/meta.ts";
import { roleArn, roleName } from "../../src/resources/iam/role.ts";
import { asIssuedByEks } from "../support/issued-token.ts";
import { operatorWrites, provokePass } from "../support/operator-writes.ts";
import { PATIENCE_MS, sharedPlatform, type Platform } from "../support/platform.ts";
import { messageOf, podsOf, type Listed } from "../support/service-view.ts";

/** Roles bound by EKS Pod Identity: what its pods get, the ways there and back, and what others do to the association. */

const NAMESPACE = "pod-identity";
const POLICY = {
  statements: [{ sid: "Tables", actions: ["dynamodb:GetItem"], resources: ["arn:aws:dynamodb:eu-west-1:111122223333:table/t"] }],
};
const BY_AGENT = { aws: { identity: "PodIdentity", policy: POLICY } };

let platform: Platform;

beforeAll(async () => {
  platform = sharedPlatform();
  await platform.namespace(NAMESPACE);
});

afterAll(async () => {
  await platform.close();
});

function key(name: string): ObjectKey {
  return { namespace: NAMESPACE, name };
}

async function associationOf({ namespace, name }: ObjectKey): Promise<PodIdentityAssociation | undefined> {
  const clusterName = platform.config.cluster.name;
  const list = new ListPodIdentityAssociationsCommand({ clusterName, namespace, serviceAccount: name });
  const { associations: [found] = [] } = await platform.eks.send(list);
  if (found === undefined) return undefined;
  const read = new DescribePodIdentityAssociationCommand({ clusterName, associationId: found.associationId });
  return (await platform.eks.send(read)).association;
}

async function accountAnnotations({ namespace, name }: ObjectKey): Promise<Readonly<Record<string, string>>> {
  return (await platform.get<Listed>(namespace, `serviceaccount/${name}`))?.metadata.annotations ?? {};
}

/** The actions that the role's trust policy has, one list a statement. */
async function trusted(service: ObjectKey): Promise<readonly unknown[]> {
  const { Role } = await platform.iam.send(new GetRoleCommand({ RoleName: roleName(service, platform.config) }));
  const document: { readonly Statement: readonly { readonly Action: unknown }[] } = JSON.parse(
    decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ""),
  );
  return document.Statement.map(({ Action }) => Action);
}

const IRSA = "sts:AssumeRoleWithWebIdentity";
const AGENT = ["sts:AssumeRole", "sts:TagSession"];
const ROLE_ANNOTATION = "eks.amazonaws.com/role-arn";

/** What the node's agent gets for the first pod of a service. */
async function credentials(service: ObjectKey): Promise<PodCredentials> {
  const [pod] = await podsOf(platform, service);
  const bound = ["--bound-object-kind=Pod", `--bound-object-name=${pod?.metadata.name ?? ""}`, "--audience=pods.eks.amazonaws.com"];
  const token = await platform.kubectl(["create", "token", service.name, "-n", service.namespace, ...bound]);
  return assumeRoleForPodIdentity({
    url: platform.info.awsEndpoint,
    region: platform.config.cluster.region,
    accessKeyId: ADMIN_KEY,
    clusterName: platform.config.cluster.name,
    token: asIssuedByEks(token.trim(), platform.config),
  });
}

/** Without events, which are written when there is time, about what was before. */
async function writes({ name }: ObjectKey): Promise<readonly string[]> {
  const { kubernetes, aws } = await operatorWrites(platform, NAMESPACE, name);
  const actions = await new EmulatorAdmin(platform.info.awsEndpoint).actions();
  const eks = actions.filter((a) => a.accessKeyId === OPERATOR_KEY && a.access === "write" && a.operation.startsWith("eks:"));
  return [...kubernetes.filter((write) => !write.includes(" events ")), ...aws, ...eks.map((a) => `${a.operation} ${a.resource}`)];
}

describe("a service of Pod Identity", () => {
  const service = key("paid");

  beforeAll(async () => {
    await platform.ready(service, BY_AGENT);
    await platform.ready(key("beside"));
  });

  test("has an association with its role, and pods that come to the agent of their node with a token of their own", async () => {
    expect(await associationOf(service)).toMatchObject({ roleArn: roleArn(service, platform.config), disableSessionTags: false });
    expect(await trusted(service)).toEqual([AGENT]);
    expect(await accountAnnotations(service)).toEqual({ [ANNOTATIONS.boundBy]: "PodIdentity" });
    const [pod] = await podsOf(platform, service);
    expect(JSON.stringify(pod?.spec)).toContain('"audience":"pods.eks.amazonaws.com"');
    expect(await platform.get(NAMESPACE, "networkpolicy/paid-pod-identity")).toMatchObject({
      spec: { egress: [{ to: [{ ipBlock: { cidr: "169.254.170.23/32" } }], ports: [{ port: 80, protocol: "TCP" }] }] },
    });
    expect(platform.watch.get(service)?.status?.resources).toContainEqual({
      group: "eks.aws",
      kind: "PodIdentityAssociation",
      name: `${NAMESPACE}/paid`,
      state: "Ready",
    });
  });

  test("gets credentials of that role, and pods of another ServiceAccount get none", async () => {
    expect((await credentials(service)).assumedRoleArn).toContain(`:assumed-role/${roleName(service, platform.config)}/`);
    await expect(credentials(key("beside"))).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  });

  test("whose association is deleted or changed behind the operator's back has it put right", async () => {
    const clusterName = platform.config.cluster.name;
    const made = await associationOf(service);
    await platform.eks.send(new DeletePodIdentityAssociationCommand({ clusterName, associationId: made?.associationId }));
    await expect.poll(() => associationOf(service), { timeout: PATIENCE_MS, interval: 200 }).toMatchObject({ roleArn: made?.roleArn });
    const again = await associationOf(service);
    expect(again?.associationId).not.toBe(made?.associationId);

    await platform.ready(key("other"), BY_AGENT);
    const other = roleArn(key("other"), platform.config);
    await platform.eks.send(
      new UpdatePodIdentityAssociationCommand({
        clusterName,
        associationId: again?.associationId,
        roleArn: other,
        disableSessionTags: true,
      }),
    );
    await expect
      .poll(() => associationOf(service), { timeout: PATIENCE_MS, interval: 200 })
      .toMatchObject({ associationId: again?.associationId, roleArn: made?.roleArn, disableSessionTags: false });
  });

  test("is left as it is by a second pass", async () => {
    await platform.untilReady(service);
    const before = await writes(service);
    await provokePass(platform, service);
    expect(await writes(service)).toEqual(before);
  });

  test("leaves nothing when it is deleted", async () => {
    await platform.kubectl(["delete", "psvc", "paid", "-n", NAMESPACE, "--timeout=60s"]);
    await platform.untilGone(service);
    expect(await associationOf(service)).toBeUndefined();
    expect(await platform.get(NAMESPACE, "serviceaccount/paid")).toBeUndefined();
    await expect(platform.iam.send(new GetRoleCommand({ RoleName: roleName(service, platform.config) }))).rejects.toMatchObject({
      name: "NoSuchEntityException",
    });
  });
});

describe("a change of the binding", () => {
  const service = key("moving");
  const arn = () => roleArn(service, platform.config);

  beforeAll(async () => {
    await platform.ready(service, { aws: { policy: POLICY } });
  });

  async function uids(): Promise<readonly string[]> {
    return (await podsOf(platform, service)).map(({ metadata }) => metadata.uid).toSorted();
  }

  /** The new pods wait for an image that is not there. */
  async function held(tag: string, aws: object, message: string): Promise<void> {
    const before = await uids();
    await platform.applyService(service, { image: { tag }, aws });
    await platform.until(service, message, (one) => messageOf(one, "ServiceAccountReady") === message);
    await platform.untilCondition(service, "ImageResolved", "False", "ImageNotFound");
    await provokePass(platform, service);
    expect(await uids()).toEqual(before);
    expect(await trusted(service)).toEqual([IRSA, AGENT]);
    expect(await accountAnnotations(service)).toMatchObject({
      [ROLE_ANNOTATION]: arn(),
      [ANNOTATIONS.boundBy]: "IRSA,PodIdentity",
    });
    expect((await credentials(service)).assumedRoleArn).toContain(`:assumed-role/${roleName(service, platform.config)}/`);
  }

  test("from IRSA to Pod Identity leaves both until no pod needs the old one", async () => {
    await held("2.0.0", BY_AGENT.aws, "bound by PodIdentity; IRSA stays until no pod needs it");
    await platform.push(service, "2.0.0");
    await platform.untilReady(service);
    await expect.poll(() => trusted(service), { timeout: PATIENCE_MS, interval: 200 }).toEqual([AGENT]);
    await expect
      .poll(() => accountAnnotations(service), { timeout: PATIENCE_MS, interval: 200 })
      .toEqual({ [ANNOTATIONS.boundBy]: "PodIdentity" });
    expect(await associationOf(service)).toMatchObject({ roleArn: arn() });
  });

  test("back to IRSA leaves both until no pod needs the old one, and then no association", async () => {
    await held("3.0.0", { identity: "IRSA", policy: POLICY }, "bound by IRSA; PodIdentity stays until no pod needs it");
    await platform.push(service, "3.0.0");
    await platform.untilReady(service);
    await expect.poll(() => associationOf(service), { timeout: PATIENCE_MS, interval: 200 }).toBeUndefined();
    await expect.poll(() => trusted(service), { timeout: PATIENCE_MS, interval: 200 }).toEqual([IRSA]);
    await expect
      .poll(() => accountAnnotations(service), { timeout: PATIENCE_MS, interval: 200 })
      .toEqual({ [ROLE_ANNOTATION]: arn(), "eks.amazonaws.com/sts-regional-endpoints": "true" });
    const done = await platform.until(service, "says nothing of it", (one) => messageOf(one, "ServiceAccountReady") === "");
    expect(done.status?.resources?.filter(({ group }) => group === "eks.aws")).toEqual([]);
  });
});
