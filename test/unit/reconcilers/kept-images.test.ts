import { BatchDeleteImageCommand, DescribeImagesCommand } from "@aws-sdk/client-ecr";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { pushImage } from "../../../src/cli/image.ts";
import { keptTag } from "../../../src/crds/aws-names.ts";
import { ImageMemory } from "../../../src/reconcilers/platform-service/image-memory.ts";
import { imageStep } from "../../../src/reconcilers/platform-service/image.ts";
import { nothingYet, type Scope } from "../../../src/reconcilers/platform-service/scope.ts";
import type { DeploymentState, PodState, World } from "../../../src/reconcilers/ports.ts";
import type { StepReport } from "../../../src/reconcilers/step.ts";
import { buildRepository, repositoryUri } from "../../../src/resources/ecr/repository.ts";
import { emulatedAws, type EmulatedAws } from "../../support/aws/emulated.ts";
import { service } from "../../support/aws/service.ts";
import type { Json } from "../../support/json-path.ts";
import { awsRemoveScope } from "../../support/remove-scope.ts";
import { deploymentState, ownDeployment, podState } from "../../support/workload-states.ts";

/** Which images the image step keeps, and until when; against the emulator, with the cluster as a test says it is. */

let aws: EmulatedAws;
let services = 0;
let key = { namespace: "tracking", name: "" };
let repository: string;
let uri: string;
let memory: ImageMemory;
let digests: Readonly<Record<"v1" | "v2" | "v3", string>>;

beforeAll(async () => {
  aws = await emulatedAws();
});
afterAll(async () => aws.close());
beforeEach(async () => {
  services++;
  key = { namespace: "tracking", name: `k${services}` };
  const desired = buildRepository(service({}, key), aws.config);
  repository = desired.name;
  uri = repositoryUri(repository, aws.config);
  await aws.operator.repositories.create(desired);
  const push = (tag: string) => pushImage(aws.ecr, { repository, tag, architectures: ["amd64"] });
  digests = { v1: await push("v1"), v2: await push("v2"), v3: await push("v3") };
  memory = new ImageMemory(() => 0);
  aws.recorder.clear();
});
afterEach(async () => aws.emulator.clearFaults());

/** What of the cluster matters here: the Deployment's image and whether it is rolled out, and the pods' images. */
interface Cluster {
  readonly template?: string;
  readonly rollingOut?: true;
  readonly pods?: readonly string[];
  /** Digests of pods that name a tag, as those of a workload that a squad brings. */
  readonly byTag?: readonly string[];
  /** The repository is not as written; default: it is. */
  readonly repositoryBlocked?: true;
}

function deployment(digest: string, rolledOut: boolean): DeploymentState {
  return deploymentState({ replicas: 2, image: `${uri}@${digest}`, rolledOut });
}

function pod(digest: string, index: number): PodState {
  const images = { app: `${uri}@${digest}`, "istio-proxy": `docker.io/istio/proxyv2@sha256:${"f".repeat(64)}` };
  return podState({ name: `pod-${index}`, deleting: index > 0, images, containers: Object.keys(images) });
}

/** One pass of the step. */
async function pass(
  image: { readonly [field: string]: Json },
  { template, rollingOut, pods = [], byTag = [], repositoryBlocked }: Cluster = {},
): Promise<StepReport> {
  const ports = awsRemoveScope(aws, key, { owner: "tracking-squad", tier: "tier-2", image });
  const world: World = {
    ...ports.world,
    ...ownDeployment(template === undefined ? undefined : deployment(template, rollingOut === undefined)),
    pods: () => [...pods.map(pod), ...byTag.map((digest) => podState({ images: { web: `${uri}:some-tag` }, digests: { web: digest } }))],
  };
  const scope: Scope = {
    ...ports,
    world,
    images: memory,
    service: service({ image }, key),
    namespaceLabels: {},
    ...nothingYet(),
    facts: { repository: { arn: `arn:${repository}`, uri } },
    previous: [],
    reports: new Map([
      ["RepositoryReady", repositoryBlocked ? { state: "blocked", reason: "CannotBeChanged", message: "" } : { state: "ready" }],
    ]),
  };
  return imageStep.ensure(scope);
}

/** Tags of the images that are kept, in order. */
async function kept(): Promise<readonly string[]> {
  const { imageDetails = [] } = await aws.ecr.send(new DescribeImagesCommand({ repositoryName: repository }));
  const found = imageDetails.filter(({ imageDigest = "", imageTags = [] }) => imageTags.includes(keptTag(imageDigest)));
  return found.map(({ imageTags = [] }) => imageTags.find((tag) => !tag.startsWith("platform-operator.")) ?? "none").toSorted();
}

test("what is to run is kept before the step is ready, and once", async () => {
  expect(await pass({ tag: "v1" })).toMatchObject({ state: "ready" });
  expect(await kept()).toEqual(["v1"]);
  expect(aws.recorder.writes()).toEqual(["ecr:PutImage"]);
  aws.recorder.clear();
  await pass({ tag: "v1" }, { template: digests.v1, pods: [digests.v1] });
  expect(aws.recorder.calls()).toEqual([]);
});

test("it is not ready where the tag cannot be put", async () => {
  await aws.emulator.addFaults({ match: { operation: "PutImage" }, fault: { kind: "denied" } });
  await expect(pass({ tag: "v1" })).rejects.toMatchObject({ class: "denied", operation: "ecr:PutImage" });
});

