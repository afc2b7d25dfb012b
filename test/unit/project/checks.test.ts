import { spawnSync } from "node:child_process";
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";

/** `npm run check` on generated files; walls.test.ts has the import walls and the steps' conditions. */

const PROJECT = join(import.meta.dirname, "../../..");
const GENERATED = ["config/crd", "config/schema", "config/iam", "charts", "terraform", "docs"];
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

test("stale files fail the check, which names each and says what to do", () => {
  const files = [
    "config/crd/platform-operator.dev_platformservices.yaml",
    "config/iam/operator-policy.json",
    "terraform/operator/policy.json.tftpl",
    "terraform/operator/policy-pod-identity.json.tftpl",
    "config/schema/platformtier.schema.json",
    "charts/platform-operator-crds/templates/platformservices.yaml",
    "charts/platform-operator/templates/rbac.yaml",
    "docs/coverage.md",
  ];
  const root = copy();
  for (const file of files) appendFileSync(join(root, file), "\n");
  const { status, stderr } = generate("--check", "--root", root);
  expect({ status, lines: stderr.trimEnd().split("\n").toSorted() }).toEqual({
    status: 1,
    lines: files.map((file) => `${file} is stale: run npm run generate and commit it`).toSorted(),
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
