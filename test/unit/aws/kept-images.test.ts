import { BatchDeleteImageCommand, DescribeImagesCommand, PutLifecyclePolicyCommand } from "@aws-sdk/client-ecr";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { pushImage } from "../../../src/cli/image.ts";
import { keptTag } from "../../../src/crds/aws-names.ts";
import type { RepositoryDesired } from "../../../src/crds/desired.ts";
import { buildRepository } from "../../../src/resources/ecr/repository.ts";
import { emulatedAws, type EmulatedAws } from "../../support/aws/emulated.ts";
import { service } from "../../support/aws/service.ts";

/** The tags that keep images from expiring, under the operator's own policy. */

const TAGGED_IMAGES = 2;
const NOBODY = `sha256:${"0".repeat(64)}`;

let aws: EmulatedAws;
let desired: RepositoryDesired;
let name: string;
let services = 0;

beforeAll(async () => {
  aws = await emulatedAws();
});
afterAll(async () => aws.close());
beforeEach(async () => {
  services++;
  const retain = { taggedImages: TAGGED_IMAGES, untaggedDays: 3 };
  desired = buildRepository(service({ image: { retain } }, { namespace: "tracking", name: `s${services}` }), aws.config);
  ({ name } = desired);
  await aws.operator.repositories.create(desired);
  await aws.emulator.clearFaults();
  aws.recorder.clear();
});

function push(tag: string): Promise<string> {
  return pushImage(aws.ecr, { repository: name, tag, architectures: ["amd64", "arm64"] });
}

/** By digest, with the tags of each. */
async function images(): Promise<ReadonlyMap<string, readonly string[]>> {
  const { imageDetails = [] } = await aws.ecr.send(new DescribeImagesCommand({ repositoryName: name }));
  return new Map(imageDetails.map(({ imageDigest = "", imageTags = [] }) => [imageDigest, imageTags]));
}

describe("keeping an image", () => {
  test("adds our tag to those it has, and nothing else", async () => {
    const digest = await push("1.0.0");
    const before = await images();
    expect(await aws.operator.imageKeeper.keep(name, digest)).toBe("kept");
    expect(await images()).toEqual(new Map(before).set(digest, ["1.0.0", keptTag(digest)]));
    expect(aws.recorder.writes()).toEqual(["ecr:PutImage"]);
    expect(await aws.operator.imageKeeper.kept(name)).toEqual([digest]);
  });

  test("by the manifest that was read of it costs one call, and adds the same", async () => {
    const digest = await push("1.0.0");
    const { manifest } = (await aws.operator.images.resolve(name, { tag: "1.0.0" })) ?? {};
    aws.recorder.clear();
    expect(await aws.operator.imageKeeper.keep(name, digest, manifest)).toBe("kept");
    expect(aws.recorder.calls()).toEqual(["ecr:PutImage"]);
    expect((await images()).get(digest)).toEqual(["1.0.0", keptTag(digest)]);
  });

  test("twice is as once, and so is an answer that was lost", async () => {
    const digest = await push("1.0.0");
    await aws.emulator.addFaults({ match: { operation: "PutImage" }, position: 1, fault: { kind: "lost" } });
    expect(await aws.operator.imageKeeper.keep(name, digest)).toBe("kept");
    expect(aws.recorder.codes("ecr:PutImage")).toEqual(["UND_ERR_SOCKET", "ImageAlreadyExistsException"]);
    expect(await aws.operator.imageKeeper.keep(name, digest)).toBe("kept");
  });

  test("that is not there says so", async () => {
    expect(await aws.operator.imageKeeper.keep(name, NOBODY)).toBe("absent");
    expect(aws.recorder.writes()).toEqual([]);
  });

  test("whose tag somebody gave to another says so, and moves no tag", async () => {
    const digest = await push("1.0.0");
    const other = await push(keptTag(digest));
    const before = await images();
    expect(await aws.operator.imageKeeper.keep(name, digest)).toBe("tagTaken");
    expect(await images()).toEqual(before);
    // Of this form, and not of its own digest: not one that we put.
    expect(before.get(other)).toEqual([keptTag(digest)]);
    expect(await aws.operator.imageKeeper.kept(name)).toEqual([]);
  });
});

