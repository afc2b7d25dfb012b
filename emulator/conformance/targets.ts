import { CreateClusterCommand } from "@aws-sdk/client-eks";
import { startEmulator } from "../server.ts";
import type { Peer } from "./peers.ts";
import { clientsFor, type Target } from "./probe.ts";

const ACCOUNT = "123456789012"; // moto's
const REGION = "eu-west-1";
const CLUSTER = "conformance";
/** Of the emulator's cluster. */
export const OIDC_ISSUER = `https://oidc.eks.${REGION}.amazonaws.com/id/CONFORMANCE`;

/** The access key of a caller whose policy allows little; only the emulator knows it. */
export const RESTRICTED_KEY = "AKIARESTRICTED";

function names(): (prefix: string) => string {
  let count = 0;
  return (prefix) => {
    count += 1;
    return `${prefix}-${count}`;
  };
}

/** This emulator, with an administrator and a caller of little rights. */
export async function emulatorTarget(): Promise<Target> {
  const boundary = `arn:aws:iam::${ACCOUNT}:policy/boundary`;
  const emulator = await startEmulator({
    accountId: ACCOUNT,
    region: REGION,
    clusters: [{ name: CLUSTER, oidcIssuer: OIDC_ISSUER }],
    // Each probe of Amazon Managed Service for Prometheus has its own.
    quotas: { workspacesPerRegion: 1_000 },
    principals: [
      { accessKeyId: "AKIAADMIN", arn: `arn:aws:iam::${ACCOUNT}:user/admin` },
      {
        accessKeyId: RESTRICTED_KEY,
        arn: `arn:aws:iam::${ACCOUNT}:user/restricted`,
        policy: {
          Version: "2012-10-17",
          Statement: [
            {
              Sid: "CreateWithBoundary",
              Effect: "Allow",
              Action: ["iam:CreateRole", "iam:TagRole"],
              Resource: `arn:aws:iam::${ACCOUNT}:role/ours/*`,
              Condition: { StringEqualsIfExists: { "iam:PermissionsBoundary": boundary } },
            },
            {
              Sid: "Never",
              Effect: "Deny",
              Action: "iam:CreateRole",
              Resource: "*",
              Condition: { Null: { "iam:PermissionsBoundary": "true" } },
            },
            {
              Sid: "OwnRepositories",
              Effect: "Allow",
              Action: "ecr:*",
              Resource: `arn:aws:ecr:${REGION}:${ACCOUNT}:repository/team/*`,
              Condition: { StringEquals: { "aws:ResourceTag/owner": "us" } },
            },
            { Sid: "NeverUsed", Effect: "Allow", Action: "iam:DeleteRole", Resource: "*" },
          ],
        },
      },
    ],
  });
  const { url } = emulator;
  return {
    name: "emulator",
    url,
    accountId: ACCOUNT,
    region: REGION,
    cluster: CLUSTER,
    ...clientsFor(url, REGION, "AKIAADMIN"),
    unique: names(),
    close: () => emulator.close(),
  };
}

/** A moto server that runs. */
export function motoTarget(peer: Peer): Target {
  return { name: "moto", ...peerTarget(peer, "AKIAADMIN") };
}

/** A ministack server that runs, with the cluster made; it takes the account from the access key. */
export async function ministackTarget(peer: Peer): Promise<Target> {
  const target: Target = { name: "ministack", ...peerTarget(peer, ACCOUNT) };
  const roleArn = `arn:aws:iam::${ACCOUNT}:role/cluster`;
  await target.eks.send(new CreateClusterCommand({ name: CLUSTER, roleArn, resourcesVpcConfig: {} }));
  return target;
}

function peerTarget(peer: Peer, accessKeyId: string): Omit<Target, "name"> {
  return {
    url: peer.url,
    accountId: ACCOUNT,
    region: REGION,
    cluster: CLUSTER,
    ...clientsFor(peer.url, REGION, accessKeyId),
    unique: names(),
    close: () => peer.close(),
  };
}
