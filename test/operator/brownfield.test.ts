import {
  CreateRepositoryCommand,
  DescribeRepositoriesCommand,
  ListImagesCommand,
  ListTagsForResourceCommand,
  PutImageTagMutabilityCommand,
} from "@aws-sdk/client-ecr";
import {
  AttachRolePolicyCommand,
  CreateRoleCommand,
  DetachRolePolicyCommand,
  GetRoleCommand,
  ListAttachedRolePoliciesCommand,
  NoSuchEntityException,
  UpdateAssumeRolePolicyCommand,
} from "@aws-sdk/client-iam";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pushImage } from "../../src/cli/image.ts";
import { ANNOTATIONS, type ObjectKey } from "../../src/crds/meta.ts";
import { roleArn, roleName } from "../../src/resources/iam/role.ts";
import { operatorWrites, provokePass } from "../support/operator-writes.ts";
import { PATIENCE_MS, sharedPlatform, type Platform } from "../support/platform.ts";
import { lastWords, messageOf, podsOf, verdict, type Listed } from "../support/service-view.ts";

/** What Terraform made, or another cluster owns, is used as it is: verified, never changed, never deleted. */

const NAMESPACE = "brownfield";
const ISSUER = "oidc.eks.eu-west-1.amazonaws.com/id/DEMO";
const BOUNDARY = "arn:aws:iam::111122223333:policy/platform-boundary";
const METRICS = "arn:aws:iam::111122223333:policy/platform-metrics";
const XRAY = "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess";
const RETIRED = "arn:aws:iam::aws:policy/RetiredByAWS";

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

async function attached(RoleName: string): Promise<readonly string[]> {
  const { AttachedPolicies = [] } = await platform.iam.send(new ListAttachedRolePoliciesCommand({ RoleName }));
  return AttachedPolicies.map(({ PolicyArn = "" }) => PolicyArn).toSorted();
}

describe("managed policies", () => {
  const service = key("managed");
  const RoleName = `eu-west-1.demo.${NAMESPACE}.managed`;

  beforeAll(async () => {
    await platform.ready(service, { aws: { managedPolicyArns: [XRAY, METRICS] } });
  });

  test("that are listed are attached, and the pods have a way to AWS", async () => {
    expect(await attached(RoleName)).toEqual([METRICS, XRAY]);
    expect(await platform.get(NAMESPACE, "networkpolicy/managed-aws")).toMatchObject({
      spec: { egress: [{ to: ["10.0.0.0/16", "52.218.0.0/17", "52.94.24.0/23"].map((cidr) => ({ ipBlock: { cidr } })) }] },
    });
  });

  test("detached or exchanged behind the operator's back are put back by the sweep", async () => {
    await platform.iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn: METRICS }));
    await platform.iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: BOUNDARY }));
    await expect.poll(() => attached(RoleName), { timeout: PATIENCE_MS, interval: 200 }).toEqual([METRICS, XRAY]);
  });

  test("that are not listed are refused whole: what runs stays as it is", async () => {
    await platform.applyService(service, { aws: { managedPolicyArns: [BOUNDARY] } });
    const refused = await platform.untilCondition(service, "SpecValid", "False", "ManagedPolicyNotListed");
    expect(messageOf(refused, "SpecValid")).toContain(`${BOUNDARY} is not among the managed policies`);
    expect(await attached(RoleName)).toEqual([METRICS, XRAY]);
  });

  test("that do not exist are said with what to do, and the rest of the spec goes on when they are no longer named", async () => {
    await platform.applyService(service, { aws: { managedPolicyArns: [METRICS, RETIRED] } });
    const blocked = await platform.untilCondition(service, "IdentityReady", "False", "RefusedByAWS");
    expect(messageOf(blocked, "IdentityReady")).toContain(`managed policy ${RETIRED} does not exist`);
    expect(await attached(RoleName)).toEqual([METRICS]);
    await platform.applyService(service, { aws: { managedPolicyArns: [METRICS] } });
    await platform.untilReady(service);
  });
});

/** A trust policy for these subjects of the cluster's provider. */
function trust(operator: "StringEquals" | "StringLike", ...subjects: readonly string[]): string {
  const Federated = `arn:aws:iam::111122223333:oidc-provider/${ISSUER}`;
  const Condition = { [operator]: { [`${ISSUER}:sub`]: subjects, [`${ISSUER}:aud`]: "sts.amazonaws.com" } };
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Federated }, Action: "sts:AssumeRoleWithWebIdentity", Condition }],
  });
}

/** As Terraform leaves it: with a policy and tags of its own. */
async function terraformed(service: ObjectKey, more: object = {}): Promise<string> {
  const subject = `system:serviceaccount:${service.namespace}:${service.name}`;
  const RoleName = `terraformed-${service.name}`;
  await platform.iam.send(
    new CreateRoleCommand({
      RoleName,
      Path: "/terraform/",
      AssumeRolePolicyDocument: trust("StringEquals", subject),
      PermissionsBoundary: BOUNDARY,
      Tags: [{ Key: "made-by", Value: "terraform" }],
      ...more,
    }),
  );
  await platform.iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: METRICS }));
  return `arn:aws:iam::111122223333:role/terraform/${RoleName}`;
}

