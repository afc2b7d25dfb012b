import { spawnSync } from "node:child_process";
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";

/** `npm run check` on generated files; walls.test.ts has the import walls and the steps' conditions. */

const PROJECT = join(import.meta.dirname, "../../..");
const GENERATED = ["config/crd", "config/schema", "config/iam", "charts", "terraform"];
const made: string[] = [];

afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true });
});

/** The committed generated files, in a folder that a test may change. */
function copy(): string {
  const root = mkdtempSync(join(tmpdir(), "generated-"));
  made.push(root);
  mkdirSync(join(root, "config"));
  for (const folder of GENERATED) cpSync(join(PROJECT, folder), join(root, folder), { recursive: true });
  return root;
}

function generate(...options: readonly string[]): { readonly status: number | null; readonly stderr: string } {
  return spawnSync(process.execPath, [join(PROJECT, "scripts/generate.ts"), ...options], { encoding: "utf8" });
}

test("generated files as committed are fresh", () => {
  expect(generate("--check", "--root", copy())).toMatchObject({ status: 0, stderr: "" });
});

test.each([
  "config/crd/platform-operator.dev_platformservices.yaml",
  "config/schema/platformtier.schema.json",
  "config/iam/operator-policy.json",
  "terraform/operator/policy.json.tftpl",
  "terraform/operator/policy-pod-identity.json.tftpl",
  "charts/platform-operator/templates/rbac.yaml",
  "charts/platform-operator-crds/templates/platformservices.yaml",
])("a stale %s fails the check, which names it and says what to do", (file) => {
  const root = copy();
  appendFileSync(join(root, file), "\n");
  expect(generate("--check", "--root", root)).toMatchObject({
    status: 1,
    stderr: `${file} is stale: run npm run generate and commit it\n`,
  });
});

test("a generated file that is missing fails the check, and is made again", () => {
  const root = copy();
  rmSync(join(root, "config/crd"), { recursive: true });
  expect(generate("--check", "--root", root).status).toBe(1);
  expect(generate("--root", root).status).toBe(0);
  expect(generate("--check", "--root", root).status).toBe(0);
  // Four processes.
}, 60_000);
