/** What many probes need: documents, roles, images. */
import { createHash, randomBytes } from "node:crypto";
import {
  BatchCheckLayerAvailabilityCommand,
  CompleteLayerUploadCommand,
  CreateRepositoryCommand,
  InitiateLayerUploadCommand,
  PutImageCommand,
  UploadLayerPartCommand,
} from "@aws-sdk/client-ecr";
import {
  CreateOpenIDConnectProviderCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  type CreateRoleCommandInput,
} from "@aws-sdk/client-iam";
import { present, type Target } from "./probe.ts";

export const SERVICE_TRUST = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }],
});

/** A policy that allows reading one bucket; `padding` characters make it longer. */
export function bucketPolicy(padding = 0): string {
  const resource = `arn:aws:s3:::bucket${"x".repeat(padding)}/*`;
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Sid: "Read", Effect: "Allow", Action: "s3:GetObject", Resource: resource }],
  });
}

/** A role with a service's trust; its name. */
export async function role(target: Target, more: Partial<CreateRoleCommandInput> = {}): Promise<string> {
  const RoleName = more.RoleName ?? target.unique("role");
  await target.iam.send(new CreateRoleCommand({ AssumeRolePolicyDocument: SERVICE_TRUST, ...more, RoleName }));
  return RoleName;
}

/** A managed policy; its ARN. */
export async function managedPolicy(target: Target, prefix = "policy"): Promise<string> {
  const command = new CreatePolicyCommand({ PolicyName: target.unique(prefix), PolicyDocument: bucketPolicy() });
  const { Policy } = await target.iam.send(command);
  return present(Policy?.Arn, "Policy.Arn");
}

/** An OIDC provider for a cluster; its ARN and its host with path. */
export async function oidcProvider(target: Target): Promise<{ arn: string; host: string }> {
  const host = `oidc.eks.${target.region}.amazonaws.com/id/${target.unique("cluster")}`;
  const command = new CreateOpenIDConnectProviderCommand({
    Url: `https://${host}`,
    ClientIDList: ["sts.amazonaws.com"],
    ThumbprintList: ["9e99a48a9960b14926bb7f3b02e22da2b0ab7280"],
  });
  const { OpenIDConnectProviderArn } = await target.iam.send(command);
  return { arn: present(OpenIDConnectProviderArn, "OpenIDConnectProviderArn"), host };
}

/** The trust of a service account, as IRSA has it. */
export function irsaTrust({ arn, host }: { arn: string; host: string }, subject: string): string {
  const condition = { StringEquals: { [`${host}:sub`]: subject, [`${host}:aud`]: "sts.amazonaws.com" } };
  const statement = { Effect: "Allow", Principal: { Federated: arn }, Action: "sts:AssumeRoleWithWebIdentity", Condition: condition };
  return JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
}

/** A trust of EKS Pod Identity, with a condition where one is given. */
export function podTrust(Condition?: object): string {
  const statement = { Effect: "Allow", Principal: { Service: "pods.eks.amazonaws.com" }, Action: ["sts:AssumeRole", "sts:TagSession"] };
  return JSON.stringify({ Version: "2012-10-17", Statement: [{ ...statement, Condition }] });
}

/** A role for EKS Pod Identity; its ARN. */
export async function podRole(target: Target, trust = podTrust()): Promise<string> {
  return `arn:aws:iam::${target.accountId}:role/${await role(target, { AssumeRolePolicyDocument: trust })}`;
}

/** A token with these claims, signed by nobody. */
export function unsignedToken(claims: Readonly<Record<string, unknown>>): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256", typ: "JWT" })}.${part(claims)}.${Buffer.from("unsigned").toString("base64url")}`;
}

export async function repository(target: Target, more: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const repositoryName = target.unique("team/app");
  await target.ecr.send(new CreateRepositoryCommand({ ...more, repositoryName }));
  return repositoryName;
}

export function sha256(content: string | Uint8Array): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

/** Uploads one layer of random bytes, in one part. */
export async function layer(target: Target, repositoryName: string): Promise<{ digest: string; content: Uint8Array }> {
  const content = randomBytes(64);
  const { uploadId } = await target.ecr.send(new InitiateLayerUploadCommand({ repositoryName }));
  await target.ecr.send(
    new UploadLayerPartCommand({ repositoryName, uploadId, partFirstByte: 0, partLastByte: content.length - 1, layerPartBlob: content }),
  );
  const digest = sha256(content);
  await target.ecr.send(new CompleteLayerUploadCommand({ repositoryName, uploadId, layerDigests: [digest] }));
  return { digest, content };
}

export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";

/** The manifest of an image with these blobs; the first is its configuration. */
export function manifestOf(config: string, ...layers: readonly string[]): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: config, size: 64 },
    layers: layers.map((digest) => ({ mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest, size: 64 })),
  });
}

/** The index of these images. */
export function indexOf(...images: readonly string[]): string {
  const manifests = images.map((digest) => ({
    mediaType: OCI_MANIFEST,
    digest,
    size: 300,
    platform: { os: "linux", architecture: "amd64" },
  }));
  return JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests });
}

/** Uploads layers and pushes an image of them; moto has no uploads, and takes a manifest without. */
export async function image(target: Target, repositoryName: string, imageTag?: string): Promise<{ digest: string; manifest: string }> {
  const uploads = target.name === "emulator";
  const config = uploads ? (await layer(target, repositoryName)).digest : sha256(randomBytes(8));
  const only = uploads ? (await layer(target, repositoryName)).digest : sha256(randomBytes(8));
  const manifest = manifestOf(config, only);
  await target.ecr.send(new PutImageCommand({ repositoryName, imageManifest: manifest, imageManifestMediaType: OCI_MANIFEST, imageTag }));
  return { digest: sha256(manifest), manifest };
}

/** Whether the repository has these layers. */
export async function available(target: Target, repositoryName: string, layerDigests: string[]): Promise<boolean[]> {
  const { layers } = await target.ecr.send(new BatchCheckLayerAvailabilityCommand({ repositoryName, layerDigests }));
  return layerDigests.map((digest) => layers?.find(({ layerDigest }) => layerDigest === digest)?.layerAvailability === "AVAILABLE");
}
