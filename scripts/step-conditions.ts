/** Every step owns one condition and every condition has one step; held by `npm run check`. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { STEP_CONDITIONS } from "../src/crds/conditions.ts";

/** SpecValid is the gate before the steps; every other condition is owned by exactly one file of the folder, and its step is run. */
export function stepProblems(folder: string): string[] {
  const run = readFileSync(join(folder, "steps.ts"), "utf8");
  const owners = new Map<string, string[]>();
  const problems: string[] = [];
  for (const file of readdirSync(folder)) {
    const text = readFileSync(join(folder, file), "utf8");
    if (!text.includes(": Step<") || file === "steps.ts") continue;
    const name = /export const (\w+): Step</.exec(text)?.[1] ?? file;
    const condition = /^ {2}condition: "([A-Za-z]+)",$/m.exec(text)?.[1];
    if (condition === undefined) problems.push(`${name} of ${file} has no condition`);
    else owners.set(condition, [...(owners.get(condition) ?? []), file]);
    if (!run.includes(`  ${name},`)) problems.push(`${name} of ${file} is not in STEPS`);
  }
  for (const condition of STEP_CONDITIONS) {
    const files = owners.get(condition) ?? [];
    if (files.length !== (condition === "SpecValid" ? 0 : 1)) problems.push(`${condition} is owned by ${files.join(", ") || "no step"}`);
  }
  for (const condition of owners.keys()) {
    if (!STEP_CONDITIONS.some((c) => c === condition)) problems.push(`${condition} is not in STEP_CONDITIONS`);
  }
  return problems;
}
