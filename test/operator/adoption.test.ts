import { CreateRepositoryCommand, DescribeRepositoriesCommand } from "@aws-sdk/client-ecr";
import { CreateRoleCommand, GetRoleCommand } from "@aws-sdk/client-iam";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ownershipTags } from "../../src/crds/aws-names.ts";
import type { ObjectKey } from "../../src/crds/meta.ts";
import { roleName } from "../../src/resources/iam/role.ts";
import { operatorWrites, provokePass } from "../support/operator-writes.ts";
import { PATIENCE_MS, sharedPlatform, type Platform } from "../support/platform.ts";
import { eventsOf, messageOf, verdict, type Listed } from "../support/service-view.ts";

/** What exists is taken over where it asks for that itself, and by the service that it names alone. */

const NAMESPACE = "adoption";
const ADOPT_BY = "platform-operator.dev/adopt-by";
const SPEC = { scaling: { minReplicas: 2, maxReplicas: 2 } };

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

async function annotate(what: string, annotation: string): Promise<void> {
  await platform.kubectl(["annotate", what, "-n", NAMESPACE, "--overwrite", annotation]);
}

async function read(what: string): Promise<Listed & { readonly spec?: Readonly<Record<string, unknown>> }> {
  const live = await platform.get<Listed>(NAMESPACE, what);
  if (!live) throw new Error(`${what} is not there`);
  return live;
}

async function writes({ name }: ObjectKey): Promise<readonly string[]> {
  const { kubernetes, aws } = await operatorWrites(platform, NAMESPACE, name);
  return [...kubernetes.filter((write) => !/ (platformservices|events)(\/| )/.test(write)), ...aws];
}

describe("children of others", () => {
  const WEB = key("web");
  const app = { app: "old" };
  const meta = (name: string): object => ({ name, namespace: NAMESPACE, labels: { team: "blue" } });
  /** By what kubectl calls it: the condition that it blocks, and the object. Each has something that is at odds with the service's own. */
  const THEIRS: readonly (readonly [object: string, condition: string, manifest: object])[] = [
    [
      "serviceaccount/web",
      "ServiceAccountReady",
      {
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: {
          ...meta("web"),
          annotations: { "eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/admin", "eks.amazonaws.com/audience": "x" },
        },
      },
    ],
    [
      "networkpolicy/web-default-deny",
      "NetworkPolicyReady",
      {
        apiVersion: "networking.k8s.io/v1",
        kind: "NetworkPolicy",
        metadata: meta("web-default-deny"),
        spec: { podSelector: {}, ingress: [{}], policyTypes: ["Ingress"] },
      },
    ],
    [
      "pdb/web",
      "DisruptionBudgetReady",
      {
        apiVersion: "policy/v1",
        kind: "PodDisruptionBudget",
        metadata: meta("web"),
        spec: { minAvailable: 1, selector: { matchLabels: app } },
      },
    ],
    [
      "service/web",
      "WorkloadReady",
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: meta("web"),
        spec: {
          selector: app,
          sessionAffinity: "ClientIP",
          ports: [
            { name: "http", port: 80 },
            { name: "ssh", port: 22 },
          ],
        },
      },
    ],
    [
      "virtualservice/web",
      "TrafficReady",
      {
        apiVersion: "networking.istio.io/v1",
        kind: "VirtualService",
        metadata: meta("web"),
        spec: { hosts: ["web.example.com"], gateways: ["public"], http: [{ route: [{ destination: { host: "old" } }] }] },
      },
    ],
  ];

  test("block as long as they do not ask, and the message says how they would", async () => {
    await platform.apply(...THEIRS.map(([, , manifest]) => manifest));
    await platform.applyService(WEB, SPEC);
    await platform.push(WEB);
    const service = await platform.untilCondition(WEB, "TrafficReady", "False", "NotOwned");
    for (const [object, condition] of THEIRS) {
      expect.soft(verdict(service, condition), object).toBe("False NotOwned");
      expect.soft(messageOf(service, condition)).toContain(`annotate it with ${ADOPT_BY}: web to have it taken over`);
    }
  });

  test("that ask for another are left alone", async () => {
    const before = await read("service/web");
    await annotate("service/web", `${ADOPT_BY}=somebody-else`);
    await provokePass(platform, WEB);
    const after = await read("service/web");
    expect(verdict(platform.watch.get(WEB), "WorkloadReady")).toBe("False NotOwned");
    expect({ spec: after.spec, owners: after.metadata.ownerReferences }).toEqual({ spec: before.spec, owners: undefined });
  });

  test("that ask for the service are taken over as they are, and made as it wants them", async () => {
    const before = new Map<string, Listed>();
    for (const [object] of THEIRS) before.set(object, await read(object));
    for (const [object] of THEIRS) await annotate(object, `${ADOPT_BY}=web`);
    await provokePass(platform, WEB);
    const service = await platform.untilReady(WEB);
    for (const [object] of THEIRS) {
      const { metadata } = await read(object);
      expect.soft(metadata.uid, object).toBe(before.get(object)?.metadata.uid);
      expect
        .soft(metadata.ownerReferences, object)
        .toEqual([expect.objectContaining({ kind: "PlatformService", name: "web", uid: service.metadata.uid, controller: true })]);
      expect.soft(metadata.labels, "labels of others stay").toMatchObject({ team: "blue", "platform-operator.dev/service": "web" });
    }
  });

  test("have nothing left of what others had put where an addition is a danger", async () => {
    const { spec } = await read("service/web");
    expect(spec).toMatchObject({ sessionAffinity: "None", selector: { "platform-operator.dev/service": "web" } });
    expect(spec?.ports).toEqual([expect.objectContaining({ port: 8080 })]);
    expect((await read("pdb/web")).spec).not.toHaveProperty("minAvailable");
    expect((await read("networkpolicy/web-default-deny")).spec).toEqual({
      podSelector: { matchLabels: { "app.kubernetes.io/name": "web", "platform-operator.dev/service": "web" } },
      policyTypes: ["Ingress", "Egress"],
    });
    expect((await read("virtualservice/web")).spec).not.toHaveProperty("gateways");
    expect((await read("serviceaccount/web")).metadata.annotations).not.toHaveProperty(["eks.amazonaws.com/audience"]);
  });

  test("are told of in an event each, and written once: a second pass has nothing to do", async () => {
    const notes = async (): Promise<readonly string[]> =>
      (await eventsOf(platform, WEB)).filter(({ reason }) => reason === "Adopted").map(({ note }) => note);
    await expect
      .poll(notes, { timeout: PATIENCE_MS })
      .toEqual(
        expect.arrayContaining([
          `taken over, as its annotation ${ADOPT_BY} asked: Service web`,
          `taken over, as its annotation ${ADOPT_BY} asked: PodDisruptionBudget web`,
        ]),
      );
    const before = await writes(WEB);
    await provokePass(platform, WEB);
    await provokePass(platform, WEB);
    expect(await writes(WEB)).toEqual(before);
  });

  test("go with the service, as all that is its own", async () => {
    await platform.kubectl(["delete", "psvc", "web", "-n", NAMESPACE, "--wait=false"]);
    await platform.untilGone(WEB);
    for (const [object] of THEIRS) expect.soft(await platform.get(NAMESPACE, object), object).toBeUndefined();
  });
});

