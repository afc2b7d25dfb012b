import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import {
  CreateRepositoryCommand,
  DescribeRepositoriesCommand,
  InitiateLayerUploadCommand,
  UploadLayerPartCommand,
  CompleteLayerUploadCommand,
  GetDownloadUrlForLayerCommand,
} from "@aws-sdk/client-ecr";
import { DescribeClusterCommand, EKSClient } from "@aws-sdk/client-eks";
import { CreateRoleCommand, GetRoleCommand } from "@aws-sdk/client-iam";
import { STSClient, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { createHash } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { ACCOUNT, aws, EC2_TRUST, REGION } from "./clients.ts";

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "emulator-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("everything comes back from the state file, layers too", async () => {
  const stateFile = join(scratch(), "deep", "state.json");
  const first = await aws({ stateFile });
  await first.iam.send(
    new CreateRoleCommand({ RoleName: "Kept", Path: "/ours/", AssumeRolePolicyDocument: EC2_TRUST, Tags: [{ Key: "a", Value: "b" }] }),
  );
  const repositoryName = "team/app";
  await first.ecr.send(new CreateRepositoryCommand({ repositoryName, imageTagMutability: "IMMUTABLE" }));
  const content = Buffer.from([0, 255, 1, 254]);
  const { uploadId } = await first.ecr.send(new InitiateLayerUploadCommand({ repositoryName }));
  await first.ecr.send(new UploadLayerPartCommand({ repositoryName, uploadId, partFirstByte: 0, partLastByte: 3, layerPartBlob: content }));
  const layerDigest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
  await first.ecr.send(new CompleteLayerUploadCommand({ repositoryName, uploadId, layerDigests: [layerDigest] }));
  const before = { role: await first.iam.send(new GetRoleCommand({ RoleName: "Kept" })), state: await first.admin.state() };
  await first.close();

  const second = await aws({ stateFile });
  const { Role } = await second.iam.send(new GetRoleCommand({ RoleName: "kept" }));
  expect(Role).toEqual(before.role.Role);
  expect(await second.admin.state()).toEqual(before.state);
  const { downloadUrl } = await second.ecr.send(new GetDownloadUrlForLayerCommand({ repositoryName, layerDigest }));
  const response = await fetch(String(downloadUrl));
  expect(Buffer.from(await response.arrayBuffer())).toEqual(content);
});

test("another account's state file is refused with what to do", async () => {
  const stateFile = join(scratch(), "state.json");
  const first = await aws({ stateFile });
  await first.ecr.send(new CreateRepositoryCommand({ repositoryName: "ab" }));
  await first.close();
  const message = `is of account ${ACCOUNT} in ${REGION}; remove it or start with those`;
  await expect(aws({ stateFile, region: "eu-central-1" })).rejects.toThrow(message);
});

test("ECR refuses credentials of another region", async () => {
  const world = await aws();
  const credentials = { accessKeyId: "AKIAADMIN", secretAccessKey: "secret" };
  const { ECRClient } = await import("@aws-sdk/client-ecr");
  const elsewhere = new ECRClient({ endpoint: world.url, region: "us-east-1", credentials, maxAttempts: 1 });
  await expect(elsewhere.send(new DescribeRepositoriesCommand({}))).rejects.toThrow(
    "Credential should be scoped to a valid region: eu-west-1",
  );
});

async function start(...args: readonly string[]): Promise<{ url: string; child: ChildProcessWithoutNullStreams }> {
  const child = spawn(process.execPath, ["emulator/main.ts", ...args]);
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  const [line] = await once(child.stdout, "data");
  const { url }: { url: string } = JSON.parse(String(line));
  return { url, child };
}

test("the process prints its URL, answers there, and ends on SIGTERM", async () => {
  const { url, child } = await start();
  const sts = new STSClient({ endpoint: url, region: REGION, credentials: { accessKeyId: "AKIAANY", secretAccessKey: "any" } });
  expect((await sts.send(new GetCallerIdentityCommand({}))).Account).toBe(ACCOUNT);
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
});

test("the process has the clusters of its arguments, and says how to give them", async () => {
  const { url } = await start("--cluster", "prod=https://oidc.example.com/id/1");
  const eks = new EKSClient({ endpoint: url, region: REGION, credentials: { accessKeyId: "AKIAANY", secretAccessKey: "any" } });
  const { cluster } = await eks.send(new DescribeClusterCommand({ name: "prod" }));
  expect(cluster?.identity?.oidc?.issuer).toBe("https://oidc.example.com/id/1");
  const wrong = spawn(process.execPath, ["emulator/main.ts", "--cluster", "prod"]);
  const [line] = await once(wrong.stderr, "data");
  expect(String(line)).toContain("--cluster prod: give NAME=https://ISSUER");
});

test("the process ends with its parent when it is asked to", async () => {
  const { child } = await start("--exit-with-parent");
  child.stdin.end();
  expect(await once(child, "exit")).toEqual([0, null]);
});
