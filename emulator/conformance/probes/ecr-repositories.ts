import assert from "node:assert/strict";
import {
  CreateRepositoryCommand,
  DeleteRepositoryCommand,
  DeleteRepositoryPolicyCommand,
  DescribeRegistryCommand,
  DescribeRepositoriesCommand,
  GetAuthorizationTokenCommand,
  GetRegistryScanningConfigurationCommand,
  GetRepositoryPolicyCommand,
  ListTagsForResourceCommand,
  paginateDescribeRepositories,
  PutImageScanningConfigurationCommand,
  PutImageTagMutabilityCommand,
  PutRegistryScanningConfigurationCommand,
  PutReplicationConfigurationCommand,
  SetRepositoryPolicyCommand,
  TagResourceCommand,
  UntagResourceCommand,
  type RegistryScanningRule,
  type ReplicationRule,
} from "@aws-sdk/client-ecr";
import { image, repository } from "../fixtures.ts";
import { present, probesOf, refused, type Probe, type Target } from "../probe.ts";

const sometimes: "MUTABLE" = JSON.parse(`"SOMETIMES"`); // what no typed client can send
const MISSING = { repositoryName: "missing/repository" };

function create(target: Target, more: object): Promise<unknown> {
  return target.ecr.send(new CreateRepositoryCommand({ repositoryName: target.unique("team/app"), ...more }));
}

async function tagsOf(target: Target, resourceArn: string): Promise<Record<string, string>> {
  const { tags } = await target.ecr.send(new ListTagsForResourceCommand({ resourceArn }));
  return Object.fromEntries(tags?.map(({ Key, Value }) => [Key ?? "", Value ?? ""]) ?? []);
}

function arnOf(target: Target, name: string): string {
  return `arn:aws:ecr:${target.region}:${target.accountId}:repository/${name}`;
}

const REPOSITORY_POLICY = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Sid: "Pull", Effect: "Allow", Principal: "*", Action: "ecr:BatchGetImage" }],
});

