import {
  CreateRepositoryCommand,
  DeleteLifecyclePolicyCommand,
  DescribeRepositoriesCommand,
  PutImageTagMutabilityCommand,
  PutLifecyclePolicyCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-ecr";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { RepositoryDesired } from "../../../src/crds/desired.ts";
import { Converger } from "../../../src/reconcilers/converge.ts";
import { buildRepository, repositoryUri } from "../../../src/resources/ecr/repository.ts";
import { emulatedAws, type EmulatedAws } from "../../support/aws/emulated.ts";
import { service } from "../../support/aws/service.ts";

let aws: EmulatedAws;
let services = 0;

beforeAll(async () => {
  aws = await emulatedAws();
});
afterAll(async () => aws.close());
beforeEach(async () => {
  services++;
  aws.recorder.clear();
  await aws.emulator.clearFaults();
});

/** The repository of a service that no other test has. */
function repository(): RepositoryDesired {
  return buildRepository(service({}, { namespace: "tracking", name: `s${services}` }), aws.config);
}

function converge(desired: RepositoryDesired) {
  return new Converger(aws.operator.repositories).converge(desired);
}

async function created(): Promise<RepositoryDesired> {
  const desired = repository();
  await converge(desired);
  aws.recorder.clear();
  return desired;
}

function remove({ name, owner }: RepositoryDesired, force: boolean) {
  return aws.operator.repositories.delete({ name, owner, force });
}

async function live(name: string) {
  const answer = await aws.ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [name] }));
  return answer.repositories?.[0];
}

test("a repository that is not there is created whole", async () => {
  const desired = repository();
  const uri = repositoryUri(desired.name, aws.config);
  expect(await converge(desired)).toMatchObject({ state: "asDesired", observed: { uri } });
  expect(aws.recorder.writes()).toEqual(["ecr:CreateRepository", "ecr:PutLifecyclePolicy"]);
  expect(await live(desired.name)).toMatchObject({
    imageTagMutability: "IMMUTABLE",
    encryptionConfiguration: { encryptionType: "AES256" },
    repositoryUri: uri,
  });
});

test("a second look writes nothing", async () => {
  const desired = await created();
  expect(await converge(desired)).toMatchObject({ state: "asDesired", corrected: [] });
  expect(aws.recorder.writes()).toEqual([]);
});

describe("drift is repaired by exactly the call that it needs", () => {
  const other = JSON.stringify({
    rules: [
      { rulePriority: 1, selection: { tagStatus: "any", countType: "imageCountMoreThan", countNumber: 1 }, action: { type: "expire" } },
    ],
  });
  const arn = () => `arn:aws:ecr:eu-west-1:111122223333:repository/${repository().name}`;

  test.each<[string, () => Promise<unknown>, string[], string[]]>([
    [
      "tags made mutable",
      () => aws.ecr.send(new PutImageTagMutabilityCommand({ repositoryName: repository().name, imageTagMutability: "MUTABLE" })),
      ["imageTagMutability"],
      ["ecr:PutImageTagMutability"],
    ],
    [
      "another lifecycle policy",
      () => aws.ecr.send(new PutLifecyclePolicyCommand({ repositoryName: repository().name, lifecyclePolicyText: other })),
      ["lifecyclePolicy"],
      ["ecr:PutLifecyclePolicy"],
    ],
    [
      "no lifecycle policy",
      () => aws.ecr.send(new DeleteLifecyclePolicyCommand({ repositoryName: repository().name })),
      ["lifecyclePolicy"],
      ["ecr:PutLifecyclePolicy"],
    ],
    [
      "a tag of ours changed",
      () => aws.ecr.send(new TagResourceCommand({ resourceArn: arn(), tags: [{ Key: "platform-operator.dev/owner", Value: "x" }] })),
      ["tags[platform-operator.dev/owner]"],
      ["ecr:TagResource"],
    ],
    [
      "a tag of ours taken off",
      () => aws.ecr.send(new UntagResourceCommand({ resourceArn: arn(), tagKeys: ["platform-operator.dev/owner"] })),
      ["tags[platform-operator.dev/owner]"],
      ["ecr:TagResource"],
    ],
    [
      "a tag under our prefix",
      () => aws.ecr.send(new TagResourceCommand({ resourceArn: arn(), tags: [{ Key: "platform-operator.dev/x", Value: "x" }] })),
      ["tags[platform-operator.dev/x]"],
      ["ecr:UntagResource"],
    ],
    [
      "a tag of someone else's stays",
      () => aws.ecr.send(new TagResourceCommand({ resourceArn: arn(), tags: [{ Key: "cost", Value: "x" }] })),
      [],
      [],
    ],
  ])("%s", async (_, drift, fields, writes) => {
    const desired = await created();
    await drift();
    const result = await converge(desired);
    expect(result.state === "asDesired" ? result.corrected.map(({ field }) => field) : result).toEqual(fields);
    expect(aws.recorder.writes()).toEqual(writes);
    aws.recorder.clear();
    expect(await converge(desired)).toMatchObject({ state: "asDesired", corrected: [] });
    expect(aws.recorder.writes()).toEqual([]);
  });
});