describe("what cannot be taken over is said, and left as it is", () => {
  test("because a Deployment's selector, and a headless Service, cannot be changed; what to do instead is said", async () => {
    const FIXED = key("fixed");
    const template = { metadata: { labels: { app: "old" } }, spec: { containers: [{ name: "web", image: "example.com/web:1" }] } };
    const annotations = { [ADOPT_BY]: "fixed" };
    await platform.apply(
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { ...FIXED, annotations },
        spec: { selector: { matchLabels: { app: "old" } }, template },
      },
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { ...FIXED, annotations },
        spec: { clusterIP: "None", selector: { app: "old" }, ports: [{ port: 80 }] },
      },
    );
    const before = await read("deployment/fixed");
    await platform.applyService(FIXED, SPEC);
    await platform.push(FIXED);
    const headless = await platform.untilCondition(FIXED, "WorkloadReady", "False", "CannotBeAdopted");
    expect(messageOf(headless, "WorkloadReady")).toContain("Service fixed asks to be taken over, and cannot be: it has no cluster IP");
    await platform.kubectl(["delete", "service/fixed", "-n", NAMESPACE]);
    const service = await platform.until(FIXED, "names the Deployment", (it) =>
      messageOf(it, "WorkloadReady").startsWith("Deployment fixed asks to be taken over"),
    );
    expect(messageOf(service, "WorkloadReady")).toContain(
      "its spec.selector is another than the service's and cannot be changed: bring it as it is by spec.workloadRef",
    );
    expect((await read("deployment/fixed")).spec).toEqual(before.spec);
  });
});

test("a Deployment that selects as the service does is taken over with its pods' number, and loses what others run in it", async () => {
  const SAME = key("same");
  const labels = { "app.kubernetes.io/name": "same", "platform-operator.dev/service": "same" };
  const containers = [
    { name: "app", image: "example.com/same:1" },
    { name: "miner", image: "example.com/miner:1" },
  ];
  await platform.apply({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { ...SAME, annotations: { [ADOPT_BY]: "same" } },
    spec: { replicas: 3, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { hostNetwork: true, containers } } },
  });
  const before = await read("deployment/same");
  await platform.ready(SAME, { scaling: { minReplicas: 2, maxReplicas: 4 } });
  const { metadata, spec } = await read("deployment/same");
  expect(metadata.uid).toBe(before.metadata.uid);
  expect(spec).toMatchObject({ replicas: 3, template: { spec: { serviceAccountName: "same", containers: [{ name: "app" }] } } });
  expect(spec?.template).not.toMatchObject({ spec: { hostNetwork: true } });
  const written = await writes(SAME);
  await provokePass(platform, SAME);
  expect(await writes(SAME)).toEqual(written);
});

test("a role and a repository that carry the service's tags, as after the loss of a cluster, are its own again and made as written", async () => {
  const REBUILT = key("rebuilt");
  const { config, iam, ecr } = platform;
  const tags = Object.entries(ownershipTags(REBUILT, config)).map(([Key, Value]) => ({ Key, Value }));
  const trust = {
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }],
  };
  const RoleName = roleName(REBUILT, config);
  await iam.send(
    new CreateRoleCommand({
      RoleName,
      Path: `/platform-operator/${config.cluster.region}.${config.cluster.name}/`,
      AssumeRolePolicyDocument: JSON.stringify(trust),
      PermissionsBoundary: config.identity.permissionsBoundaryArn,
      Tags: tags,
    }),
  );
  const repositoryName = `${NAMESPACE}/rebuilt`;
  await ecr.send(new CreateRepositoryCommand({ repositoryName, imageTagMutability: "MUTABLE", tags }));
  const [made] = (await ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [repositoryName] }))).repositories ?? [];
  await platform.ready(REBUILT, SPEC);
  const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
  expect(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? "")).toContain(`system:serviceaccount:${NAMESPACE}:rebuilt`);
  const [now] = (await ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [repositoryName] }))).repositories ?? [];
  expect(now).toMatchObject({ imageTagMutability: "IMMUTABLE", createdAt: made?.createdAt });
});
