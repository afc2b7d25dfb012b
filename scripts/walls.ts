/** Who may import whom (architecture.md, Layout): the folders of src as walls, held by `npm run check`. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

interface Wall {
  /** Folders of src, or single files, that it may import. */
  readonly ours: readonly string[];
  /** Packages and node modules that it may import; undefined: any. */
  readonly packages: readonly string[] | undefined;
  /** May import these as types alone. */
  readonly typesOf?: readonly string[];
}

const WALLS: Readonly<Record<string, Wall>> = {
  crds: { ours: [], packages: ["zod"] },
  // The grammars of PromQL and YAML, which are as pure as they are.
  resources: { ours: ["crds"], packages: ["@lezer/common", "@prometheus-io/lezer-promql", "yaml"] },
  reconcilers: { ours: ["crds", "resources"], packages: ["node:crypto"], typesOf: ["telemetry"] },
  http: { ours: ["reconcilers/ports.ts"], packages: ["undici"] },
  aws: { ours: ["crds", "reconcilers/ports.ts", "http", "telemetry"], packages: undefined },
  kube: { ours: ["crds", "reconcilers/ports.ts", "http", "telemetry"], packages: undefined },
  prometheus: { ours: ["crds", "reconcilers/ports.ts"], packages: ["node:fs/promises", "node:tls", "undici", "zod"] },
  telemetry: { ours: ["crds"], packages: ["pino", "prom-client", "node:http", "node:net"] },
  // Equality of what was and what is.
  controllers: { ours: ["crds", "reconcilers", "kube", "telemetry"], packages: ["node:util"] },
};

/** SDKs and their one home. */
const HOMES: Readonly<Record<string, readonly string[]>> = {
  "@aws-sdk/": ["aws", "cli"],
  "@smithy/": ["aws"],
  "@kubernetes/": ["kube", "cli", "main.ts"],
};

export interface Breach {
  readonly file: string;
  readonly imports: string;
  readonly why: string;
}

/** Every import under `src` that a wall forbids. */
export function breaches(src: string): Breach[] {
  return sourceFiles(src).flatMap((file) => importsOf(file).flatMap((spec) => breach(src, file, spec) ?? []));
}

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
}

function breach(src: string, file: string, { specifier, typeOnly }: Import): Breach | undefined {
  const place = relative(src, file);
  const folder = place.split("/")[0] ?? "";
  const wall = WALLS[folder];
  const found = (why: string): Breach => ({ file: place, imports: specifier, why });
  if (!specifier.startsWith(".")) {
    const home = Object.entries(HOMES).find(([prefix]) => specifier.startsWith(prefix));
    if (home && !home[1].includes(folder)) return found(`only ${home[1].join(", ")} may import ${home[0]}*`);
    if (wall?.packages && !wall.packages.includes(specifier))
      return found(`${folder} may import ${wall.packages.join(", ") || "no package and nothing of node"}`);
    return undefined;
  }
  if (!wall) return undefined;
  const target = relative(src, resolve(dirname(file), specifier));
  const targetFolder = target.split("/")[0] ?? "";
  if (targetFolder === folder || wall.ours.includes(targetFolder) || wall.ours.includes(target)) return undefined;
  if (typeOnly && wall.typesOf?.includes(targetFolder) === true) return undefined;
  return found(`${folder} may import ${wall.ours.join(", ") || "nothing of ours"}`);
}

const IMPORT = /^(?:import|export)\s+(type\s)?[^"';]*?from\s+"([^"]+)"|^import\s+()"([^"]+)"|import\(()"([^"]+)"\)/gm;

function importsOf(file: string): Import[] {
  return [...readFileSync(file, "utf8").matchAll(IMPORT)].map((m) => ({
    typeOnly: m[1] !== undefined,
    specifier: m[2] ?? m[4] ?? m[6] ?? "",
  }));
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .map((name) => join(folder, name));
}
