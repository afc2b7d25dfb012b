import { startEmulator } from "../server.ts";
import { clientsFor, type Target } from "./probe.ts";

const ACCOUNT = "123456789012"; // moto's
const REGION = "eu-west-1";

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
    ...clientsFor(url, REGION, "AKIAADMIN"),
    unique: names(),
    close: () => emulator.close(),
  };
}

/** A moto server that runs. */
export function motoTarget(moto: { readonly url: string; close(): Promise<void> }): Target {
  const { url } = moto;
  const clients = clientsFor(url, REGION, "AKIAADMIN");
  return { name: "moto", url, accountId: ACCOUNT, region: REGION, ...clients, unique: names(), close: () => moto.close() };
}
