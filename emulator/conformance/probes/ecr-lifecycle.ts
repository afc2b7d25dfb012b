import assert from "node:assert/strict";
import { DeleteLifecyclePolicyCommand, GetLifecyclePolicyCommand, PutLifecyclePolicyCommand } from "@aws-sdk/client-ecr";
import { repository } from "../fixtures.ts";
import { probesOf, refused, type Probe } from "../probe.ts";

const MISSING = { repositoryName: "missing/repository" };

function lifecycle(...rules: readonly object[]): string {
  return JSON.stringify({ rules });
}

const KEEP_FIVE = {
  rulePriority: 1,
  description: "keep the last five images, and expire whatever is older than that",
  selection: { tagStatus: "any", countType: "imageCountMoreThan", countNumber: 5 },
  action: { type: "expire" },
};

function badLifecycle(text: string): Probe["run"] {
  return async (target) => {
    const command = new PutLifecyclePolicyCommand({ repositoryName: await repository(target), lifecyclePolicyText: text });
    await refused("InvalidParameterException", target.ecr.send(command));
  };
}

export const ECR_LIFECYCLE_PROBES: readonly Probe[] = [
  ...probesOf("ecr", "PutLifecyclePolicy", {
    "gives the text back as sent": async (target) => {
      const repositoryName = await repository(target);
      const lifecyclePolicyText = lifecycle(KEEP_FIVE);
      await target.ecr.send(new PutLifecyclePolicyCommand({ repositoryName, lifecyclePolicyText }));
      const found = await target.ecr.send(new GetLifecyclePolicyCommand({ repositoryName }));
      assert.equal(found.lifecyclePolicyText, lifecyclePolicyText);
    },
    "refuses a text shorter than 100": badLifecycle("{}"),
    "refuses a text longer than 30,720": badLifecycle(lifecycle({ ...KEEP_FIVE, description: "d".repeat(30_720) })),
    "refuses what is not JSON": badLifecycle("no".repeat(60)),
    "refuses two rules of one priority": badLifecycle(lifecycle(KEEP_FIVE, KEEP_FIVE)),
    "refuses a rule for any image before another": badLifecycle(
      lifecycle(KEEP_FIVE, { ...KEEP_FIVE, rulePriority: 2, selection: { ...KEEP_FIVE.selection, tagStatus: "untagged" } }),
    ),
    "refuses tagged without a prefix or pattern": badLifecycle(
      lifecycle({ ...KEEP_FIVE, selection: { ...KEEP_FIVE.selection, tagStatus: "tagged" } }),
    ),
    "refuses a count unit without days": badLifecycle(
      lifecycle({ ...KEEP_FIVE, selection: { tagStatus: "any", countType: "sinceImagePushed", countNumber: 5 } }),
    ),
    "refuses an action that is none": badLifecycle(lifecycle({ ...KEEP_FIVE, action: { type: "archive-somewhere" } })),
    "takes tag patterns": async (target) => {
      const selection = { tagStatus: "tagged", tagPatternList: ["prod-*"], countType: "imageCountMoreThan", countNumber: 5 };
      const lifecyclePolicyText = lifecycle({ ...KEEP_FIVE, selection });
      await target.ecr.send(new PutLifecyclePolicyCommand({ repositoryName: await repository(target), lifecyclePolicyText }));
    },
  }),
  ...probesOf("ecr", "GetLifecyclePolicy", {
    "answers LifecyclePolicyNotFound": async (target) => {
      const repositoryName = await repository(target);
      await refused("LifecyclePolicyNotFoundException", target.ecr.send(new GetLifecyclePolicyCommand({ repositoryName })));
    },
    "answers RepositoryNotFound": (target) =>
      refused("RepositoryNotFoundException", target.ecr.send(new GetLifecyclePolicyCommand(MISSING))),
  }),
  ...probesOf("ecr", "DeleteLifecyclePolicy", {
    "removes it once": async (target) => {
      const repositoryName = await repository(target);
      await target.ecr.send(new PutLifecyclePolicyCommand({ repositoryName, lifecyclePolicyText: lifecycle(KEEP_FIVE) }));
      await target.ecr.send(new DeleteLifecyclePolicyCommand({ repositoryName }));
      await refused("LifecyclePolicyNotFoundException", target.ecr.send(new DeleteLifecyclePolicyCommand({ repositoryName })));
    },
  }),
];
