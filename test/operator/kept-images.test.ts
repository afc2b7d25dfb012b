import { BatchDeleteImageCommand, BatchGetImageCommand, DescribeImagesCommand, GetDownloadUrlForLayerCommand } from "@aws-sdk/client-ecr";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EmulatorAdmin } from "../../emulator/admin-client.ts";
import { keptTag } from "../../src/crds/aws-names.ts";
import type { ObjectKey } from "../../src/crds/meta.ts";
import { operatorWrites, provokePass } from "../support/operator-writes.ts";
import { PATIENCE_MS, sharedPlatform, type Platform } from "../support/platform.ts";
import { messageOf, podsOf } from "../support/service-view.ts";

/** The image that runs survives its repository's own lifecycle policy. */

const NAMESPACE = "kept-images";
const RETAIN = { taggedImages: 2, untaggedDays: 3 };
/** Longer than RETAIN keeps what has no tag. */
const DAYS = RETAIN.untaggedDays + 1;

let platform: Platform;
let emulator: EmulatorAdmin;

beforeAll(async () => {
  platform = sharedPlatform();
  emulator = new EmulatorAdmin(platform.info.awsEndpoint);
  await platform.namespace(NAMESPACE);
});

afterAll(async () => {
  await platform.close();
});

function repositoryOf({ namespace, name }: ObjectKey): string {
  return `${namespace}/${name}`;
}

/** Images by digest, with the tags of each. */
async function images(key: ObjectKey): Promise<ReadonlyMap<string, readonly string[]>> {
  const { imageDetails = [] } = await platform.ecr.send(new DescribeImagesCommand({ repositoryName: repositoryOf(key) }));
  return new Map(imageDetails.map(({ imageDigest = "", imageTags = [] }) => [imageDigest, imageTags]));
}

async function tagsOf(key: ObjectKey, digest: string): Promise<readonly string[] | undefined> {
  return (await images(key)).get(digest);
}

/** Newer images than the policy keeps; then so much time that what has no tag expires, and after it what it was referred to by. */
async function outlive(key: ObjectKey, tags: readonly string[]): Promise<void> {
  for (const tag of tags) await platform.push(key, tag);
  const expiry = { repository: repositoryOf(key), days: DAYS };
  await emulator.expireImages(expiry);
  await emulator.expireImages(expiry);
}

/** Whether a kubelet could pull it now: index, each architecture's manifest, configuration and layers. */
async function pullable(key: ObjectKey, imageDigest: string): Promise<boolean> {
  const repositoryName = repositoryOf(key);
  const { images: found = [] } = await platform.ecr.send(new BatchGetImageCommand({ repositoryName, imageIds: [{ imageDigest }] }));
  const text = found[0]?.imageManifest;
  if (text === undefined) return false;
  const manifest: {
    readonly manifests?: readonly { readonly digest: string }[];
    readonly config?: { readonly digest: string };
    readonly layers?: readonly { readonly digest: string }[];
  } = JSON.parse(text);
  for (const child of manifest.manifests ?? []) if (!(await pullable(key, child.digest))) return false;
  for (const layer of [manifest.config, ...(manifest.layers ?? [])]) {
    if (!layer) continue;
    await platform.ecr.send(new GetDownloadUrlForLayerCommand({ repositoryName, layerDigest: layer.digest }));
  }
  return true;
}

