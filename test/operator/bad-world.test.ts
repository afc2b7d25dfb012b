import {
  CreateRepositoryCommand,
  DeleteRepositoryCommand,
  DescribeRepositoriesCommand,
  ListTagsForResourceCommand,
} from "@aws-sdk/client-ecr";
import { CreateRoleCommand, DeleteRoleCommand, GetRoleCommand, ListRolePoliciesCommand } from "@aws-sdk/client-iam";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PlatformService } from "../../src/crds/platform-service.ts";
import { isReady } from "../../src/cli/service-watch.ts";
import { sharedPlatform, type Platform } from "../support/platform.ts";
import { messageOf, podsOf, recordRevisions, verdict } from "../support/service-view.ts";
import { tierOf } from "../support/tier.ts";

/** A good spec in a world that lacks something, or has too much: one step says what stands in the way, the others do their work, and it heals by itself. */

const NAMESPACE = "bad-world";
/** AWS tells nobody when an object goes: it is looked at again after a minute. */
const AWS_PATIENCE_MS = 100_000;

let platform: Platform;
let bystander: readonly PlatformService[];

beforeAll(async () => {
  platform = sharedPlatform();
  await platform.namespace(NAMESPACE);
  const key = { namespace: NAMESPACE, name: "bystander" };
  await platform.ready(key);
  bystander = recordRevisions(platform, key);
});

afterAll(async () => {
  await platform.close();
});

describe("an IAM role and a repository of others under the names that are ours", () => {
  const KEY = { namespace: NAMESPACE, name: "squatted" };
  const ROLE = `eu-west-1.demo.${NAMESPACE}.squatted`;
  const REPOSITORY = `${NAMESPACE}/squatted`;

  test("are left untouched and unadopted, and nothing runs meanwhile; when they go, the service becomes Ready by itself", async () => {
    const { iam, ecr } = platform;
    const trust = {
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }],
    };
    await iam.send(new CreateRoleCommand({ RoleName: ROLE, AssumeRolePolicyDocument: JSON.stringify(trust) }));
    await ecr.send(new CreateRepositoryCommand({ repositoryName: REPOSITORY }));
    const theirs = async (): Promise<unknown> => {
      const { Role } = await iam.send(new GetRoleCommand({ RoleName: ROLE }));
      const { PolicyNames } = await iam.send(new ListRolePoliciesCommand({ RoleName: ROLE }));
      const { repositories = [] } = await ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [REPOSITORY] }));
      const { tags } = await ecr.send(new ListTagsForResourceCommand({ resourceArn: repositories[0]?.repositoryArn }));
      return { Role, PolicyNames, repositories, tags };
    };
    const before = await theirs();

    await platform.applyService(KEY);
    await platform.untilCondition(KEY, "IdentityReady", "False", "NotOwned");
    const service = await platform.untilCondition(KEY, "RepositoryReady", "False", "NotOwned");
    expect(messageOf(service, "IdentityReady")).toBe(
      `IAM role ${ROLE} exists and is not ours (it has no tags of platform-operator.dev): delete it, or hand it over by the tags platform-operator.dev/cluster=eu-west-1.demo, platform-operator.dev/namespace=${NAMESPACE}, platform-operator.dev/name=squatted`,
    );
    expect(messageOf(service, "RepositoryReady")).toContain(`ECR repository ${REPOSITORY} exists and is not ours`);
    expect([verdict(service, "ServiceAccountReady"), verdict(service, "ImageResolved"), verdict(service, "NetworkPolicyReady")]).toEqual([
      "Unknown WaitingForIdentity",
      "Unknown WaitingForRepository",
      "True AsWritten",
    ]);
    expect(await platform.get(NAMESPACE, "deployment/squatted")).toBeUndefined();
    expect(await theirs()).toEqual(before);

    await iam.send(new DeleteRoleCommand({ RoleName: ROLE }));
    await ecr.send(new DeleteRepositoryCommand({ repositoryName: REPOSITORY }));
    const made = (): boolean => platform.watch.get(KEY)?.status?.repository !== undefined;
    await platform.watch.until("the repository is made", made, AWS_PATIENCE_MS);
    await platform.push(KEY);
    await platform.untilReady(KEY);
  });
});

