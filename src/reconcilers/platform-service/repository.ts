import { isOwnRepositoryName, repositoryMode, repositoryName } from "../../crds/effective.ts";
import { buildRepository } from "../../resources/ecr/repository.ts";
import type { Step } from "../step.ts";
import { useExistingRepository } from "./existing-repository.ts";
import {
  describeDifferences,
  firstCall,
  foreignReport,
  noteExternal,
  removeExternal,
  retainExternal,
  WITHHELD,
  type BlockedReport,
} from "./external.ts";
import { rememberImage } from "./image.ts";
import type { RemoveScope, Scope } from "./scope.ts";

/** The ECR repository of the service's image: its own, as written; or one that others own, verified. */
export const repositoryStep: Step<Scope, RemoveScope> = {
  name: "repository",
  condition: "RepositoryReady",

  async ensure(scope) {
    if (scope.service.repositoryMode === "Existing") return useExistingRepository(scope);
    const { repositories, images, service, config } = scope;
    const desired = buildRepository(service, config);
    const first = firstCall(scope, repositoryStep.condition, { resource: repositories.resource, name: desired.name });
    const result = await repositories.converge(desired, first);
    noteExternal(scope, repositories.resource, desired.name, result);
    if (result.state === "foreign")
      return orUsed(scope, foreignReport(scope, "ECR repository", { name: desired.name, owner: result.owner }));
    if (result.state === "withheld") {
      if (result.observed !== undefined) scope.facts.repository = { arn: result.observed.arn, uri: result.observed.uri };
      return WITHHELD;
    }
    // One that was deleted behind our back is made again, and empty: what is known of its images is as old as what was known of it.
    if (result.state !== "asDesired" || result.unasked === undefined) images.forget(result.observed.arn);
    if (result.state === "asDesired" && result.created) images.setKeepings(result.observed.arn, new Map());
    scope.facts.repository = { arn: result.observed.arn, uri: result.observed.uri };
    if (result.state === "asDesired" && result.unasked === "inBulk") rememberImage(scope, scope.facts.repository);
    if (result.state === "stuck") {
      return {
        state: "blocked",
        reason: "CannotBeChanged",
        message: `ECR repository ${desired.name}: ${describeDifferences(result.differences)}; AWS cannot change this on an existing repository: name another repository, or move the images and delete this one`,
      };
    }
    return { state: "ready", message: result.observed.uri };
  },

  async remove(scope) {
    const { repositories, stored, key, config } = scope;
    const name = repositoryName(key, stored.spec, config);
    const existing = repositoryMode(stored.spec, config) === "Existing";
    if (existing) {
      const { group, kind } = repositories.resource;
      scope.retained.push({ group, kind, name, state: "Retained" });
      return { state: "retained", message: `ECR repository ${name} is kept: others own it` };
    }
    // Refused, so it has none: whose it is, and who may have copied tags on it, is not this service's to ask.
    if (!isOwnRepositoryName(key, stored.spec)) return { state: "gone" };
    const policy = stored.spec.image?.deletionPolicy ?? "Retain";
    if (policy === "Retain")
      return retainExternal(scope, repositories, { name, message: `ECR repository ${name} is kept: deletionPolicy Retain` });
    return removeExternal(scope, repositories, { name, force: policy === "DeleteWithImages" });
  },
};

/** As existing, a repository is named in full, and what is named cannot be changed. */
function orUsed({ service, config }: Scope, report: BlockedReport): BlockedReport {
  const existing = { image: { ...service.spec.image, repositoryMode: "Existing" as const } };
  const way =
    repositoryName(service.key, existing, config) === service.repository
      ? "set spec.image.repositoryMode to Existing"
      : `delete this PlatformService and apply it again with spec.image.repository ${service.repository} and repositoryMode Existing`;
  return { ...report, message: `${report.message}, or ${way} to use it as it is` };
}