/** Everything of a role that somebody could change; undefined: there is none. */
async function roleAsItIs(RoleName: string): Promise<unknown> {
  try {
    const { Role } = await platform.iam.send(new GetRoleCommand({ RoleName }));
    return { Role, attached: await attached(RoleName) };
  } catch (error) {
    if (error instanceof NoSuchEntityException) return undefined;
    throw error;
  }
}

async function accountOf(name: string): Promise<string | undefined> {
  const account = await platform.get<Listed>(NAMESPACE, `serviceaccount/${name}`);
  return account?.metadata.annotations?.["eks.amazonaws.com/role-arn"];
}

async function identitiesOf(service: ObjectKey): Promise<readonly (string | undefined)[]> {
  return (await podsOf(platform, service)).map((pod) => pod.metadata.annotations?.[ANNOTATIONS.identity]);
}

describe("a role that exists", () => {
  const service = key("moving");
  const own = `eu-west-1.demo.${NAMESPACE}.moving`;
  let arn: string;
  let asMade: unknown;

  beforeAll(async () => {
    await platform.ready(service);
    arn = await terraformed(service);
    asMade = await roleAsItIs("terraformed-moving");
  });

  test("is used at once, and the service's own goes only when no pod runs under it any more", async () => {
    const [before] = await identitiesOf(service);
    // An image that is not there yet holds the rollout up.
    await platform.applyService(service, { image: { tag: "2.0.0" }, aws: { existingRole: arn } });
    const waiting = await platform.untilCondition(service, "IdentityReady", "True", "Verified");
    expect(messageOf(waiting, "IdentityReady")).toBe(`${arn}; the service's own role ${own} goes when no pod runs under it any more`);
    await platform.untilCondition(service, "ImageResolved", "False", "ImageNotFound");
    await provokePass(platform, service);
    expect(await identitiesOf(service)).toEqual([before]);
    expect(await roleAsItIs(own)).toBeDefined();

    await platform.push(service, "2.0.0");
    await platform.untilReady(service);
    await expect.poll(() => roleAsItIs(own), { timeout: PATIENCE_MS, interval: 200 }).toBeUndefined();
    expect(await accountOf(service.name)).toBe(arn);
    expect(await identitiesOf(service)).not.toContain(before);
    const moved = await platform.until(service, "says no more than its role", (one) => messageOf(one, "IdentityReady") === arn);
    expect(moved.status).toMatchObject({ role: { arn } });
    expect(moved.status?.resources?.filter(({ kind }) => kind === "Role")).toEqual([]);
  });

  test("is left as it is by every pass", async () => {
    const before = await operatorWrites(platform, NAMESPACE, "moving");
    await provokePass(platform, service);
    expect(await operatorWrites(platform, NAMESPACE, "moving")).toEqual(before);
    expect(await roleAsItIs("terraformed-moving")).toEqual(asMade);
  });

  test("whose trust is widened is found by the sweep and said, while the pods run on", async () => {
    const pods = await podsOf(platform, service);
    const widened = trust("StringLike", `system:serviceaccount:${NAMESPACE}:*`);
    await platform.iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: "terraformed-moving", PolicyDocument: widened }));
    const wide = await platform.untilCondition(service, "IdentityReady", "False", "TrustTooWide");
    expect(messageOf(wide, "IdentityReady")).toContain(`admits every subject like system:serviceaccount:${NAMESPACE}:*`);

    const shared = trust("StringEquals", `system:serviceaccount:${NAMESPACE}:moving`, "system:serviceaccount:ops:debug");
    await platform.iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: "terraformed-moving", PolicyDocument: shared }));
    await provokePass(platform, service);
    const told = await platform.untilCondition(service, "IdentityReady", "True", "TrustsOthers");
    expect(messageOf(told, "IdentityReady")).toBe(`${arn}; its trust policy also has ServiceAccount ops/debug`);
    expect((await podsOf(platform, service)).map((pod) => pod.metadata.uid)).toEqual(pods.map((pod) => pod.metadata.uid));
    await platform.untilReady(service);
  });

  test("is given back: the service has its own role again, and the other stays", async () => {
    const [before] = await identitiesOf(service);
    await platform.applyService(service, { image: { tag: "2.0.0" }, aws: {} });
    await platform.until(service, "runs under its own role", (one) => one.status?.role?.arn === roleArn(service, platform.config));
    await platform.untilReady(service);
    await expect.poll(() => identitiesOf(service), { timeout: PATIENCE_MS, interval: 200 }).not.toContain(before);
    expect(await accountOf(service.name)).toBe(roleArn(service, platform.config));
    expect(await roleAsItIs("terraformed-moving")).toMatchObject({ attached: [METRICS] });
  });

  test("outlives the service that uses it, which says so", async () => {
    const other = key("ending");
    const existingRole = await terraformed(other);
    const before = await roleAsItIs("terraformed-ending");
    await platform.ready(other, { aws: { existingRole } });
    expect(await roleAsItIs(roleName(other, platform.config))).toBeUndefined();
    await platform.kubectl(["delete", "psvc", "ending", "-n", NAMESPACE, "--wait=false"]);
    await platform.untilGone(other);
    expect(await roleAsItIs("terraformed-ending")).toEqual(before);
    await expect
      .poll(() => lastWords(platform, other), { timeout: PATIENCE_MS })
      .toEqual([expect.stringContaining("Role terraformed-ending")]);
  });
});

