import { describe, expect, test } from "vitest";
import catalogue from "../../../../emulator/authorization/actions.generated.json" with { type: "json" };
import { operatorConfigFile, type OperatorConfig } from "../../../../src/crds/operator-config.ts";
import { renderAppMeshPolicy } from "../../../../src/resources/iam/app-mesh-policy.ts";
import { renderManagedPrometheusPolicy } from "../../../../src/resources/iam/managed-prometheus-policy.ts";
import { renderOperatorPolicy } from "../../../../src/resources/iam/operator-policy.ts";
import { TO_WORKSPACE } from "../../../support/aws/managed-prometheus.ts";
import { inAppMesh } from "../../../support/aws/mesh.ts";
import { METRICS_POLICY, operatorConfig, XRAY_POLICY } from "../../../support/aws/operator-config.ts";

interface Rendered {
  readonly Statement: readonly {
    readonly Sid: string;
    readonly Effect: string;
    readonly Action: string | readonly string[];
    readonly Resource: string | readonly string[];
    readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  }[];
}

const config = operatorConfig();
const rendered = (of: OperatorConfig): Rendered => JSON.parse(renderOperatorPolicy(of));
const policy = rendered(config);
const withPodIdentity = operatorConfig(undefined, {
  identity: { ...config.identity, modes: ["IRSA", "PodIdentity"], allowedManagedPolicyArns: [] },
});
const inMesh: Rendered = JSON.parse(renderAppMeshPolicy(operatorConfig(undefined, inAppMesh())) ?? "");
const ASKED = { url: "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1", authorization: { mode: "SigV4" } };
const inWorkspaces = operatorConfig(undefined, { slos: { ...TO_WORKSPACE.slos, prometheus: ASKED } });
const forRules: Rendered = JSON.parse(renderManagedPrometheusPolicy(inWorkspaces) ?? "");
const allowed = policy.Statement.filter(({ Effect }) => Effect === "Allow");

/** Condition keys that the catalogue gives an action: its own, and those of the resource types it works on. */
function keysOf(action: string): Set<string> {
  const [service = "", name = ""] = action.split(":");
  const services: Readonly<
    Record<
      string,
      {
        actions: Readonly<Record<string, { resources: string[]; keys: string[] }>>;
        resources: Readonly<Record<string, { keys: string[] }>>;
      }
    >
  > = catalogue.services;
  const known = services[service]?.actions[name];
  if (known === undefined) return new Set();
  const keys = [...known.keys, ...known.resources.flatMap((resource) => services[service]?.resources[resource]?.keys ?? [])];
  return new Set(keys.map((key) => key.replace("/${TagKey}", "")));
}

test.each(
  [...policy.Statement, ...rendered(withPodIdentity).Statement, ...inMesh.Statement, ...forRules.Statement].flatMap(
    ({ Action, Condition }) => [Action].flat().map((action) => [action, Condition ?? {}] as const),
  ),
)("%s has every condition key that it is held to", (action, condition) => {
  const keys = Object.values(condition).flatMap((block) => Object.keys(block).map((key) => key.replace(/\/.*/, "")));
  expect([...keysOf(action)]).toEqual(expect.arrayContaining(keys));
});

test("every action is AWS's, and granted once", () => {
  const actions = [...allowed, ...inMesh.Statement, ...forRules.Statement].flatMap(({ Action }) => [Action].flat());
  expect(new Set(actions).size).toBe(actions.length);
  for (const action of [...policy.Statement, ...inMesh.Statement, ...forRules.Statement].flatMap(({ Action }) => [Action].flat())) {
    const [service = "", name = ""] = action.split(":");
    expect(Object.entries(catalogue.services).find(([s]) => s === service)?.[1].actions).toHaveProperty(name);
  }
});

