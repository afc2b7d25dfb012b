import { keptTag } from "../../crds/aws-names.ts";
import { unreachable } from "../conditions.ts";
import type { ImageKeeper, ImageManifest } from "../ports.ts";
import type { StepReport } from "../step.ts";
import type { Keeping } from "./image-memory.ts";
import type { Facts, Scope } from "./scope.ts";

/**
 * What runs, or is about to, from a repository of the service's own carries a tag of ours, which the repository's lifecycle policy spares: an image that expires is one that no new node
 * can pull. What has been seen is remembered, so that most passes make no call.
 */

type Repository = NonNullable<Facts["repository"]>;
/** Of one image after a look at it. */
type Kept = Awaited<ReturnType<ImageKeeper["keep"]>>;

/** How often a person's deletion of a stray tag is looked for. */
const TAKEN_RECHECK_MS = 60_000;

/** Anybody may write anything into a pod's image. */
export const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Keeps the image; remembered images cost no call. In a repository that others own it is theirs to keep. `manifest`: as for ImageKeeper. */
export async function keepImage(scope: Scope, repository: Repository, digest: string, manifest?: ImageManifest): Promise<Kept> {
  if (scope.service.repositoryMode === "Existing") return "kept";
  const known = await keepings(scope, repository);
  const keeping = known.get(digest);
  if (keeping === "kept" || keeping === "onlyTag") return "kept";
  const kept = await scope.imageKeeper.keep(scope.service.repository, digest, manifest);
  if (kept === "kept") known.set(digest, "kept");
  return kept;
}

/** Keeps what runs already, whatever is to run next: it must last until nothing runs it. Undefined: nothing stands in the way. */
export async function keepRunning(scope: Scope, repository: Repository): Promise<StepReport | undefined> {
  if (scope.service.repositoryMode === "Existing") return undefined;
  for (const digest of runningDigests(scope, repository)) {
    const known = await keepings(scope, repository);
    if (known.get(digest) === "absent") continue;
    const kept = await keepImage(scope, repository, digest);
    switch (kept) {
      case "kept":
      case "withheld":
        break;
      case "absent":
        // It has expired, or was deleted: there is nothing left to keep. Its pods run on, and what is to run next is looked at by itself.
        known.set(digest, "absent");
        break;
      case "tagTaken":
        return tagTaken(repository, digest);
      default:
        return unreachable(kept);
    }
  }
  return undefined;
}

/** Takes our tag off what nothing runs any more, once `desired` has been rolled out whole: before that, an earlier ReplicaSet may still start pods. */
export async function releaseOthers(scope: Scope, repository: Repository, desired: string): Promise<void> {
  if (isRolledOut(scope, repository, desired)) await releaseIdle(scope, repository, desired);
}

/** The same where the squad says what runs: once each of its templates has been rolled out whole. */
export async function releaseUnnamed(scope: Scope, repository: Repository): Promise<void> {
  const templates = scope.world.templates(scope.service.key);
  if (templates.length === 0 || templates.some(({ rolledOut }) => !rolledOut)) return;
  await releaseIdle(scope, repository, undefined);
}

/** Whether the service's own Deployment runs it, and nothing else. */
export function isRolledOut({ world, service }: Scope, { uri }: Repository, digest: string): boolean {
  const deployment = world.deployment(service.key);
  return deployment?.rolledOut === true && deployment.image === `${uri}@${digest}`;
}

async function releaseIdle(scope: Scope, repository: Repository, desired: string | undefined): Promise<void> {
  if (scope.service.repositoryMode === "Existing") return;
  const running = runningDigests(scope, repository);
  const known = await keepings(scope, repository);
  for (const [digest, keeping] of known) {
    if (digest === desired || running.has(digest) || keeping !== "kept") continue;
    const released = await scope.imageKeeper.release(scope.service.repository, digest);
    if (released === "onlyTag") known.set(digest, "onlyTag");
    else if (released === "released") known.delete(digest);
  }
}

/** Somebody pushed another image under a tag that is ours to put. */
export function tagTaken({ uri }: Repository, digest: string): StepReport {
  return {
    state: "blocked",
    reason: "TagTaken",
    message: `${uri}:${keptTag(digest)} names another image, so ${uri}@${digest} cannot be kept from expiring: delete that tag; tags of this form are the operator's`,
    recheckMs: TAKEN_RECHECK_MS,
  };
}

/** What is known of the repository's images; read once in a process, and again when the sweep had the repository read anew. */
async function keepings({ images, imageKeeper, service }: Scope, { arn }: Repository): Promise<Map<string, Keeping>> {
  const known = images.keepings(arn);
  if (known) return known;
  const kept = await imageKeeper.kept(service.repository);
  return images.setKeepings(arn, new Map(kept.map((digest) => [digest, "kept"])));
}

/** Digests of this repository that a template or any pod names, or runs by a tag; pods on their way out too. */
function runningDigests({ world, service: { key } }: Scope, { uri }: Repository): ReadonlySet<string> {
  const named = (image: string): string | undefined => image.split("@")[1];
  const isOurs = (image: string): boolean => image === uri || image.startsWith(`${uri}@`) || image.startsWith(`${uri}:`);
  const digests = [
    ...world.templates(key).flatMap((template) => template.images.filter(isOurs).map(named)),
    ...world
      .pods(key)
      .flatMap((pod) =>
        Object.entries(pod.images).map(([container, image]) => (isOurs(image) ? (named(image) ?? pod.digests[container]) : undefined)),
      ),
  ];
  return new Set(digests.filter((digest) => digest !== undefined).filter((digest) => DIGEST.test(digest)));
}
