/** Lifecycle policies: what ECR refuses in one (https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html), and carrying them out. */

import type { RepositoryRecord } from "../../records.ts";
import type { Table } from "../../table.ts";
import { isRecord } from "../../values.ts";
import { expiredImages, unsupported, type Expiry, type LifecycleRule } from "./expiry.ts";

interface Rule {
  readonly rulePriority?: unknown;
  readonly description?: unknown;
  readonly selection?: Readonly<Record<string, unknown>>;
  readonly action?: Readonly<Record<string, unknown>>;
}

const RULE_MEMBERS: ReadonlySet<string> = new Set(["rulePriority", "description", "selection", "action"]);
const SELECTION_MEMBERS: ReadonlySet<string> = new Set([
  "tagStatus",
  "tagPrefixList",
  "tagPatternList",
  "storageClass",
  "countType",
  "countUnit",
  "countNumber",
]);
const COUNT_TYPES: ReadonlySet<unknown> = new Set(["imageCountMoreThan", "sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned"]);

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string");
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value > 0;
}

function selectionProblem(selection: Readonly<Record<string, unknown>>): string | undefined {
  const { tagStatus, tagPrefixList, tagPatternList, countType, countUnit, countNumber } = selection;
  const unknown = Object.keys(selection).find((member) => !SELECTION_MEMBERS.has(member));
  if (unknown !== undefined) return `object instance has properties which are not allowed by the schema: ["${unknown}"]`;
  if (tagStatus !== "tagged" && tagStatus !== "untagged" && tagStatus !== "any") return "tagStatus must be tagged, untagged or any";
  const lists = [tagPrefixList, tagPatternList].filter((list) => list !== undefined);
  if (tagStatus === "tagged" && (lists.length !== 1 || !isTextList(lists[0])))
    return "tagged needs exactly one of tagPrefixList and tagPatternList";
  if (tagStatus !== "tagged" && lists.length > 0) return "tagPrefixList and tagPatternList are only for tagStatus tagged";
  if (isTextList(tagPatternList) && tagPatternList.some((pattern) => pattern.split("*").length > 5))
    return "a tag pattern can have at most four *";
  if (!COUNT_TYPES.has(countType)) return `countType must be one of ${[...COUNT_TYPES].join(", ")}`;
  if (!isCount(countNumber)) return "countNumber must be a whole number above 0";
  if (countType === "imageCountMoreThan" && countUnit !== undefined) return "countUnit is not for imageCountMoreThan";
  if (countType !== "imageCountMoreThan" && countUnit !== "days") return "countUnit must be days";
  return undefined;
}

function ruleProblem(rule: Rule): string | undefined {
  if (typeof rule !== "object" || rule === null) return "a rule must be an object";
  const unknown = Object.keys(rule).find((member) => !RULE_MEMBERS.has(member));
  if (unknown !== undefined) return `object instance has properties which are not allowed by the schema: ["${unknown}"]`;
  if (!isCount(rule.rulePriority)) return "rulePriority must be a whole number above 0";
  if (rule.description !== undefined && typeof rule.description !== "string") return "description must be text";
  if (typeof rule.selection !== "object") return `object has missing required properties (["selection"])`;
  const { type } = rule.action ?? {};
  if (type !== "expire" && type !== "transition") return "action.type must be expire or transition";
  return selectionProblem(rule.selection);
}

/** What is inside each rule is unknown still, as the members of Rule say. */
function isRuleList(value: unknown): value is Rule[] {
  return Array.isArray(value);
}

/** Why the text is no lifecycle policy; undefined when it is one. */
export function lifecyclePolicyProblem(text: string): string | undefined {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return "the text is not JSON";
    throw error;
  }
  const { rules } = isRecord(document) ? document : {};
  if (!isRuleList(rules)) return `object has missing required properties (["rules"])`;
  if (rules.length === 0 || rules.length > 50) return "there must be 1 to 50 rules"; // ECR quota: rules per lifecycle policy
  const problem = rules.map(ruleProblem).find((found) => found !== undefined);
  if (problem !== undefined) return problem;
  const priorities = rules.map(({ rulePriority }) => Number(rulePriority));
  if (new Set(priorities).size !== priorities.length) return "rulePriority must be unique";
  const any = rules.filter(({ selection }) => selection?.["tagStatus"] === "any");
  const highest = Math.max(...priorities);
  if (any.length > 1 || any.some(({ rulePriority }) => rulePriority !== highest)) {
    return "there can be one rule with tagStatus any, and it must have the highest rulePriority";
  }
  return undefined;
}

/** An image that is no more, where it was and by which rule. */
export interface Expired extends Expiry {
  readonly repository: string;
}

/**
 * Carries out the policies of all repositories, or of `only` one, as of `now`, as ECR does within 24 hours. Throws an Error, before anything is
 * gone, for a policy that it cannot carry out.
 */
export function expireImages(
  repositories: Table<RepositoryRecord>,
  { now, only }: { readonly now: number; readonly only: string | undefined },
): Expired[] {
  const found = repositories
    .entries()
    .filter(([name]) => only === undefined || name === only)
    .map(([, repository]) => ({ repository, expiries: expiriesOf(repository, now) }));
  for (const { repository, expiries } of found) {
    if (expiries.length === 0) continue;
    const gone = new Set(expiries.map(({ digest }) => digest));
    const images = Object.fromEntries(Object.entries(repository.images).filter(([digest]) => !gone.has(digest)));
    repositories.set(repository.name, { ...repository, images });
  }
  return found.flatMap(({ repository: { name }, expiries }) => expiries.map((expiry) => ({ ...expiry, repository: name })));
}

function expiriesOf({ name, images, lifecyclePolicy }: RepositoryRecord, now: number): Expiry[] {
  if (lifecyclePolicy === undefined) return [];
  const { rules }: { readonly rules: readonly LifecycleRule[] } = JSON.parse(lifecyclePolicy);
  const problem = unsupported(rules);
  if (problem !== undefined) throw new Error(`${name}: ${problem}`);
  return expiredImages(Object.values(images), rules, now);
}
