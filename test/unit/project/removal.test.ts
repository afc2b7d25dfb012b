import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EffectiveService } from "../../../src/crds/effective.ts";
import { ANNOTATIONS } from "../../../src/crds/meta.ts";
import { identityStep } from "../../../src/reconcilers/platform-service/identity.ts";
import { repositoryStep } from "../../../src/reconcilers/platform-service/repository.ts";
import { buildRepository } from "../../../src/resources/ecr/repository.ts";
import { buildRole } from "../../../src/resources/iam/role.ts";
import { emulatedAws, type EmulatedAws } from "../../support/aws/emulated.ts";
import { pushImage } from "../../support/aws/push.ts";
import { service } from "../../support/aws/service.ts";
import { withChanges } from "../../support/json-path.ts";
import { awsRemoveScope } from "../../support/remove-scope.ts";
import { REMOVAL_ROWS, removalTitle } from "./removal-leaves.ts";

let aws: EmulatedAws;
beforeAll(async () => {
  aws = await emulatedAws();
});
afterAll(async () => aws.close());

/** What AWS still has of the service. */
async function leftOf(one: EffectiveService): Promise<readonly string[]> {
  const role = await aws.operator.roles.observe(buildRole(one, aws.config));
  const repository = await aws.operator.repositories.observe(buildRepository(one, aws.config));
  return [...(role.state === "absent" ? [] : ["Role"]), ...(repository.state === "absent" ? [] : ["Repository"])];
}

describe("what deletion leaves in AWS", () => {
  const rows = REMOVAL_ROWS.map((row, index) => [removalTitle(row), row, index] as const);

  test.each(rows)("%s", async (_, { leaf, change, pushed, left, state }, index) => {
    const key = { namespace: "tracking", name: `removed-${index}` };
    const spec = withChanges({ owner: "tracking-squad", tier: "tier-2", image: {} }, change);
    const one = service({}, key);
    await aws.operator.roles.create(buildRole(one, aws.config));
    await aws.operator.repositories.create(buildRepository(one, aws.config));
    if (pushed) await pushImage(aws.ecr, one.repository, { tag: "1.0.0", architecture: "amd64" });

    const scope = awsRemoveScope(aws, key, spec);
    const ends = { "image.deletionPolicy": await repositoryStep.remove(scope), "aws.deletionPolicy": await identityStep.remove(scope) };

    expect(ends).toMatchObject({ [leaf]: { state } });
    expect(await leftOf(one)).toEqual(left);
  });
});

test("what the platform team lets go of is left and named, and AWS is not asked", async () => {
  const key = { namespace: "tracking", name: "abandoned" };
  const one = service({}, key);
  const role = await aws.operator.roles.create(buildRole(one, aws.config));
  await aws.operator.repositories.create(buildRepository(one, aws.config));
  const scope = awsRemoveScope(aws, key, { owner: "tracking-squad", tier: "tier-2", image: { deletionPolicy: "Delete" } });
  const annotations = { [ANNOTATIONS.abandon]: `ecr.aws,iam.aws/Role/${role.arn.replace(/.*\//, "")}` };
  const abandoned = { ...scope, stored: { ...scope.stored, metadata: { ...scope.stored.metadata, annotations } } };
  aws.recorder.clear();
  expect(await repositoryStep.remove(abandoned)).toMatchObject({ state: "retained" });
  expect(await identityStep.remove(abandoned)).toMatchObject({ state: "retained" });
  expect(aws.recorder.calls()).toEqual([]);
  expect(abandoned.retained.map(({ kind }) => kind)).toEqual(["Repository", "Role"]);
  expect(await leftOf(one)).toEqual(["Role", "Repository"]);
});

test.each(["Retain", "Delete", "DeleteWithImages"])(
  "a repository outside the namespace, which a service was refused, stays with %s, though the service's tags were copied on it",
  async (deletionPolicy) => {
    const key = { namespace: "tracking", name: `copycat-${deletionPolicy.toLowerCase()}` };
    const one = service({ image: { repository: `pricing/${key.name}` } }, key);
    await aws.operator.repositories.create(buildRepository(one, aws.config));
    const scope = awsRemoveScope(aws, key, {
      owner: "tracking-squad",
      tier: "tier-2",
      image: { repository: `pricing/${key.name}`, deletionPolicy },
    });
    expect(await repositoryStep.remove(scope)).toEqual({ state: "gone" });
    expect(scope.retained).toEqual([]);
    expect(await leftOf(one)).toEqual(["Repository"]);
  },
);