test("another encryption cannot be put right and stays a difference", async () => {
  const desired = await created();
  const encrypted: RepositoryDesired = { ...desired, encryption: { type: "KMS", kmsKey: undefined } };
  expect(await converge(encrypted)).toMatchObject({
    state: "stuck",
    differences: [{ field: "encryption", observed: "AES256", desired: "KMS" }],
  });
  expect(aws.recorder.writes()).toEqual([]);
});

describe("someone else's repository of the same name", () => {
  test("is left as it is", async () => {
    const desired = repository();
    await aws.ecr.send(new CreateRepositoryCommand({ repositoryName: desired.name }));
    expect(await converge(desired)).toEqual({ state: "foreign", owner: "it has no tags of platform-operator.dev" });
    expect(await remove(desired, true)).toEqual({ state: "foreign" });
    expect(aws.recorder.writes()).toEqual([]);
    expect(await live(desired.name)).toMatchObject({ imageTagMutability: "MUTABLE" });
  });

  test("belongs to another service, and says to which", async () => {
    const desired = await created();
    const intruder = { ...desired, owner: { namespace: "tracking", name: "intruder" } };
    expect(await converge(intruder)).toEqual({
      state: "foreign",
      owner: `it belongs to PlatformService tracking/${desired.owner.name} of cluster eu-west-1.demo`,
    });
  });

  describe("deletion", () => {
    test("of an empty repository", async () => {
      const desired = await created();
      expect(await remove(desired, false)).toEqual({ state: "gone" });
      expect(await remove(desired, false)).toEqual({ state: "gone" });
    });

    test("whose answer was lost is done", async () => {
      const desired = await created();
      await aws.emulator.addFaults({ match: { operation: "DeleteRepository" }, position: 1, fault: { kind: "lost" } });
      expect(await remove(desired, false)).toEqual({ state: "gone" });
    });
  });
});

test("an answer lost after the repository was made heals in the same pass", async () => {
  const desired = repository();
  await aws.emulator.addFaults({ match: { operation: "CreateRepository" }, position: 1, fault: { kind: "lost" } });
  expect(await converge(desired)).toMatchObject({ state: "asDesired", corrected: [{ field: "lifecyclePolicy" }] });
  expect(aws.recorder.codes("ecr:CreateRepository")).toEqual(["UND_ERR_SOCKET", "RepositoryAlreadyExistsException"]);
});

test("an AWS that is not there is unreachable", async () => {
  await aws.emulator.addFaults({ match: { service: "ecr" }, fault: { kind: "drop" } });
  await expect(converge(repository())).rejects.toMatchObject({
    class: "unreachable",
    operation: "ecr:DescribeRepositories",
    message: "no answer",
  });
});

test("the bulk read sees what DescribeRepositories tells", async () => {
  const desired = await created();
  expect((await aws.operator.bulk.repositories(new Set())).get(desired.name)).toEqual({
    arn: `arn:aws:ecr:eu-west-1:111122223333:repository/${desired.name}`,
    uri: repositoryUri(desired.name, aws.config),
    createdAt: expect.any(Number),
    immutable: true,
    encryption: { type: "AES256", kmsKey: undefined },
    lifecyclePolicy: undefined,
    tags: undefined,
  });
});
