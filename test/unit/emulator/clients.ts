import { AmpClient } from "@aws-sdk/client-amp";
import { ECRClient } from "@aws-sdk/client-ecr";
import { AppMeshClient } from "@aws-sdk/client-app-mesh";
import { EKSClient } from "@aws-sdk/client-eks";
import { IAMClient } from "@aws-sdk/client-iam";
import { STSClient } from "@aws-sdk/client-sts";
import { onTestFinished } from "vitest";
import { EmulatorAdmin } from "../../../emulator/admin-client.ts";
import type { EmulatorOptions } from "../../../emulator/options.ts";
import { startEmulator } from "../../../emulator/server.ts";

export const ACCOUNT = "111122223333";
export const REGION = "eu-west-1";
export const ADMIN_KEY = "AKIAADMIN";

/** The clients of one caller. */
export interface Clients {
  readonly iam: IAMClient;
  readonly ecr: ECRClient;
  readonly sts: STSClient;
  readonly eks: EKSClient;
  readonly appMesh: AppMeshClient;
  readonly amp: AmpClient;
}

export interface Aws extends Clients {
  readonly url: string;
  readonly admin: EmulatorAdmin;
  /** Clients of another caller. */
  as(accessKeyId: string): Clients;
  close(): Promise<void>;
}

/** An emulator for one test, with an administrator besides the principals given; it ends with the test. */
export async function aws(options: Partial<EmulatorOptions> = {}): Promise<Aws> {
  const administrator = { accessKeyId: ADMIN_KEY, arn: `arn:aws:iam::${ACCOUNT}:user/admin` };
  const emulator = await startEmulator({
    accountId: ACCOUNT,
    region: REGION,
    ...options,
    principals: [administrator, ...(options.principals ?? [])],
  });
  let open = true;
  const close = async (): Promise<void> => {
    if (open) await emulator.close();
    open = false;
  };
  onTestFinished(close);
  const as: Aws["as"] = (accessKeyId) => {
    const settings = { endpoint: emulator.url, region: REGION, credentials: { accessKeyId, secretAccessKey: "secret" }, maxAttempts: 1 };
    return {
      iam: new IAMClient(settings),
      ecr: new ECRClient(settings),
      sts: new STSClient(settings),
      eks: new EKSClient(settings),
      appMesh: new AppMeshClient(settings),
      amp: new AmpClient(settings),
    };
  };
  return { url: emulator.url, admin: new EmulatorAdmin(emulator.url), ...as(ADMIN_KEY), as, close };
}

export const EC2_TRUST = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }],
});

/** `ok`, or the name of the error. */
export function outcome(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "ok",
    (error: unknown) => (error instanceof Error ? error.name : String(error)),
  );
}
