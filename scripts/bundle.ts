import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { z } from "zod";

const ROOT = join(import.meta.dirname, "..");
const manifest = z.object({ name: z.string(), version: z.string() });

/** Writes the operator as one file, and its source map beside it; resolves to the npm packages whose code is in it, as `yaml@2.9.1`. */
export async function bundle(outfile: string): Promise<ReadonlySet<string>> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ["src/main.ts"],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    sourcemap: true,
    metafile: true,
    // Some dependencies are CommonJS and ask for node's own modules by require.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: "info",
  });
  // Not metafile.inputs, which also has what was read and left out.
  const written = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
  const folders = new Set(written.flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? (packageFolder(file) ?? []) : [])));
  return new Set([...folders].map((folder) => nameAndVersion(folder)));
}

/** The folder of the package that a file is of; undefined for one of this project's own. */
function packageFolder(file: string): string | undefined {
  return /^.*(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
}

function nameAndVersion(folder: string): string {
  const { name, version } = manifest.parse(JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8")));
  return `${name}@${version}`;
}
