import assert from "node:assert/strict";
import {
  BatchDeleteImageCommand,
  BatchGetImageCommand,
  CompleteLayerUploadCommand,
  DescribeImagesCommand,
  GetDownloadUrlForLayerCommand,
  InitiateLayerUploadCommand,
  ListImagesCommand,
  paginateDescribeImages,
  paginateListImages,
  PutImageCommand,
  UploadLayerPartCommand,
} from "@aws-sdk/client-ecr";
import { available, image, indexOf, layer, manifestOf, OCI_INDEX, OCI_MANIFEST, repository, sha256 } from "../fixtures.ts";
import { present, probesOf, refused, type Probe, type Target } from "../probe.ts";

const ABSENT = sha256("nothing has this content");

function put(
  target: Target,
  repositoryName: string,
  more: { imageManifest: string; imageTag?: string; imageDigest?: string },
): Promise<unknown> {
  return target.ecr.send(new PutImageCommand({ repositoryName, ...more }));
}

async function tagsOf(target: Target, repositoryName: string): Promise<string[]> {
  const { imageIds } = await target.ecr.send(new ListImagesCommand({ repositoryName, filter: { tagStatus: "TAGGED" } }));
  return imageIds?.map(({ imageTag }) => imageTag ?? "").toSorted() ?? [];
}

