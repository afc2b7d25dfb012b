import type { ImageReference } from "../ports.ts";
import type { Step } from "../step.ts";
import { holds, type RemoveScope, type Scope } from "./scope.ts";

/** ECR tells nobody of a push: a missing image is asked for this often. */
const MISSING_IMAGE_RECHECK_MS = 10_000;

/** The image: the tag is a digest that exists in the repository, for an architecture that the tier allows. */
export const imageStep: Step<Scope, RemoveScope> = {
  name: "image",
  condition: "ImageResolved",

  async ensure(scope) {
    const { service, facts, imageReader, images } = scope;
    const { repository } = facts;
    if (!repository || !holds(scope, "RepositoryReady")) {
      return {
        state: "progressing",
        reason: "WaitingForRepository",
        message: "waits for the ECR repository",
        recheckMs: MISSING_IMAGE_RECHECK_MS,
      };
    }
    const { tag, digest } = service.spec.image;
    const reference: ImageReference | undefined = tag === undefined ? (digest === undefined ? undefined : { digest }) : { tag };
    if (!reference)
      return { state: "blocked", reason: "NoImage", message: `push to ${repository.uri}, then name a tag or a digest in spec.image` };

    const image = images.get(repository.arn, reference) ?? (await imageReader.resolve(service.repository, reference));
    const written = "tag" in reference ? `${repository.uri}:${reference.tag}` : `${repository.uri}@${reference.digest}`;
    if (!image) {
      return {
        state: "blocked",
        reason: "ImageNotFound",
        message: `${written} does not exist: push it, or correct spec.image`,
        recheckMs: MISSING_IMAGE_RECHECK_MS,
      };
    }
    images.set(repository.arn, reference, image);
    const allowed: readonly string[] = service.tier.spec.placement.architectures;
    if (!image.architectures.some((a) => allowed.includes(a))) {
      return {
        state: "blocked",
        reason: "NoArchitecture",
        message: `${written} is for ${image.architectures.join(", ") || "no known architecture"}, tier ${service.spec.tier} allows ${allowed.join(", ")}: build it for one of these`,
        recheckMs: MISSING_IMAGE_RECHECK_MS,
      };
    }
    facts.image = image;
    return { state: "ready", message: `${repository.uri}@${image.digest}` };
  },

  async remove() {
    return { state: "gone" };
  },
};