describe("what it can never do", () => {
  const everything = allowed.flatMap(({ Action }) => [Action].flat());
  test.each(["iam:DeleteRolePermissionsBoundary", "iam:CreatePolicyVersion", "iam:PassRole"])("%s", (action) => {
    expect(everything).not.toContain(action);
  });

  test("write a role outside its path", () => {
    const writing = allowed.filter(({ Action }) =>
      [Action].flat().some((a) => /^iam:(Create|Put|Update|Delete|Tag|Untag|Attach|Detach)/.test(a)),
    );
    expect(writing.flatMap(({ Resource }) => Resource)).toEqual(
      writing.map(() => "arn:aws:iam::111122223333:role/platform-operator/eu-west-1.demo/*"),
    );
  });
});

describe("managed policies", () => {
  const listing = (...allowedManagedPolicyArns: string[]) =>
    rendered({ ...config, identity: { ...config.identity, allowedManagedPolicyArns } }).Statement.filter(({ Action }) =>
      [Action].flat().includes("iam:AttachRolePolicy"),
    );
  const tagged = { "iam:ResourceTag/platform-operator.dev/cluster": "eu-west-1.demo" };

  test("with none listed, nothing is attached to any role", () => {
    expect(listing()).toEqual([expect.objectContaining({ Sid: "NeverWiden", Effect: "Deny", Resource: "*" })]);
    expect(listing()[0]).not.toHaveProperty("Condition");
  });

  test("those that are listed are attached to our roles within their boundary, and everything else is denied", () => {
    expect(listing(XRAY_POLICY, METRICS_POLICY)).toEqual([
      expect.objectContaining({
        Sid: "GiveRightsWithinBoundary",
        Effect: "Allow",
        Resource: "arn:aws:iam::111122223333:role/platform-operator/eu-west-1.demo/*",
        Condition: { StringEquals: { "iam:PermissionsBoundary": [config.identity.permissionsBoundaryArn], ...tagged } },
      }),
      {
        Sid: "NeverAttachAnother",
        Effect: "Deny",
        Action: "iam:AttachRolePolicy",
        Resource: "*",
        Condition: { ArnNotEquals: { "iam:PolicyARN": [METRICS_POLICY, XRAY_POLICY] } },
      },
      {
        Sid: "NeverAttachElsewhere",
        Effect: "Deny",
        Action: "iam:AttachRolePolicy",
        Resource: "*",
        Condition: { StringNotEquals: tagged },
      },
    ]);
  });
});

describe("images of repositories that others own", () => {
  const reading = (overrides: object) =>
    rendered(operatorConfig(undefined, overrides)).Statement.find(({ Sid }) => Sid === "ReadImagesOfOthers")?.Resource;
  const listing = (...existingRepositories: string[]) => ({ namespaceSelector: {}, owners: ["*"], existingRepositories });
  const arn = (name: string) => `arn:aws:ecr:eu-west-1:111122223333:repository/${name}`;

  test("with none listed, are not read", () => {
    expect(reading({})).toBeUndefined();
  });

  test("are read where a tenancy lists them, by their whole names, or everywhere below the prefix where others own all", () => {
    const listed = { tenancy: [listing("shared/*", "a/b"), listing("a/b")] };
    expect(reading(listed)).toEqual([arn("a/b"), arn("shared/*")]);
    expect(reading({ ...listed, registry: { repositoryPrefix: "prod/" } })).toEqual([arn("a/b"), arn("shared/*")]);
    expect(reading({ ...listed, registry: { mode: "Existing" } })).toEqual([arn("*")]);
    const registry = { mode: "Existing", repositoryPrefix: "prod/" };
    expect(reading({ registry, tenancy: [listing("prod/a", "a/b")] })).toEqual([arn("a/b"), arn("prod/*")]);
  });
});

test("lists every boundary that a tier may name", () => {
  const other = "arn:aws:iam::111122223333:policy/pci-boundary";
  const text = renderOperatorPolicy({ ...config, identity: { ...config.identity, allowedBoundaryArns: [other] } });
  expect(JSON.parse(text).Statement).toContainEqual(
    expect.objectContaining({
      Sid: "GiveRightsWithinBoundary",
      Condition: {
        StringEquals: expect.objectContaining({ "iam:PermissionsBoundary": [other, config.identity.permissionsBoundaryArn] }),
      },
    }),
  );
});