export const ECR_IMAGE_PROBES: readonly Probe[] = [
  ...probesOf("ecr", "layer upload", {
    "a layer is available once it is complete, and can be downloaded": async (target) => {
      const repositoryName = await repository(target);
      const { digest, content } = await layer(target, repositoryName);
      assert.deepEqual(await available(target, repositoryName, [digest, ABSENT]), [true, false]);
      const { downloadUrl } = await target.ecr.send(new GetDownloadUrlForLayerCommand({ repositoryName, layerDigest: digest }));
      const response = await fetch(present(downloadUrl, "downloadUrl"));
      assert.deepEqual(Buffer.from(await response.arrayBuffer()), Buffer.from(content));
    },
    "refuses a download URL that was changed": async (target) => {
      const repositoryName = await repository(target);
      const { digest } = await layer(target, repositoryName);
      const { downloadUrl } = await target.ecr.send(new GetDownloadUrlForLayerCommand({ repositoryName, layerDigest: digest }));
      const response = await fetch(present(downloadUrl, "downloadUrl").replace(digest, ABSENT));
      assert.equal(response.status, 403);
    },
    "answers LayersNotFound for a URL of what is not there": async (target) => {
      const command = new GetDownloadUrlForLayerCommand({ repositoryName: await repository(target), layerDigest: ABSENT });
      await refused("LayersNotFoundException", target.ecr.send(command));
    },
    "takes parts in order, and no other": async (target) => {
      const repositoryName = await repository(target);
      const { uploadId } = await target.ecr.send(new InitiateLayerUploadCommand({ repositoryName }));
      const part = { repositoryName, uploadId, layerPartBlob: Buffer.from("ab") };
      await refused(
        "InvalidLayerPartException",
        target.ecr.send(new UploadLayerPartCommand({ ...part, partFirstByte: 5, partLastByte: 6 })),
      );
    },
    "refuses a digest that is not the content's": async (target) => {
      const repositoryName = await repository(target);
      const { uploadId } = await target.ecr.send(new InitiateLayerUploadCommand({ repositoryName }));
      const part = { repositoryName, uploadId, partFirstByte: 0, partLastByte: 1, layerPartBlob: Buffer.from("ab") };
      await target.ecr.send(new UploadLayerPartCommand(part));
      await refused(
        "InvalidLayerException",
        target.ecr.send(new CompleteLayerUploadCommand({ repositoryName, uploadId, layerDigests: [ABSENT] })),
      );
    },
    "refuses to complete an upload without parts": async (target) => {
      const repositoryName = await repository(target);
      const { uploadId } = await target.ecr.send(new InitiateLayerUploadCommand({ repositoryName }));
      await refused(
        "EmptyUploadException",
        target.ecr.send(new CompleteLayerUploadCommand({ repositoryName, uploadId, layerDigests: [ABSENT] })),
      );
    },
    "answers UploadNotFound": async (target) => {
      const command = new CompleteLayerUploadCommand({
        repositoryName: await repository(target),
        uploadId: "00000000-0000-0000-0000-000000000000",
        layerDigests: [ABSENT],
      });
      await refused("UploadNotFoundException", target.ecr.send(command));
    },
  }),
  ...probesOf("ecr", "PutImage", {
    "takes an image whose digest is that of its text": async (target) => {
      const repositoryName = await repository(target);
      const { digest, manifest } = await image(target, repositoryName, "v1");
      const { images } = await target.ecr.send(new BatchGetImageCommand({ repositoryName, imageIds: [{ imageTag: "v1" }] }));
      assert.deepEqual([images?.[0]?.imageId?.imageDigest, images?.[0]?.imageManifest], [digest, manifest]);
      assert.equal(images?.[0]?.imageManifestMediaType, OCI_MANIFEST);
    },
    "refuses an image whose layers were not uploaded": async (target) => {
      const call = put(target, await repository(target), { imageManifest: manifestOf(ABSENT, ABSENT), imageTag: "v1" });
      await refused("LayersNotFoundException", call);
    },
    "refuses the same image under the same tag": async (target) => {
      const repositoryName = await repository(target);
      const { manifest } = await image(target, repositoryName, "v1");
      await refused("ImageAlreadyExistsException", put(target, repositoryName, { imageManifest: manifest, imageTag: "v1" }));
    },
    "gives one image two tags": async (target) => {
      const repositoryName = await repository(target);
      const { manifest, digest } = await image(target, repositoryName, "v1");
      await put(target, repositoryName, { imageManifest: manifest, imageTag: "v2" });
      const { imageDetails } = await target.ecr.send(new DescribeImagesCommand({ repositoryName }));
      assert.deepEqual(
        imageDetails?.map(({ imageDigest, imageTags }) => [imageDigest, imageTags?.toSorted()]),
        [[digest, ["v1", "v2"]]],
      );
    },
    "moves a tag where tags are mutable": async (target) => {
      const repositoryName = await repository(target);
      await image(target, repositoryName, "latest");
      const second = await image(target, repositoryName, "latest");
      const { images } = await target.ecr.send(new BatchGetImageCommand({ repositoryName, imageIds: [{ imageTag: "latest" }] }));
      assert.equal(images?.[0]?.imageId?.imageDigest, second.digest);
      const { imageIds } = await target.ecr.send(new ListImagesCommand({ repositoryName, filter: { tagStatus: "UNTAGGED" } }));
      assert.equal(imageIds?.length, 1);
    },
    "refuses to move a tag where tags are immutable": async (target) => {
      const repositoryName = await repository(target, { imageTagMutability: "IMMUTABLE" });
      await image(target, repositoryName, "v1");
      await refused("ImageTagAlreadyExistsException", image(target, repositoryName, "v1"), /cannot be overwritten because the/);
    },
    "moves a tag that is excluded from immutability": async (target) => {
      const imageTagMutabilityExclusionFilters = [{ filterType: "WILDCARD", filter: "dev-*" }];
      const repositoryName = await repository(target, {
        imageTagMutability: "IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters,
      });
      await image(target, repositoryName, "dev-1");
      await image(target, repositoryName, "dev-1");
      await image(target, repositoryName, "v1");
      await refused("ImageTagAlreadyExistsException", image(target, repositoryName, "v1"));
    },
    "refuses a digest that is not the manifest's": async (target) => {
      const repositoryName = await repository(target);
      const { manifest } = await image(target, repositoryName);
      const call = put(target, repositoryName, { imageManifest: manifest, imageTag: "v1", imageDigest: ABSENT });
      await refused("ImageDigestDoesNotMatchException", call);
    },
    "refuses what is no manifest": async (target) =>
      refused("InvalidParameterException", put(target, await repository(target), { imageManifest: "no", imageTag: "v1" })),
    "takes an index of images that are there": async (target) => {
      const repositoryName = await repository(target);
      const { digest } = await image(target, repositoryName);
      const command = { repositoryName, imageManifest: indexOf(digest), imageManifestMediaType: OCI_INDEX, imageTag: "v1" };
      await target.ecr.send(new PutImageCommand(command));
      const { images } = await target.ecr.send(new BatchGetImageCommand({ repositoryName, imageIds: [{ imageTag: "v1" }] }));
      assert.equal(images?.[0]?.imageManifestMediaType, OCI_INDEX);
    },
    "refuses an index of images that are not there": async (target) => {
      const call = put(target, await repository(target), { imageManifest: indexOf(ABSENT), imageTag: "v1" });
      await refused("ReferencedImagesNotFoundException", call);
    },
    "answers RepositoryNotFound": (target) =>
      refused(
        "RepositoryNotFoundException",
        put(target, "missing/repository", { imageManifest: manifestOf(ABSENT, ABSENT), imageTag: "v1" }),
      ),
  }),
  ...probesOf("ecr", "BatchGetImage", {
    "answers for each image that is not there": async (target) => {
      const repositoryName = await repository(target);
      const { digest } = await image(target, repositoryName, "v1");
      const imageIds = [{ imageDigest: digest }, { imageTag: "missing" }, { imageDigest: ABSENT }];
      const { images, failures } = await target.ecr.send(new BatchGetImageCommand({ repositoryName, imageIds }));
      assert.equal(images?.length, 1);
      assert.deepEqual(
        failures?.map(({ failureCode }) => failureCode),
        ["ImageNotFound", "ImageNotFound"],
      );
    },
    "refuses more than a hundred": async (target) => {
      const imageIds = Array.from({ length: 101 }, (_, index) => ({ imageTag: `v${index}` }));
      const command = new BatchGetImageCommand({ repositoryName: await repository(target), imageIds });
      await refused("InvalidParameterException", target.ecr.send(command));
    },
  }),
  ...probesOf("ecr", "DescribeImages", {
    "tells digest, tags, size, media type and date": async (target) => {
      const repositoryName = await repository(target);
      const { digest } = await image(target, repositoryName, "v1");
      const { imageDetails } = await target.ecr.send(new DescribeImagesCommand({ repositoryName, imageIds: [{ imageTag: "v1" }] }));
      const [found] = present(imageDetails, "imageDetails");
      assert.deepEqual([found?.imageDigest, found?.imageTags, found?.imageManifestMediaType], [digest, ["v1"], OCI_MANIFEST]);
      assert.equal(found?.imageSizeInBytes, 128);
      assert.ok(Math.abs((found.imagePushedAt?.getTime() ?? 0) - Date.now()) < 60_000);
    },
    "answers ImageNotFound": async (target) => {
      const command = new DescribeImagesCommand({ repositoryName: await repository(target), imageIds: [{ imageTag: "missing" }] });
      await refused("ImageNotFoundException", target.ecr.send(command), /does not exist within the repository/);
    },
    "gives pages of maxResults": async (target) => {
      const repositoryName = await repository(target);
      for (const tag of ["a", "b", "c"]) await image(target, repositoryName, tag);
      const sizes: number[] = [];
      for await (const page of paginateDescribeImages({ client: target.ecr, pageSize: 1 }, { repositoryName }))
        sizes.push(page.imageDetails?.length ?? 0);
      assert.deepEqual(sizes, [1, 1, 1]);
    },
  }),
  ...probesOf("ecr", "ListImages", {
    "filters by tag status": async (target) => {
      const repositoryName = await repository(target);
      await image(target, repositoryName, "v1");
      const { digest } = await image(target, repositoryName);
      assert.deepEqual(await tagsOf(target, repositoryName), ["v1"]);
      const { imageIds } = await target.ecr.send(new ListImagesCommand({ repositoryName, filter: { tagStatus: "UNTAGGED" } }));
      assert.deepEqual(imageIds, [{ imageDigest: digest }]);
    },
    "gives pages of maxResults": async (target) => {
      const repositoryName = await repository(target);
      for (const tag of ["a", "b"]) await image(target, repositoryName, tag);
      const sizes: number[] = [];
      for await (const page of paginateListImages({ client: target.ecr, pageSize: 1 }, { repositoryName }))
        sizes.push(page.imageIds?.length ?? 0);
      assert.deepEqual(sizes, [1, 1]);
    },
  }),
  ...probesOf("ecr", "BatchDeleteImage", {
    "removes a tag, and with the last the image": async (target) => {
      const repositoryName = await repository(target);
      const { manifest } = await image(target, repositoryName, "v1");
      await put(target, repositoryName, { imageManifest: manifest, imageTag: "v2" });
      await target.ecr.send(new BatchDeleteImageCommand({ repositoryName, imageIds: [{ imageTag: "v1" }] }));
      assert.deepEqual(await tagsOf(target, repositoryName), ["v2"]);
      await target.ecr.send(new BatchDeleteImageCommand({ repositoryName, imageIds: [{ imageTag: "v2" }] }));
      const { imageIds } = await target.ecr.send(new ListImagesCommand({ repositoryName }));
      assert.deepEqual(imageIds, []);
    },
    "removes an image with all its tags by digest": async (target) => {
      const repositoryName = await repository(target);
      const { digest, manifest } = await image(target, repositoryName, "v1");
      await put(target, repositoryName, { imageManifest: manifest, imageTag: "v2" });
      const { imageIds } = await target.ecr.send(new BatchDeleteImageCommand({ repositoryName, imageIds: [{ imageDigest: digest }] }));
      assert.deepEqual(imageIds?.map(({ imageTag }) => imageTag).toSorted(), ["v1", "v2"]);
    },
    "keeps an image that an index names": async (target) => {
      const repositoryName = await repository(target);
      const { digest } = await image(target, repositoryName);
      await target.ecr.send(
        new PutImageCommand({ repositoryName, imageManifest: indexOf(digest), imageManifestMediaType: OCI_INDEX, imageTag: "v1" }),
      );
      const { failures } = await target.ecr.send(new BatchDeleteImageCommand({ repositoryName, imageIds: [{ imageDigest: digest }] }));
      assert.deepEqual(
        failures?.map(({ failureCode }) => failureCode),
        ["ImageReferencedByManifestList"],
      );
    },
    "answers for what is not there": async (target) => {
      const command = new BatchDeleteImageCommand({ repositoryName: await repository(target), imageIds: [{ imageTag: "missing" }] });
      const { failures } = await target.ecr.send(command);
      assert.deepEqual(
        failures?.map(({ failureCode }) => failureCode),
        ["ImageNotFound"],
      );
    },
  }),
];
