import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build, type LogLevel, type Plugin } from "esbuild";
import { z } from "zod";

const ROOT = join(import.meta.dirname, "..");
const manifest = z.object({ name: z.string(), version: z.string() });

/** Files that do nothing when they are loaded, though their package does not say so: all of Kubernetes' API as classes, of which the operator needs the kubeconfig alone. */
const NO_SIDE_EFFECTS = "/node_modules/@kubernetes/client-node/dist/";

const withoutSideEffects: Plugin = {
  name: "without-side-effects",
  setup(bundling) {
    bundling.onResolve({ filter: /^\.|^@kubernetes\/client-node$/ }, async ({ path, pluginData, ...from }) => {
      if (pluginData === withoutSideEffects) return undefined;
      const resolved = await bundling.resolve(path, { ...from, pluginData: withoutSideEffects });
      return resolved.path.includes(NO_SIDE_EFFECTS) ? { ...resolved, sideEffects: false } : resolved;
    });
  },
};

/** Writes the operator as one file, and its source map beside it; resolves to the npm packages whose code is in it, as `yaml@2.9.1`. */
export async function bundle(outfile: string, logLevel: LogLevel = "info"): Promise<ReadonlySet<string>> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ["src/main.ts"],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    // ES modules first: of those what nobody uses is left out, as most of each AWS client.
    mainFields: ["module", "main"],
    sourcemap: true,
    metafile: true,
    plugins: [withoutSideEffects],
    // The file stays in memory for as long as the process lives, twice as large where a comment has a letter that is not of Latin-1. Names and lines stay, for stack traces.
    minifyWhitespace: true,
    lineLimit: 200,
    legalComments: "external",
    // Some dependencies are CommonJS and ask for node's own modules by require.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel,
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