export const ECR_REPOSITORY_PROBES: readonly Probe[] = [
  ...probesOf("ecr", "CreateRepository", {
    "answers with ARN, URI, date and defaults": async (target) => {
      const repositoryName = target.unique("team/app");
      const { repository: made } = await target.ecr.send(new CreateRepositoryCommand({ repositoryName }));
      assert.equal(made?.repositoryArn, arnOf(target, repositoryName));
      assert.equal(made.repositoryUri, `${target.accountId}.dkr.ecr.${target.region}.amazonaws.com/${repositoryName}`);
      assert.deepEqual([made.registryId, made.imageTagMutability], [target.accountId, "MUTABLE"]);
      assert.deepEqual(made.encryptionConfiguration, { encryptionType: "AES256" });
      assert.ok(made.createdAt instanceof Date && Math.abs(made.createdAt.getTime() - Date.now()) < 60_000);
    },
    "refuses a name that exists": async (target) => {
      const repositoryName = await repository(target);
      await refused("RepositoryAlreadyExistsException", create(target, { repositoryName }), /already exists in the registry with id/);
    },
    "refuses a capital letter": (target) => refused("InvalidParameterException", create(target, { repositoryName: "Team/app" })),
    "refuses a name of one letter": (target) => refused("InvalidParameterException", create(target, { repositoryName: "a" })),
    "refuses a name longer than 256": (target) => refused("InvalidParameterException", create(target, { repositoryName: "a".repeat(257) })),
    "refuses two dots": (target) => refused("InvalidParameterException", create(target, { repositoryName: "team..app" })),
    "takes two underscores": (target) => create(target, { repositoryName: `${target.unique("team")}__app` }).then(() => undefined),
    "refuses a mutability that is none": (target) =>
      refused("InvalidParameterException", create(target, { imageTagMutability: "SOMETIMES" })),
    "keeps immutability, encryption and tags": async (target) => {
      const repositoryName = target.unique("team/app");
      const { repository: made } = await target.ecr.send(
        new CreateRepositoryCommand({
          repositoryName,
          imageTagMutability: "IMMUTABLE",
          encryptionConfiguration: { encryptionType: "KMS" },
          tags: [{ Key: "owner", Value: "us" }],
        }),
      );
      assert.equal(made?.imageTagMutability, "IMMUTABLE");
      assert.equal(made.encryptionConfiguration?.encryptionType, "KMS");
      assert.match(made.encryptionConfiguration.kmsKey ?? "", /^arn:aws:kms:/);
      assert.deepEqual(await tagsOf(target, arnOf(target, repositoryName)), { owner: "us" });
    },
  }),
  ...probesOf("ecr", "DescribeRepositories", {
    "fails as a whole when one name is missing": async (target) => {
      const repositoryNames = [await repository(target), MISSING.repositoryName];
      const call = target.ecr.send(new DescribeRepositoriesCommand({ repositoryNames }));
      await refused("RepositoryNotFoundException", call, /'missing\/repository' does not exist in the registry with id/);
    },
    "has no tags and no policies": async (target) => {
      const repositoryName = await repository(target, { tags: [{ Key: "a", Value: "b" }] });
      const { repositories } = await target.ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [repositoryName] }));
      assert.deepEqual(
        Object.keys(repositories?.[0] ?? {}).filter((key) => /tags$|policy/i.test(key)),
        [],
      );
    },
    "refuses maxResults above 1000": (target) =>
      refused("InvalidParameterException", target.ecr.send(new DescribeRepositoriesCommand({ maxResults: 1001 }))),
    "refuses maxResults together with names": async (target) => {
      const command = new DescribeRepositoriesCommand({ repositoryNames: [await repository(target)], maxResults: 5 });
      await refused("InvalidParameterException", target.ecr.send(command));
    },
    "gives pages of maxResults": async (target) => {
      const mine = [await repository(target), await repository(target), await repository(target)];
      const seen: string[] = [];
      for await (const page of paginateDescribeRepositories({ client: target.ecr, pageSize: 1 }, {})) {
        assert.ok((page.repositories?.length ?? 0) <= 1);
        seen.push(...(page.repositories?.map((found) => found.repositoryName ?? "") ?? []));
      }
      assert.equal(new Set(seen).size, seen.length);
      for (const name of mine) assert.ok(seen.includes(name));
    },
    "refuses a token that is none": (target) =>
      refused("InvalidParameterException", target.ecr.send(new DescribeRepositoriesCommand({ nextToken: "nonsense" }))),
  }),
  ...probesOf("ecr", "DeleteRepository", {
    "deletes an empty one": async (target) => {
      const repositoryName = await repository(target);
      await target.ecr.send(new DeleteRepositoryCommand({ repositoryName }));
      await refused("RepositoryNotFoundException", target.ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [repositoryName] })));
    },
    "refuses one with images, unless forced": async (target) => {
      const repositoryName = await repository(target);
      await image(target, repositoryName, "v1");
      await refused(
        "RepositoryNotEmptyException",
        target.ecr.send(new DeleteRepositoryCommand({ repositoryName })),
        /still contains images/,
      );
      await target.ecr.send(new DeleteRepositoryCommand({ repositoryName, force: true }));
    },
    "answers RepositoryNotFound": (target) => refused("RepositoryNotFoundException", target.ecr.send(new DeleteRepositoryCommand(MISSING))),
  }),
  ...probesOf("ecr", "PutImageTagMutability", {
    "changes it": async (target) => {
      const repositoryName = await repository(target);
      await target.ecr.send(new PutImageTagMutabilityCommand({ repositoryName, imageTagMutability: "IMMUTABLE" }));
      const { repositories } = await target.ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [repositoryName] }));
      assert.equal(repositories?.[0]?.imageTagMutability, "IMMUTABLE");
    },
    "refuses what is none": async (target) => {
      const input = { repositoryName: await repository(target), imageTagMutability: sometimes };
      await refused("InvalidParameterException", target.ecr.send(new PutImageTagMutabilityCommand(input)));
    },
    "takes exclusions and gives them back": async (target) => {
      const repositoryName = await repository(target);
      const imageTagMutabilityExclusionFilters = [{ filterType: "WILDCARD" as const, filter: "dev-*" }];
      await target.ecr.send(
        new PutImageTagMutabilityCommand({
          repositoryName,
          imageTagMutability: "IMMUTABLE_WITH_EXCLUSION",
          imageTagMutabilityExclusionFilters,
        }),
      );
      const { repositories } = await target.ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [repositoryName] }));
      assert.deepEqual(repositories?.[0]?.imageTagMutabilityExclusionFilters, imageTagMutabilityExclusionFilters);
    },
  }),
  ...probesOf("ecr", "PutImageScanningConfiguration", {
    "changes it": async (target) => {
      const repositoryName = await repository(target);
      await target.ecr.send(new PutImageScanningConfigurationCommand({ repositoryName, imageScanningConfiguration: { scanOnPush: true } }));
      const { repositories } = await target.ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [repositoryName] }));
      assert.equal(repositories?.[0]?.imageScanningConfiguration?.scanOnPush, true);
    },
  }),
  ...probesOf("ecr", "SetRepositoryPolicy", {
    "sets, gets and deletes": async (target) => {
      const repositoryName = await repository(target);
      await target.ecr.send(new SetRepositoryPolicyCommand({ repositoryName, policyText: REPOSITORY_POLICY }));
      const { policyText } = await target.ecr.send(new GetRepositoryPolicyCommand({ repositoryName }));
      assert.deepEqual(JSON.parse(policyText ?? ""), JSON.parse(REPOSITORY_POLICY));
      await target.ecr.send(new DeleteRepositoryPolicyCommand({ repositoryName }));
      await refused("RepositoryPolicyNotFoundException", target.ecr.send(new GetRepositoryPolicyCommand({ repositoryName })));
    },
    "refuses what is no policy": async (target) => {
      const command = new SetRepositoryPolicyCommand({ repositoryName: await repository(target), policyText: "{}" });
      await refused("InvalidParameterException", target.ecr.send(command));
    },
  }),
  ...probesOf("ecr", "TagResource", {
    "adds, replaces and removes": async (target) => {
      const resourceArn = arnOf(target, await repository(target, { tags: [{ Key: "a", Value: "1" }] }));
      await target.ecr.send(
        new TagResourceCommand({
          resourceArn,
          tags: [
            { Key: "a", Value: "2" },
            { Key: "b", Value: "2" },
          ],
        }),
      );
      assert.deepEqual(await tagsOf(target, resourceArn), { a: "2", b: "2" });
      await target.ecr.send(new UntagResourceCommand({ resourceArn, tagKeys: ["a"] }));
      assert.deepEqual(await tagsOf(target, resourceArn), { b: "2" });
    },
    "refuses more than fifty": async (target) => {
      const tags = Array.from({ length: 51 }, (_, index) => ({ Key: `key-${index}`, Value: "v" }));
      const resourceArn = arnOf(target, await repository(target));
      await refused("TooManyTagsException", target.ecr.send(new TagResourceCommand({ resourceArn, tags })));
    },
    "refuses keys that begin with aws:": async (target) => {
      const resourceArn = arnOf(target, await repository(target));
      await refused(
        "InvalidTagParameterException",
        target.ecr.send(new TagResourceCommand({ resourceArn, tags: [{ Key: "aws:x", Value: "v" }] })),
      );
    },
    "answers RepositoryNotFound": (target) =>
      refused("RepositoryNotFoundException", target.ecr.send(new TagResourceCommand({ resourceArn: arnOf(target, "missing"), tags: [] }))),
    "refuses an ARN of another kind": (target) =>
      refused("InvalidParameterException", target.ecr.send(new ListTagsForResourceCommand({ resourceArn: "arn:aws:s3:::bucket" }))),
  }),
  ...probesOf("ecr", "registry", {
    "GetAuthorizationToken gives a token for AWS, good for hours": async (target) => {
      const { authorizationData } = await target.ecr.send(new GetAuthorizationTokenCommand({}));
      const [data] = present(authorizationData, "authorizationData");
      assert.match(Buffer.from(data?.authorizationToken ?? "", "base64").toString(), /^AWS:.+/);
      assert.ok((data?.expiresAt?.getTime() ?? 0) > Date.now() + 3_600_000);
      assert.equal(data?.proxyEndpoint, `https://${target.accountId}.dkr.ecr.${target.region}.amazonaws.com`);
    },
    "DescribeRegistry has the account's id": async (target) => {
      const { registryId, replicationConfiguration } = await target.ecr.send(new DescribeRegistryCommand({}));
      assert.deepEqual([registryId, replicationConfiguration], [target.accountId, { rules: [] }]);
    },
    "GetRegistryScanningConfiguration is BASIC at first": async (target) => {
      const { scanningConfiguration } = await target.ecr.send(new GetRegistryScanningConfigurationCommand({}));
      assert.deepEqual(scanningConfiguration, { scanType: "BASIC", rules: [] });
    },
    "PutRegistryScanningConfiguration replaces the rules": async (target) => {
      const rules: RegistryScanningRule[] = [
        { scanFrequency: "SCAN_ON_PUSH", repositoryFilters: [{ filter: "prod/*", filterType: "WILDCARD" }] },
      ];
      await target.ecr.send(new PutRegistryScanningConfigurationCommand({ scanType: "BASIC", rules }));
      const { scanningConfiguration } = await target.ecr.send(new GetRegistryScanningConfigurationCommand({}));
      assert.deepEqual(scanningConfiguration, { scanType: "BASIC", rules });
      await target.ecr.send(new PutRegistryScanningConfigurationCommand({ scanType: "BASIC", rules: [] }));
    },
    "PutRegistryScanningConfiguration refuses BASIC scanning all the time": (target) =>
      refused(
        "InvalidParameterException",
        target.ecr.send(
          new PutRegistryScanningConfigurationCommand({
            scanType: "BASIC",
            rules: [{ scanFrequency: "CONTINUOUS_SCAN", repositoryFilters: [{ filter: "*", filterType: "WILDCARD" }] }],
          }),
        ),
      ),
    "PutReplicationConfiguration replaces the rules": async (target) => {
      const destinations = [{ region: "eu-central-1", registryId: target.accountId }];
      const rules: ReplicationRule[] = [{ destinations, repositoryFilters: [{ filter: "prod/", filterType: "PREFIX_MATCH" }] }];
      await target.ecr.send(new PutReplicationConfigurationCommand({ replicationConfiguration: { rules } }));
      const { replicationConfiguration } = await target.ecr.send(new DescribeRegistryCommand({}));
      assert.deepEqual(replicationConfiguration, { rules });
      await target.ecr.send(new PutReplicationConfigurationCommand({ replicationConfiguration: { rules: [] } }));
    },
  }),
  // Not asked of moto: what it answers depends on how its threads meet
  ...probesOf("ecr", "CreateRepository", {
    "has exactly one winner of twenty at once": async (target) => {
      const repositoryName = target.unique("team/app");
      const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => create(target, { repositoryName })));
      const losers = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [String(outcome.reason)] : []));
      assert.equal(outcomes.length - losers.length, 1);
      for (const loser of losers) assert.match(loser, /RepositoryAlreadyExistsException/);
    },
  }).map((probe): Probe => ({ ...probe, targets: ["emulator"] })),
];
