import {
  BatchDeleteImageCommand,
  DescribeImagesCommand,
  paginateDescribeImages,
  PutImageCommand,
  type ECRClient,
} from "@aws-sdk/client-ecr";
import { keptTag } from "../crds/aws-names.ts";
import { AwsError, type ImageKeeper, type ImageManifest } from "../reconcilers/ports.ts";
import { toAwsError } from "./errors.ts";
import { whereClass } from "./expected.ts";
import { getImage } from "./images.ts";

/** The most that DescribeImages gives a page. */
const IMAGES_PER_PAGE = 1000;

/** Puts tags of ours on images and takes them off. It neither adds nor deletes an image, and moves no tag: tags are immutable. */
export function imageKeeper(ecr: ECRClient): ImageKeeper {
  return {
    kept: (repository) => keptImages(ecr, repository),

    async keep(repository, digest, manifest) {
      const found = manifest ?? (await manifestOf(ecr, repository, digest));
      if (found === undefined) return "absent";
      try {
        await ecr.send(
          new PutImageCommand({
            repositoryName: repository,
            imageManifest: found.text,
            imageManifestMediaType: found.mediaType,
            imageDigest: digest,
            imageTag: keptTag(digest),
          }),
        );
        return "kept";
      } catch (error) {
        if (error instanceof AwsError && error.code === "ImageAlreadyExists") return "kept";
        if (error instanceof AwsError && error.code === "ImageTagAlreadyExists") return "tagTaken";
        throw error;
      }
    },

    async release(repository, digest) {
      const tags = await tagsOf(ecr, repository, digest);
      const ours = keptTag(digest);
      if (!tags.includes(ours)) return "released";
      if (tags.length === 1) return "onlyTag";
      const answer = await ecr.send(new BatchDeleteImageCommand({ repositoryName: repository, imageIds: [{ imageTag: ours }] }));
      const failure = answer.failures?.[0];
      if (failure === undefined || failure.failureCode === "ImageNotFound") return "released";
      const { failureCode = "Unknown", failureReason = "no reason given" } = failure;
      throw toAwsError(Object.assign(new Error(failureReason), { name: failureCode }), "ecr:BatchDeleteImage");
    },
  };
}

async function manifestOf(ecr: ECRClient, repository: string, digest: string): Promise<ImageManifest | undefined> {
  const { imageManifest: text, imageManifestMediaType: mediaType } = (await getImage(ecr, repository, { digest })) ?? {};
  return text === undefined ? undefined : { text, mediaType };
}

async function keptImages(ecr: ECRClient, repositoryName: string): Promise<string[]> {
  const found: string[] = [];
  const filter = { tagStatus: "TAGGED" as const };
  for await (const page of paginateDescribeImages({ client: ecr, pageSize: IMAGES_PER_PAGE }, { repositoryName, filter })) {
    for (const { imageDigest, imageTags } of page.imageDetails ?? [])
      if (imageDigest !== undefined && imageTags?.includes(keptTag(imageDigest))) found.push(imageDigest);
  }
  return found;
}

/** Empty where there is no such image. */
async function tagsOf(ecr: ECRClient, repositoryName: string, imageDigest: string): Promise<readonly string[]> {
  const answer = await whereClass("absent", ecr.send(new DescribeImagesCommand({ repositoryName, imageIds: [{ imageDigest }] })));
  return answer?.imageDetails?.[0]?.imageTags ?? [];
}
