import type { EffectiveService } from "../../crds/effective.ts";
import type { ImageReference } from "../ports.ts";
import type { Step, StepReport } from "../step.ts";
import { heldAsSpecified } from "./external.ts";
import { isRolledOut, keepImage, keepRunning, releaseOthers, releaseUnnamed, tagTaken } from "./kept-images.ts";
import { holds, type Facts, type RemoveScope, type Scope } from "./scope.ts";

/** ECR tells nobody of a push. A missing image is asked for often at first, when a pipeline is likely to be pushing it, and then less and less. */
const FIRST_RECHECK_MS = 2_000;
const LAST_RECHECK_MS = 60_000;

/** The image: the tag is a digest that exists in the repository, for an architecture that the tier allows, and does not expire while it runs. Of a workload that a squad brings only the last. */
export const imageStep: Step<Scope, RemoveScope> = {
  name: "image",
  condition: "ImageResolved",

  async ensure(scope) {
    const { service, facts, imageReader, images } = scope;
    const { repository } = facts;
    const recheckMs = recheckAfter(scope);
    // Also where the repository is not as written: what runs must not expire meanwhile.
    const inTheWay = repository && (await keepRunning(scope, repository));
    if (inTheWay) return inTheWay;
    if (!repository || !holds(scope, "RepositoryReady")) {
      return {
        state: "progressing",
        reason: "WaitingForRepository",
        message: "waits for the ECR repository",
        recheckMs,
        waitsFor: ["RepositoryReady"],
      };
    }
    const { workloadRef } = service.spec;
    if (workloadRef) {
      await releaseUnnamed(scope, repository);
      return {
        state: "skipped",
        reason: "NamedByWorkload",
        message: `${workloadRef.kind} ${workloadRef.name} names its own image; this service's repository is ${repository.uri}`,
      };
    }
    const reference = imageReference(service);
    if (!reference)
      return { state: "blocked", reason: "NoImage", message: `push to ${repository.uri}, then name a tag or a digest in spec.image` };

    const remembered = images.get(repository.arn, reference);
    const read = remembered ? undefined : await imageReader.resolve(service.repository, reference);
    const image = remembered ?? (read && { digest: read.digest, architectures: read.architectures });
    const written = "tag" in reference ? `${repository.uri}:${reference.tag}` : `${repository.uri}@${reference.digest}`;
    const notFound: StepReport = {
      state: "blocked",
      reason: "ImageNotFound",
      message: `${written} does not exist: push it, or correct spec.image`,
      recheckMs,
    };
    if (!image) return notFound;
    if (!remembered) images.set(repository.arn, reference, image);
    const allowed: readonly string[] = service.tier.spec.placement.architectures;
    if (!image.architectures.some((a) => allowed.includes(a))) {
      return {
        state: "blocked",
        reason: "NoArchitecture",
        message: `${written} is for ${image.architectures.join(", ") || "no known architecture"}, tier ${service.spec.tier} allows ${allowed.join(", ")}: build it for one of these`,
        recheckMs,
      };
    }
    const kept = await keepImage(scope, repository, image.digest, read?.manifest);
    if (kept === "tagTaken") return tagTaken(repository, image.digest);
    if (kept === "absent") {
      images.forget(repository.arn);
      return notFound;
    }
    facts.image = image;
    await releaseOthers(scope, repository, image.digest);
    return { state: "ready", message: `${repository.uri}@${image.digest}` };
  },

  async remove() {
    return { state: "gone" };
  },
};

/**
 * For a process that begins, of a repository that it need not read by itself: what the status says that the image resolved to for this very spec, a tag being immutable; and, where that has
 * been rolled out whole, that it alone is kept. What was left over of earlier images is found when the repository is read in its turn.
 */
export function rememberImage(scope: Scope, repository: NonNullable<Facts["repository"]>): void {
  const { desired, running, architectures } = scope.stored.status?.image ?? {};
  const reference = imageReference(scope.service);
  const digest = desired?.startsWith(`${repository.uri}@`) === true ? desired.slice(repository.uri.length + 1) : undefined;
  if (reference === undefined || digest === undefined || architectures === undefined || !heldAsSpecified(scope, imageStep.condition))
    return;
  scope.images.set(repository.arn, reference, { digest, architectures });
  if (running === desired && isRolledOut(scope, repository, digest)) scope.images.setKeepings(repository.arn, new Map([[digest, "kept"]]));
}

/** A tenth of the time that the image has been missing for. */
function recheckAfter({ previous, now }: Scope): number {
  const missing = previous.find((c) => c.type === "ImageResolved" && c.status === "False");
  const missingMs = missing ? now() - Date.parse(missing.lastTransitionTime) : 0;
  return Math.min(Math.max(missingMs / 10, FIRST_RECHECK_MS), LAST_RECHECK_MS);
}

/** What the squad wrote of the image to run; undefined: nothing yet. The schema refuses both. */
export function imageReference({ spec: { image } }: EffectiveService): ImageReference | undefined {
  if (image.tag !== undefined) return { tag: image.tag };
  return image.digest === undefined ? undefined : { digest: image.digest };
}
