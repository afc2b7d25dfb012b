import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { operatorConfigFile } from "../../../../src/crds/operator-config.ts";
import type { IdentityMode } from "../../../../src/crds/effective.ts";
import { buildRole, roleArn, roleName } from "../../../../src/resources/iam/role.ts";
import { operatorConfig } from "../../../support/aws/operator-config.ts";
import { service } from "../../../support/aws/service.ts";

const config = operatorConfig();

test("a service's role, whole", () => {
  const spec = {
    aws: {
      maxSessionDuration: "2h",
      managedPolicyArns: ["arn:aws:iam::aws:policy/b", "arn:aws:iam::aws:policy/a"],
      policy: {
        statements: [
          { sid: "Write", actions: ["s3:PutObject"], resources: ["arn:aws:s3:::b/*"] },
          {
            sid: "Tables",
            actions: ["dynamodb:Query", "dynamodb:GetItem"],
            resources: ["arn:b", "arn:a"],
            conditions: [
              { operator: "StringEquals", key: "dynamodb:LeadingKeys", values: ["y", "x"] },
              { operator: "Bool", key: "aws:SecureTransport", values: ["true"] },
            ],
          },
        ],
      },
    },
  };
  expect(buildRole(service(spec), config)).toEqual({
    name: "eu-west-1.demo.tracking.tracking",
    owner: { namespace: "tracking", name: "tracking" },
    path: "/platform-operator/eu-west-1.demo/",
    description: "PlatformService tracking/tracking of cluster eu-west-1.demo",
    trustPolicy: {
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Principal: { Federated: "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/DEMO" },
          Action: "sts:AssumeRoleWithWebIdentity",
          Condition: {
            StringEquals: {
              "oidc.eks.eu-west-1.amazonaws.com/id/DEMO:aud": "sts.amazonaws.com",
              "oidc.eks.eu-west-1.amazonaws.com/id/DEMO:sub": "system:serviceaccount:tracking:tracking",
            },
          },
        },
      ],
    },
    inlinePolicy: {
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "Tables",
          Effect: "Allow",
          Action: ["dynamodb:GetItem", "dynamodb:Query"],
          Resource: ["arn:a", "arn:b"],
          Condition: { Bool: { "aws:SecureTransport": ["true"] }, StringEquals: { "dynamodb:LeadingKeys": ["x", "y"] } },
        },
        { Sid: "Write", Effect: "Allow", Action: ["s3:PutObject"], Resource: ["arn:aws:s3:::b/*"] },
      ],
    },
    managedPolicyArns: ["arn:aws:iam::aws:policy/a", "arn:aws:iam::aws:policy/b"],
    permissionsBoundaryArn: "arn:aws:iam::111122223333:policy/platform-boundary",
    maxSessionDuration: 7200,
    tags: {
      "platform-operator.dev/cluster": "eu-west-1.demo",
      "platform-operator.dev/namespace": "tracking",
      "platform-operator.dev/name": "tracking",
      "platform-operator.dev/owner": "tracking-squad",
    },
  });
});

test("a service that asks for nothing of AWS has a role without a policy", () => {
  expect(buildRole(service(), config)).toMatchObject({ inlinePolicy: undefined, maxSessionDuration: 3600 });
});

test("the order that a squad writes its policy in changes nothing", () => {
  const a = { sid: "A", actions: ["s3:GetObject", "s3:PutObject"], resources: ["arn:1", "arn:2"] };
  const b = { sid: "B", actions: ["sqs:SendMessage"], resources: ["arn:3"] };
  const mirrored = { sid: "A", actions: a.actions.toReversed(), resources: a.resources.toReversed() };
  expect(buildRole(service({ aws: { policy: { statements: [b, mirrored] } } }), config)).toEqual(
    buildRole(service({ aws: { policy: { statements: [a, b] } } }), config),
  );
});

describe("names", () => {
  const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?$/);
  const key = fc.record({ namespace: label, name: label });

  test("are ones that IAM takes", () => {
    fc.assert(
      fc.property(key, (k) => {
        expect(roleName(k, config)).toMatch(/^[\w+=,.@-]{1,64}$/);
      }),
    );
  });

  test("differ where the services do, also when cut", () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        fc.pre(a.namespace !== b.namespace || a.name !== b.name);
        expect(roleName(a, config)).not.toBe(roleName(b, config));
      }),
    );
    const long = { namespace: "n".repeat(63), name: "a" };
    expect(roleName(long, config)).toMatch(/^eu-west-1\.demo\.n{32}_[0-9a-f]{16}$/);
    expect(roleName(long, config)).toHaveLength(64);
    expect(roleName(long, config)).not.toBe(roleName({ ...long, name: "b" }, config));
  });

  test("a name of exactly 64 characters is not cut", () => {
    const whole = { namespace: "tracking", name: "n".repeat(64 - "eu-west-1.demo.tracking.".length) };
    expect(roleName(whole, config)).toBe(`eu-west-1.demo.tracking.${whole.name}`);
  });
});

