import {
  BatchGetImageCommand,
  GetDownloadUrlForLayerCommand,
  paginateDescribeImages,
  type ECRClient,
  type Image,
} from "@aws-sdk/client-ecr";
import type { AwsError, ImageReader, ImageReference } from "../reconcilers/ports.ts";
import { downloadBlob } from "./blob.ts";
import { toAwsError } from "./errors.ts";
import { whereClass } from "./expected.ts";
import { parseImageConfig, parseManifest } from "./manifest.ts";

/** Indexes and manifests, OCI's and Docker's: without naming them ECR would convert or refuse some. */
const MEDIA_TYPES = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

/** An index may hold images that do not say their platform; so many are looked into. */
const MAX_UNDESCRIBED = 8;

/** Reads which digest a reference names and which architectures it runs on. */
export function imageReader(ecr: ECRClient): ImageReader {
  return {
    async resolve(repository, reference) {
      const image = await getImage(ecr, repository, reference);
      const digest = image?.imageId?.imageDigest;
      if (image?.imageManifest === undefined || digest === undefined) return undefined;
      const manifest = { text: image.imageManifest, mediaType: image.imageManifestMediaType };
      return { digest, architectures: [...new Set(await architecturesOf(ecr, repository, manifest.text))].toSorted(), manifest };
    },
  };
}

/** Of an index: what its entries say. Of a single image: what its configuration says. */
async function architecturesOf(ecr: ECRClient, repository: string, text: string): Promise<string[]> {
  const manifest = parseManifest(text);
  if (manifest.kind === "image") return configuredArchitecture(ecr, repository, manifest.config);
  if (manifest.kind === "unknown") return [];
  const found = [...manifest.architectures];
  for (const imageDigest of manifest.undescribed.slice(0, MAX_UNDESCRIBED)) {
    const child = await getImage(ecr, repository, { digest: imageDigest });
    const inner = child?.imageManifest === undefined ? undefined : parseManifest(child.imageManifest);
    if (inner?.kind === "image") found.push(...(await configuredArchitecture(ecr, repository, inner.config)));
  }
  return found;
}

async function configuredArchitecture(ecr: ECRClient, repository: string, layerDigest: string): Promise<string[]> {
  const answer = await ecr.send(new GetDownloadUrlForLayerCommand({ repositoryName: repository, layerDigest }));
  return parseImageConfig(await downloadBlob(answer.downloadUrl ?? "", layerDigest));
}

/** One image with its manifest as it was pushed; undefined: no such image. */
export async function getImage(ecr: ECRClient, repositoryName: string, reference: ImageReference): Promise<Image | undefined> {
  const imageId = "tag" in reference ? { imageTag: reference.tag } : { imageDigest: reference.digest };
  const answer = await whereClass(
    "absent",
    ecr.send(new BatchGetImageCommand({ repositoryName, imageIds: [imageId], acceptedMediaTypes: MEDIA_TYPES })),
  );
  const failure = answer?.failures?.[0];
  if (failure === undefined || failure.failureCode === "ImageNotFound") return answer?.images?.[0];
  const { failureCode = "Unknown", failureReason = "no reason given" } = failure;
  throw toFailure(failureCode, failureReason);
}

/** BatchGetImage reports per image: a failure inside a 200. */
function toFailure(name: string, message: string): AwsError {
  return toAwsError(Object.assign(new Error(message), { name }), "ecr:BatchGetImage");
}

/** The most that DescribeImages gives a page. */
const IMAGES_PER_PAGE = 1000;

/** How many images the repository holds, those without a tag too; 0 where there is no such repository. */
export async function countImages(ecr: ECRClient, repositoryName: string): Promise<number> {
  let count = 0;
  const counting = async (): Promise<void> => {
    for await (const page of paginateDescribeImages({ client: ecr, pageSize: IMAGES_PER_PAGE }, { repositoryName }))
      count += page.imageDetails?.length ?? 0;
  };
  await whereClass("absent", counting());
  return count;
}