describe("objects of others in the namespace under the names that are ours", () => {
  const KEY = { namespace: NAMESPACE, name: "crowded" };
  const meta = (name: string): object => ({ name, namespace: NAMESPACE });
  const labels = { app: "theirs" };
  const THEIRS: readonly (readonly [object: string, condition: string, manifest: object])[] = [
    ["serviceaccount/crowded", "ServiceAccountReady", { apiVersion: "v1", kind: "ServiceAccount", metadata: meta("crowded") }],
    [
      "networkpolicy/crowded-default-deny",
      "NetworkPolicyReady",
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "NetworkPolicy",
        metadata: meta("crowded-default-deny"),
        spec: { podSelector: { matchLabels: labels }, policyTypes: ["Egress"] },
      },
    ],
    [
      "authorizationpolicy/crowded",
      "MeshSecurityReady",
      {
        apiVersion: "security.istio.io/v1",
        kind: "AuthorizationPolicy",
        metadata: meta("crowded"),
        spec: { selector: { matchLabels: labels } },
      },
    ],
    [
      "poddisruptionbudget/crowded",
      "DisruptionBudgetReady",
      {
        apiVersion: "policy/v1",
        kind: "PodDisruptionBudget",
        metadata: meta("crowded"),
        spec: { maxUnavailable: 1, selector: { matchLabels: labels } },
      },
    ],
    [
      "service/crowded",
      "WorkloadReady",
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: meta("crowded"),
        spec: { selector: labels, ports: [{ port: 80 }] },
      },
    ],
    [
      "virtualservice/crowded",
      "TrafficReady",
      {
        apiVersion: "networking.istio.io/v1",
        kind: "VirtualService",
        metadata: meta("crowded"),
        spec: { hosts: ["theirs.example.com"], http: [{ route: [{ destination: { host: "theirs" } }] }] },
      },
    ],
  ];

  test("each blocks its own condition, which names it; none is touched; the service heals when they go", async () => {
    await platform.apply(...THEIRS.map(([, , manifest]) => manifest));
    const read = (): Promise<readonly unknown[]> => Promise.all(THEIRS.map(([object]) => platform.get(NAMESPACE, object)));
    const before = await read();

    await platform.applyService(KEY);
    await platform.push(KEY);
    await platform.untilCondition(KEY, "ImageResolved", "True");
    const service = await platform.untilCondition(KEY, "TrafficReady", "False", "NotOwned");
    for (const [object, condition] of THEIRS) {
      expect.soft(verdict(service, condition)).toBe("False NotOwned");
      const name = object.slice(object.indexOf("/") + 1);
      expect
        .soft(messageOf(service, condition))
        .toContain(
          ` ${name} exists and is not ours (an object that no controller owns): delete or rename it, annotate it with platform-operator.dev/adopt-by: crowded to have it taken over, or rename this service`,
        );
    }
    expect(await platform.get(NAMESPACE, "deployment/crowded")).toBeUndefined();
    expect(await read()).toEqual(before);

    for (const [object] of THEIRS) await platform.kubectl(["delete", object, "-n", NAMESPACE]);
    await platform.untilReady(KEY);
  });

  test("a NetworkPolicy of others that opens our pods is named for as long as it is there", async () => {
    const key = { namespace: NAMESPACE, name: "opened" };
    await platform.ready(key);
    await platform.apply({
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: meta("open-all"),
      spec: { podSelector: { matchLabels: { "platform-operator.dev/service": "opened" } }, ingress: [{}] },
    });
    const service = await platform.untilCondition(key, "NetworkPolicyReady", "True", "Widened");
    expect(messageOf(service, "NetworkPolicyReady")).toContain("NetworkPolicy open-all, not ours, also selects these pods");
    await platform.kubectl(["delete", "networkpolicy/open-all", "-n", NAMESPACE]);
    await platform.untilCondition(key, "NetworkPolicyReady", "True", "AsWritten");
  });
});

describe("placement", () => {
  const placement = { nodePools: ["general"], capacityTypes: ["on-demand"], architectures: ["amd64"] };

  test("on a NodePool that does not exist is said, and looked at again when the pool comes", async () => {
    const key = { namespace: NAMESPACE, name: "poolless" };
    await platform.apply(tierOf("bad-world-poolless", { placement: { ...placement, nodePools: ["bad-world-pool"] } }));
    await platform.applyService(key, { tier: "bad-world-poolless" });
    const service = await platform.untilCondition(key, "PlacementReady", "False", "NodePoolMissing");
    expect(messageOf(service, "PlacementReady")).toBe(
      "NodePool bad-world-pool, which tier bad-world-poolless names, does not exist: create it, or change the tier's placement.nodePools",
    );
    const nodeClassRef = { group: "karpenter.k8s.aws", kind: "EC2NodeClass", name: "default" };
    await platform.apply({
      apiVersion: "karpenter.sh/v1",
      kind: "NodePool",
      metadata: { name: "bad-world-pool" },
      spec: { template: { spec: { nodeClassRef, requirements: [{ key: "kubernetes.io/arch", operator: "In", values: ["amd64"] }] } } },
    });
    await platform.untilCondition(key, "PlacementReady", "True");
  });

  test("of a dedicated tier on a pool without a taint runs nothing there", async () => {
    const key = { namespace: NAMESPACE, name: "dedicated" };
    await platform.apply(tierOf("bad-world-dedicated", { placement: { ...placement, dedicated: true } }));
    await platform.applyService(key, { tier: "bad-world-dedicated" });
    await platform.push(key);
    await platform.untilCondition(key, "ImageResolved", "True");
    const service = await platform.untilCondition(key, "PlacementReady", "False", "PoolNotTainted");
    expect(messageOf(service, "PlacementReady")).toContain("NodePool general has no NoSchedule taint");
    expect(messageOf(service, "WorkloadReady")).toBe("waits for PlacementReady");
    expect(await podsOf(platform, key)).toEqual([]);

    await platform.apply(tierOf("bad-world-dedicated", { placement: { ...placement, dedicated: false } }));
    await platform.untilReady(key);
  });

  test("of an image for no architecture of the tier runs nothing; a tag that fits does", async () => {
    const key = { namespace: NAMESPACE, name: "foreign-arch" };
    await platform.apply(tierOf("bad-world-amd64", { placement }));
    await platform.applyService(key, { tier: "bad-world-amd64" });
    await platform.push(key, "1.0.0", ["arm64"]);
    const service = await platform.untilCondition(key, "ImageResolved", "False", "NoArchitecture");
    expect(messageOf(service, "ImageResolved")).toContain(
      "foreign-arch:1.0.0 is for arm64, tier bad-world-amd64 allows amd64: build it for one of these",
    );
    expect(await podsOf(platform, key)).toEqual([]);

    await platform.push(key, "1.0.1", ["amd64"]);
    await platform.applyService(key, { tier: "bad-world-amd64", image: { tag: "1.0.1" } });
    await platform.untilReady(key);
  });
});

test("none of this has disturbed a service beside it", () => {
  expect(bystander.filter((revision) => !isReady(revision))).toEqual([]);
});