test("lets ECR use the key that repositories are encrypted with", () => {
  const kmsKey = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000";
  const encrypted = operatorConfigFile.parse({ ...config, registry: { encryption: { type: "KMS", kmsKey } } });
  expect(renderOperatorPolicy(encrypted)).toContain('"Sid": "EncryptRepositories"');
  expect(renderOperatorPolicy(config)).not.toContain("kms:");
});

describe("Pod Identity", () => {
  const cluster = "arn:aws:eks:eu-west-1:111122223333:cluster/demo";
  const associations = "arn:aws:eks:eu-west-1:111122223333:podidentityassociation/demo/*";
  const statementsWith = (action: string) => rendered(withPodIdentity).Statement.filter(({ Action }) => [Action].flat().includes(action));

  test("where it is not used, nothing of EKS is allowed", () => {
    expect(renderOperatorPolicy(config)).not.toContain('"eks:');
  });

  test("associations are of this cluster alone, and changed by our tags alone", () => {
    const eks = rendered(withPodIdentity)
      .Statement.flatMap(({ Resource }) => Resource)
      .filter((arn) => arn.startsWith("arn:aws:eks:"));
    expect(new Set(eks)).toEqual(new Set([cluster, associations]));
    for (const action of ["eks:DeletePodIdentityAssociation", "eks:UpdatePodIdentityAssociation"])
      expect(statementsWith(action)).toEqual([
        expect.objectContaining({ Condition: { StringEquals: { "aws:ResourceTag/platform-operator.dev/cluster": "eu-west-1.demo" } } }),
      ]);
    expect(statementsWith("eks:CreatePodIdentityAssociation")).toEqual([
      expect.objectContaining({
        Condition: expect.objectContaining({ StringEquals: { "aws:RequestTag/platform-operator.dev/cluster": "eu-west-1.demo" } }),
      }),
    ]);
  });

  test("a role of ours is passed to it, and to nothing else", () => {
    expect(statementsWith("iam:PassRole")).toEqual([
      {
        Sid: "PassOurRoles",
        Effect: "Allow",
        Action: "iam:PassRole",
        Resource: "arn:aws:iam::111122223333:role/platform-operator/eu-west-1.demo/*",
        Condition: { StringEquals: { "iam:PassedToService": "pods.eks.amazonaws.com" } },
      },
    ]);
  });
});

test.each([
  ["IRSA alone", ["IRSA"], 12],
  ["both modes", ["IRSA", "PodIdentity"], 9],
])("fits into one managed policy, with as many policies listed as can be: %s", (_, modes, count) => {
  const arns = Array.from({ length: count + 1 }, (__, i) => `arn:aws:iam::111122223333:policy/platform/meridian-${i}-reader`);
  const listing = (allowedManagedPolicyArns: readonly string[]) =>
    operatorConfigFile.safeParse({ ...config, identity: { ...config.identity, modes, allowedManagedPolicyArns } });
  expect(listing(arns).success).toBe(false);
  const most = operatorConfigFile.parse({ ...config, identity: { ...config.identity, modes, allowedManagedPolicyArns: arns.slice(1) } });
  expect(renderOperatorPolicy(most).replaceAll(/\s/g, "").length).toBeLessThanOrEqual(6144);
});

test("the policy for App Mesh fits as well, with the longest names that can be", () => {
  const cluster = { ...config.cluster, name: "c".repeat(100) };
  const network = { ...config.network, clusterDomain: "d".repeat(253) };
  const longest = operatorConfig(undefined, { cluster, network, ...inAppMesh({ meshName: "m".repeat(255) }) });
  expect(renderAppMeshPolicy(longest)?.replaceAll(/\s/g, "").length).toBeLessThanOrEqual(6144);
});
