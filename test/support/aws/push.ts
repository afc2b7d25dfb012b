import { createHash } from "node:crypto";
import {
  CompleteLayerUploadCommand,
  InitiateLayerUploadCommand,
  PutImageCommand,
  UploadLayerPartCommand,
  type ECRClient,
} from "@aws-sdk/client-ecr";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";

/** Pushes a small image the way a client does: layers first, then the manifest. Returns the manifest's digest. */
export async function pushImage(
  ecr: ECRClient,
  repositoryName: string,
  image: { readonly tag: string; readonly architecture: string },
): Promise<string> {
  const config = JSON.stringify({ os: "linux", architecture: image.architecture, tag: image.tag });
  const layer = `layer of ${image.tag}`;
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: CONFIG, ...(await uploadLayer(ecr, repositoryName, config)) },
    layers: [{ mediaType: LAYER, ...(await uploadLayer(ecr, repositoryName, layer)) }],
  };
  const imageManifest = JSON.stringify(manifest);
  const answer = await ecr.send(
    new PutImageCommand({ repositoryName, imageManifest, imageManifestMediaType: MANIFEST, imageTag: image.tag }),
  );
  return answer.image?.imageId?.imageDigest ?? "";
}

async function uploadLayer(ecr: ECRClient, repositoryName: string, text: string): Promise<{ digest: string; size: number }> {
  const layerPartBlob = Buffer.from(text);
  const digest = `sha256:${createHash("sha256").update(layerPartBlob).digest("hex")}`;
  const { uploadId } = await ecr.send(new InitiateLayerUploadCommand({ repositoryName }));
  await ecr.send(
    new UploadLayerPartCommand({ repositoryName, uploadId, partFirstByte: 0, partLastByte: layerPartBlob.length - 1, layerPartBlob }),
  );
  await ecr.send(new CompleteLayerUploadCommand({ repositoryName, uploadId, layerDigests: [digest] }));
  return { digest, size: layerPartBlob.length };
}
