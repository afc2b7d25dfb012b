import { describeOwner, ownershipTags, RETAINED_TAG } from "../crds/aws-names.ts";
import type { Difference } from "../crds/desired.ts";
import { GROUP, type ObjectKey } from "../crds/meta.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import { AwsError } from "../reconcilers/ports.ts";

/** Whose an AWS object is: three tags, all equal (api.md, Ownership). Tags outside our prefix are others' and stay. */

export type Tags = Readonly<Record<string, string>>;

const OUR_PREFIX = `${GROUP}/`;

/** Whether the tags say that the object is this service's. */
export function isOurs(tags: Tags, owner: ObjectKey, config: OperatorConfig): boolean {
  return Object.entries(ownershipTags(owner, config)).every(([key, value]) => tags[key] === value);
}

/** What notes that an object outlives its service on purpose. */
export const RETAINED: readonly [string, string] = [RETAINED_TAG, "true"];

/** Before every write to what exists: a throw here is a bug in the caller or a race that was lost. */
export function assertOurs(
  tags: Tags,
  target: { readonly name: string; readonly owner: ObjectKey; readonly operation: string },
  config: OperatorConfig,
): void {
  if (isOurs(tags, target.owner, config)) return;
  const message = `${target.name} is not ours: ${describeOwner(tags)}; nothing was written`;
  throw new AwsError({ class: "exists", code: "NotOwned", operation: target.operation, message });
}

/** Tags of our prefix that are not as desired, one difference each. */
export function tagDifferences(desired: Tags, observed: Tags): Difference[] {
  const keys = new Set([...Object.keys(desired), ...Object.keys(observed).filter((key) => key.startsWith(OUR_PREFIX))]);
  return [...keys]
    .toSorted()
    .filter((key) => desired[key] !== observed[key])
    .map((key) => ({ field: `tags[${key}]`, observed: observed[key] ?? "none", desired: desired[key] ?? "none" }));
}

/** What to set and what to take away, so that the tags of our prefix become the desired ones. */
export function tagChanges(desired: Tags, observed: Tags): { readonly set: [string, string][]; readonly remove: string[] } {
  return {
    set: Object.entries(desired).filter(([key, value]) => observed[key] !== value),
    remove: Object.keys(observed).filter((key) => key.startsWith(OUR_PREFIX) && desired[key] === undefined),
  };
}

/** The tags after those changes. */
export function changedTags(desired: Tags, observed: Tags): Tags {
  return { ...Object.fromEntries(Object.entries(observed).filter(([key]) => !key.startsWith(OUR_PREFIX))), ...desired };
}

/** Tags as the SDK gives them, as a record. */
export function tagRecord(tags: readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[] | undefined): Tags {
  return Object.fromEntries((tags ?? []).map(({ Key = "", Value = "" }) => [Key, Value]));
}

/** Tags as the SDK takes them. */
export function tagList(tags: Iterable<readonly [string, string]>): { Key: string; Value: string }[] {
  return Array.from(tags, ([Key, Value]) => ({ Key, Value }));
}