describe("a role that may not be used", () => {
  test.each<[string, string, () => Promise<string>]>([
    ["missing", "RoleNotFound", async () => "arn:aws:iam::111122223333:role/terraform/nobody-made-it"],
    ["boundless", "BoundaryNotPermitted", () => terraformed(key("boundless"), { PermissionsBoundary: undefined })],
  ])("is said of %s: %s, and nothing runs", async (name, reason, make) => {
    await platform.applyService(key(name), { aws: { existingRole: await make() } });
    const blocked = await platform.untilCondition(key(name), "IdentityReady", "False", reason);
    expect(verdict(blocked, "Ready")).toMatch(/^False/);
    expect(await podsOf(platform, key(name))).toEqual([]);
  });
});

describe("a repository that exists", () => {
  const REPOSITORY = "shared/base";

  async function make(repositoryName: string, imageTagMutability: "IMMUTABLE" | "MUTABLE" = "IMMUTABLE"): Promise<string> {
    const tags = [
      ["cluster", "eu-west-1.other"],
      ["namespace", "shared"],
      ["name", "base"],
    ].map(([name, Value]) => ({ Key: `platform-operator.dev/${name}`, Value }));
    await platform.ecr.send(new CreateRepositoryCommand({ repositoryName, imageTagMutability, tags }));
    return pushImage(platform.ecr, { repository: repositoryName, tag: "1.0.0", architectures: ["amd64", "arm64"] });
  }

  async function repositoryAsItIs(repositoryName: string): Promise<unknown> {
    const { repositories = [] } = await platform.ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [repositoryName] }));
    const { tags = [] } = await platform.ecr.send(new ListTagsForResourceCommand({ resourceArn: repositories[0]?.repositoryArn }));
    const { imageIds = [] } = await platform.ecr.send(new ListImagesCommand({ repositoryName }));
    return { repositories, tags, imageIds };
  }

  test("of another cluster is used by two services as it is, and outlives them", async () => {
    await make(REPOSITORY);
    const before = await repositoryAsItIs(REPOSITORY);
    for (const name of ["first", "second"]) {
      await platform.applyService(key(name), { image: { repository: REPOSITORY, repositoryMode: "Existing", tag: "1.0.0" } });
      const ready = await platform.untilReady(key(name));
      expect(verdict(ready, "RepositoryReady")).toBe("True UsedAsItIs");
      expect(messageOf(ready, "RepositoryReady")).toContain("it belongs to PlatformService shared/base of cluster eu-west-1.other");
    }
    await provokePass(platform, key("first"));
    for (const name of ["first", "second"]) {
      await platform.kubectl(["delete", "psvc", name, "-n", NAMESPACE, "--wait=false"]);
      await platform.untilGone(key(name));
    }
    expect(await repositoryAsItIs(REPOSITORY)).toEqual(before);
  });

  test("with tags that can be moved runs a digest alone; the sweep finds what its owner changes", async () => {
    const digest = await make("shared/movable");
    const image = { repository: "shared/movable", repositoryMode: "Existing" };
    await platform.applyService(key("movable"), { image: { ...image, tag: "1.0.0" } });
    await platform.untilReady(key("movable"));
    const loosen = new PutImageTagMutabilityCommand({ repositoryName: "shared/movable", imageTagMutability: "MUTABLE" });
    await platform.ecr.send(loosen);
    const blocked = await platform.untilCondition(key("movable"), "RepositoryReady", "False", "TagsMutable");
    expect(messageOf(blocked, "RepositoryReady")).toContain("name the image by spec.image.digest");
    expect(await podsOf(platform, key("movable"))).not.toEqual([]);
    await platform.applyService(key("movable"), { image: { ...image, digest } });
    const ready = await platform.untilReady(key("movable"));
    expect(messageOf(ready, "RepositoryReady")).toContain("imageTagMutability is mutable, should be IMMUTABLE");
  });

  test("that is not there is said with who makes it, and taken up when it is", async () => {
    await platform.applyService(key("awaited"), { image: { repositoryMode: "Existing", tag: "1.0.0" } });
    const blocked = await platform.untilCondition(key("awaited"), "RepositoryReady", "False", "RepositoryNotFound");
    expect(messageOf(blocked, "RepositoryReady")).toContain(
      `${NAMESPACE}/awaited does not exist in account 111122223333 and region eu-west-1`,
    );
    await make(`${NAMESPACE}/awaited`);
    await provokePass(platform, key("awaited"));
    await platform.untilReady(key("awaited"));
  });
});
