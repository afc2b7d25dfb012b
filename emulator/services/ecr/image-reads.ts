/** Images: get, describe, list. */
import type {
  BatchGetImageRequest,
  BatchGetImageResponse,
  DescribeImagesRequest,
  DescribeImagesResponse,
  Image,
  ImageDetail,
  ImageFailure,
  ImageFailureCode,
  ImageIdentifier,
  ListImagesRequest,
  ListImagesResponse,
} from "@aws-sdk/client-ecr";
import { read, type Call, type Operation } from "../../operation.ts";
import type { ImageRecord, RepositoryRecord } from "../../records.ts";
import { ecrFault } from "./schema.ts";
import { ecrPage, findRepository, invalidParameter, onRepository } from "./shared.ts";

const DIGEST = /^sha256:[0-9a-f]{64}$/;

type Found = { readonly image: ImageRecord } | { readonly failureCode: ImageFailureCode; readonly failureReason: string };

/** The image that an identifier names, or why it names none, in ECR's words. */
export function findImage(images: RepositoryRecord["images"], { imageDigest, imageTag }: ImageIdentifier): Found {
  if (imageDigest === undefined && imageTag === undefined) {
    return { failureCode: "MissingDigestAndTag", failureReason: "Invalid request parameters: both tag and digest cannot be null" };
  }
  if (imageDigest !== undefined && !DIGEST.test(imageDigest)) {
    return {
      failureCode: "InvalidImageDigest",
      failureReason: "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
    };
  }
  const image =
    imageDigest === undefined
      ? Object.values(images).find(({ tags }) => imageTag !== undefined && tags.includes(imageTag))
      : images[imageDigest];
  if (image === undefined) return { failureCode: "ImageNotFound", failureReason: "Requested image not found" };
  if (imageTag !== undefined && !image.tags.includes(imageTag)) {
    return { failureCode: "ImageTagDoesNotMatchDigest", failureReason: "Tag does not match digest" };
  }
  return { image };
}

const batchGetImage = read<BatchGetImageRequest, BatchGetImageResponse>("BatchGetImage", {
  permissions: ({ repositoryName }, call) => onRepository("BatchGetImage", repositoryName, call),
  handle(request, call) {
    const repository = findRepository(request, call);
    const images: Image[] = [];
    const failures: ImageFailure[] = [];
    for (const imageId of request.imageIds) {
      const found = findImage(repository.images, imageId);
      if ("failureCode" in found) {
        failures.push({ imageId, ...found });
        continue;
      }
      const { digest, manifest, mediaType } = found.image;
      images.push({
        registryId: call.accountId,
        repositoryName: repository.name,
        imageId: { ...imageId, imageDigest: digest },
        imageManifest: manifest,
        imageManifestMediaType: mediaType,
      });
    }
    return { images, failures };
  },
});

function detail(image: ImageRecord, { name }: RepositoryRecord, { accountId }: Call): ImageDetail {
  return {
    registryId: accountId,
    repositoryName: name,
    imageDigest: image.digest,
    imageTags: image.tags.length > 0 ? [...image.tags] : undefined,
    imageSizeInBytes: image.size,
    imagePushedAt: new Date(image.pushedAt),
    imageManifestMediaType: image.mediaType,
    artifactMediaType: image.artifactMediaType,
    subjectManifestDigest: image.subject,
    imageStatus: "ACTIVE",
  };
}

type Filter = { readonly tagStatus?: string | undefined; readonly imageStatus?: string | undefined } | undefined;

function fits({ tags }: ImageRecord, filter: Filter): boolean {
  const { tagStatus = "ANY", imageStatus = "ANY" } = filter ?? {};
  if (imageStatus !== "ANY" && imageStatus !== "ACTIVE") return false; // nothing is archived here
  return tagStatus === "ANY" || (tagStatus === "TAGGED") === tags.length > 0;
}

function sortedImages({ images }: RepositoryRecord, filter: Filter): (readonly [string, ImageRecord])[] {
  return Object.entries(images)
    .filter(([, image]) => fits(image, filter))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}

const describeImages = read<DescribeImagesRequest, DescribeImagesResponse>("DescribeImages", {
  permissions: ({ repositoryName }, call) => onRepository("DescribeImages", repositoryName, call),
  handle(request, call) {
    const repository = findRepository(request, call);
    const { imageIds, nextToken, maxResults } = request;
    if (imageIds === undefined) {
      const { items, nextToken: next } = ecrPage(sortedImages(repository, request.filter), request, call);
      return { imageDetails: items.map((image) => detail(image, repository, call)), nextToken: next };
    }
    if (nextToken !== undefined || maxResults !== undefined) {
      throw invalidParameter("Invalid parameter at 'maxResults' failed to satisfy constraint: 'must not be given with imageIds'");
    }
    const found = imageIds.map((imageId) => {
      const result = findImage(repository.images, imageId);
      if ("image" in result) return result.image;
      const { imageDigest = "null", imageTag = "null" } = imageId;
      const where = `the repository with name '${repository.name}' in the registry with id '${call.accountId}'`;
      const id = `{imageDigest:'${imageDigest}', imageTag:'${imageTag}'}`;
      throw ecrFault("ImageNotFoundException", `The image with imageId ${id} does not exist within ${where}`);
    });
    return { imageDetails: [...new Set(found)].map((image) => detail(image, repository, call)) };
  },
});

const listImages = read<ListImagesRequest, ListImagesResponse>("ListImages", {
  permissions: ({ repositoryName }, call) => onRepository("ListImages", repositoryName, call),
  handle(request, call) {
    const images = sortedImages(findRepository(request, call), request.filter);
    // One item for each tag, so that tags page too
    const ids = images.flatMap(([imageDigest, { tags }]): (readonly [string, ImageIdentifier])[] =>
      tags.length === 0
        ? [[imageDigest, { imageDigest }]]
        : tags.toSorted().map((imageTag) => [`${imageDigest} ${imageTag}`, { imageDigest, imageTag }] as const),
    );
    const { items, nextToken } = ecrPage(ids, request, call);
    return { imageIds: [...items], nextToken };
  },
});

export const IMAGE_READ_OPERATIONS: readonly Operation[] = [batchGetImage, describeImages, listImages];
