/**
 * What ECR expires by a lifecycle policy: https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html (evaluation rules) and
 * lifecycle_policy_parameters.html. Archiving and the time of the last pull are not built: `unsupported` says so.
 */
import { matchesPattern } from "../../authorization/match.ts";
import type { ImageRecord } from "../../records.ts";

/** A rule of a policy that PutLifecyclePolicy has taken. */
export interface LifecycleRule {
  readonly rulePriority: number;
  readonly selection: {
    readonly tagStatus: "tagged" | "untagged" | "any";
    readonly tagPrefixList?: readonly string[];
    readonly tagPatternList?: readonly string[];
    readonly storageClass?: string;
    readonly countType: string;
    readonly countNumber: number;
  };
  readonly action: { readonly type: string };
}

/** One image that a rule expires. */
export interface Expiry {
  readonly digest: string;
  readonly rulePriority: number;
}

const DAY_MS = 86_400_000;

/** Why these rules cannot be carried out here; undefined: they can. */
export function unsupported(rules: readonly LifecycleRule[]): string | undefined {
  const other = rules.find(
    ({ action, selection: { countType, storageClass } }) =>
      action.type !== "expire" || storageClass !== undefined || (countType !== "imageCountMoreThan" && countType !== "sinceImagePushed"),
  );
  return other && `the emulator carries out expiry by imageCountMoreThan and sinceImagePushed; rule ${other.rulePriority} is another`;
}

/**
 * All rules see all images; then they are applied in the order of their priority. An image that a rule's tags match can be expired by no rule
 * of lower priority, and one that an index refers to by none before that index is gone.
 */
export function expiredImages(images: readonly ImageRecord[], rules: readonly LifecycleRule[], now: number): Expiry[] {
  const referenced = new Set(images.flatMap(({ references }) => references));
  const claimed = new Set<string>();
  const expired: Expiry[] = [];
  for (const { selection, rulePriority } of rules.toSorted((a, b) => a.rulePriority - b.rulePriority)) {
    const matching = images.filter((image) => matchesTags(image, selection));
    for (const { digest } of beyondCount(matching, selection, now)) {
      if (!claimed.has(digest) && !referenced.has(digest)) expired.push({ digest, rulePriority });
    }
    for (const { digest } of matching) claimed.add(digest);
  }
  return expired;
}

/** Every pattern, or prefix, must match one of the image's tags. */
function matchesTags({ tags }: ImageRecord, { tagStatus, tagPrefixList, tagPatternList }: LifecycleRule["selection"]): boolean {
  if (tagStatus === "any") return true;
  if (tagStatus === "untagged") return tags.length === 0;
  if (tagPrefixList !== undefined) return tagPrefixList.every((prefix) => tags.some((tag) => tag.startsWith(prefix)));
  return (tagPatternList ?? []).every((pattern) => tags.some((tag) => matchesPattern(pattern, tag)));
}

/** The oldest beyond the number, or those older than so many days; by the time of their push, which a later tag does not change. */
function beyondCount(
  images: readonly ImageRecord[],
  { countType, countNumber }: LifecycleRule["selection"],
  now: number,
): readonly ImageRecord[] {
  if (countType === "sinceImagePushed") return images.filter(({ pushedAt }) => now - pushedAt > countNumber * DAY_MS);
  return images.toSorted((a, b) => b.pushedAt - a.pushedAt).slice(countNumber);
}
