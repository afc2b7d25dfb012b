import { execFile } from "node:child_process";
import { appendFile, cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { ROOT } from "../../src/cli/keys.ts";
import { helmIn, NAMESPACE, valuesFile } from "../support/helm.ts";

/** `npm run release` in a clone of what is here, committed. */

const run = promisify(execFile);
const { version } = manifest;

/** Git does not see it. */
const IGNORED = "charts/platform-operator/left-over.log";

let dir: string;
let clone: string;
let out: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "release-test-"));
  clone = join(dir, "clone");
  out = join(dir, "out");
  await run("git", ["clone", "-q", "--depth", "1", `file://${ROOT}`, clone]);
  const { stdout } = await run("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], { cwd: ROOT });
  for (const file of stdout.split("\0").filter((one) => one !== "")) await cp(join(ROOT, file), join(clone, file));
  await symlink(join(ROOT, "node_modules"), join(clone, "node_modules"));
  await appendFile(join(clone, ".git/info/exclude"), "node_modules\n");
  await git("add", "-A");
  await git("commit", "-q", "--allow-empty", "-m", "as it is here");
  await writeFile(join(clone, IGNORED), "what somebody left there");
  await release("--out", out);
});

afterAll(async () => {
  await rm(dir, { recursive: true });
});

function git(...args: readonly string[]) {
  return run("git", ["-c", "user.name=test", "-c", "user.email=test@example.com", ...args], { cwd: clone });
}

function release(...args: readonly string[]) {
  return run(process.execPath, [join(clone, "scripts/release.ts"), ...args], { cwd: clone });
}

test("what is made is what its sums say, and nothing else", async () => {
  const { stdout } = await run("sha256sum", ["--check", "--strict", "SHA256SUMS"], { cwd: out });
  const checked = stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/: OK$/, ""));
  expect(checked).toEqual([
    "main.mjs",
    "main.mjs.LEGAL.txt",
    "main.mjs.map",
    `platform-operator-${version}.tgz`,
    `platform-operator-crds-${version}.tgz`,
    "sbom.cdx.json",
    `terraform-operator-${version}.tgz`,
  ]);
  expect((await readdir(out)).toSorted()).toEqual([...checked, "SHA256SUMS"].toSorted());
});

test("the operator runs from its one file", async () => {
  const { stdout } = await run(process.execPath, [join(out, "main.mjs"), "--help"], { cwd: dir });
  expect(stdout).toContain("--config");
});

test("the charts are what the commit holds of their folders", async () => {
  const { stdout } = await run("tar", ["-tzf", join(out, `platform-operator-${version}.tgz`)]);
  expect(stdout).toContain("platform-operator/values.yaml");
  expect(stdout).not.toContain("left-over.log");
  const helm = await helmIn(dir);
  const rendered = (chart: string): Promise<string> => helm("template", "x", chart, "-n", NAMESPACE, "-f", valuesFile("least"));
  expect(await rendered(join(out, `platform-operator-${version}.tgz`))).toBe(await rendered(join(ROOT, "charts/platform-operator")));
});

test("the bill of materials lists what the bundle holds and the Node that runs it, and nothing of the tests", async () => {
  const { components, specVersion } = JSON.parse(await readFile(join(out, "sbom.cdx.json"), "utf8"));
  const names: readonly string[] = components.map(({ name }: { readonly name: string }) => name);
  expect(specVersion).toBe("1.5");
  expect(components.filter((one: { readonly licenses?: readonly unknown[] }) => (one.licenses ?? []).length === 0)).toEqual([]);
  expect(names).toContain("node");
  const map: { readonly sources: readonly string[] } = JSON.parse(await readFile(join(out, "main.mjs.map"), "utf8"));
  const bundled = new Set(map.sources.flatMap((source) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source)?.[1] ?? []));
  expect(new Set(names.filter((name) => name !== "node"))).toEqual(bundled);
});

test("made again, the operator and its bill of materials are the same bytes", async () => {
  const again = join(dir, "again");
  await release("--out", again);
  for (const file of ["main.mjs", "sbom.cdx.json"]) {
    expect(await readFile(join(again, file), "utf8")).toBe(await readFile(join(out, file), "utf8"));
  }
});

test("it refuses a folder with something in it, what no commit holds, and charts of another version", async () => {
  await expect(release("--out", out)).rejects.toThrow("is not empty: name another folder by --out");
  await appendFile(join(clone, "README.md"), "\n");
  await expect(release("--out", join(dir, "third"))).rejects.toThrow(/there are changes that no commit holds[^]*README\.md/);
  await git("commit", "-qam", "changed");
  await run("sed", ["-i", "s/^version: .*/version: 9.9.9/", join(clone, "charts/platform-operator/Chart.yaml")]);
  await git("commit", "-qam", "another version");
  await expect(release("--out", join(dir, "third"))).rejects.toThrow(
    `version of charts/platform-operator/Chart.yaml is 9.9.9, and package.json says ${version}`,
  );
  await expect(release("--nonsense")).rejects.toMatchObject({ code: 2 });
});
