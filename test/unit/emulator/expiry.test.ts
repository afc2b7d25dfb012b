import { describe, expect, test } from "vitest";
import type { ImageRecord } from "../../../emulator/records.ts";
import { expiredImages, unsupported, type LifecycleRule } from "../../../emulator/services/ecr/expiry.ts";

/** Expiry as the ECR user guide says it: "Automate the cleanup of images" (evaluation rules) and "Examples of lifecycle policies". */

const DAY_MS = 86_400_000;
const NOW = 100 * DAY_MS;

/** Each of these as `["A", tags, days since the push]`; its name is its digest. */
type Pushed = readonly [name: string, tags: readonly string[], daysAgo: number, references?: readonly string[]];

function image([digest, tags, daysAgo, references = []]: Pushed): ImageRecord {
  return { digest, tags, references, pushedAt: NOW - daysAgo * DAY_MS, manifest: "{}", mediaType: "m", size: 1 };
}

type Selection = LifecycleRule["selection"];
const count = (countNumber: number, selection: Omit<Selection, "countType" | "countNumber">): Selection => ({
  ...selection,
  countType: "imageCountMoreThan",
  countNumber,
});
const days = (countNumber: number, selection: Omit<Selection, "countType" | "countNumber">): Selection => ({
  ...selection,
  countType: "sinceImagePushed",
  countNumber,
});
const pattern = (...tagPatternList: string[]) => ({ tagStatus: "tagged" as const, tagPatternList });
const prefix = (...tagPrefixList: string[]) => ({ tagStatus: "tagged" as const, tagPrefixList });
const UNTAGGED = { tagStatus: "untagged" as const };
const ANY = { tagStatus: "any" as const };

/** In the order of priority; what goes as `A1`, the image and the rule. */
function expired(images: readonly Pushed[], ...selections: readonly Selection[]): string[] {
  const rules = selections.map((selection, index) => ({ rulePriority: index + 1, selection, action: { type: "expire" } }));
  // The order of the rules in the document does not matter.
  return expiredImages(images.map(image), rules.toReversed(), NOW).map(({ digest, rulePriority }) => `${digest}${rulePriority}`);
}

describe("the user guide's examples", () => {
  const PROD_AND_BETA: readonly Pushed[] = [
    ["A", ["beta-1", "prod-1"], 10],
    ["B", ["beta-2", "prod-2"], 9],
    ["C", ["beta-3"], 8],
  ];
  test.each([
    ["prefixes", prefix("prod"), prefix("beta")],
    ["patterns", pattern("prod*"), pattern("beta*")],
  ])("A: a lower rule sees what a higher one claims, and cannot expire it; %s", (_, prod, beta) => {
    expect(expired(PROD_AND_BETA, count(1, prod), count(1, beta))).toEqual(["A1"]);
  });

  test("several tags in a rule: only an image that has all of them is matched", () => {
    const images: readonly Pushed[] = [
      ["A", ["alpha-1"], 12],
      ["B", ["beta-1"], 11],
      ["C", ["alpha-2", "beta-2"], 10],
      ["D", ["alpha-3"], 4],
      ["E", ["alpha-4", "beta-4"], 9],
    ];
    expect(expired(images, count(1, prefix("alpha", "beta")))).toEqual(["C1"]);
    expect(expired(images, days(5, pattern("alpha*", "beta*")))).toEqual(["C1", "E1"]);
  });

  test("all images: the rule comes last and spares what the others claim", () => {
    const images: readonly Pushed[] = [
      ["A", ["alpha-1"], 12],
      ["B", ["beta-1"], 11],
      ["C", [], 10],
      ["D", ["alpha-2"], 4],
    ];
    expect(expired(images, count(5, prefix("alpha")), days(5, ANY))).toEqual(["B2", "C2"]);
    expect(expired(images, count(1, ANY))).toEqual(["C1", "B1", "A1"]);
  });
});

describe("a rule", () => {
  test("by age expires what is older than so many days, not what is as old", () => {
    expect(
      expired(
        [
          ["A", [], 15],
          ["B", [], 14],
          ["C", ["t"], 15],
        ],
        days(14, UNTAGGED),
      ),
    ).toEqual(["A1"]);
  });

  test("by number keeps the newest", () => {
    expect(
      expired(
        [
          ["A", ["a"], 1],
          ["B", ["b"], 3],
          ["C", ["c"], 2],
          ["D", [], 9],
        ],
        count(2, pattern("*")),
      ),
    ).toEqual(["B1"]);
  });
});

describe("an image that an index refers to", () => {
  const INDEX: readonly Pushed[] = [
    ["child", [], 30],
    ["index", ["1"], 30, ["child"]],
  ];
  test("stays as long as the index", () => {
    expect(expired(INDEX, days(14, UNTAGGED))).toEqual([]);
  });

  test("goes after it, at a later time", () => {
    expect(expired([...INDEX, ["newer", ["2"], 1]], count(1, pattern("*")), days(14, UNTAGGED))).toEqual(["index1"]);
    expect(
      expired(
        [
          ["child", [], 30],
          ["newer", ["2"], 1],
        ],
        count(1, pattern("*")),
        days(14, UNTAGGED),
      ),
    ).toEqual(["child2"]);
  });
});

test.each([
  { action: { type: "transition" }, selection: count(1, ANY) },
  { action: { type: "expire" }, selection: { ...ANY, countType: "sinceImagePulled", countNumber: 1 } },
  { action: { type: "expire" }, selection: count(1, { ...ANY, storageClass: "archive" }) },
])("what is not built is said: %j", (rule) => {
  expect(unsupported([{ rulePriority: 7, ...rule }])).toContain("rule 7");
});
