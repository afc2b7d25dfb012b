import { join } from "node:path";
import { ADVISORY_CONDITIONS, STEP_CONDITIONS } from "../../src/crds/conditions.ts";
import { SERVICE_REFUSALS, SERVICE_UPDATE_REFUSALS } from "../../test/support/service-cases.ts";
import { configLeaves, leavesOf } from "../../test/support/schema-leaves.ts";
import type { Refusal } from "../../test/support/schema-cases.ts";
import { TIER_REFUSALS } from "../../test/support/tier-cases.ts";
import { CONFIG_LEAVES, CONFIG_LEAVES_ELSEWHERE } from "../../test/unit/project/config-leaves.ts";
import { valuesWritten, type LeafRow } from "../../test/unit/project/leaf-row.ts";
import { REMOVAL_ROWS, removalTitle } from "../../test/unit/project/removal-leaves.ts";
import { SERVICE_LEAVES } from "../../test/unit/project/service-leaves.ts";
import { TIER_LEAVES } from "../../test/unit/project/tier-leaves.ts";
import { reasonsOf } from "./reasons.ts";
import { sourcesIn } from "./source-text.ts";
import { namesCondition, saysReason, testBlocks, type TestBlock } from "./test-titles.ts";

/** docs/coverage.md: each field, condition and reason of the API, and the tests that hold it. */

const ROOT = join(import.meta.dirname, "..", "..");
/** Where conditions get their reasons. */
const SOURCES = ["src/reconcilers", "src/resources", "src/aws"];
/** At most so many tests are named for one thing: those closest to the user first. */
const NAMED = 3;
const LAYERS = ["test/operator", "test/faults", "test/integration", "test/package", "test/unit"];

/** What a change of the leaf leads to, and the test that holds it. */
interface Held extends Pick<LeafRow, "leaf" | "becomes"> {
  readonly test: string;
}

const inLeavesTest = (row: LeafRow): Held => ({ ...row, test: `\`${escaped(valuesWritten(row))}\`` });
const ELSEWHERE = Object.entries(CONFIG_LEAVES_ELSEWHERE).map(([leaf, file]): Held => ({
  leaf,
  becomes: ["how the operator works"],
  test: `\`${file}\``,
}));
const REMOVED = REMOVAL_ROWS.map((row): Held => ({
  leaf: row.leaf,
  becomes: ["what its removal leaves in AWS"],
  test: `\`test/unit/project/removal.test.ts\`: ${removalTitle(row)}`,
}));

/** The page. Throws where a reason has no test. */
export function coveragePage(): string {
  const blocks = testBlocks(sourcesIn(ROOT, "test")).toSorted((a, b) => layer(a) - layer(b));
  return `# What is tested, and where

Made by \`npm run generate\` from the CRDs, the sources and the tests. Do not edit.

## Fields

Each leaf of the schemas, and what of a service another value of it changes: held to exactly that by a test for each value that is tried. A test
without a file is of \`test/unit/project/leaves.test.ts\`, below the kind, and is called by the field and its value, as in \`leaves.test.ts > PlatformService > port: ["8090"]\`.
*Refused*: how many rules refuse a value of it, each with its message on a real API server, by \`test/integration/crd.test.ts\`.

${fields("PlatformService", leavesOf("platformservices"), [...SERVICE_LEAVES.map(inLeavesTest), ...REMOVED], [...SERVICE_REFUSALS, ...SERVICE_UPDATE_REFUSALS])}

${fields("PlatformTier", leavesOf("platformtiers"), TIER_LEAVES.map(inLeavesTest), TIER_REFUSALS)}

${fields("the configuration", configLeaves(), [...CONFIG_LEAVES.map(inLeavesTest), ...ELSEWHERE], [])}

## Conditions

${conditions(blocks)}

## Reasons

Beside these a condition quotes the cluster's own words for a pod (ImagePullBackOff, Unschedulable, …).

${reasons(blocks)}
`;
}

function fields(kind: string, leaves: readonly { readonly path: string }[], rows: readonly Held[], refusals: readonly Refusal[]): string {
  const lines = leaves.map(({ path }) => {
    const held = rows.filter(({ leaf }) => leaf === path);
    const changed = held.flatMap(({ becomes }) => becomes.map(objectOf));
    const refused = refusals.filter(({ field }) => field.replace(/^spec\.?/, "").replaceAll(/\[[0-9]+\]/g, "[]") === path).length;
    const tests = unique(held.map(({ test }) => test)).join("<br>");
    return `| \`${path}\` | ${unique(changed).join(", ")} | ${tests} | ${refused === 0 ? "" : String(refused)} |`;
  });
  return `### ${kind}\n\n| field | changes | tests | refused |\n|---|---|---|---|\n${lines.join("\n")}`;
}

/** Of `Deployment matching: spec.x`, `+ Role` or `- Service matching`, the kind, and of a policy its concern. */
function objectOf(difference: string): string {
  const object = difference.replace(/^[+-] /, "").split(":")[0] ?? "";
  return object
    .replace(/ matching-(?=\S)/, " ")
    .replace(/ matching\S*$/, "")
    .replace("Verdict", "whether it is refused");
}

function conditions(blocks: readonly TestBlock[]): string {
  const lines = STEP_CONDITIONS.map((type) => {
    const advisory = ADVISORY_CONDITIONS.has(type) ? "no" : "yes";
    return `| ${type} | ${advisory} | ${cited(type, blocks, namesCondition)} |`;
  });
  const shown = ["Ready", "Reconciling", "Stalled", "Suspended", "InUse"].map(
    (type) => `| ${type} | | ${cited(type, blocks, namesCondition)} |`,
  );
  return `| condition | counts in Ready | tests |\n|---|---|---|\n${[...lines, ...shown].join("\n")}`;
}

function reasons(blocks: readonly TestBlock[]): string {
  const lines = [...reasonsOf(SOURCES.flatMap((folder) => sourcesIn(ROOT, folder)))].map(
    ([reason, paths]) => `| ${reason} | ${paths.map((path) => `\`${path}\``).join(", ")} | ${cited(reason, blocks, saysReason)} |`,
  );
  return `| reason | given by | tests |\n|---|---|---|\n${lines.join("\n")}`;
}

function cited(word: string, blocks: readonly TestBlock[], holds: (block: TestBlock, word: string) => boolean): string {
  const found = unique(
    blocks.filter((block) => holds(block, word)).map(({ path, title }) => `\`${path}\`${title === undefined ? "" : `: ${escaped(title)}`}`),
  );
  if (found.length === 0) throw new Error(`no test holds a condition to ${word}: write one that sees it said`);
  // Not how many: the page would change with every test.
  const more = found.length > NAMED ? "<br>and others" : "";
  return `${found.slice(0, NAMED).join("<br>")}${more}`;
}

function layer({ path }: TestBlock): number {
  const index = LAYERS.findIndex((folder) => path.startsWith(folder));
  return index === -1 ? LAYERS.length : index;
}

function unique(items: readonly string[]): readonly string[] {
  return [...new Set(items)];
}

function escaped(title: string): string {
  return title.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}
