import { ECRClient, DescribeRepositoriesCommand, ImageTagAlreadyExistsException, PutImageCommand } from "@aws-sdk/client-ecr";
import { GetRoleCommand, GetRolePolicyCommand, ListRolePoliciesCommand, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { INLINE_POLICY_NAME } from "../../crds/aws-names.ts";
import type { ObjectKey } from "../../crds/meta.ts";
import { adminClient, adminIam } from "../environment.ts";
import { eventually, holds, same, type Claim, type DemoContext } from "./claims.ts";

/** Claims about IAM and ECR. */

const TRACKING = { namespace: "tracking", name: "tracking" };
const SETTLEMENT = { namespace: "payments", name: "settlement" };
const TWO_SWEEPS_MS = 60_000;

export const awsClaims: readonly Claim[] = [
  {
    title: "tracking's role trusts exactly its ServiceAccount, and carries the boundary",
    async check(context) {
      const { config } = context.environment;
      const role = await roleOf(context, TRACKING);
      const issuer = config.cluster.oidcIssuer.slice("https://".length);
      same(
        JSON.parse(decodeURIComponent(role.AssumeRolePolicyDocument ?? "")).Statement[0].Condition,
        {
          StringEquals: { [`${issuer}:sub`]: "system:serviceaccount:tracking:tracking", [`${issuer}:aud`]: "sts.amazonaws.com" },
        },
        "trust condition",
      );
      same(role.PermissionsBoundary?.PermissionsBoundaryArn, config.identity.permissionsBoundaryArn, "boundary");
    },
  },
  {
    title: "tracking may touch exactly two DynamoDB tables and one S3 prefix",
    async check(context) {
      const resources = (await policyOf(context, TRACKING)).Statement.flatMap((s) => s.Resource);
      same(
        resources.toSorted(),
        [
          "arn:aws:dynamodb:eu-west-1:111122223333:table/shipment-events",
          "arn:aws:dynamodb:eu-west-1:111122223333:table/shipments",
          "arn:aws:s3:::meridian-tracking/labels/*",
        ],
        "resources of the role's policy",
      );
    },
  },
  {
    title: "settlement's role carries the boundary of its tier, and its session lasts two hours",
    async check(context) {
      const role = await roleOf(context, SETTLEMENT);
      same(role.PermissionsBoundary?.PermissionsBoundaryArn, context.environment.config.identity.allowedBoundaryArns[0], "boundary");
      same(role.MaxSessionDuration, 7200, "maximum session in seconds");
    },
  },
  {
    title: "tracking's repository is immutable: the tag that runs cannot be pushed over",
    async check(context) {
      const ecr = ecrOf(context);
      const { repositories = [] } = await ecr.send(new DescribeRepositoriesCommand({ repositoryNames: ["tracking/tracking"] }));
      same(repositories[0]?.imageTagMutability, "IMMUTABLE", "tag mutability");
      const manifest = JSON.stringify({ schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [] });
      const push = new PutImageCommand({ repositoryName: "tracking/tracking", imageManifest: manifest, imageTag: "1.4.2" });
      const refusal = await ecr.send(push).then(
        () => undefined,
        (error: unknown) => error,
      );
      holds(
        refusal instanceof ImageTagAlreadyExistsException,
        `a second push of the tag was not refused as it should be: ${String(refusal)}`,
      );
      ecr.destroy();
    },
  },
  {
    title: "a role's policy that is widened behind the operator's back is put back",
    async check(context) {
      const wanted = await policyOf(context, TRACKING);
      const iam = adminIam(context.environment.config, context.environment.emulator.url);
      const wide = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] });
      await iam.send(
        new PutRolePolicyCommand({ RoleName: await roleName(context, TRACKING), PolicyName: INLINE_POLICY_NAME, PolicyDocument: wide }),
      );
      const seconds = await eventually(async () => same(await policyOf(context, TRACKING), wanted, "policy"), TWO_SWEEPS_MS);
      context.say(`put back after ${seconds.toFixed(1)} s (the sweep runs every ${context.environment.config.aws.sweepInterval})`);
      iam.destroy();
    },
  },
];

interface Policy {
  readonly Statement: readonly { readonly Resource: readonly string[] }[];
}

async function roleName({ watch }: DemoContext, key: ObjectKey): Promise<string> {
  const arn = watch.get(key)?.status?.role?.arn ?? "";
  return arn.slice(arn.lastIndexOf("/") + 1);
}

async function roleOf(context: DemoContext, key: ObjectKey) {
  const iam = adminIam(context.environment.config, context.environment.emulator.url);
  const { Role } = await iam.send(new GetRoleCommand({ RoleName: await roleName(context, key) }));
  iam.destroy();
  if (!Role) throw new Error("GetRole answered without a role");
  return Role;
}

async function policyOf(context: DemoContext, key: ObjectKey): Promise<Policy> {
  const iam = adminIam(context.environment.config, context.environment.emulator.url);
  const RoleName = await roleName(context, key);
  const { PolicyNames } = await iam.send(new ListRolePoliciesCommand({ RoleName }));
  same(PolicyNames, [INLINE_POLICY_NAME], "inline policies");
  const { PolicyDocument = "" } = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName: INLINE_POLICY_NAME }));
  iam.destroy();
  return JSON.parse(decodeURIComponent(PolicyDocument));
}

function ecrOf({ environment }: DemoContext): ECRClient {
  return new ECRClient(adminClient(environment.config, environment.emulator.url));
}
