/** Images: put and delete. */
import type {
  BatchDeleteImageRequest,
  BatchDeleteImageResponse,
  ImageFailure,
  ImageIdentifier,
  PutImageRequest,
  PutImageResponse,
} from "@aws-sdk/client-ecr";
import { matchesPattern } from "../../authorization/match.ts";
import { write, type Call, type Operation } from "../../operation.ts";
import type { ImageRecord, RepositoryRecord } from "../../records.ts";
import { findImage } from "./image-reads.ts";
import { readManifest, type Manifest } from "./manifest.ts";
import { ecrFault } from "./schema.ts";
import { findRepository, invalidParameter, onRepository, putRepository } from "./shared.ts";

type Images = RepositoryRecord["images"];

function isImmutable({ mutability, exclusionFilters }: RepositoryRecord, tag: string): boolean {
  const excluded = exclusionFilters.some(({ filter }) => matchesPattern(filter, tag));
  return mutability.startsWith("IMMUTABLE") !== excluded;
}

function where({ name }: RepositoryRecord, { accountId }: Call): string {
  return `the repository with name '${name}' in the registry with id '${accountId}'`;
}

/** Throws LayersNotFoundException or ReferencedImagesNotFoundException: an image is not taken before what it is made of. */
function checkReferences(manifest: Manifest, repository: RepositoryRecord, call: Call): void {
  if (manifest.kind === "index") {
    const missing = manifest.images.filter((digest) => repository.images[digest] === undefined);
    if (missing.length === 0) return;
    const sentence = `Images with digests '[${missing.join(", ")}]' required for pushing image into ${where(repository, call)} don't exist`;
    throw ecrFault("ReferencedImagesNotFoundException", sentence);
  }
  const missing = manifest.blobs.map(({ digest }) => digest).filter((digest) => repository.layers[digest] === undefined);
  if (missing.length === 0) return;
  const sentence = `Layers with digests '[${missing.join(", ")}]' required for pushing image into ${where(repository, call)} don't exist`;
  throw ecrFault("LayersNotFoundException", sentence);
}

/** The images with `tag` taken from whichever had it. */
function untag(images: Images, tag: string): Images {
  return Object.fromEntries(
    Object.entries(images).map(([digest, image]) => [digest, { ...image, tags: image.tags.filter((other) => other !== tag) }]),
  );
}

function sizeOf(manifest: Manifest, images: Images): number {
  if (manifest.kind === "image") return manifest.blobs.reduce((sum, { size }) => sum + size, 0);
  return manifest.images.reduce((sum, digest) => sum + (images[digest]?.size ?? 0), 0);
}

function checkTag(tag: string, digest: string, { repository, call }: { repository: RepositoryRecord; call: Call }): void {
  const holder = Object.values(repository.images).find(({ tags }) => tags.includes(tag));
  if (holder === undefined) return;
  if (holder.digest === digest) {
    const sentence = `Image with digest '${digest}' and tag '${tag}' already exists in ${where(repository, call)}`;
    throw ecrFault("ImageAlreadyExistsException", sentence);
  }
  if (isImmutable(repository, tag)) {
    const sentence = `The image tag '${tag}' already exists in the '${repository.name}' repository and cannot be overwritten because the tag is immutable.`;
    throw ecrFault("ImageTagAlreadyExistsException", sentence);
  }
}

