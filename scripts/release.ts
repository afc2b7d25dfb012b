/** `npm run release`: the files of a release of this commit. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { parse } from "yaml";
import { z } from "zod";
import { ensureHelm } from "../controlplane/helm.ts";
import manifest from "../package.json" with { type: "json" };
import { bundle } from "./bundle.ts";
import { commandLine, HELP_OPTION } from "./command-line.ts";
import { npmSbom, sbomOf } from "./sbom.ts";

const ROOT = join(import.meta.dirname, "..");
const CHARTS = ["platform-operator-crds", "platform-operator"];
const HELP = `Usage: npm run release [-- --out DIR]

Makes, of the commit that is checked out, what a platform team installs:

  main.mjs, main.mjs.map, main.mjs.LEGAL.txt  the operator, one file for Node ${manifest.devDependencies.node}, and whose code is in it
  platform-operator-VERSION.tgz               the Helm chart, and its CRDs' own (platform-operator-crds-VERSION.tgz)
  terraform-operator-VERSION.tgz              the Terraform module of the operator's IAM role
  sbom.cdx.json                               what main.mjs holds and what runs it (CycloneDX)
  SHA256SUMS                                  of all of them

The version is that of package.json, which both charts must name too. Nothing is pushed or tagged: the commands for that are printed.

  --out DIR   a folder that does not exist yet, or is empty; default dist/release
  --help      this text

Exit codes: 0 made, 1 not, 2 wrong usage.`;

async function main(folder: string): Promise<void> {
  const { version } = manifest;
  requireOneVersion(version);
  requireCommitted();
  const out = resolve(folder);
  if (existsSync(out) && readdirSync(out).length > 0) throw new Error(`${out} is not empty: name another folder by --out, or empty it`);
  mkdirSync(out, { recursive: true });

  const packages = await bundle(join(out, "main.mjs"));
  const date = run("git", "show", "-s", "--format=%cI", "HEAD").trim();
  writeFileSync(join(out, "sbom.cdx.json"), sbomOf(npmSbom(ROOT), { packages, nodeVersion: manifest.devDependencies.node, date }));
  const helm = await ensureHelm({ env: process.env, progress: process.stderr });
  packageCharts(helm, out);
  run(
    "git",
    "archive",
    "--format=tgz",
    "--prefix=operator/",
    "-o",
    join(out, `terraform-operator-${version}.tgz`),
    "HEAD:terraform/operator",
  );
  const files = readdirSync(out).toSorted();
  writeFileSync(join(out, "SHA256SUMS"), files.map((file) => `${sha256(join(out, file))}  ${file}\n`).join(""));

  console.log(`${version} of ${run("git", "rev-parse", "--short", "HEAD").trim()} is in ${out}:`);
  for (const file of [...files, "SHA256SUMS"]) console.log(`  ${file}`);
  console.log(`
Next:  docker build -t REGISTRY/platform-operator:${version} . && docker push REGISTRY/platform-operator:${version}
       helm push ${join(out, `platform-operator-${version}.tgz`)} oci://REGISTRY/charts    (and platform-operator-crds-${version}.tgz)
       git tag -s v${version} && git push origin v${version}`);
}

/** From the commit, since Helm packs whatever lies in a folder, what git ignores too. */
function packageCharts(helm: string, out: string): void {
  const folder = mkdtempSync(join(tmpdir(), "charts-"));
  try {
    const archive = join(folder, "charts.tar");
    run("git", "archive", "--format=tar", "-o", archive, "HEAD", "charts");
    run("tar", "-xf", archive, "-C", folder);
    for (const chart of CHARTS) run(helm, "package", join(folder, "charts", chart), "--destination", out);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A chart names the image of its appVersion, so a release is of one version everywhere. */
function requireOneVersion(version: string): void {
  const chart = z.object({ version: z.string(), appVersion: z.string().optional() });
  for (const name of CHARTS) {
    const file = `charts/${name}/Chart.yaml`;
    const found = chart.parse(parse(readFileSync(join(ROOT, file), "utf8")));
    for (const [member, value] of Object.entries(found)) {
      if (value !== version) throw new Error(`${member} of ${file} is ${value}, and package.json says ${version}: write the same in both`);
    }
  }
}

/** What is released is what a commit holds. */
function requireCommitted(): void {
  const changed = run("git", "status", "--porcelain").trim();
  if (changed !== "") throw new Error(`there are changes that no commit holds: commit or stash them\n${changed}`);
}

function run(program: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: ROOT, encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${error?.message ?? stderr}`);
  return stdout;
}

function sha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

const { values } = commandLine(HELP, () => parseArgs({ options: { ...HELP_OPTION, out: { type: "string", default: "dist/release" } } }));
try {
  await main(values.out);
} catch (error) {
  console.error(`release: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