test.each([
  ["eu-west-1", "arn:aws:iam::111122223333:role/platform-operator/eu-west-1.demo/eu-west-1.demo.a.b"],
  ["cn-north-1", "arn:aws-cn:iam::111122223333:role/platform-operator/cn-north-1.demo/cn-north-1.demo.a.b"],
  ["us-gov-west-1", "arn:aws-us-gov:iam::111122223333:role/platform-operator/us-gov-west-1.demo/us-gov-west-1.demo.a.b"],
])("in %s the ARN is %s", (region, arn) => {
  const there = operatorConfigFile.parse({ ...config, cluster: { ...config.cluster, region } });
  expect(roleArn({ namespace: "a", name: "b" }, there)).toBe(arn);
});

describe("whom the role trusts", () => {
  const [irsa] = buildRole(service(), config).trustPolicy.Statement;
  const podIdentity = {
    Effect: "Allow",
    Principal: { Service: "pods.eks.amazonaws.com" },
    Action: ["sts:AssumeRole", "sts:TagSession"],
    Condition: {
      StringEquals: {
        "aws:RequestTag/eks-cluster-arn": "arn:aws:eks:eu-west-1:111122223333:cluster/demo",
        "aws:RequestTag/kubernetes-namespace": "tracking",
        "aws:RequestTag/kubernetes-service-account": "tracking",
      },
    },
  };
  const bound = service({ aws: { identity: "PodIdentity" } });

  test("by Pod Identity: the one ServiceAccount of this cluster, and IRSA no more", () => {
    expect(buildRole(bound, config).trustPolicy.Statement).toEqual([podIdentity]);
  });

  test("while pods move: by both, in the same order whichever way they go", () => {
    for (const of of [bound, service()])
      expect(buildRole(of, config, { identityModes: ["PodIdentity", "IRSA"] }).trustPolicy.Statement).toEqual([irsa, podIdentity]);
  });

  describe("is written within IAM's default quota", () => {
    /** Of a role's trust policy, in characters (IAM user guide, quotas). */
    const QUOTA = 2_048;
    /** IAM has no provider whose URL is longer (botocore iam service-2.json, OpenIDConnectProviderUrlType). */
    const LONGEST_ISSUER = 255;
    /** Of a region, of a cluster's name, and of the names of a namespace and a service, by the schemas. */
    const LONGEST = { region: 32, cluster: 100, label: 63 };
    const BOTH: readonly IdentityMode[] = ["IRSA", "PodIdentity"];

    interface Widths {
      readonly issuer: number;
      readonly cluster: number;
      readonly namespace: number;
      readonly name: number;
      readonly region: string;
      readonly accountId: string;
    }

    const length = ({ issuer, cluster, namespace, name, region, accountId }: Widths, modes: readonly IdentityMode[]) => {
      const oidcIssuer = `https://${"i".repeat(issuer - "https://".length)}`;
      const there = operatorConfigFile.parse({ ...config, cluster: { name: "c".repeat(cluster), region, accountId, oidcIssuer } });
      const ours = service({}, { namespace: "n".repeat(namespace), name: "s".repeat(name) }, there);
      return JSON.stringify(buildRole(ours, there, { identityModes: modes }).trustPolicy).length;
    };
    const regions = [
      "eu-west-1",
      "us-gov-west-1",
      "cn-north-1",
      "us-iso-east-1",
      "us-isob-east-1",
      "us-isof-south-1",
      "eu-isoe-west-1",
    ].flatMap((region) => [region, longestWithin(region)]);

    /** A region's partition is by how its name begins. */
    function longestWithin(region: string): string {
      const start = region.replace(/[a-z]+-[0-9]$/, "");
      return `${start}${"x".repeat(LONGEST.region - start.length - "-1".length)}-1`;
    }

    test("whatever the names, the account, the cluster and the ways that pods get credentials", () => {
      const widths = fc.record({
        issuer: fc.integer({ min: 12, max: LONGEST_ISSUER }),
        cluster: fc.integer({ min: 1, max: LONGEST.cluster }),
        namespace: fc.integer({ min: 1, max: LONGEST.label }),
        name: fc.integer({ min: 1, max: LONGEST.label }),
        region: fc.constantFrom(...regions),
        accountId: fc.stringMatching(/^[0-9]{12}$/),
      });
      fc.assert(
        fc.property(widths, fc.subarray([...BOTH], { minLength: 1 }), (some, modes) => {
          expect(length(some, modes)).toBeLessThanOrEqual(QUOTA);
        }),
      );
    });

    test("with everything as long as it can be", () => {
      const most = regions.map((region) =>
        length(
          {
            issuer: LONGEST_ISSUER,
            cluster: LONGEST.cluster,
            namespace: LONGEST.label,
            name: LONGEST.label,
            region,
            accountId: "111122223333",
          },
          BOTH,
        ),
      );
      expect(Math.max(...most)).toBeLessThanOrEqual(QUOTA);
      expect(Math.max(...most)).toBeGreaterThan(1_600);
    });
  });
});
