import { CreateRepositoryCommand, DescribeRepositoriesCommand } from "@aws-sdk/client-ecr";
import { afterEach, describe, expect, test } from "vitest";
import { ownershipTags } from "../../../src/crds/aws-names.ts";
import { repositoryStep } from "../../../src/reconcilers/platform-service/repository.ts";
import { buildRepository } from "../../../src/resources/ecr/repository.ts";
import { emulatedAws, type EmulatedAws } from "../../support/aws/emulated.ts";
import { pushImage } from "../../support/aws/push.ts";
import { service } from "../../support/aws/service.ts";
import { awsRemoveScope } from "../../support/remove-scope.ts";

/** Repositories that others own, under the operator's own IAM policy. */

const EVERY = { registry: { mode: "Existing" } };
const SHARED = { tenancy: [{ namespaceSelector: {}, owners: ["*"], existingRepositories: ["shared/*"] }] };
/** The operator's own are below a prefix, and these beside it. */
const BESIDE = { ...SHARED, registry: { repositoryPrefix: "prod/" } };
const KEY = { namespace: "tracking", name: "tracking" };

let aws: EmulatedAws;
afterEach(async () => aws.close());

async function ofAnotherCluster(repositoryName: string): Promise<string> {
  const tags = Object.entries({ ...ownershipTags(KEY, aws.config), "platform-operator.dev/cluster": "eu-west-1.other" });
  await aws.ecr.send(new CreateRepositoryCommand({ repositoryName, tags: tags.map(([Key, Value]) => ({ Key, Value })) }));
  return pushImage(aws.ecr, repositoryName, { tag: "1.0.0", architecture: "arm64" });
}

test("is read as it is, and the bulk read tells the same but for its tags", async () => {
  aws = await emulatedAws(EVERY);
  await ofAnotherCluster("tracking/tracking");
  const read = await aws.operator.existingRepositories.read("tracking/tracking");
  expect(read).toMatchObject({
    arn: "arn:aws:ecr:eu-west-1:111122223333:repository/tracking/tracking",
    immutable: false,
    encryption: { type: "AES256" },
    tags: { "platform-operator.dev/cluster": "eu-west-1.other" },
  });
  expect((await aws.operator.bulk.repositories(new Set())).get("tracking/tracking")).toEqual({ ...read, tags: undefined });
  expect(await aws.operator.existingRepositories.read("tracking/none")).toBeUndefined();
});

test("beside the prefix is told in bulk where it is asked for by name", async () => {
  aws = await emulatedAws(BESIDE);
  for (const name of ["shared/base", "shared/other", "prod/tracking/tracking"]) await ofAnotherCluster(name);
  const found = await aws.operator.bulk.repositories(new Set(["shared/base"]));
  expect([...found.keys()].toSorted()).toEqual(["prod/tracking/tracking", "shared/base"]);
});

describe("the operator's own policy", () => {
  test("lets it read images of every repository where the configuration says that others own them", async () => {
    aws = await emulatedAws(EVERY);
    const digest = await ofAnotherCluster("tracking/tracking");
    expect(await aws.operator.images.resolve("tracking/tracking", { tag: "1.0.0" })).toMatchObject({ digest, architectures: ["arm64"] });
  });

  test("lets it read images of those that a tenancy lists, and of no other", async () => {
    aws = await emulatedAws(SHARED);
    await ofAnotherCluster("shared/base");
    await ofAnotherCluster("tracking/tracking");
    expect(await aws.operator.images.resolve("shared/base", { tag: "1.0.0" })).toBeDefined();
    await expect(aws.operator.images.resolve("tracking/tracking", { tag: "1.0.0" })).rejects.toMatchObject({ class: "denied" });
  });

  test("lets it read images of those that a tenancy lists beside the prefix, and not of those of the same name below it", async () => {
    aws = await emulatedAws(BESIDE);
    await ofAnotherCluster("shared/base");
    await ofAnotherCluster("prod/shared/base");
    expect(await aws.operator.images.resolve("shared/base", { tag: "1.0.0" })).toBeDefined();
    await expect(aws.operator.images.resolve("prod/shared/base", { tag: "1.0.0" })).rejects.toMatchObject({ class: "denied" });
  });

  test("lets it change none, and grants no more than such a service's life uses", async () => {
    aws = await emulatedAws(EVERY);
    await ofAnotherCluster("tracking/tracking");
    const theirs = { ...buildRepository(service(), aws.config), name: "tracking/tracking" };
    const found = await aws.operator.existingRepositories.read(theirs.name);
    if (found === undefined) throw new Error("just created");
    // Even for a caller that takes it for ours.
    const taken = aws.operator.repositories.update(theirs, { ...found, tags: theirs.tags }, [
      { field: "lifecyclePolicy", observed: "none", desired: "the spec's" },
    ]);
    await expect(taken).rejects.toMatchObject({ class: "denied", operation: "ecr:PutLifecyclePolicy" });
    await aws.operator.images.resolve(theirs.name, { tag: "1.0.0" });
    const [report] = await aws.emulator.grants();
    expect(report?.statements.find(({ sid }) => sid === "ReadImagesOfOthers")?.unused).toEqual([]);
  });
});

test.each<[string, object, object]>([
  ["by the spec", { repositoryMode: "Existing" }, SHARED],
  ["by the configuration, whatever the spec says of its deletion", { deletionPolicy: "DeleteWithImages" }, EVERY],
])("outlives the service where it is another's %s, even one with our tags", async (_, image, overrides) => {
  aws = await emulatedAws(overrides);
  await aws.operator.repositories.create(buildRepository(service(), aws.config));
  aws.recorder.clear();
  const scope = awsRemoveScope(aws, KEY, { owner: "tracking-squad", tier: "tier-2", image: { ...image } });
  expect(await repositoryStep.remove(scope)).toEqual({
    state: "retained",
    message: "ECR repository tracking/tracking is kept: others own it",
  });
  expect(scope.retained).toEqual([{ group: "ecr.aws", kind: "Repository", name: "tracking/tracking", state: "Retained" }]);
  expect(aws.recorder.calls()).toEqual([]);
  expect((await aws.ecr.send(new DescribeRepositoriesCommand({}))).repositories).toHaveLength(1);
});

test("is named in full when its service is deleted, without the prefix", async () => {
  aws = await emulatedAws(BESIDE);
  const scope = awsRemoveScope(aws, KEY, {
    owner: "tracking-squad",
    tier: "tier-2",
    image: { repository: "shared/base", repositoryMode: "Existing" },
  });
  expect(await repositoryStep.remove(scope)).toEqual({ state: "retained", message: "ECR repository shared/base is kept: others own it" });
});