const putImage = write<PutImageRequest, PutImageResponse>("PutImage", {
  permissions: ({ repositoryName }, call) => onRepository("PutImage", repositoryName, call),
  handle(request, call) {
    const repository = findRepository(request, call);
    const { imageManifest, imageManifestMediaType, imageTag: tag, imageDigest } = request;
    const manifest = readManifest(imageManifest, imageManifestMediaType);
    const { digest } = manifest;
    if (imageDigest !== undefined && imageDigest !== digest) {
      throw ecrFault("ImageDigestDoesNotMatchException", `The manifest has digest '${digest}', not '${imageDigest}'`);
    }
    const existing = repository.images[digest];
    if (tag !== undefined) checkTag(tag, digest, { repository, call });
    else if (existing !== undefined) {
      throw ecrFault("ImageAlreadyExistsException", `Image with digest '${digest}' already exists in ${where(repository, call)}`);
    }
    checkReferences(manifest, repository, call);
    const tags = [...(existing?.tags ?? []), ...(tag === undefined ? [] : [tag])];
    const { imagesPerRepository, tagsPerImage } = call.quotas;
    if (existing === undefined && Object.keys(repository.images).length >= imagesPerRepository) {
      throw ecrFault("LimitExceededException", `A repository can have at most ${imagesPerRepository} images`);
    }
    if (tags.length > tagsPerImage) throw ecrFault("LimitExceededException", `An image can have at most ${tagsPerImage} tags`);
    const image: ImageRecord = {
      digest,
      manifest: imageManifest,
      mediaType: manifest.mediaType,
      artifactMediaType: manifest.artifactMediaType,
      subject: manifest.subject,
      references: manifest.kind === "index" ? manifest.images : [],
      tags,
      size: sizeOf(manifest, repository.images),
      pushedAt: existing?.pushedAt ?? call.now,
    };
    const others = tag === undefined ? repository.images : untag(repository.images, tag);
    putRepository({ ...repository, images: { ...others, [digest]: image } }, call);
    const imageId = tag === undefined ? { imageDigest: digest } : { imageDigest: digest, imageTag: tag };
    return {
      image: {
        registryId: call.accountId,
        repositoryName: repository.name,
        imageId,
        imageManifest,
        imageManifestMediaType: image.mediaType,
      },
    };
  },
});

function without(images: Images, digest: string): Images {
  return Object.fromEntries(Object.entries(images).filter(([key]) => key !== digest));
}

interface Deletion {
  images: Images;
  readonly deleted: ImageIdentifier[];
  readonly failures: ImageFailure[];
}

/** Deletes one image, or one tag and with the last the image. */
function deleteOne(progress: Deletion, imageId: ImageIdentifier): void {
  const found = findImage(progress.images, imageId);
  if ("failureCode" in found) {
    progress.failures.push({ imageId, ...found });
    return;
  }
  const { imageTag: tag, imageDigest } = imageId;
  const image = found.image;
  const remaining = tag === undefined ? [] : image.tags.filter((other) => other !== tag);
  if (remaining.length > 0) {
    progress.images = { ...progress.images, [image.digest]: { ...image, tags: remaining } };
    progress.deleted.push({ imageDigest: image.digest, ...(tag === undefined ? {} : { imageTag: tag }) });
    return;
  }
  const holders = Object.values(progress.images).filter(({ references }) => references.includes(image.digest));
  if (holders.length > 0) {
    const failureReason = `Requested image referenced by manifest list: [${holders.map(({ digest }) => digest).join(", ")}]`;
    progress.failures.push({ imageId, failureCode: "ImageReferencedByManifestList", failureReason });
    return;
  }
  progress.images = without(progress.images, image.digest);
  const tags = imageDigest === undefined || tag !== undefined ? [tag] : image.tags;
  const ids = tags.map((imageTag): ImageIdentifier => ({ imageDigest: image.digest, ...(imageTag === undefined ? {} : { imageTag }) }));
  progress.deleted.push(...(ids.length > 0 ? ids : [{ imageDigest: image.digest }]));
}

const batchDeleteImage = write<BatchDeleteImageRequest, BatchDeleteImageResponse>("BatchDeleteImage", {
  permissions: ({ repositoryName }, call) => onRepository("BatchDeleteImage", repositoryName, call),
  handle(request, call) {
    const repository = findRepository(request, call);
    if (request.imageIds.length === 0)
      throw invalidParameter("Invalid parameter at 'imageIds' failed to satisfy constraint: 'must not be empty'");
    const progress: Deletion = { images: repository.images, deleted: [], failures: [] };
    for (const imageId of request.imageIds) deleteOne(progress, imageId);
    putRepository({ ...repository, images: progress.images }, call);
    return { imageIds: progress.deleted, failures: progress.failures };
  },
});

export const IMAGE_OPERATIONS: readonly Operation[] = [putImage, batchDeleteImage];