describe("releasing an image", () => {
  test("takes our tag off and leaves the image", async () => {
    const digest = await push("1.0.0");
    const before = await images();
    await aws.operator.imageKeeper.keep(name, digest);
    expect(await aws.operator.imageKeeper.release(name, digest)).toBe("released");
    expect(await images()).toEqual(before);
    expect(await aws.operator.imageKeeper.release(name, digest)).toBe("released");
  });

  test("whose only tag is ours leaves it, since the image would go with it", async () => {
    const digest = await push("1.0.0");
    await aws.operator.imageKeeper.keep(name, digest);
    await aws.ecr.send(new BatchDeleteImageCommand({ repositoryName: name, imageIds: [{ imageTag: "1.0.0" }] }));
    const before = await images();
    expect(await aws.operator.imageKeeper.release(name, digest)).toBe("onlyTag");
    expect(await images()).toEqual(before);
  });

  test("that is gone is done", async () => {
    expect(await aws.operator.imageKeeper.release(name, NOBODY)).toBe("released");
  });
});

describe("the lifecycle policy", () => {
  /** One image runs; more newer ones are pushed than the policy keeps, and so much time passes that untagged ones expire. */
  async function outlived(digest: string): Promise<ReadonlyMap<string, readonly string[]>> {
    for (const tag of ["2.0.0", "3.0.0", "4.0.0"]) await push(tag);
    await aws.emulator.expireImages({ days: 4 });
    // What an index that has expired referred to goes after it.
    await aws.emulator.expireImages({ days: 4 });
    const left = await images();
    const resolved = await aws.operator.images.resolve(name, { digest });
    return resolved ? left : new Map([...left].filter(([other]) => other !== digest));
  }

  async function children(digest: string): Promise<readonly string[]> {
    const before = await images();
    return [...before.keys()].filter((other) => other !== digest);
  }

  test("spares what is kept, whole, and expires the others", async () => {
    const digest = await push("1.0.0");
    const parts = await children(digest);
    await aws.operator.imageKeeper.keep(name, digest);
    const left = await outlived(digest);
    expect(left.get(digest)).toEqual(["1.0.0", keptTag(digest)]);
    expect([...left.keys()]).toEqual(expect.arrayContaining([...parts]));
    expect([...left.values()].flat().toSorted()).toEqual(["1.0.0", "3.0.0", "4.0.0", keptTag(digest)].toSorted());
  });

  test("spares an image that has no tag of its own", async () => {
    const digest = await push("1.0.0");
    await aws.operator.imageKeeper.keep(name, digest);
    await aws.ecr.send(new BatchDeleteImageCommand({ repositoryName: name, imageIds: [{ imageTag: "1.0.0" }] }));
    expect((await outlived(digest)).get(digest)).toEqual([keptTag(digest)]);
  });

  test("expires what is released", async () => {
    const digest = await push("1.0.0");
    await aws.operator.imageKeeper.keep(name, digest);
    await aws.operator.imageKeeper.release(name, digest);
    expect((await outlived(digest)).has(digest)).toBe(false);
  });

  test("without the rule that keeps what runs, takes it", async () => {
    const digest = await push("1.0.0");
    await aws.operator.imageKeeper.keep(name, digest);
    const rules = desired.lifecyclePolicy.rules.slice(1);
    await aws.ecr.send(new PutLifecyclePolicyCommand({ repositoryName: name, lifecyclePolicyText: JSON.stringify({ rules }) }));
    expect((await outlived(digest)).has(digest)).toBe(false);
  });

  test("never lets our own tag be the reason that a tag of the squad's goes", async () => {
    const older = await push("1.0.0");
    const newer = await push("2.0.0");
    await aws.operator.imageKeeper.keep(name, newer);
    await aws.emulator.expireImages({ days: 4 });
    const left = await images();
    expect(left.has(older)).toBe(true);
    expect(left.has(newer)).toBe(true);
  });
});
