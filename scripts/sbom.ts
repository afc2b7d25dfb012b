import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { z } from "zod";

/** The bill of materials of what is shipped, as CycloneDX 1.5: npm's own, cut down to what is in the bundle, and the Node that runs it. */

const component = z.looseObject({ "bom-ref": z.string() });
const bom = z.looseObject({
  metadata: z.looseObject({ component: z.looseObject({ "bom-ref": z.string() }) }),
  components: z.array(component),
  dependencies: z.array(z.object({ ref: z.string(), dependsOn: z.array(z.string()).default([]) })),
});

export interface Shipped {
  /** The npm packages that the bundle holds, as `yaml@2.9.1`. */
  readonly packages: ReadonlySet<string>;
  /** Of Node, without a v. */
  readonly nodeVersion: string;
  /** Of the commit, RFC 3339. */
  readonly date: string;
}

/** The same text for the same sources. Throws where npm does not know a package of the bundle. */
export function sbomOf(npmBom: unknown, { packages, nodeVersion, date }: Shipped): string {
  const { serialNumber: _, ...known } = bom.parse(npmBom);
  const components = known.components.filter((one) => packages.has(one["bom-ref"]));
  const unknown = [...packages].filter((ref) => !components.some((one) => one["bom-ref"] === ref));
  if (unknown.length > 0) throw new Error(`npm sbom does not list ${unknown.join(", ")}, which the bundle holds`);
  const node = {
    "bom-ref": `node@${nodeVersion}`,
    type: "platform",
    name: "node",
    version: nodeVersion,
    purl: `pkg:generic/node@${nodeVersion}`,
    licenses: [{ license: { id: "MIT" } }],
  };
  const refs = new Set([...components.map((one) => one["bom-ref"]), known.metadata.component["bom-ref"]]);
  const content = {
    ...known,
    metadata: { ...known.metadata, timestamp: date },
    components: [...components, node],
    dependencies: known.dependencies
      .filter(({ ref }) => refs.has(ref))
      .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((one) => refs.has(one)) })),
  };
  const hash = createHash("sha256").update(JSON.stringify(content)).digest("hex");
  return `${JSON.stringify({ ...content, serialNumber: `urn:uuid:${uuid(hash)}` }, null, 2)}\n`;
}

/** What package-lock.json has. */
export function npmSbom(cwd: string): unknown {
  const { status, stdout, stderr } = spawnSync("npm", ["sbom", "--package-lock-only", "--sbom-format", "cyclonedx"], {
    cwd,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`npm sbom: ${stderr}`);
  return JSON.parse(stdout);
}

/** Of version 8 (RFC 9562), made of a hash. */
function uuid(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