test("a process that has just started reads once what is kept, and writes nothing", async () => {
  await pass({ tag: "v1" });
  memory = new ImageMemory(() => 0);
  aws.recorder.clear();
  const running = { template: digests.v1, pods: [digests.v1] };
  await pass({ tag: "v1" }, running);
  expect(aws.recorder.writes()).toEqual([]);
  expect(aws.recorder.calls().filter((call) => call === "ecr:DescribeImages")).toHaveLength(1);
  aws.recorder.clear();
  await pass({ tag: "v1" }, running);
  expect(aws.recorder.calls()).toEqual([]);
});

describe("what runs already is kept", () => {
  test.each<[string, { readonly [field: string]: Json }, string]>([
    ["no image is named any more", {}, "NoImage"],
    ["what is named does not exist", { tag: "v9" }, "ImageNotFound"],
  ])("though %s", async (_, image, reason) => {
    expect(await pass(image, { template: digests.v2, pods: [digests.v1, digests.v2] })).toMatchObject({ state: "blocked", reason });
    expect(await kept()).toEqual(["v1", "v2"]);
  });

  test("though the pods name it by a tag", async () => {
    await pass({ tag: "v3" }, { template: digests.v3, byTag: [digests.v2] });
    expect(await kept()).toEqual(["v2", "v3"]);
    await pass({ tag: "v3" }, { template: digests.v3 });
    expect(await kept()).toEqual(["v3"]);
  });

  test("though the repository is not as written", async () => {
    const running: Cluster = { template: digests.v1, pods: [digests.v1], repositoryBlocked: true };
    expect(await pass({ tag: "v1" }, running)).toMatchObject({ state: "progressing", reason: "WaitingForRepository" });
    expect(await kept()).toEqual(["v1"]);
  });

  test("unless it is no longer in the repository, which stops nothing", async () => {
    await aws.ecr.send(new BatchDeleteImageCommand({ repositoryName: repository, imageIds: [{ imageDigest: digests.v1 }] }));
    const cluster = { template: digests.v1, pods: [digests.v1] };
    expect(await pass({ tag: "v2" }, cluster)).toMatchObject({ state: "ready" });
    aws.recorder.clear();
    expect(await pass({ tag: "v2" }, cluster)).toMatchObject({ state: "ready" });
    expect(aws.recorder.calls()).toEqual([]);
  });
});

test("what is no digest, though a pod names it, is not asked for", async () => {
  expect(await pass({ tag: "v1" }, { pods: ["sha256:none", "v2"] })).toMatchObject({ state: "ready" });
  expect(await kept()).toEqual(["v1"]);
});

describe("what ran before is released", () => {
  beforeEach(async () => {
    await pass({ tag: "v1" });
    await pass({ tag: "v2" }, { template: digests.v1, pods: [digests.v1] });
    aws.recorder.clear();
  });

  test.each<[string, () => Cluster]>([
    ["while the Deployment names it", () => ({ template: digests.v1, pods: [] })],
    ["while the rollout goes on, whatever pods there are just now", () => ({ template: digests.v2, rollingOut: true, pods: [digests.v2] })],
    ["while a pod of it is on its way out", () => ({ template: digests.v2, pods: [digests.v2, digests.v1] })],
    ["while there is no Deployment", () => ({})],
  ])("not %s", async (_, cluster) => {
    await pass({ tag: "v2" }, cluster());
    expect(await kept()).toEqual(["v1", "v2"]);
    expect(aws.recorder.calls()).toEqual([]);
  });

  test("when the rollout is complete and its last pod is gone", async () => {
    const done = { template: digests.v2, pods: [digests.v2] };
    await pass({ tag: "v2" }, done);
    expect(await kept()).toEqual(["v2"]);
    expect(aws.recorder.writes()).toEqual(["ecr:BatchDeleteImage"]);
    aws.recorder.clear();
    await pass({ tag: "v2" }, done);
    expect(aws.recorder.calls()).toEqual([]);
  });

  test("also by a process that did not put the tag", async () => {
    memory = new ImageMemory(() => 0);
    await pass({ tag: "v2" }, { template: digests.v2, pods: [digests.v2] });
    expect(await kept()).toEqual(["v2"]);
  });

  test("but not where our tag is its only one: asked once, and kept again for nothing when it runs again", async () => {
    await aws.ecr.send(new BatchDeleteImageCommand({ repositoryName: repository, imageIds: [{ imageTag: "v1" }] }));
    const done = { template: digests.v2, pods: [digests.v2] };
    await pass({ tag: "v2" }, done);
    expect(await kept()).toEqual(["none", "v2"]);
    expect(aws.recorder.writes()).toEqual([]);
    aws.recorder.clear();
    await pass({ tag: "v2" }, done);
    expect(aws.recorder.calls()).toEqual([]);
    expect(await pass({ digest: digests.v1 }, done)).toMatchObject({ state: "ready" });
    expect(aws.recorder.writes()).toEqual([]);
  });
});

test("a tag of ours on another image is said, with what to do", async () => {
  await pushImage(aws.ecr, { repository, tag: keptTag(digests.v3), architectures: ["arm64"] });
  expect(await pass({ tag: "v3" })).toMatchObject({
    state: "blocked",
    reason: "TagTaken",
    message: `${uri}:${keptTag(digests.v3)} names another image, so ${uri}@${digests.v3} cannot be kept from expiring: delete that tag; tags of this form are the operator's`,
  });
});

test("an image that went between being found and being kept is not found", async () => {
  await pass({ tag: "v1" });
  memory.forget(`arn:${repository}`);
  memory.set(`arn:${repository}`, { tag: "v2" }, { digest: `sha256:${"0".repeat(64)}`, architectures: ["amd64"] });
  expect(await pass({ tag: "v2" })).toMatchObject({ state: "blocked", reason: "ImageNotFound" });
  // What was remembered is dropped: the next pass looks again.
  expect(await pass({ tag: "v2" })).toMatchObject({ state: "ready", message: `${uri}@${digests.v2}` });
});
