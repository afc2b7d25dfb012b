import { createHash } from "node:crypto";
import {
  BatchCheckLayerAvailabilityCommand,
  CompleteLayerUploadCommand,
  ImageAlreadyExistsException,
  InitiateLayerUploadCommand,
  PutImageCommand,
  UploadLayerPartCommand,
  type ECRClient,
} from "@aws-sdk/client-ecr";

/** A small but real image, pushed as a registry client pushes: blobs first, then a manifest for each architecture, then the index under the tag. */

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar";

export interface PushOptions {
  readonly repository: string;
  readonly tag: string;
  /** Kubernetes names, as amd64. */
  readonly architectures: readonly string[];
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** Resolves to the digest of the index. The same options give the same image. Throws the SDK's exceptions. */
export async function pushImage(ecr: ECRClient, { repository, tag, architectures }: PushOptions): Promise<string> {
  const manifests: (Descriptor & { readonly platform: { readonly os: string; readonly architecture: string } })[] = [];
  for (const architecture of architectures) {
    const layer = Buffer.from(`the file system of ${repository}:${tag} for ${architecture}\n`.padEnd(512, "."));
    const config = json({ os: "linux", architecture, config: { User: "65532" }, rootfs: { type: "layers", diff_ids: [digestOf(layer)] } });
    const blobs = [await upload(ecr, repository, CONFIG, config), await upload(ecr, repository, LAYER, layer)] as const;
    const manifest = json({ schemaVersion: 2, mediaType: MANIFEST, config: blobs[0], layers: [blobs[1]] });
    await put(ecr, repository, { body: manifest, mediaType: MANIFEST, tag: undefined });
    manifests.push({ ...describe(MANIFEST, manifest), platform: { os: "linux", architecture } });
  }
  const index = json({ schemaVersion: 2, mediaType: INDEX, manifests });
  await put(ecr, repository, { body: index, mediaType: INDEX, tag });
  return digestOf(index);
}

/** A blob that the registry already holds is not sent again. */
async function upload(ecr: ECRClient, repositoryName: string, mediaType: string, body: Buffer): Promise<Descriptor> {
  const descriptor = describe(mediaType, body);
  const { layers = [] } = await ecr.send(new BatchCheckLayerAvailabilityCommand({ repositoryName, layerDigests: [descriptor.digest] }));
  if (layers.some((l) => l.layerAvailability === "AVAILABLE")) return descriptor;
  const { uploadId } = await ecr.send(new InitiateLayerUploadCommand({ repositoryName }));
  await ecr.send(
    new UploadLayerPartCommand({ repositoryName, uploadId, partFirstByte: 0, partLastByte: body.length - 1, layerPartBlob: body }),
  );
  await ecr.send(new CompleteLayerUploadCommand({ repositoryName, uploadId, layerDigests: [descriptor.digest] }));
  return descriptor;
}

async function put(
  ecr: ECRClient,
  repositoryName: string,
  image: { body: Buffer; mediaType: string; tag: string | undefined },
): Promise<void> {
  try {
    await ecr.send(
      new PutImageCommand({
        repositoryName,
        imageManifest: image.body.toString(),
        imageManifestMediaType: image.mediaType,
        imageDigest: digestOf(image.body),
        ...(image.tag === undefined ? {} : { imageTag: image.tag }),
      }),
    );
  } catch (error) {
    if (!(error instanceof ImageAlreadyExistsException)) throw error;
  }
}

function describe(mediaType: string, body: Buffer): Descriptor {
  return { mediaType, digest: digestOf(body), size: body.length };
}

function digestOf(body: Buffer): string {
  return `sha256:${createHash("sha256").update(body).digest("hex")}`;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
