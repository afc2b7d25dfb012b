import { PutImageCommand } from "@aws-sdk/client-ecr";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { RepositoryDesired } from "../../../src/crds/desired.ts";
import { buildRepository } from "../../../src/resources/ecr/repository.ts";
import { emulatedAws, type EmulatedAws } from "../../support/aws/emulated.ts";
import { pushImage } from "../../support/aws/push.ts";
import { service } from "../../support/aws/service.ts";

let aws: EmulatedAws;
let services = 0;

beforeAll(async () => {
  aws = await emulatedAws();
});
afterAll(async () => aws.close());
beforeEach(() => {
  services++;
});

/** The repository of a service that no other test has. */
async function created(): Promise<RepositoryDesired> {
  const desired = buildRepository(service({}, { namespace: "tracking", name: `s${services}` }), aws.config);
  await aws.operator.repositories.create(desired);
  return desired;
}

describe("an image", () => {
  test("of one architecture is told by its configuration", async () => {
    const { name } = await created();
    const digest = await pushImage(aws.ecr, name, { tag: "1.4.2", architecture: "arm64" });
    expect(await aws.operator.images.resolve(name, { tag: "1.4.2" })).toMatchObject({ digest, architectures: ["arm64"] });
    expect(await aws.operator.images.resolve(name, { digest })).toMatchObject({ digest, architectures: ["arm64"] });
  });

  test("of several is told by its index", async () => {
    const { name } = await created();
    const arm64 = await pushImage(aws.ecr, name, { tag: "arm", architecture: "arm64" });
    const amd64 = await pushImage(aws.ecr, name, { tag: "amd", architecture: "amd64" });
    const manifest = (digest: string, architecture: string) => ({
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest,
      size: 100,
      platform: { os: "linux", architecture },
    });
    const imageManifestMediaType = "application/vnd.oci.image.index.v1+json";
    const index = { schemaVersion: 2, mediaType: imageManifestMediaType, manifests: [manifest(arm64, "arm64"), manifest(amd64, "amd64")] };
    const imageManifest = JSON.stringify(index);
    const answer = await aws.ecr.send(
      new PutImageCommand({ repositoryName: name, imageManifest, imageManifestMediaType, imageTag: "both" }),
    );
    expect(await aws.operator.images.resolve(name, { tag: "both" })).toMatchObject({
      digest: answer.image?.imageId?.imageDigest,
      architectures: ["amd64", "arm64"],
    });
  });

  test.each([{ tag: "none" }, { digest: `sha256:${"0".repeat(64)}` }])("that does not exist is undefined: %j", async (reference) => {
    const { name } = await created();
    expect(await aws.operator.images.resolve(name, reference)).toBeUndefined();
  });
});

test("deleting a repository that holds images is blocked, with their number and what to do", async () => {
  const desired = await created();
  await pushImage(aws.ecr, desired.name, { tag: "1", architecture: "arm64" });
  await pushImage(aws.ecr, desired.name, { tag: "2", architecture: "amd64" });
  expect(await aws.operator.repositories.delete({ ...desired, force: false })).toEqual({
    state: "blocked",
    reason: "RepositoryNotEmpty",
    message: `ECR repository ${desired.name} holds 2 images; delete them, or set spec.image.deletionPolicy to DeleteWithImages, or to Retain to keep the repository`,
  });
  expect(await aws.operator.repositories.delete({ ...desired, force: true })).toEqual({ state: "gone" });
});