describe("a service that runs a tag", () => {
  const WEB = { namespace: NAMESPACE, name: "web" };
  let first: string;
  let second: string;

  test("keeps its image through more pushes than the policy keeps, and the days after which untagged ones go", async () => {
    await platform.applyService(WEB, { image: { tag: "1.0.0", retain: RETAIN } });
    first = await platform.push(WEB);
    const notRun = await platform.push(WEB, "0.9.0");
    await platform.untilReady(WEB);
    expect(await tagsOf(WEB, first)).toEqual(["1.0.0", keptTag(first)]);
    expect(await tagsOf(WEB, notRun)).toEqual(["0.9.0"]);

    await outlive(WEB, ["1.1.0", "1.2.0", "1.3.0"]);
    expect(await tagsOf(WEB, notRun)).toBeUndefined();
    expect(await tagsOf(WEB, first)).toEqual(["1.0.0", keptTag(first)]);
    expect(await pullable(WEB, first)).toBe(true);
  });

  test("a pass more writes nothing", async () => {
    const before = await operatorWrites(platform, NAMESPACE, "web");
    await provokePass(platform, WEB);
    expect(await operatorWrites(platform, NAMESPACE, "web")).toEqual(before);
  });

  test("has the tag put back when somebody took it off", async () => {
    await platform.ecr.send(new BatchDeleteImageCommand({ repositoryName: repositoryOf(WEB), imageIds: [{ imageTag: keptTag(first) }] }));
    // Its turn in the sweep comes within hours; who asks is served at once.
    await platform.kubectl([
      "annotate",
      "psvc",
      WEB.name,
      "-n",
      WEB.namespace,
      `platform-operator.dev/reconcile-at=${String(performance.now())}`,
    ]);
    await expect.poll(() => tagsOf(WEB, first), { timeout: PATIENCE_MS, interval: 200 }).toContain(keptTag(first));
  });

  test("rolls forward: the image before is kept as long as a pod runs it, and then no longer", async () => {
    second = await platform.push(WEB, "2.0.0");
    await platform.applyService(WEB, { image: { tag: "2.0.0", retain: RETAIN } });
    await platform.untilReady(WEB);
    await expect.poll(() => tagsOf(WEB, first), { timeout: PATIENCE_MS, interval: 200 }).toEqual(["1.0.0"]);
    const pods = await podsOf(platform, WEB);
    expect(pods.map((p) => p.spec.containers.map((c) => c.image).some((image) => image.endsWith(second)))).toEqual(pods.map(() => true));
    expect(await tagsOf(WEB, second)).toEqual(["2.0.0", keptTag(second)]);

    await outlive(WEB, ["2.1.0", "2.2.0", "2.3.0"]);
    expect(await tagsOf(WEB, first)).toBeUndefined();
    expect(await pullable(WEB, second)).toBe(true);
  });

  test("keeps what runs while what it names is not there", async () => {
    await platform.applyService(WEB, { image: { tag: "9.9.9", retain: RETAIN } });
    await platform.untilCondition(WEB, "ImageResolved", "False", "ImageNotFound");
    await outlive(WEB, ["3.1.0", "3.2.0", "3.3.0"]);
    expect(await pullable(WEB, second)).toBe(true);
  });
});

test("a service that runs an untagged image by its digest keeps it", async () => {
  const key = { namespace: NAMESPACE, name: "by-digest" };
  await platform.applyService(key, { image: { retain: RETAIN } });
  await platform.push(key, "once", ["amd64"]);
  const [digest = ""] = [...(await images(key))].filter(([, tags]) => tags.length === 0).map(([untagged]) => untagged);
  await platform.applyService(key, { image: { digest, retain: RETAIN } });
  await platform.untilReady(key);
  // Nothing refers to it any more but what runs.
  await platform.ecr.send(new BatchDeleteImageCommand({ repositoryName: repositoryOf(key), imageIds: [{ imageTag: "once" }] }));
  await outlive(key, ["1", "2", "3"]);
  expect(await tagsOf(key, digest)).toEqual([keptTag(digest)]);
  expect(await pullable(key, digest)).toBe(true);
});

test("a tag that is the operator's to put, on another image, is said, and nothing runs that could expire", async () => {
  const key = { namespace: NAMESPACE, name: "taken" };
  await platform.applyService(key, { image: {} });
  const digest = await platform.push(key, "1.0.0");
  await platform.push(key, keptTag(digest));
  await platform.applyService(key, { image: { tag: "1.0.0" } });
  const service = await platform.untilCondition(key, "ImageResolved", "False", "TagTaken");
  expect(messageOf(service, "ImageResolved")).toContain(`${keptTag(digest)} names another image`);
  expect(await podsOf(platform, key)).toEqual([]);

  await platform.ecr.send(new BatchDeleteImageCommand({ repositoryName: repositoryOf(key), imageIds: [{ imageTag: keptTag(digest) }] }));
  await provokePass(platform, key);
  await platform.untilReady(key);
  expect(await tagsOf(key, digest)).toEqual(["1.0.0", keptTag(digest)]);
});
